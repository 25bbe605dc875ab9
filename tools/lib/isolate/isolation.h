/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The isolation of a VM: what code can reach that has taken its QEMU over, as plain data.
 *
 * It is described first, without any change to the host, so that it can be shown (report.h). Then
 * QEMU's process carries it out, in this order:
 *
 *   as root        enter.h: what QEMU needs of the host is cloned by the descriptors that were
 *                  judged, namespaces are unshared (namespaces.h), and a root directory of the VM's
 *                  own takes the place of the host's (root.h)
 *   launch/creds.h the ids change, all capabilities go
 *   as account     restrict.h: Landlock (landlock.h), then a seccomp filter (filter.h)
 *
 * Namespaces and mounts need root; Landlock and the filter need no_new_privs alone, and Landlock
 * must come before the filter, which takes away what no VM needs. Each layer is read back from the
 * kernel before QEMU is executed, and one that was asked for and can't be had ends the start: there
 * is no weaker one in its place. Some layers are there without being asked for: where the host
 * can't give one of those, the VM starts without it, as it did before there was such a layer, and a
 * warning says why.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The words of --isolate, and what is done without it. */
enum isolate_mode { ISOLATE_NONE, ISOLATE_USER, ISOLATE_FULL, ISOLATE_DEFAULT };

enum isolate_layer {
	ISOLATE_ID = 1 << 0,	     /* a uid and gid of its own, see pool.h */
	ISOLATE_ROOT = 1 << 1,	     /* a root directory of its own */
	ISOLATE_NAMESPACES = 1 << 2, /* of System V and POSIX IPC, host name, cgroups */
	ISOLATE_NETWORK = 1 << 3,    /* a network namespace, in which there is nothing */
	ISOLATE_LANDLOCK = 1 << 4,
	ISOLATE_FILTER = 1 << 5,
	ISOLATE_LIMITS = 1 << 6,
};
#define ISOLATE_LAYERS 7

/* Something of the host that is visible in the VM's root directory. */
struct isolation_path {
	char *path;    /* absolute, as QEMU names it */
	char *source;  /* what asks for it, for people: "-drive", "--share" */
	bool writable; /* else the mount is read-only */
	bool executes; /* programs in it can be executed, unless Landlock forbids */
	bool optional; /* the host need not have it */
	bool has_id;   /* the object must be one that was claimed, see enter.h */
	bool makes;    /* a directory in which QEMU makes and removes files */
	bool moves;    /* and moves them between directories of it */
	bool devices;  /* device nodes in it can be opened */
	bool alone;    /* without what is mounted below it */
	int tree;      /* a detached mount to use; -1: it is cloned from path */
};

/* TCP ports, of the host's network. */
struct isolation_ports {
	bool any;
	unsigned *all;
	size_t n;
};

struct isolation {
	enum isolate_mode mode;
	unsigned layers; /* of enum isolate_layer */
	unsigned asked;	 /* those of them that the start depends on */
	unsigned off;	 /* those that the mode has, and qemu.conf turns off */
	struct isolation_lack {
		unsigned layer;
		char *why;
	} lacks[ISOLATE_LAYERS]; /* those that are not asked for, and can't be had here */
	size_t n_lacks;
	char *name; /* of the VM */
	uid_t uid;
	gid_t gid;
	char *program;	 /* QEMU's executable, without symbolic links */
	char *home;	 /* the VM's runtime directory */
	char *directory; /* QEMU's current one */
	struct isolation_path *paths;
	size_t n_paths;
	char *network; /* why the host's network is shared; NULL: it is not */
	struct isolation_ports listens, connects;
	char *ipc;		      /* why its System V IPC is; NULL: it is not */
	char *host_name;	      /* why the VM keeps the host's name; NULL: it does not */
	bool forks;		      /* QEMU starts processes: -daemonize, or programs */
	bool executes;		      /* QEMU executes other programs than itself */
	bool terminals;		      /* it opens pseudo-terminals */
	bool sysfs;		      /* it looks devices up */
	bool uevents;		      /* it listens for devices that come and go */
	bool io_uring;		      /* the command line asks for it */
	bool aio;		      /* and for aio=native, whose contexts all of the host share */
	bool userfaultfd;	      /* for an incoming migration that is completed afterwards */
	bool shares;		      /* files of a directory that the guest has are changed */
	bool vsock, can, xdp;	      /* sockets of the families AF_VSOCK, AF_CAN and AF_XDP */
	bool mptcp;		      /* TCP over several paths */
	bool abstract;		      /* it connects to abstract sockets of others */
	bool keyring;		      /* it reads a secret from a keyring */
	bool affinity;		      /* it sets the processors of its threads */
	bool inotify;		      /* it watches files for changes */
	bool memfd;		      /* it shares memory that has no name */
	bool shm;		      /* the guest's memory is in /dev/shm */
	unsigned long long processes; /* RLIMIT_NPROC: of the uid, with threads */
};

void isolation_free(struct isolation *isolation);

/* A new path at the end, zeroed but for path, source and tree; it lives there until the next one is
 * added. */
struct isolation_path *isolation_add(
	struct isolation *isolation, const char *path, const char *source);

/*
 * The VM does without a layer that it need not have: why, a new message, becomes the isolation's.
 * False if the layer is asked for: why remains the caller's.
 */
bool isolation_do_without(struct isolation *isolation, enum isolate_layer layer, char *why);

/*
 * The same in QEMU's process, where a layer turned out to be impossible: warns. number is the errno
 * of that. False, with *error as it was, if the layer is asked for, or if that error does not say
 * that this host, or what is around virt-priv-run, does not give it: what failed otherwise fails
 * the start.
 */
bool isolation_goes_without(
	const struct isolation *isolation, enum isolate_layer layer, int number, char **error);

/* Whether that errno says so: no such thing, not allowed, or no more of it. */
bool isolation_is_lack(int number);

/* The warning about a layer that is not there, and how it is turned off on purpose. */
void isolation_warn_without(
	const struct isolation *isolation, enum isolate_layer layer, const char *why);

/* The i-th layer, of ISOLATE_LAYERS; and its name: "id", "root", "namespaces", ... */
enum isolate_layer isolation_layer(unsigned i);
const char *isolation_layer_name(enum isolate_layer layer);

/* "none", "user", "full", "default". */
const char *isolation_mode_name(enum isolate_mode mode);
