/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts by descriptors (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)): a mount is made
 * or cloned where nobody sees it, gets its attributes there, and is attached to a place that is
 * held by a descriptor, too. Private to isolate/.
 *
 * What fails leaves its reason in errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a file system: "size", "1m", ...; the last key is NULL. */
struct mount_option {
	const char *key, *value;
};

/* A new file system with those attributes (MOUNT_ATTR_...), attached nowhere. -1: it failed. */
int mounts_make(const char *type, const struct mount_option *options, uint64_t attributes);

/* Another mount of what a descriptor refers to, with what is mounted below, unless it is to be
 * alone. -1: it failed. */
int mounts_clone(int fd, bool alone);

/* Adds attributes to a mount, and all below; events of the host's mounts no longer reach it. */
bool mounts_restrict(int tree, uint64_t attributes);

/* Attaches it to the place. */
bool mounts_attach(int tree, int place);

/*
 * The place of a path in a root directory, O_PATH; what is missing of it is made where the file
 * system was made for the VM, too: elsewhere nothing of the host's is to be changed. No link leads
 * out of the root directory. -1: it failed.
 */
int mounts_place(int root, const char *path, bool is_directory);

/* The same, where the one who could have made links in it is not trusted: none is followed. */
int mounts_place_beneath(int root, const char *path, bool is_directory);
