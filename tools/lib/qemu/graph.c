/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joins the trees of block nodes, and lists the images: see block.h. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/block.h"

#include <string.h>

/* More than QEMU itself can follow; ends a graph that goes in circles. */
#define MAX_WAY 256
/* Nodes that share their children can have more paths through them than there is time for. */
#define MAX_STEPS 100000

/* A drive's id, or a node's name. */
static size_t find_node(const struct qemuargs_parser *p, const char *name)
{
	const struct qemuargs_blocks *b = p->blocks;

	for (size_t i = 0; i < b->n_nodes; i++)
		if (qemuargs_is(b->nodes[i].name, name) ||
			(b->nodes[i].drive_id && qemuargs_is(b->nodes[i].drive_id, name)))
			return i;
	return QEMUARGS_NONE;
}

static void join(struct qemuargs_parser *p)
{
	struct qemuargs_blocks *b = p->blocks;

	for (size_t i = 0; i < b->n_nodes; i++)
		for (size_t e = 0; e < b->nodes[i].n_edges; e++) {
			struct block_edge *edge = &b->nodes[i].edges[e];
			if (edge->child == QEMUARGS_NONE)
				edge->child = find_node(p, edge->reference);
			if (edge->child != QEMUARGS_NONE)
				b->nodes[edge->child].has_parent = true;
		}
}

static void use(struct qemuargs_parser *p, const char *name, const struct block_usage *usage)
{
	size_t node = name ? find_node(p, name) : QEMUARGS_NONE;

	if (node == QEMUARGS_NONE)
		return;
	struct block_usage *u = &p->blocks->nodes[node].usage;
	u->disk |= usage->disk;
	u->cdrom |= usage->cdrom;
	u->flash |= usage->flash;
	u->share_rw |= usage->share_rw;
	u->sg |= usage->sg;
}

/* What a -global says of all devices of a driver. */
static bool is_shared_by_global(const struct qemuargs_parser *p, const char *driver)
{
	size_t global = qemuargs_global_of(p, driver, "share-rw");

	return global != QEMUARGS_NONE && qemuopts_bool(qemuargs_value(p, global), "value", false);
}

/* hw/ide/qdev.c, hw/scsi/scsi-disk.c: the drives that never write. */
static void use_by_device(struct qemuargs_parser *p, size_t option)
{
	const char *driver = qemuargs_key(p, option, "driver");
	bool is_cdrom = qemuargs_is(driver, "ide-cd") || qemuargs_is(driver, "scsi-cd");
	bool is_flash = driver && qemuargs_behind(driver, "cfi.pflash");
	const struct block_usage usage = {.disk = !is_cdrom && !is_flash,
		.sg = qemuargs_is(driver, "scsi-generic"),
		.cdrom = is_cdrom,
		.flash = is_flash,
		.share_rw = qemuopts_bool(qemuargs_value(p, option), "share-rw",
			driver && is_shared_by_global(p, driver))};
	static const char *const keys[] = {"drive", "driveA", "driveB"};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		use(p, qemuargs_key(p, option, keys[i]), &usage);
}

static void see_users(struct qemuargs_parser *p)
{
	static const struct block_usage flash = {.flash = true};

	for (size_t i = 0; i < p->args->n_options; i++) {
		const struct qemuargs_option *option = &p->args->options[i];
		if (!option->value)
			continue;
		if (strcmp(option->name, "device") == 0) {
			use_by_device(p, i);
		} else if (strcmp(option->name, "machine") == 0) {
			use(p, qemuargs_key(p, i, "pflash0"), &flash);
			use(p, qemuargs_key(p, i, "pflash1"), &flash);
		}
	}
}

/* How a walk has come to a node. */
struct arrival {
	struct block_usage usage;
	bool writes, snapshot, as_backing;
	size_t image; /* whose bytes these are; QEMUARGS_NONE: the node's own */
	unsigned depth;
};

static bool is_used(const struct block_usage *u)
{
	return u->disk || u->cdrom || u->flash;
}

