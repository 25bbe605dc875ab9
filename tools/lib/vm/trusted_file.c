/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/trusted_file.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/absolute.h"
#include "path/roots.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than any command line can be. */
#define MAX_SIZE ((size_t)4 * 1024 * 1024)

static char *read_all(int fd, const char *path, char **error)
{
	size_t length;
	cleanup_free char *text = io_read_fd(fd, MAX_SIZE, &length);

	if (text && !memchr(text, '\0', length))
		return steal_pointer(&text);
	if (text)
		*error = xasprintf("%s contains a NUL byte", path);
	else if (errno == EFBIG)
		*error = xasprintf("%s is larger than %zu bytes", path, MAX_SIZE);
	else
		*error = xasprintf("cannot read %s: %s", path, strerror(errno));
	return NULL;
}

char *trusted_file_read(const char *path, char **error)
{
	cleanup_free char *absolute = absolute_path(path, error);
	cleanup_free char *why = NULL;
	struct safepath walk;
	char *text = NULL;

	if (!absolute || !safepath_open(absolute, &walk, error))
		return NULL;
	*error = NULL;
	if (walk.unsafe)
		*error = xstrdup(walk.unsafe);
	else if (!S_ISREG(walk.st.st_mode))
		*error = xasprintf("%s is not a regular file", path);
	else if ((why = roots_why_not(walk.fd, &walk.st, path, "check its content", NULL)))
		*error = xasprintf("%s is not owned by root, or writable by group or others (mode "
				   "%04o, uid %u): %s",
			path, walk.st.st_mode & 07777, walk.st.st_uid, why);
	if (!*error) {
		cleanup_fd int fd = safepath_reopen(walk.fd, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			*error = xasprintf("cannot open %s: %s", path, strerror(errno));
		else
			text = read_all(fd, path, error);
	}
	safepath_close(&walk);
	return text;
}

char **trusted_file_words(const char *first, const char *text, size_t *n)
{
	char **words = xcalloc(2, sizeof *words);

	words[0] = xstrdup(first);
	*n = 1;
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *begin = text;
		const char *end = text + length;
		text = end + (*end == '\n');
		while (begin < end && strchr(" \t\r", *begin))
			begin++;
		while (begin < end && strchr(" \t\r", end[-1]))
			end--;
		if (begin == end || *begin == '#')
			continue;
		words = xreallocarray(words, *n + 2, sizeof *words);
		words[(*n)++] = xstrndup(begin, (size_t)(end - begin));
		words[*n] = NULL;
	}
	return words;
}
