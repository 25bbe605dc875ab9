/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/package_defaults.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/confcmd.h"
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
		warn_errno("can't make the directory " DIRECTORY);
		return;
	}
	cleanup_fd int fd = open(NOTE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		warn_errno("can't write " NOTE);
}

/* Takes the directory away too if nothing else is in it. */
static void forget(void)
{
	if (unlink(NOTE) < 0 && errno != ENOENT)
		warn_errno("can't remove " NOTE);
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

void adoption_adopt(const char *config)
{
	struct edit e = {0};

	if (edit_is_missing(config)) {
		/* A file that comes later is another one. */
		forget();
		return;
	}
	if (readlink(config ? config : SETTINGS_ADMIN_FILE, (char[1]){0}, 1) >= 0) {
		info("the settings are a symbolic link, and left alone");
		return;
	}
	edit_begin(&e, config, false);
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_LIBVIRT);
	if (place.state == CONFBLOCK_INTACT) {
		note();
	} else if (conf_get(e.conf, "user") || conf_get(e.conf, "group")) {
		info("%s sets a user or group, and is left alone", e.path);
	} else if (is_noted()) {
		info("%s was set once, and is left as it has been since", e.path);
	} else if (has_other_default(&e)) {
		edit_insert_block(&e, CONFBLOCK_LIBVIRT, "qemu");
		note();
		say_what_reads_it();
	}
	edit_end(&e);
}

void adoption_abandon(const char *config)
{
	struct edit e = {0};

	forget();
	if (edit_is_missing(config) ||
		readlink(config ? config : SETTINGS_ADMIN_FILE, (char[1]){0}, 1) >= 0)
		return;
	edit_begin(&e, config, false);
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_LIBVIRT);
	if (place.state == CONFBLOCK_INTACT) {
		edit_remove_block(&e, &place);
		say("%s:%u: user and group are not set any more", e.path, place.line);
		say_what_reads_it();
	} else if (place.state == CONFBLOCK_EDITED) {
		say("%s:%u: the lines of virt-privileges-libvirt were changed, and stay", e.path,
			place.line);
	}
	edit_end(&e);
}
