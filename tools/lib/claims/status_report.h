/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "claims/journal.h"
#include "claims/journal_damage.h"

/*
 * Prints to standard output what is held, and of each path (absolute) who owns it, who
 * holds it, and what libvirt remembers of it: as tables, or as the JSON document of
 * tests/schema/virt-priv-chown-status.json. Returns false if a path could not be reached.
 */
bool status_report(struct journal *const *all, size_t n, char *const *paths, size_t n_paths);
bool status_report_json(struct journal *const *all, size_t n, const struct journal_damage *damaged,
	size_t n_damaged, char *const *paths, size_t n_paths);
/* The journals that can't be read: of the tables a part; nothing where there are none. */
void status_report_damaged(const struct journal_damage *damaged, size_t n);
