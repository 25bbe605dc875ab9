/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/executable.h"

#include "base/proc_text.h"

#include <stddef.h>
#include <string.h>

const char *const qemu_executable_directories[] = {
	"/usr/bin", "/usr/libexec", "/usr/local/bin", "/usr/local/libexec", "/usr/lib/qemu", NULL};

bool qemu_executable_is_name(const char *path)
{
	static const char prefix[] = "qemu-system-";
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = proc_path_length(name);

	return (length > strlen(prefix) && strncmp(name, prefix, strlen(prefix)) == 0) ||
	       (length == strlen("qemu-kvm") && strncmp(name, "qemu-kvm", length) == 0);
}
