/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block nodes that a command line makes: block.c reads each -drive and -blockdev into a
 * tree, graph.c joins the trees where one names a node of another, sees which device reads
 * what, and lists the images. Private to qemu/.
 */
#pragma once

#include "qemu/parse.h"

/* EDGE_RAW: a data file, which has nothing of its image's format. */
enum edge_role { EDGE_DATA, EDGE_RAW, EDGE_BACKING };

struct block_edge {
	enum edge_role role;
	size_t child; /* QEMUARGS_NONE: by name */
	const char *reference;
};

/* Who reads a node. */
struct block_usage {
	bool disk, cdrom, flash, share_rw, sg;
};

struct block_node {
	size_t option;
	/* Where its keys are: in v, below prefix; for qemuargs_set() outer stands before them. */
	const struct qemuargs_value *v;
	char *outer, *prefix;
	const char *driver; /* NULL: QEMU probes */
	const char *name, *drive_id;
	bool top; /* not a child of another one in the same option */
	bool read_only, auto_read_only, direct, snapshot;
	bool writes; /* on some path from a root, nothing is read-only */
	/* An image of the host, or NULL. */
	char *path, *key;
	struct block_edge *edges;
	size_t n_edges;
	struct block_usage usage; /* by devices that name this very node */
	/* What is known once the trees are joined. */
	bool has_parent;
	bool as_data, as_backing; /* how it is reached */
	struct block_usage reached;
	size_t image; /* the node of its format, or itself */
};

struct qemuargs_blocks {
	struct block_node *nodes;
	size_t n_nodes;
	size_t steps; /* on the paths through them */
	/* Of "json:" file names. */
	struct qemuargs_value **parsed;
	size_t n_parsed;
};

/* A key of a node, new. */
char *block_key(const struct block_node *node, const char *key);
/*
 * Warns where the library of a driver, or of a protocol, takes what is root's alone. has_conf:
 * where it is to look is named.
 */
void block_warn_of_library(
	struct qemuargs_parser *p, size_t option, const char *driver, size_t length, bool has_conf);
const char *block_get(const struct block_node *node, const char *key);
/* A driver that changes nothing of what it reads from its child. */
bool block_is_filter(const char *driver);
/* All the trees of the command line. */
void block_read_all(struct qemuargs_parser *p);
