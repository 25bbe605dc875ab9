/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recover --libvirt: files that a libvirt which is gone, or an earlier boot's, never gave back.
 * Private to claims/.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Gives the object of fd (O_PATH) to the owner that libvirt's attributes of
 * an earlier boot, or of a libvirt that is gone, name, and removes them; with dry_run
 * nothing is changed. *message is new: what was done; with false, why not. It is NULL with *busy:
 * somebody has a lock or a lease on it.
 */
bool recover_libvirt_object(
	int fd, const struct stat *st, bool dry_run, bool *busy, char **message);
