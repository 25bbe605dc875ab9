/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/passt.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "launch/launch.h"
#include "vm/descriptors.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Until it is ready, and until it has ended when it is asked to. */
#define START_MS 10000
#define END_MS 5000
/* From its own end to that of QEMU, if that was why. */
#define QEMU_END_MS 1000
/* Of what it says while it starts. */
#define SAID_MAX 4096

/* The two ends of its socket, and of the pipe that is its standard error. */
struct ends {
	int ours, theirs, heard, said;
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_ends(struct ends *ends)
{
	close_end(&ends->ours);
	close_end(&ends->theirs);
	close_end(&ends->heard);
	close_end(&ends->said);
}

static bool open_ends(struct ends *ends, char **error)
{
	int pair[2];

	*ends = (struct ends){-1, -1, -1, -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		*error = xasprintf("cannot create a socket pair for passt: %s", strerror(errno));
		return false;
	}
	ends->ours = pair[0];
	ends->theirs = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0) {
		*error = xasprintf("cannot create a pipe for passt: %s", strerror(errno));
		close_ends(ends);
		return false;
	}
	ends->heard = pair[0];
	ends->said = pair[1];
	/* What it has said by then is heard, and nothing is waited for. */
	if (fcntl(ends->heard, F_SETFL, O_NONBLOCK) == 0)
		return true;
	*error = xasprintf("cannot set the flags of a pipe: %s", strerror(errno));
	close_ends(ends);
	return false;
}

/* In the child: it has nothing of the terminal's, and nothing that others wait for. */
static _Noreturn void become_passt(struct vm *vm, struct vm_step *step, const struct ends *ends)
{
	struct launch *launch = vm->launch;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || !io_replace_fd(STDIN_FILENO, null, 0) ||
		!io_replace_fd(STDOUT_FILENO, null, 0) ||
		!io_replace_fd(STDERR_FILENO, ends->said, 0)) {
		warn_errno("cannot set the standard descriptors of passt");
		_exit(LAUNCH_FAILED);
	}
	close(vm->name_fd);
	setsid();
	launch->path = step->path;
	launch->command = step->words;
	launch_keep_fds(launch, &ends->theirs, 1);
	launch_exec(launch, vm->program);
}

/* What it says until it is ready, in one line, new; "" if it is silent. */
static char *hear(int fd)
{
	char said[SAID_MAX];
	ssize_t n = IO_RETRY(read(fd, said, sizeof said - 1));

	said[n > 0 ? n : 0] = '\0';
	for (char *end; (end = strrchr(said, '\n')) != NULL && !end[1];)
		*end = '\0';
	char *line = xstrdup("");
	char *rest = said;
	for (char *part; (part = strsep(&rest, "\n")) != NULL;) {
		cleanup_free char *before = line;
		line = xasprintf("%s%s%s", before, *before ? "; " : "", part);
	}
	return line;
}

/* Waits until the process has ended, or for that long. */
static bool wait_for_end(pid_t pid, int milliseconds)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd polled = {pidfd, POLLIN, 0};

	return pidfd < 0 || IO_RETRY(poll(&polled, 1, milliseconds)) > 0;
}

/* Waits for it to be ready. NULL, or why it is not, new. */
static char *wait_until_ready(const struct vm_step *step, pid_t pid, const struct ends *ends)
{
	int status;

	bool in_time = wait_for_end(pid, START_MS);
	/* With what it has started: it is a session of its own. */
	if (!in_time)
		kill(-pid, SIGKILL);
	if (IO_RETRY(waitpid(pid, &status, 0)) < 0)
		return xasprintf("cannot wait for it: %s", strerror(errno));
	if (!in_time)
		return xasprintf("not ready within %d s", START_MS / 1000);
	cleanup_free char *said = hear(ends->heard);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		if (*said)
			warn("%s (%s): %s", step->path, step->name, said);
		return NULL;
	}
	cleanup_free char *how = WIFEXITED(status)
					 ? xasprintf("exited with status %d", WEXITSTATUS(status))
					 : xasprintf("killed by signal %d", WTERMSIG(status));
	return *said ? xasprintf("%s: %s", how, said) : steal_pointer(&how);
}

/* Its daemon is the child that has come in its place. */
static bool find_daemon(struct vm_step *step, const struct supervise_children *before, char **error)
{
	step->pid = supervise_remaining(before);
	if (step->pid)
		return true;
	*error = xasprintf("%s has exited, and left no daemon", step->path);
	return false;
}

