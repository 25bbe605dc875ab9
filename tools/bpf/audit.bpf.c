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
struct seccomp {
	int mode;
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

/* Whether the first bytes are those of the text; there is no memcmp(3) here. */
static __always_inline int begins(const char *name, const char *text, int length)
{
	for (int i = 0; i < length; i++)
		if (name[i] != text[i])
			return 0;
	return 1;
}

/* Programs that are not QEMU have no record: most of them end here. */
static int is_qemu_name(const struct dentry *dentry)
{
	char name[13] = "";

	bpf_probe_read_kernel_str(name, sizeof name, dentry->d_name.name);
	return begins(name, "qemu-system-", 12) || begins(name, "qemu-kvm", 9);
}

static int is_wanted(struct task_struct *task, __u32 tgid)
{
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : 0;

	if (wanted.tgid)
		return wanted.tgid == tgid;
	if (!exe)
		return 0;
	__u64 size = (__u64)exe->f_inode->i_size;
	for (int i = 0; i < AUDIT_SIZES && wanted.sizes[i]; i++)
		if (wanted.sizes[i] == size)
			return 1;
	return is_qemu_name(exe->f_path.dentry);
}

static struct upid number_at(const struct pid *pid, unsigned int level)
{
	struct upid number = {0};

	bpf_probe_read_kernel(&number, sizeof number, &pid->numbers[0] + level);
	return number;
}

/* Its id in the auditor's pid namespace; 0: it has none there. */
static __u32 id_of(struct task_struct *task)
{
	struct task_struct *auditor = (void *)bpf_get_current_task_btf();
	struct pid *pid = task->thread_pid;
	unsigned int level = auditor->thread_pid->level;

	if (!pid || pid->level < level)
		return 0;
	struct upid own = number_at(auditor->thread_pid, level);
	struct upid number = number_at(pid, level);
	return own.ns == number.ns ? (__u32)number.nr : 0;
}

static void add_ns_pids(struct audit_record *r, const struct pid *pid)
{
	unsigned int level = ((struct task_struct *)bpf_get_current_task_btf())->thread_pid->level;

	r->n_ns_pids = pid->level - level + 1;
	for (unsigned int i = 0; i < AUDIT_RECORD_NS_PIDS && i < r->n_ns_pids; i++)
		r->ns_pids[i] = (__u32)number_at(pid, level + i).nr;
}

static __u64 set_of(const struct kernel_cap *set)
{
	__u64 value = 0;

	/* Two halves before Linux 6.3, of the same layout. */
	bpf_probe_read_kernel(&value, sizeof value, set);
	return value;
}

/* real_cred is what others may do to the thread, and what /proc shows (linux/cred.h). */
static void add_credentials(struct audit_record *r, const struct cred *cred)
{
	r->uid[0] = cred->uid.val;
	r->uid[1] = cred->euid.val;
	r->uid[2] = cred->suid.val;
	r->uid[3] = cred->fsuid.val;
	r->gid[0] = cred->gid.val;
	r->gid[1] = cred->egid.val;
	r->gid[2] = cred->sgid.val;
	r->gid[3] = cred->fsgid.val;
	r->securebits = cred->securebits;
	r->inheritable = set_of(&cred->cap_inheritable);
	r->permitted = set_of(&cred->cap_permitted);
	r->effective = set_of(&cred->cap_effective);
	r->bounding = set_of(&cred->cap_bset);
	r->ambient = set_of(&cred->cap_ambient);
	r->n_groups = (__u32)cred->group_info->ngroups;
	unsigned int n = r->n_groups;
	if (n > 0 && n <= AUDIT_RECORD_GROUPS)
		bpf_probe_read_kernel(r->groups, n * sizeof(__u32), &cred->group_info->gid[0]);
}

SEC("iter/task")
int audit_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct audit_record r = {0};

	if (!task || !task->thread_pid)
		return 0;
	r.tgid = id_of(task->group_leader);
	if (!is_wanted(task, r.tgid))
		return 0;
	r.tid = id_of(task);
	r.tracer = task->ptrace ? id_of(task->parent) : 0;
	r.no_new_privs = task->atomic_flags >> PFA_NO_NEW_PRIVS & 1;
	r.seccomp = (__u32)task->seccomp.mode;
	r.state = task->__state;
	r.exit_state = (__u32)task->exit_state;
	r.start = task->group_leader->start_boottime;
	bpf_probe_read_kernel(r.comm, sizeof r.comm, task->comm);
	add_ns_pids(&r, task->thread_pid);
	add_credentials(&r, task->real_cred);
	bpf_seq_write(ctx->meta->seq, &r, sizeof r);
	return 0;
}

SEC("iter/task_file")
int audit_kvm_users(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	char name[10] = "";

	if (!task || !file)
		return 0;
	/* As the links of /proc/PID/fd have it behind "anon_inode:". */
	bpf_probe_read_kernel_str(name, sizeof name, file->f_path.dentry->d_name.name);
	if (!begins(name, "kvm-vm", 7) && !begins(name, "[kvm-vm]", 9))
		return 0;
	__u32 tgid = id_of(task->group_leader);
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof tgid);
	return 0;
}
