/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/runtime_vm.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/journal_text.h"
#include "claims/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".vm"
/* More than ten thousand disks. */
#define MAX_SIZE ((size_t)64 << 20)

static char *file_name(const char *name)
{
	return xasprintf(".%s" SUFFIX, name);
}

static char *file_path(const char *name)
{
	return xasprintf(RUNTIME_DIR "/.%s" SUFFIX, name);
}

void runtime_vm_add(struct runtime_object **all, size_t *n, const char *word, const char *path)
{
	ARRAY_GROW(*all, *n);
	(*all)[(*n)++] = (struct runtime_object){xstrdup(word), xstrdup(path)};
}

static void free_objects(struct runtime_object *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].word);
		free(all[i].path);
	}
	free(all);
}

void runtime_vm_free(struct runtime_vm *vm)
{
	if (!vm)
		return;
	free(vm->name);
	free(vm->user);
	free(vm->isolation);
	free(vm->started);
	free(vm->unit);
	free_objects(vm->disks, vm->n_disks);
	free_objects(vm->sockets, vm->n_sockets);
	for (size_t i = 0; i < vm->n_claimed; i++)
		free(vm->claimed[i]);
	free(vm->claimed);
	free(vm);
}

/*
 * Writing
 */

static void put_objects(FILE *out, const char *key, const struct runtime_object *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s %s ", key, all[i].word);
		journal_text_put_escaped(out, all[i].path);
		putc('\n', out);
	}
}

static void put_process(FILE *out, const char *key, const struct runtime_process *process)
{
	fprintf(out, "%s %d %llu\n", key, process->pid, process->start);
}

/* A new text; NULL: there is no memory for it. */
static char *text_of(const struct runtime_vm *vm, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	fprintf(out, "boot %s\nnamespace %llu\n", vm->boot, vm->namespace);
	put_process(out, "runner", &vm->runner);
	fprintf(out, "since %lld\nids %u %u\n", vm->since, vm->uid, vm->gid);
	journal_text_put(out, "user", vm->user);
	journal_text_put(out, "isolation", vm->isolation);
	journal_text_put(out, "started", vm->started);
	if (vm->unit)
		journal_text_put(out, "unit", vm->unit);
	put_objects(out, "disk", vm->disks, vm->n_disks);
	put_objects(out, "socket", vm->sockets, vm->n_sockets);
	fputs("end\n", out);
	bool good = !ferror(out);
	if (fclose(out) == 0 && good)
		return text;
	free(text);
	return NULL;
}

bool runtime_vm_write(int runtime, const struct runtime_vm *vm, char **error)
{
	cleanup_free char *file = file_name(vm->name);
	size_t length;
	cleanup_free char *text = text_of(vm, &length);

	if (!text)
		return error_set_errno(error, "cannot note VM '%s'", vm->name);
	if (unlinkat(runtime, file, 0) < 0 && errno != ENOENT)
		return error_set_errno(error, "cannot remove " RUNTIME_DIR "/%s", file);
	cleanup_fd int fd =
		openat(runtime, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, "cannot create " RUNTIME_DIR "/%s", file);
	if (io_write_all(fd, text, length))
		return true;
	error_set_errno(error, "cannot write " RUNTIME_DIR "/%s", file);
	unlinkat(runtime, file, 0);
	return false;
}

bool runtime_vm_note(const char *name, const struct runtime_process *qemu,
	const struct journal *journal, char **error)
{
	cleanup_free char *path = file_path(name);
	cleanup_free char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return error_set_errno(error, "cannot note VM '%s'", name);
	put_process(out, "qemu", qemu);
	for (size_t i = 0; journal && i < journal->n_entries; i++)
		if (journal->entries[i].kind == ENTRY_OWNER)
			journal_text_put(out, "claimed", journal->entries[i].path);
	bool good = !ferror(out);
	if (fclose(out) != 0 || !good)
		return error_set_errno(error, "cannot note VM '%s'", name);
	cleanup_fd int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	return (fd >= 0 && io_write_all(fd, text, length)) ||
	       error_set_errno(error, "cannot write %s", path);
}

