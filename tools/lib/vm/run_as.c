/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/run_as.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Moves the account from QEMU's options to the request. */
static void take_run_as(struct qemuargs *args, struct launch_request *request)
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

static bool check_run_as(
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

bool vm_plan_launch(
	struct launch *launch, struct launch_request *request, struct qemuargs *args, char **error)
{
	take_run_as(args, request);
	launch_plan(launch, request);
	return check_run_as(launch, request, error);
}

bool vm_try_account(const char *config, char *const *command, qemuargs_reader *read, char **error)
{
	struct qemuargs *args = qemuargs_parse(command + 1, read, NULL, error);
	struct launch_request request = {.config = config, .command = command, .looks_only = true};
	struct launch launch;

	if (!args)
		return false;
	bool good = vm_plan_launch(&launch, &request, args, error);
	launch_free(&launch);
	free((char *)request.user);
	free((char *)request.group);
	qemuargs_free(args);
	return good;
}
