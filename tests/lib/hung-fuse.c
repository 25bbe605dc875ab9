/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A FUSE server that answers until it is told not to (SIGUSR1), and then never again.
 *
 *   hung-fuse MOUNTPOINT [FILE] [OPTION]...
 *
 * Mounts a directory with one file, "file", with FILE's bytes and size; it may be read by
 * everybody, executed, and given away. Options: uid=N and gid=N, whose the server says that all
 * of it is; mode=OCTAL, of the file; source=hung-fuse..., of the mount, and with it which file
 * system it is; mount=OPTIONS, further ones of the mount (user_id=N, allow_other). Says "ready",
 * then "silent". As root, or in a user namespace. When it is killed the kernel ends the connection,
 * and with it what waits (fs/fuse/dev.c, fuse_dev_release()).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, FILE_NODE = 2 };

static char *content;
static size_t size;
static unsigned uid, gid, mode = 0755, dir_mode = 0755;
static volatile sig_atomic_t is_silent;

static void be_silent(int signal)
{
	(void)signal;
	is_silent = 1;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr attr = {.ino = node, .nlink = 1, .uid = uid, .gid = gid, .blksize = 4096};

	attr.mode = node == ROOT ? S_IFDIR | dir_mode : S_IFREG | mode;
	attr.size = node == ROOT ? 0 : size;
	return attr;
}

static void reply(int fd, uint64_t unique, int error, const void *bytes, size_t length)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof header + length), .error = error, .unique = unique};
	char *whole = malloc(header.len);

	if (!whole)
		fail("malloc");
	memcpy(whole, &header, sizeof header);
	if (length)
		memcpy(whole + sizeof header, bytes, length);
	/* ENOENT: the question was withdrawn. */
	if (write(fd, whole, header.len) < 0 && errno != ENOENT)
		fail("write to /dev/fuse");
	free(whole);
}

static void look_up(int fd, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)};

	if (in->nodeid != ROOT || strcmp(name, "file") != 0)
		reply(fd, in->unique, -ENOENT, NULL, 0);
	else
		reply(fd, in->unique, 0, &out, sizeof out);
}

static void set_attributes(
	int fd, const struct fuse_in_header *in, const struct fuse_setattr_in *set)
{
	struct fuse_attr_out out = {0};

	if (set->valid & FATTR_UID)
		uid = set->uid;
	if (set->valid & FATTR_GID)
		gid = set->gid;
	if (set->valid & FATTR_MODE)
		mode = set->mode & 07777;
	out.attr = attributes(in->nodeid);
	reply(fd, in->unique, 0, &out, sizeof out);
}

static void read_file(int fd, const struct fuse_in_header *in, const struct fuse_read_in *wanted)
{
	size_t at = wanted->offset < size ? (size_t)wanted->offset : size;
	size_t n = wanted->size < size - at ? wanted->size : size - at;

	reply(fd, in->unique, 0, content + at, n);
}

static size_t put_name(char *out, uint64_t node, uint64_t next, const char *name, unsigned type)
{
	struct fuse_dirent d = {
		.ino = node, .off = next, .namelen = (uint32_t)strlen(name), .type = type};

	memcpy(out, &d, FUSE_NAME_OFFSET);
	memcpy(out + FUSE_NAME_OFFSET, name, strlen(name));
	return FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + strlen(name));
}

static void read_directory(
	int fd, const struct fuse_in_header *in, const struct fuse_read_in *wanted)
{
	char names[256] = {0};
	size_t n = 0;

	if (wanted->offset == 0) {
		n += put_name(names + n, ROOT, 1, ".", S_IFDIR >> 12);
		n += put_name(names + n, ROOT, 2, "..", S_IFDIR >> 12);
		n += put_name(names + n, FILE_NODE, 3, "file", S_IFREG >> 12);
	}
	reply(fd, in->unique, 0, names, n);
}

