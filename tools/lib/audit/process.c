/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/process.h"

#include "audit/core_dumps.h"
#include "audit/executable.h"
#include "audit/find.h"
#include "audit/objects.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "path/fd_tables.h"
#include "path/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_denied(int number)
{
	return number == EACCES || number == EPERM;
}

/*
 * The directory of a thread that still has its files and memory: the first, which is that of the
 * process, or another.
 */
static int open_living(const struct audit_tree *tree, int process, const struct audit_process *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		char path[sizeof "task/2147483647"];
		char state = p->threads[i].details.state;
		if (state == 'Z' || state == 'X')
			continue;
		if (p->threads[i].tid == p->pid)
			return process;
		snprintf(path, sizeof path, "task/%d", p->threads[i].tid);
		int fd = tree_openat(tree, process, path, O_RDONLY | O_DIRECTORY);
		if (fd >= 0)
			return fd;
	}
	return process;
}

/* O_PATH of open(2) gives no access to the object. */
static void read_descriptor(const struct audit_tree *tree, int process, int fds, const char *name,
	struct audit_process *p)
{
	struct audit_descriptor d = {.number = atoi(name), .flags = -1};
	char path[sizeof "fdinfo/2147483647"];
	unsigned flags;

	d.target = tree_link(fds, name);
	if (!d.target) {
		/* Closed meanwhile. */
		if (errno != ENOENT)
			p->descriptors_errno = errno;
		return;
	}
	if (*d.target == '/') {
		d.has_st = tree_stat_link(tree, fds, name, &d.st);
		if (!d.has_st && errno != ENOENT)
			p->descriptors_errno = errno;
		snprintf(path, sizeof path, "fdinfo/%d", d.number);
		cleanup_free char *text = audit_descriptor_is_harmless(p, &d)
						  ? NULL
						  : tree_read_proc(tree, process, path);
		if (text && proc_fdinfo_flags(text, &flags))
			d.flags = (int)(flags & 0x7fffffff);
	}
	if ((p->n_descriptors & (p->n_descriptors - 1)) == 0)
		p->descriptors = xreallocarray(p->descriptors,
			p->n_descriptors ? 2 * p->n_descriptors : 1, sizeof *p->descriptors);
	p->descriptors[p->n_descriptors++] = d;
}

static int order(unsigned long long a, unsigned long long b)
{
	return (a > b) - (a < b);
}

/* By number; what is the same in several tables, one behind the other. */
static int compare(const void *a, const void *b)
{
	const struct audit_descriptor *x = a, *y = b;
	int result = (x->number > y->number) - (x->number < y->number);

	if (!result)
		result = (x->flags > y->flags) - (x->flags < y->flags);
	if (!result)
		result = order(x->st.st_dev, y->st.st_dev);
	if (!result)
		result = order(x->st.st_ino, y->st.st_ino);
	return result ? result : strcmp(x->target, y->target);
}

static void read_table(const struct audit_tree *tree, int process, struct audit_process *p)
{
	union {
		struct dirent64 align;
		char bytes[4096];
	} buffer;
	ssize_t n;
	cleanup_fd int fds = tree_openat(tree, process, "fd", O_RDONLY | O_DIRECTORY);

	if (fds < 0) {
		p->descriptors_errno = errno;
		return;
	}
	/* What opendir(3) asks of the directory costs as much as to list it. */
	while ((n = getdents64(fds, buffer.bytes, sizeof buffer.bytes)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(buffer.bytes + at);
			size_t length = strlen(d->d_name);
			if (length <= 9 && strspn(d->d_name, "0123456789") == length)
				read_descriptor(tree, process, fds, d->d_name, p);
			at += d->d_reclen;
		}
	}
	if (n < 0 && errno != ENOENT)
		p->descriptors_errno = errno;
}

struct reading {
	const struct audit_tree *tree;
	struct audit_process *p;
	bool is_read; /* one of them */
};

static bool read_another(void *context, int thread)
{
	struct reading *reading = context;
	struct audit_process *p = reading->p;
	int before = p->descriptors_errno;

	read_table(reading->tree, thread, p);
	/* Its others go on. */
	if (p->descriptors_errno == ENOENT || p->descriptors_errno == ESRCH)
		p->descriptors_errno = before;
	else
		reading->is_read = true;
	return !is_denied(p->descriptors_errno);
}

/* A thread that makes a table of its own begins with a copy of the others'. */
static void drop_copies(struct audit_process *p)
{
	size_t n = 0;

	if (p->n_descriptors)
		qsort(p->descriptors, p->n_descriptors, sizeof *p->descriptors, compare);
	for (size_t i = 0; i < p->n_descriptors; i++) {
		if (n > 0 && compare(&p->descriptors[n - 1], &p->descriptors[i]) == 0)
			free(p->descriptors[i].target);
		else
			p->descriptors[n++] = p->descriptors[i];
	}
	p->n_descriptors = n;
}

