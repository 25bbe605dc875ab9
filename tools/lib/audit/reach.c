/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of what a process reaches through its groups and its open descriptors. */
#include "audit/check_functions.h"
#include "audit/objects.h"
#include "audit/ordinary.h"
#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "path/look.h"
#include "path/posix_acl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

static const char *rights_name(int rights)
{
	if ((rights & (R_OK | W_OK)) == (R_OK | W_OK))
		return "read and write";
	return rights & W_OK ? "write" : "read";
}

/*
 * The group that was made for the user alone: what has it was meant for QEMU. A user
 * that was given another primary group does not make that one its own.
 */
static bool is_private_group(const struct audit *audit, uid_t uid, gid_t gid)
{
	if (audit->has_user != 1 || !audit->user.name || audit->user.uid != uid ||
		audit->user.gid != gid)
		return false;
	cleanup_free char *expected = xasprintf("%s (%u)", audit->user.name, gid);
	cleanup_free char *name = tree_group_name(&audit->tree, gid);
	return strcmp(name, expected) == 0;
}

static struct group_reach find_reach(struct audit *audit, uid_t uid, gid_t gid)
{
	struct group_reach reach = {.uid = uid, .gid = gid};
	size_t n;
	const struct sensitive_object *objects = audit_objects(audit, &n);

	for (size_t i = 0; i < n; i++) {
		const struct sensitive_object *object = &objects[i];
		int rights = audit_group_rights(object, gid);
		if (!rights || (uid && object->st.st_uid == uid) ||
			audit_is_claimed(audit, &object->st, uid))
			continue;
		/* The one that can be written to tells more. */
		if (!reach.first || (rights & W_OK && !(reach.rights & W_OK)))
			reach.first = object;
		reach.rights |= rights;
		reach.n++;
	}
	reach.number = audit->objects_errno;
	return reach;
}

/* Processes of one host mostly have the same few groups: each is looked at once. */
static struct group_reach reach_of(struct audit *audit, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < audit->n_reaches; i++)
		if (audit->reaches[i].uid == uid && audit->reaches[i].gid == gid)
			return audit->reaches[i];
	struct group_reach reach = {.uid = uid, .gid = gid};
	if (gid != 0 && !is_private_group(audit, uid, gid))
		reach = find_reach(audit, uid, gid);
	audit->reaches =
		xreallocarray(audit->reaches, audit->n_reaches + 1, sizeof *audit->reaches);
	return audit->reaches[audit->n_reaches++] = reach;
}

bool audit_group_reaches(struct audit *audit, uid_t uid, gid_t gid)
{
	struct group_reach reach = reach_of(audit, uid, gid);

	return reach.first || reach.number;
}

/* 0, or an errno: why it may reach more. */
static int judge_group(struct audit *audit, size_t class, uid_t uid, gid_t gid)
{
	struct group_reach reach = reach_of(audit, uid, gid);

	if (!reach.first)
		return reach.number;
	cleanup_free char *name = tree_group_name(&audit->tree, gid);
	cleanup_free char *more =
		reach.n > 1 ? xasprintf(" and %zu more objects", reach.n - 1) : xstrdup("");
	audit_fail(audit, class, "group %s gives %s access to %s%s", name,
		rights_name(reach.rights), reach.first->path, more);
	return reach.number;
}

void check_groups(struct audit *audit, const struct audit_process *process)
{
	int number = 0;

	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		uid_t uid = status->uid[PROC_FS];
		for (size_t i = 0; i < 4 + status->n_groups; i++) {
			gid_t gid = i < 4 ? status->gid[i] : status->groups[i - 4];
			bool is_seen = false;
			for (size_t k = 0; k < i && k < 4 && !is_seen; k++)
				is_seen = gid == status->gid[k];
			int why = is_seen ? 0 : judge_group(audit, c, uid, gid);
			number = why ? why : number;
		}
	}
	if (number)
		audit_unreadable(
			audit, number, "cannot examine all objects that its groups give access to");
}

static bool is_member(const struct proc_status *status, gid_t gid)
{
	for (size_t i = 0; i < status->n_groups; i++)
		if (status->groups[i] == gid)
			return true;
	return status->gid[PROC_FS] == gid;
}

static int wanted_by(int flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return R_OK;
	case O_WRONLY:
		return W_OK;
	default:
		return R_OK | W_OK;
	}
}

/* Whether an ACL entry of the user's own gives these rights; -1: no answer came. */
static int acl_allows(
	const struct audit *audit, const struct audit_descriptor *d, uid_t uid, int wanted)
{
	char acl[4096];
	struct stat st;

	cleanup_fd int fd = tree_open_path(&audit->tree, d->target, O_PATH);
	if (fd < 0 || !look_stat_fd(fd, &st))
		return errno == ATTEMPT_SILENT ? -1 : 0;
	if (st.st_dev != d->st.st_dev || st.st_ino != d->st.st_ino)
		return 0;
	ssize_t n = look_getxattr(fd, -1, POSIX_ACL_ACCESS, acl, sizeof acl);
	if (n < 0 && errno == ATTEMPT_SILENT)
		return -1;
	int rights = n > 0 ? audit_acl_rights(acl, (size_t)n, ACL_USER, uid) : -1;
	return rights >= 0 && (rights & wanted) == wanted;
}