/* Its last option: where its socket is. */
static void add_socket(struct vm_step *step, int fd)
{
	size_t n = 0;

	while (step->words[n])
		n++;
	step->words = xreallocarray(step->words, n + 3, sizeof(char *));
	step->words[n] = xstrdup("--fd");
	step->words[n + 1] = xasprintf("%d", fd);
	step->words[n + 2] = NULL;
}

static bool start(struct vm *vm, struct vm_step *step, char **error)
{
	struct supervise_children before = {0};
	struct ends ends;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		*error = xasprintf("cannot adopt the daemon of passt: %s", strerror(errno));
		return false;
	}
	if (!open_ends(&ends, error))
		return false;
	add_socket(step, ends.theirs);
	supervise_know(&before);
	pid_t pid = fork();
	if (pid == 0)
		become_passt(vm, step, &ends);
	close_end(&ends.theirs);
	close_end(&ends.said);
	cleanup_free char *why = pid < 0 ? xasprintf("cannot fork a process: %s", strerror(errno))
					 : wait_until_ready(step, pid, &ends);
	bool good = !why && find_daemon(step, &before, error) &&
		    vm_fill(step->fd, steal_fd(&ends.ours), error);
	if (why)
		*error = xasprintf("%s (%s) cannot be started: %s", step->path, step->name, why);
	free(before.pids);
	close_ends(&ends);
	return good;
}

/* Waits for it. is_early: says how it ended, unless that was well. */
static void bury(struct vm_step *step, bool is_early)
{
	int status;

	if (IO_RETRY(waitpid(step->pid, &status, 0)) < 0)
		warn_errno("cannot wait for %s (%s)", step->path, step->name);
	else if (!is_early)
		;
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		warn("%s (%s) exited with status %d; the VM has no network there", step->path,
			step->name, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		warn("%s (%s) was killed by signal %d; the VM has no network there", step->path,
			step->name, WTERMSIG(status));
	step->pid = 0;
}

/* QEMU has closed the socket when it ended, by which passt ends, too. */
static void end(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	if (!step->pid)
		return;
	kill(step->pid, SIGTERM);
	if (!wait_for_end(step->pid, END_MS))
		kill(step->pid, SIGKILL);
	bury(step, false);
}

void vm_end_passt(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_steps; i++)
		if (vm->steps[i].give_back == end)
			end(vm, &vm->steps[i]);
}

/*
 * One of them has ended. Where QEMU closed its socket, that was to come, however it ended: it lives
 * in a PID namespace, whose first process can be the first to end, and then the kernel kills it.
 */
static bool bury_early(void *context)
{
	struct vm *vm = context;
	bool is_early = !wait_for_end(vm->holder, QEMU_END_MS);

	for (size_t i = 0; i < vm->n_steps; i++) {
		struct vm_step *step = &vm->steps[i];
		if (step->give_back == end && step->pid && wait_for_end(step->pid, 0))
			bury(step, is_early);
	}
	return false;
}

void vm_watch_passt(struct vm *vm, struct supervisor *supervisor)
{
	for (size_t i = 0; i < vm->n_steps; i++) {
		struct vm_step *step = &vm->steps[i];
		int pidfd = step->pid ? (int)syscall(SYS_pidfd_open, step->pid, 0) : -1;
		/* Without that its end is told at QEMU's. */
		if (pidfd >= 0)
			supervise_watch(supervisor, pidfd, bury_early, vm);
	}
}

/* Why it can't be had, new. */
static char *why_not(const struct vm *vm, const char *program, char **found)
{
	int number = launch_search(program, found);

	if (number != 0)
		return xasprintf("cannot execute %s: %s; install passt, or use -netdev user",
			*found, strerror(number));
	if (vm->identity.uid == 0)
		return xstrdup("passt does not run as root: start it yourself, as in: passt "
			       "--socket /run/passt.socket, and use -netdev "
			       "stream,server=off,addr.type=unix,addr.path=/run/passt.socket");
	return NULL;
}

void vm_plan_passt(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *found = NULL;
	char *why = why_not(vm, r->path, &found);

	if (why) {
		vm_refuse(vm, r, why);
		return;
	}
	struct vm_step *step = vm_step(vm, found);
	step->prepare = start;
	step->give_back = end;
	step->name = xstrdup(r->source);
	step->words = qemuargs_passt_words(vm->args, r->option);
	step->fd = vm_reserve(vm);
	qemuargs_passt_socket(vm->args, r->option, step->fd);
	vm_item(vm, r, ACTION_MAKE, xasprintf("started as %s, and connected", vm->identity.user));
}
