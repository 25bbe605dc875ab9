/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that claims can cost: nothing is checked, and nothing could be recovered.
 *
 *   bare-claims claim|release JOURNAL UID GID PATH...
 *
 * For each path the calls that identify an object, lock it as libvirt does, keep or remove
 * its attributes and change its owner; and one journal, with a line for each, that is
 * written durably before, or removed afterwards.
 */
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const attributes[][2] = {
	{"trusted.libvirt.security.ref_dac", "1"},
	{"trusted.libvirt.security.dac", "+0:+0"},
	{"trusted.libvirt.security.timestamp_dac", "1700000000"},
};

static void sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || fsync(fd) != 0)
		err(1, "cannot sync the directory of %s", path);
	close(fd);
	free(copy);
}

static void identify(FILE *journal, const char *path)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u;
	struct statx s;
	int mount, fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	u.handle.handle_bytes = MAX_HANDLE_SZ;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &s) != 0 ||
		name_to_handle_at(fd, "", &u.handle, &mount, AT_EMPTY_PATH) != 0)
		err(1, "cannot identify %s", path);
	close(fd);
	fprintf(journal, "%s %llu %u:%u %o ", path, (unsigned long long)s.stx_ino, s.stx_uid,
		s.stx_gid, s.stx_mode);
	for (unsigned i = 0; i < u.handle.handle_bytes; i++)
		fprintf(journal, "%02x", u.handle.f_handle[i]);
	fputc('\n', journal);
}

static void write_journal(const char *path, char **paths)
{
	FILE *journal = fopen(path, "we");

	if (!journal)
		err(1, "cannot write %s", path);
	for (char **p = paths; *p; p++)
		identify(journal, *p);
	if (fflush(journal) != 0 || fsync(fileno(journal)) != 0 || fclose(journal) != 0)
		err(1, "cannot write %s", path);
	sync_directory(path);
}

static void change(const char *path, int claim, uid_t uid, gid_t gid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) != 0)
		err(1, "cannot lock %s", path);
	for (int i = 0; i < 3; i++) {
		const char *name = attributes[i][0], *value = attributes[i][1];
		if ((claim ? fsetxattr(fd, name, value, strlen(value), 0)
			   : fremovexattr(fd, name)) != 0)
			err(1, "cannot change %s of %s", name, path);
	}
	if (fchown(fd, uid, gid) != 0)
		err(1, "cannot change the owner of %s", path);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		errx(2, "usage: bare-claims claim|release JOURNAL UID GID PATH...");
	int claim = strcmp(argv[1], "claim") == 0;
	uid_t uid = (uid_t)atoi(argv[3]);
	gid_t gid = (gid_t)atoi(argv[4]);
	if (claim)
		write_journal(argv[2], argv + 5);
	for (char **path = argv + 5; *path; path++)
		change(*path, claim, uid, gid);
	if (!claim) {
		int fd = open(argv[5], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syncfs(fd) != 0 || unlink(argv[2]) != 0)
			err(1, "cannot remove %s", argv[2]);
		sync_directory(argv[2]);
	}
	return 0;
}
