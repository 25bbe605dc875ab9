/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM of virt-priv-run: what the program asks for, what is planned for it, and what has become of
 * it. Private to vm/: programs include vm/vm.h.
 */
#pragma once

#include "claims/claims.h"
#include "isolate/isolation.h"
#include "path/access.h"
#include "qemu/args.h"
#include "vm/supervise.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct launch;

enum vm_images { VM_IMAGES_CLAIM, VM_IMAGES_PASS, VM_IMAGES_LEAVE };

/* A resource of the command line, and what is done about it. */
struct vm_item {
	char *path; /* NULL: it has none */
	enum resource_kind kind;
	enum resource_access access;
	enum resource_action action;
	bool differs; /* it is not refused, and QEMU will not do what it did as root */
	char *source, *reason;
	char *help; /* see base/help.h; NULL: no command would do */
};

struct vm_step;

struct vm {
	const char *program; /* in log records */
	char *name;
	const struct settings *settings;
	struct identity identity;
	const char *const *shares; /* --share: as they were given */
	size_t n_shares;
	bool shares_network;
	uid_t account; /* whom the settings or -runas name, whatever the isolation gives it */
	struct isolation isolation; /* its mode is set before the planning */
	int id_lock;		    /* holds the id of an isolated one; -1: it has none */
	struct qemuargs *args;
	enum vm_images images;
	char *const *trusted; /* --backing: absolute paths */
	size_t n_trusted;
	char *const *forced; /* --force-in-use: absolute paths */
	size_t n_forced;
	bool grants_read; /* --grant-read */
	bool dry_run;
	int name_fd;	     /* holds the name; -1: it is not taken */
	pid_t taker;	     /* the process that has taken it */
	struct rlimit files; /* the limit of open files that the caller has set */
	pid_t holder;	     /* of the claims: QEMU */
	bool was_claimed;    /* QEMU's process came to make the claims */
	bool has_run;	     /* by its exit status; claims that were released by hand are gone */
	bool runs;	     /* QEMU, or its daemon */
	bool claim_stays;    /* not all of it could be given back */
	bool control;	     /* a control socket is wanted, see runtime.h */
	/* While it is planned; and what it plans, for the process that makes the claims. */
	struct claims_plan claims;
	struct journal *draft; /* what the claims' journal is going to be; NULL: not known */
	struct claim_request *wanted;
	size_t n_wanted;
	char *label; /* the claims' "USER:GROUP" */
	struct vm_item *items;
	size_t n_items;
	struct vm_step *steps;
	size_t n_steps;
	bool names_relative; /* a header names a file that QEMU looks for in the current directory
			      */
	bool refused;
	bool not_executable; /* QEMU itself, which is refused */
	bool failed;	     /* it has ended by such a failure, and not by an obstacle */
	char *failure;	     /* what ends the planning, see vm_fail(); NULL: nothing yet */
	int *fds;	     /* what QEMU gets: reserved numbers, and the caller's */
	size_t n_fds;
	unsigned n_fdsets;
	/* While it is prepared: how a process becomes the account. */
	struct launch *launch;
	struct supervise_children helpers; /* that run already when QEMU is started */
	int pid_fd;	      /* of -pidfile, kept open and locked; -1: there is none */
	int events;	      /* inotify(7), see published.h; -1: none */
	char *notify;	      /* where systemd wants to be told, see ready.h; NULL: nowhere */
	int monitor;	      /* connected to the control socket, see ready.h; -1: not */
	unsigned lines_heard; /* from there */
};

/* Nothing is asked for, and nothing held. */
#define VM_INIT                                                                                    \
	((struct vm){.id_lock = -1, .name_fd = -1, .pid_fd = -1, .events = -1, .monitor = -1})

/* Whether a name that QEMU opens or binds is one in a root directory of the VM's own. */
static inline bool vm_has_own_root(const struct vm *vm)
{
	return vm->isolation.layers & ISOLATE_ROOT;
}
