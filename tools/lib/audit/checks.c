/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/checks.h"

#include "audit/check_functions.h"

#include <strings.h>

/* The severity of a row is what a finding has unless the explanation says otherwise. */
const struct audit_check audit_checks[] = {
	{"P00", "the process can be read", SEVERITY_HIGH, false, false,
		"Every thread is read until two readings agree, since the kernel shows credentials "
		"piece by piece. A process that changes its credentials all the time, so that five "
		"readings did not agree, is a finding. The last reading is judged all the same.",
		"Look what the process does: strace -f -p PID. QEMU has no reason to do that.",
		check_reading, NULL},
	{"P01", "no user id is 0", SEVERITY_CRITICAL, true, false,
		"The real, effective, saved and file system user id of every thread. With any of "
		"them 0, the thread is root, or can be again with one system call. Ids are the "
		"host's, also of a process in a user namespace.",
		"Start it with virt-priv-exec, or set user in /etc/libvirt/qemu.conf, and restart "
		"the VM.",
		check_uid_zero, NULL},
	{"P02", "runs as the user of qemu.conf", SEVERITY_HIGH, true, true,
		"All four user ids of every thread are that of the user in qemu.conf.",
		"Set user in /etc/libvirt/qemu.conf to what is meant, and restart the VM.",
		check_expected_user, NULL},
	{"P03", "no group id is 0", SEVERITY_HIGH, true, false,
		"The real, effective, saved and file system group id, and the supplementary groups "
		"of every thread. Group 0 can read and write what root shares with its own group.",
		"Set group in /etc/libvirt/qemu.conf; take the user out of group 0.",
		check_gid_zero, NULL},
	{"P04", "no group reaches a sensitive object", SEVERITY_HIGH, true, false,
		"Groups that may read or write disks and other devices from which the host can be "
		"taken over, the files of passwords, or the sockets of daemons that do what root "
		"can. Group kvm is none of them. What the process's own user or its private "
		"group owns, and what virt-priv-chown has handed to it, is excepted.",
		"Take the user out of the group (gpasswd -d USER GROUP), and restart the VM.",
		check_groups, NULL},
	{"P05", "no capability is permitted or effective", SEVERITY_CRITICAL, true, false,
		"A permitted capability can be made effective at any time, so that both sets "
		"count.",
		"Start it with virt-priv-exec. Under libvirt with user root, see "
		"clear_emulator_capabilities in /etc/libvirt/qemu.conf.",
		check_permitted, NULL},
	{"P06", "no capability is ambient", SEVERITY_HIGH, true, false,
		"Ambient capabilities are permitted and effective in every program that the "
		"process "
		"executes.",
		"Start it with virt-priv-exec; see AmbientCapabilities= of a unit that starts it.",
		check_ambient, NULL},
	{"P07", "no capability is inheritable", SEVERITY_MEDIUM, true, false,
		"Inheritable capabilities become permitted in programs whose file has them "
		"inheritable too.",
		"Start it with virt-priv-exec.", check_inheritable, NULL},
	{"P08", "the bounding set is empty", SEVERITY_MEDIUM, true, false,
		"The bounding set limits what set-user-id programs and file capabilities can give. "
		"With no_new_privs they can give nothing, and the severity is low.",
		"Start it with virt-priv-exec; see CapabilityBoundingSet= of a unit that starts "
		"it.",
		check_bounding, NULL},
	{"P09", "no_new_privs is set", SEVERITY_MEDIUM, true, false,
		"Without it, a set-user-id program or one with file capabilities that the process "
		"executes gets their privileges.",
		"Start it with virt-priv-exec, or set NoNewPrivileges=yes in the unit.",
		check_no_new_privs, NULL},
	{"P10", "a seccomp filter is in force", SEVERITY_LOW, true, false,
		"A filter takes system calls away that a virtual machine has no use for. Medium "
		"for "
		"a process of libvirt, which sets one by default.",
		"Add -sandbox on to QEMU's command line; see seccomp_sandbox in qemu.conf.",
		check_seccomp, NULL},
	{"P11", "all threads have the same credentials", SEVERITY_HIGH, true, false,
		"Threads share memory: each of them has the privileges of all. Linux keeps ids and "
		"capabilities per thread.",
		"Drop privileges before the first thread starts, as virt-priv-exec does.",
		check_threads_equal, NULL},
	{"P12", "a security module confines it", SEVERITY_HIGH, false, false,
		"Where SELinux or AppArmor is enforcing, the label of the process must not be an "
		"unconfined one.",
		"See security_driver in /etc/libvirt/qemu.conf; run it in a domain, or with a "
		"profile, of its own.",
		check_label, NULL},
	{"P13", "no sensitive object is open", SEVERITY_CRITICAL, false, false,
		"An open descriptor is a right that no change of user takes away: disks of the "
		"host, "
		"/dev/mem and the like, files below /etc, /usr, /boot and /root that the user "
		"could "
		"not have opened so, memory of other processes. Excepted are objects of the "
		"process's own user, and those that virt-priv-chown has handed to it. What the "
		"command line says of a descriptor does not count: a process can rewrite its own.",
		"Start it with virt-priv-exec, which closes what is not to be kept; hand a disk "
		"over "
		"with virt-priv-chown.",
		check_descriptors, NULL},
	{"P14", "nothing in the program gives privileges", SEVERITY_HIGH, false, false,
		"The executable has neither a set-id bit nor file capabilities, and the four user "
		"ids of a thread are the same, as are its group ids: a saved id that differs can "
		"be "
		"taken on again.",
		"Remove them: chmod ug-s FILE; setcap -r FILE.", check_gain, NULL},
	{"P15", "the executable is root's", SEVERITY_HIGH, false, false,
		"Who can write to the executable, or to a directory on the way to it, decides what "
		"the next virtual machine runs. One that was deleted is not what is installed now: "
		"an update has not reached this process.",
		"Install QEMU from a package; restart the VM after an update; chmod go-w "
		"DIRECTORY, or "
		"setfacl -x ENTRY DIRECTORY.",
		check_executable, NULL},
	{"P16", "nobody traces it", SEVERITY_HIGH, true, false,
		"A tracer reads and writes all memory of the process, and of the guest.",
		"End the tracer, if it is not meant to be.", check_traced, NULL},
	{"P17", "it is in the auditor's user namespace", SEVERITY_INFO, false, false,
		"Within a user namespace of its own a process can have ids and capabilities that "
		"count only there. All ids here are the host's; capabilities are the process's "
		"own.",
		"None is needed, if that is meant.", check_user_namespace, NULL},
	{"P18", "the securebits keep no capability", SEVERITY_MEDIUM, true, false,
		"KEEP_CAPS and NO_SETUID_FIXUP let capabilities outlast the change from root to "
		"another user. /proc does not show them; without any permitted capability, and "
		"with "
		"no_new_privs, there is nothing that they could keep.",
		"Start it with virt-priv-exec, which sets and locks them.", check_securebits, NULL},
	{"P19", "it leaves no core dump", SEVERITY_LOW, false, false,
		"A core dump can hold the whole memory of the guest. It is written if the limit on "
		"core files is not 0, or if /proc/sys/kernel/core_pattern pipes it into a program, "
		"which the limit does not stop.",
		"Set max_core = 0 in /etc/libvirt/qemu.conf; give QEMU dump-guest-core=off.",
		check_core_dumps, NULL},
	{"P20", "a cgroup restricts its devices", SEVERITY_LOW, false, false,
		"The device controller decides which device nodes a process can open, whatever "
		"their mode. Medium for a process of libvirt, which restricts them by default.",
		"See cgroup_controllers and cgroup_device_acl in qemu.conf; DevicePolicy= of a "
		"unit.",
		check_device_cgroup, NULL},
	{"H01", "/dev/kvm is open to everybody", SEVERITY_MEDIUM, false, false,
		"The character device 10:232, of root and group kvm, mode 0666, without an ACL: "
		"that "
		"is the policy of this package. A device of another kind in its place is of "
		"severity "
		"critical.",
		"udevadm trigger -c add -s misc -y kvm", NULL, check_kvm_device},
	{"H02", "KVM works for the QEMU user", SEVERITY_MEDIUM, false, false,
		"As that user and without any capability: open /dev/kvm, check the version, create "
		"a "
		"virtual machine and a processor, give it a page of memory, and run one "
		"instruction "
		"(hlt, in real mode). A processor that does not come back in time is unknown.",
		"Load the module (modprobe kvm_intel or kvm_amd); enable virtualization in the "
		"firmware; for /dev/kvm itself see H01.",
		NULL, check_kvm_use},
	{"H03", "the account of QEMU has no power of its own", SEVERITY_HIGH, false, false,
		"The user and the group of qemu.conf exist, neither of them is 0, nobody can log "
		"in "
		"as the user, and it is in no groups but its own, qemu and kvm.",
		"usermod -s /sbin/nologin -G kvm USER; systemd-sysusers makes a missing account.",
		NULL, check_account},
	{"H04", "qemu.conf is what runs", SEVERITY_MEDIUM, false, false,
		"Nobody but root can write the settings, and they do not ask for root (else the "
		"severity is high), libvirt does not go by "
		"another account that was compiled into it, and no process is older than the last "
		"change of the file (low where its user is the one that the file names now).",
		"Edit /etc/libvirt/qemu.conf, restart libvirt's daemon, and restart the VM.", NULL,
		check_settings},
	{"H05", "the audit sees everything", SEVERITY_MEDIUM, false, false,
		"The auditor is in the initial pid and user namespaces, has every capability that "
		"it "
		"needs, and no process is hidden from it (hidepid of proc). Where that is not so, "
		"the "
		"exit status is 2.",
		"Run virt-priv-audit as root on the host itself.", NULL, check_sight},
};
const size_t n_audit_checks = sizeof audit_checks / sizeof *audit_checks;

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
		audit_unknown(audit, "no thread could be read, see P00");
	else if (process)
		check->process(audit, process);
	else
		check->host(audit);
	if (!audit->has_spoken)
		audit_pass(audit);
	audit->process = NULL;
}
