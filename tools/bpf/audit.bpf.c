/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of audit_bpf.c: an iterator over all threads, which writes a record for
 * each one of QEMU, and one over all descriptors, which writes the ids of processes that
 * have a virtual machine of KVM open (Documentation/bpf/bpf_iterators.rst).
 *
 * Only what is read of the kernel's structures is declared here; where a field lies is
 * looked up in the running kernel's BTF when the program is loaded.
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
	struct seccomp seccomp;
	char comm[16];
};
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
#pragma clang attribute pop

/* linux/sched.h: the bit of atomic_flags. */
#define PFA_NO_NEW_PRIVS 0

char LICENSE[] SEC("license") = "GPL";

struct audit_wanted wanted;

/*
 * Everything behind the iterator's own pointers is read by BPF_CORE_READ(), not by following
 * it: the verifier looks each pointer that is followed up by name in all of the kernel's
 * types, and loading the programs took twice as long.
 */

/* Programs that are not QEMU have no record: most of them end here. */
static int is_qemu_name(struct dentry *dentry)
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

static int is_wanted(struct task_struct *task, __u32 tgid)
{
	if (wanted.tgid)
		return wanted.tgid == tgid;
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	if (!exe)
		return 0;
	__u64 size = (__u64)BPF_CORE_READ(exe, f_inode, i_size);
	for (int i = 0; i < AUDIT_SIZES && wanted.sizes[i]; i++)
		if (wanted.sizes[i] == size)
			return 1;
	return is_qemu_name(BPF_CORE_READ(exe, f_path.dentry));
}

static struct upid number_at(struct pid *pid, unsigned int level)
{
	struct upid number = {0};

	bpf_probe_read_kernel(&number, sizeof number, &pid->numbers[0] + level);
	return number;
}

/* The auditor, as the kernel numbers it within its own pid namespace. */
static struct pid *auditors_pid(unsigned int *level)
{
	struct task_struct *auditor = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(auditor, thread_pid);

	*level = BPF_CORE_READ(pid, level);
	return pid;
}

/* Its id in the auditor's pid namespace; 0: it has none there. */
static __u32 id_of(struct task_struct *task)
{
	unsigned int level;
	struct pid *auditor = auditors_pid(&level);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	if (!pid || BPF_CORE_READ(pid, level) < level)
		return 0;
	struct upid own = number_at(auditor, level);
	struct upid number = number_at(pid, level);
	return own.ns == number.ns ? (__u32)number.nr : 0;
}

static void add_ns_pids(struct audit_record *r, struct pid *pid)
{
	unsigned int level;

	auditors_pid(&level);
	r->n_ns_pids = BPF_CORE_READ(pid, level) - level + 1;
	for (unsigned int i = 0; i < AUDIT_RECORD_NS_PIDS && i < r->n_ns_pids; i++)
		r->ns_pids[i] = (__u32)number_at(pid, level + i).nr;
}

/* A set is 64 bits: two halves before Linux 6.3, of the same layout. */
#define READ_SET(cred, set)                                                                        \
	({                                                                                         \
		__u64 value_ = 0;                                                                  \
		bpf_probe_read_kernel(                                                             \
			&value_, sizeof value_, __builtin_preserve_access_index(&(cred)->set));    \
		value_;                                                                            \
	})

/* real_cred is what others may do to the thread, and what /proc shows (linux/cred.h). */
static void add_credentials(struct audit_record *r, struct cred *cred)
{
	r->uid[0] = BPF_CORE_READ(cred, uid.val);
	r->uid[1] = BPF_CORE_READ(cred, euid.val);
	r->uid[2] = BPF_CORE_READ(cred, suid.val);
	r->uid[3] = BPF_CORE_READ(cred, fsuid.val);
	r->gid[0] = BPF_CORE_READ(cred, gid.val);
	r->gid[1] = BPF_CORE_READ(cred, egid.val);
	r->gid[2] = BPF_CORE_READ(cred, sgid.val);
	r->gid[3] = BPF_CORE_READ(cred, fsgid.val);
	r->securebits = BPF_CORE_READ(cred, securebits);
	r->inheritable = READ_SET(cred, cap_inheritable);
	r->permitted = READ_SET(cred, cap_permitted);
	r->effective = READ_SET(cred, cap_effective);
	r->bounding = READ_SET(cred, cap_bset);
	r->ambient = READ_SET(cred, cap_ambient);
	struct group_info *groups = BPF_CORE_READ(cred, group_info);
	r->n_groups = (__u32)BPF_CORE_READ(groups, ngroups);
	unsigned int n = r->n_groups;
	if (n > 0 && n <= AUDIT_RECORD_GROUPS)
		bpf_probe_read_kernel(r->groups, n * sizeof(__u32), &groups->gid[0]);
}

SEC("iter/task")
int audit_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct audit_record r = {0};

	if (!task)
		return 0;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	r.tgid = wanted.tgid ? id_of(leader) : 0;
	/* A thread that is being buried has no number any more. */
	if (!pid || !is_wanted(task, r.tgid))
		return 0;
	r.tgid = id_of(leader);
	r.tid = id_of(task);
	r.tracer = BPF_CORE_READ(task, ptrace) ? id_of(BPF_CORE_READ(task, parent)) : 0;
	r.no_new_privs = BPF_CORE_READ(task, atomic_flags) >> PFA_NO_NEW_PRIVS & 1;
	r.seccomp = (__u32)BPF_CORE_READ(task, seccomp.mode);
	r.seccomp_filters = -1;
	if (bpf_core_field_exists(task->seccomp.filter_count))
		r.seccomp_filters = BPF_CORE_READ(task, seccomp.filter_count.counter);
	r.state = BPF_CORE_READ(task, __state);
	r.exit_state = (__u32)BPF_CORE_READ(task, exit_state);
	r.start = BPF_CORE_READ(leader, start_boottime);
	bpf_probe_read_kernel(r.comm, sizeof r.comm, task->comm);
	add_ns_pids(&r, pid);
	/* The object that is read is never changed: a thread that changes gets another one. */
	add_credentials(&r, (struct cred *)BPF_CORE_READ(task, real_cred));
	bpf_seq_write(ctx->meta->seq, &r, sizeof r);
	return 0;
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
	__u32 tgid = id_of(BPF_CORE_READ(task, group_leader));
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof tgid);
	return 0;
}
