/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What virt-priv-run notes of a VM that it starts, so that others can tell what there is, and stop
 * it: RUNTIME_DIR/.NAME.vm, which root alone can read. It is written before QEMU runs, and removed
 * when all that the VM had is given back; what a runner that was killed has left, recover removes
 * once QEMU has ended, too.
 *
 * It is lines of a key and a value, up to "end"; behind it is added what is known later, and counts
 * in place of what stands before it. Processes are told from later ones of their number by when
 * they were started.
 */
#pragma once

#include "claims/boot.h"
#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct runtime_process {
	pid_t pid;		  /* 0: none */
	unsigned long long start; /* 0: it had ended before it was noted */
};

/* Sockets by which a QEMU can be asked something. */
#define RUNTIME_VM_CONTROL "control"
#define RUNTIME_VM_QMP "qmp"
#define RUNTIME_VM_MONITOR "monitor"

/* A disk and its action ("claim"); a socket and what it is ("vnc", "qmp"). */
struct runtime_object {
	char *word, *path;
};

struct runtime_vm {
	char *name;
	bool is_whole; /* else its start was cut off while this was written, before QEMU ran */
	char boot[BOOT_ID_LENGTH + 1];
	unsigned long long namespace; /* process_namespace() of the two */
	struct runtime_process runner, qemu;
	long long since; /* seconds since the epoch */
	uid_t uid;
	gid_t gid;
	char *user;
	char *isolation;      /* the word of --isolate; "default" */
	char *started, *unit; /* "unit", "daemonize", "foreground"; systemd's name of it, or NULL */
	struct runtime_object *disks, *sockets;
	size_t n_disks, n_sockets;
	char **claimed; /* paths of what was claimed at the start */
	size_t n_claimed;
};

/* Adds a copy of both to an array of n. */
void runtime_vm_add(struct runtime_object **all, size_t *n, const char *word, const char *path);
/* Releases it with what it holds; NULL is nothing. */
void runtime_vm_free(struct runtime_vm *vm);

/*
 * Writes the file anew. runtime is runtime_dir_open()'s; qemu and claimed are not written. False
 * and a new message: then there is none.
 */
bool runtime_vm_write(int runtime, const struct runtime_vm *vm, char **error);

/*
 * Adds QEMU's process, and what the journal, unless it is NULL, has claimed. False and a new
 * message on failure.
 */
bool runtime_vm_note(const char *name, const struct runtime_process *qemu,
	const struct journal *journal, char **error);

/* Removes the file; says what it can't: false. */
bool runtime_vm_remove(const char *name);

/*
 * Reads it; *out is new, or NULL: there is none. False and a new message: it can't be read.
 */
bool runtime_vm_read(const char *name, struct runtime_vm **out, char **error);

/* The names of VMs that have one, sorted: a new array of new texts. */
bool runtime_vm_names(char ***names, size_t *n, char **error);

enum runtime_vm_state {
	RUNTIME_VM_STARTING,
	RUNTIME_VM_RUNNING,
	RUNTIME_VM_ORPHANED, /* QEMU runs, and its virt-priv-run was killed */
	RUNTIME_VM_ENDING,   /* QEMU has ended, and its virt-priv-run gives back what it had */
	RUNTIME_VM_ABANDONED,
	RUNTIME_VM_UNKNOWN,
};

/* What has become of it; *error is a new message, why, with RUNTIME_VM_UNKNOWN alone. */
enum runtime_vm_state runtime_vm_state(const struct runtime_vm *vm, char **error);
/* "starting", "running", ... */
const char *runtime_vm_state_name(enum runtime_vm_state state);