bool runtime_vm_remove(const char *name)
{
	cleanup_free char *path = file_path(name);

	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	warn_errno("cannot remove %s", path);
	return false;
}

/*
 * Reading
 */

static bool take_number(const char **p, unsigned long long largest, unsigned long long *number)
{
	while (**p == ' ')
		++*p;
	return journal_text_number(p, largest, number);
}

/* A line that is none of these, or is not well-formed, is passed over. */
static void take_process(struct runtime_process *process, const char *value)
{
	unsigned long long pid, start;

	if (take_number(&value, INT_MAX, &pid) && take_number(&value, ULLONG_MAX, &start))
		*process = (struct runtime_process){(pid_t)pid, start};
}

static void take_ids(struct runtime_vm *vm, const char *value)
{
	unsigned long long uid, gid;

	if (take_number(&value, UINT_MAX, &uid) && take_number(&value, UINT_MAX, &gid)) {
		vm->uid = (uid_t)uid;
		vm->gid = (gid_t)gid;
	}
}

static void take_text(char **text, char *value)
{
	if (!journal_text_unescape(value))
		return;
	free(*text);
	*text = xstrdup(value);
}

static void take_object(struct runtime_object **all, size_t *n, char *value)
{
	char *blank = strchr(value, ' ');

	if (!blank || !journal_text_unescape(blank + 1))
		return;
	*blank = '\0';
	runtime_vm_add(all, n, value, blank + 1);
}

static void take_claimed(struct runtime_vm *vm, char *value)
{
	if (!journal_text_unescape(value))
		return;
	ARRAY_GROW(vm->claimed, vm->n_claimed);
	vm->claimed[vm->n_claimed++] = xstrdup(value);
}

static void take_line(struct runtime_vm *vm, char *line)
{
	char *value = strchr(line, ' ');
	unsigned long long number;

	if (strcmp(line, "end") == 0)
		vm->is_whole = true;
	if (!value)
		return;
	*value++ = '\0';
	const char *digits = value;
	if (strcmp(line, "boot") == 0)
		snprintf(vm->boot, sizeof vm->boot, "%s", value);
	else if (strcmp(line, "namespace") == 0 && take_number(&digits, ULLONG_MAX, &number))
		vm->namespace = number;
	else if (strcmp(line, "runner") == 0)
		take_process(&vm->runner, value);
	else if (strcmp(line, "qemu") == 0)
		take_process(&vm->qemu, value);
	else if (strcmp(line, "since") == 0 && take_number(&digits, LLONG_MAX, &number))
		vm->since = (long long)number;
	else if (strcmp(line, "ids") == 0)
		take_ids(vm, value);
	else if (strcmp(line, "user") == 0)
		take_text(&vm->user, value);
	else if (strcmp(line, "isolation") == 0)
		take_text(&vm->isolation, value);
	else if (strcmp(line, "started") == 0)
		take_text(&vm->started, value);
	else if (strcmp(line, "unit") == 0)
		take_text(&vm->unit, value);
	else if (strcmp(line, "disk") == 0)
		take_object(&vm->disks, &vm->n_disks, value);
	else if (strcmp(line, "socket") == 0)
		take_object(&vm->sockets, &vm->n_sockets, value);
	else if (strcmp(line, "claimed") == 0)
		take_claimed(vm, value);
}

bool runtime_vm_read(const char *name, struct runtime_vm **out, char **error)
{
	cleanup_free char *path = file_path(name);
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *end;

	*out = NULL;
	if (fd < 0 && errno == ENOENT)
		return true;
	cleanup_free char *text = fd < 0 ? NULL : io_read_fd(fd, MAX_SIZE, NULL);
	if (!text)
		return error_set_errno(error, "cannot read %s", path);
	*out = xcalloc(1, sizeof **out);
	(*out)->name = xstrdup(name);
	/* What has no end yet is being written. */
	for (char *line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		take_line(*out, line);
	}
	return true;
}

