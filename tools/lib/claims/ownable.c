/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/ownable.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text_list.h"
#include "base/xattr.h"
#include "claims/acl_text.h"
#include "claims/xattr_names.h"
#include "path/safepath.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an owner can set and a file system does not by itself. */
#define FLAGS                                                                                      \
	(FS_SECRM_FL | FS_UNRM_FL | FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_NOTAIL_FL |     \
		FS_DIRSYNC_FL | FS_NOCOW_FL | FS_PROJINHERIT_FL | FS_VERITY_FL)
#define XFLAGS                                                                                     \
	(FS_XFLAG_SYNC | FS_XFLAG_NOATIME | FS_XFLAG_NODUMP | FS_XFLAG_RTINHERIT |                 \
		FS_XFLAG_PROJINHERIT | FS_XFLAG_NOSYMLINKS | FS_XFLAG_EXTSIZE |                    \
		FS_XFLAG_EXTSZINHERIT | FS_XFLAG_NODEFRAG | FS_XFLAG_FILESTREAM | FS_XFLAG_DAX |   \
		FS_XFLAG_COWEXTSIZE)

#define BEYOND_LIST                                                                                \
	"their names are more than the kernel lists (64 KiB), so they cannot be compared; copy "   \
	"its "                                                                                     \
	"content to a new file: cp --sparse=always"

void ownable_say(char **said, char *sentence)
{
	char *all = *said ? xasprintf("%s; %s", *said, sentence) : NULL;

	if (!all) {
		*said = sentence;
		return;
	}
	free(sentence);
	free(*said);
	*said = all;
}

/* Reading. */

static acl_t get_acl(const struct ownable_object *object, acl_type_t type)
{
	return type == ACL_TYPE_ACCESS ? acl_text_access(object->fd, object->mode)
				       : acl_text_read(object->fd, type);
}

static bool read_acl(
	const struct ownable_object *object, acl_type_t type, char **text, char **error)
{
	cleanup_acl acl_t acl = get_acl(object, type);

	if (!acl && (errno == ENOTSUP || errno == ENOSYS))
		return true;
	return (acl && (*text = acl_text_of(acl)) != NULL) ||
	       error_set_errno(error, "cannot read its ACL");
}

static bool is_unsupported(void)
{
	return errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

/* What the descriptor is open for is the same to both. */
static bool read_flags(int file, struct ownable *o, char **error)
{
	struct fsxattr x = {0};
	unsigned flags = 0;

	if (ioctl(file, FS_IOC_FSGETXATTR, &x) < 0 || ioctl(file, FS_IOC_GETFLAGS, &flags) < 0)
		return is_unsupported() || error_set_errno(error, "cannot read its inode flags");
	o->has_flags = true;
	o->flags = flags & FLAGS;
	o->xflags = x.fsx_xflags & XFLAGS;
	o->project = x.fsx_projid;
	o->extent_size = x.fsx_extsize;
	o->cow_extent_size = x.fsx_cowextsize;
	return true;
}

int ownable_open(int fd, char type, bool *leased)
{
	int flags = O_RDONLY | O_NONBLOCK | (type == 'd' ? O_DIRECTORY : 0);

	*leased = false;
	if (type != 'f' && type != 'd')
		return -1;
	int file = safepath_reopen(fd, flags);
	*leased = file < 0 && errno == EWOULDBLOCK;
	return file;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ownable_attribute *)a)->name,
		((const struct ownable_attribute *)b)->name);
}

/* One that goes between the list and the value is not there. */
static bool read_attribute(int fd, const char *name, size_t *total, struct ownable *o, char **error)
{
	cleanup_free unsigned char *value = xmalloc(OWNABLE_MAX_ATTRIBUTES);
	ssize_t n = xattr_get(fd, name, value, OWNABLE_MAX_ATTRIBUTES);

	if (n < 0 && errno == ENODATA)
		return true;
	if (n < 0)
		return error_set_errno(error, "cannot read its user.* attributes");
	*total += strlen(name) + (size_t)n;
	unsigned char *copy = xmalloc((size_t)n + 1);
	memcpy(copy, value, (size_t)n);
	ownable_add(o, xstrdup(name), copy, (size_t)n);
	return true;
}

