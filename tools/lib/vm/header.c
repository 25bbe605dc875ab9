/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/header.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/absolute.h"
#include "path/probe.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A protocol's name comes before the first "/", as in path_has_protocol() of QEMU's block.c. */
bool vm_header_has_protocol(const char *name)
{
	return name[strcspn(name, ":/")] == ':';
}

bool vm_header_is_beside(const char *name)
{
	return name[0] != '/' && !vm_header_has_protocol(name);
}

char *vm_header_path(const char *image, const char *name)
{
	if (strncmp(name, "file:", 5) == 0)
		return xstrdup(name + 5);
	if (vm_header_has_protocol(name))
		return NULL;
	if (!image || !vm_header_is_beside(name))
		return xstrdup(name);
	return xasprintf("%.*s/%s", (int)(strrchr(image, '/') - image), image, name);
}

/* Reads the header of an image whose format was stated. False: it has none to be read. */
bool vm_header_read(
	const char *format, const struct safepath *walk, struct qcow2 *header, char **error)
{
	cleanup_free unsigned char *bytes = NULL;

	*error = NULL;
	if (!format || strcmp(format, "qcow2") != 0 || walk->unsafe ||
		(!S_ISREG(walk->st.st_mode) && !S_ISBLK(walk->st.st_mode)))
		return false;
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		*error = xasprintf("cannot read its header: %s", strerror(errno));
		return false;
	}
	bytes = xmalloc(QCOW2_HEADER_MAX);
	ssize_t length = io_read_up_to(fd, bytes, QCOW2_HEADER_MAX);
	if (length < 0) {
		*error = xasprintf("cannot read its header: %s", strerror(errno));
		return false;
	}
	return qcow2_parse(bytes, (size_t)length, header, error);
}

/* The same, absolute; NULL: it is none of this host, or the working directory can't be told. */
static char *absolute(const char *image, const char *name)
{
	cleanup_free char *path = name ? vm_header_path(image, name) : NULL;
	cleanup_free char *ignored = NULL;

	return path ? absolute_path(path, &ignored) : NULL;
}

/*
 * What one image names as its backing and data file. Returns the backing file's path and format,
 * new, or NULL: there is none to go on with.
 */
static char *probe_named(const char *image, const struct qcow2 *header)
{
	cleanup_free char *backing = absolute(image, header->backing);
	cleanup_free char *data = absolute(NULL, header->data_file);
	const char *const paths[] = {backing ? backing : data, data};

	if (paths[0])
		probe(paths, backing && data ? 2 : 1);
	return steal_pointer(&backing);
}

void vm_header_probe(const char *image, const char *format)
{
	cleanup_free char *path = xstrdup(image), *driver = xstrdup(format ? format : "");

	for (unsigned depth = 0; path && depth <= VM_HEADER_MAX_DEPTH; depth++) {
		cleanup_free char *error = NULL;
		struct safepath walk;
		struct qcow2 header;

		if (!safepath_open(path, &walk, &error))
			return;
		bool is_read = vm_header_read(driver, &walk, &header, &error);
		safepath_close(&walk);
		if (!is_read)
			return;
		char *next = probe_named(path, &header);
		free(path);
		path = next;
		free(driver);
		driver = xstrdup(header.backing_format ? header.backing_format : "");
		qcow2_free(&header);
	}
}