static void visit(struct qemuargs_parser *p, size_t index, struct arrival arrival)
{
	struct block_node *node = &p->blocks->nodes[index];

	if (arrival.depth > MAX_WAY || *p->error)
		return;
	if (++p->blocks->steps > MAX_STEPS) {
		qemuargs_fail(
			p, node->option, "more than %d paths through its block nodes", MAX_STEPS);
		return;
	}
	arrival.depth++;
	arrival.writes = arrival.writes && !node->read_only;
	arrival.snapshot |= node->snapshot;
	if (arrival.image == QEMUARGS_NONE)
		arrival.image = index;
	if (arrival.as_backing) {
		node->as_backing = true;
	} else {
		node->as_data = true;
		node->writes |= arrival.writes;
		node->reached.disk |= arrival.usage.disk;
		node->reached.cdrom |= arrival.usage.cdrom;
		node->reached.flash |= arrival.usage.flash;
		node->reached.share_rw |= arrival.usage.share_rw;
		node->reached.sg |= arrival.usage.sg;
		node->snapshot |= arrival.snapshot;
	}
	if (node->image == QEMUARGS_NONE)
		node->image = arrival.image;
	for (size_t e = 0; e < node->n_edges; e++) {
		const struct block_edge *edge = &node->edges[e];
		struct arrival next = arrival;
		if (edge->child == QEMUARGS_NONE)
			continue;
		if (block_is_filter(node->driver) || edge->role == EDGE_RAW)
			next.image = QEMUARGS_NONE;
		if (edge->role == EDGE_BACKING) {
			next.as_backing = true;
			next.writes = false;
			next.image = QEMUARGS_NONE;
		}
		visit(p, edge->child, next);
	}
}

/* From what nothing stands upon, and from what a device reads. */
static void walk(struct qemuargs_parser *p)
{
	struct qemuargs_blocks *b = p->blocks;

	for (size_t i = 0; i < b->n_nodes; i++) {
		struct arrival arrival = {
			.usage = b->nodes[i].usage, .writes = true, .image = QEMUARGS_NONE};
		if (!b->nodes[i].has_parent || is_used(&b->nodes[i].usage))
			visit(p, i, arrival);
	}
}

/*
 * Listing
 */

/* What drivers name that is no image. */
static void find_others(struct qemuargs_parser *p, const struct block_node *node)
{
	static const struct {
		const char *driver, *key;
		enum resource_kind kind;
		enum resource_access access;
		const char *reason;
	} others[] = {
		{"nbd", "server.path", RESOURCE_CONNECT, ACCESS_RW, "disk server"},
		{"nbd", "server.str", RESOURCE_FD, ACCESS_RW, NULL},
		{"nbd", "path", RESOURCE_CONNECT, ACCESS_RW, "disk server"},
		{"vvfat", "dir", RESOURCE_DIRECTORY, ACCESS_RO,
			"exported to the guest as a FAT disk"},
		{"nvme", "device", RESOURCE_PCI, ACCESS_RW,
			"NVMe disk, driven by QEMU through VFIO"},
		{"virtio-blk-vhost-user", "path", RESOURCE_CONNECT, ACCESS_RW, "disk server"},
		{"virtio-blk-vhost-vdpa", "path", RESOURCE_DEVICE, ACCESS_RW, "disk"},
		{"virtio-blk-vfio-pci", "path", RESOURCE_PCI, ACCESS_RW,
			"disk, driven by QEMU through VFIO"},
		{"nvme-io_uring", "path", RESOURCE_DEVICE, ACCESS_RW, "disk"},
		{"gluster", "server.0.path", RESOURCE_CONNECT, ACCESS_RW, "disk server"},
		{"gluster", "logfile", RESOURCE_LOG, ACCESS_CREATE, "written by QEMU"},
		{"blkdebug", "config", RESOURCE_FILE, ACCESS_RO, "blkdebug configuration"},
		{"rbd", "conf", RESOURCE_FILE, ACCESS_RO, "Ceph configuration file"},
	};

	for (size_t i = 0; i < N_ELEMENTS(others); i++) {
		if (!qemuargs_is(node->driver, others[i].driver))
			continue;
		const char *value = block_get(node, others[i].key);
		cleanup_free char *key = block_key(node, others[i].key);
		if (others[i].kind == RESOURCE_FD) {
			qemuargs_add_fd(p, node->option, key, value);
			continue;
		}
		size_t added = qemuargs_add(p, others[i].kind, others[i].access, node->option, key,
			value, others[i].reason);
		/* A driver connects again by itself, and has no key for a descriptor. */
		if (added != QEMUARGS_NONE && others[i].kind == RESOURCE_CONNECT)
			qemuargs_resource(p, added)->reconnects = true;
	}
	if (node->driver)
		block_warn_of_library(p, node->option, node->driver, strlen(node->driver),
			block_get(node, "conf") != NULL);
	if (qemuargs_is(node->driver, "nvme") || qemuargs_is(node->driver, "virtio-blk-vfio-pci"))
		p->args->locks_memory = true;
}

