/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/namespaces.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	int flag;
	const char *name; /* in /proc/self/ns, and in max_NAME_namespaces */
	enum isolate_layer layer;
} all[] = {
	{CLONE_NEWNS, "mnt", ISOLATE_ROOT},
	{CLONE_NEWIPC, "ipc", ISOLATE_NAMESPACES},
	{CLONE_NEWUTS, "uts", ISOLATE_NAMESPACES},
	{CLONE_NEWCGROUP, "cgroup", ISOLATE_NAMESPACES},
	{CLONE_NEWNET, "net", ISOLATE_NETWORK},
};

static bool read_inodes(ino_t inodes[N_ELEMENTS(all)], char **error)
{
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		cleanup_free char *path = xasprintf("/proc/self/ns/%s", all[i].name);
		struct stat st;
		if (stat(path, &st) < 0)
			return error_set_errno(error, "cannot examine %s", path);
		inodes[i] = st.st_ino;
	}
	return true;
}

char *namespaces_why_not(enum isolate_layer layer)
{
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		cleanup_free char *path = xasprintf("/proc/self/ns/%s", all[i].name);
		cleanup_free char *limit =
			xasprintf("/proc/sys/user/max_%s_namespaces", all[i].name);
		char text[32];
		if (all[i].layer != layer)
			continue;
		if (access(path, F_OK) < 0 && errno == ENOENT)
			return xasprintf("the kernel has no %s namespaces", all[i].name);
		if (io_read_short(AT_FDCWD, limit, text, sizeof text) >= 0 && atoi(text) == 0)
			return xasprintf("%s is 0", limit);
	}
	return NULL;
}

/* What was asked for; what is shared with the host is not. */
static int wanted(const struct isolation *isolation)
{
	int flags = 0;

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if ((isolation->layers & all[i].layer) &&
			!(all[i].flag == CLONE_NEWNET && isolation->network) &&
			!(all[i].flag == CLONE_NEWIPC && isolation->ipc))
			flags |= all[i].flag;
	return flags;
}

static bool set_name(const struct isolation *isolation, char **error)
{
	const char *name = isolation->name;

	if (isolation->host_name ||
		(sethostname(name, strlen(name)) == 0 && setdomainname("", 0) == 0))
		return true;
	bool is_lack = isolation_is_lack(errno);
	error_set_errno(error, "cannot set the VM's host name; a unit must not have "
			       "ProtectHostname=yes");
	if ((isolation->asked & ISOLATE_NAMESPACES) || !is_lack)
		return false;
	warn("VM '%s' keeps the name of the host: %s", isolation->name, *error);
	free(*error);
	*error = NULL;
	return true;
}

bool namespaces_unshare(const struct isolation *isolation, char **error)
{
	ino_t before[N_ELEMENTS(all)] = {0}, now[N_ELEMENTS(all)] = {0};
	int flags = wanted(isolation);

	if (!flags)
		return true;
	if (!read_inodes(before, error))
		return false;
	if (unshare(flags) < 0) {
		int number = errno;
		error_set_errno(
			error, "cannot create the VM's namespaces, which requires CAP_SYS_ADMIN");
		return isolation_goes_without(isolation, ISOLATE_NAMESPACES, number, error);
	}
	if ((flags & CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set_errno(error, "cannot make the VM's mounts private");
	if ((flags & CLONE_NEWUTS) && !set_name(isolation, error))
		return false;
	if (!read_inodes(now, error))
		return false;
	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if ((now[i] != before[i]) != ((flags & all[i].flag) != 0))
			return error_set(error,
				"the process is%s in another %s namespace after "
				"unshare(2)",
				now[i] == before[i] ? " not" : "", all[i].name);
	return true;
}
