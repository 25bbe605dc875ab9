/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/attributes.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "path/command.h"

#include <sys/stat.h>

/*
 * notify_change() of fs/attr.c refuses new owners of both kinds, may_create() and may_delete() of
 * fs/namei.c new entries of immutable directories, and removal from either.
 */
char *attributes_why_fixed(const struct statx *stx, const char *path, char **help)
{
	if (stx->stx_attributes & STATX_ATTR_IMMUTABLE)
		return help_message(help, xasprintf("%s is immutable", path), "; ",
			command_of_root("chattr -i", path));
	if ((stx->stx_attributes & STATX_ATTR_APPEND) && !S_ISDIR(stx->stx_mode))
		return help_message(help, xasprintf("%s is append-only", path), "; ",
			command_of_root("chattr -a", path));
	return NULL;
}
