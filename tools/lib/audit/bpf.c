/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/bpf.h"

#include "base/cleanup.h"
#include "base/log.h"

#ifndef BPF_LOADERS

struct audit_bpf *audit_bpf_open(void)
{
	info("built without BPF; reading /proc");
	return NULL;
}

void audit_bpf_close(struct audit_bpf *bpf)
{
	(void)bpf;
}

ssize_t audit_bpf_find(
	struct audit_bpf *bpf, const unsigned long long *sizes, size_t n_sizes, pid_t **pids)
{
	(void)bpf;
	(void)sizes;
	(void)n_sizes;
	(void)pids;
	return -1;
}

ssize_t audit_bpf_find_kvm(struct audit_bpf *bpf, pid_t **pids)
{
	(void)bpf;
	(void)pids;
	return -1;
}

bool audit_bpf_watch(struct audit_bpf *bpf, pid_t pid)
{
	(void)bpf;
	(void)pid;
	return false;
}

bool audit_bpf_threads(struct audit_bpf *bpf, pid_t pid, unsigned long long start,
	struct audit_thread **out, size_t *n)
{
	(void)bpf;
	(void)pid;
	(void)start;
	(void)out;
	(void)n;
	return false;
}

#else

#include "../../bpf/audit_record.h"
#include "base/array.h"

#include <errno.h>

#include <bpf/skel_internal.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Written by tools/bpf/loaders.c. */
#include BPF_LOADERS

/* The programs of tools/bpf/audit.bpf.c. */
enum program_name { AUDIT_ONE, AUDIT_THREADS, AUDIT_KVM_USERS, N_PROGRAMS };

static const struct {
	const unsigned char *data, *insns;
	unsigned data_size, insns_size;
} loaders[N_PROGRAMS] = {
#define LOADER(name)                                                                               \
	{                                                                                          \
		name##_data, name##_insns, sizeof name##_data, sizeof name##_insns                 \
	}
	LOADER(audit_one),
	LOADER(audit_threads),
	LOADER(audit_kvm_users),
};

/* Its descriptors; 0: it is not loaded. */
struct program {
	int fd, shared;
};

/* A thread's, of which the beginning alone may be there, and the one that has the rest. */
struct told {
	const struct audit_record *own, *rest;
};

/* What an iterator wrote. */
struct snapshot {
	char *bytes;
	struct told *records; /* ascending by tgid, then tid */
	size_t n;
};

struct audit_bpf {
	struct program programs[N_PROGRAMS];
	bool has_failed;
	enum program_name used;	    /* the first time, and the second */
	struct audit_shared wanted; /* what the first time was taken of */
	struct snapshot first, second;
	bool has_whole_second; /* it is of all processes, as the first one is */
};

struct audit_bpf *audit_bpf_open(void)
{
	return xcalloc(1, sizeof(struct audit_bpf));
}

static void unload(struct program *program)
{
	if (program->fd > 0)
		close(program->fd);
	if (program->shared > 0)
		close(program->shared);
	*program = (struct program){0};
}

static void forget(struct snapshot *snapshot)
{
	free(snapshot->bytes);
	free(snapshot->records);
	*snapshot = (struct snapshot){0};
}

void audit_bpf_close(struct audit_bpf *bpf)
{
	if (!bpf)
		return;
	for (size_t i = 0; i < N_PROGRAMS; i++)
		unload(&bpf->programs[i]);
	forget(&bpf->first);
	forget(&bpf->second);
	free(bpf);
}

/* False and info() where the kernel does not load it, or has refused another one. */
static bool load(struct audit_bpf *bpf, enum program_name name)
{
	struct {
		struct bpf_loader_ctx context;
		struct bpf_map_desc map;
		struct bpf_prog_desc program;
	} room;
	struct program *program = &bpf->programs[name];

	if (program->fd > 0 || bpf->has_failed)
		return !bpf->has_failed;
	memset(&room, 0, sizeof room);
	room.context.sz = sizeof room;
	struct bpf_load_and_run_opts options = {.ctx = &room.context,
		.data = loaders[name].data,
		.insns = loaders[name].insns,
		.data_sz = loaders[name].data_size,
		.insns_sz = loaders[name].insns_size};
	errno = 0;
	int error = bpf_load_and_run(&options);
	*program = (struct program){room.program.prog_fd, room.map.map_fd};
	if (error == 0 && program->fd > 0 && program->shared > 0)
		return true;
	info("cannot load BPF programs (%s); reading /proc", strerror(errno));
	unload(program);
	bpf->has_failed = true;
	return false;
}

