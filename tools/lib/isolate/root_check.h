/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the mounts of a root directory are those that were made. Private to isolate/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct root_mount {
	char *path;
	uint64_t attributes; /* MOUNT_ATTR_...; at least */
	bool was_seen;
};

struct root_mounts {
	struct root_mount *all;
	size_t n;
};

void root_mounts_add(struct root_mounts *mounts, const char *path, uint64_t attributes);
/* Whether one was made there, or below. */
bool root_mounts_has(const struct root_mounts *mounts, const char *path);
void root_mounts_free(struct root_mounts *mounts);

/*
 * What the text of a mountinfo file says of them: each is there once, and besides them only what
 * lies below one. False and a new message otherwise.
 */
bool root_check_text(struct root_mounts *mounts, const char *text, char **error);

/* The same of this process, and whether the kernel says that each has its attributes. */
bool root_check(struct root_mounts *mounts, char **error);
