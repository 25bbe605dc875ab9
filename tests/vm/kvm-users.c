/*
 * Many unprivileged users at once, each with a KVM machine of his own.
 *
 *	kvm-users COUNT FIRST-UID
 *
 * COUNT processes become the users FIRST-UID, FIRST-UID + 1, ... with the group
 * of the same number and no other, and each makes a VM and a vCPU on /dev/kvm.
 * Once all have tried, "N users hold a VM and a vCPU" is written; they hold them
 * until standard input ends, so that somebody can look. Needs root; the exit
 * status is 0 only if N is COUNT.
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *become(uid_t id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		return "become the user";
	return NULL;
}

/* Leaves the descriptors open. Returns what could not be done, else NULL. */
static const char *make_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return "open /dev/kvm";
	/* The one version there is; see the kernel's Documentation/virt/kvm/api.rst. */
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != 12)
		return "find version 12 of the API";
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return "create a VM";
	if (ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		return "create a vCPU";
	return NULL;
}

/* A user: says on report how it went, and stays until hold's other end is closed. */
static void user(uid_t id, int report, int hold)
{
	const char *failed = become(id);
	if (!failed)
		failed = make_vm();
	if (failed)
		warn("user %u could not %s", id, failed);
	/* A change of ids forgets what the parent's death shall do. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char result = failed ? 'n' : 'y';
	if (write(report, &result, 1) != 1)
		_exit(1);
	ssize_t ignored = read(hold, &result, 1);
	_exit(ignored != 0);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: kvm-users COUNT FIRST-UID");
	int count = atoi(argv[1]);
	uid_t first = (uid_t)atoi(argv[2]);
	int report[2], hold[2];
	if (pipe(report) || pipe(hold))
		err(1, "pipe");

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			close(hold[1]);
			user(first + (uid_t)i, report[1], hold[0]);
		}
	}

	int holding = 0;
	char result;
	for (int i = 0; i < count && read(report[0], &result, 1) == 1; i++)
		holding += result == 'y';
	printf("%d users hold a VM and a vCPU\n", holding);
	fflush(stdout);
	while (read(STDIN_FILENO, &result, 1) > 0)
		;
	close(hold[1]);
	while (wait(NULL) > 0)
		;
	return holding == count ? 0 : 1;
}
