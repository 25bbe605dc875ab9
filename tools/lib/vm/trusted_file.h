/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files whose words root acts on: the command line of a VM (virt-priv-vm(5)), and what
 * -readconfig names. They must be root's, unwritable by others, below directories that nobody
 * else can change.
 */
#pragma once

#include <stddef.h>

#define VM_FILE_DIR "/etc/virt-privileges/vms"

/* The text of such a file, new; NULL and a new message if it can't be trusted or read. */
char *trusted_file_read(const char *path, char **error);

/*
 * The words of a VM's file, one of a line, behind first: a new array of new strings that
 * ends with NULL. Blank lines and those that begin with "#" are none.
 */
char **trusted_file_words(const char *first, const char *text, size_t *n);
