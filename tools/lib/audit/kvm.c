/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of /dev/kvm: what it is, and whether the QEMU user can run a machine with it. */
#include "audit/check_functions.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "launch/creds.h"
#include "path/posix_acl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define KVM_DEVICE "/dev/kvm"
/* One instruction takes microseconds; a processor that needs longer runs nothing. */
#define KVM_TIMEOUT_MS 5000

void check_kvm_device(struct audit *audit)
{
	struct stat st;

	if (!tree_stat(&audit->tree, KVM_DEVICE, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT || errno == ENOTDIR)
			audit_not_applicable(audit, KVM_DEVICE " does not exist");
		else
			audit_unreadable(audit, errno, "cannot examine " KVM_DEVICE);
		return;
	}
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(10, 232)) {
		audit_fail_as(audit, SEVERITY_CRITICAL, NO_CLASS,
			KVM_DEVICE " is not the character device 10:232, but %s",
			S_ISCHR(st.st_mode)   ? "another one"
			: S_ISREG(st.st_mode) ? "a regular file"
			: S_ISLNK(st.st_mode) ? "a symbolic link"
					      : "something else");
		return;
	}
	gid_t kvm;
	int has_kvm = tree_find_group(&audit->tree, "kvm", &kvm);
	if (has_kvm < 0)
		audit_unknown(audit, "cannot look up group kvm in the account database");
	if (st.st_uid != 0 || has_kvm == 0 || (has_kvm == 1 && st.st_gid != kvm)) {
		cleanup_free char *group = tree_group_name(&audit->tree, st.st_gid);
		cleanup_free char *user = tree_user_name(&audit->tree, st.st_uid);
		audit_fail(audit, NO_CLASS,
			KVM_DEVICE " is owned by user %s and group %s, not root and kvm", user,
			group);
	}
	if ((st.st_mode & 07777) != 0666)
		audit_fail(
			audit, NO_CLASS, KVM_DEVICE " has mode %04o, not 0666", st.st_mode & 07777);
	if (!audit->tree.root && getxattr(KVM_DEVICE, POSIX_ACL_ACCESS, NULL, 0) > 0)
		audit_fail_as(audit, SEVERITY_LOW, NO_CLASS,
			KVM_DEVICE " has an ACL, which mode 0666 does not need; remove it: setfacl "
				   "-b " KVM_DEVICE);
}

/* How far it came, and why no further. */
struct kvm_result {
	char step[48];
	int number; /* of errno; 0: see value */
	int value;
	bool has_run;
};

static void set_step(struct kvm_result *result, const char *step)
{
	strncpy(result->step, step, sizeof result->step - 1);
	result->step[sizeof result->step - 1] = '\0';
	errno = 0;
}

#ifdef __x86_64__
/* hlt, at the start of the page, in real mode: the state after a reset, but for the place. */
static bool set_processor(int vcpu, struct kvm_result *result)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = 0, .rflags = 2};

	set_step(result, "set the vCPU registers (KVM_SET_REGS)");
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.cs.base = 0x1000;
	sregs.cs.selector = 0x100;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(vcpu, KVM_SET_REGS, &regs) == 0;
}

/* Intel's real mode needs three pages of the guest's address space
 * (Documentation/virt/kvm/api.rst). */
static bool set_machine(int vm, struct kvm_result *result)
{
	set_step(result, "set the TSS address (KVM_SET_TSS_ADDR)");
	return ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL) == 0;
}

static bool run_instruction(int kvm, int vcpu, struct kvm_result *result)
{
	set_step(result, "map the vCPU state (mmap)");
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run)) {
		errno = size < 0 ? errno : EINVAL;
		return false;
	}
	volatile struct kvm_run *run =
		mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED || !set_processor(vcpu, result))
		return false;
	set_step(result, "run the vCPU (KVM_RUN)");
	if (ioctl(vcpu, KVM_RUN, 0) < 0)
		return false;
	result->value = (int)run->exit_reason;
	result->has_run = run->exit_reason == KVM_EXIT_HLT;
	return result->has_run;
}
#else
static bool set_machine(int vm, struct kvm_result *result)
{
	(void)vm;
	(void)result;
	return true;
}

static bool run_instruction(int kvm, int vcpu, struct kvm_result *result)
{
	(void)kvm;
	(void)vcpu;
	set_step(result, "");
	return true;
}
#endif

static bool map_page(int vm, struct kvm_result *result)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	set_step(result, "set guest memory (KVM_SET_USER_MEMORY_REGION)");
	unsigned char *page =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	page[0] = 0xf4;
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = size < 0x1000 ? 0x1000 : size,
		.memory_size = size,
		.userspace_addr = (uintptr_t)page,
	};
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

/* Leaves errno 0 where the answer was given, and was not the wanted one. */
static bool use_kvm(struct kvm_result *result)
{
	set_step(result, "open " KVM_DEVICE);
	int kvm = open(KVM_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (kvm < 0)
		return false;
	set_step(result, "query the API version (KVM_GET_API_VERSION)");
	result->value = ioctl(kvm, KVM_GET_API_VERSION, 0);
	if (result->value != KVM_API_VERSION)
		return false;
	set_step(result, "create a VM (KVM_CREATE_VM)");
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || !set_machine(vm, result) || !map_page(vm, result))
		return false;
	set_step(result, "create a vCPU (KVM_CREATE_VCPU)");
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	return vcpu >= 0 && run_instruction(kvm, vcpu, result);
}

