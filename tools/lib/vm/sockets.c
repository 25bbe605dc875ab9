/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets for which QEMU takes a path alone are published.c's.
 *
 * Whom the other side takes QEMU for (SO_PEERCRED, unix(7)) is what a process was when it
 * called listen(2) or connect(2) (net/unix/af_unix.c, init_peercred()). So QEMU's process calls
 * them as the account, right before it executes QEMU: listen(2) once more, since clients may come
 * as soon as there is a name; connect(2) where the account may, else root has done it.
 */
#include "vm/sockets.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/runtime_dir.h"
#include "vm/descriptors.h"
#include "vm/made.h"
#include "vm/published.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool set_address(struct sockaddr_un *address, const char *path, char **error)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address->sun_path) {
		*error = xasprintf("%s: socket path longer than %zu bytes", path,
			sizeof address->sun_path - 1);
		return false;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

static bool note_made(struct vm_step *step, char **error)
{
	struct stat st;

	if (fstatat(step->place.dir, step->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		*error = xasprintf("%s disappeared: %s", step->path, strerror(errno));
		return false;
	}
	step->dev = st.st_dev;
	step->ino = st.st_ino;
	return true;
}

void vm_remove_socket(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	vm_remove_made(step);
}

/*
 * The name for bind(2). It shows in QEMU's "info chardev", and QEMU removes it at its end if
 * it can, so it is the real one where nobody but root can change its parent directories.
 */
static char *name_to_bind(const struct vm_step *step)
{
	if (step->place.is_roots)
		return xasprintf("%s/%s", step->place.dir_path, step->place.name);
	return xasprintf("%s/%s", IO_FD_PATH(step->place.dir), step->place.name);
}

bool vm_bind_socket(struct vm *vm, struct vm_step *step, char **error)
{
	struct sockaddr_un address;
	cleanup_free char *name = name_to_bind(step);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*error = xasprintf("cannot create the socket %s: %s", step->path, strerror(errno));
		return false;
	}
	if (!set_address(&address, name, error) || !vm_clear_place(vm, step, error))
		return false;
	mode_t mask = step->mode ? umask(0777 & ~step->mode) : 0;
	bool good = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
	int number = errno;
	if (step->mode)
		umask(mask);
	errno = number;
	if (!good) {
		*error = xasprintf("cannot bind the socket %s: %s", step->path, strerror(errno));
		return false;
	}
	if (listen(fd, 1) < 0)
		*error = xasprintf(
			"cannot listen on the socket %s: %s", step->path, strerror(errno));
	else if (note_made(step, error) && vm_fill(step->fd, steal_fd(&fd), error))
		return true;
	unlinkat(step->place.dir, step->place.name, 0);
	return false;
}

bool vm_listen_again(struct vm_step *step, char **error)
{
	if (listen(step->fd, 1) == 0)
		return true;
	*error = xasprintf("cannot listen on the socket %s: %s", step->path, strerror(errno));
	return false;
}

/* As the account, in QEMU's process; or as root. */
static bool connect_to(struct vm_step *step, int fd, char **error)
{
	struct sockaddr_un address;

	if (!set_address(&address, IO_FD_PATH(step->object), error))
		return false;
	int result = IO_RETRY(connect(fd, (struct sockaddr *)&address, sizeof address));
	if (result < 0)
		*error = xasprintf("cannot connect to the socket %s: %s; is its server running?",
			step->path, strerror(errno));
	return result == 0;
}

static bool connect_as_account(struct vm_step *step, char **error)
{
	return connect_to(step, step->fd, error);
}

static bool make_client(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*error =
			xasprintf("cannot create a socket for %s: %s", step->path, strerror(errno));
		return false;
	}
	return (step->finish || connect_to(step, fd, error)) &&
	       vm_fill(step->fd, steal_fd(&fd), error);
}

/*
 * Puts the descriptor where the path stood: "path" becomes "fd", "addr.path" a whole address. What
 * QEMU takes with a path alone goes, even where it says what is so anyway: reconnect=0
 * (qmp_chardev_validate_socket() of chardev/char-socket.c), abstract=off of an address.
 */
