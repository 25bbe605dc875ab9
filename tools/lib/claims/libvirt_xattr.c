/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/libvirt_xattr.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/xattr.h"
#include "claims/boot.h"
#include "claims/xattr_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OWNER "trusted.libvirt.security.dac"
#define REFS "trusted.libvirt.security.ref_dac"
#define TIME "trusted.libvirt.security.timestamp_dac"

/* statfs(2) types of network and cluster file systems that <linux/magic.h> may lack. */
static bool is_shared(long type)
{
	static const uint32_t types[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xff534d42 /* CIFS */,
		0xfe534d42 /* SMB2 */, 0x01161970 /* GFS2 */, OCFS2_SUPER_MAGIC, AFS_SUPER_MAGIC,
		0x6b414653 /* kAFS */, 0x00c36400 /* CEPH */, 0x47504653 /* GPFS */,
		0x0bd00bd0 /* Lustre */, 0x65735546 /* FUSE */, V9FS_MAGIC, CODA_SUPER_MAGIC,
		0x61636673 /* ACFS */, 0x73757245 /* Coda */, 0x19830326 /* BeeGFS */};

	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if ((uint32_t)type == types[i])
			return true;
	return false;
}

/* Whether the disk that a block device is, or is a partition of, can be taken out. */
static bool is_removable(dev_t dev)
{
	static const char *const places[] = {"removable", "../removable"};

	for (size_t i = 0; i < 2; i++) {
		char answer = '0';
		cleanup_free char *path =
			xasprintf("/sys/dev/block/%u:%u/%s", major(dev), minor(dev), places[i]);
		cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, &answer, 1) == 1)
			return answer != '0';
	}
	return false;
}

int libvirt_xattr_counts(int fd, const struct stat *st)
{
	static bool known, counts;
	static dev_t dev;
	struct statfs fs;

	if (known && dev == st->st_dev)
		return counts;
	known = false;
	if (fstatfs(fd, &fs) < 0)
		return -1;
	known = true;
	dev = st->st_dev;
	counts = !is_shared(fs.f_type) && !is_removable(dev);
	return counts;
}

/* The attribute as a string; -1 and ENODATA where there is none. */
static ssize_t get(int fd, const char *name, char value[64])
{
	ssize_t n = xattr_get(fd, name, value, 63);

	if (n >= 0)
		value[n] = '\0';
	return n;
}

/* Whether there is another one than the count; -1: unknown. */
static int has_any(const struct xattr_names *names)
{
	errno = names->number;
	if (errno)
		return errno == E2BIG ? 1 : errno == ENOTSUP ? 0 : -1;
	return xattr_names_have(names, OWNER) || xattr_names_have(names, TIME);
}

static bool parse_number(const char **p, unsigned long long largest, unsigned long long *number)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*number = strtoull(*p, &end, 10);
	*p = end;
	return errno == 0 && *number <= largest;
}

/* "+UID:+GID", as libvirt writes it. (uid_t)-1 is no owner. */
static bool parse_owner(const char *text, struct libvirt_xattr *remembered)
{
	unsigned long long uid, gid;

	if (*text++ != '+' || !parse_number(&text, UINT32_MAX - 1, &uid) || *text++ != ':' ||
		*text++ != '+' || !parse_number(&text, UINT32_MAX - 1, &gid) || *text)
		return false;
	remembered->uid = (uid_t)uid;
	remembered->gid = (gid_t)gid;
	return true;
}

