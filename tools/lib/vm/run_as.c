/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/run_as.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

void vm_take_run_as(struct qemuargs *args, struct launch_request *request)
{
	cleanup_free char *copy = args->run_as ? xstrdup(args->run_as) : NULL;

	if (!copy)
		return;
	char *colon = strchr(copy, ':');
	if (colon)
		*colon++ = '\0';
	request->user = xstrdup(copy);
	request->group = colon ? xstrdup(colon) : NULL;
	for (size_t i = 0; i < args->n_options; i++) {
		const char *name = args->options[i].name;
		if (strcmp(name, "runas") == 0) {
			request->user_option = "-runas";
			qemuargs_remove(args, i);
		} else if (strcmp(name, "run-with") == 0 && qemuargs_get(args, i, "user")) {
			request->user_option = "-run-with user=";
			qemuargs_set(args, i, "user", NULL);
			if (!qemuargs_has_keys(args, i))
				qemuargs_remove(args, i);
		}
	}
}

bool vm_check_run_as(
	const struct launch *launch, const struct launch_request *request, char **error)
{
	const char *user = launch->settings.user.value;

	if (!request->user || launch->identity.uid != 0 || strcmp(user, "root") == 0 ||
		strcmp(user, "0") == 0 || strcmp(user, "+0") == 0)
		return true;
	return error_set(error,
		"-runas %s asks for root, and qemu.conf does not; to go back to root: "
		"virt-priv-conf revert-to-root",
		request->user);
}