static void answer(int fd, const struct fuse_in_header *in)
{
	const void *body = in + 1;
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 65536,
		.max_write = 65536,
		.max_background = 16,
		.congestion_threshold = 12};
	struct fuse_attr_out attr = {.attr = attributes(in->nodeid)};
	struct fuse_open_out open_out = {0};
	struct fuse_getxattr_out no_names = {0};
	struct fuse_statfs_out statfs_out = {.st = {.bsize = 4096, .namelen = 255}};

	switch (in->opcode) {
	case FUSE_INIT:
		reply(fd, in->unique, 0, &init, sizeof init);
		break;
	case FUSE_LOOKUP:
		look_up(fd, in, body);
		break;
	case FUSE_GETATTR:
		reply(fd, in->unique, 0, &attr, sizeof attr);
		break;
	case FUSE_SETATTR:
		set_attributes(fd, in, body);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		reply(fd, in->unique, 0, &open_out, sizeof open_out);
		break;
	case FUSE_READ:
		read_file(fd, in, body);
		break;
	case FUSE_READDIR:
		read_directory(fd, in, body);
		break;
	case FUSE_STATFS:
		reply(fd, in->unique, 0, &statfs_out, sizeof statfs_out);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FSYNC:
	case FUSE_SYNCFS:
		reply(fd, in->unique, 0, NULL, 0);
		break;
	/* Asked for each time; ENOSYS would be remembered. */
	case FUSE_GETXATTR:
		reply(fd, in->unique, -ENODATA, NULL, 0);
		break;
	case FUSE_LISTXATTR:
		if (((const struct fuse_getxattr_in *)body)->size)
			reply(fd, in->unique, 0, NULL, 0);
		else
			reply(fd, in->unique, 0, &no_names, sizeof no_names);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(fd, in->unique, -ENOSYS, NULL, 0);
	}
}

static void load(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail(file);
	size = (size_t)st.st_size;
	content = malloc(size + 1);
	if (!content)
		fail("malloc");
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, content + at, size - at);
		if (n <= 0)
			fail(file);
		at += (size_t)n;
	}
	close(fd);
}

static void serve(int fd)
{
	static char buffer[FUSE_MIN_READ_BUFFER + 65536] __attribute__((aligned(8)));
	sigset_t others;

	sigprocmask(SIG_SETMASK, NULL, &others);
	sigdelset(&others, SIGUSR1);
	while (!is_silent) {
		struct pollfd polled = {fd, POLLIN, 0};
		if (ppoll(&polled, 1, NULL, &others) <= 0)
			continue;
		ssize_t n = read(fd, buffer, sizeof buffer);
		if (n < 0 && errno == ENODEV)
			exit(0);
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
			fail("read from /dev/fuse");
		if (n > 0)
			answer(fd, (const void *)buffer);
	}
	puts("silent");
	fflush(stdout);
	/* It takes the questions, as a server does that hangs, so that nothing can be withdrawn. */
	while (read(fd, buffer, sizeof buffer) > 0 || errno == EINTR || errno == ENOENT)
		;
	exit(0);
}

int main(int argc, char *argv[])
{
	char options[256];
	const char *more = NULL, *source = "hung-fuse";
	struct sigaction on_signal = {.sa_handler = be_silent};
	sigset_t set;

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "uid=", 4) == 0)
			uid = (unsigned)atoi(argv[i] + 4);
		else if (strncmp(argv[i], "gid=", 4) == 0)
			gid = (unsigned)atoi(argv[i] + 4);
		else if (strncmp(argv[i], "mode=", 5) == 0)
			mode = (unsigned)strtoul(argv[i] + 5, NULL, 8);
		else if (strncmp(argv[i], "mount=", 6) == 0)
			more = argv[i] + 6;
		else if (strncmp(argv[i], "source=", 7) == 0)
			source = argv[i] + 7;
		else
			load(argv[i]);
	}
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (argc < 2 || fd < 0)
		fail("/dev/fuse");
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,group_id=0,%s", fd,
		more ? more : "user_id=0");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &on_signal, NULL);
	if (mount(source, argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		fail("mount");
	puts("ready");
	fflush(stdout);
	serve(fd);
}
