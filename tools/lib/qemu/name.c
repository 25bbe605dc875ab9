/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File names of block devices that begin with a protocol, as -drive file= and -hda take them
 * (path_has_protocol() in block.c, and the bdrv_parse_filename of each driver), and keys that
 * lead into them.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <ctype.h>
#include <string.h>

static struct qemuargs_name rest_of(const char *name, enum qemuargs_protocol protocol, size_t begin)
{
	return (struct qemuargs_name){.protocol = protocol, .begin = begin, .end = strlen(name)};
}

/* vvfat_parse_filename(): fat:[32:][floppy:][rw:]DIR, and the workaround for DOS drives. */
static struct qemuargs_name split_fat(const char *name)
{
	size_t colon = (size_t)(strrchr(name, ':') - name);
	bool drive =
		colon >= 5 && name[colon - 2] == ':' && isalpha((unsigned char)name[colon - 1]);
	struct qemuargs_name split = rest_of(name, PROTOCOL_FAT, drive ? colon - 1 : colon + 1);

	split.writable = strstr(name, ":rw:") != NULL;
	return split;
}

/* SCHEME+unix://...?socket=PATH */
static struct qemuargs_name split_unix_uri(const char *name)
{
	const char *query = strchr(name, '?');
	const char *path = query ? qemuargs_behind(query, "?socket=") : NULL;

	if (!path)
		return rest_of(name, PROTOCOL_OTHER, 0);
	struct qemuargs_name split = rest_of(name, PROTOCOL_UNIX, (size_t)(path - name));
	split.end = split.begin + strcspn(path, "&#");
	return split;
}

/* nbd:unix:PATH[:exportname=NAME], nbd_parse_filename() */
static struct qemuargs_name split_nbd(const char *name)
{
	const char *path = qemuargs_behind(name, "nbd:unix:");

	if (!path || strstr(name, "://"))
		return rest_of(name, PROTOCOL_OTHER, 0);
	struct qemuargs_name split = rest_of(name, PROTOCOL_UNIX, (size_t)(path - name));
	const char *export = strstr(path, ":exportname=");
	if (export)
		split.end = (size_t)(export - name);
	return split;
}

/* rbd:pool/image[:conf=PATH][:...], with "\" before a ":" that is meant (qemu_rbd_parse_filename())
 */
static struct qemuargs_name split_rbd(const char *name)
{
	const char *path = strstr(name, ":conf=");

	if (!path)
		return rest_of(name, PROTOCOL_OTHER, 0);
	path += strlen(":conf=");
	struct qemuargs_name split = rest_of(name, PROTOCOL_CONFIG, (size_t)(path - name));
	split.end = split.begin + strcspn(path, ":");
	return split;
}

/* nvme://ADDRESS/NAMESPACE */
static struct qemuargs_name split_nvme(const char *name)
{
	const char *address = qemuargs_behind(name, "nvme://");

	if (!address)
		return rest_of(name, PROTOCOL_OTHER, 0);
	struct qemuargs_name split = rest_of(name, PROTOCOL_NVME, (size_t)(address - name));
	split.end = split.begin + strcspn(address, "/");
	return split;
}

/* blkdebug:CONFIG:IMAGE, blkverify:RAW:IMAGE */
static struct qemuargs_name split_filter(const char *name)
{
	size_t config = strcspn(name, ":") + 1;
	const char *colon = strchr(name + config, ':');

	if (!colon)
		return rest_of(name, PROTOCOL_OTHER, 0);
	struct qemuargs_name split = rest_of(name, PROTOCOL_FILTER, (size_t)(colon - name) + 1);
	split.config_begin = config;
	split.config_end = (size_t)(colon - name);
	return split;
}

struct qemuargs_name qemuargs_split_name(const char *name)
{
	size_t length = strcspn(name, ":/");
	cleanup_free char *scheme = NULL;