static void replace_path(struct vm *vm, const struct qemuargs_resource *r, int fd)
{
	static const char *const repeats[] = {"reconnect", "reconnect-ms"};
	cleanup_free char *number = xasprintf("%d", fd);
	const char *dot = r->key ? strrchr(r->key, '.') : NULL;

	for (size_t i = 0; i < N_ELEMENTS(repeats); i++)
		qemuargs_set(vm->args, r->option, repeats[i], NULL);
	if (!dot) {
		qemuargs_set(vm->args, r->option, r->key, NULL);
		qemuargs_set(vm->args, r->option, "fd", number);
		return;
	}
	cleanup_free char *address = xstrndup(r->key, (size_t)(dot - r->key));
	cleanup_free char *type = xasprintf("%s.type", address);
	cleanup_free char *str = xasprintf("%s.str", address);
	qemuargs_set(vm->args, r->option, address, NULL);
	qemuargs_set(vm->args, r->option, type, "fd");
	qemuargs_set(vm->args, r->option, str, number);
}

void vm_plan_listen(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *error = NULL;
	struct place place;

	/* A link that an earlier version has made was left by us, and is replaced. */
	if (!place_find_link(r->path, RUNTIME_DIR "/", &place) &&
		!place_find(r->path, &place, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
		place_close(&place);
		return;
	}
	if (place.exists && !S_ISSOCK(place.walk.st.st_mode)) {
		vm_refuse(vm, r, xstrdup("it exists, and is not a socket; remove it first"));
	} else if (!place.exists && place.walk.unsafe) {
		vm_refuse(vm, r, xstrdup(place.walk.unsafe));
	} else if (!vm_can_make(vm, r, &place)) {
		place_close(&place);
		return;
	} else if (!r->takes_fd) {
		vm_plan_published(vm, r, &place);
	} else {
		struct vm_step *step = vm_step(vm, place.path);
		step->prepare = vm_bind_socket;
		step->finish = vm_listen_again;
		step->give_back = vm_remove_socket;
		step->place = place;
		place = (struct place){.dir = -1, .walk = {.fd = -1}};
		step->fd = vm_reserve(vm);
		replace_path(vm, r, step->fd);
		vm_item(vm, r, ACTION_MAKE, xstrdup("bound as root, and passed"));
	}
	place_close(&place);
}

void vm_plan_connect(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	struct safepath walk;
	cleanup_free char *path = vm_reach(vm, r, &walk, NULL);

	if (!path)
		return;
	bool is_denied = vm_is_denied(vm, &walk, W_OK);
	if (!S_ISSOCK(walk.st.st_mode)) {
		vm_refuse(vm, r, xstrdup("it is not a socket"));
	} else if (r->reconnects && !is_denied) {
		vm_item(vm, r, ACTION_CHECK, NULL);
	} else if (r->reconnects) {
		char *help = NULL;
		cleanup_free char *why = vm_why_denied(
			vm, &walk, W_OK, r->takes_fd ? "remove reconnect=" : NULL, &help);
		vm_refuse_helped(vm, r,
			xasprintf("QEMU %s, which %s cannot: %s",
				r->takes_fd ? "reconnects to it (reconnect=)"
					    : "connects to it by itself",
				vm->identity.user, why),
			help);
	} else if (walk.unsafe) {
		vm_refuse(vm, r, xstrdup(walk.unsafe));
	} else {
		struct vm_step *step = vm_step(vm, walk.path);
		step->prepare = make_client;
		step->finish = is_denied ? NULL : connect_as_account;
		step->object = vm_keep(vm, walk.fd, walk.path);
		step->fd = vm_reserve(vm);
		replace_path(vm, r, step->fd);
		vm_item(vm, r, ACTION_CONNECT,
			is_denied ? xstrdup("connected as root, and passed")
				  : xasprintf("connected as %s, and passed", vm->identity.user));
	}
	safepath_close(&walk);
}
