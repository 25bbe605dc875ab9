/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/threads.h"

#include "audit/status_texts.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Readings before the threads are called restless. */
#define TRIES 5
/* A status file has about 1,500 bytes, and 11 more for each supplementary group. */
#define STATUS_ROOM 8192
#define STATUS_MAX ((size_t)1024 * 1024)

/* A thread whose status file stays open, for a second look costs less than a second open. */
struct watched {
	struct audit_thread thread;
	int fd;
	struct status_text text;
	bool has_ended;
};

struct reading {
	const struct audit_tree *tree;
	int tasks; /* the task directory */
	DIR *dir;  /* the same */
	struct watched *threads;
	size_t n;
	struct status_texts texts;
	struct audit_thread *wholes; /* what was read from those that are kept whole */
	size_t n_wholes;
	char *buffer; /* what was read last, length bytes */
	size_t room, length;
	char **error;
};

void audit_threads_free(struct audit_thread *threads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (i == 0 || threads[i].status.groups != threads[i - 1].status.groups)
			free(threads[i].status.groups);
	free(threads);
}

bool audit_threads_equal(const struct audit_thread *a, const struct audit_thread *b)
{
	const struct proc_status *x = &a->status, *y = &b->status;

	return memcmp(x->uid, y->uid, sizeof x->uid) == 0 &&
	       memcmp(x->gid, y->gid, sizeof x->gid) == 0 && x->n_groups == y->n_groups &&
	       (x->n_groups == 0 ||
		       memcmp(x->groups, y->groups, x->n_groups * sizeof *x->groups) == 0) &&
	       x->inheritable == y->inheritable && x->permitted == y->permitted &&
	       x->effective == y->effective && x->bounding == y->bounding &&
	       x->ambient == y->ambient && x->no_new_privs == y->no_new_privs;
}

/* Two readings of one thread: what is judged of it beside the above counts too. */
static bool agree(const struct audit_thread *a, const struct audit_thread *b)
{
	return audit_threads_equal(a, b) && a->details.seccomp == b->details.seccomp &&
	       a->details.seccomp_filters == b->details.seccomp_filters &&
	       a->details.tracer == b->details.tracer;
}

/* A thread that has ended is none; errno of anything that was asked of it. */
static bool says_ended(int number)
{
	return number == ENOENT || number == ESRCH;
}