/*
 * Whether the thread could have opened it so by itself (path_resolution(7)); a root with
 * all its power could, which is what P01 and P05 are about.
 */
static bool could_open(
	struct audit *audit, const struct audit_process *process, const struct audit_descriptor *d)
{
	const struct proc_status *status = &process->threads[0].status;
	const uint64_t override = UINT64_C(1) << CAP_DAC_OVERRIDE;
	int wanted = wanted_by(d->flags);
	mode_t mode = d->st.st_mode;

	/* An ordinary user's counts in its own user namespace alone. */
	if (status->permitted & override && !process->is_ordinary)
		return true;
	if (d->st.st_uid == status->uid[PROC_FS])
		return ((int)(mode >> 6) & wanted) == wanted;
	int by_acl = acl_allows(audit, d, status->uid[PROC_FS], wanted);
	if (by_acl < 0)
		audit_unreadable(audit, ATTEMPT_SILENT, d->target);
	if (by_acl)
		return true;
	if (is_member(status, d->st.st_gid))
		return ((int)(mode >> 3) & wanted) == wanted;
	return ((int)mode & wanted) == wanted;
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]);
}

/* Files of the host's own: what may not be opened there by the user is not for it. */
static bool is_of_host(struct audit *audit, const struct audit_descriptor *d)
{
	static const char *const directories[] = {
		"/bin", "/boot", "/etc", "/lib", "/lib64", "/root", "/sbin", "/usr"};
	size_t n;
	const struct sensitive_object *objects = audit_objects(audit, &n);

	for (size_t i = 0; i < N_ELEMENTS(directories); i++)
		if (is_below(d->target, directories[i]))
			return true;
	/* By another name. */
	for (size_t i = 0; i < n; i++)
		if (objects[i].st.st_dev == d->st.st_dev && objects[i].st.st_ino == d->st.st_ino)
			return true;
	return is_below(d->target, "/sys") && wanted_by(d->flags) & W_OK;
}

/* "/proc/PID/mem" of another process, and what of /proc steers the kernel. */
static const char *proc_power(const struct audit_process *process, const struct audit_descriptor *d)
{
	int pid = 0, end = 0;

	if (strcmp(d->target, "/proc/kcore") == 0)
		return "kernel memory";
	if (sscanf(d->target, "/proc/%d/%n", &pid, &end) == 1 && end > 0) {
		if (strcmp(d->target + end, "mem") == 0 && pid != process->pid)
			return "memory of another process";
		return NULL;
	}
	if (is_below(d->target, "/proc") && wanted_by(d->flags) & W_OK)
		return "a kernel setting";
	return NULL;
}

/* What the descriptor gives that the user has no right to; NULL: nothing. */
static const char *power_of(
	struct audit *audit, const struct audit_process *process, const struct audit_descriptor *d)
{
	/* Descriptors are the whole process's: its first thread stands for it (see P11). */
	uid_t uid = process->threads[0].status.uid[PROC_FS];
	const char *power;

	if (!d->has_st || (d->flags >= 0 && d->flags & O_PATH))
		return NULL;
	if (audit_descriptor_is_harmless(process, d) || audit_is_claimed(audit, &d->st, uid))
		return NULL;
	if (process->is_ordinary && audit_has_id(audit, process, d->st.st_uid))
		return NULL;
	power = audit_device_power(d->target, &d->st);
	if (power)
		return power;
	power = proc_power(process, d);
	if (power)
		return power;
	if ((S_ISREG(d->st.st_mode) || (S_ISDIR(d->st.st_mode) && wanted_by(d->flags) & W_OK)) &&
		is_of_host(audit, d) && !could_open(audit, process, d))
		return "a host file that its user could not open this way";
	return NULL;
}

static void judge_descriptor(
	struct audit *audit, const struct audit_process *process, const struct audit_descriptor *d)
{
	const char *how = "in an unknown mode";
	const char *power = power_of(audit, process, d);

	if (!power)
		return;
	if (d->flags >= 0)
		how = (d->flags & O_ACCMODE) == O_RDONLY   ? "for reading"
		      : (d->flags & O_ACCMODE) == O_WRONLY ? "for writing"
							   : "for reading and writing";
	/* What an ordinary user could have opened, any program of that user's could. */
	(process->is_ordinary && !could_open(audit, process, d) ? audit_fail_beyond : audit_fail)(
		audit, NO_CLASS, "file descriptor %d is open %s on %s: %s%s", d->number, how,
		d->target, power,
		audit->claims_unread ? "; cannot read the claims of virt-priv-chown" : "");
}

void check_descriptors(struct audit *audit, const struct audit_process *process)
{
	if (process->descriptors_errno)
		audit_unreadable(audit, process->descriptors_errno,
			process->n_descriptors ? "cannot examine all file descriptors"
					       : "cannot list the file descriptors");
	if (process->n_threads == 0 && process->n_descriptors) {
		audit_unknown(audit, "cannot determine the user of the file descriptors; see P00");
		return;
	}
	bool has_file = false;
	for (size_t i = 0; i < process->n_descriptors; i++) {
		judge_descriptor(audit, process, &process->descriptors[i]);
		has_file = has_file || S_ISREG(process->descriptors[i].st.st_mode);
	}
	if (has_file && audit->objects_errno)
		audit_unreadable(audit, audit->objects_errno,
			"cannot examine all objects that its file descriptors may refer to");
}