/* More different ones than this: kcmp(2) sorts them out in less time. */
#define MAX_TABLES 8

/* A thread of each table of descriptors, by its index; 0: that is not told, or they are many. */
static size_t find_tables(const struct audit_process *p, size_t found[MAX_TABLES])
{
	size_t n = 0;

	for (size_t i = 0; p->is_by_bpf && i < p->n_threads; i++) {
		unsigned long long files = p->threads[i].files;
		size_t k = 0;
		/* One that is about to end has let go of its own. */
		if (!files)
			continue;
		while (k < n && p->threads[found[k]].files != files)
			k++;
		if (k == MAX_TABLES)
			return 0;
		if (k == n)
			found[n++] = i;
	}
	return n;
}

/*
 * Whether it had its table all the time: one that ends shows an empty one, when it has let go of
 * its memory, without which it shows no executable (kernel/exit.c, do_exit(); fs/proc/base.c,
 * proc_exe_link()).
 */
static bool goes_on(int thread)
{
	char byte;

	return readlinkat(thread, "exe", &byte, sizeof byte) > 0;
}

/* Those that the kernel's side has told apart. False where they are not all read. */
static bool read_told_tables(const struct audit_tree *tree, int process, struct audit_process *p)
{
	size_t tables[MAX_TABLES];
	size_t n = find_tables(p, tables);
	bool is_read = n > 0;

	for (size_t i = 0; i < n && is_read; i++) {
		char path[sizeof "task/2147483647"];
		bool is_first = p->threads[tables[i]].tid == p->pid;
		snprintf(path, sizeof path, "task/%d", p->threads[tables[i]].tid);
		cleanup_fd int opened =
			is_first ? -1 : tree_openat(tree, process, path, O_RDONLY | O_DIRECTORY);
		int thread = is_first ? process : opened;
		if (thread >= 0)
			read_table(tree, thread, p);
		is_read = thread >= 0 && p->descriptors_errno == 0 && goes_on(thread);
	}
	if (!is_read)
		p->descriptors_errno = 0;
	return is_read;
}

/* Of all its threads; living: the directory of one that goes on. */
static void read_descriptors(
	const struct audit_tree *tree, int process, int living, struct audit_process *p)
{
	struct reading reading = {.tree = tree, .p = p};

	if (tree->root)
		read_table(tree, living, p);
	else if (read_told_tables(tree, process, p))
		reading.is_read = true;
	else if (!fd_tables_each(process, p->pid, NULL, read_another, &reading))
		p->descriptors_errno = EAGAIN;
	else if (!reading.is_read)
		p->descriptors_errno = ESRCH;
	drop_copies(p);
}

/* Threads of equal credentials make one class: 2,000 of them are judged once. */
static void classify(struct audit_process *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct audit_thread *thread = &p->threads[i];
		size_t c;
		for (c = 0; c < p->n_classes; c++) {
			const struct audit_thread *other = &p->threads[p->classes[c].first];
			if (audit_threads_equal(thread, other) &&
				thread->details.seccomp == other->details.seccomp &&
				thread->details.seccomp_filters == other->details.seccomp_filters &&
				thread->details.tracer == other->details.tracer &&
				thread->securebits == other->securebits)
				break;
		}
		if (c == p->n_classes) {
			p->classes =
				xreallocarray(p->classes, p->n_classes + 1, sizeof *p->classes);
			p->classes[p->n_classes++] = (struct thread_class){.first = i};
		}
		p->classes[c].count++;
	}
}

/*
 * The threads. An ended first thread keeps its credentials, which are nobody's power any
 * more: it is left out where there are others.
 */
static bool read_threads(struct audit *audit, int process, struct audit_process *p)
{
	const struct audit_tree *tree = &audit->tree;
	enum threads_result result = THREADS_READ;

	p->is_by_bpf = audit->bpf && p->has_start &&
		       audit_bpf_threads(audit->bpf, p->pid, p->start, &p->threads, &p->n_threads);
	if (!p->is_by_bpf)
		result = audit_threads_read(
			tree, process, &p->threads, &p->n_threads, &p->unreadable);

	if (result == THREADS_UNREADABLE) {
		p->is_denied = is_denied(errno);
		if (errno) {
			cleanup_free char *what = p->unreadable;
			p->unreadable = xasprintf("%s: %s", what, strerror(errno));
		}
		audit_threads_free(p->threads, p->n_threads);
		p->threads = NULL;
		p->n_threads = 0;
	}
	p->is_torn = result == THREADS_TORN;
	if (p->n_threads > 1 && p->threads[0].tid == p->pid && p->threads[0].details.state == 'Z') {
		if (p->threads[0].status.groups != p->threads[1].status.groups)
			free(p->threads[0].status.groups);
		p->n_threads--;
		memmove(p->threads, p->threads + 1, p->n_threads * sizeof *p->threads);
	}
	classify(p);
	return result != THREADS_GONE;
}

