/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/package_defaults.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conflint.h"
#include "conf/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "/var/lib/virt-privileges"
#define NOTE DIRECTORY "/qemu.conf-was-set"

static bool is_noted(void)
{
	struct stat st;

	return lstat(NOTE, &st) == 0;
}

static void note(void)
{
	if (mkdir(DIRECTORY, 0755) < 0 && errno != EEXIST) {
		warn_errno("cannot create the directory " DIRECTORY);
		return;
	}
	cleanup_fd int fd = open(NOTE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		warn_errno("cannot write " NOTE);
}

/* Takes the directory away too if nothing else is in it. */
static void forget(void)
{
	if (unlink(NOTE) < 0 && errno != ENOENT)
		warn_errno("cannot remove " NOTE);
	rmdir(DIRECTORY);
}

/* Whether libvirt was compiled to run QEMU as somebody else, by the samples of its file. */
static bool has_other_default(const struct edit *e)
{
	struct finding *findings;
	size_t n = conflint(&e->text, &findings);
	bool other = false;

	for (size_t i = 0; i < n; i++)
		other = other || strcmp(findings[i].kind, "other-default") == 0;
	conflint_free(findings, n);
	return other;
}

static bool is_link(const char *config)
{
	return readlink(config ? config : SETTINGS_ADMIN_FILE, (char[1]){0}, 1) >= 0;
}

bool package_defaults_adopt(struct confcmd *command, char **error)
{
	if (edit_is_missing(command->config)) {
		/* A file that comes later is another one. */
		forget();
		return true;
	}
	if (is_link(command->config)) {
		info("the settings file is a symbolic link; not changed");
		return true;
	}
	cleanup_edit struct edit e;
	if (!edit_begin(&e, command, false, error))
		return false;
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_LIBVIRT);
	if (place.state == CONFBLOCK_INTACT) {
		note();
	} else if (conf_get(e.conf, "user") || conf_get(e.conf, "group")) {
		info("%s sets user or group; not changed", e.path);
	} else if (is_noted()) {
		info("%s was changed once before; not changed again", e.path);
	} else if (has_other_default(&e)) {
		if (!edit_insert_block(&e, CONFBLOCK_LIBVIRT, "qemu", error))
			return false;
		note();
		confchange_say_what_reads_it(command);
	}
	return true;
}

bool package_defaults_abandon(struct confcmd *command, char **error)
{
	forget();
	if (edit_is_missing(command->config) || is_link(command->config))
		return true;
	cleanup_edit struct edit e;
	if (!edit_begin(&e, command, false, error))
		return false;
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_LIBVIRT);
	if (place.state == CONFBLOCK_INTACT) {
		if (!edit_remove_block(&e, &place, error))
			return false;
		confchange_say(
			command, "%s:%u: user and group removed (changed)", e.path, place.line);
		confchange_say_what_reads_it(command);
	} else if (place.state == CONFBLOCK_EDITED) {
		confchange_say(command,
			"%s:%u: the lines of virt-privileges-libvirt were changed; not removed",
			e.path, place.line);
	}
	return true;
}
