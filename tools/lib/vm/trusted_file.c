/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/trusted_file.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than any command line can be. */
#define MAX_SIZE ((size_t)4 * 1024 * 1024)

static char *read_all(int fd, const char *path, char **error)
{
	char *text = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		if (length + 1 >= room)
			text = xreallocarray(text, room = room ? 2 * room : 4096, 1);
		ssize_t n = read(fd, text + length, room - length - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			*error = xasprintf("cannot read %s: %s", path, strerror(errno));
		else if (length > MAX_SIZE)
			*error = xasprintf("%s is larger than %zu bytes", path, MAX_SIZE);
		else if (n == 0 && length && memchr(text, '\0', length))
			*error = xasprintf("%s contains a NUL byte", path);
		if (*error) {
			free(text);
			return NULL;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	return text;
}

char *trusted_file_read(const char *path, char **error)
{
	cleanup_free char *absolute = place_absolute(path);
	cleanup_free char *why = NULL;
	struct safepath walk;
	char *text = NULL;

	if (!safepath_open(absolute, &walk, error))
		return NULL;
	*error = NULL;
	if (walk.unsafe)
		*error = xstrdup(walk.unsafe);
	else if (!S_ISREG(walk.st.st_mode))
		*error = xasprintf("%s is not a regular file", path);
	else if ((why = trust_why_not_roots(walk.fd, &walk.st, path, "check what it says")))
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