static bool read_attributes(
	int fd, const struct xattr_names *names, struct ownable *o, char **error)
{
	size_t total = 0;

	/* More than listxattr(2) gives anybody: fs/xattr.c, XATTR_LIST_MAX. */
	errno = names->number;
	if (errno == E2BIG) {
		*error = xstrdup("it has so many attributes that " BEYOND_LIST);
		return false;
	}
	if (errno)
		/* ENODATA is a FUSE server's way to say that there are none. */
		return errno == ENOTSUP || errno == ENOSYS || errno == ENODATA ||
		       error_set_errno(error, "cannot list its attributes");
	for (const char *p = names->all; p < names->all + names->size; p += strlen(p) + 1)
		if (strncmp(p, "user.", 5) == 0 && !read_attribute(fd, p, &total, o, error))
			return false;
	if (o->n_attributes > 0)
		qsort(o->attributes, o->n_attributes, sizeof *o->attributes, by_name);
	o->has_attributes = true;
	if (total <= OWNABLE_MAX_ATTRIBUTES)
		return true;
	*error = xasprintf("its user.* attributes have %zu bytes, and at most %zu are recorded; "
			   "list them with getfattr -d, and remove some with setfattr -x",
		total, OWNABLE_MAX_ATTRIBUTES);
	return false;
}

bool ownable_read(const struct ownable_object *object, const struct xattr_names *names,
	struct ownable *o, char **error)
{
	return (!object->is_open || read_flags(object->fd, o, error)) &&
	       read_acl(object, ACL_TYPE_ACCESS, &o->acl, error) &&
	       (object->type != 'd' ||
		       read_acl(object, ACL_TYPE_DEFAULT, &o->default_acl, error)) &&
	       read_attributes(object->fd, names, o, error);
}

/* Putting back. */

mode_t ownable_mode(mode_t mode, const char *text)
{
	cleanup_acl acl_t acl = text ? acl_from_text(text) : NULL;
	acl_entry_t group = acl ? acl_text_find(acl, ACL_MASK, 0) : NULL;

	if (acl && !group)
		group = acl_text_find(acl, ACL_GROUP_OBJ, 0);
	if (!group)
		return mode;
	return (mode & ~(mode_t)070) | (mode_t)(acl_text_bits(group) << 3);
}

static bool restore_acl(const struct ownable_object *object, acl_type_t type, const char *text,
	bool was_closed, char **said, char **error)
{
	const char *which = type == ACL_TYPE_DEFAULT ? "default ACL" : "ACL";
	cleanup_acl acl_t now = get_acl(object, type);
	cleanup_acl acl_t wanted = acl_from_text(text);

	if (!now || !wanted)
		return error_set_errno(error, "cannot read its ACL");
	int differ = acl_cmp(now, wanted);
	if (differ == 0)
		return true;
	if (differ < 0 || acl_text_write(object->fd, type, wanted) < 0)
		return error_set_errno(error, "cannot restore its ACL");
	/* That was done here, by a release that could not do more. */
	if (was_closed && acl_equiv_mode(now, NULL) == 0)
		return true;
	/* What is nothing but its mode is said as a mode. */
	if (type == ACL_TYPE_ACCESS && acl_equiv_mode(now, NULL) == 0 &&
		acl_equiv_mode(wanted, NULL) == 0)
		return true;
	cleanup_free char *gained = acl_text_difference(now, wanted);
	cleanup_free char *lost = acl_text_difference(wanted, now);
	if (*gained)
		ownable_say(said, xasprintf("its %s had gained %s; restored", which, gained));
	else
		ownable_say(said, xasprintf("its %s had lost %s; restored", which, lost));
	return true;
}

static bool has_flags(const struct ownable *a, const struct ownable *b)
{
	return a->flags == b->flags && a->xflags == b->xflags && a->project == b->project &&
	       a->extent_size == b->extent_size && a->cow_extent_size == b->cow_extent_size;
}

