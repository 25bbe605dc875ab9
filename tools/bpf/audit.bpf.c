/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of audit_bpf.c: an iterator over all threads, which writes a record for
 * each one of QEMU, and one over all descriptors, which writes the ids of processes that
 * have a virtual machine of KVM open (Documentation/bpf/bpf_iterators.rst).
 *
 * Only what is read of the kernel's structures is declared here; where a field lies is
 * looked up by the running kernel in its own BTF when the program is loaded.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#include "audit_record.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file;
struct kuid {
	__u32 val;
};
struct kgid {
	__u32 val;
};
struct kernel_cap {
	__u64 val;
};
struct group_info {
	int ngroups;
	struct kgid gid[];
};
struct cred {
	struct kuid uid, suid, euid, fsuid;
	struct kgid gid, sgid, egid, fsgid;
	unsigned int securebits;
	struct kernel_cap cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	struct group_info *group_info;
};
struct inode {
	long long i_size;
};
struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct qstr d_name;
};
struct path {
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
};
struct mm_struct {
	struct file *exe_file;
};
struct files_struct;
struct signal_struct {
	int nr_threads;
};
struct pid_namespace;
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[];
};
struct seccomp_count {
	int counter;
};
struct seccomp {
	int mode;
	struct seccomp_count filter_count; /* since Linux 5.9 */
};
struct task_struct {
	unsigned int __state;
	int exit_state;
	unsigned int ptrace;
	unsigned long atomic_flags;
	struct task_struct *parent, *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	const struct cred *real_cred;
	struct mm_struct *mm;
	struct files_struct *files;
	struct signal_struct *signal;
	struct seccomp seccomp;
	char comm[16];
};
#pragma clang attribute pop

/* Of the programs' own interface: the verifier compares these itself. */
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

/* linux/sched.h: the bit of atomic_flags. */
#define PFA_NO_NEW_PRIVS 0

char LICENSE[] SEC("license") = "GPL";

struct audit_shared shared;

/*
 * Numbers of the iterator's own thread are read in place. Every pointer is read by
 * BPF_CORE_READ(), not by following it: the verifier looks each one that is followed up by name
 * in all of the kernel's types, and loading the programs took twice as long.
 */

/* Programs that are not QEMU have no record: most of them end here. */
static __always_inline int is_qemu_name(struct dentry *dentry)
{
	/* Eight and four bytes of a name; "qemu-kvm" with its end. */
	union {
		char text[16];
		struct {
			__u64 first;
			__u32 next;
		} words;
	} name = {0}, system = {"qemu-system-"}, kvm = {"qemu-kvm"};

	bpf_probe_read_kernel_str(name.text, 13, BPF_CORE_READ(dentry, d_name.name));
	return name.words.first == system.words.first
		       ? name.words.next == system.words.next
		       : name.words.first == kvm.words.first && name.text[8] == '\0';
}

static __always_inline int is_wanted(struct task_struct *task)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);

	if (!exe)
		return 0;
	__u64 size = (__u64)BPF_CORE_READ(exe, f_inode, i_size);
	for (int i = 0; i < AUDIT_SIZES && shared.sizes[i]; i++)
		if (shared.sizes[i] == size)
			return 1;
	return is_qemu_name(BPF_CORE_READ(exe, f_path.dentry));
}

static __always_inline struct upid number_at(struct pid *pid, unsigned int level)
{
	struct upid number = {0};

	bpf_probe_read_kernel(&number, sizeof number, &pid->numbers[0] + level);
	return number;
}

/* The auditor's own pid namespace, and how deep that is: the same at each call. */
static __always_inline void find_own(void)
{
	if (shared.own_ns)
		return;
	struct task_struct *auditor = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(auditor, thread_pid);
	shared.own_level = BPF_CORE_READ(pid, level);
	shared.own_ns = (__u64)number_at(pid, shared.own_level).ns;
}

/* Its id in the auditor's pid namespace; 0: it has none there. */
static __always_inline __u32 id_of(struct pid *pid)
{
	if (!pid || BPF_CORE_READ(pid, level) < shared.own_level)
		return 0;
	struct upid number = number_at(pid, shared.own_level);
	return shared.own_ns == (__u64)number.ns ? (__u32)number.nr : 0;
}

static __always_inline __u32 id_of_task(struct task_struct *task)
{
	return id_of(BPF_CORE_READ(task, thread_pid));
}

static __always_inline void add_ns_pids(struct audit_record *r, struct pid *pid)
{
	__u32 n = BPF_CORE_READ(pid, level) - shared.own_level + 1;

	r->n_ns_pids = n;
	for (unsigned int i = 1; i < AUDIT_RECORD_NS_PIDS && i < n; i++)
		r->inner_pids[i] = (__u32)number_at(pid, shared.own_level + i).nr;
}

/* Where a field lies in struct cred, which was copied in one piece. */
#define IN_CRED(field) (shared.cred + bpf_core_field_offset(struct cred, field))

static __always_inline __u32 number_in(const char *at)
{
	return *(const __u32 *)at;
}

/* A set is 64 bits: two halves before Linux 6.3, of the same layout. */
static __always_inline __u64 set_in(const char *at)
{
	return number_in(at) | (__u64)number_in(at + 4) << 32;
}

