/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/libvirt_domains.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/open_files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The stateDir of each driver that gives files away by owner, as its NAME_conf.c has it. */
static const char *const state_directories[] = {
	"/run/libvirt/qemu", "/run/libvirt/lxc", "/run/libvirt/libxl", "/run/libvirt/ch"};

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a > b && strcmp(text + a - b, end) == 0;
}

/* A directory that can't be read may have any. */
static bool has_domain(const char *path)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return errno != ENOENT && errno != ENOTDIR;
	while (errno = 0, (d = readdir(dir)) != NULL)
		/* That of the driver itself is always there. */
		if (strcmp(d->d_name, "driver.pid") != 0 &&
			(ends_with(d->d_name, ".xml") || ends_with(d->d_name, ".pid")))
			return true;
	return errno != 0;
}

static bool is_elsewhere(pid_t pid)
{
	char ours[64] = "", theirs[64] = "";
	cleanup_free char *path = xasprintf("/proc/%d/ns/mnt", pid);

	return readlink("/proc/self/ns/mnt", ours, sizeof ours - 1) <= 0 ||
	       readlink(path, theirs, sizeof theirs - 1) <= 0 || strcmp(ours, theirs) != 0;
}

bool libvirt_domains_exist(void)
{
	for (size_t i = 0; i < sizeof state_directories / sizeof *state_directories; i++)
		if (has_domain(state_directories[i]))
			return true;
	pid_t daemon = open_files_libvirt();
	return daemon && is_elsewhere(daemon);
}

bool libvirt_domains_are_current(
	const struct libvirt_xattr *r, const struct stat *st, uid_t given_to)
{
	return r->state == LIBVIRT_XATTR_CURRENT ||
	       (r->state == LIBVIRT_XATTR_STALE && r->time && open_files_have_domain(st, given_to));
}

bool libvirt_domains_is_nobodys(const struct stat *st)
{
	return open_files_first(st, (uid_t)-1) == 0 && !libvirt_domains_exist();
}