/* Of its first thread: what the file of the process has more is the sum of all threads' times. */
static void read_start(const struct audit_tree *tree, int process, struct audit_process *p)
{
	char path[sizeof "task/2147483647/stat"];
	struct proc_stat stat;

	snprintf(path, sizeof path, "task/%d/stat", p->pid);
	cleanup_free char *text = tree_read_proc(tree, process, tree->root ? "stat" : path);
	p->has_start = text && proc_stat_parse(text, &stat);
	p->start = p->has_start ? stat.start : 0;
	p->parent = p->has_start ? stat.parent : 0;
}

static struct audit_namespace read_namespace(int process, const char *link)
{
	struct audit_namespace ns = {.link = tree_link(process, link)};

	ns.number = ns.link ? 0 : errno;
	return ns;
}

/* What it shares with the host, or does not. */
static void read_isolation(struct audit_tree *tree, int process, struct audit_process *p)
{
	p->user_ns = tree_link(process, "ns/user");
	const char *own = tree_own_user_ns(tree);
	if (!p->user_ns || !own || strcmp(p->user_ns, own) != 0)
		p->uid_map = tree_read_proc(tree, process, "uid_map");
	p->network = read_namespace(process, "ns/net");
	p->ipc = read_namespace(process, "ns/ipc");
	p->root_errno = tree_stat_link(tree, process, "root", &p->root_st) ? 0 : errno;
}

/* Its directory could not be opened. */
static void set_unreadable(struct audit_process *p, int number)
{
	free(p->exe);
	p->exe = NULL;
	p->is_denied = is_denied(number);
	p->exe_errno = p->descriptors_errno = p->root_errno = number;
	p->network.number = p->ipc.number = number;
	p->unreadable = xasprintf("cannot open the process directory: %s", strerror(number));
}

struct audit_process *audit_process_read(struct audit *audit, pid_t pid, unsigned kinds)
{
	const struct audit_tree *tree = &audit->tree;
	cleanup_free char *name = xasprintf("%d", pid);
	cleanup_fd int process = tree_openat(tree, tree->proc, name, O_RDONLY | O_DIRECTORY);

	int number = process < 0 ? errno : 0;
	if (number == ENOENT || number == ESRCH)
		return NULL;
	struct audit_process *p = xcalloc(1, sizeof *p);
	p->pid = pid;
	p->name = xstrdup("");
	audit_executable_none(p);
	/*
	 * From here on the descriptor is of one process. If its number went to another one
	 * before, that shows now; if it does later, reading shows that this one has ended.
	 */
	p->found_by = audit_find_one(audit, process, pid, kinds, &p->exe, &p->exe_errno);
	if (!(kinds & 1U << p->found_by)) {
		audit_process_free(p);
		return NULL;
	}
	if (process < 0) {
		set_unreadable(p, number);
		return p;
	}
	read_start(tree, process, p);
	if (!read_threads(audit, process, p)) {
		audit_process_free(p);
		return NULL;
	}
	if (p->n_threads) {
		free(p->name);
		p->name = xstrdup(p->threads[0].details.name);
	}
	audit_executable_read(audit, process, p);
	int living = open_living(tree, process, p);
	read_descriptors(tree, process, living, p);
	/*
	 * Not its command line or its environment: they lie in its memory, in pages that it can
	 * have from a server that never answers (fs/proc/base.c, get_mm_cmdline()).
	 */
	p->label = tree_read_proc(tree, living, "attr/current");
	p->cgroup = tree_read_proc(tree, living, "cgroup");
	p->limits = tree_read_proc(tree, living, "limits");
	audit_core_read(audit, living, p);
	read_isolation(&audit->tree, living, p);
	if (living != process)
		close(living);
	return p;
}

void audit_process_free(struct audit_process *p)
{
	audit_threads_free(p->threads, p->n_threads);
	for (size_t i = 0; i < p->n_descriptors; i++)
		free(p->descriptors[i].target);
	free(p->descriptors);
	free(p->classes);
	free(p->name);
	free(p->vm_name);
	free(p->unit);
	free(p->exe);
	free(p->unreadable);
	free(p->label);
	free(p->cgroup);
	free(p->limits);
	free(p->uid_map);
	free(p->user_ns);
	free(p->network.link);
	free(p->ipc.link);
	free(p);
}
