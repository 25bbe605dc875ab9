/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/posix_acl.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/xattr.h>

#define ACL_VERSION 2

struct on_disk {
	uint16_t tag, rights;
	uint32_t id;
};

int posix_acl_next(const void *acl, size_t length, size_t *at, struct posix_acl_entry *entry)
{
	uint32_t version;
	struct on_disk raw;

	if (*at == 0) {
		if (length < sizeof version)
			return -1;
		memcpy(&version, acl, sizeof version);
		if (le32toh(version) != ACL_VERSION || (length - sizeof version) % sizeof raw)
			return -1;
		*at = sizeof version;
	}
	if (*at >= length)
		return 0;
	memcpy(&raw, (const char *)acl + *at, sizeof raw);
	*at += sizeof raw;
	*entry = (struct posix_acl_entry){
		le16toh(raw.tag), le16toh(raw.rights) & 7, le32toh(raw.id)};
	return 1;
}

unsigned posix_acl_mask(const void *acl, size_t length)
{
	struct posix_acl_entry entry;
	size_t at = 0;

	while (posix_acl_next(acl, length, &at, &entry) > 0)
		if (entry.tag == ACL_MASK)
			return entry.rights;
	return 7;
}

/* File systems without such attributes, the last ones found; a program meets a few. */
static struct {
	dev_t device;
	const char *attribute;
} without[8];
static unsigned n_without;

static bool is_without(dev_t device, const char *attribute)
{
	for (unsigned i = 0; i < sizeof without / sizeof *without; i++)
		if (without[i].attribute && without[i].device == device &&
			strcmp(without[i].attribute, attribute) == 0)
			return true;
	return false;
}

static ssize_t read_once(int fd, const char *attribute, void *value, size_t room)
{
	ssize_t n = fgetxattr(fd, attribute, value, room);

	if (n >= 0 || errno != EBADF)
		return n;
	n = getxattr(IO_FD_PATH(fd), attribute, value, room);
	if (n >= 0 || errno != ENOENT)
		return n;
	/* Without /proc, as in an installer's root, a directory can be opened from itself. */
	cleanup_fd int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -1 : fgetxattr(directory, attribute, value, room);
}

ssize_t posix_acl_read(int fd, dev_t device, const char *attribute, char **value)
{
	char few[512];

	*value = NULL;
	if (is_without(device, attribute)) {
		errno = ENOTSUP;
		return -1;
	}
	ssize_t n = read_once(fd, attribute, few, sizeof few);
	if (n >= 0) {
		*value = xmalloc((size_t)n + 1);
		memcpy(*value, few, (size_t)n);
	} else if (errno == ERANGE) {
		/* No value is longer (xattr(7)). */
		cleanup_free char *all = xmalloc(XATTR_SIZE_MAX);
		n = read_once(fd, attribute, all, XATTR_SIZE_MAX);
		if (n >= 0)
			*value = steal_pointer(&all);
	} else if (errno == ENOTSUP) {
		unsigned i = n_without++ % (sizeof without / sizeof *without);
		without[i].device = device;
		without[i].attribute = attribute;
	}
	return n;
}
