/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU that is about to run unprivileged: what is done about each resource of the host
 * that its command line names.
 *
 * All of it is planned first, without any change: an item for each resource, which says
 * what is to be done or why it can't be, the steps that do it, and the new command line,
 * in which descriptors already have their numbers. Then the steps are prepared, in order;
 * after QEMU has ended they are given back, the last one first.
 *
 * Each kind of resource has a room of its own: vm_images.c, vm_files.c, vm_sockets.c,
 * vm_network.c, vm_devices.c. What only virtual machines of this tool have, their runtime
 * directory, is in vm_runtime.c.
 */
#pragma once

#include "claims/claims.h"
#include "launch/launch.h"
#include "path/access.h"
#include "path/place.h"
#include "qemu/args.h"

#include <stdbool.h>

enum vm_images { VM_IMAGES_CLAIM, VM_IMAGES_PASS, VM_IMAGES_LEAVE };

struct vm_item {
	char *path; /* NULL: it has none */
	const char *kind;
	enum resource_access access;
	enum resource_action action;
	char *source, *reason;
};

struct vm;

/* Something that is done before QEMU starts, and mostly undone when it has ended. */
struct vm_step {
	/* Does it. False and a new message on failure. */
	bool (*prepare)(struct vm *vm, struct vm_step *step, char **error);
	/*
	 * What remains to be done in QEMU's process, once it is the account's, so that others
	 * see that. False and a new message on failure; NULL: nothing.
	 */
	bool (*finish)(struct vm_step *step, char **error);
	/* Undoes it, and says itself what could not be undone; NULL: closing is enough. */
	void (*give_back)(struct vm *vm, struct vm_step *step);
	bool is_prepared;
	char *path;	    /* for messages, and what it is about */
	int fd;		    /* the reserved number that QEMU gets it under; -1: none */
	int object;	    /* O_PATH, what was judged; -1: none. Owned. */
	int staging;	    /* see vm_published.h; -1: none. Owned. */
	int flags;	    /* to open it with */
	mode_t mode;	    /* of what is made; 0: the usual one */
	struct place place; /* where something is made */
	const struct qemuargs_net *net;
	size_t first_vhost;   /* index of the reserved number of its first vhost descriptor */
	int *fds, *vhost_fds; /* reserved numbers; owned */
	char *name;	      /* of an interface, a link's target */
	dev_t dev;	      /* of what was made */
	ino_t ino;
};

struct vm {
	const char *program; /* in messages and log records */
	char *name;
	const struct settings *settings;
	struct identity identity;
	struct qemuargs *args;
	enum vm_images images;
	char *const *trusted; /* --backing: absolute paths */
	size_t n_trusted;
	char *const *forced; /* --force-in-use: absolute paths */
	size_t n_forced;
	bool dry_run;
	int name_fd;	  /* holds the name; -1: it is not taken */
	pid_t holder;	  /* of the claims: QEMU */
	bool was_claimed; /* QEMU's process came to make the claims */
	bool has_run;	  /* by its exit status; claims that were released by hand are gone */
	bool runs;	  /* QEMU, or its daemon */
	bool control;	  /* a control socket is wanted, see vm_runtime.h */
	/* While it is planned; and what it plans, for the process that makes the claims. */
	struct claims_plan claims;
	struct claim_request *wanted;
	size_t n_wanted;
	char *label; /* the claims' "USER:GROUP" */
	struct vm_item *items;
	size_t n_items;
	struct vm_step *steps;
	size_t n_steps;
	bool refused;
	int *fds; /* what QEMU gets: reserved numbers, and the caller's */
	size_t n_fds;
	unsigned n_fdsets;
	int pid_fd; /* of -pidfile, kept open and locked; -1: there is none */
};

/*
 * Plans the VM. Set before: program, name, settings, identity, label, args, images, trusted,
 * dry_run and control. The lock of the journals is held meanwhile only: scripts and servers
 * can take their time. False and a new message where there can be no plan.
 */
bool vm_plan(struct vm *vm, char **error);

/* Does the steps; says what failed, gives back what was done, and returns false then. */
bool vm_prepare(struct vm *vm);

/*
 * In QEMU's process: plans the claims again, since the lock was let go of, records the process
 * as their holder and makes them. Says why not, and returns false then.
 */
