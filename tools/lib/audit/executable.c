/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/executable.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_exe(const struct audit_tree *tree, int directory)
{
	if (!tree->root)
		return look_open_link(directory, "exe");
	cleanup_free char *target = tree_link(directory, "exe");
	return target ? tree_open_path(tree, target, O_PATH) : -1;
}

/*
 * As the kernel gives them to a file with capabilities: capabilities(7), xattr(7). Those of
 * version 3 count in the user namespace of their root alone, where anybody can have set them.
 */
static int read_capabilities(int fd, int process)
{
	static const char name[] = "security.capability";
	union {
		struct vfs_ns_cap_data data;
		char bytes[64];
	} value = {.bytes = ""};

	if (fd < 0)
		return -1;
	ssize_t n = look_getxattr(fd, process, name, value.bytes, sizeof value.bytes);
	if (n >= 0)
		return n == sizeof value.data &&
				       (le32toh(value.data.magic_etc) & VFS_CAP_REVISION_MASK) ==
					       VFS_CAP_REVISION_3
			       ? 2
			       : 1;
	return errno == ENODATA || errno == ENOTSUP ? 0 : -1;
}

/* st: NULL: it is not told. */
static struct audit_executable *read_file(
	const struct audit_tree *tree, int directory, const char *path, const struct stat *st)
{
	struct audit_executable *file = xcalloc(1, sizeof *file);
	cleanup_fd int fd = open_exe(tree, directory);

	file->path = xstrdup(path);
	file->has_st = st != NULL;
	file->st = st ? *st : (struct stat){0};
	file->capabilities = read_capabilities(fd, tree->root ? -1 : directory);
	file->capabilities_errno = file->capabilities < 0 ? errno : 0;
	/* Who does not answer this would not answer trust_read() either. */
	if (file->capabilities_errno == ATTEMPT_SILENT)
		file->writers.number = ATTEMPT_SILENT;
	else if (fd >= 0 && st)
		file->writers = trust_read(fd, st);
	return file;
}

/* Whoever changes owner, mode, ACL or capabilities of a file changes its ctime (inode(7)). */
static bool is_same(const struct audit_executable *file, const char *path, const struct stat *st)
{
	return file->has_st && file->st.st_dev == st->st_dev && file->st.st_ino == st->st_ino &&
	       file->st.st_ctim.tv_sec == st->st_ctim.tv_sec &&
	       file->st.st_ctim.tv_nsec == st->st_ctim.tv_nsec && strcmp(file->path, path) == 0;
}

/* One that could not be looked at all the way is looked at again. */
static bool is_known(const struct audit_executable *file)
{
	return file->capabilities >= 0 && file->writers.is_read && !file->writers.number;
}

static struct audit_executable *find_file(
	struct audit *audit, int directory, const char *path, const struct stat *st)
{
	for (size_t i = audit->n_executables; st && i-- > 0;)
		if (is_known(audit->executables[i]) && is_same(audit->executables[i], path, st))
			return audit->executables[i];
	ARRAY_GROW(audit->executables, audit->n_executables);
	struct audit_executable *file = read_file(&audit->tree, directory, path, st);
	return audit->executables[audit->n_executables++] = file;
}

void audit_executable_none(struct audit_process *p)
{
	static struct audit_executable none = {.capabilities = -1};

	p->executable = &none;
}

/* A process without its first thread shows it in the directories of the others only. */
static int find_exe(const struct audit_tree *tree, int process, struct audit_process *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		char path[sizeof "task/2147483647"];
		snprintf(path, sizeof path, "task/%d", p->threads[i].tid);
		int thread = tree_openat(tree, process, path, O_RDONLY | O_DIRECTORY);
		p->exe = thread >= 0 ? tree_link(thread, "exe") : NULL;
		if (p->exe)
			return thread;
		if (thread >= 0)
			close(thread);
	}
	return -1;
}

void audit_executable_read(struct audit *audit, int process, struct audit_process *p)
{
	bool is_elsewhere = !p->exe && p->exe_errno == ENOENT;
	cleanup_fd int thread = is_elsewhere ? find_exe(&audit->tree, process, p) : -1;
	int directory = thread >= 0 ? thread : process;

	audit_executable_none(p);
	if (!p->exe)
		return;
	p->has_exe_st = tree_stat_link(&audit->tree, directory, "exe", &p->exe_st);
	p->exe_errno = p->has_exe_st ? 0 : errno;
	p->executable = find_file(audit, directory, p->exe, p->has_exe_st ? &p->exe_st : NULL);
}

void audit_executables_free(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_executables; i++) {
		trust_free(&audit->executables[i]->writers);
		free(audit->executables[i]->path);
		free(audit->executables[i]);
	}
	free(audit->executables);
}
