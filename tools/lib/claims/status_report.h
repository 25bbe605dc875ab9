/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is held for which VM, and what is known of single files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Prints to standard output what is held, which journals can't be read, and of each path (absolute)
 * who owns it, who holds it, and what libvirt remembers of it: as tables, or as the JSON document
 * of tests/schema/virt-priv-chown-status.json. The journals are locked, for reading; they are
 * unlocked before anything is written, since standard output gets a buffer for all of it. Says
 * what could not be read or reached, and returns false then; nothing is printed where there is no
 * list of the journals.
 */
bool status_report(char *const *paths, size_t n_paths, bool json);
