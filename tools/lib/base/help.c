/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/help.h"

#include "base/log.h"

#include <stdlib.h>

char *help_message(char **help, char *text, const char *between, char *command)
{
	if (!command)
		return text;
	char *message = xasprintf("%s%s%s", text, between, command);
	free(text);
	if (help)
		*help = command;
	else
		free(command);
	return message;
}
