/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ids that isolated VMs have now, by their files in RUNTIME_DIR (isolate/pool.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A VM's name is no longer: journal_is_name(). */
#define RUNTIME_ID_NAME 64

struct runtime_id {
	uid_t id;
	char name[RUNTIME_ID_NAME + 1]; /* of the VM */
	bool is_held;			/* by virt-priv-run, which has not given all back yet */
};

/*
 * Reads them, ascending by id: those that a VM was given, not what a start only looks at: *n in the
 * new array *out. None where there is no RUNTIME_DIR. False and a new message where they cannot be
 * listed or read; *out is to be freed then, too.
 */
bool runtime_ids_read(struct runtime_id **out, size_t *n, char **error);

/* The number of a file of that name in RUNTIME_DIR; 0: it is not one of an id. Pure. */
uid_t runtime_id_of(const char *name);
