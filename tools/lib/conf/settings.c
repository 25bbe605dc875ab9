/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/settings.h"

#include "base/cleanup.h"
#include "base/idspec.h"
#include "base/log.h"
#include "path/place.h"
#include "path/safepath.h"
#include "path/trust.h"

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
	*error = xasprintf("%s:%u:%u: %s: %s was expected, not %s", conf->name, value->line,
		value->column, entry->key, expected, found);
	return false;
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
	if (!idspec_parse(value->string, &ignored, &why)) {
		*error = xasprintf(
			"%s:%u:%u: %s: %s", conf->name, value->line, value->column, key, why);
		return false;
	}
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
static size_t check_file(int fd, const char *file)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		die_errno("can't examine the settings file %s", file);
	if (!S_ISREG(st.st_mode))
		die("can't read settings from %s: it is not a regular file", file);
	cleanup_free char *why = trust_why_not_roots(fd, &st, file, "check what it says");
	if (why)
		die("can't trust the settings in %s: %s", file, why);
	if (st.st_size > (off_t)CONF_MAX_SIZE)
		die("can't read settings from %s: it is larger than %zu bytes", file,
			CONF_MAX_SIZE);
	return (size_t)st.st_size;
}

static void read_file(struct settings *settings, int fd, const char *file)
{
	size_t size = check_file(fd, file);
	cleanup_free char *text = xmalloc(size + 1);
	cleanup_free char *error = NULL;
	size_t length = 0;
	ssize_t n;

	/* One byte more than there should be shows a file that grows meanwhile. */
	while ((n = read(fd, text + length, size + 1 - length)) > 0)
		length += (size_t)n;
	if (n < 0)
		die_errno("can't read the settings file %s", file);
	if (length != size)
		die("can't read settings from %s: it changed meanwhile; try again", file);
	if (!settings_from_text(settings, file, text, length, &error))
		die("%s", error);
}

static void die_missing(const char *file, bool is_named)
{
	struct stat link;

	if (is_named)
		die("there is no settings file %s", file);
	/* Settings that have gone astray are not the same as none. */
	if (lstat(file, &link) == 0)
		die("%s is a symbolic link to a file that does not exist: restore that file, or "
		    "remove the link to use the defaults",
			file);
}

/*
 * Opens a settings file, or returns -1 if there is none and it was not named. Whoever has a
 * directory or a link on the way could choose which of root's files it is.
 */
static int open_settings(const char *file, bool is_named)
{
	cleanup_free char *absolute = place_absolute(file);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!safepath_open(absolute, &walk, &error)) {
		if (errno != ENOENT && is_named)
			die("--config %s: %s", file, error);
		if (errno != ENOENT)
			die("can't open the settings file %s: %s", file, error);
		die_missing(file, is_named);
		return -1;
	}
	if (walk.unsafe)
		die("can't trust the settings in %s: %s", file, walk.unsafe);
	/* Non-blocking: a fifo in its place must not stop the program here. */
	int fd = safepath_reopen_walk(&walk, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		die_errno("can't open the settings file %s", file);
	safepath_close(&walk);
	return fd;
}

void settings_read(struct settings *settings, const char *config)
{
	static const char *const places[] = {SETTINGS_ADMIN_FILE, VENDOR_CONF};

	if (config) {
		cleanup_fd int fd = open_settings(config, true);
		read_file(settings, fd, config);
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		cleanup_fd int fd = open_settings(places[i], false);
		if (fd >= 0) {
			read_file(settings, fd, places[i]);
			return;
		}
	}
	set_defaults(settings, NULL);
}

void settings_free(struct settings *settings)
{
	free(settings->file);
	free(settings->user.value);
	free(settings->group.value);
	*settings = (struct settings){0};
}