bool vm_claim(struct vm *vm);

/* In QEMU's process, as the account: what remains of the steps. Ends the program if it can't. */
void vm_finish(struct vm *vm);

/* In the process that stays: closes all descriptors of the VM's resources. */
void vm_let_go(struct vm *vm);

/* Writes the file of -pidfile, if there is one. */
bool vm_write_pid(struct vm *vm, pid_t pid, char **error);

/* Another process than vm->holder has the VM now: QEMU's daemon. */
bool vm_new_holder(struct vm *vm, pid_t holder, char **error);

/*
 * After the end of vm->holder: the claims that are its own, then the steps, the last one first.
 * False: not all could be.
 */
bool vm_give_back(struct vm *vm);

/* The steps alone that were done: where the program ends early. */
void vm_undo(struct vm *vm);

/* The command line as planned, argv[0] being program: new, ends with NULL. */
char **vm_command(struct vm *vm, const char *program);

/*
 * For the rooms.
 */

/* Appends an item about the resource. Takes reason, a new string or NULL: the resource's own. */
struct vm_item *vm_item(struct vm *vm, const struct qemuargs_resource *resource,
	enum resource_action action, char *reason);
/* Makes it a refusal. Takes reason. */
void vm_refuse(struct vm *vm, const struct qemuargs_resource *resource, char *reason);
/* A new step; its pointer is good until the next one. */
struct vm_step *vm_step(struct vm *vm, const char *path);
/*
 * Reserves a descriptor number for QEMU: nothing else gets it. vm_fill() puts a descriptor,
 * which it closes, in its place.
 */
int vm_reserve(struct vm *vm);
bool vm_fill(int reserved, int fd, char **error);

/*
 * Adds a resource to the claims, with an item. asked: its path, which may be relative, its
 * access and action, is_device and passed; the rest is filled from the resource. False: refused.
 */
bool vm_add_claim(
	struct vm *vm, const struct qemuargs_resource *resource, const struct claim_request *asked);

/*
 * Why the QEMU user can't access the object of the walk as wanted, a new message that names the
 * component and what helps, or NULL. *way: whether it is the way to it alone.
 */
char *vm_why_denied(struct vm *vm, const struct safepath *walk, int wanted, bool *way);
/* The same of what an image's header names: no command that would give it. */
char *vm_why_named_denied(struct vm *vm, const struct safepath *walk, int wanted, bool *way);

/*
 * Binds step->path in step->place, with step->mode or as umask says, as step->fd; and back.
 * step->finish is to be vm_listen_again().
 */
bool vm_bind_socket(struct vm *vm, struct vm_step *step, char **error);
bool vm_listen_again(struct vm_step *step, char **error);
/*
 * Takes away a socket or link at step->place that is root's or a socket of the account's, as an
 * earlier run leaves it. False and a new message: something else is there.
 */
bool vm_clear_place(const struct vm *vm, const struct vm_step *step, char **error);
void vm_remove_socket(struct vm *vm, struct vm_step *step);

/* Takes away what was made at step->place, if it still is that; says what it can't. */
void vm_remove_made(const struct vm_step *step);

/* What is to be claimed, copied. */
void vm_want(struct vm *vm, const struct claim_request *resource);

/* "/proc/self/fd/N", new. */
char *vm_fd_path(int fd);

/* The rooms. Each plans one resource (its index in args->resources). */
void vm_plan_image(struct vm *vm, size_t resource);
void vm_plan_memory(struct vm *vm, size_t resource);
void vm_plan_file(struct vm *vm, size_t resource);
void vm_plan_directory(struct vm *vm, size_t resource);
void vm_plan_log(struct vm *vm, size_t resource);
void vm_plan_pid_file(struct vm *vm, size_t resource);
void vm_plan_listen(struct vm *vm, size_t resource);
void vm_plan_connect(struct vm *vm, size_t resource);
void vm_plan_network(struct vm *vm, size_t resource);
void vm_plan_vhost(struct vm *vm, size_t resource);
void vm_plan_device(struct vm *vm, size_t resource);
void vm_plan_pci(struct vm *vm, size_t resource);
void vm_plan_usb(struct vm *vm, size_t resource);
void vm_plan_kvm(struct vm *vm);
