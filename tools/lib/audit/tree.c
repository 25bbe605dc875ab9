/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/tree.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "path/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Links are followed, and ".." goes up, no further than to directory. */
static int open_within(int directory, const char *path, int flags)
{
	return io_openat2(directory, path, flags, RESOLVE_IN_ROOT);
}

bool tree_open(struct audit_tree *tree, const char *root, char **error)
{
	struct statfs fs;

	*tree = (struct audit_tree){
		.root = root, .proc = -1, .names = xcalloc(1, sizeof *tree->names)};
	tree->fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->fd < 0)
		return error_set_errno(
			error, "cannot open the directory %s to audit", root ? root : "/");
	tree->proc = open_within(tree->fd, "proc", O_RDONLY | O_DIRECTORY);
	if (tree->proc < 0)
		return error_set_errno(error, "cannot open %s/proc", root ? root : "");
	if (!root && (fstatfs(tree->proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC))
		return error_set(error, "/proc is not a proc file system");
	return true;
}

void tree_close(struct audit_tree *tree)
{
	while (tree->files) {
		struct tree_file *file = tree->files;
		tree->files = file->next;
		free(file->text);
		free(file);
	}
	while (tree->names && *tree->names) {
		struct tree_name *name = *tree->names;
		*tree->names = name->next;
		free(name->name);
		free(name);
	}
	free(tree->names);
	free(tree->own_user_ns);
	if (tree->proc >= 0)
		close(tree->proc);
	if (tree->fd >= 0)
		close(tree->fd);
}

int tree_openat(const struct audit_tree *tree, int directory, const char *path, int flags)
{
	/* A fifo of a tree must not stop the program. openat2(2) takes neither beside O_PATH. */
	flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
	if (!tree->root)
		return openat(directory, path, flags);
	return open_within(directory, path, flags);
}

int tree_open_path(const struct audit_tree *tree, const char *path, int flags)
{
	path += strspn(path, "/");
	/* The descriptor alone is had without asking the object. */
	if (!tree->root && flags & O_PATH)
		return look_open(tree->fd, path, flags);
	return tree_openat(tree, tree->fd, path, flags);
}

char *tree_names(const struct audit_tree *tree, const char *path, size_t *length)
{
	path += strspn(path, "/");
	if (!tree->root)
		return look_names(tree->fd, path, length);
	cleanup_fd int fd = open_within(tree->fd, path, O_PATH | O_DIRECTORY);
	return fd < 0 ? NULL : look_names(fd, ".", length);
}

bool tree_stat(const struct audit_tree *tree, const char *path, struct stat *st, int flags)
{
	path += strspn(path, "/");
	path = *path ? path : ".";
	if (!tree->root)
		return look_stat(tree->fd, path, flags, st);
	cleanup_fd int fd = open_within(
		tree->fd, path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	return fd >= 0 && fstat(fd, st) == 0;
}

bool tree_stat_link(const struct audit_tree *tree, int directory, const char *link, struct stat *st)
{
	if (!tree->root)
		return look_stat_link(directory, link, st);
	cleanup_free char *target = tree_link(directory, link);
	if (!target)
		return false;
	if (*target != '/') {
		errno = ENOENT;
		return false;
	}
	target[proc_path_length(target)] = '\0';
	return tree_stat(tree, target, st, 0);
}

void tree_look_all(const struct audit_tree *tree, struct look_wanted *all, size_t n,
	bool (*wants_acl)(const struct stat *st))
{
	for (size_t i = 0; i < n; i++)
		all[i].path += strspn(all[i].path, "/");
	if (!tree->root) {
		look_all(tree->fd, all, n, wants_acl);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		cleanup_fd int fd = open_within(tree->fd, all[i].path, O_PATH);
		all[i].number = errno;
		if (fd >= 0)
			look_fd(fd, &all[i], wants_acl);
	}
}

char *tree_read_at(const struct audit_tree *tree, int directory, const char *path, size_t *length)
{
	cleanup_fd int fd = tree_openat(tree, directory, path, O_RDONLY);

	return fd < 0 ? NULL : io_read_fd(fd, TREE_MAX_FILE, length);
}

/*
 * fs/seq_file.c, seq_read_iter(): it goes on while a page has room for the next record, so that
 * behind half of one, whose records are no longer, nothing comes.
 */
char *tree_read_proc(const struct audit_tree *tree, int directory, const char *path)
{
	enum { PAGE = 4096 };
	char text[PAGE];

	if (tree->root)
		return tree_read_at(tree, directory, path, NULL);
	cleanup_fd int fd = tree_openat(tree, directory, path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : IO_RETRY(read(fd, text, sizeof text));
	if (n < 0)
		return NULL;
	if (n <= PAGE / 2)
		return xstrndup(text, (size_t)n);
	return lseek(fd, 0, SEEK_SET) < 0 ? NULL : io_read_fd(fd, TREE_MAX_FILE, NULL);
}

char *tree_read(const struct audit_tree *tree, const char *path, size_t *length)
{
	return tree_read_at(tree, tree->fd, path + strspn(path, "/"), length);
}

const char *tree_read_once(struct audit_tree *tree, const char *path)
{
	struct tree_file *file = tree->files;

	while (file && strcmp(file->path, path) != 0)
		file = file->next;
	if (!file) {
		file = xcalloc(1, sizeof *file);
		file->path = path;
		file->text = tree_read(tree, path, NULL);
		file->number = file->text ? 0 : errno;
		file->next = tree->files;
		tree->files = file;
	}
	errno = file->number;
	return file->text;
}

char *tree_link(int directory, const char *link)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlinkat(directory, link, target, sizeof target - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	return xstrdup(target);
}

const char *tree_own_user_ns(struct audit_tree *tree)
{
	if (!tree->own_user_ns)
		tree->own_user_ns = tree_link(tree->proc, "self/ns/user");
	return tree->own_user_ns;
}