/* The content of the file from its start, in r->buffer. False and errno. */
static bool read_text(struct reading *r, int fd)
{
	size_t size = 0;

	for (;;) {
		ssize_t n = pread(fd, r->buffer + size, r->room - size, (off_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		size += (size_t)n;
		if (size < r->room && (n == 0 || !r->tree->root)) {
			/* The kernel writes a status file whole, or fills the buffer. */
			r->buffer[size] = '\0';
			r->length = size;
			return true;
		}
		if (size >= STATUS_MAX) {
			errno = EFBIG;
			return false;
		}
		if (size == r->room) {
			/* From the start again: two pieces can be of different states. */
			r->room *= 2;
			r->buffer = xreallocarray(r->buffer, r->room + 1, 1);
			size = 0;
		}
	}
}

/* Into r->buffer. THREADS_GONE: this thread has ended. */
static enum threads_result read_status(struct reading *r, pid_t tid, int fd)
{
	if (read_text(r, fd))
		return THREADS_READ;
	if (says_ended(errno))
		return THREADS_GONE;
	*r->error = xasprintf("cannot read the status of thread %d", tid);
	return THREADS_UNREADABLE;
}

/* What r->buffer says. */
static enum threads_result parse_thread(struct reading *r, pid_t tid, struct audit_thread *out)
{
	cleanup_free char *why = NULL;

	*out = (struct audit_thread){.tid = tid, .securebits = -1};
	if (!proc_details_parse(r->buffer, &out->details, &why) ||
		!proc_status_parse(r->buffer, &out->status, &why)) {
		*r->error = xasprintf("invalid status of thread %d: %s", tid, why);
		errno = 0;
		return THREADS_UNREADABLE;
	}
	return THREADS_READ;
}

static struct audit_thread copy_of(const struct audit_thread *thread)
{
	struct audit_thread copy = *thread;
	size_t size = thread->status.n_groups * sizeof(gid_t);

	copy.status.groups = size ? xmalloc(size) : NULL;
	if (size)
		memcpy(copy.status.groups, thread->status.groups, size);
	return copy;
}

/* What r->buffer says, which is alike one that was read: all but its ids is the same. */
static bool take_alike(struct reading *r, pid_t tid, struct watched *out)
{
	char own[512];
	struct proc_details details;
	cleanup_free char *why = NULL;

	if (!status_texts_own(&r->texts, &out->text, r->buffer, own, sizeof own) ||
		!proc_details_parse(own, &details, &why))
		return false;
	out->thread = copy_of(&r->wholes[out->text.whole]);
	out->thread.tid = tid;
	out->thread.details.pid = details.pid;
	out->thread.details.n_ns_pid = details.n_ns_pid;
	memcpy(out->thread.details.ns_pid, details.ns_pid, sizeof details.ns_pid);
	return true;
}

/* What r->buffer says, and keeps it. */
static enum threads_result take_text(struct reading *r, pid_t tid, struct watched *out)
{
	bool is_alike;

	out->text = status_texts_keep(&r->texts, r->buffer, r->length, &is_alike);
	if (is_alike && take_alike(r, tid, out))
		return THREADS_READ;
	enum threads_result result = parse_thread(r, tid, &out->thread);
	if (result == THREADS_READ && r->n_wholes < r->texts.n_wholes) {
		ARRAY_GROW(r->wholes, r->n_wholes);
		r->wholes[r->n_wholes++] = copy_of(&out->thread);
	}
	return result;
}

static enum threads_result open_thread(struct reading *r, pid_t tid, struct watched *out)
{
	char path[sizeof "2147483647/status"];

	snprintf(path, sizeof path, "%d/status", tid);
	cleanup_fd int fd = tree_openat(r->tree, r->tasks, path, O_RDONLY);
	if (fd < 0) {
		if (says_ended(errno) && !r->tree->root)
			return THREADS_GONE;
		*r->error = xasprintf("cannot open the status of thread %d", tid);
		return THREADS_UNREADABLE;
	}
	enum threads_result result = read_status(r, tid, fd);
	if (result == THREADS_READ)
		result = take_text(r, tid, out);
	if (result != THREADS_READ)
		return result;
	out->fd = steal_fd(&fd);
	out->has_ended = false;
	return result;
}

static int by_tid(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return (x->thread.tid > y->thread.tid) - (x->thread.tid < y->thread.tid);
}

static struct watched *find(struct reading *r, pid_t tid, size_t n_sorted)
{
	const struct watched key = {.thread.tid = tid};

	return n_sorted ? bsearch(&key, r->threads, n_sorted, sizeof key, by_tid) : NULL;
}

static pid_t tid_of(const char *name)
{
	char *end;

	errno = 0;
	long tid = strtol(name, &end, 10);
	return *name < '0' || *name > '9' || *end || errno || tid > INT_MAX ? 0 : (pid_t)tid;
}

/* Adds the threads that are not known yet; *added says how many. */
static enum threads_result read_new(struct reading *r, size_t *added)
{
	size_t known = r->n;
	const struct dirent *d;

	rewinddir(r->dir);
	for (errno = 0; (d = readdir(r->dir)) != NULL; errno = 0) {
		pid_t tid = tid_of(d->d_name);
		if (!tid || find(r, tid, known))
			continue;
		if ((r->n & (r->n - 1)) == 0)
			r->threads =
				xreallocarray(r->threads, r->n ? 2 * r->n : 1, sizeof *r->threads);
		enum threads_result result = open_thread(r, tid, &r->threads[r->n]);
		if (result == THREADS_UNREADABLE)
			return result;
		r->n += result == THREADS_READ;
	}
	if (errno && !says_ended(errno)) {
		*r->error = xstrdup("cannot list the threads");
		return THREADS_UNREADABLE;
	}
	*added = r->n - known;
	if (*added)
		qsort(r->threads, r->n, sizeof *r->threads, by_tid);
	return r->n ? THREADS_READ : THREADS_GONE;
}

/* Reads all known threads once more; *same says whether each is what it was. */
static enum threads_result read_again(struct reading *r, bool *same)
{
	*same = true;
	for (size_t i = 0; i < r->n; i++) {
		struct watched *w = &r->threads[i];
		if (w->has_ended)
			continue;
		enum threads_result result = read_status(r, w->thread.tid, w->fd);
		if (result == THREADS_UNREADABLE)
			return result;
		w->has_ended = result == THREADS_GONE;
		/* A thread that sleeps has the very same text, counters and all: nothing to read.
		 */
		if (w->has_ended || status_texts_is(&r->texts, &w->text, r->buffer, r->length))
			continue;
		struct audit_thread before = w->thread;
		result = take_text(r, before.tid, w);
		if (result == THREADS_READ)
			*same = *same && agree(&before, &w->thread);
		proc_status_free(&before.status);
		if (result != THREADS_READ)
			return result;
	}
	return THREADS_READ;
}

/*
 * Threads come and go all the time, which is no disagreement: one that appears is read
 * twice like the others, in the next round.
 */
static enum threads_result read_rounds(struct reading *r)
{
	size_t added;
	enum threads_result result = read_new(r, &added);

	for (int i = 1; result == THREADS_READ && i < TRIES; i++) {
		bool same;
		result = read_again(r, &same);
		if (result == THREADS_READ)
			result = read_new(r, &added);
		if (result == THREADS_READ && same && added == 0)
			return result;
	}
	return result == THREADS_READ ? THREADS_TORN : result;
}

/* Files that were opened one after the other mostly have numbers that follow each other. */
static void close_files(const struct reading *r)
{
	for (size_t i = 0, next; i < r->n; i = next) {
		for (next = i + 1; next < r->n; next++)
			if (r->threads[next].fd != r->threads[next - 1].fd + 1)
				break;
		unsigned first = (unsigned)r->threads[i].fd;
		/* Linux 5.9. */
		if (syscall(SYS_close_range, first, first + (unsigned)(next - i) - 1, 0) < 0)
			for (size_t k = i; k < next; k++)
				close(r->threads[k].fd);
	}
}

/* Passes the living threads to the caller, and releases all else. */
static size_t take_living(struct reading *r, struct audit_thread **out)
{
	size_t n = 0;

	*out = xcalloc(r->n, sizeof **out);
	for (size_t i = 0; i < r->n; i++) {
		if (r->threads[i].has_ended)
			proc_status_free(&r->threads[i].thread.status);
		else
			(*out)[n++] = r->threads[i].thread;
	}
	close_files(r);
	for (size_t i = 0; i < r->n_wholes; i++)
		free(r->wholes[i].status.groups);
	free(r->wholes);
	status_texts_free(&r->texts);
	return n;
}

/* A file per thread stays open: as many as this process may have. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

enum threads_result audit_threads_read(const struct audit_tree *tree, int process,
	struct audit_thread **out, size_t *n, char **error)
{
	struct reading r = {.tree = tree, .room = STATUS_ROOM, .error = error};

	*out = NULL;
	*n = 0;
	raise_file_limit();
	cleanup_fd int tasks = tree_openat(tree, process, "task", O_RDONLY | O_DIRECTORY);
	r.tasks = tasks;
	r.dir = tasks >= 0 ? fdopendir(tasks) : NULL;
	if (!r.dir) {
		if (says_ended(errno) && !tree->root)
			return THREADS_GONE;
		*error = xstrdup("cannot list the threads");
		return THREADS_UNREADABLE;
	}
	steal_fd(&tasks);
	r.buffer = xmalloc(r.room + 1);
	enum threads_result result = read_rounds(&r);
	int saved_errno = errno;
	*n = take_living(&r, out);
	if (result == THREADS_READ && *n == 0)
		result = THREADS_GONE;
	free(r.threads);
	free(r.buffer);
	closedir(r.dir);
	errno = saved_errno;
	return result;
}