/* Its link to the iterator; pid: to that of this process's threads, which Linux 6.1 has; 0: all. */
static int create_link(int program, pid_t pid)
{
	union bpf_iter_link_info one;
	union bpf_attr attr;

	memset(&one, 0, sizeof one);
	memset(&attr, 0, sizeof attr);
	one.task.pid = (unsigned)pid;
	attr.link_create.prog_fd = (unsigned)program;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	attr.link_create.iter_info = pid ? (uintptr_t)&one : 0;
	attr.link_create.iter_info_len = pid ? sizeof one : 0;
	return skel_sys_bpf(BPF_LINK_CREATE, &attr, sizeof attr);
}

static int create_iterator(int link)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.iter_create.link_fd = (unsigned)link;
	return skel_sys_bpf(BPF_ITER_CREATE, &attr, sizeof attr);
}

/* All that an iterator writes, new, *length bytes; NULL: it could not be read. */
static char *read_iterator(int link, size_t *length)
{
	size_t size = 0, room = 16384;
	cleanup_fd int fd = create_iterator(link);
	cleanup_free char *bytes = NULL;

	if (fd < 0)
		return NULL;
	bytes = xmalloc(room);
	for (;;) {
		ssize_t got = read(fd, bytes + size, room - size);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		size += (size_t)got;
		if (size == room) {
			room *= 2;
			bytes = xreallocarray(bytes, room, 1);
		}
	}
	*length = size;
	return steal_pointer(&bytes);
}

static int compare_ids(const struct told *x, const struct told *y)
{
	if (x->rest->tgid != y->rest->tgid)
		return x->rest->tgid > y->rest->tgid ? 1 : -1;
	return (x->own->tid > y->own->tid) - (x->own->tid < y->own->tid);
}

static int by_ids(const void *a, const void *b)
{
	return compare_ids(a, b);
}

/* Whether it is one, of which length bytes are left; rest: of the one before, or NULL. */
static bool is_record(const struct audit_record *r, size_t length, const struct audit_record *rest)
{
	const size_t least = offsetof(struct audit_record, groups);

	if (length < AUDIT_RECORD_SHARED || r->size > length ||
		r->size % sizeof(unsigned long long))
		return false;
	return r->size == AUDIT_RECORD_SHARED ? rest != NULL
					      : r->size >= least && r->size <= sizeof *r;
}

/* Finds the records in what was written. They mostly come in their order. */
static bool split(struct snapshot *snapshot, size_t length)
{
	const struct audit_record *rest = NULL;
	bool is_sorted = true;

	for (size_t at = 0; at < length;) {
		const struct audit_record *r = (const void *)(snapshot->bytes + at);
		if (!is_record(r, length - at, rest))
			return false;
		rest = r->size == AUDIT_RECORD_SHARED ? rest : r;
		ARRAY_GROW(snapshot->records, snapshot->n);
		struct told *told = &snapshot->records[snapshot->n++];
		*told = (struct told){r, rest};
		is_sorted = is_sorted && (snapshot->n == 1 || compare_ids(told - 1, told) <= 0);
		at += r->size;
	}
	if (!is_sorted)
		qsort(snapshot->records, snapshot->n, sizeof *snapshot->records, by_ids);
	return true;
}

/* It begins anew with a record that nothing is left out of. */
static bool take(const struct program *program, struct snapshot *snapshot, int link,
	const struct audit_shared *wanted)
{
	static const int key = 0;
	size_t length = 0;

	forget(snapshot);
	bool is_read =
		link >= 0 && skel_map_update_elem(program->shared, &key, wanted, BPF_ANY) == 0 &&
		(snapshot->bytes = read_iterator(link, &length)) != NULL && split(snapshot, length);
	if (!is_read)
		forget(snapshot);
	return is_read;
}

/* The link to all of what is wanted, in the way that the kernel has. */
static int link_wanted(const struct program *program, const struct audit_shared *wanted)
{
	int link = wanted->only ? create_link(program->fd, (pid_t)wanted->only) : -1;

	return link >= 0 ? link : create_link(program->fd, 0);
}

