/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/write_unit.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "launch/launch.h"
#include "path/absolute.h"
#include "path/place.h"
#include "vm/qemu_command.h"
#include "vm/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char header[] =
	"# Written by virt-priv-run --write-unit: one word of the command line on each line, as\n"
	"# virt-priv-vm(5) describes. There is no quoting.\n";

/* The command line. */

static bool is_file(const struct qemuargs_resource *r)
{
	return r->path &&
	       (r->kind < RESOURCE_TAP || r->kind == RESOURCE_DEVICE || r->kind == RESOURCE_MEMORY);
}

/* One of QEMU's own files has a name alone, and is there wherever QEMU runs. */
static bool is_of_qemu(const struct qemuargs_resource *r)
{
	return r->is_searched && access(r->path, F_OK) < 0;
}

/* Puts path in the place of the old one, which its value ends with: before it, a protocol. */
static bool set_path(struct qemuargs *args, size_t option, const char *key, const char *old,
	const char *path, char **error)
{
	const char *value = qemuargs_get(args, option, key);
	size_t length = value ? strlen(value) : 0, n = strlen(old);

	if (args->options[option].form == QEMUARGS_SECTION || !value || length < n ||
		strcmp(value + length - n, old) != 0)
		return error_set(error,
			"%s: %s is relative to the current directory, and a unit runs in /; write "
			"%s there",
			args->options[option].source, old, path);
	cleanup_free char *changed = xasprintf("%.*s%s", (int)(length - n), value, path);
	qemuargs_set(args, option, key, changed);
	return true;
}

static bool make_absolute(
	struct qemuargs *args, size_t option, const char *key, const char *old, char **error)
{
	const char *plain = old;

	while (strncmp(plain, "./", 2) == 0)
		plain += 2 + strspn(plain + 2, "/");
	cleanup_free char *path = absolute_path(plain, error);

	return path && set_path(args, option, key, old, path, error);
}

/* The scripts and the helper of a tap device, "no" and "" being none. */
static bool make_scripts_absolute(struct qemuargs *args, size_t option, char **error)
{
	static const char *const keys[] = {"script", "downscript", "helper"};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		const char *value = qemuargs_get(args, option, keys[i]);
		if (!value || !strchr(value, '/') || *value == '/')
			continue;
		cleanup_free char *old = xstrdup(value);
		if (!make_absolute(args, option, keys[i], old, error))
			return false;
	}
	return true;
}

static bool move_to_unit(struct qemuargs *args, const struct qemuargs_resource *r, char **error)
{
	if (r->kind == RESOURCE_TAP || r->kind == RESOURCE_BRIDGE)
		return make_scripts_absolute(args, r->option, error);
	if (r->kind == RESOURCE_FD && r->path && strtol(r->path, NULL, 10) > STDERR_FILENO)
		return error_set(error,
			"%s: descriptor %s: a unit is passed no descriptors of a shell; name the "
			"file or device itself",
			r->source, r->path);
	if (!is_file(r) || *r->path == '/' || is_of_qemu(r))
		return true;
	cleanup_free char *old = xstrdup(r->path);
	return make_absolute(args, r->option, r->key, old, error);
}

/* What a unit must not have. */
static const char **take_away(struct qemuargs *args)
{
	const char **removed = xcalloc(3, sizeof *removed);
	bool has_daemonize = false, has_pid_file = false;
	size_t n = 0;

	for (size_t i = 0; i < args->n_options; i++) {
		bool is_daemonize = strcmp(args->options[i].name, "daemonize") == 0;
		bool is_pid_file = strcmp(args->options[i].name, "pidfile") == 0;
		if (is_daemonize || is_pid_file)
			qemuargs_remove(args, i);
		has_daemonize = has_daemonize || is_daemonize;
		has_pid_file = has_pid_file || is_pid_file;
	}
	if (has_daemonize)
		removed[n++] = "-daemonize is left out: a unit stays in the foreground";
	if (has_pid_file)
		removed[n] = "-pidfile is left out: systemd knows the process of a unit";
	return removed;
}

/* No document of -readconfig is changed, so none is asked for. */
static char *no_document(void *context, const char *path, const char *text)
{
	(void)context;
	(void)text;
	return xstrdup(path);
}

/* The words of QEMU's command line in a unit: they are appended to *words, as new strings. */
static void add_words(struct option_texts *words, const struct qemuargs *args)
{
	char **all = qemuargs_words(args, no_document, NULL);

	for (char **word = all; *word; word++) {
		ARRAY_GROW(words->items, words->n);
		words->items[words->n++] = *word;
	}
	free(all);
}

static bool move_all_to_unit(struct qemuargs *args, char **error)
{
	for (size_t i = 0; i < args->n_resources; i++) {
		const struct qemuargs_resource *r = &args->resources[i];
		if (r->kind != RESOURCE_PIDFILE && !move_to_unit(args, r, error))
			return false;
	}
	return true;
}

/* The file. */

static void free_words(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

/* Whether the file's text is read as these words. */
static bool has_words(const char *text, char *const *words)
{
	size_t n, i = 0;
	char **read = trusted_file_words("", text, &n);

	while (words[i] && i + 1 < n && strcmp(words[i], read[i + 1]) == 0)
		i++;
	bool same = !words[i] && i + 1 == n;
	free_words(read);
	return same;
}

/* NULL and a new message where a word cannot be in a file. */
static char *text_of(char *const *words, char **error)
{
	char *text = xstrdup(header);

	for (char *const *word = words; *word; word++) {
		char *const one[] = {*word, NULL};
		cleanup_free char *before = text;
		cleanup_free char *line = xasprintf("%s\n", *word);
		if (!has_words(line, one)) {
			cleanup_free char *shown = shell_word(*word);
			error_set(error,
				"the word %s cannot be in the file of a VM, in which a word is a "
				"line: it is empty, begins with \"#\", begins or ends with a "
				"blank, or has a newline; nothing was changed",
				shown);
			return NULL;
		}
		text = xasprintf("%s%s", before, line);
	}
	return text;
}

/* Root's directories, whatever the umask. */
static bool make_directory(const char *path, char **error)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) == 0 ||
		       error_set_errno(error, "cannot change the mode of %s", path);
	return errno == EEXIST || error_set_errno(error, "cannot create %s", path);
}

