/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/bpf.h"

#include "base/cleanup.h"
#include "base/log.h"

#ifndef BPF_OBJECT

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

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The compiled tools/bpf/audit.bpf.c. */
__asm__(".section .rodata\n"
	".balign 8\n"
	"audit_bpf_begin:\n"
	".incbin \"" BPF_OBJECT "\"\n"
	"audit_bpf_end:\n"
	".previous\n");
extern const char audit_bpf_begin[], audit_bpf_end[];

/* Of libbpf, which need not be there: looked up, not linked. */
#define FUNCTIONS(X)                                                                               \
	X(libbpf_set_print)                                                                        \
	X(bpf_object__open_mem)                                                                    \
	X(bpf_object__load)                                                                        \
	X(bpf_object__close)                                                                       \
	X(bpf_object__find_map_by_name)                                                            \
	X(bpf_object__find_program_by_name)                                                        \
	X(bpf_map__fd)                                                                             \
	X(bpf_map__value_size)                                                                     \
	X(bpf_map_update_elem)                                                                     \
	X(bpf_program__attach_iter)                                                                \
	X(bpf_link__fd)                                                                            \
	X(bpf_link__destroy)                                                                       \
	X(bpf_iter_create)

struct snapshot {
	struct audit_record *records; /* ascending by tgid, then tid */
	size_t n;
};

struct audit_bpf {
	void *library;
#define POINTER(name) __typeof__(&(name)) name;
	FUNCTIONS(POINTER)
	struct bpf_object *object;
	struct bpf_link *threads, *kvm_users;
	int wanted; /* the map that holds the kernel's side's variable of that name */
	struct snapshot first, second;
};

