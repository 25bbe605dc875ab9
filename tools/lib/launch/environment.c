/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/environment.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

#define SAFE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool environment_is_name(const char *name)
{
	return *name && !strchr(name, '=');
}

static bool has_name(const char *variable, const char *name)
{
	size_t length = strlen(name);

	return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

const char *environment_get(char *const *environment, const char *name)
{
	for (char *const *v = environment; *v; v++)
		if (has_name(*v, name))
			return *v + strlen(name) + 1;
	return NULL;
}

void environment_unset(char **environment, const char *name)
{
	char **to = environment;

	for (char **from = environment; *from; from++) {
		if (has_name(*from, name))
			free(*from);
		else
			*to++ = *from;
	}
	*to = NULL;
}

char **environment_set(char **environment, const char *name, const char *value)
{
	size_t n = 0;

	environment_unset(environment, name);
	while (environment[n])
		n++;
	environment = xreallocarray(environment, n + 2, sizeof *environment);
	environment[n] = xasprintf("%s=%s", name, value);
	environment[n + 1] = NULL;
	return environment;
}

static bool is_allowed(const char *variable, const char *const *keep, size_t n_keep)
{
	static const char *const allowed[] = {"LANG", "TERM", "TZ", "TMPDIR"};

	if (strncmp(variable, "LC_", 3) == 0 && strchr(variable, '='))
		return true;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (has_name(variable, allowed[i]))
			return true;
	for (size_t i = 0; i < n_keep; i++)
		if (has_name(variable, keep[i]))
			return true;
	return false;
}

/* Appends name=value unless the array has one of that name. Takes nothing over. */
static void add(char **environment, size_t *n, const char *name, const char *value)
{
	if (environment_get(environment, name))
		return;
	environment[(*n)++] = xasprintf("%s=%s", name, value);
	environment[*n] = NULL;
}

char **environment_reduce(
	char *const *old, const struct identity *identity, const char *const *keep, size_t n_keep)
{
	size_t n_old = 0;
	size_t n = 0;

	while (old[n_old])
		n_old++;
	char **environment = xcalloc(n_old + 6, sizeof *environment);
	for (size_t i = 0; i < n_old; i++) {
		const char *equals = strchr(old[i], '=');
		if (!equals || !is_allowed(old[i], keep, n_keep))
			continue;
		cleanup_free char *name = xstrndup(old[i], (size_t)(equals - old[i]));
		add(environment, &n, name, equals + 1);
	}
	/* What --keep-env named is there already and stays as it is. */
	add(environment, &n, "PATH", SAFE_PATH);
	add(environment, &n, "HOME", identity->home ? identity->home : "/");
	if (identity->has_account) {
		add(environment, &n, "USER", identity->user);
		add(environment, &n, "LOGNAME", identity->user);
		add(environment, &n, "SHELL", identity->shell);
	}
	return environment;
}

void environment_free(char **environment)
{
	if (!environment)
		return;
	for (char **v = environment; *v; v++)
		free(*v);
	free(environment);
}
