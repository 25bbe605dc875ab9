/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/supervise.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "launch/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where there is no descriptor to wait for. */
#define WATCH_MS 100

void supervise_watch(struct supervisor *s, int fd, bool (*on_input)(void *context), void *context)
{
	ARRAY_GROW(s->watches, s->n_watches);
	s->watches[s->n_watches++] = (struct supervise_watch){fd, on_input, context};
}

/* Those that QEMU ends by (os_setup_signal_handling()), and those that would end us instead. */
static void forwarded(sigset_t *set)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

	sigemptyset(set);
	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		sigaddset(set, signals[i]);
}

bool supervise_block_signals(char **error)
{
	sigset_t set;

	forwarded(&set);
	/* A message that nobody reads any more must not end us. */
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		return true;
	*error = xasprintf("cannot block signals: %s", strerror(errno));
	return false;
}

bool supervise_end_with(pid_t parent, char **error)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0) {
		*error = xasprintf("cannot set the parent-death signal: %s", strerror(errno));
		return false;
	}
	if (getppid() != parent)
		raise(SIGTERM);
	return true;
}

static int open_signals(void)
{
	sigset_t set;

	forwarded(&set);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		warn_errno("cannot forward signals");
	return fd;
}

/*
 * One signal more, to the process of pidfd. What a key of the terminal has sent, it has got
 * from the kernel already, since it is in the same foreground process group; the kernel's
 * SIGHUP goes to the leader of a session alone.
 */
static void forward(int signals, int pidfd)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_code == SI_KERNEL && info.ssi_signo != SIGHUP)
		return;
	if (syscall(SYS_pidfd_send_signal, pidfd, info.ssi_signo, NULL, 0) < 0 && errno != ESRCH)
		warn_errno("cannot forward signal %u", info.ssi_signo);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What is watched, for poll(2). Returns for how long that may wait. */
static int fill(const struct supervisor *s, struct pollfd *polled)
{
	int timeout = -1;

	for (size_t i = 0; i < s->n_watches; i++) {
		const struct supervise_watch *watch = &s->watches[i];
		polled[i] = (struct pollfd){watch->on_input ? watch->fd : -1, POLLIN, 0};
		if (watch->on_input && watch->fd < 0)
			timeout = WATCH_MS;
	}
	return timeout;
}

static void look(struct supervisor *s, const struct pollfd *polled)
{
	for (size_t i = 0; i < s->n_watches; i++) {
		struct supervise_watch *watch = &s->watches[i];
		if (watch->on_input && (watch->fd < 0 || polled[i].revents) &&
			!watch->on_input(watch->context))
			watch->on_input = NULL;
	}
}

int supervise(struct supervisor *s, pid_t child)
{
	cleanup_fd int signals = open_signals();
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	cleanup_free struct pollfd *polled = xcalloc(2 + s->n_watches, sizeof *polled);
	int status = 0;

	if (pidfd < 0)
		warn_errno("cannot open a pidfd of process %d; signals are not forwarded", child);
	polled[0] = (struct pollfd){pidfd, POLLIN, 0};
	polled[1] = (struct pollfd){signals, POLLIN, 0};
	while (pidfd >= 0) {
		int timeout = fill(s, polled + 2);
		int n = poll(polled, 2 + s->n_watches, timeout);
		if (n < 0 && errno != EINTR)
			break;
		if (n < 0)
			continue;
		if (polled[0].revents)
			break;
		if (polled[1].revents)
			forward(signals, pidfd);
		look(s, polled + 2);
	}
	if (IO_RETRY(waitpid(child, &status, 0)) < 0) {
		warn_errno("cannot determine the exit status of process %d", child);
		return LAUNCH_FAILED;
	}
	return status_of(status);
}

/* In the caller: the monitor's report, or its end. */
static int wait_for_report(pid_t monitor, int from)
{
	cleanup_fd int signals = open_signals();
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, monitor, 0);
	struct pollfd polled[] = {{from, POLLIN, 0}, {pidfd, POLLIN, 0}, {signals, POLLIN, 0}};
	int status;

	/* Without its report, its end says the same. */
	for (;;) {
		int n = poll(polled, 3, -1);
		if (n < 0 && errno != EINTR)
			break;
		if (n < 0)
			continue;
		if (polled[0].revents || polled[1].revents)
			break;
		if (polled[2].revents && pidfd >= 0)
			forward(signals, pidfd);
	}
	/* Does not wait: another process could have the pipe, too. */
	if (read(from, &status, sizeof status) == (ssize_t)sizeof status)
		return status;
	if (IO_RETRY(waitpid(monitor, &status, 0)) < 0) {
		warn_errno("cannot determine the exit status of process %d", monitor);
		return LAUNCH_FAILED;
	}
	return status_of(status);
}

enum supervise_side supervise_detach(struct supervisor *s, int *status, char **error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		*error = xasprintf("cannot create a pipe: %s", strerror(errno));
		return SUPERVISE_FAILED;
	}
	pid_t monitor = fork();
	if (monitor < 0) {
		*error = xasprintf("cannot fork the monitor process: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return SUPERVISE_FAILED;
	}
	if (monitor > 0) {
		close(ends[1]);
		*status = wait_for_report(monitor, ends[0]);
		close(ends[0]);
		return SUPERVISE_CALLER;
	}
	close(ends[0]);
	s->report_to = ends[1];
	if (setsid() >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
		return SUPERVISE_MONITOR;
	*error = xasprintf("cannot detach the monitor process: %s", strerror(errno));
	return SUPERVISE_FAILED;
}

void supervise_report(struct supervisor *s, int status)
{
	if (s->report_to < 0)
		return;
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		io_replace_fd(fd, null, 0);
	if (write(s->report_to, &status, sizeof status) < 0 && errno != EPIPE)
		warn_errno("cannot report the exit status %d", status);
	close(s->report_to);
	s->report_to = -1;
}

void supervise_let_go(struct supervisor *s)
{
	if (s->report_to >= 0)
		close(s->report_to);
	s->report_to = -1;
}

static bool is_known(const struct supervise_children *known, pid_t pid)
{
	for (size_t i = 0; i < known->n; i++)
		if (known->pids[i] == pid)
			return true;
	return false;
}

pid_t supervise_remaining(const struct supervise_children *known)
{
	cleanup_dir DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		struct proc_stat stat;
		char *end;
		long pid = strtol(d->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT_MAX)
			continue;
		if (process_stat(dirfd(dir), (pid_t)pid, &stat) && stat.parent == getpid() &&
			!proc_stat_has_ended(&stat) && !attempt_is_child((pid_t)pid) &&
			!is_known(known, (pid_t)pid))
			return (pid_t)pid;
	}
	return 0;
}

void supervise_know(struct supervise_children *known)
{
	pid_t pid;

	while ((pid = supervise_remaining(known)) != 0) {
		ARRAY_GROW(known->pids, known->n);
		known->pids[known->n++] = pid;
	}
}
