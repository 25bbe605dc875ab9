/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a settings file says: the commands of virt-priv-conf that change nothing.
 *
 * The file is that of config or, where that is NULL, the one in force: /etc/libvirt/qemu.conf,
 * else the package's. A function that returns false or NULL has a new message in *error.
 */
#pragma once

#include <stdbool.h>

/*
 * The value that the file gives the key, as a command line would write it: new. NULL: *is_unset
 * says whether it has none, which the message then tells.
 */
char *confquery_get(const char *config, const char *key, bool *is_unset, char **error);

/* Prints each setting that decides about privileges. False: the tools would refuse the file. */
bool confquery_show(const char *config, bool json, char **error);

/* Prints what is wrong with the file. *is_clean: nothing is, which is told with --verbose. */
bool confquery_check(const char *config, bool json, bool *is_clean, char **error);