	if (name[length] != ':')
		return rest_of(name, PROTOCOL_FILE, 0);
	scheme = xstrndup(name, length);
	if (strcmp(scheme, "json") == 0)
		return rest_of(name, PROTOCOL_JSON, length + 1);
	if (strcmp(scheme, "file") == 0)
		return rest_of(name, PROTOCOL_FILE, length + 1);
	if (strcmp(scheme, "host_device") == 0 || strcmp(scheme, "host_cdrom") == 0)
		return rest_of(name, PROTOCOL_HOST_DEVICE, length + 1);
	if (strcmp(scheme, "fat") == 0)
		return split_fat(name);
	if (strcmp(scheme, "nbd") == 0)
		return split_nbd(name);
	if (strcmp(scheme, "nbd+unix") == 0 || strcmp(scheme, "gluster+unix") == 0)
		return split_unix_uri(name);
	if (strcmp(scheme, "rbd") == 0)
		return split_rbd(name);
	if (strcmp(scheme, "nvme") == 0)
		return split_nvme(name);
	if (strcmp(scheme, "blkdebug") == 0 || strcmp(scheme, "blkverify") == 0)
		return split_filter(name);
	return rest_of(name, PROTOCOL_OTHER, 0);
}

/* Which bytes of name "path", "config", "path:..." mean; *rest: what stands behind the ":". */
static bool locate(const char *name, const char *key, size_t *begin, size_t *end, const char **rest)
{
	struct qemuargs_name split = qemuargs_split_name(name);
	size_t length = strcspn(key, ":");

	*rest = key[length] ? key + length + 1 : NULL;
	if (strncmp(key, "path", length) == 0) {
		*begin = split.begin;
		*end = split.end;
		return split.protocol != PROTOCOL_OTHER;
	}
	*begin = split.config_begin;
	*end = split.config_end;
	return split.protocol == PROTOCOL_FILTER;
}

static char *lookup_in(const char *name, const char *key)
{
	const char *inner = qemuargs_behind(key, "json:"), *rest;
	cleanup_free char *error = NULL;
	size_t begin, end;

	if (inner) {
		const char *text = qemuargs_behind(name, "json:");
		struct qemuargs_value *v = text ? qemuopts_json(text, &error) : NULL;
		char *found = v ? qemuargs_lookup(v, inner) : NULL;
		qemuopts_free(v);
		return found;
	}
	if (!locate(name, key, &begin, &end, &rest))
		return NULL;
	cleanup_free char *part = xstrndup(name + begin, end - begin);
	return rest ? lookup_in(part, rest) : steal_pointer(&part);
}

char *qemuargs_lookup(const struct qemuargs_value *v, const char *key)
{
	size_t length = strcspn(key, ":");
	cleanup_free char *outer = xstrndup(key, length);
	const char *value = qemuopts_get(v, outer);

	if (!value)
		return NULL;
	return key[length] ? lookup_in(value, key + length + 1) : xstrdup(value);
}

static char *store_in(const char *name, const char *key, const char *value, enum qemuopts_type type)
{
	const char *inner = qemuargs_behind(key, "json:"), *rest;
	cleanup_free char *error = NULL, *part = NULL;
	size_t begin, end;

	if (inner) {
		const char *text = qemuargs_behind(name, "json:");
		struct qemuargs_value *v = text ? qemuopts_json(text, &error) : NULL;
		if (!v)
			return xstrdup(name);
		v->changed = true;
		qemuargs_store(v, inner, value, type);
		cleanup_free char *json = qemuopts_render(v);
		qemuopts_free(v);
		return xasprintf("json:%s", json);
	}
	if (!locate(name, key, &begin, &end, &rest))
		return xstrdup(name);
	cleanup_free char *old = xstrndup(name + begin, end - begin);
	part = rest ? store_in(old, rest, value, type) : xstrdup(value ? value : "");
	return xasprintf("%.*s%s%s", (int)begin, name, part, name + end);
}

void qemuargs_store(
	struct qemuargs_value *v, const char *key, const char *value, enum qemuopts_type type)
{
	size_t length = strcspn(key, ":");
	cleanup_free char *outer = xstrndup(key, length);

	if (!key[length]) {
		qemuopts_set(v, key, value, type);
		return;
	}
	const char *old = qemuopts_get(v, outer);
	if (!old)
		return;
	cleanup_free char *name = store_in(old, key + length + 1, value, type);
	qemuopts_set(v, outer, name, QEMUOPTS_STRING);
}
