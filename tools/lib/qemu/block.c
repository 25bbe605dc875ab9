/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the block nodes of one option: see block.h. */
#include "qemu/block.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

#define MAX_DEPTH 32

/* Where the keys of a node stand. */
struct place {
	size_t option;
	const struct qemuargs_value *v;
	const char *outer, *prefix;
	int depth;
};

/* What a child takes over from its parent (bdrv_inherited_options()). */
struct inherited {
	bool read_only, auto_read_only, direct;
};

/* A name of a file outside of the node's keys: of -hda, -drive file=, blkdebug:. */
struct name {
	const char *text;
	const char *key;
};

static size_t read_node(struct qemuargs_parser *p, const struct place *place,
	const struct inherited *inherited, const struct name *name);

char *block_key(const struct block_node *node, const char *key)
{
	return xasprintf("%s%s%s", node->outer, node->prefix, key);
}

const char *block_get(const struct block_node *node, const char *key)
{
	cleanup_free char *full = xasprintf("%s%s", node->prefix, key);

	return qemuopts_get(node->v, full);
}

static bool block_bool(const struct block_node *node, const char *key, bool otherwise)
{
	cleanup_free char *full = xasprintf("%s%s", node->prefix, key);

	return qemuopts_bool(node->v, full, otherwise);
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; name && *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

bool block_is_filter(const char *driver)
{
	static const char *const filters[] = {"throttle", "copy-on-read", "blkdebug", "blkverify",
		"blklogwrites", "blkreplay", "quorum", "preallocate", "compress",
		"copy-before-write", "snapshot-access", NULL};

	return is_one_of(driver, filters);
}

/* Drivers that read no other node (those with bdrv_file_open, and without). */
static bool is_file_driver(const char *driver)
{
	static const char *const files[] = {"file", "host_device", "host_cdrom", "io_uring", NULL};

	return is_one_of(driver, files);
}

static struct block_node *node_at(struct qemuargs_parser *p, size_t node)
{
	return &p->blocks->nodes[node];
}

static size_t new_node(struct qemuargs_parser *p, const struct place *place)
{
	struct qemuargs_blocks *b = p->blocks;

	ARRAY_GROW(b->nodes, b->n_nodes);
	struct block_node *node = &b->nodes[b->n_nodes];
	*node = (struct block_node){
		.option = place->option,
		.v = place->v,
		.outer = xstrdup(place->outer),
		.prefix = xstrdup(place->prefix),
		.image = QEMUARGS_NONE,
	};
	node->driver = block_get(node, "driver");
	node->name = block_get(node, "node-name");
	return b->n_nodes++;
}

static void add_edge(struct qemuargs_parser *p, size_t parent, enum edge_role role, size_t child,
	const char *reference)
{
	struct block_node *node = node_at(p, parent);

	ARRAY_GROW(node->edges, node->n_edges);
	node->edges[node->n_edges++] =
		(struct block_edge){.role = role, .child = child, .reference = reference};
	if (child != QEMUARGS_NONE)
		node_at(p, child)->has_parent = true;
}

static struct inherited inherit(const struct block_node *parent, enum edge_role role)
{
	struct inherited i = {parent->read_only, parent->auto_read_only, parent->direct};

	if (role == EDGE_BACKING || parent->snapshot) {
		i.read_only = true;
		i.auto_read_only = false;
	}
	return i;
}

static void read_child(struct qemuargs_parser *p, size_t parent, const struct place *place,
	const char *prefix, enum edge_role role, const struct name *name)
{
	struct inherited inherited = inherit(node_at(p, parent), role);
	struct place below = *place;

	if (place->depth >= MAX_DEPTH) {
		qemuargs_fail(p, place->option, "block nodes nested deeper than %d", MAX_DEPTH);
		return;
	}
	below.prefix = prefix;
	below.depth++;
	size_t child = read_node(p, &below, &inherited, name);
	if (child != QEMUARGS_NONE)
		add_edge(p, parent, role, child, NULL);
}

/*
 * The children that the keys of a node name: bdrv_open_child() and its callers. length: of
 * the name in key, "children.0" being one. Returns 0 if key names none.
 */
static size_t child_name(const char *key, enum edge_role *role)
{
	static const char *const names[] = {"file", "backing", "data-file", "image", "test", "raw",
		"log", "target", "header", NULL};
	size_t length = strcspn(key, ".");
	cleanup_free char *name = xstrndup(key, length);

	*role = strcmp(name, "backing") == 0	 ? EDGE_BACKING
		: strcmp(name, "data-file") == 0 ? EDGE_RAW
						 : EDGE_DATA;
	if (is_one_of(name, names))
		return length;
	if ((strcmp(name, "children") != 0 && strcmp(name, "extents") != 0) || !key[length])
		return 0;
	/* qdict_array_entries() takes numbers alone. */
	size_t digits = strspn(key + length + 1, "0123456789");
	const char *end = key + length + 1 + digits;
	return digits && (!*end || *end == '.') ? length + 1 + digits : 0;
}

static bool is_first_with(const struct qemuargs_value *v, size_t item, size_t length)
{
	const char *key = v->items[item].key;

	for (size_t i = 0; i < item; i++) {
		const char *other = v->items[i].key;
		if (strncmp(other, key, length) == 0 && (!other[length] || other[length] == '.'))
			return false;
	}
	return true;
}

static void read_children(
	struct qemuargs_parser *p, size_t parent, const struct place *place, const char *skip)
{
	size_t prefix_length = strlen(place->prefix);

	for (size_t i = 0; i < place->v->n_items && !*p->error; i++) {
		const struct qemuopts_item *item = &place->v->items[i];
		const char *key = qemuargs_behind(item->key, place->prefix);
		enum edge_role role;
		size_t length = key ? child_name(key, &role) : 0;
		if (!length || !is_first_with(place->v, i, prefix_length + length))
			continue;
		cleanup_free char *whole = xstrndup(item->key, prefix_length + length);
		if (skip && qemuargs_is(whole, skip))
			continue;
		const char *reference = qemuopts_get(place->v, whole);
		if (qemuopts_has_below(place->v, whole)) {
			cleanup_free char *below = xasprintf("%s.", whole);
			read_child(p, parent, place, below, role, NULL);
		} else if (reference && *reference) {
			add_edge(p, parent, role, QEMUARGS_NONE, reference);
		}
	}
}

/* cache=none and directsync (bdrv_parse_cache_mode()), or cache.direct=on */
static bool is_direct(const struct block_node *node, bool otherwise)
{
	const char *cache = node->top ? block_get(node, "cache") : NULL;

	if (cache)
		otherwise = strcmp(cache, "none") == 0 || strcmp(cache, "off") == 0 ||
			    strcmp(cache, "directsync") == 0;
	return block_bool(node, "cache.direct", otherwise);
}

static void set_image(struct block_node *node, const char *path, const char *key)
{
	node->path = xstrdup(path);
	node->key = xasprintf("%s%s", node->outer, key);
}

/* "json:{...}" stands for a tree of nodes. */
static size_t read_json(struct qemuargs_parser *p, const struct place *place,
	const struct inherited *inherited, const struct name *name)
{
	struct qemuargs_blocks *b = p->blocks;
	cleanup_free char *why = NULL;
	struct qemuargs_value *v = qemuopts_json(name->text + strlen("json:"), &why);

	if (!v || place->depth >= MAX_DEPTH) {
		qemuargs_fail(
			p, place->option, "%s: %s", name->text, why ? why : "nested too deeply");
		qemuopts_free(v);
		return QEMUARGS_NONE;
	}
	ARRAY_GROW(b->parsed, b->n_parsed);
	b->parsed[b->n_parsed++] = v;
	cleanup_free char *outer = xasprintf("%s%s:json:", place->outer, name->key);
	const struct place inside = {place->option, v, outer, "", place->depth + 1};
	return read_node(p, &inside, inherited, NULL);
}

/* A second file name in the first one. */
static void read_inner_name(struct qemuargs_parser *p, size_t node, const struct place *place,
	const struct name *name, size_t begin, size_t end, const char *part)
{
	cleanup_free char *text = xstrndup(name->text + begin, end - begin);
	cleanup_free char *key = xasprintf("%s:%s", name->key, part);
	/* No key of the option's begins with it. */
	cleanup_free char *prefix = xasprintf("%s.", key);
	const struct name inner = {text, key};

	if (*text)
		read_child(p, node, place, prefix, EDGE_DATA, &inner);
}

/* blkverify: another image; blkdebug: what is to fail. */
static void read_filter_file(struct qemuargs_parser *p, size_t node, const struct place *place,
	const struct name *name, const struct qemuargs_name *split)
{
	cleanup_free char *path =
		xstrndup(name->text + split->config_begin, split->config_end - split->config_begin);
	cleanup_free char *key = xasprintf("%s%s:config", place->outer, name->key);

	if (qemuargs_behind(name->text, "blkverify:"))
		read_inner_name(
			p, node, place, name, split->config_begin, split->config_end, "config");
	else
		qemuargs_add(p, RESOURCE_FILE, ACCESS_RO, place->option, key, path,
			"blkdebug configuration");
}

void block_warn_of_library(
	struct qemuargs_parser *p, size_t option, const char *driver, size_t length, bool has_conf)
{
	static const struct {
		const char *driver, *says;
	} libraries[] = {
		{"ssh", "the QEMU user has neither the ssh keys nor the known hosts of root: "
			"export "
			"the disk by nbdkit ssh, and use nbd:unix:PATH"},
		{"rbd", "the QEMU user may not read a keyring of root's in /etc/ceph: name a "
			"configuration with conf= whose keyring it may read"},
		{"nfs", "the QEMU user cannot connect from a port below 1024, which NFS servers "
			"require unless they export the directory with the option insecure"},
	};

	for (size_t i = 0; i < N_ELEMENTS(libraries); i++)
		if (strlen(libraries[i].driver) == length &&
			strncmp(libraries[i].driver, driver, length) == 0 &&
			!(has_conf && strcmp(libraries[i].driver, "rbd") == 0))
			qemuargs_warn(p, option, NULL, NULL, "%s", libraries[i].says);
}

/* A name that means something else of the host's than an image, or nothing. */
static void read_other_name(struct qemuargs_parser *p, const struct place *place,
	const struct name *name, const struct qemuargs_name *split)
{
	cleanup_free char *path = xstrndup(name->text + split->begin, split->end - split->begin);
	cleanup_free char *key = xasprintf("%s%s:path", place->outer, name->key);
	size_t added = QEMUARGS_NONE;

	if (split->protocol == PROTOCOL_FAT)
		qemuargs_add(p, RESOURCE_DIRECTORY, split->writable ? ACCESS_RW : ACCESS_RO,
			place->option, key, path, "exported to the guest as a FAT disk");
	else if (split->protocol == PROTOCOL_UNIX)
		added = qemuargs_add(
			p, RESOURCE_CONNECT, ACCESS_RW, place->option, key, path, "disk server");
	else if (split->protocol == PROTOCOL_NVME)
		qemuargs_add(p, RESOURCE_PCI, ACCESS_RW, place->option, key, path,
			"NVMe disk, driven by QEMU through VFIO");
	else if (split->protocol == PROTOCOL_CONFIG)
		qemuargs_add(p, RESOURCE_FILE, ACCESS_RO, place->option, key, path,
			"Ceph configuration file");
	else
		block_warn_of_library(p, place->option, name->text, strcspn(name->text, ":"),
			strstr(name->text, ":conf=") != NULL);
	/* A name has no room for a descriptor. */
	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->reconnects = true;
	p->args->locks_memory |= split->protocol == PROTOCOL_NVME;
}

/* What is in the name of a file that stands for the node, or for its "file" child. */
static void read_name(
	struct qemuargs_parser *p, size_t node, const struct place *place, const struct name *name)
{
	struct qemuargs_name split = qemuargs_split_name(name->text);
	cleanup_free char *key = NULL;

	switch (split.protocol) {
	case PROTOCOL_FILE:
		set_image(node_at(p, node), name->text + split.begin, name->key);
		break;
	case PROTOCOL_HOST_DEVICE:
		key = xasprintf("%s:path", name->key);
		set_image(node_at(p, node), name->text + split.begin, key);
		break;
	case PROTOCOL_FILTER:
		read_inner_name(p, node, place, name, split.begin, split.end, "path");
		read_filter_file(p, node, place, name, &split);
		break;
	default:
		read_other_name(p, place, name, &split);
		break;
	}
}

static void read_options(struct block_node *node, const struct inherited *inherited)
{
	node->read_only = block_bool(node, "read-only", inherited->read_only);
	node->auto_read_only = block_bool(node, "auto-read-only", inherited->auto_read_only);
	node->direct = is_direct(node, inherited->direct);
	node->snapshot = false;
}

static size_t read_node(struct qemuargs_parser *p, const struct place *place,
	const struct inherited *inherited, const struct name *name)
{
	if (name && qemuargs_behind(name->text, "json:"))
		return read_json(p, place, inherited, name);

	size_t node = new_node(p, place);
	read_options(node_at(p, node), inherited);
	const char *filename = block_get(node_at(p, node), "filename");
	const char *driver = node_at(p, node)->driver;
	if (name) {
		read_name(p, node, place, name);
	} else if (filename && (!driver || is_file_driver(driver))) {
		cleanup_free char *key = xasprintf("%sfilename", place->prefix);
		set_image(node_at(p, node), filename, key);
	}
	read_children(p, node, place, NULL);
	return node;
}

static bool is_named(const struct qemuargs_parser *p, size_t option, const char *name)
{
	return strcmp(p->args->options[option].name, name) == 0;
}

/* drive_new() and blockdev_init() in blockdev.c */
static void read_drive_options(struct qemuargs_parser *p, struct block_node *node)
{
	const char *media = block_get(node, "media"), *interface = block_get(node, "if");
	const struct inherited defaults = {false, true, false};

	node->top = true;
	read_options(node, &defaults);
	node->drive_id = block_get(node, "id");
	if (!node->driver)
		node->driver = block_get(node, "format");
	node->read_only |= qemuopts_first_bool(node->v, "readonly", false);
	node->snapshot = block_bool(node, "snapshot", p->args->snapshot);
	if (qemuargs_is(media, "cdrom") || is_named(p, node->option, "cdrom")) {
		node->read_only = true;
		node->usage.cdrom = true;
	} else if (qemuargs_is(interface, "pflash") || is_named(p, node->option, "pflash")) {
		node->usage.flash = true;
	} else if (!qemuargs_is(interface, "none")) {
		node->usage.disk = true;
	}
}

/* The name is that of the node itself if its driver reads files, else of its "file". */
static void read_drive_name(
	struct qemuargs_parser *p, size_t node, const struct place *place, const struct name *name)
{
	const char *driver = node_at(p, node)->driver;

	if (is_file_driver(driver) || qemuargs_behind(name->text, "json:")) {
		struct inherited inherited = inherit(node_at(p, node), EDGE_DATA);
		if (is_file_driver(driver)) {
			read_name(p, node, place, name);
			return;
		}
		size_t inside = read_json(p, place, &inherited, name);
		if (inside != QEMUARGS_NONE)
			add_edge(p, node, EDGE_DATA, inside, NULL);
		return;
	}
	read_child(p, node, place, "file.", EDGE_DATA, name);
}

static void read_drive(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	bool literal = v->form == QEMUARGS_LITERAL;
	const struct place place = {option, v, "", "", 0};
	const struct name name = {
		.text = qemuopts_get(v, literal ? "" : "file"), .key = literal ? "" : "file"};
	size_t node = new_node(p, &place);

	read_drive_options(p, node_at(p, node));
	const char *filename = block_get(node_at(p, node), "filename");
	if (name.text && *name.text)
		read_drive_name(p, node, &place, &name);
	else if (filename)
		set_image(node_at(p, node), filename, "filename");
	/* In the place of a name, "file" is no node's. */
	if (!literal)
		read_children(p, node, &place, name.text && *name.text ? "file" : NULL);
}

static void read_blockdev(struct qemuargs_parser *p, size_t option)
{
	const struct place place = {option, qemuargs_value(p, option), "", "", 0};
	const struct inherited defaults = {false, false, false};
	size_t node = read_node(p, &place, &defaults, NULL);

	if (node != QEMUARGS_NONE)
		node_at(p, node)->top = true;
}

void block_read_all(struct qemuargs_parser *p)
{
	for (size_t i = 0; i < p->args->n_options; i++)
		p->args->snapshot |= is_named(p, i, "snapshot");
	for (size_t i = 0; i < p->args->n_options && !*p->error; i++) {
		const struct qemuargs_spec *spec = qemuargs_spec(p->args->options[i].name);
		if (!spec || spec->find != qemuargs_find_block || !p->args->options[i].value)
			continue;
		if (is_named(p, i, "blockdev"))
			read_blockdev(p, i);
		else
			read_drive(p, i);
	}
}