static bool take_first(
	struct audit_bpf *bpf, enum program_name name, const struct audit_shared *wanted)
{
	bpf->used = name;
	bpf->wanted = *wanted;
	bpf->has_whole_second = false;
	forget(&bpf->first);
	forget(&bpf->second);
	if (!load(bpf, name))
		return false;
	const struct program *program = &bpf->programs[name];
	cleanup_fd int link = link_wanted(program, wanted);
	return take(program, &bpf->first, link, wanted);
}

/*
 * Of that process alone, though the first time was of all: to go through all threads of a host once
 * more costs more than this. Where the kernel can't, it is of all, once.
 */
static void take_second(struct audit_bpf *bpf, pid_t pid)
{
	const struct program *program = &bpf->programs[bpf->used];
	const struct audit_shared one = {.only = (unsigned)pid};

	if (bpf->has_whole_second)
		return;
	cleanup_fd int link = create_link(program->fd, pid);
	if (link >= 0) {
		take(program, &bpf->second, link, &one);
		return;
	}
	cleanup_fd int whole = link_wanted(program, &bpf->wanted);
	bpf->has_whole_second = take(program, &bpf->second, whole, &bpf->wanted);
}

ssize_t audit_bpf_find(
	struct audit_bpf *bpf, const unsigned long long *sizes, size_t n_sizes, pid_t **pids)
{
	struct audit_shared wanted = {0};
	size_t n = 0;

	if (n_sizes > AUDIT_SIZES)
		return -1;
	memcpy(wanted.sizes, sizes, n_sizes * sizeof *sizes);
	if (!take_first(bpf, AUDIT_THREADS, &wanted))
		return -1;
	*pids = xcalloc(bpf->first.n + 1, sizeof **pids);
	for (size_t i = 0; i < bpf->first.n; i++) {
		pid_t pid = (pid_t)bpf->first.records[i].rest->tgid;
		/* 0: it has no id where the auditor is. */
		if (pid > 0 && (n == 0 || (*pids)[n - 1] != pid))
			(*pids)[n++] = pid;
	}
	return (ssize_t)n;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

ssize_t audit_bpf_find_kvm(struct audit_bpf *bpf, pid_t **pids)
{
	size_t length = 0, kept = 0;

	if (!load(bpf, AUDIT_KVM_USERS))
		return -1;
	cleanup_fd int link = create_link(bpf->programs[AUDIT_KVM_USERS].fd, 0);
	pid_t *all = link < 0 ? NULL : (pid_t *)(void *)read_iterator(link, &length);
	if (!all)
		return -1;
	size_t n = length / sizeof *all;
	if (n)
		qsort(all, n, sizeof *all, by_number);
	for (size_t i = 0; i < n; i++)
		if (all[i] > 0 && (kept == 0 || all[kept - 1] != all[i]))
			all[kept++] = all[i];
	*pids = all;
	return (ssize_t)kept;
}

bool audit_bpf_watch(struct audit_bpf *bpf, pid_t pid)
{
	struct audit_shared wanted = {.only = (unsigned)pid};

	return take_first(bpf, AUDIT_ONE, &wanted);
}

/* The records of a process, and how many these are. */
static const struct told *records_of(const struct snapshot *snapshot, pid_t pid, size_t *n)
{
	size_t low = 0, high = snapshot->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (snapshot->records[middle].rest->tgid < (unsigned)pid)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < snapshot->n; ++*n)
		if (snapshot->records[low + *n].rest->tgid != (unsigned)pid)
			break;
	return snapshot->records + low;
}

/* How many other threads there are is no credential of this one. */
static bool has_same_rest(const struct audit_record *a, const struct audit_record *b)
{
	const size_t own = offsetof(struct audit_record, n_threads),
		     next = own + sizeof a->n_threads;

	return a->size == b->size && a->is_whole == b->is_whole &&
	       memcmp((const char *)a + next, (const char *)b + next, a->size - next) == 0;
}

/* Nor is whether it sleeps or runs. */
static bool has_same_beginning(const struct audit_record *a, const struct audit_record *b)
{
	return a->tid == b->tid && memcmp(a->comm, b->comm, sizeof a->comm) == 0;
}

