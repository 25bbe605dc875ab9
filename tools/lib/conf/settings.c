/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/settings.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/idspec.h"
#include "base/log.h"
#include "conf/conffile.h"
#include "path/absolute.h"
#include "path/roots.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_defaults(struct settings *settings, const char *file)
{
	*settings = (struct settings){
		.file = file ? xstrdup(file) : NULL,
		.user.value = xstrdup("qemu"),
		.group.value = xstrdup("qemu"),
		.dynamic_ownership.value = 1,
		.remember_owner.value = 1,
		.clear_emulator_capabilities.value = 1,
		.seccomp_sandbox.value = -1,
		.isolate_ids.value = SETTINGS_ISOLATE_DEFAULT,
	};
}

static bool fail(
	char **error, const struct conf *conf, const struct conf_entry *entry, const char *expected)
{
	const struct conf_value *value = &entry->value;
	cleanup_free char *found = NULL;

	if (value->type == CONF_INTEGER)
		found = xasprintf("%lld", value->integer);
	else if (value->type == CONF_STRING)
		found = xasprintf("the string \"%s\"", value->string);
	else
		found = xstrdup(conf_type_name(value->type));
	return error_set(error, "%s:%u:%u: %s: expected %s, found %s", conf->name, value->line,
		value->column, entry->key, expected, found);
}

/*
 * The take_ functions replace a default by what the file says, if it says
 * anything, and fail on a value that libvirt would not take either: its
 * src/qemu/qemu_conf.c reads each of these keys by type.
 */

static bool take_account(
	const struct conf *conf, const char *key, struct setting_string *setting, char **error)
{
	const struct conf_entry *entry = conf_get(conf, key);
	cleanup_free char *why = NULL;
	struct idspec ignored;

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type != CONF_STRING)
		return fail(error, conf, entry, "a name or a number in quotes");
	if (!idspec_parse(value->string, &ignored, &why))
		return error_set(error, "%s:%u:%u: %s: %s", conf->name, value->line, value->column,
			key, why);
	free(setting->value);
	*setting = (struct setting_string){xstrdup(value->string), value->line};
	return true;
}

static bool take_integer(const struct conf *conf, const char *key, int lowest, const char *expected,
	struct setting_integer *setting, char **error)
{
	const struct conf_entry *entry = conf_get(conf, key);

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type != CONF_INTEGER || value->integer < lowest || value->integer > 1)
		return fail(error, conf, entry, expected);
	*setting = (struct setting_integer){(int)value->integer, value->line};
	return true;
}

static bool take_boolean(
	const struct conf *conf, const char *key, struct setting_integer *setting, char **error)
{
	return take_integer(conf, key, 0, "0 or 1", setting, error);
}

static bool take_core_limit(
	const struct conf *conf, const char *key, struct limit *limit, char **error)
{
	const struct conf_entry *entry = conf_get(conf, key);

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type == CONF_STRING && strcmp(value->string, "unlimited") == 0)
		*limit = (struct limit){LIMIT_UNLIMITED, 0, value->line};
	else if (value->type == CONF_INTEGER && value->integer >= 0)
		*limit = (struct limit){
			LIMIT_VALUE, (unsigned long long)value->integer, value->line};
	else
		return fail(error, conf, entry, "a number of bytes or \"unlimited\"");
	return true;
}

/* A count of 0 leaves the limit as it is, in libvirt too. */
static bool take_count_limit(
	const struct conf *conf, const char *key, struct limit *limit, char **error)
{
	const struct conf_entry *entry = conf_get(conf, key);

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type != CONF_INTEGER || value->integer < 0 || value->integer > UINT_MAX)
		return fail(error, conf, entry, "a number from 0 to 4294967295");
	*limit = (struct limit){value->integer ? LIMIT_VALUE : LIMIT_UNSET,
		(unsigned long long)value->integer, value->line};
	return true;
}

static bool take_range(
	const struct conf *conf, const char *key, struct setting_range *setting, char **error)
{
	const struct conf_entry *entry = conf_get(conf, key);
	cleanup_free char *why = NULL;
	struct id_range range;

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type != CONF_STRING)
		return fail(error, conf, entry, "FIRST:COUNT in quotes");
	if (!idspec_range(
		    value->string, SETTINGS_ISOLATE_LOWEST, SETTINGS_ISOLATE_HIGHEST, &range, &why))
		return error_set(error, "%s:%u:%u: %s: %s", conf->name, value->line, value->column,
			key, why);
	*setting = (struct setting_range){range, value->line};
	return true;
}

/* What libvirt takes: a list, or one name. */
static bool take_namespaces(struct settings *s, const struct conf *conf, char **error)
{
	const struct conf_entry *entry = conf_get(conf, "namespaces");

	if (!entry)
		return true;
	const struct conf_value *value = &entry->value;
	if (value->type != CONF_LIST && value->type != CONF_STRING)
		return fail(error, conf, entry, "a list");
	s->no_namespaces = value->type == CONF_LIST && value->n_items == 0;
	s->namespaces_line = value->line;
	return true;
}

