/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command that changes the settings is asked to do, and what it says about it: lines for
 * people, each with "changed" or "unchanged" in brackets; or one JSON document for scripts.
 */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>

struct confcmd {
	const char *config; /* the argument of --config; NULL: /etc/libvirt/qemu.conf */
	const char *name;   /* as it is called */
	bool json;	    /* one document instead of lines */
	bool dry_run;	    /* says what it would change, and changes nothing */
	bool is_changed;    /* set once the file is replaced, whatever fails afterwards */
};

/* One change. Of a file that is no qemu.conf, nothing but its path is known. */
struct confchange {
	const char *file;
	const char *key;		      /* or NULL */
	unsigned line;			      /* of the new value, or else of the old one */
	const struct conf_value *was, *value; /* NULL: not set */
};

/* "changed", or what it is without a change. */
const char *confchange_word(const struct confcmd *command);

/* printf of a line to standard output, fit for a terminal; nothing where JSON is asked for. */
void confchange_say(const struct confcmd *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, with "(unchanged)" behind it; or the document that says so. */
void confchange_say_unchanged(const struct confcmd *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What everybody should know who has just changed the file. */
void confchange_say_what_reads_it(const struct confcmd *command);

/* The document, where JSON is asked for. No changes: "unchanged". */
void confchange_report(
	const struct confcmd *command, const struct confchange *changes, size_t n_changes);