/* Everything that the processor's creation begins shows before the step is done. */
static _Noreturn void child(const struct audit *audit, int out, struct kvm_result *shared)
{
	/* Without the audit, and if it is killed, nobody waits for the answer. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_step(shared, "change to that user");
	if (geteuid() == 0) {
		const struct identity user = {.uid = audit->user.uid,
			.gid = audit->group,
			.groups = audit->user.groups,
			.n_groups = audit->user.n_groups};
		creds_drop(&(struct creds){.identity = &user});
	} else {
		creds_drop_unprivileged(false);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bool good = use_kvm(shared);
	shared->number = good ? 0 : errno;
	_exit(write(out, &good, sizeof good) == sizeof good ? 0 : 1);
}

/* What came of the trial. */
enum answer {
	ANSWER_WORKS,
	ANSWER_FAILS,
	ANSWER_LATE,
	ANSWER_NONE,	  /* the child could not do its part */
	ANSWER_NOT_ASKED, /* errno says why */
};

/* Waits for what the child writes, and for its end. */
static enum answer await(pid_t pid, int in)
{
	bool good = false;
	int status;
	struct pollfd poll_in = {.fd = in, .events = POLLIN};
	int ready = IO_RETRY(poll(&poll_in, 1, KVM_TIMEOUT_MS));
	bool told = ready > 0 && read(in, &good, sizeof good) == sizeof good;
	/* Also where it has told: as the QEMU user's process, it may be stopped by others of his.
	 */
	kill(pid, SIGKILL);
	/* One that hangs in the kernel may outlast SIGKILL; init will wait for it. */
	for (int i = 0; waitpid(pid, &status, WNOHANG) == 0 && i < 100; i++)
		usleep(10000);
	if (ready == 0)
		return ANSWER_LATE;
	if (!told)
		return ANSWER_NONE;
	return good ? ANSWER_WORKS : ANSWER_FAILS;
}

static enum answer ask_child(const struct audit *audit, struct kvm_result *shared)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ANSWER_NOT_ASKED;
	fflush(NULL);
	pid_t pid = fork();
	int number = errno;
	if (pid == 0) {
		close(ends[0]);
		child(audit, ends[1], shared);
	}
	close(ends[1]);
	enum answer answer = pid < 0 ? ANSWER_NOT_ASKED : await(pid, ends[0]);
	close(ends[0]);
	errno = number;
	return answer;
}

static void say_failed(struct audit *audit, const struct kvm_result *result, const char *user)
{
	if (result->number)
		audit_fail(audit, NO_CLASS, "user %s cannot %s: %s", user, result->step,
			strerror(result->number));
	else
		audit_fail(audit, NO_CLASS, "user %s cannot %s: result %d", user, result->step,
			result->value);
}

static void judge_answer(
	struct audit *audit, enum answer answer, const struct kvm_result *result, const char *user)
{
	switch (answer) {
	case ANSWER_WORKS:
		if (!result->has_run)
			audit_unknown(audit,
				"running guest code is not implemented for this architecture");
		break;
	case ANSWER_FAILS:
		say_failed(audit, result, user);
		break;
	case ANSWER_LATE:
		audit_unknown(audit, "user %s: no answer within %d s: %s", user,
			KVM_TIMEOUT_MS / 1000, result->step);
		break;
	case ANSWER_NONE:
		audit_unknown(audit, "the test as user %s ended early: %s", user, result->step);
		break;
	case ANSWER_NOT_ASKED:
		audit_blind(audit, "cannot start a process to test " KVM_DEVICE ": %s",
			strerror(errno));
		break;
	}
}

void check_kvm_use(struct audit *audit)
{
	const char *user = audit->settings.user.value;
	struct stat st;

	if (audit->tree.root) {
		audit_not_applicable(audit, "not tested with --root");
		return;
	}
	if (stat(KVM_DEVICE, &st) < 0 && errno == ENOENT) {
		audit_fail(audit, NO_CLASS, "user %s cannot open " KVM_DEVICE ": %s", user,
			strerror(ENOENT));
		return;
	}
	if (audit->has_user != 1 || audit->has_group != 1) {
		audit_unknown(audit, "no account to test with; see H03");
		return;
	}
	if (geteuid() != 0 && geteuid() != audit->user.uid) {
		audit_blind(
			audit, "only root can test as user %s; run virt-priv-audit as root", user);
		return;
	}
	/* Shared, so that a processor that hangs shows how far it came. */
	struct kvm_result *result = mmap(
		NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED) {
		audit_blind(audit, "cannot map memory to test " KVM_DEVICE ": %s", strerror(errno));
		return;
	}
	tree_find_groups(&audit->tree, &audit->user);
	judge_answer(audit, ask_child(audit, result), result, user);
	munmap(result, sizeof *result);
}
