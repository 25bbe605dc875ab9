/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what a journal would say of an object, for tests of what can't be claimed, too.
 *
 *   fileid-dump PATH
 */
#include "path/fileid.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

int main(int argc, char *argv[])
{
	struct fileid id;
	struct stat st;
	char *error;

	if (argc != 2)
		errx(2, "usage: fileid-dump PATH");
	int fd = open(argv[1], O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", argv[1]);
	if (!fileid_of(fd, &id, &error))
		errx(1, "%s: %s", argv[1], error);
	printf("filesystem %s\nhandle ", id.filesystem);
	for (unsigned i = 0; i < id.handle_size; i++)
		printf("%02x", id.handle[i]);
	printf("\ninode %" PRIu64 "\nborn %lld.%09u\ndevice %u:%u %llu\ndisk %s\n", id.inode,
		(long long)id.born, id.born_nsec, major(id.disk.dev), minor(id.disk.dev),
		id.disk.sequence, id.disk.name ? id.disk.name : "");
	return 0;
}
