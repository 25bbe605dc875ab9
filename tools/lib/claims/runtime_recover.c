/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/runtime_recover.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/downscripts.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A VM whose claim there is runs, or is given back by others: it keeps its directory. So does one
 * of which it can't be determined. False: and a new message.
 */
static bool has_claim(const char *name, bool *has, char **error)
{
	cleanup_free char *unread = NULL;
	struct journal *journal = NULL;

	*has = true;
	if (!journal_lock(true, error))
		return false;
	*has = !journal_read(name, &journal, &unread) || journal;
	journal_free(journal);
	journal_unlock();
	return true;
}

/* What has become of a VM. */
enum fate {
	THERE,
	GONE,
	UNTOLD, /* that is not known: *error says why */
};

/*
 * One that has a claim, or whose QEMU runs on without its virt-priv-run, is there. False and a new
 * message: its claim cannot be read.
 */
static bool look(const char *name, enum fate *fate, char **error)
{
	struct runtime_vm *vm = NULL;
	enum runtime_vm_state state = RUNTIME_VM_ABANDONED;
	bool has;

	*fate = UNTOLD;
	if (!runtime_vm_read(name, &vm, error))
		return true;
	/* Nobody who writes it has the name: one that was cut off is nobody's. */
	if (vm && vm->is_whole)
		state = runtime_vm_state(vm, error);
	runtime_vm_free(vm);
	if (state == RUNTIME_VM_UNKNOWN)
		return true;
	bool good = has_claim(name, &has, error);
	*fate = !has && state == RUNTIME_VM_ABANDONED ? GONE : THERE;
	return good;
}

/* Of a VM that cannot be determined, recover_notes() says so. */
static bool recover_directory(int runtime, const char *name, bool dry_run)
{
	cleanup_free char *error = NULL;
	cleanup_fd int held = runtime_dir_take(runtime, name, false, &error);
	enum fate fate;
	bool good = true;

	if (held < 0 && errno == EWOULDBLOCK)
		return true;
	if (held < 0) {
		warn("%s", error);
		return false;
	}
	if (!look(name, &fate, &error)) {
		warn("%s", error);
		good = false;
	} else if (fate == GONE) {
		downscripts_tell(runtime, name, !dry_run);
		if (dry_run)
			printf("remove " RUNTIME_DIR "/%s\n", name);
		else if (!runtime_dir_remove(runtime, name) && errno != ENOTEMPTY &&
			 errno != EPERM) {
			warn_errno("cannot remove the directory " RUNTIME_DIR "/%s", name);
			good = false;
		}
	}
	runtime_dir_let_go(name);
	return good;
}

/*
 * A directory on disk of a VM that does not run. QEMU unlinks what it makes there; another file is
 * removed by the next start of the VM.
 */
static bool recover_scratch(int runtime, int scratch, const char *name, bool dry_run)
{
	cleanup_free char *error = NULL;
	cleanup_fd int held = runtime_dir_take(runtime, name, false, &error);
	enum fate fate;

	if (held < 0 && errno == EWOULDBLOCK)
		return true;
	bool good = held >= 0 && look(name, &fate, &error);
	if (!good)
		warn("%s", error);
	else if (fate == GONE && dry_run)
		printf("remove " SCRATCH_DIR "/%s\n", name);
	else if (fate == GONE && unlinkat(scratch, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		warn_errno("cannot remove the directory " SCRATCH_DIR "/%s", name);
		good = false;
	}
	if (held >= 0)
		runtime_dir_let_go(name);
	return good;
}

static bool recover_scratches(int runtime, bool dry_run)
{
	cleanup_fd int scratch = open(SCRATCH_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int copy = scratch < 0 ? -1 : fcntl(scratch, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;
	bool good = true;

	if (!dir && errno != ENOENT) {
		warn_errno("cannot read the directory " SCRATCH_DIR);
		return false;
	}
	while (dir && (d = readdir(dir)) != NULL)
		if (journal_is_name(d->d_name))
			good = recover_scratch(runtime, scratch, d->d_name, dry_run) && good;
	return good;
}

static bool recover_note(int runtime, const char *name, bool dry_run)
{
	cleanup_free char *error = NULL;
	cleanup_fd int held = runtime_dir_take(runtime, name, false, &error);
	enum fate fate;

	if (held < 0 && errno == EWOULDBLOCK)
		return true;
	bool good = held >= 0 && look(name, &fate, &error) && fate != UNTOLD;
	if (!good)
		warn("%s", error);
	else if (fate == GONE && dry_run)
		printf("remove " RUNTIME_DIR "/.%s.vm\n", name);
	else if (fate == GONE)
		good = runtime_vm_remove(name);
	if (held >= 0)
		runtime_dir_let_go(name);
	return good;
}

bool runtime_note_recover(const char *name)
{
	cleanup_free char *error = NULL;
	struct runtime_vm *vm = NULL;

	if (!runtime_vm_read(name, &vm, &error)) {
		warn("%s", error);
		return false;
	}
	if (!vm)
		return true;
	runtime_vm_free(vm);
	cleanup_fd int runtime = runtime_dir_open(&error);
	if (runtime < 0)
		warn("%s", error);
	return runtime >= 0 && recover_note(runtime, name, false);
}

/* The notes of VMs that are there no more. */
static bool recover_notes(int runtime, bool dry_run)
{
	cleanup_free char *error = NULL;
	char **names;
	size_t n;
	bool good = runtime_vm_names(&names, &n, &error);

	if (!good)
		warn("%s", error);
	for (size_t i = 0; i < n; i++) {
		good = recover_note(runtime, names[i], dry_run) && good;
		free(names[i]);
	}
	free(names);
	return good;
}

bool runtime_dir_recover(bool dry_run)
{
	cleanup_free char *error = NULL;
	const struct dirent *d;
	struct stat st;
	bool good = true;

	/* After a boot, only what is on disk can be there. */
	if (access(RUNTIME_DIR, F_OK) < 0 && errno == ENOENT && access(SCRATCH_DIR, F_OK) < 0 &&
		errno == ENOENT)
		return true;
	cleanup_fd int runtime = runtime_dir_open(&error);
	int copy = runtime < 0 ? -1 : fcntl(runtime, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		warn("%s", error ? error : "cannot read the directory " RUNTIME_DIR);
		return false;
	}
	while ((d = readdir(dir)) != NULL)
		if (journal_is_name(d->d_name) &&
			fstatat(runtime, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			good = recover_directory(runtime, d->d_name, dry_run) && good;
	good = recover_notes(runtime, dry_run) && good;
	return recover_scratches(runtime, dry_run) && good;
}
