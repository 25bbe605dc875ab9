/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/window.h"

#include "base/array.h"
#include "base/log.h"
#include "vm/step.h"

#include <stdlib.h>
#include <string.h>

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

/* Whether the option says what is shown where, or that nothing is, or that QEMU only prints. */
static bool decides(const struct qemuargs *args, size_t option)
{
	static const char *const names[] = {
		"display", "nographic", "vnc", "spice", "curses", "sdl", "h", "help", "version"};
	const char *name = args->options[option].name;
	const char *value = qemuargs_get(args, option, NULL);

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strcmp(name, "vga") == 0 && value && strcmp(value, "none") == 0;
}

void vm_plan_window(struct vm *vm)
{
	const char *variable = is_set("WAYLAND_DISPLAY") ? "WAYLAND_DISPLAY" : "DISPLAY";
	const struct qemuargs_resource r = {
		.kind = RESOURCE_FILE, .access = ACCESS_RO, .source = (char *)"-display"};

	if (!is_set(variable))
		return;
	for (size_t i = 0; i < vm->args->n_options; i++)
		if (!vm->args->options[i].removed && decides(vm->args, i))
			return;
	vm_differ(vm, &r,
		xasprintf("without -display, QEMU opens a window where %s is set, and the QEMU "
			  "user cannot open windows in root's session: QEMU would listen for VNC "
			  "on a TCP port instead, without a password; use -vnc unix:PATH, -spice "
			  "or -display none",
			variable));
}
