/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/stop.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/holder.h"
#include "claims/journal.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_ids.h"
#include "claims/runtime_vm.h"
#include "path/safepath.h"
#include "vm/ask.h"
#include "vm/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Between two looks at the lock. */
#define RETRY_MS 50
/* Between the end of QEMU's sockets and its own. */
#define MOMENT_MS 500
/* From SIGKILL to the end of a QEMU with much memory, and until all is given back. */
#define KILL_SECONDS 20

/* The VM that is to be stopped. */
struct target {
	const char *name;
	struct runtime_vm *noted; /* NULL: nothing is */
	struct journal *journal;  /* NULL: it has no claim */
	enum runtime_vm_state state;
	struct runtime_process process; /* QEMU's, else its virt-priv-run's; pid 0: none is left */
	int pidfd;			/* of it; -1: none */
	/* How it is asked; without a path, by SIGTERM. */
	char *path;
	bool is_qmp, is_control;
};
#define TARGET_INIT ((struct target){.pidfd = -1})

static void end_target(struct target *t)
{
	runtime_vm_free(t->noted);
	journal_free(t->journal);
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(t->path);
}
#define cleanup_target __attribute__((cleanup(end_target)))

/*
 * Which VM, and its process
 */

/* By its claim alone: of an older version, or of virt-priv-chown. */
static bool take_holder(struct target *t, char **error)
{
	*error = NULL;
	enum claims_hold hold = t->journal ? claims_hold(t->journal, error) : CLAIMS_ABANDONED;

	if (hold == CLAIMS_UNKNOWN)
		return false;
	if (hold == CLAIMS_HELD && t->journal->holder) {
		t->state = RUNTIME_VM_RUNNING;
		t->process = (struct runtime_process){t->journal->holder, t->journal->holder_start};
		return true;
	}
	bool is_left = t->journal && hold == CLAIMS_ABANDONED;
	return error_set(error, "VM '%s' is not running%s", t->name,
		is_left ? "; to release what it has left: virt-priv-chown recover" : "");
}

static bool take_noted(struct target *t, char **error)
{
	t->state = runtime_vm_state(t->noted, error);
	switch (t->state) {
	case RUNTIME_VM_RUNNING:
	case RUNTIME_VM_ORPHANED:
		t->process = t->noted->qemu;
		return true;
	case RUNTIME_VM_STARTING:
		t->process = t->noted->runner;
		return true;
	case RUNTIME_VM_ENDING:
		return true;
	case RUNTIME_VM_UNKNOWN:
		return false;
	default:
		return error_set(error,
			"VM '%s' is not running; to release what it has left: virt-priv-chown "
			"recover",
			t->name);
	}
}

/* The number could have become another process's before it was held. */
static bool hold_process(struct target *t, char **error)
{
	bool lives = false;

	if (!t->process.pid)
		return true;
	t->pidfd = (int)syscall(SYS_pidfd_open, t->process.pid, 0);
	if (t->pidfd < 0 && errno != ESRCH)
		return error_set_errno(error, "cannot open a pidfd of process %d of VM '%s'",
			t->process.pid, t->name);
	if (t->pidfd >= 0 && !process_lives(t->process.pid, t->process.start, &lives, error))
		return false;
	return lives || error_set(error, "VM '%s' has just exited", t->name);
}

/* Its socket that is a monitor; NULL: it has none of that kind. */
static const char *find_socket(const struct runtime_vm *vm, const char *kind)
{
	for (size_t i = 0; i < vm->n_sockets; i++)
		if (strcmp(vm->sockets[i].word, kind) == 0)
			return vm->sockets[i].path;
	return NULL;
}

static void choose_way(struct target *t)
{
	const char *path;

	if (t->state == RUNTIME_VM_STARTING)
		return;
	t->is_qmp = true;
	t->is_control = !t->noted || find_socket(t->noted, RUNTIME_VM_CONTROL);
	if (t->is_control) {
		t->path = vm_control_socket(t->name);
	} else if ((path = find_socket(t->noted, RUNTIME_VM_QMP)) != NULL) {
		t->path = xstrdup(path);
	} else if ((path = find_socket(t->noted, RUNTIME_VM_MONITOR)) != NULL) {
		t->path = xstrdup(path);
		t->is_qmp = false;
	}
}

static bool find_locked(struct target *t, char **error)
{
	if ((journal_directory() >= 0 && !journal_read(t->name, &t->journal, error)) ||
		!runtime_vm_read(t->name, &t->noted, error))
		return false;
	/* What was cut off says nothing. */
	if (t->noted && !t->noted->is_whole)
		runtime_vm_free(steal_pointer(&t->noted));
	return (t->noted ? take_noted(t, error) : take_holder(t, error)) && hold_process(t, error);
}