static bool set_flags(int file, const struct ownable *wanted)
{
	struct fsxattr x = {0};
	unsigned flags = 0;

	if (ioctl(file, FS_IOC_FSGETXATTR, &x) < 0)
		return false;
	x.fsx_xflags = (x.fsx_xflags & ~(uint32_t)XFLAGS) | wanted->xflags;
	x.fsx_projid = wanted->project;
	x.fsx_extsize = wanted->extent_size;
	x.fsx_cowextsize = wanted->cow_extent_size;
	if (ioctl(file, FS_IOC_FSSETXATTR, &x) < 0 || ioctl(file, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	flags = (flags & ~(unsigned)FLAGS) | wanted->flags;
	return ioctl(file, FS_IOC_SETFLAGS, &flags) == 0;
}

/*
 * Some can't be set back, as the extent size of a file that has extents, or a seal by
 * fs-verity; a file system may refuse that, or say yes and do nothing.
 */
static bool write_flags(int file, const struct ownable *wanted, char **said, char **error)
{
	struct ownable now = {0};
	bool is_set = set_flags(file, wanted);
	int number = is_set ? EOPNOTSUPP : errno;

	if (!read_flags(file, &now, error))
		return false;
	ownable_say(said,
		has_flags(&now, wanted)
			? xstrdup("its inode flags, project or extent sizes were changed; restored")
			: xasprintf("its inode flags, project or extent sizes were changed, and "
				    "cannot be restored: %s; see lsattr -p, or copy the file",
				  strerror(number)));
	return true;
}

static bool restore_flags(const struct ownable *wanted, const struct ownable_object *object,
	char **said, char **error)
{
	struct ownable now = {0};
	bool leased = false;
	cleanup_fd int opened =
		object->is_open ? -1 : ownable_open(object->fd, object->type, &leased);
	int file = object->is_open ? object->fd : opened;

	if (leased)
		ownable_say(said, xstrdup("cannot compare its inode flags with those at the claim, "
					  "since a process has a lease on it; see lsattr -p"));
	if (file < 0)
		return leased || error_set_errno(error, "cannot open it");
	if (!read_flags(file, &now, error))
		return false;
	return !now.has_flags || has_flags(&now, wanted) || write_flags(file, wanted, said, error);
}

static const struct ownable_attribute *find(const struct ownable *o, const char *name)
{
	for (size_t i = 0; i < o->n_attributes; i++)
		if (strcmp(o->attributes[i].name, name) == 0)
			return &o->attributes[i];
	return NULL;
}

/* Those that were added go, and those that went or changed come back. */
static bool make_same(
	int fd, const struct ownable *now, const struct ownable *wanted, struct text_list *names)
{
	for (size_t i = 0; i < now->n_attributes; i++) {
		const char *name = now->attributes[i].name;
		if (find(wanted, name))
			continue;
		if (xattr_remove(fd, name) < 0 && errno != ENODATA)
			return false;
		text_list_add(names, name, strlen(name));
	}
	for (size_t i = 0; i < wanted->n_attributes; i++) {
		const struct ownable_attribute *a = &wanted->attributes[i];
		const struct ownable_attribute *b = find(now, a->name);
		if (b && a->size == b->size && memcmp(a->value, b->value, a->size) == 0)
			continue;
		if (xattr_set(fd, a->name, a->value, a->size) < 0)
			return false;
		text_list_add(names, a->name, strlen(a->name));
	}
	return true;
}

static bool restore_attributes(const struct ownable *wanted, int fd, char **said, char **error)
{
	cleanup_xattr_names struct xattr_names names = xattr_names_of(fd);
	struct text_list changed = {.separator = ", "};
	struct ownable now = {0};

	bool good = read_attributes(fd, &names, &now, error);
	/* No other try finds less, and all the rest is put back. */
	if (!good && names.number == E2BIG) {
		ownable_say(said, steal_pointer(error));
		return true;
	}
	/* More than a claim would remember are no reason to leave them. */
	if (!good && now.has_attributes) {
		free(*error);
		*error = NULL;
		good = true;
	}
	if (good && !make_same(fd, &now, wanted, &changed))
		good = error_set_errno(error, "cannot restore its user.* attributes");
	ownable_free(&now);
	cleanup_free char *all = text_list_end(&changed);
	if (*all)
		ownable_say(said, xasprintf("its attributes were changed: %s; restored", all));
	return good;
}

/* Without its entries for users and groups, and without anything for its group. */
static void close_acl(int fd)
{
	const char *path = IO_FD_PATH(fd);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	cleanup_acl acl_t none = acl_from_mode(st.st_mode & ~(mode_t)077);
	if (none)
		acl_text_write(fd, ACL_TYPE_ACCESS, none);
	/* Where there is an ACL still, these bits are its mask. */
	chmod(path, st.st_mode & 0700);
}

/* One step of several, of which none is left out for another one's sake. */
static void try(bool good, char **error, char **errors)
{
	if (!good)
		ownable_say(errors, steal_pointer(error));
}

bool ownable_restore(const struct ownable *wanted, const char *acl,
	const struct ownable_object *object, char **said, bool *is_closed, char **error)
{
	bool was_closed = *is_closed;
	char *one = NULL;

	*error = NULL;
	*is_closed = false;
	/* Attributes and ACLs have the same room: what was added goes before what was lost comes.
	 */
	if (wanted->has_attributes)
		try(restore_attributes(wanted, object->fd, said, &one), &one, error);
	if (acl && !restore_acl(object, ACL_TYPE_ACCESS, acl, was_closed, said, &one)) {
		try(false, &one, error);
		close_acl(object->fd);
		*is_closed = true;
	}
	if (wanted->default_acl)
		try(restore_acl(object, ACL_TYPE_DEFAULT, wanted->default_acl, false, said, &one),
			&one, error);
	if (wanted->has_flags)
		try(restore_flags(wanted, object, said, &one), &one, error);
	return !*error;
}
