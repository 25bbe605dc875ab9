/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confquery.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "conf/conf_report.h"
#include "conf/conffile.h"
#include "conf/confkeys.h"
#include "conf/confvalue.h"
#include "conf/settings.h"

/* file->fd is -1 if there is none. *file needs conffile_close() then, too. */
static bool read_in_force(const char *config, struct conffile *file, char **error)
{
	const char *const places[] = {config ? config : SETTINGS_ADMIN_FILE, VENDOR_CONF};
	size_t n = config ? 1 : sizeof places / sizeof *places;

	*file = CONFFILE_NONE;
	for (size_t i = 0; i < n && file->fd < 0; i++)
		if (!conffile_read(places[i], file, error))
			return false;
	if (file->fd >= 0)
		return true;
	*file = CONFFILE_NONE;
	return !config || error_set(error, "there is no settings file %s", config);
}

/* What is not root's is not believed. NULL and a new message: it is not, or it can't be read. */
static struct conf *parse_trusted(const struct conffile *file, char **error)
{
	cleanup_free char *distrust = conffile_distrust(file);

	if (!distrust)
		return conf_parse(file->path, file->text.bytes, file->text.length, error);
	error_set(error, "can't trust the settings in %s: %s", file->path, distrust);
	return NULL;
}

static char *value_of(const struct conffile *file, const char *key, bool *is_unset, char **error)
{
	const struct confkey *nearest = confkey_find(key) ? NULL : confkey_nearest(key);

	*is_unset = file->fd < 0;
	if (*is_unset) {
		error_set(error, "there is no settings file, so %s is at its default", key);
		return NULL;
	}
	struct conf *conf = parse_trusted(file, error);
	if (!conf)
		return NULL;
	const struct conf_entry *entry = conf_get(conf, key);
	char *value = entry ? confvalue_show(&entry->value) : NULL;
	*is_unset = !entry;
	if (!entry)
		error_set(error, "%s is not set in %s%s%s%s", key, file->path,
			nearest ? "; is " : "", nearest ? nearest->name : "",
			nearest ? " meant?" : "");
	conf_free(conf);
	return value;
}

char *confquery_get(const char *config, const char *key, bool *is_unset, char **error)
{
	struct conffile file;
	char *value = NULL;

	*is_unset = false;
	if (read_in_force(config, &file, error))
		value = value_of(&file, key, is_unset, error);
	conffile_close(&file);
	return value;
}

/* What the tools refuse has no value to show. */
static bool are_settings(const struct conffile *file, char **error)
{
	struct settings settings;

	if (!settings_from_text(&settings, file->path, file->text.bytes, file->text.length, error))
		return false;
	settings_free(&settings);
	return true;
}

bool confquery_show(const char *config, bool json, char **error)
{
	struct conffile file;
	struct conf *conf = NULL;
	bool good = read_in_force(config, &file, error);

	if (good && file.fd >= 0) {
		conf = parse_trusted(&file, error);
		good = conf && are_settings(&file, error);
	}
	if (good && json)
		conf_report_show_json(file.path, conf);
	else if (good)
		conf_report_show(file.path, conf);
	conf_free(conf);
	conffile_close(&file);
	return good;
}

bool confquery_check(const char *config, bool json, bool *is_clean, char **error)
{
	struct conffile file;
	struct finding *findings = NULL;
	size_t n = 0;
	bool good = read_in_force(config, &file, error);

	if (good && file.fd >= 0) {
		char *distrust = conffile_distrust(&file);
		n = conflint(&file.text, &findings);
		if (distrust)
			conflint_add(&findings, &n, "not-trusted", NULL, distrust);
	}
	if (good && json)
		conf_report_findings_json(file.path, findings, n);
	else if (good)
		conf_report_findings(file.path, findings, n);
	*is_clean = n == 0;
	if (good && *is_clean)
		info("%s: nothing to find fault with", file.path ? file.path : "no settings file");
	conflint_free(findings, n);
	conffile_close(&file);
	return good;
}
