/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/firmware_vars.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where distributions and QEMU itself have them. */
static const char *const templates[] = {
	"/usr/share/OVMF/OVMF_VARS_4M.fd",
	"/usr/share/OVMF/OVMF_VARS.fd",
	"/usr/share/edk2/ovmf/OVMF_VARS.fd",
	"/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2",
	"/usr/share/edk2/x64/OVMF_VARS.4m.fd",
	"/usr/share/edk2-ovmf/x64/OVMF_VARS.fd",
	"/usr/share/qemu/ovmf-x86_64-vars.bin",
	"/usr/share/AAVMF/AAVMF_VARS.fd",
	"/usr/share/edk2/aarch64/vars-template-pflash.raw",
	"/usr/share/qemu/edk2-i386-vars.fd",
};

/* The text with one word in it replaced, new; NULL: it is not there. */
static char *replaced(const char *text, const char *word, const char *by)
{
	const char *found = strstr(text, word);

	return found ? xasprintf("%.*s%s%s", (int)(found - text), text, by, found + strlen(word))
		     : NULL;
}

/* OVMF_VARS_4M.fd beside OVMF_CODE_4M.secboot.fd, new; NULL: there is none. */
static char *template_beside(const char *code)
{
	static const char *const marks[] = {"", ".secboot", ".ms", ".snakeoil", ".verbose"};
	const char *slash = strrchr(code, '/');
	const char *name = slash ? slash + 1 : code;
	cleanup_free char *upper = replaced(name, "CODE", "VARS");
	cleanup_free char *vars = upper ? xstrdup(upper) : replaced(name, "code", "vars");

	for (size_t i = 0; vars && i < N_ELEMENTS(marks); i++) {
		cleanup_free char *plain = replaced(vars, marks[i], "");
		char *path = plain ? xasprintf("%.*s%s", (int)(name - code), code, plain) : NULL;
		if (path && access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static char *find_template(const struct qemuargs *args)
{
	for (size_t i = 0; i < args->n_resources; i++) {
		const struct qemuargs_resource *r = &args->resources[i];
		char *found =
			r->kind == RESOURCE_NVRAM && r->path ? template_beside(r->path) : NULL;
		if (found)
			return found;
	}
	for (size_t i = 0; i < N_ELEMENTS(templates); i++)
		if (access(templates[i], F_OK) == 0)
			return xstrdup(templates[i]);
	return NULL;
}

char *vm_make_vars(const struct qemuargs *args, const char *path)
{
	cleanup_free char *template = find_template(args);
	const char *slash = strrchr(path, '/');

	if (!template || !slash || !slash[1])
		return NULL;
	cleanup_free char *as = command_as(path);
	cleanup_free char *reader = command_as(template);
	/* Who has the template copies it for nobody else. */
	if (!as || !reader || (*reader && strcmp(as, reader) != 0))
		return NULL;
	cleanup_free char *from = shell_word(template);
	cleanup_free char *to = shell_word(path);
	cleanup_free char *directory =
		slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	if (access(directory, F_OK) == 0)
		return xasprintf("%scp %s %s", as, from, to);
	cleanup_free char *parent = shell_word(directory);
	return xasprintf("%smkdir -p %s && %scp %s %s", as, parent, as, from, to);
}