static bool take_devices(struct settings *s, const struct conf *conf, char **error)
{
	const struct conf_entry *entry = conf_get(conf, "cgroup_device_acl");
	const struct conf_value *value = entry ? &entry->value : NULL;

	if (!entry)
		return true;
	if (value->type != CONF_LIST)
		return fail(error, conf, entry, "a list");
	s->devices = xcalloc(value->n_items + 1, sizeof *s->devices);
	for (size_t i = 0; i < value->n_items; i++) {
		if (value->items[i].type != CONF_STRING)
			return fail(error, conf, entry, "a list of strings");
		s->devices[s->n_devices++] = xstrdup(value->items[i].string);
	}
	return true;
}

static bool take_settings(struct settings *s, const struct conf *conf, char **error)
{
	return take_account(conf, "user", &s->user, error) &&
	       take_account(conf, "group", &s->group, error) &&
	       take_boolean(conf, "dynamic_ownership", &s->dynamic_ownership, error) &&
	       take_boolean(conf, "remember_owner", &s->remember_owner, error) &&
	       take_boolean(conf, "clear_emulator_capabilities", &s->clear_emulator_capabilities,
		       error) &&
	       take_integer(
		       conf, "seccomp_sandbox", -1, "-1, 0 or 1", &s->seccomp_sandbox, error) &&
	       take_range(conf, "isolate_ids", &s->isolate_ids, error) &&
	       take_namespaces(s, conf, error) && take_devices(s, conf, error) &&
	       take_core_limit(conf, "max_core", &s->max_core, error) &&
	       take_count_limit(conf, "max_processes", &s->max_processes, error) &&
	       take_count_limit(conf, "max_files", &s->max_files, error);
}

bool settings_from_text(
	struct settings *settings, const char *name, const char *text, size_t length, char **error)
{
	struct conf *conf = conf_parse(name, text, length, error);
	bool good;

	if (!conf)
		return false;
	set_defaults(settings, name);
	good = take_settings(settings, conf, error);
	if (!good)
		settings_free(settings);
	conf_free(conf);
	return good;
}

/* What root is told to run VMs as must come from root. */
static bool read_trusted(int fd, const char *file, struct conftext *text, char **error)
{
	struct stat st;

	if (!conffile_stat(fd, file, &st, error))
		return false;
	cleanup_free char *why = roots_why_not(fd, &st, file, "check its content", NULL);
	if (why)
		return error_set(error, "cannot trust the settings in %s: %s", file, why);
	return conffile_read_text(fd, file, &st, text, error);
}

static bool read_opened(struct settings *settings, int fd, const char *file, char **error)
{
	struct conftext text = {0};

	if (!read_trusted(fd, file, &text, error))
		return false;
	bool good = settings_from_text(settings, file, text.bytes, text.length, error);
	conftext_free(&text);
	return good;
}

/* Settings that have gone astray are not the same as none. */
static bool is_missing(const char *file, bool is_named, char **error)
{
	if (is_named)
		return error_set(error, "settings file %s does not exist", file);
	return conffile_is_missing(file, error);
}

static int reopen(const struct safepath *walk, const char *file, char **error)
{
	if (walk->unsafe) {
		error_set(error, "cannot trust the settings in %s: %s", file, walk->unsafe);
		return -1;
	}
	/* Non-blocking: a fifo in its place must not stop the program here. */
	int fd = safepath_reopen_walk(walk, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		error_set_errno(error, "cannot open the settings file %s", file);
	return fd;
}

/*
 * Opens a settings file; *fd is -1 if there is none and it was not named. Whoever controls a
 * parent directory or a symbolic link could choose which of root's files it is.
 */
static bool open_settings(const char *file, bool is_named, int *fd, char **error)
{
	cleanup_free char *absolute = absolute_path(file, error);
	cleanup_free char *why = NULL;
	struct safepath walk;

	*fd = -1;
	if (!absolute)
		return false;
	if (!safepath_open(absolute, &walk, &why)) {
		if (errno == ENOENT)
			return is_missing(file, is_named, error);
		if (is_named)
			return error_set(error, "--config %s: %s", file, why);
		return error_set(error, "cannot open the settings file %s: %s", file, why);
	}
	*fd = reopen(&walk, file, error);
	safepath_close(&walk);
	return *fd >= 0;
}

bool settings_read(struct settings *settings, const char *config, char **error)
{
	const char *const places[] = {config ? config : SETTINGS_ADMIN_FILE, VENDOR_CONF};
	size_t n = config ? 1 : N_ELEMENTS(places);

	for (size_t i = 0; i < n; i++) {
		cleanup_fd int fd = -1;
		if (!open_settings(places[i], config != NULL, &fd, error))
			return false;
		if (fd >= 0)
			return read_opened(settings, fd, places[i], error);
	}
	set_defaults(settings, NULL);
	return true;
}

void settings_free(struct settings *settings)
{
	free(settings->file);
	free(settings->user.value);
	free(settings->group.value);
	for (size_t i = 0; i < settings->n_devices; i++)
		free(settings->devices[i]);
	free(settings->devices);
	*settings = (struct settings){0};
}
