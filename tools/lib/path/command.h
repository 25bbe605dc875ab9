/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that a message advises, of a path.
 *
 * Root reads the message, and executes the command later. Who can write to a directory of the path
 * can make it lead to another file until then, and root would change that file in its place. So a
 * command as root is advised where root alone has the path. Where the object's owner has it as
 * well, the command is to be executed as the owner, who can lead it to files of his own and to
 * nothing else; where others have it, none is advised.
 */
#pragma once

#include "path/safepath.h"

/* safepath_command() of a path. If there is none, the command creates it. */
char *command_as(const char *path);

/* "chmod a-x /srv/a" of "chmod a-x", with what is to stand before it, new; NULL: as above. */
char *command_on(const char *what, const char *path);
/* The same of a command that takes root. For the message: help_message() of base/help.h. */
char *command_of_root(const char *what, const char *path);