/* Whether it says all that is asked. An iterator of one process ends early where a thread does. */
static bool is_whole(const struct audit_record *r, size_t n_threads)
{
	return r->is_whole && r->n_groups <= AUDIT_RECORD_GROUPS && r->n_ns_pids > 0 &&
	       r->n_ns_pids <= AUDIT_RECORD_NS_PIDS &&
	       (r->n_threads == 0 || r->n_threads == n_threads);
}

/* fs/proc/array.c, get_task_state(), and linux/sched.h. */
static char state_of(const struct audit_record *r)
{
	static const char letters[] = "RSDTtXZ";

	for (int bit = 6; bit > 0; bit--)
		if ((r->state | r->exit_state) & 1U << (bit - 1))
			return letters[bit];
	return letters[0];
}

/* fs/proc/array.c, proc_task_name(): what would break the line is escaped. */
static void set_name(struct proc_details *details, const char comm[16])
{
	size_t n = 0;

	for (size_t i = 0; i < 16 && comm[i]; i++) {
		if (comm[i] == '\n' || comm[i] == '\\')
			details->name[n++] = '\\';
		details->name[n++] = comm[i];
		if (comm[i] == '\n')
			details->name[n - 1] = 'n';
	}
	details->name[n] = '\0';
}

/* like: of a thread with the same rest, whose groups it shares; NULL: there is none. */
static struct audit_thread to_thread(
	const struct told *told, size_t n_threads, const struct audit_thread *like)
{
	const struct audit_record *r = told->rest;
	struct audit_thread thread = {
		.tid = (pid_t)told->own->tid,
		.status = {.inheritable = r->inheritable,
			.permitted = r->permitted,
			.effective = r->effective,
			.bounding = r->bounding,
			.ambient = r->ambient,
			.no_new_privs = r->no_new_privs,
			.n_groups = r->n_groups,
			.threads = (uint32_t)n_threads},
		.details = {.state = state_of(told->own),
			.tgid = r->tgid,
			.pid = told->own->tid,
			.tracer = r->tracer,
			.seccomp = (int)r->seccomp,
			.seccomp_filters = r->seccomp_filters,
			.n_ns_pid = r->n_ns_pids},
		.securebits = (long)r->securebits,
		.files = r->files,
	};

	memcpy(thread.status.uid, r->uid, sizeof r->uid);
	memcpy(thread.status.gid, r->gid, sizeof r->gid);
	memcpy(thread.details.ns_pid, r->inner_pids, r->n_ns_pids * sizeof *r->inner_pids);
	thread.details.ns_pid[0] = told->own->tid;
	set_name(&thread.details, told->own->comm);
	if (like) {
		thread.status.groups = like->status.groups;
	} else if (r->n_groups) {
		thread.status.groups = xcalloc(r->n_groups, sizeof(gid_t));
		memcpy(thread.status.groups, r->groups, r->n_groups * sizeof(gid_t));
	}
	return thread;
}

/* Whether both times were the same, and all of it is told. */
static bool agree(const struct told *first, const struct told *second, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* Two pairs that were compared already. */
		bool is_known = i && first[i].rest == first[i - 1].rest &&
				second[i].rest == second[i - 1].rest;
		if (second[i].own->tid == 0 || !has_same_beginning(first[i].own, second[i].own) ||
			(!is_known && (!has_same_rest(first[i].rest, second[i].rest) ||
					      !is_whole(second[i].rest, n))))
			return false;
	}
	return true;
}

bool audit_bpf_threads(struct audit_bpf *bpf, pid_t pid, unsigned long long start,
	struct audit_thread **out, size_t *n)
{
	/* nsec_to_clock_t() of kernel/time/time.c. */
	const unsigned long long tick = 1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK);
	size_t n_first;
	const struct told *first = records_of(&bpf->first, pid, &n_first);

	if (n_first == 0)
		return false;
	take_second(bpf, pid);
	const struct told *second = records_of(&bpf->second, pid, n);
	if (*n != n_first || !agree(first, second, *n))
		return false;
	for (size_t i = 0; i < *n; i++)
		if (second[i].rest->start / tick != start)
			return false;
	*out = xcalloc(*n, sizeof **out);
	for (size_t i = 0; i < *n; i++) {
		bool is_alike = i && second[i].rest == second[i - 1].rest;
		(*out)[i] = to_thread(&second[i], *n, is_alike ? &(*out)[i - 1] : NULL);
	}
	return true;
}

#endif
