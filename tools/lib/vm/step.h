/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every planner needs: an item that says what is done about a resource, or a refusal; steps
 * that do it; claims; and why the QEMU user has no access. Private to vm/.
 */
#pragma once

#include "path/place.h"
#include "vm/state.h"

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
	int staging;	    /* see published.h; -1: none. Owned. */
	int kept;	    /* of a tap device, which is there as long as it; -1: none. Owned. */
	char *visible;	    /* where it is in the VM's own root directory; NULL: nowhere */
	bool is_link;	    /* what is published: a link to a terminal, not a socket */
	int flags;	    /* to open it with */
	mode_t mode;	    /* of what is made; 0: the usual one */
	struct place place; /* where something is made */
	const struct qemuargs_net *net;
	int *fds, *vhost_fds; /* reserved numbers; owned */
	char *name;	      /* of an interface, a link's target */
	char **words;	      /* of a program; owned */
	pid_t pid;	      /* of its process, a child; 0: none */
	dev_t dev;	      /* of what was made */
	ino_t ino;
};

/* Appends an item about the resource. Takes reason, a new string or NULL: the resource's own. */
struct vm_item *vm_item(struct vm *vm, const struct qemuargs_resource *resource,
	enum resource_action action, char *reason);
/* Makes it a refusal. Takes reason. */
void vm_refuse(struct vm *vm, const struct qemuargs_resource *resource, char *reason);
/* The same, with the command that helps (base/help.h), or NULL. Takes both. */
void vm_refuse_helped(
	struct vm *vm, const struct qemuargs_resource *resource, char *reason, char *help);
/*
 * Leaves it as it is: QEMU starts, and does not do what it did as root, which a start warns of, and
 * --check says. Takes reason, and the command that helps (base/help.h), or NULL.
 */
void vm_differ_helped(
	struct vm *vm, const struct qemuargs_resource *resource, char *reason, char *help);
void vm_differ(struct vm *vm, const struct qemuargs_resource *resource, char *reason);
/*
 * Ends the planning for a reason that is no resource's: vm_plan() and vm_command() fail with it.
 * Takes why, a new message; the first one counts.
 */
void vm_fail(struct vm *vm, char *why);
/* A path of the command line, absolute, new. NULL: the planning has ended (vm_fail()). */
char *vm_absolute(struct vm *vm, const char *path);
/*
 * The beginning of most plans: walks to the object of the resource, as root, into *walk, which the
 * caller closes. Returns its path, absolute and new. NULL: there is nothing to go on with, and that
 * is planned: the resource is refused with the reason, or the planning has ended (vm_fail()).
 * is_missing, unless NULL: becomes whether there is no such object, which then is not refused.
 */
char *vm_reach(struct vm *vm, const struct qemuargs_resource *resource, struct safepath *walk,
	bool *is_missing);
/* A new step; its pointer is good until the next one. */
struct vm_step *vm_step(struct vm *vm, const char *path);

/*
 * Adds a resource to the claims, with an item. asked: its path, which may be relative, its
 * access and action, is_device and passed; the rest is filled from the resource. False: refused.
 */
bool vm_add_claim(
	struct vm *vm, const struct qemuargs_resource *resource, const struct claim_request *asked);
/* What is to be claimed, copied. */
void vm_want(struct vm *vm, const struct claim_request *resource);

/*
 * Whether the QEMU user can't access the object of the walk as wanted (R_OK, W_OK, X_OK; 0: its
 * parent directories alone), or that can't be told.
 */
bool vm_is_denied(struct vm *vm, const struct safepath *walk, int wanted);
/* Whether it is known that its parent directories keep the QEMU user from it. */
bool vm_is_closed(struct vm *vm, const struct safepath *walk);
/*
 * Why so, a new message that names each component and what helps, for a refusal; NULL: it is not
 * denied. instead: what helps as well (advice.h), or NULL. help: see base/help.h.
 */
char *vm_why_denied(
	struct vm *vm, const struct safepath *walk, int wanted, const char *instead, char **help);
/* An item about the object of the walk: it is checked, or refused for that reason. */
void vm_check_access(struct vm *vm, const struct qemuargs_resource *resource,
	const struct safepath *walk, int wanted);
/* Why what an image's header names is denied: no command that would give it. */
char *vm_why_named_denied(struct vm *vm, const struct safepath *walk, int wanted);
