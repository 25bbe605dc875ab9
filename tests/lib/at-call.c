/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * at-call CALL [PROCESS:]NTH ERROR REACHED COMMAND [ARG]...
 *
 * Runs a command, and puts something in place of the NTH system call number CALL of it, and
 * of each of its children: SIGKILL if ERROR is 0, the answer 0 if it is "unanswered", else that
 * error. With PROCESS, in place of that of one process alone: 0 is the command, 1 the first other
 * one that makes such a call.
 * "{holder}" in an argument is the id of this process, which lives as long as the command. The
 * file REACHED is made when the call was reached: a line with the program that makes it, and what
 * it was about, the paths of its first argument, where that is a descriptor, and of its second one,
 * where that is text. Ends as the command does, once all of its processes have ended.
 *
 * strace does the same at several times the cost: it stops the command at other calls too, and
 * with --seccomp-bpf can't kill. A seccomp filter asks for this call alone (seccomp_unotify(2)).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROCESSES 64
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static unsigned call, nth;
static int only = -1; /* the process */
static int error;
static bool unanswered;
static const char *reached;
static char **command;
static atomic_int listener = -1; /* -1: not yet, -2: never */
static sigset_t mask;		 /* as it was */
static int child_signals;

/* Shares memory and descriptors with its parent until it becomes the command. */
static int child(void *unused)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof code / sizeof *code, code};

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	long fd = syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	/* No call from here on but the one that strace sees first, too: gcov has an execv() that
	 * writes. */
	atomic_store(&listener, fd < 0 ? -2 : (int)fd);
	if (fd >= 0)
		syscall(SYS_execve, command[0], command, environ);
	_exit(127);
}

static struct {
	pid_t pid;
	unsigned n;
} processes[MAX_PROCESSES];

/* Counts a call of a process. */
static bool is_meant(pid_t pid)
{
	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (processes[i].pid && processes[i].pid != pid)
			continue;
		processes[i].pid = pid;
		return ++processes[i].n == nth && (only < 0 || only == i);
	}
	errx(2, "too many processes");
}

/* The file REACHED: which call of several it is, where they come in another number each time. */
static void note(const struct seccomp_notif *asked)
{
	char link[64], target[PATH_MAX + 1] = "", program[PATH_MAX + 1] = "", text[256] = "";
	struct iovec here = {text, sizeof text - 1};
	struct iovec there = {(void *)asked->data.args[1], sizeof text - 1};
	int fd = open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	snprintf(link, sizeof link, "/proc/%u/fd/%d", asked->pid, (int)asked->data.args[0]);
	if (readlink(link, target, sizeof target - 1) < 0)
		*target = 0;
	snprintf(link, sizeof link, "/proc/%u/exe", asked->pid);
	if (readlink(link, program, sizeof program - 1) < 0)
		*program = 0;
	if (process_vm_readv((pid_t)asked->pid, &here, 1, &there, 1, 0) < 0)
		*text = 0;
	if (fd < 0 || dprintf(fd, "%s\n%s %s\n", program, target, text) < 0)
		err(2, "%s", reached);
	close(fd);
}

static void answer(int fd)
{
	struct seccomp_notif asked = {0};
	struct seccomp_notif_resp response = {0};

	/* It can have died, or have been interrupted, meanwhile. */
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) {
		if (errno != ENOENT && errno != EINTR)
			err(2, "cannot receive a call");
		return;
	}
	response.id = asked.id;
	if (!is_meant((pid_t)asked.pid)) {
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		note(&asked);
		response.error = -error;
		if (!error && !unanswered)
			kill((pid_t)asked.pid, SIGKILL);
	}
	if ((response.flags || response.error || unanswered) &&
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT)
		err(2, "cannot answer a call");
}

static void end_as(int status)
{
	const struct rlimit none = {0};

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	exit(2);
}

/* Ends when the last process of the command has, and returns what waitpid(2) says of the first. */
static int attend(pid_t started)
{
	struct pollfd polled[] = {{.fd = atomic_load(&listener), .events = POLLIN},
		{.fd = child_signals, .events = POLLIN}};
	struct signalfd_siginfo signals[8];
	int status, how = 0;
	pid_t ended;

	/* When the filter hangs up differs: before a process closes its files, or once it is waited
	 * for. */
	for (;;) {
		if (poll(polled, 2, -1) < 0)
			continue;
		if (polled[0].revents & POLLIN)
			answer(polled[0].fd);
		else if (polled[0].revents)
			polled[0].fd = -1;
		if (!polled[1].revents)
			continue;
		if (read(child_signals, signals, sizeof signals) < 0)
			err(2, "cannot hear of the end of processes");
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			how = ended == started ? status : how;
		if (ended < 0)
			return how;
	}
}

int main(int argc, char *argv[])
{
	static char stack[65536] __attribute__((aligned(16)));
	char pid[16];
	sigset_t children;

	if (argc < 6)
		errx(2, "usage: at-call CALL [PROCESS:]NTH ERROR REACHED COMMAND [ARG]...");
	call = (unsigned)atoi(argv[1]);
	const char *colon = strchr(argv[2], ':');
	if (colon)
		only = atoi(argv[2]);
	nth = (unsigned)atoi(colon ? colon + 1 : argv[2]);
	unanswered = strcmp(argv[3], "unanswered") == 0;
	error = atoi(argv[3]);
	reached = argv[4];
	command = argv + 5;
	snprintf(pid, sizeof pid, "%d", getpid());
	for (char **word = command; *word; word++)
		if (strcmp(*word, "{holder}") == 0)
			*word = pid;
	/* The parent of all that the command leaves. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, &mask);
	child_signals = signalfd(-1, &children, SFD_CLOEXEC);
	if (child_signals < 0)
		err(2, "cannot hear of the end of processes");
	pid_t started = clone(child, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
	if (started < 0)
		err(2, "cannot start a process");
	processes[0].pid = started;
	while (atomic_load(&listener) == -1)
		nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	if (atomic_load(&listener) < 0)
		errx(2, "no seccomp filter that asks (Linux 5.9)");
	/* Asking and answering take turns: it is cheaper on one processor. Linux 6.6 can. */
	ioctl(atomic_load(&listener), SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	end_as(attend(started));
}
