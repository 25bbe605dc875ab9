/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts of attack.c at files and devices. */
#pragma once

#include "attack.h"

static enum outcome opens(const char *path, int flags)
{
	int fd = path ? open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;

	if (fd >= 0)
		close(fd);
	return path ? is(fd >= 0) : ABSENT;
}

static enum outcome any_opens(const char *const *paths, int flags)
{
	enum outcome outcome = DENIED;

	for (; *paths && outcome == DENIED; paths++)
		outcome = opens(*paths, flags);
	return outcome;
}

static int count_names(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	for (struct dirent *d; dir && (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static enum outcome file_shadow(void)
{
	return opens("/etc/shadow", O_RDONLY);
}

static enum outcome file_readable(void)
{
	return opens(t.file, O_RDONLY);
}

static enum outcome file_identity(void)
{
	static const char *const paths[] = {
		"/etc/machine-id", "/etc/hostname", "/etc/fstab", "/proc/cmdline", NULL};

	return any_opens(paths, O_RDONLY);
}

static enum outcome file_accounts(void)
{
	FILE *in = fopen("/etc/passwd", "re");
	int n = 0;

	for (int c; in && (c = getc(in)) != EOF;)
		n += c == '\n';
	if (in)
		fclose(in);
	return is(n > 3);
}

static enum outcome file_lists(void)
{
	static const char *const paths[] = {
		"/home", "/root", "/boot", "/var/lib", "/var/log", "/srv", "/opt", "/media"};
	int n = 0;

	for (size_t i = 0; i < N_ELEMENTS(paths); i++)
		n += count_names(paths[i]);
	return is(n > 0);
}

static enum outcome file_kernel(void)
{
	static const char *const paths[] = {"/proc/kallsyms", "/proc/modules",
		"/proc/sys/kernel/ostype", "/sys/kernel/uevent_seqnum", "/proc/interrupts",
		"/proc/1/cgroup", NULL};

	return any_opens(paths, O_RDONLY);
}

static enum outcome file_watch(void)
{
	int fd = inotify_init1(IN_CLOEXEC);

	return is(fd >= 0 && inotify_add_watch(fd, "/usr/bin", IN_OPEN) >= 0);
}

/* The same by an older interface, and by what the page cache has of a file. */
static enum outcome file_notify(void)
{
	struct {
		uint64_t offset, length;
	} range = {0, 4096};
	uint64_t pages[5];
	int dir = open("/usr/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	bool any = fcntl(dir, F_NOTIFY, DN_ACCESS) == 0 ||
		   syscall(451 /* cachestat */, file, &range, pages, 0) == 0;

	close(dir);
	close(file);
	return is(any);
}

/* A lock of a file that others would have to wait for. */
static enum outcome file_lock(void)
{
	int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return is(good);
}

static enum outcome file_descriptor(void)
{
	struct stat st;

	for (int fd = 0; fd < 1024; fd++)
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return REACHED;
	return DENIED;
}

/* Out of the root directory, by its parent, or by a working directory that was left outside. */
static enum outcome file_outside(void)
{
	char path[4096];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool reached = !getcwd(path, sizeof path) || path[0] != '/';

	/* Root's is taken back, for the other attempts. */
	if (chroot(".") == 0)
		reached = fchdir(root) == 0 && chroot(".") == 0;
	close(root);
	return is(reached);
}

/* Whether files can be made, with room for more than a VM is to have. */
static bool has_room(const char *dir)
{
	char path[256];
	struct statvfs fs;

	snprintf(path, sizeof path, "%s/attack-XXXXXX", dir);
	int fd = mkstemp(path);
	if (fd < 0)
		return false;
	unlink(path);
	bool good = fstatvfs(fd, &fs) == 0 && (fs.f_bavail * fs.f_frsize) >> 20 > LARGE_MIB;
	close(fd);
	return good;
}

static enum outcome file_fill(void)
{
	return is(has_room("/tmp") || has_room("/var/tmp") || has_room("/run") || has_room("/"));
}

static enum outcome file_fill_shm(void)
{
	return is(has_room("/dev/shm"));
}

static enum outcome file_set_id(void)
{
	char path[] = "/tmp/attack-XXXXXX";
	int fd = mkstemp(path);
	bool good = fd >= 0 && fchmod(fd, 04755) == 0;

	if (fd >= 0)
		unlink(path);
	return is(good);
}

static enum outcome disk_read(void)
{
	return opens(t.disk, O_RDONLY);
}

static enum outcome disk_write(void)
{
	return opens(t.disk, O_RDWR);
}

static enum outcome disk_stat(void)
{
	struct stat st;

	return t.disk ? is(stat(t.disk, &st) == 0) : ABSENT;
}

static enum outcome disk_mode(void)
{
	return t.disk ? is(chmod(t.disk, 0666) == 0) : ABSENT;
}

static enum outcome base_write(void)
{
	return opens(t.base, O_RDWR);
}

static enum outcome other_home(void)
{
	return t.home ? is(count_names(t.home) > 0 || access(t.home, X_OK) == 0) : ABSENT;
}

static enum outcome other_memory(void)
{
	return opens(t.memory, O_RDWR);
}

static enum outcome dev_nodes(void)
{
	static const char *const paths[] = {"/dev/fuse", "/dev/ptmx", "/dev/tty",
		"/dev/userfaultfd", "/dev/vhost-net", "/dev/vhost-vsock", "/dev/snd/timer",
		"/dev/dri/renderD128", "/dev/udmabuf", "/dev/hwrng", "/dev/rfkill", "/dev/ppp",
		"/dev/kvm", NULL};

	return any_opens(paths, O_RDWR);
}

static enum outcome dev_tun(void)
{
	return opens("/dev/net/tun", O_RDWR);
}

static enum outcome dev_disk(void)
{
	static const char *const paths[] = {"/dev/vda", "/dev/sda", "/dev/loop0",
		"/dev/loop-control", "/dev/mapper/control", NULL};

	return any_opens(paths, O_RDONLY);
}

static enum outcome dev_make(void)
{
	return is(mknod("/tmp/attack-node", S_IFBLK | 0600, 0xfe00) == 0);
}

static enum outcome dev_log(void)
{
	char text[64];

	return is(opens("/dev/kmsg", O_RDONLY) == REACHED || klogctl(3, text, sizeof text) >= 0);
}

static enum outcome dev_terminal(void)
{
	int line = 0;

	if (!isatty(STDIN_FILENO))
		return is(ioctl(STDIN_FILENO, TIOCSTI, " ") == 0);
	return is(ioctl(STDIN_FILENO, TIOCSTI, " ") == 0 ||
		  ioctl(STDIN_FILENO, TIOCSETD, &line) == 0);
}
