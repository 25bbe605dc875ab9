/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzz target that reads files and makes nothing up: replay_TARGET FILE... */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void replay(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	cleanup_free uint8_t *bytes = NULL;

	check(fd >= 0 && fstat(fd, &st) == 0);
	/* No byte more, so that a sanitizer sees one that is read too far. */
	bytes = malloc(st.st_size ? (size_t)st.st_size : 1);
	check(bytes && read(fd, bytes, (size_t)st.st_size) == (ssize_t)st.st_size);
	/* What fails ends the program: this says with which. */
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(bytes, (size_t)st.st_size);
}

int main(int argc, char *argv[])
{
	check(argc > 1);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