static bool find_functions(struct audit_bpf *bpf)
{
	bpf->library = dlopen("libbpf.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!bpf->library)
		return false;
#define LOOK_UP(name)                                                                              \
	bpf->name = (__typeof__(bpf->name))dlsym(bpf->library, #name);                             \
	if (!bpf->name)                                                                            \
		return false;
	FUNCTIONS(LOOK_UP)
	return true;
}

static struct bpf_link *attach(struct audit_bpf *bpf, const char *name)
{
	struct bpf_program *program = bpf->bpf_object__find_program_by_name(bpf->object, name);

	return program ? bpf->bpf_program__attach_iter(program, NULL) : NULL;
}

static bool load(struct audit_bpf *bpf)
{
	const char *begin = audit_bpf_begin;
	size_t length = (size_t)((uintptr_t)audit_bpf_end - (uintptr_t)audit_bpf_begin);

	bpf->libbpf_set_print(NULL);
	bpf->object = bpf->bpf_object__open_mem(begin, length, NULL);
	if (!bpf->object || bpf->bpf_object__load(bpf->object) != 0)
		return false;
	struct bpf_map *map = bpf->bpf_object__find_map_by_name(bpf->object, ".bss");
	bpf->wanted = map ? bpf->bpf_map__fd(map) : -1;
	bpf->threads = attach(bpf, "audit_threads");
	bpf->kvm_users = attach(bpf, "audit_kvm_users");
	return bpf->wanted >= 0 && bpf->bpf_map__value_size(map) == sizeof(struct audit_wanted) &&
	       bpf->threads && bpf->kvm_users;
}

struct audit_bpf *audit_bpf_open(void)
{
	struct audit_bpf *bpf = xcalloc(1, sizeof *bpf);

	if (!find_functions(bpf))
		info("libbpf.so.1 is not installed; reading /proc");
	else if (!load(bpf))
		info("cannot load BPF programs (%s); reading /proc", strerror(errno));
	else
		return bpf;
	audit_bpf_close(bpf);
	return NULL;
}

void audit_bpf_close(struct audit_bpf *bpf)
{
	if (!bpf)
		return;
	if (bpf->threads)
		bpf->bpf_link__destroy(bpf->threads);
	if (bpf->kvm_users)
		bpf->bpf_link__destroy(bpf->kvm_users);
	if (bpf->object)
		bpf->bpf_object__close(bpf->object);
	if (bpf->library)
		dlclose(bpf->library);
	free(bpf->first.records);
	free(bpf->second.records);
	free(bpf);
}

/* All that an iterator writes, new, of *n records of that size; NULL: it could not be read. */
static void *read_iterator(
	struct audit_bpf *bpf, const struct bpf_link *link, size_t record, size_t *n)
{
	size_t size = 0, room = 65536;
	cleanup_fd int fd = bpf->bpf_iter_create(bpf->bpf_link__fd(link));
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
	if (size % record)
		return NULL;
	*n = size / record;
	return steal_pointer(&bytes);
}

static int by_ids(const void *a, const void *b)
{
	const struct audit_record *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid > y->tgid ? 1 : -1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static bool take(struct audit_bpf *bpf, struct snapshot *snapshot)
{
	free(snapshot->records);
	snapshot->records =
		read_iterator(bpf, bpf->threads, sizeof *snapshot->records, &snapshot->n);
	if (!snapshot->records) {
		snapshot->n = 0;
		return false;
	}
	if (snapshot->n)
		qsort(snapshot->records, snapshot->n, sizeof *snapshot->records, by_ids);
	return true;
}

static bool take_twice(struct audit_bpf *bpf, const struct audit_wanted *wanted)
{
	const int key = 0;

	bpf->first.n = bpf->second.n = 0;
	return bpf->bpf_map_update_elem(bpf->wanted, &key, wanted, BPF_ANY) == 0 &&
	       take(bpf, &bpf->first) && take(bpf, &bpf->second);
}

ssize_t audit_bpf_find(
	struct audit_bpf *bpf, const unsigned long long *sizes, size_t n_sizes, pid_t **pids)
{
	struct audit_wanted wanted = {0};
	size_t n = 0;

	if (n_sizes > AUDIT_SIZES)
		return -1;
	memcpy(wanted.sizes, sizes, n_sizes * sizeof *sizes);
	if (!take_twice(bpf, &wanted))
		return -1;
	*pids = xcalloc(bpf->second.n + 1, sizeof **pids);
	for (size_t i = 0; i < bpf->second.n; i++) {
		pid_t pid = (pid_t)bpf->second.records[i].tgid;
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
	size_t n, kept = 0;
	pid_t *all = read_iterator(bpf, bpf->kvm_users, sizeof(pid_t), &n);

	if (!all)
		return -1;
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
	const struct audit_wanted wanted = {.tgid = (unsigned)pid};

	return take_twice(bpf, &wanted);
}

/* The records of a process, and how many these are. */
static const struct audit_record *records_of(const struct snapshot *snapshot, pid_t pid, size_t *n)
{
	size_t low = 0, high = snapshot->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (snapshot->records[middle].tgid < (unsigned)pid)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < snapshot->n; ++*n)
		if (snapshot->records[low + *n].tgid != (unsigned)pid)
			break;
	return snapshot->records + low;
}

/* Whether it sleeps or runs is no credential. */
static bool is_same(const struct audit_record *a, const struct audit_record *b)
{
	struct audit_record x = *a, y = *b;

	x.state = x.exit_state = y.state = y.exit_state = 0;
	return memcmp(&x, &y, sizeof x) == 0;
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

static struct audit_thread to_thread(const struct audit_record *r, size_t n_threads)
{
	struct audit_thread thread = {
		.tid = (pid_t)r->tid,
		.status = {.inheritable = r->inheritable,
			.permitted = r->permitted,
			.effective = r->effective,
			.bounding = r->bounding,
			.ambient = r->ambient,
			.no_new_privs = r->no_new_privs,
			.n_groups = r->n_groups,
			.threads = (uint32_t)n_threads},
		.details = {.state = state_of(r),
			.tgid = r->tgid,
			.pid = r->tid,
			.tracer = r->tracer,
			.seccomp = (int)r->seccomp,
			.seccomp_filters = r->seccomp_filters,
			.n_ns_pid = r->n_ns_pids},
		.securebits = (long)r->securebits,
	};

	memcpy(thread.status.uid, r->uid, sizeof r->uid);
	memcpy(thread.status.gid, r->gid, sizeof r->gid);
	memcpy(thread.details.ns_pid, r->ns_pids, r->n_ns_pids * sizeof *r->ns_pids);
	set_name(&thread.details, r->comm);
	if (r->n_groups) {
		thread.status.groups = xcalloc(r->n_groups, sizeof(gid_t));
		memcpy(thread.status.groups, r->groups, r->n_groups * sizeof(gid_t));
	}
	return thread;
}

bool audit_bpf_threads(struct audit_bpf *bpf, pid_t pid, unsigned long long start,
	struct audit_thread **out, size_t *n)
{
	/* nsec_to_clock_t() of kernel/time/time.c. */
	const unsigned long long tick = 1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK);
	size_t n_first;
	const struct audit_record *first = records_of(&bpf->first, pid, &n_first);
	const struct audit_record *second = records_of(&bpf->second, pid, n);

	if (*n == 0 || *n != n_first)
		return false;
	for (size_t i = 0; i < *n; i++)
		if (!is_same(&first[i], &second[i]) || second[i].start / tick != start ||
			second[i].n_groups > AUDIT_RECORD_GROUPS || second[i].n_ns_pids == 0 ||
			second[i].n_ns_pids > AUDIT_RECORD_NS_PIDS || second[i].tid == 0)
			return false;
	*out = xcalloc(*n, sizeof **out);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = to_thread(&second[i], *n);
	return true;
}

#endif
