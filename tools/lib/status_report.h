/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "journal.h"

/*
 * Prints to standard output what is held, and of each path (absolute) who owns it, who
 * holds it, and what libvirt remembers of it: as tables, or as the JSON document of
 * tests/schema/virt-priv-chown-status.json. Returns false if a path could not be reached.
 */
bool status_report(struct journal *const *all, size_t n, char *const *paths, size_t n_paths);
bool status_report_json(struct journal *const *all, size_t n, char *const *paths, size_t n_paths);
