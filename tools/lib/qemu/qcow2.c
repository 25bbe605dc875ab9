/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/qcow2.h"

#include "base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x514649fbU
#define EXTENSION_END 0U
#define EXTENSION_BACKING_FORMAT 0xe2792acaU
#define EXTENSION_DATA_FILE 0x44415441U
#define MAX_NAME 1023

enum { AT_VERSION = 4, AT_BACKING = 8, AT_BACKING_SIZE = 16, AT_HEADER_LENGTH = 100 };
enum { LENGTH_2 = 72, LENGTH_3 = 104 };

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const unsigned char *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static bool fail(struct qcow2 *out, char **error, const char *why)
{
	qcow2_free(out);
	*error = xasprintf("invalid qcow2 image: %s", why);
	return false;
}

/* A name that the header says stands there; NULL: it does not. */
static char *name_at(const unsigned char *bytes, size_t length, uint64_t at, uint32_t size)
{
	if (size == 0 || size > MAX_NAME || at > length || size > length - at ||
		memchr(bytes + at, '\0', size))
		return NULL;
	return xstrndup((const char *)bytes + at, size);
}

/* The extensions lie between the header and the backing file's name, each padded to 8 bytes. */
static bool parse_extensions(
	const unsigned char *bytes, size_t length, size_t at, struct qcow2 *out)
{
	while (at <= length && length - at >= 8) {
		uint32_t type = be32(bytes + at), size = be32(bytes + at + 4);
		at += 8;
		if (type == EXTENSION_END)
			return true;
		if (size > length - at)
			return false;
		char **name = type == EXTENSION_BACKING_FORMAT ? &out->backing_format
			      : type == EXTENSION_DATA_FILE    ? &out->data_file
							       : NULL;
		if (name && !*name && (*name = name_at(bytes, length, at, size)) == NULL)
			return false;
		at += ((size_t)size + 7) & ~(size_t)7;
	}
	/* A header without its end within the first bytes names nothing that QEMU would use. */
	return false;
}

bool qcow2_parse(const unsigned char *bytes, size_t length, struct qcow2 *out, char **error)
{
	size_t header = LENGTH_2;

	*out = (struct qcow2){0};
	if (length < LENGTH_2 || be32(bytes) != MAGIC)
		return fail(out, error, "bad magic number");
	uint32_t version = be32(bytes + AT_VERSION);
	if (version >= 3) {
		header = length < LENGTH_3 ? 0 : be32(bytes + AT_HEADER_LENGTH);
		if (header < LENGTH_3 || header > length)
			return fail(out, error, "invalid header length");
	} else if (version != 2) {
		return fail(out, error, "unknown version");
	}
	uint64_t at = be64(bytes + AT_BACKING);
	if (at && be32(bytes + AT_BACKING_SIZE) &&
		(out->backing = name_at(bytes, length, at, be32(bytes + AT_BACKING_SIZE))) == NULL)
		return fail(out, error, "backing file name outside of the header");
	if (!parse_extensions(bytes, length, header, out))
		return fail(out, error, "malformed header extensions");
	return true;
}

void qcow2_free(struct qcow2 *qcow2)
{
	free(qcow2->backing);
	free(qcow2->backing_format);
	free(qcow2->data_file);
	*qcow2 = (struct qcow2){0};
}
