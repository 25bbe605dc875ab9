/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/checks.h"

#include "audit/check_functions.h"
#include "audit/isolation.h"
#include "base/array.h"

#include <strings.h>

/* The severity of a row is what a finding has unless the explanation says otherwise. */
const struct audit_check audit_checks[] = {
	{"P00", "the process can be read", SEVERITY_HIGH, false, false,
		"Every thread is read until two readings agree, since the kernel does not report "
		"all credentials atomically. It is a finding if a process keeps changing its "
		"credentials, so that no two of five readings agree. The last reading is checked "
		"nevertheless.",
		"Find out what the process does: strace -f -p PID. QEMU has no reason to change "
		"its credentials.",
		check_reading, NULL},
	{"P01", "no user id is 0", SEVERITY_CRITICAL, true, false,
		"The real, effective, saved and file system user id of every thread. If any "
		"of them is 0, the thread is root, or can become root again with one system "
		"call. Ids are those of the host, also for a process in a user namespace.",
		"Start it with virt-priv-exec, or set user in /etc/libvirt/qemu.conf, and "
		"restart the VM.",
		check_uid_zero, NULL},
	{"P02", "runs as the user of qemu.conf", SEVERITY_HIGH, true, true,
		"All four user ids of every thread are that of the user in qemu.conf, or, with the "
		"group id of the same number and no other group, one that is the VM's alone: "
		"virt-priv-run --isolate gives it one of isolate_ids in qemu.conf, libvirt that of "
		"a static label if no account has it.",
		"Set user in /etc/libvirt/qemu.conf, and restart the VM.", check_expected_user,
		NULL},
	{"P03", "no group id is 0", SEVERITY_HIGH, true, false,
		"The real, effective, saved and file system group id, and the supplementary "
		"groups of every thread. Group 0 can read and write what root shares with "
		"its own group.",
		"Set group in /etc/libvirt/qemu.conf; remove the user from group 0.",
		check_gid_zero, NULL},
	{"P04", "no group gives access to a sensitive object", SEVERITY_HIGH, true, false,
		"Groups that can read or write disks and other devices that give control of "
		"the host, password files, or the sockets of privileged daemons. Group kvm "
		"is not one of them. Objects owned by the user of the process or by its "
		"private group, and objects that virt-priv-chown has claimed for it, are "
		"excluded.",
		"Remove the user from the group (gpasswd -d USER GROUP), and restart the "
		"VM.",
		check_groups, NULL},
	{"P05", "the permitted and effective sets are empty", SEVERITY_CRITICAL, true, false,
		"A permitted capability can be made effective at any time, so both sets count.",
		"Start it with virt-priv-exec or virt-priv-run. If libvirt starts it, set another "
		"user than root in /etc/libvirt/qemu.conf: libvirt gives QEMU all capabilities "
		"of root, whatever clear_emulator_capabilities says.",
		check_permitted, NULL},
	{"P06", "the ambient set is empty", SEVERITY_HIGH, true, false,
		"Ambient capabilities are permitted and effective in every program that the "
		"process executes.",
		"Start it with virt-priv-exec; see AmbientCapabilities= of the unit that "
		"starts it.",
		check_ambient, NULL},
	{"P07", "the inheritable set is empty", SEVERITY_MEDIUM, true, false,
		"Inheritable capabilities become permitted when the process executes a file that "
		"has them in its inheritable set.",
		"Start it with virt-priv-exec.", check_inheritable, NULL},
	{"P08", "the bounding set is empty", SEVERITY_MEDIUM, true, false,
		"The bounding set limits the capabilities that set-user-ID programs and file "
		"capabilities grant. With no_new_privs they grant none, and the severity is low.",
		"Start it with virt-priv-exec; see CapabilityBoundingSet= of the unit that "
		"starts it.",
		check_bounding, NULL},
	{"P09", "no_new_privs is set", SEVERITY_MEDIUM, true, false,
		"Without no_new_privs, the process gains privileges when it executes a "
		"set-user-ID program or one with file capabilities.",
		"Start it with virt-priv-exec, or set NoNewPrivileges=yes in the unit.",
		check_no_new_privs, NULL},
	{"P10", "a seccomp filter is active", SEVERITY_LOW, true, false,
		"A seccomp filter blocks system calls that QEMU does not need. The severity is "
		"medium for a process of libvirt, which sets one by default.",
		"Add -sandbox on to QEMU's command line; see seccomp_sandbox in qemu.conf.",
		check_seccomp, NULL},
	{"P11", "all threads have the same credentials", SEVERITY_HIGH, true, false,
		"Threads share memory: each of them has the privileges of all. Linux keeps "
		"ids and capabilities per thread.",
		"Drop privileges before the first thread starts, as virt-priv-exec does.",
		check_threads_equal, NULL},
	{"P12", "SELinux or AppArmor confines it", SEVERITY_HIGH, false, false,
		"Where SELinux or AppArmor is enforcing, the label of the process must not "
		"be an unconfined one.",
		"See security_driver in /etc/libvirt/qemu.conf; run it in its own domain or "
		"with its own profile.",
		check_label, NULL},
	{"P13", "no sensitive object is open", SEVERITY_CRITICAL, false, false,
		"An open file descriptor grants access whatever the user of the process is: to "
		"disks of the host, /dev/mem and the like, files below /etc, /usr, /boot and /root "
		"that the user could not have opened this way, and memory of other processes. "
		"Objects owned by the user of the process, and those that virt-priv-chown has "
		"claimed for it, are excluded. The command line is ignored, since a process can "
		"rewrite its own.",
		"Start it with virt-priv-exec, which closes all other descriptors; claim "
		"disks with virt-priv-chown.",
		check_descriptors, NULL},
	{"P14", "the executable gives no privileges", SEVERITY_HIGH, false, false,
		"The executable is neither set-user-ID nor set-group-ID and has no file "
		"capabilities. The four user ids of a thread are the same, and so are its "
		"group ids: a process can change to a saved id that differs.",
		"Remove the mode bits and capabilities: chmod ug-s FILE; setcap -r FILE.",
		check_gain, NULL},
	{"P15", "only root can write to the executable", SEVERITY_HIGH, false, false,
		"A user who can write to the executable, or to one of its parent directories, "
		"controls the program of the next VM. If the executable was deleted, the process "
		"still runs the version from before an update.",
		"Install QEMU from a package; restart the VM after an update; chmod go-w "
		"DIRECTORY, or setfacl -x ENTRY DIRECTORY.",
		check_executable, NULL},
	{"P16", "no process traces it", SEVERITY_HIGH, true, false,
		"A tracer reads and writes all memory of the process, and of the guest.",
		"Terminate the tracer, unless it is intended.", check_traced, NULL},
	{"P17", "runs in the auditor's user namespace", SEVERITY_INFO, false, false,
		"Within its own user namespace a process can have ids and capabilities that "
		"count only there. All ids here are those of the host; capabilities are the "
		"process's own.",
		"None, if this is intended.", check_user_namespace, NULL},
	{"P18", "the securebits preserve no capability", SEVERITY_MEDIUM, true, false,
		"KEEP_CAPS and NO_SETUID_FIXUP preserve capabilities when the user changes "
		"from root to another. /proc does not show the securebits; without any "
		"permitted capability, and with no_new_privs, there is nothing to preserve.",
		"Start it with virt-priv-exec, which sets and locks them.", check_securebits, NULL},
	{"P19", "core dumps contain no guest memory", SEVERITY_LOW, false, false,
		"A core dump is written if RLIMIT_CORE is not 0, or if "
		"/proc/sys/kernel/core_pattern pipes it into a program, which the limit does not "
		"prevent. It contains the whole memory of the guest, unless QEMU has excluded "
		"that (dump-guest-core=off, as libvirt starts it by default), which the kernel "
		"shows in /proc/PID/smaps.",
		"Give QEMU -machine dump-guest-core=off; under libvirt, set dump_guest_core = 0 in "
		"/etc/libvirt/qemu.conf, and no dumpCore='on' in the domain. Or set max_core = 0.",
		check_core_dumps, NULL},
	{"P20", "a cgroup restricts its devices", SEVERITY_LOW, false, false,
		"The device controller of cgroups restricts which device nodes a process can open, "
		"whatever their mode. The severity is medium for a process of libvirt, which "
		"restricts them by default.",
		"See cgroup_controllers and cgroup_device_acl in qemu.conf; DevicePolicy= "
		"of the unit.",
		check_device_cgroup, NULL},
	{"P21", "no other VM has its user id", SEVERITY_HIGH, true, false,
		"VMs whose processes have a user id in common are not isolated from each "
		"other: code in one of them can open the disks of the other and connect to its "
		"monitor, and trace it where neither Yama nor virt-priv-run forbids that. The "
		"severity is high if the id is one of isolate_ids in qemu.conf, or if this host "
		"isolates VMs: one has such an id, or keeps one. It is low elsewhere, and for "
		"processes of libvirt: libvirt, and virt-priv-run with neither --isolate=user nor "
		"full, run all VMs as one account. With --pid only the given processes are "
		"compared.",
		"Start it with virt-priv-run --isolate=full. If libvirt starts it, add this to the "
		"domain, with one number for both that nothing else has: " ISOLATION_STATIC_LABEL
		"; of 71 attempts to reach something outside, 46 succeed in it, and 57 in a domain "
		"as libvirt ships it (ISOLATION in virt-privileges(7)). Two VMs with one of "
		"isolate_ids: stop both, and run virt-priv-chown recover.",
		check_other_vms, NULL},
	{"P22", "its root directory is not that of the host", SEVERITY_LOW, false, false,
		"A process whose root directory is that of process 1 (by device and inode) can "
		"open every file of the host that its user and the modes allow: what is readable "
		"by everybody, sockets of services, /tmp and /run. What is mounted in a root "
		"directory of its own is not examined.",
		"Start it with virt-priv-run --isolate=full. libvirt has no setting for it.",
		check_root_directory, NULL},
	{"P23", "its network and ipc namespaces are not those of the host", SEVERITY_LOW, false,
		false,
		"In the network namespace of process 1 it reaches local services, also those that "
		"listen on 127.0.0.1 or on an abstract socket. User networking, and what listens "
		"or connects over TCP, need that; a tap interface does not. The severity is info "
		"if the VM has an id of isolate_ids and a root directory of its own. In the ipc "
		"namespace of process 1 it reaches shared memory, semaphores and message queues.",
		"Start it with virt-priv-run --isolate=full, and with a tap interface or "
		"-netdev passt in place of user networking.",
		check_namespaces, NULL},
	{"P24", "all layers of its isolation can be verified", SEVERITY_LOW, true, false,
		"How many seccomp filters are active: virt-priv-run adds one to that of -sandbox "
		"on, unless --isolate=none is given. Whether Landlock restricts a process cannot "
		"be seen from outside, so that this is unknown for a VM with an id of "
		"isolate_ids; virt-priv-run itself has verified it before it executed QEMU. It is "
		"not applicable to other VMs.",
		"None; with --strict, use --exclude P24 on hosts with isolated VMs.", check_layers,
		NULL},
	{"H01", "/dev/kvm is accessible to all users", SEVERITY_MEDIUM, false, false,
		"By the policy of this package, /dev/kvm is the character device 10:232, owned by "
		"root and group kvm, with mode 0666 and without an ACL. The severity is critical "
		"if it is another kind of file.",
		"udevadm trigger -c add -s misc -y kvm", NULL, check_kvm_device},
	{"H02", "KVM works for the QEMU user", SEVERITY_MEDIUM, false, false,
		"As that user and without any capability: open /dev/kvm, check the API "
		"version, create a virtual machine and a vCPU, set a page of guest memory, "
		"and run one instruction (hlt, in real mode). A vCPU that does not return "
		"in time is unknown.",
		"Load the module (modprobe kvm_intel or kvm_amd); enable virtualization in "
		"the firmware; for /dev/kvm itself see H01.",
		NULL, check_kvm_use},
	{"H03", "the QEMU account is unprivileged", SEVERITY_HIGH, false, false,
		"The user and the group of qemu.conf exist, neither of them is 0, nobody "
		"can log in as the user, and it is a member of no groups but its own, qemu "
		"and kvm.",
		"usermod -s /sbin/nologin -G kvm USER; systemd-sysusers creates a missing "
		"account.",
		NULL, check_account},
	{"H04", "running processes match qemu.conf", SEVERITY_MEDIUM, false, false,
		"Only root can write the settings, and they do not make QEMU run as root "
		"(else the severity is high; QEMU that libvirt starts then has all capabilities, "
		"whatever clear_emulator_capabilities says), libvirt does not use another "
		"account that was compiled in, and no process was started before the last change "
		"of the file (low if it runs as the user that the file names now).",
		"Edit /etc/libvirt/qemu.conf, restart libvirt's daemon, and restart the VM.", NULL,
		check_settings},
	{"H05", "the audit sees all processes", SEVERITY_MEDIUM, false, false,
		"The auditor is in the initial pid and user namespaces, has every "
		"capability that it needs, and no process is hidden from it (hidepid of "
		"proc). Otherwise the exit status is 2.",
		"Run virt-priv-audit as root on the host itself.", NULL, check_sight},
	{"H06", "nothing else has the ids of isolated VMs", SEVERITY_MEDIUM, false, false,
		"The range isolate_ids in qemu.conf has no id of an account or a group, and none "
		"of "
		"another line of /etc/subuid or /etc/subgid: such ids are not given to VMs. On a "
		"host that isolates VMs, the range is reserved "
		"in both files. No "
		"account "
		"is called virt-privileges, the name that reserves the range there. No file in "
		"/tmp, /var/tmp, /dev/shm or /var/lib/libvirt/images belongs to an id that no VM "
		"has now: the next VM with that id would own it. The severity is low on a host "
		"that isolates no VM, and high if an account has the id of a running VM. Ranges "
		"of name services, and files elsewhere, are not examined.",
		"Choose another range (isolate_ids in /etc/libvirt/qemu.conf), and reserve it "
		"(virt-priv-conf reserve-ids); or remove the line, account or file that the "
		"finding "
		"names.",
		NULL, check_isolate_ids},
	{"H07", "the QEMU account is the one of sysusers.d", SEVERITY_MEDIUM, false, false,
		"The primary group of user qemu is group qemu, and it is a member of group kvm "
		"(low), as sysusers.d of this package and of Fedora's QEMU declares it. Where rpm "
		"calls its own sysusers.sh in place of systemd-sysusers, and the line that makes "
		"qemu a member of kvm came first, the account was created with primary group kvm, "
		"any free uid and no comment: its disks on shared storage then belong to "
		"nobody on other hosts, or to somebody else. It is not applicable if qemu.conf "
		"names another user, or if the account is not one of /etc/passwd.",
		"Stop the VMs, and run the command of the finding; usermod refuses to change the "
		"uid of a user that runs processes. Repeat its find for other file systems that "
		"have files of the old uid, and restart libvirt's daemon.",
		NULL, check_declared_account},
	{"H08", "no claim is abandoned", SEVERITY_MEDIUM, false, false,
		"A claim of virt-priv-run or virt-priv-chown whose process has ended, or that is "
		"of an earlier boot, keeps the VM's files with the QEMU user, and from other VMs. "
		"It is unknown if a journal in /var/lib/virt-privileges/claims cannot be read. A "
		"claim without a process is held until it is released.",
		"virt-priv-chown recover; virt-priv-chown status lists all claims.", NULL,
		check_claims},
};
const size_t n_audit_checks = N_ELEMENTS(audit_checks);

const struct audit_check *audit_check_find(const char *id)
{
	for (size_t i = 0; i < n_audit_checks; i++)
		if (strcasecmp(audit_checks[i].id, id) == 0)
			return &audit_checks[i];
	return NULL;
}

void audit_check_run(
	struct audit *audit, const struct audit_check *check, const struct audit_process *process)
{
	if (process ? !check->process : !check->host)
		return;
	audit->check = check;
	audit->process = process;
	audit->has_spoken = false;
	if (process && check->is_of_qemu && process->found_by == FOUND_BY_KVM)
		audit_not_applicable(audit, "it is not QEMU");
	else if (process && check->needs_threads && process->n_threads == 0)
		audit_unknown(audit, "no thread could be read; see P00");
	else if (process)
		check->process(audit, process);
	else
		check->host(audit);
	if (!audit->has_spoken)
		audit_pass(audit);
	audit->process = NULL;
}