/* False and a new message: there is none that runs, or that can't be told. */
static bool find(struct target *t, const char *name, char **error)
{
	t->name = name;
	if (!journal_lock(false, error))
		return false;
	bool good = find_locked(t, error);
	journal_unlock();
	if (good)
		choose_way(t);
	return good;
}

/*
 * What would be done
 */

static void print_entry(const struct entry *e)
{
	cleanup_free char *path = log_escape(e->path);

	if (e->kind == ENTRY_OWNER)
		printf("restore %s (owner %u:%u, mode %04o)\n", path, e->old_uid, e->old_gid,
			e->mode & 07777);
	else
		printf("revoke access of %u to %s\n", e->new_uid, path);
}

/* What an isolated VM has beside its claims. */
static bool print_isolated(const char *name, char **error)
{
	cleanup_free struct runtime_id *ids = NULL;
	size_t n;

	if (!runtime_ids_read(&ids, &n, error))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(ids[i].name, name) == 0)
			printf("end processes of uid %u\nremove " RUNTIME_DIR "/" RUNTIME_ID "%u\n",
				ids[i].id, ids[i].id);
	return true;
}

static void print_way(const struct target *t, const struct vm_stop_how *how)
{
	cleanup_free char *safe = t->path ? log_escape(t->path) : NULL;

	if (t->state == RUNTIME_VM_ENDING)
		printf("wait for virt-priv-run of %s (process %d, within %u s)\n", t->name,
			t->noted->runner.pid, how->seconds);
	else if (how->kill && how->seconds == 0)
		printf("kill %s (process %d)\n", t->name, t->process.pid);
	else if (t->path)
		printf("stop %s (process %d, through %s, within %u s)\n", t->name, t->process.pid,
			safe, how->seconds);
	else
		printf("stop %s (process %d, by SIGTERM, within %u s)\n", t->name, t->process.pid,
			how->seconds);
	if (how->kill && how->seconds > 0)
		printf("kill %s if it has not exited by then\n", t->name);
}

bool vm_stop_report(const char *name, const struct vm_stop_how *how, char **error)
{
	cleanup_target struct target t = TARGET_INIT;

	if (!find(&t, name, error))
		return false;
	print_way(&t, how);
	for (size_t i = 0; t.journal && i < t.journal->n_entries; i++)
		print_entry(&t.journal->entries[i]);
	return print_isolated(name, error);
}

/*
 * Asking
 */

/* A monitor of the command line's own, at a name that others may have changed since then. */
static bool ask_own(const struct target *t, int fd, long long end, char **error)
{
	struct safepath walk;

	*error = NULL;
	if (!safepath_open(t->path, &walk, error))
		return false;
	bool good = false;
	if (walk.unsafe)
		*error = xstrdup(walk.unsafe);
	else if (!S_ISSOCK(walk.st.st_mode))
		*error = xasprintf("%s is not a socket", t->path);
	else
		good = ask_power_down(fd, IO_FD_PATH(walk.fd), t->is_qmp, t->pidfd, end);
	int number = errno;
	safepath_close(&walk);
	errno = number;
	return good;
}

/* False and errno, or *error, which is new. */
static bool ask(const struct target *t, int fd, long long end, char **error)
{
	*error = NULL;
	if (!t->path && t->state != RUNTIME_VM_STARTING)
		warn("VM '%s' has no monitor by which its guest could be asked to power down; QEMU "
		     "is terminated by SIGTERM",
			t->name);
	if (!t->path)
		return syscall(SYS_pidfd_send_signal, t->pidfd, SIGTERM, NULL, 0) == 0;
	return t->is_control ? ask_power_down(fd, t->path, true, t->pidfd, end)
			     : ask_own(t, fd, end, error);
}

/* Why it could not be asked; takes detail, a text or NULL. */
static char *why_not_asked(const struct target *t, int number, char *detail)
{
	cleanup_free char *more = detail;

	if (!t->path)
		return xasprintf("VM '%s': cannot send SIGTERM to process %d: %s", t->name,
			t->process.pid, strerror(number));
	/* There is a VM, and its claim is none of virt-priv-run's. */
	if (!t->noted && number == ENOENT)
		return xasprintf("VM '%s': cannot connect to its control socket %s: %s; "
				 "virt-priv-run has not started it; stop it through its own "
				 "monitor",
			t->name, t->path, strerror(number));
	return xasprintf("VM '%s': cannot ask it to power down through %s: %s", t->name, t->path,
		more ? more : strerror(number));
}

/*
 * Waiting
 */

