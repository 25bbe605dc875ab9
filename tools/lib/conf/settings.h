/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings that every tool goes by: which qemu.conf is in force, and what
 * its keys mean.
 *
 * One file is read: the one named by --config; else /etc/libvirt/qemu.conf; if
 * that does not exist, the vendor file; if that is missing too, the built-in
 * defaults. Anything wrong with the file that was found is an error: nothing is
 * started on settings that are not what the admin wrote. A symbolic link to
 * nothing is such a file, not a missing one.
 */
#pragma once

#include "base/idspec.h"
#include "conf/conf.h"

#include <stdbool.h>

#define SETTINGS_ADMIN_FILE "/etc/libvirt/qemu.conf"

/* A setting that can be absent (the caller's limit stays) or unlimited. */
enum limit_kind { LIMIT_UNSET, LIMIT_VALUE, LIMIT_UNLIMITED };
struct limit {
	enum limit_kind kind;
	unsigned long long value; /* max_core: bytes; max_processes, max_files: a count */
	unsigned line;
};

struct setting_string {
	char *value;
	unsigned line; /* in settings.file; 0: not set there, the default */
};

struct setting_integer {
	int value;
	unsigned line;
};

/*
 * Between the ids of people and services and those that shadow-utils hands out (SUB_UID_MIN), and
 * not those of systemd's DynamicUser=, which end at 65519.
 */
#define SETTINGS_ISOLATE_LOWEST 65536
#define SETTINGS_ISOLATE_HIGHEST 99999
/* What the package reserves: isolate_ids where nobody has set it. */
#define SETTINGS_ISOLATE_DEFAULT ((struct id_range){90000, 8192})

struct setting_range {
	struct id_range value;
	unsigned line;
};

struct settings {
	char *file;				  /* the file in force; NULL: built-in defaults */
	struct setting_string user, group;	  /* "qemu" */
	struct setting_integer dynamic_ownership; /* 0 or 1; 1 */
	struct setting_integer remember_owner;	  /* 0 or 1; 1 */
	struct setting_integer clear_emulator_capabilities; /* 0 or 1; 1 */
	struct setting_integer seccomp_sandbox;		    /* -1, 0 or 1; -1 */
	struct setting_range isolate_ids;		    /* of isolated VMs; 90000:8192 */
	bool no_namespaces;				    /* namespaces = [ ] */
	unsigned namespaces_line;
	char **devices; /* cgroup_device_acl: nodes, beside those of the command line */
	size_t n_devices;
	struct limit max_core; /* unset: callers use 0 */
	struct limit max_processes, max_files;
};

/*
 * Fills *settings. config is the argument of --config or NULL. The opened file
 * (fstat on the descriptor, opened non-blocking) must be a regular file, owned
 * by root, not writable by group or others, and at most CONF_MAX_SIZE bytes
 * long; config must be on a safe path (safepath.h). settings_free() releases what it holds.
 *
 * Returns false, and in *error a new message that names the file, and line and column where
 * there is one: a file that can't be trusted or read, a syntax error, a value of the wrong type
 * or out of range for a key above, an empty user or group.
 */
bool settings_read(struct settings *settings, const char *config, char **error);
void settings_free(struct settings *settings);

/*
 * The same from text, for tests: name as in conf_parse(). Returns false and a
 * new "name:line:column: ..." message in *error that the caller frees.
 */
bool settings_from_text(
	struct settings *settings, const char *name, const char *text, size_t length, char **error);
