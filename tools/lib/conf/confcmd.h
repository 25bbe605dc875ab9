/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One change of a settings file, from the lock to the word about it: what virt-priv-conf does
 * for each of its commands. What is written is parsed again and compared with what was meant
 * before it takes the file's place.
 *
 * config is the argument of --config, or NULL for /etc/libvirt/qemu.conf. Each function ends
 * the program with a message where something is wrong, with the file as it was, and prints
 * what it has changed.
 */
#pragma once

#include "conf/conffile.h"

#include <stdbool.h>

/*
 * The value is given in the word of a command line (confvalue.h). A key that libvirt does not
 * know is refused unless forced. Where /etc/libvirt/qemu.conf does not exist it is made from
 * the package's file.
 */
void confchange_set(const char *config, const char *key, const char *word, bool force);
void confchange_unset(const char *config, const char *key);

/* Puts a marked block in that has QEMU run as root, and takes it away again. */
void confchange_revert_to_root(const char *config);
/* False: QEMU runs as root for another reason, which is warned of. */
bool confchange_restore_default(const char *config);

/* For others that change the file: adoption.h. */

/* A file that is open to be edited, its parse, and its text to come. */
struct edit {
	char *path;
	struct conffile file;
	struct conf *conf;
	struct conftext text;
};

/* Where there is no file yet, starts from the package's if may_create, else ends the program. */
void edit_begin(struct edit *e, const char *config, bool may_create);
void edit_end(struct edit *e);

/* Whether there is no /etc/libvirt/qemu.conf at all, in which nothing is set. */
bool edit_is_missing(const char *config);

/* Changes the file: a marked block of user and group, both with that value; or without it. */
void edit_insert_block(struct edit *e, enum confblock which, const char *value);
void edit_remove_block(struct edit *e, const struct confblock_place *place);

/* printf to standard output, with a new line behind it, fit for a terminal. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What everybody should know who has just changed the file. */
void say_what_reads_it(void);
