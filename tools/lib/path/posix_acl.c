/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/posix_acl.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/xattr.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
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

/* File systems, and whether they can have such attributes; a program meets a few. */
struct known {
	dev_t device;
	const char *attribute;
	bool has;
};
static struct known known[16];
static unsigned n_known;

/* NULL: not seen yet, or too long ago. */
static const struct known *find_known(dev_t device, const char *attribute)
{
	for (unsigned i = 0; i < N_ELEMENTS(known); i++)
		if (known[i].attribute && known[i].device == device &&
			strcmp(known[i].attribute, attribute) == 0)
			return &known[i];
	return NULL;
}

static void learn(dev_t device, const char *attribute, bool has)
{
	if (!find_known(device, attribute))
		known[n_known++ % N_ELEMENTS(known)] = (struct known){device, attribute, has};
}

bool posix_acl_gives_nothing(dev_t device, mode_t mode)
{
	const struct known *seen = mode & S_IRWXG ? NULL : find_known(device, POSIX_ACL_ACCESS);

	return seen && seen->has;
}

static ssize_t read_once(int fd, const char *attribute, void *value, size_t room)
{
	ssize_t n = xattr_get(fd, attribute, value, room);

	if (n >= 0 || errno != ENOENT)
		return n;
	/* Without /proc, as in an installer's root, a directory can be opened from itself. */
	cleanup_fd int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -1 : fgetxattr(directory, attribute, value, room);
}

ssize_t posix_acl_read(int fd, dev_t device, const char *attribute, char **value)
{
	const struct known *seen = find_known(device, attribute);
	char few[512];

	*value = NULL;
	if (seen && !seen->has) {
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
	}
	if (n >= 0 || errno == ENODATA || errno == ENOTSUP)
		learn(device, attribute, n >= 0 || errno == ENODATA);
	return n;
}