/* names: those of all its attributes; NULL: not known. is_counted: there may be a count. */
static void read_all(
	int fd, bool is_counted, const struct xattr_names *names, struct libvirt_xattr *r)
{
	char refs[64], owner[64], time[64];
	unsigned long long n, seconds;

	*r = (struct libvirt_xattr){.uid = (uid_t)-1, .gid = (gid_t)-1};
	errno = ENODATA;
	ssize_t has_refs = is_counted ? get(fd, REFS, refs) : -1;
	if (has_refs < 0 && errno != ENODATA) {
		r->state = errno == ENOTSUP || errno == ENOSYS ? LIBVIRT_XATTR_UNSUPPORTED
							       : LIBVIRT_XATTR_MALFORMED;
		return;
	}
	r->state = LIBVIRT_XATTR_MALFORMED;
	cleanup_xattr_names struct xattr_names own = {0};
	if (!names && has_refs < 0)
		own = xattr_names_of(fd);
	int any = has_refs >= 0 ? 1 : has_any(names ? names : &own);
	if (any <= 0) {
		r->state = any < 0 ? LIBVIRT_XATTR_MALFORMED : LIBVIRT_XATTR_NONE;
		return;
	}
	ssize_t has_owner = get(fd, OWNER, owner);
	if (has_owner < 0 && errno != ENODATA)
		return;
	ssize_t has_time = get(fd, TIME, time);
	if (has_time < 0 && errno != ENODATA)
		return;
	if (has_owner >= 0 && !parse_owner(owner, r)) {
		r->state = LIBVIRT_XATTR_MALFORMED;
		errno = EINVAL;
		return;
	}
	if (has_refs < 0 || has_owner < 0) {
		r->state = LIBVIRT_XATTR_PARTIAL;
		return;
	}
	const char *p = refs;
	r->state = LIBVIRT_XATTR_MALFORMED;
	errno = EINVAL;
	if (!parse_number(&p, UINT_MAX, &n) || *p || n == 0)
		return;
	r->refs = (unsigned)n;
	/* libvirt takes them for stale where the time is missing. */
	p = time;
	if (has_time < 0) {
		r->state = LIBVIRT_XATTR_STALE;
	} else if (parse_number(&p, LLONG_MAX, &seconds) && !*p) {
		r->time = (long long)seconds;
		int matches = boot_time_matches(r->time);
		r->state = matches < 0 ? LIBVIRT_XATTR_MALFORMED
			   : matches   ? LIBVIRT_XATTR_CURRENT
				       : LIBVIRT_XATTR_STALE;
	}
}

void libvirt_xattr_read(int fd, struct libvirt_xattr *r)
{
	read_all(fd, true, NULL, r);
}

void libvirt_xattr_read_named(
	int fd, const struct stat *st, const struct xattr_names *names, struct libvirt_xattr *r)
{
	/* The last file system that was seen to have them, which a list without names does not
	 * tell. */
	static dev_t supporting;
	bool is_listed = !names->number && st->st_dev == supporting;

	read_all(fd, !is_listed || xattr_names_have(names, REFS), names, r);
	if (r->state != LIBVIRT_XATTR_UNSUPPORTED && r->state != LIBVIRT_XATTR_MALFORMED)
		supporting = st->st_dev;
}

static int set(int fd, const char *name, const char *value)
{
	return xattr_set(fd, name, value, strlen(value));
}

int libvirt_xattr_write_refs(int fd, unsigned refs)
{
	char value[32];

	snprintf(value, sizeof value, "%u", refs);
	return set(fd, REFS, value);
}

int libvirt_xattr_write_owner(int fd, uid_t uid, gid_t gid)
{
	char value[64];

	snprintf(value, sizeof value, "+%u:+%u", uid, gid);
	return set(fd, OWNER, value);
}

int libvirt_xattr_write(int fd, const struct libvirt_xattr *r)
{
	char value[32];

	/* The count comes last: without it, libvirt takes the file for one without a holder. */
	snprintf(value, sizeof value, "%lld", r->time);
	if (libvirt_xattr_write_owner(fd, r->uid, r->gid) < 0 || set(fd, TIME, value) < 0)
		return -1;
	return libvirt_xattr_write_refs(fd, r->refs);
}

int libvirt_xattr_remove(int fd)
{
	static const char *const names[] = {REFS, OWNER, TIME};

	for (size_t i = 0; i < 3; i++) {
		if (xattr_remove(fd, names[i]) < 0 && errno != ENODATA && errno != ENOTSUP)
			return -1;
	}
	return 0;
}