/* The VM whose file it is, new; NULL: it is none's. */
static char *name_of(const char *file)
{
	size_t length = strlen(file), suffix = sizeof SUFFIX - 1;

	if (file[0] != '.' || length <= suffix + 1 || strcmp(file + length - suffix, SUFFIX) != 0)
		return NULL;
	char *name = xstrndup(file + 1, length - suffix - 1);
	if (journal_is_name(name))
		return name;
	free(name);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool runtime_vm_names(char ***names, size_t *n, char **error)
{
	cleanup_dir DIR *dir = opendir(RUNTIME_DIR);
	const struct dirent *d;

	*names = NULL;
	*n = 0;
	if (!dir)
		return errno == ENOENT ||
		       error_set_errno(error, "cannot list the directory " RUNTIME_DIR);
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		char *name = name_of(d->d_name);
		if (!name)
			continue;
		ARRAY_GROW(*names, *n);
		(*names)[(*n)++] = name;
	}
	if (errno)
		return error_set_errno(error, "cannot list the directory " RUNTIME_DIR);
	if (*n)
		qsort(*names, *n, sizeof **names, by_name);
	return true;
}

/*
 * What has become of it
 */

/* Without its end, nothing of it is known but whether somebody has the name. */
static enum runtime_vm_state state_of_name(const struct runtime_vm *vm, char **error)
{
	switch (runtime_dir_is_taken(vm->name)) {
	case 0:
		return RUNTIME_VM_ABANDONED;
	case 1:
		return RUNTIME_VM_STARTING;
	default:
		error_set_errno(error, "cannot examine the lock of VM '%s'", vm->name);
		return RUNTIME_VM_UNKNOWN;
	}
}

enum runtime_vm_state runtime_vm_state(const struct runtime_vm *vm, char **error)
{
	bool has_runner, has_qemu;

	*error = NULL;
	if (!vm->is_whole)
		return state_of_name(vm, error);
	if (!boot_read(error))
		return RUNTIME_VM_UNKNOWN;
	if (strcmp(vm->boot, boot_id()) != 0)
		return RUNTIME_VM_ABANDONED;
	unsigned long long here = process_namespace();
	if (!here) {
		error_set_errno(error,
			"VM '%s': cannot determine the PID namespace of this process", vm->name);
		return RUNTIME_VM_UNKNOWN;
	}
	if (vm->namespace != here) {
		error_set(error, "VM '%s': its process %d is in another PID namespace", vm->name,
			vm->qemu.pid ? vm->qemu.pid : vm->runner.pid);
		return RUNTIME_VM_UNKNOWN;
	}
	if (!process_lives(vm->runner.pid, vm->runner.start, &has_runner, error) ||
		!process_lives(vm->qemu.pid, vm->qemu.start, &has_qemu, error))
		return RUNTIME_VM_UNKNOWN;
	if (has_qemu)
		return has_runner ? RUNTIME_VM_RUNNING : RUNTIME_VM_ORPHANED;
	if (has_runner)
		return vm->qemu.pid ? RUNTIME_VM_ENDING : RUNTIME_VM_STARTING;
	return RUNTIME_VM_ABANDONED;
}

const char *runtime_vm_state_name(enum runtime_vm_state state)
{
	static const char *const names[] = {
		[RUNTIME_VM_STARTING] = "starting",
		[RUNTIME_VM_RUNNING] = "running",
		[RUNTIME_VM_ORPHANED] = "orphaned",
		[RUNTIME_VM_ENDING] = "ending",
		[RUNTIME_VM_ABANDONED] = "abandoned",
		[RUNTIME_VM_UNKNOWN] = "unknown",
	};

	return names[state];
}