/*
 * A new file in the directory, without a name; on a file system that has no such files, under one
 * of this process, in *temporary, new. -1 and errno.
 */
static int open_new(const struct place *place, char **temporary)
{
	int fd = openat(place->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	*temporary = xasprintf(".%s.%d.new", place->name, getpid());
	unlinkat(place->dir, *temporary, 0);
	return openat(
		place->dir, *temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/*
 * Complete, the file gets its name, unless there is one: by the descriptor, since another process
 * that writes the same file can have put its own in the place of any name.
 */
static bool write_new(const struct place *place, const char *text, char **error)
{
	cleanup_free char *temporary = NULL;
	cleanup_fd int fd = open_new(place, &temporary);
	cleanup_fd int dir = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good =
		fd >= 0 && dir >= 0 && io_write_all(fd, text, strlen(text)) && io_sync(fd) &&
		linkat(AT_FDCWD, IO_FD_PATH(fd), place->dir, place->name, AT_SYMLINK_FOLLOW) == 0;
	int number = errno;
	if (temporary)
		unlinkat(place->dir, temporary, 0);
	good = good && io_sync(dir);
	errno = good ? errno : number;
	return good || error_set_errno(error, "cannot write %s", place->path);
}

/* Of a file that is there already. */
static bool is_as_wanted(const char *path, char *const *words, char **error)
{
	cleanup_free char *text = trusted_file_read(path, error);
	cleanup_free char *shown = shell_word(path);

	if (!text)
		return false;
	if (has_words(text, words)) {
		printf("%s has this command line already\n", path);
		return true;
	}
	return error_set(error,
		"%s exists, and has another command line; nothing was changed; use another "
		"name, or move it away first: mv %s %s.old",
		path, shown, shown);
}

static bool write_file(const char *path, char *const *words, char **error)
{
	cleanup_free char *text = text_of(words, error);
	struct place place;

	if (!text || !make_directory("/etc/virt-privileges", error) ||
		!make_directory(VM_FILE_DIR, error))
		return false;
	bool good = place_find(path, &place, error);
	if (good && place.exists)
		good = is_as_wanted(path, words, error);
	else if (good && !place.is_roots)
		good = error_set(error,
			"%s: its directory, or one above it, is writable by users other than root",
			path);
	else if (good && (good = write_new(&place, text, error)))
		printf("%s is written\n", path);
	place_close(&place);
	return good;
}

/* The executable, absolute and new: a unit has another PATH. */
static char *find_program(const char *name, char **error)
{
	cleanup_free char *found = NULL;
	int number = launch_search(name, &found);

	if (number == 0)
		return absolute_path(found, error);
	*error = xasprintf("%s: %s", name, strerror(number));
	return NULL;
}

bool unit_write(const char *name, const struct option_texts *own, char *const *command,
	qemuargs_reader *read, char **error)
{
	cleanup_free char *path = xasprintf(VM_FILE_DIR "/%s.conf", name);
	struct option_texts words = {0};

	if ((*error = qemu_command_why_not(command, NULL, 0, name)) != NULL)
		return false;
	cleanup_free char *program = find_program(command[0], error);
	struct qemuargs *args = program ? qemuargs_parse(command + 1, read, NULL, error) : NULL;
	if (!args || !move_all_to_unit(args, error))
		return false;
	cleanup_free const char **removed = take_away(args);
	for (size_t i = 0; i <= own->n; i++) {
		ARRAY_GROW(words.items, words.n);
		words.items[words.n++] = xstrdup(i < own->n ? own->items[i] : program);
	}
	add_words(&words, args);
	ARRAY_GROW(words.items, words.n);
	words.items[words.n] = NULL;
	bool good = write_file(path, (char *const *)words.items, error);
	for (const char *const *text = removed; good && *text; text++)
		puts(*text);
	free_words((char **)words.items);
	qemuargs_free(args);
	return good;
}

/*
 * As systemd has it (systemd.exec(5)). Where the script has a display, the check is to say that
 * the unit has none.
 */
bool unit_enter(char **error)
{
	static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY"};
	cleanup_free char *first = getenv(names[0]) ? xstrdup(getenv(names[0])) : NULL;
	cleanup_free char *second = getenv(names[1]) ? xstrdup(getenv(names[1])) : NULL;

	return (chdir("/") == 0 && clearenv() == 0 && (!first || setenv(names[0], first, 1) == 0) &&
		       (!second || setenv(names[1], second, 1) == 0) &&
		       setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", 1) ==
			       0) ||
	       error_set_errno(error, "cannot check it as a unit");
}

void unit_print_commands(const char *name, bool checked)
{
	if (!checked)
		printf("check again: virt-priv-run --isolate=full --check --vm %s\n", name);
	printf("start, now and at each boot: systemctl enable --now virt-priv-vm@%s\n"
	       "watch: journalctl -f -u virt-priv-vm@%s\n"
	       "stop: systemctl stop virt-priv-vm@%s\n",
		name, name, name);
}
