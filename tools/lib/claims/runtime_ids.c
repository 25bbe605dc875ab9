/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/runtime_ids.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/journal.h"
#include "claims/runtime_dir.h"
#include "conf/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

uid_t runtime_id_of(const char *name)
{
	const char *number = name + strlen(RUNTIME_ID);
	char *end;

	if (strncmp(name, RUNTIME_ID, strlen(RUNTIME_ID)) != 0)
		return 0;
	unsigned long id = strtoul(number, &end, 10);
	/* No other name was made here, and ids of people are never those of VMs. */
	if (*end || *number < '0' || *number > '9' || id < SETTINGS_ISOLATE_LOWEST ||
		id > SETTINGS_ISOLATE_HIGHEST)
		return 0;
	return (uid_t)id;
}

/* False and errno; ENOENT: it has just been given back. */
static bool read_one(int runtime, const char *file, struct runtime_id *id)
{
	char text[RUNTIME_ID_NAME + 2] = "";
	cleanup_fd int fd = openat(runtime, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || IO_RETRY(pread(fd, text, sizeof text - 1, 0)) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	/* A start looks whether the id is free, and has given it to nobody. */
	errno = ENOENT;
	if (!journal_is_name(text))
		return false;
	strcpy(id->name, text);
	id->is_held = flock(fd, LOCK_SH | LOCK_NB) < 0;
	return !id->is_held || errno == EWOULDBLOCK;
}

static int by_id(const void *a, const void *b)
{
	const struct runtime_id *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

bool runtime_ids_read(struct runtime_id **out, size_t *n, char **error)
{
	cleanup_dir DIR *dir = opendir(RUNTIME_DIR);
	const struct dirent *d;

	*out = NULL;
	*n = 0;
	if (!dir)
		return errno == ENOENT ||
		       error_set_errno(error, "cannot list the directory " RUNTIME_DIR);
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		struct runtime_id id = {.id = runtime_id_of(d->d_name)};
		if (!id.id)
			continue;
		if (read_one(dirfd(dir), d->d_name, &id)) {
			ARRAY_GROW(*out, *n);
			(*out)[(*n)++] = id;
		} else if (errno != ENOENT) {
			return error_set_errno(error, "cannot read " RUNTIME_DIR "/%s", d->d_name);
		}
	}
	if (errno)
		return error_set_errno(error, "cannot list the directory " RUNTIME_DIR);
	if (*n)
		qsort(*out, *n, sizeof **out, by_id);
	return true;
}