/*
 * What virt-priv-run holds until all that the VM had is given back; -1: nothing. False where that
 * can't be told: nobody is to be asked then whose end could not be waited for.
 */
static bool open_lock(const char *name, int *lock, char **error)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/.%s.lock", name);

	*lock = IO_RETRY(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	return *lock >= 0 || errno == ENOENT ||
	       error_set_errno(error, "VM '%s': cannot open %s", name, path);
}

/* Whether its claim is there no more. */
static bool is_released(const struct target *t, char **error)
{
	struct journal *journal = NULL;
	pid_t holder = t->noted ? t->noted->qemu.pid : t->process.pid;

	if (!journal_lock(false, error))
		return false;
	bool good = journal_directory() < 0 || journal_read(t->name, &journal, error);
	bool is_left = good && journal && holder && journal->holder == holder;
	if (good)
		journal_free(journal);
	journal_unlock();
	if (is_left)
		error_set(error,
			"VM '%s' has exited, but its files are still claimed; to release them: "
			"virt-priv-chown recover",
			t->name);
	return good && !is_left;
}

/*
 * Waits for that: the disks, what is mounted, and an isolated VM's id. A virt-priv-run that was
 * killed holds nothing any more.
 */
static bool wait_for_release(const struct target *t, int lock, long long end, char **error)
{
	const struct timespec pause = {0, RETRY_MS * 1000000L};

	while (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error,
				"VM '%s' has exited; cannot determine whether it was released",
				t->name);
		if (ask_left(end) == 0)
			return error_set(error,
				"VM '%s' has exited, but virt-priv-run has not released its files "
				"yet; see virt-priv-chown status",
				t->name);
		nanosleep(&pause, NULL);
	}
	return is_released(t, error);
}

/* Asks it, and waits for its end. False and a new message. */
static bool end_by_asking(const struct target *t, unsigned seconds, long long end, char **error)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char *detail;

	if (!ask(t, fd, end, &detail)) {
		int number = errno;
		/* One that ends has let go of its socket a moment before. */
		if ((detail || number != ETIMEDOUT) &&
			ask_wait(t->pidfd, -1, ask_now() + MOMENT_MS)) {
			free(detail);
			return true;
		}
		*error = why_not_asked(t, number, detail);
		return false;
	}
	if (ask_wait(t->pidfd, t->path ? fd : -1, end))
		return true;
	if (errno == ETIMEDOUT)
		return error_set(error, "VM '%s' has not exited within %u s", t->name, seconds);
	return error_set_errno(error, "cannot wait until VM '%s' exits", t->name);
}

static bool end_by_killing(const struct target *t, char **error)
{
	if (t->state == RUNTIME_VM_STARTING)
		return error_set(error,
			"VM '%s' is being started, and has no QEMU yet; to end virt-priv-run, and "
			"release what it has prepared: kill -KILL %d; virt-priv-chown recover",
			t->name, t->process.pid);
	if (syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return error_set_errno(
			error, "VM '%s': cannot kill process %d", t->name, t->process.pid);
	return ask_wait(t->pidfd, -1, ask_now() + KILL_SECONDS * 1000LL) ||
	       error_set(error, "VM '%s': process %d was killed, and has not ended within %d s",
		       t->name, t->process.pid, KILL_SECONDS);
}

/* Whoever was not started by virt-priv-run is not killed by it. */
static bool may_kill(const struct target *t)
{
	return t->noted || runtime_dir_is_taken(t->name) == 1;
}

static bool stop(const struct target *t, const struct vm_stop_how *how, long long end, char **error)
{
	cleanup_free char *why = NULL;

	if (how->kill && how->seconds == 0 && may_kill(t))
		return end_by_killing(t, error);
	if (end_by_asking(t, how->seconds, end, &why))
		return true;
	if (how->kill && may_kill(t)) {
		warn("%s; it is killed", why);
		return end_by_killing(t, error);
	}
	if (!may_kill(t))
		return error_set(error, "%s", why);
	return error_set(
		error, "%s; to kill it: virt-priv-run --stop %s --kill --timeout 0", why, t->name);
}

bool vm_stop(const char *name, const struct vm_stop_how *how, char **error)
{
	cleanup_fd int lock = -1;
	cleanup_target struct target t = TARGET_INIT;
	long long end = ask_now() + (long long)how->seconds * 1000;

	if (!open_lock(name, &lock, error) || !find(&t, name, error))
		return false;
	if (t.state != RUNTIME_VM_ENDING && !stop(&t, how, end, error))
		return false;
	if (how->kill)
		end = ask_now() + KILL_SECONDS * 1000LL;
	return wait_for_release(&t, lock, end, error);
}
