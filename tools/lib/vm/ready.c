/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/ready.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/notify.h"
#include "vm/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The greeting, which QEMU sends to whoever connects, and the answer. */
#define LINES_WANTED 2

static void tell(struct vm *vm, const char *state)
{
	cleanup_free char *error = NULL;

	if (!notify_send(vm->notify, state, &error))
		warn("%s", error);
	free(vm->notify);
	vm->notify = NULL;
}

static void hang_up(struct vm *vm)
{
	if (vm->monitor >= 0)
		close(vm->monitor);
	vm->monitor = -1;
	vm->lines_heard = 0;
}

/* Asks for what every client has to ask for first. False: not now. */
static bool ask(struct vm *vm)
{
	static const char request[] = "{\"execute\":\"qmp_capabilities\"}\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_free char *path = vm_control_socket(vm->name);

	memcpy(address.sun_path, path, strlen(path) + 1);
	vm->monitor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return vm->monitor >= 0 &&
	       connect(vm->monitor, (struct sockaddr *)&address, sizeof address) == 0 &&
	       send(vm->monitor, request, sizeof request - 1, MSG_NOSIGNAL) >= 0;
}

/*
 * Counts the lines that have come: nothing else is read of what is said, which is a process's that
 * a guest may have taken over. False: there is nobody any more.
 */
static bool hear(struct vm *vm)
{
	char bytes[4096];
	ssize_t n = read(vm->monitor, bytes, sizeof bytes);

	for (ssize_t i = 0; i < n; i++)
		vm->lines_heard += bytes[i] == '\n';
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Several times a second; false: all is told. */
static bool look(void *context)
{
	struct vm *vm = context;

	if ((vm->monitor < 0 && !ask(vm)) || !hear(vm))
		hang_up(vm);
	if (vm->lines_heard < LINES_WANTED)
		return true;
	hang_up(vm);
	cleanup_free char *state =
		xasprintf("READY=1\nSTATUS=QEMU is running as process %d", vm->holder);
	tell(vm, state);
	return false;
}

void vm_watch_ready(struct vm *vm, struct supervisor *supervisor)
{
	if (vm->notify && vm->control)
		supervise_watch(supervisor, -1, look, vm);
}

void vm_tell_end(struct vm *vm, int status)
{
	hang_up(vm);
	if (vm->notify && vm->control && status == 0)
		tell(vm, "READY=1\nSTATUS=QEMU has exited");
}
