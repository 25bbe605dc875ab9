/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/reservation.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/subid.h"
#include "conf/conffile.h"
#include "conf/settings.h"
#include "conf/shadow_lock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const files[] = {"/etc/subuid", "/etc/subgid"};

/* The new text of a file; NULL: it stays as it is, or *error has a new message. */
typedef char *edit_text(
	const char *path, const char *text, const struct id_range *range, char **error);

static bool has_range(const struct subid_line *line, struct id_range range)
{
	return line->first == range.first && line->count == range.count;
}

/* All of the range is among the ids of the line. */
static bool covers(const struct subid_line *line, const struct id_range *range)
{
	return line->first <= range->first && line->count >= range->count &&
	       range->first - line->first <= line->count - range->count;
}

static bool is_packages(const struct subid_line *line, const struct id_range *range)
{
	return has_range(line, *range) || has_range(line, SETTINGS_ISOLATE_DEFAULT);
}

static bool overlaps(const struct subid_line *line, const struct id_range *range)
{
	unsigned long long end = (unsigned long long)range->first + range->count;

	/* No sum of what the file says: it may overflow. */
	return line->first < end && line->count > 0 &&
	       (line->first >= range->first || line->count > range->first - line->first);
}

static void fail_overlap(
	const char *path, const struct subid_line *line, const struct id_range *range, char **error)
{
	error_set(error,
		"%s:%u: '%.*s' has some of the ids %u:%u of isolated VMs (isolate_ids in "
		"qemu.conf); nothing is reserved; choose others: virt-priv-conf set isolate_ids "
		"FIRST:COUNT, then virt-priv-conf reserve-ids",
		path, line->number, (int)line->length, line->begin, range->first, range->count);
}

/* The text without the line, or with another in its place. */
static char *replace_line(const char *text, const struct subid_line *line, const char *other)
{
	const char *behind = line->begin + line->length;

	return xasprintf(
		"%.*s%s%s", (int)(line->begin - text), text, other, behind + (*behind == '\n'));
}

static char *with_reservation(
	const char *path, const char *text, const struct id_range *range, char **error)
{
	struct subid_line line = {0}, own = {0};
	size_t length = strlen(text);

	while (subid_next(text, &line)) {
		if (!subid_is_reservation(&line))
			continue;
		if (covers(&line, range))
			return NULL;
		if (!has_range(&line, SETTINGS_ISOLATE_DEFAULT)) {
			warn("%s:%u: '%.*s' is kept, so that the ids %u:%u of isolated VMs are not "
			     "reserved; to reserve them instead: remove that line, then "
			     "virt-priv-conf reserve-ids",
				path, line.number, (int)line.length, line.begin, range->first,
				range->count);
			return NULL;
		}
		own = line;
	}
	line = (struct subid_line){0};
	while (subid_next(text, &line))
		if (!subid_is_reservation(&line) && overlaps(&line, range)) {
			fail_overlap(path, &line, range, error);
			return NULL;
		}
	cleanup_free char *new = xasprintf(SUBID_OWNER ":%u:%u\n", range->first, range->count);
	if (own.begin)
		return replace_line(text, &own, new);
	return xasprintf("%s%s%s", text, length > 0 && text[length - 1] != '\n' ? "\n" : "", new);
}

static char *without_reservation(
	const char *path, const char *text, const struct id_range *range, char **error)
{
	char *new = xstrdup(text);
	struct subid_line line = {0};
	bool is_changed = false;

	(void)error;
	while (subid_next(new, &line)) {
		if (!subid_is_reservation(&line))
			continue;
		if (!is_packages(&line, range)) {
			info("%s:%u: '%.*s' is kept", path, line.number, (int)line.length,
				line.begin);
			continue;
		}
		char *shorter = replace_line(new, &line, "");
		free(new);
		new = shorter;
		line = (struct subid_line){0};
		is_changed = true;
	}
	if (!is_changed)
		free(steal_pointer(&new));
	return new;
}

/* What the file's text is to be: new; NULL as in edit_text, also for a file that is not there. */
static char *plan(
	const struct conffile *file, edit_text *edit, const struct id_range *range, char **error)
{
	if (file->fd < 0) {
		info("%s does not exist; nothing to reserve", file->path);
		return NULL;
	}
	if (strlen(file->text.bytes) != file->text.length) {
		error_set(error, "%s is unchanged: it contains a NUL byte", file->path);
		return NULL;
	}
	return edit(file->path, file->text.bytes, range, error);
}

/* Whether the file needs an edit, by a look at it that changes nothing. */
static bool examine(const char *path, edit_text *edit, const struct id_range *range,
	bool *is_needed, char **error)
{
	struct conffile file;

	*error = NULL;
	if (!conffile_read(path, &file, error))
		return false;
	cleanup_free char *text = plan(&file, edit, range, error);
	conffile_close(&file);
	*is_needed = text;
	return !*error;
}

static bool replace_locked(
	const char *path, edit_text *edit, const struct id_range *range, char **error)
{
	struct conffile file;
	struct conftext new = {0};
	cleanup_free char *text = NULL;

	*error = NULL;
	if (conffile_open(path, false, &file, error))
		text = plan(&file, edit, range, error);
	if (text) {
		new = conftext_new(text, strlen(text));
		conffile_replace(&file, &new, error);
	}
	conftext_free(&new);
	conffile_close(&file);
	return !*error;
}

static bool replace(const char *path, edit_text *edit, const struct id_range *range, char **error)
{
	cleanup_free char *why = NULL;

	if (!shadow_lock(path, error))
		return false;
	bool good = replace_locked(path, edit, range, error);
	if (shadow_unlock(path, &why))
		return good;
	if (!good)
		log_error("%s", why);
	else
		error_set(error, "%s is changed, but %s", path, why);
	return false;
}

static bool edit_all(
	const struct confcmd *command, edit_text *edit, const struct id_range *range, char **error)
{
	bool is_needed[N_ELEMENTS(files)];
	struct confchange changes[N_ELEMENTS(files)] = {0};
	size_t n_changes = 0;

	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		if (!examine(files[i], edit, range, &is_needed[i], error))
			return false;
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		cleanup_free char *why = NULL;
		const char *changed = n_changes > 0 ? changes[0].file : NULL;
		if (is_needed[i] && !command->dry_run && !replace(files[i], edit, range, &why))
			return error_set(error, "%s%s%s%s", why, changed ? "; " : "",
				changed ? changed : "", changed ? " is changed" : "");
		confchange_say(command, "%s: %s", files[i],
			is_needed[i] ? confchange_word(command) : "unchanged");
		if (is_needed[i])
			changes[n_changes++].file = files[i];
	}
	confchange_report(command, changes, n_changes);
	return true;
}

static bool change(const struct confcmd *command, edit_text *edit, char **error)
{
	struct settings settings;

	if (geteuid() != 0)
		return error_set(
			error, "must be run as root to edit /etc/subuid; try: sudo virt-priv-conf");
	if (!settings_read(&settings, command->config, error))
		return false;
	struct id_range range = settings.isolate_ids.value;
	settings_free(&settings);
	return edit_all(command, edit, &range, error);
}

bool reservation_make(const struct confcmd *command, char **error)
{
	return change(command, with_reservation, error);
}

bool reservation_remove(const struct confcmd *command, char **error)
{
	return change(command, without_reservation, error);
}