/*
 * real_cred is what others may do to the thread, and what /proc shows (linux/cred.h). The object
 * is never changed: a thread that changes gets another one. False where it could not be copied.
 */
static __always_inline int add_credentials(struct audit_record *r, struct cred *cred)
{
	unsigned int size = bpf_core_type_size(struct cred);

	if (size > sizeof shared.cred || bpf_probe_read_kernel(shared.cred, size, cred) != 0)
		return 0;
	r->uid[0] = number_in(IN_CRED(uid));
	r->uid[1] = number_in(IN_CRED(euid));
	r->uid[2] = number_in(IN_CRED(suid));
	r->uid[3] = number_in(IN_CRED(fsuid));
	r->gid[0] = number_in(IN_CRED(gid));
	r->gid[1] = number_in(IN_CRED(egid));
	r->gid[2] = number_in(IN_CRED(sgid));
	r->gid[3] = number_in(IN_CRED(fsgid));
	r->securebits = number_in(IN_CRED(securebits));
	r->inheritable = set_in(IN_CRED(cap_inheritable));
	r->permitted = set_in(IN_CRED(cap_permitted));
	r->effective = set_in(IN_CRED(cap_effective));
	r->bounding = set_in(IN_CRED(cap_bset));
	r->ambient = set_in(IN_CRED(cap_ambient));
	struct group_info *groups = *(struct group_info **)IN_CRED(group_info);
	unsigned int n = 0;
	if (bpf_core_read(&n, sizeof n, &groups->ngroups) != 0)
		return 0;
	r->n_groups = n;
	return n == 0 || n > AUDIT_RECORD_GROUPS ||
	       bpf_probe_read_kernel(r->groups, n * sizeof(__u32), &groups->gid[0]) == 0;
}

/* In eights, of which a record is made. Both end with zeros. */
static __always_inline int is_as_before(const struct audit_record *r)
{
	const __u64 *a = (const void *)r, *b = (const void *)&shared.before;
	__u64 differs = 0;

	for (unsigned int i = AUDIT_RECORD_SHARED / 8; i < sizeof *r / 8; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

/* One that finds no room is asked for again. */
static __always_inline void write(struct seq_file *seq, struct audit_record *r)
{
	if (is_as_before(r)) {
		r->size = AUDIT_RECORD_SHARED;
		bpf_seq_write(seq, r, AUDIT_RECORD_SHARED);
	} else if (r->size <= sizeof *r && bpf_seq_write(seq, r, r->size) == 0) {
		shared.before = *r;
	}
}

static __always_inline int write_record(
	struct bpf_iter__task *ctx, struct task_struct *task, __u32 n_threads)
{
	struct audit_record *r = &shared.record;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	/* A thread that is being buried has no number any more. */
	if (!pid)
		return 0;
	find_own();
	__builtin_memset(r, 0, sizeof *r);
	r->n_threads = n_threads;
	r->tid = id_of(pid);
	r->tgid = leader == task ? r->tid : id_of_task(leader);
	if (shared.only && shared.only != r->tgid)
		return 0;
	if (task->ptrace)
		r->tracer = id_of_task(BPF_CORE_READ(task, parent));
	r->no_new_privs = task->atomic_flags >> PFA_NO_NEW_PRIVS & 1;
	r->seccomp = (__u32)task->seccomp.mode;
	r->seccomp_filters = -1;
	if (bpf_core_field_exists(task->seccomp.filter_count))
		r->seccomp_filters = task->seccomp.filter_count.counter;
	r->state = task->__state;
	r->exit_state = (__u32)task->exit_state;
	r->start = BPF_CORE_READ(leader, start_boottime);
	r->files = (__u64)BPF_CORE_READ(task, files);
	bpf_probe_read_kernel(r->comm, sizeof r->comm, task->comm);
	add_ns_pids(r, pid);
	r->is_whole = add_credentials(r, (struct cred *)BPF_CORE_READ(task, real_cred));
	r->size = sizeof *r - sizeof r->groups;
	if (r->n_groups <= AUDIT_RECORD_GROUPS)
		r->size += (r->n_groups + 1) / 2 * 2 * sizeof(__u32);
	write(ctx->meta->seq, r);
	return 0;
}

/* Of one process, whatever it is: less to verify than what finds one of many. */
SEC("iter/task")
int audit_one(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	return task ? write_record(ctx, task, (__u32)BPF_CORE_READ(task, signal, nr_threads)) : 0;
}

/* Of all that may be QEMU, and then of one. */
SEC("iter/task")
int audit_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task || (!shared.only && !is_wanted(task)))
		return 0;
	return write_record(
		ctx, task, shared.only ? (__u32)BPF_CORE_READ(task, signal, nr_threads) : 0);
}

SEC("iter/task_file")
int audit_kvm_users(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	union {
		char text[16];
		__u64 word;
	} name = {0}, old = {"kvm-vm"}, new = {"[kvm-vm]"};

	if (!task || !file)
		return 0;
	/* As the links of /proc/PID/fd have it behind "anon_inode:". */
	bpf_probe_read_kernel_str(name.text, 9, BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (name.word != old.word && name.word != new.word)
		return 0;
	find_own();
	__u32 tgid = id_of_task(BPF_CORE_READ(task, group_leader));
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof tgid);
	return 0;
}
