/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/downscripts.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Far more than the interfaces that a VM can have. */
#define MAX_NOTES ((size_t)1024 * 1024)

static char *file_name(const char *vm)
{
	return xasprintf(".%s.down", vm);
}

/* A note is two strings, each with its NUL: any byte of a path can stand there. */
bool downscripts_note(
	int runtime, const char *vm, const char *script, const char *interface, char **error)
{
	cleanup_free char *name = file_name(vm);
	cleanup_fd int fd =
		openat(runtime, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t n_script = strlen(script) + 1, n_interface = strlen(interface) + 1;
	cleanup_free char *note = xmalloc(n_script + n_interface);

	memcpy(note, script, n_script);
	memcpy(note + n_script, interface, n_interface);
	if (fd >= 0 && io_write_all(fd, note, n_script + n_interface))
		return true;
	return error_set_errno(error, "cannot write " RUNTIME_DIR "/%s", name);
}

void downscripts_forget(int runtime, const char *vm)
{
	cleanup_free char *name = file_name(vm);

	if (unlinkat(runtime, name, 0) < 0 && errno != ENOENT)
		warn_errno("cannot remove " RUNTIME_DIR "/%s", name);
}

void downscripts_tell(int runtime, const char *vm, bool forget)
{
	cleanup_free char *name = file_name(vm);
	size_t length = 0;
	cleanup_free char *notes = io_read_file(runtime, name, MAX_NOTES, &length);

	if (!notes && errno == ENOENT)
		return;
	if (!notes)
		warn_errno("cannot read " RUNTIME_DIR "/%s", name);
	/* One that was not written to its end has not had its interface yet. */
	for (size_t at = 0; notes && at < length;) {
		const char *script = notes + at;
		const char *interface = script + strlen(script) + 1;
		if (interface >= notes + length)
			break;
		cleanup_free char *word = shell_word(script);
		cleanup_free char *interface_word = shell_word(interface);
		warn("VM '%s': its runner was killed, so %s may not have run for %s; unless that "
		     "is another VM's by now: %s %s",
			vm, script, interface, word, interface_word);
		at = (size_t)(interface - notes) + strlen(interface) + 1;
	}
	if (forget)
		downscripts_forget(runtime, vm);
}
