/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/root.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/runtime_dir.h"
#include "isolate/mounts.h"
#include "isolate/root_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
/* Names alone. */
#define ROOT_SIZE "4m"
/* What QEMU itself puts there is small; -snapshot has a directory on disk. */
#define TMP_SIZE "64m"
/* Of a guest whose memory is there: what QEMU could allocate otherwise, too. */
#define SHM_SIZE "100%"

struct builder {
	const struct isolation *isolation;
	int root;
	struct root_mounts made;
	char **error;
};

static bool fail(struct builder *b, const char *what, const char *path)
{
	return error_set_errno(b->error, "cannot %s %s in the VM's root directory", what, path);
}

/* The name of a place once the root directory is the VM's: without links. NULL: it can't be told.
 */
static char *name_of(int place)
{
	static const char above[] = RUNTIME_DIR;
	char path[PATH_MAX];
	ssize_t n = readlink(IO_FD_PATH(place), path, sizeof path - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return strncmp(path, above, strlen(above)) == 0 && path[strlen(above)] == '/'
		       ? xstrdup(path + strlen(above))
		       : NULL;
}

static bool attach(struct builder *b, int tree, const char *path, uint64_t attributes)
{
	struct stat st;

	if (fstat(tree, &st) < 0)
		return fail(b, "examine", path);
	cleanup_fd int place = mounts_place(b->root, path, S_ISDIR(st.st_mode));
	if (place < 0)
		return fail(b, "make a place for", path);
	cleanup_free char *name = name_of(place);
	if (!name || !mounts_attach(tree, place))
		return fail(b, "mount", path);
	root_mounts_add(&b->made, name, attributes);
	return true;
}

static bool attach_new(struct builder *b, const char *type, const struct mount_option *options,
	const char *path, uint64_t attributes)
{
	cleanup_fd int tree = mounts_make(type, options, attributes);

	if (tree < 0)
		return fail(b, "make the file system of", path);
	return attach(b, tree, path, attributes);
}

/*
 * Files of its own
 */

static bool write_file(struct builder *b, const char *path, const char *text)
{
	cleanup_fd int fd =
		openat(b->root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return (fd >= 0 && fchmod(fd, 0644) == 0 && io_write_all(fd, text, strlen(text))) ||
	       fail(b, "write", path);
}

static bool make_link(struct builder *b, const char *target, const char *path)
{
	return symlinkat(target, b->root, path) == 0 || fail(b, "make the link", path);
}

static bool make_directory(struct builder *b, const char *path)
{
	return (mkdirat(b->root, path, 0755) == 0 && fchmodat(b->root, path, 0755, 0) == 0) ||
	       fail(b, "make", path);
}

static bool write_accounts(struct builder *b)
{
	const struct isolation *i = b->isolation;
	cleanup_free char *passwd = xasprintf("root:x:0:0::/:/sbin/nologin\n"
					      "qemu:x:%u:%u::%s:/sbin/nologin\n",
		i->uid, i->gid, i->home);
	cleanup_free char *group = xasprintf("root:x:0:\nqemu:x:%u:\n", i->gid);

	return write_file(b, "etc/passwd", passwd) && write_file(b, "etc/group", group) &&
	       write_file(
		       b, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
}

/* Where they are links (/lib to usr/lib), they are the same links; directories are mounted. */
static bool link_like_host(struct builder *b)
{
	static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		cleanup_free char *path = xasprintf("/%s", names[i]);
		char target[PATH_MAX];
		ssize_t n = readlink(path, target, sizeof target - 1);
		/* It is none, or there is none. */
		if (n < 0 && (errno == EINVAL || errno == ENOENT))
			continue;
		if (n <= 0)
			return fail(b, "read the link", path);
		target[n] = '\0';
		if (!make_link(b, target, names[i]))
			return false;
	}
	return true;
}

/*
 * File systems of its own
 */

static bool make_devices(struct builder *b)
{
	static const struct mount_option options[] = {
		{"mode", "0755"}, {"size", "1m"}, {NULL, NULL}};

	return attach_new(b, "tmpfs", options, "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) &&
	       make_link(b, "/proc/self/fd", "dev/fd") && make_link(b, "fd/0", "dev/stdin") &&
	       make_link(b, "fd/1", "dev/stdout") && make_link(b, "fd/2", "dev/stderr");
}

static bool make_terminals(struct builder *b)
{
	if (!b->isolation->terminals)
		return true;
	if (mknodat(b->root, "dev/ptmx", S_IFCHR | 0666, makedev(5, 2)) < 0 ||
		fchmodat(b->root, "dev/ptmx", 0666, 0) < 0)
		return fail(b, "make", "/dev/ptmx");
	return true;
}

static bool make_proc(struct builder *b)
{
	static const struct mount_option options[] = {
		{"hidepid", "ptraceable"}, {"subset", "pid"}, {NULL, NULL}};

	return attach_new(b, "proc", options, "/proc", NOTHING);
}

static bool make_temporary(struct builder *b, const char *path, const char *size)
{
	cleanup_free char *uid = xasprintf("%u", b->isolation->uid);
	cleanup_free char *gid = xasprintf("%u", b->isolation->gid);
	const struct mount_option options[] = {{"mode", "0700"}, {"size", size},
		{"nr_inodes", "1024"}, {"uid", uid}, {"gid", gid}, {NULL, NULL}};

	return attach_new(b, "tmpfs", options, path, NOTHING);
}

static bool make_own(struct builder *b)
{
	static const char *const directories[] = {"etc", "run", "var"};

	for (size_t i = 0; i < N_ELEMENTS(directories); i++)
		if (!make_directory(b, directories[i]))
			return false;
	return make_link(b, "../tmp", "var/tmp") && link_like_host(b) && write_accounts(b) &&
	       make_devices(b) && make_proc(b) && make_temporary(b, "/tmp", TMP_SIZE) &&
	       make_temporary(b, "/dev/shm", b->isolation->shm ? SHM_SIZE : TMP_SIZE) &&
	       make_terminals(b);
}

/*
 * What is the host's
 */

static uint64_t attributes_of(const struct isolation_path *path, int tree)
{
	struct stat st;
	bool is_device = fstat(tree, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));

	return MOUNT_ATTR_NOSUID | (path->writable ? 0 : MOUNT_ATTR_RDONLY) |
	       (path->executes ? 0 : MOUNT_ATTR_NOEXEC) |
	       (is_device || path->devices ? 0 : MOUNT_ATTR_NODEV);
}

static bool attach_paths(struct builder *b, int *trees)
{
	for (size_t i = 0; i < b->isolation->n_paths; i++) {
		const struct isolation_path *path = &b->isolation->paths[i];
		if (trees[i] < 0)
			continue;
		uint64_t attributes = attributes_of(path, trees[i]);
		if (!mounts_restrict(trees[i], attributes))
			return fail(b, "restrict the mount of", path->path);
		if (!attach(b, trees[i], path->path, attributes))
			return false;
		close(trees[i]);
		trees[i] = -1;
	}
	return true;
}

/*
 * Databases of packages, of rpm and of an image of rpm-ostree: who may read a file can hold a lock
 * on it (fcntl(2)), and QEMU needs such locks for disks, so that no filter refuses them.
 */
static bool hide_databases(struct builder *b)
{
	static const char *const hidden[] = {"/usr/lib/sysimage", "/usr/share/rpm"};
	static const struct mount_option options[] = {
		{"mode", "0755"}, {"size", "4k"}, {"nr_inodes", "1"}, {NULL, NULL}};

	for (size_t i = 0; i < N_ELEMENTS(hidden); i++) {
		struct stat st;
		if (fstatat(b->root, hidden[i] + 1, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno != ENOENT)
				return fail(b, "examine", hidden[i]);
		} else if (S_ISDIR(st.st_mode) && !root_mounts_has(&b->made, hidden[i]) &&
			   !attach_new(
				   b, "tmpfs", options, hidden[i], NOTHING | MOUNT_ATTR_RDONLY)) {
			return false;
		}
	}
	return true;
}

/*
 * pivot_root(2): with both arguments the same, the old root directory comes to lie on top of the
 * new one, and can be unmounted there.
 */
static bool pivot(struct builder *b)
{
	if (fchdir(b->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return error_set_errno(b->error,
			"cannot take the VM's root directory (pivot_root); in a chroot, the root "
			"directory must be a mount point");
	if (umount2(".", MNT_DETACH) < 0)
		return error_set_errno(b->error, "cannot unmount the host's root directory");
	if (chdir("/") < 0)
		return error_set_errno(b->error, "cannot enter the VM's root directory");
	return true;
}

/* Where QEMU looks for relative names: the same name, whatever is there. */
static bool enter_directory(struct builder *b)
{
	const char *directory = b->isolation->directory;

	if (strcmp(directory, "/") == 0)
		return true;
	cleanup_fd int fd = mounts_place(b->root, directory, true);
	if (fd < 0)
		return fail(b, "make the current directory", directory);
	return fchdir(fd) == 0 || fail(b, "enter", directory);
}

static bool build(struct builder *b, int *trees)
{
	static const struct mount_option options[] = {
		{"mode", "0755"}, {"size", ROOT_SIZE}, {NULL, NULL}};

	b->root = mounts_make("tmpfs", options, NOTHING);
	if (b->root < 0)
		return error_set_errno(b->error, "cannot make the file system of the VM's root "
						 "directory");
	/* Somewhere, since nothing can be mounted in what is nowhere; nobody else sees it. */
	cleanup_fd int place = open(RUNTIME_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 || !mounts_attach(b->root, place))
		return error_set_errno(b->error, "cannot mount the VM's root directory");
	root_mounts_add(&b->made, "/", NOTHING);
	return make_own(b) && attach_paths(b, trees) && hide_databases(b) && pivot(b) &&
	       enter_directory(b);
}

bool root_take(const struct isolation *isolation, int *trees, char **error)
{
	struct builder b = {.isolation = isolation, .root = -1, .error = error};
	mode_t mask = umask(0);

	bool good = build(&b, trees);
	umask(mask);
	good = good && root_check(&b.made, error);
	root_mounts_free(&b.made);
	if (b.root >= 0)
		close(b.root);
	return good;
}
