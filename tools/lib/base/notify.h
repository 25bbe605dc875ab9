/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the service manager that started this process what has become of it: sd_notify(3), by
 * the protocol that is described there.
 */
#pragma once

#include <stdbool.h>

/*
 * The socket that the service manager listens on, new, taken out of the environment, so that
 * no program that is started from now on says anything in this one's name. NULL: nobody listens.
 */
char *notify_take(void);

/*
 * Sends assignments such as "READY=1", separated by newlines. Waits for a few seconds at most.
 * False and a new message on failure.
 */
bool notify_send(const char *socket, const char *state, char **error);
