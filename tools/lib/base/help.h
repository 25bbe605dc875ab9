/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What helps, beside the message that ends with it: a command for a shell, so that nobody has to
 * find out where in the message it begins. A function that says why something cannot be done gives
 * it to char **help: unless that is NULL, *help becomes a new string, and stays as it is where no
 * command would do.
 */
#pragma once

/*
 * Returns the message, new: the text, what stands between a cause and what helps ("; "), and the
 * command; or the text alone, if there is no command (NULL). Takes text and command. The command
 * is given to help, unless that is NULL.
 */
char *help_message(char **help, char *text, const char *between, char *command);
