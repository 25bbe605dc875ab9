/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/node.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEVNAMES_MAX ((size_t)1024 * 1024)

static const char *module_of(const char *path)
{
	static const struct {
		const char *path, *module;
	} nodes[] = {
		{"/dev/net/tun", "tun"},
		{"/dev/vhost-net", "vhost_net"},
		{"/dev/vhost-vsock", "vhost_vsock"},
		{"/dev/vhost-scsi", "vhost_scsi"},
		{"/dev/iommu", "iommufd"},
	};

	for (size_t i = 0; i < N_ELEMENTS(nodes); i++)
		if (strcmp(nodes[i].path, path) == 0)
			return nodes[i].module;
	return strncmp(path, "/dev/vhost-vdpa-", strlen("/dev/vhost-vdpa-")) == 0 ? "vhost_vdpa"
										  : NULL;
}

/* Whether a driver has the number already. */
static bool is_driven(dev_t number)
{
	cleanup_free char *path = xasprintf("/sys/dev/char/%u:%u", major(number), minor(number));

	return access(path, F_OK) == 0;
}

/* Whether the kernel loads the module when the node is opened ("vhost_net vhost-net c10:238"). */
static bool is_loaded_on_open(dev_t number)
{
	struct utsname kernel;
	size_t length;

	if (uname(&kernel) < 0)
		return false;
	cleanup_free char *path = xasprintf("/lib/modules/%s/modules.devname", kernel.release);
	cleanup_free char *wanted = xasprintf(" c%u:%u\n", major(number), minor(number));
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = fd >= 0 ? io_read_fd(fd, DEVNAMES_MAX, &length) : NULL;

	return text && memmem(text, length, wanted, strlen(wanted));
}

/* Where neither is the case, there is no module that opening it could load. */
static bool is_dead(const char *path, dev_t number)
{
	if (is_driven(number) || is_loaded_on_open(number))
		return false;
	cleanup_fd int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 && (errno == ENODEV || errno == ENXIO);
}

/* With the command that loads the module, if there is one. Takes why. */
static char *with_module(char *why, const char *module, char **help)
{
	return help_message(help, why, "; ", module ? xasprintf("modprobe %s", module) : NULL);
}

char *node_why_missing(const char *path, char **help)
{
	const char *module = module_of(path);
	struct stat st;

	bool is_known = stat(path, &st) == 0;
	if (!is_known && errno != ENOENT && errno != ENOTDIR)
		return xasprintf("cannot examine %s: %s", path, strerror(errno));
	if (!is_known || !S_ISCHR(st.st_mode))
		return with_module(xasprintf("no such device: %s", path), module, help);
	if (!is_dead(path, st.st_rdev))
		return NULL;
	return with_module(xasprintf("%s has no driver in the kernel", path), module, help);
}
