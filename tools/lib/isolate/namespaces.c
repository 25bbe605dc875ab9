/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/namespaces.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	int flag;
	const char *name; /* in /proc/self/ns */
	unsigned layers;  /* any of which asks for it */
} all[] = {
	{CLONE_NEWNS, "mnt", ISOLATE_ROOT | ISOLATE_NAMESPACES},
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

/* What was asked for; a network that is shared is not. */
static int wanted(const struct isolation *isolation)
{
	int flags = 0;

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if ((isolation->layers & all[i].layers) &&
			!(all[i].flag == CLONE_NEWNET && isolation->network))
			flags |= all[i].flag;
	return flags;
}

bool namespaces_unshare(const struct isolation *isolation, char **error)
{
	ino_t before[N_ELEMENTS(all)], now[N_ELEMENTS(all)];
	int flags = wanted(isolation);

	if (!flags)
		return true;
	if (!read_inodes(before, error))
		return false;
	if (unshare(flags) < 0)
		return error_set_errno(
			error, "cannot create the VM's namespaces, which requires CAP_SYS_ADMIN");
	if ((flags & CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set_errno(error, "cannot make the VM's mounts private");
	if ((flags & CLONE_NEWUTS) && (sethostname(isolation->name, strlen(isolation->name)) < 0 ||
					      setdomainname("", 0) < 0))
		return error_set_errno(error,
			"cannot set the VM's host name; a unit must not have ProtectHostname=yes");
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
