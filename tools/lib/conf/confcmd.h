/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One change of a settings file, from the lock to what is printed about it: what virt-priv-conf
 * does for each of its commands. What is written is parsed again and compared with what was meant
 * before it takes the file's place.
 *
 * Each function prints what it has changed (confchange.h). Where something is wrong it returns
 * false and a new message in *error; the file is as it was then, unless command->is_changed or the
 * message says that it is changed.
 */
#pragma once

#include "conf/confchange.h"
#include "conf/conffile.h"

#include <stdbool.h>

/*
 * The value is given in the word of a command line (confvalue.h). A key that libvirt does not
 * know is refused unless forced. Where /etc/libvirt/qemu.conf does not exist it is made from
 * the package's file.
 */
bool confcmd_set(
	struct confcmd *command, const char *key, const char *word, bool force, char **error);
bool confcmd_unset(struct confcmd *command, const char *key, char **error);

/* Puts a marked block in that has QEMU run as root, and takes it away again. */
bool confcmd_revert_to_root(struct confcmd *command, char **error);
/* *is_root: QEMU still runs as root for another reason, which is warned of. */
bool confcmd_restore_default(struct confcmd *command, bool *is_root, char **error);

/* For others that change the file: package_defaults.h. */

/* A file that is open to be edited, its parse, and its text to come. */
struct edit {
	struct confcmd *command;
	char *path;
	struct conffile file;
	struct conf *conf;
	struct conftext text;
	bool is_removed; /* the file: nothing but the package's own settings was left in it */
};

/*
 * Where there is no file yet, starts from the package's if may_create, else fails. *e needs
 * no initial value, and edit_end() also after a failure, which cleanup_edit sees to.
 */
bool edit_begin(struct edit *e, struct confcmd *command, bool may_create, char **error);
void edit_end(struct edit *e);
#define cleanup_edit __attribute__((cleanup(edit_end)))

/* Whether there is no /etc/libvirt/qemu.conf at all, in which nothing is set. */
bool edit_is_missing(const char *config);

/* Changes the file: a marked block of user and group, both with that value; or without it. */
bool edit_insert_block(struct edit *e, enum confblock which, const char *value, char **error);
bool edit_remove_block(struct edit *e, const struct confblock_place *place, char **error);