/* QEMU opens a -blockdev as it is written, whatever will use it; a -drive as it is used. */
static bool opens_for_writing(const struct block_node *node)
{
	if (node->read_only || node->snapshot)
		return false;
	return node->writes || !node->auto_read_only;
}

static const char *reason_of(const struct block_node *node, bool writes, bool is_backing)
{
	if (is_backing)
		return writes ? "backing file without read-only=on" : "backing file";
	if (node->reached.cdrom && !node->reached.disk)
		return "CD-ROM";
	if (node->snapshot)
		return "snapshot=on";
	if (!writes)
		return "read-only";
	return node->reached.share_rw ? "share-rw=on" : "writable, exclusive";
}

static bool names_child(const struct block_node *image, const char *child)
{
	cleanup_free char *key = xasprintf("%s%s", image->prefix, child);

	return qemuopts_find(image->v, key) || qemuopts_has_below(image->v, key);
}

static void list_image(struct qemuargs_parser *p, struct block_node *node)
{
	bool is_backing = node->as_backing && !node->as_data;
	bool writes = opens_for_writing(node);
	/* Commands for whatever the node is a device of, not sectors of a disk. */
	if (node->reached.sg) {
		qemuargs_add(p, RESOURCE_DEVICE, ACCESS_RW, node->option, node->key, node->path,
			"assigned to the guest");
		return;
	}
	enum resource_kind kind = is_backing		? RESOURCE_BACKING
				  : node->reached.flash ? RESOURCE_NVRAM
							: RESOURCE_DISK;
	size_t added = qemuargs_add(p, kind, writes ? ACCESS_RW : ACCESS_RO, node->option,
		node->key, node->path, reason_of(node, writes, is_backing));
	struct qemuargs_resource *r = qemuargs_resource(p, added);

	if (!r || r->kind == RESOURCE_FD)
		return;
	const struct block_node *image = &p->blocks->nodes[node->image];
	/* A file without a node of a format is read as it is; a drive's is probed. */
	if (image != node)
		r->format = image->driver ? xstrdup(image->driver) : NULL;
	else if (node->driver)
		r->format = xstrdup("raw");
	r->shared = node->reached.share_rw;
	r->cdrom = node->reached.cdrom && !node->reached.disk;
	r->snapshot = node->snapshot;
	r->direct = node->direct;
	r->auto_read_only = node->auto_read_only;
	r->has_backing = names_child(image, "backing");
	r->has_data_file = names_child(image, "data-file");
	r->by_name = qemuargs_is(node->driver, "io_uring");
	r->image_option = image->option;
	r->image_key = xasprintf("%s%s", image->outer, image->prefix);
}

void qemuargs_find_block(struct qemuargs_parser *p, size_t option)
{
	for (size_t i = 0; i < p->blocks->n_nodes; i++) {
		struct block_node *node = &p->blocks->nodes[i];
		if (node->option != option)
			continue;
		if (node->path && node->image != QEMUARGS_NONE)
			list_image(p, node);
		find_others(p, node);
	}
}

void qemuargs_blocks_collect(struct qemuargs_parser *p)
{
	p->blocks = xcalloc(1, sizeof(*p->blocks));
	block_read_all(p);
	if (*p->error)
		return;
	join(p);
	see_users(p);
	walk(p);
}

void qemuargs_blocks_free(struct qemuargs_parser *p)
{
	struct qemuargs_blocks *b = p->blocks;

	for (size_t i = 0; i < b->n_nodes; i++) {
		free(b->nodes[i].outer);
		free(b->nodes[i].prefix);
		free(b->nodes[i].path);
		free(b->nodes[i].key);
		free(b->nodes[i].edges);
	}
	for (size_t i = 0; i < b->n_parsed; i++)
		qemuopts_free(b->parsed[i]);
	free(b->nodes);
	free(b->parsed);
	free(b);
	p->blocks = NULL;
}
