/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the reader of QEMU's command lines share; args.h is for everybody else.
 * The table of options (table.c) says how the value of each is written and which function
 * finds the resources in it. These functions run when all options are read, in the order of
 * the options. Private to qemu/.
 */
#pragma once

#include "qemu/args.h"
#include "qemu/opts.h"

#define QEMUARGS_NONE ((size_t)-1)

struct qemuargs_pair {
	char *name, *value;
};

struct qemuargs_net_of {
	size_t resource;
	struct qemuargs_net net;
};

struct qemuargs_private {
	char **words;
	size_t n_words;
	struct qemuopts_document **documents;
	size_t n_documents;
	struct qemuargs_pair *before, *after;
	size_t n_before, n_after;
	struct qemuargs_net_of *nets;
	size_t n_nets;
};

struct qemuargs_parser {
	struct qemuargs *args;
	struct qemuargs_blocks *blocks;
	qemuargs_reader *read;
	void *context;
	char **error;
};

enum qemuargs_syntax {
	SYNTAX_FLAG,
	SYNTAX_LITERAL,
	SYNTAX_OPTS,
	SYNTAX_KEYVAL,
	SYNTAX_JSON_OPTS,   /* JSON if it begins with "{", else QemuOpts */
	SYNTAX_JSON_KEYVAL, /* the same with keyval */
	SYNTAX_CHARDEV,	    /* qemu_chr_parse_compat() */
	SYNTAX_INCOMING,    /* an address, or JSON */
	SYNTAX_VNC,	    /* QemuOpts, behind "unix:" or not */
	SYNTAX_GLOBAL,	    /* driver.property=value, or QemuOpts */
};

struct qemuargs_spec {
	const char *name;
	enum qemuargs_syntax syntax;
	const char *implied;
	void (*find)(struct qemuargs_parser *p, size_t option);
	const char *alias_of;
};

/* NULL: QEMU has no such option, as far as is known here. name is without dashes. */
const struct qemuargs_spec *qemuargs_spec(const char *name);
/* The option whose list a [group] fills. */
const struct qemuargs_spec *qemuargs_group_spec(const char *group);

/* Ends the parse with "OPTION: what is wrong"; the first error counts. */
void qemuargs_fail(struct qemuargs_parser *p, size_t option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline const struct qemuargs_value *qemuargs_value(
	const struct qemuargs_parser *p, size_t option)
{
	return p->args->options[option].value;
}

static inline const char *qemuargs_key(
	const struct qemuargs_parser *p, size_t option, const char *key)
{
	return qemuopts_get(qemuargs_value(p, option), key);
}

/*
 * Adds a resource, and returns its index. A path like /proc/self/fd/3 becomes a
 * RESOURCE_FD; for an empty one and for /dev/fdset/N, whose descriptors -add-fd names,
 * nothing is added: QEMUARGS_NONE.
 */
size_t qemuargs_add(struct qemuargs_parser *p, enum resource_kind kind, enum resource_access access,
	size_t option, const char *key, const char *path, const char *reason);
/* The same, with the value of the key; nothing if it has none. */
size_t qemuargs_add_key(struct qemuargs_parser *p, enum resource_kind kind,
	enum resource_access access, size_t option, const char *key, const char *reason);
void qemuargs_add_fd(struct qemuargs_parser *p, size_t option, const char *key, const char *fd);
/* A list of descriptors, separated by ":". */
void qemuargs_add_fds(struct qemuargs_parser *p, size_t option, const char *key);
void qemuargs_refuse(struct qemuargs_parser *p, size_t option, const char *key, const char *path,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void qemuargs_warn(struct qemuargs_parser *p, size_t option, const char *key, const char *path,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/*
 * The warning that was made last is only for hosts on which the QEMU user may not open the file, a
 * new string, which is taken.
 */
void qemuargs_if_denied(struct qemuargs_parser *p, char *file);
/* The same, where it may not create a file beside path. */
void qemuargs_if_denied_beside(struct qemuargs_parser *p, const char *path);
/* Refuses a port, for hosts on which only root may bind it. */
void qemuargs_refuse_port(
	struct qemuargs_parser *p, size_t option, const char *key, const char *text, unsigned port);
/* Refuses a port below 1024 that something would listen on. key: what names it. */
void qemuargs_check_port(
	struct qemuargs_parser *p, size_t option, const char *key, const char *port);

/*
 * The same of a TCP port, which is noted with its address too, unless QEMU picks one of several
 * (to=). host: NULL or empty for any. Of what is no number, nothing is noted.
 */
void qemuargs_listen(struct qemuargs_parser *p, size_t option, const char *key, const char *host,
	const char *port);
/* The same of "[HOST]:PORT", of IPv4 only. */
void qemuargs_listen_ipv4(
	struct qemuargs_parser *p, size_t option, const char *key, const char *address);
/* "[HOST]:PORT", "HOST" in brackets or not: split into a new *host and *port in address. */
const char *qemuargs_split_address(const char *address, char **host);

static inline struct qemuargs_resource *qemuargs_resource(
	const struct qemuargs_parser *p, size_t resource)
{
	return resource == QEMUARGS_NONE ? NULL : &p->args->resources[resource];
}

static inline bool qemuargs_is(const char *value, const char *expected)
{
	return value && __builtin_strcmp(value, expected) == 0;
}

/* The rest of text behind prefix, or NULL. */
const char *qemuargs_behind(const char *text, const char *prefix);

/*
 * Where in a file name that may begin with a protocol ("nbd:unix:/x", "fat:rw:/x") the
 * path stands that a key with ":path" or ":config" behind it means (name.c).
 */
enum qemuargs_protocol {
	PROTOCOL_FILE,	      /* file or device: with or without "file:" */
	PROTOCOL_HOST_DEVICE, /* host_device: or host_cdrom: */
	PROTOCOL_FAT,
	PROTOCOL_UNIX, /* a UNIX socket of nbd or gluster */
	PROTOCOL_NVME,
	PROTOCOL_CONFIG, /* rbd: with conf= */
	PROTOCOL_FILTER, /* blkdebug:, blkverify: another file name, and one of its own */
	PROTOCOL_JSON,
	PROTOCOL_OTHER, /* nothing of the host's */
};
struct qemuargs_name {
	enum qemuargs_protocol protocol;
	size_t begin, end;		 /* the path */
	size_t config_begin, config_end; /* FILTER: what stands before it */
	bool writable;			 /* FAT: rw */
};
struct qemuargs_name qemuargs_split_name(const char *name);
/*
 * The value that key means in v, new, or NULL: key is KEY, or KEY ":path", KEY ":config",
 * KEY ":json:" KEY... inside of the file name that KEY has.
 */
char *qemuargs_lookup(const struct qemuargs_value *v, const char *key);
void qemuargs_store(
	struct qemuargs_value *v, const char *key, const char *value, enum qemuopts_type type);

/*
 * The value of a -global DRIVER.PROPERTY=VALUE, or driver=DRIVER,property=PROPERTY,value=VALUE,
 * if it is of that property, and in *driver, new, of which driver.
 */
const char *qemuargs_global(
	const struct qemuargs_parser *p, size_t option, const char *property, char **driver);
/* The -global option that sets that property of all devices of the driver; QEMUARGS_NONE: none. */
size_t qemuargs_global_of(
	const struct qemuargs_parser *p, const char *driver, const char *property);

/* How -serial, -monitor and the like are written (char.c). */
struct qemuargs_value *qemuargs_chardev_value(const char *text);
struct qemuargs_value *qemuargs_incoming_value(const char *text);

/* Whether a path of the value is one of several places, in which QEMU looks for it. */
void qemuargs_add_searched(struct qemuargs_parser *p, size_t option, const char *key,
	const char *path, const char *reason);

/* A file that QEMU's test protocol is logged in, "none" being none. */
void qemuargs_add_log(struct qemuargs_parser *p, size_t option, const char *key);
/* Warns of the address of a D-Bus bus, if the key has one. */
void qemuargs_warn_bus(struct qemuargs_parser *p, size_t option, const char *key);

/* The graph of block nodes (block.c, graph.c). */
void qemuargs_blocks_collect(struct qemuargs_parser *p);
void qemuargs_blocks_free(struct qemuargs_parser *p);

#define QEMUARGS_FINDER(name) void qemuargs_find_##name(struct qemuargs_parser *p, size_t option)
QEMUARGS_FINDER(block);
QEMUARGS_FINDER(chardev);
QEMUARGS_FINDER(chardev_string);
QEMUARGS_FINDER(netdev);
QEMUARGS_FINDER(passt);
QEMUARGS_FINDER(device);
QEMUARGS_FINDER(global);
QEMUARGS_FINDER(object);
QEMUARGS_FINDER(machine);
QEMUARGS_FINDER(accel);
QEMUARGS_FINDER(file);
QEMUARGS_FINDER(bios);
QEMUARGS_FINDER(boot);
QEMUARGS_FINDER(keyboard);
QEMUARGS_FINDER(option_rom);
QEMUARGS_FINDER(acpitable);
QEMUARGS_FINDER(smbios);
QEMUARGS_FINDER(fw_cfg);
QEMUARGS_FINDER(directory);
QEMUARGS_FINDER(log);
QEMUARGS_FINDER(qtest_log);
QEMUARGS_FINDER(trace);
QEMUARGS_FINDER(icount);
QEMUARGS_FINDER(pidfile);
QEMUARGS_FINDER(plugin);
QEMUARGS_FINDER(mem_path);
QEMUARGS_FINDER(gdb);
QEMUARGS_FINDER(incoming);
QEMUARGS_FINDER(vnc);
QEMUARGS_FINDER(spice);
QEMUARGS_FINDER(display);
QEMUARGS_FINDER(audiodev);
QEMUARGS_FINDER(fsdev);
QEMUARGS_FINDER(tpmdev);
QEMUARGS_FINDER(add_fd);
QEMUARGS_FINDER(chroot);
QEMUARGS_FINDER(runas);
QEMUARGS_FINDER(run_with);
QEMUARGS_FINDER(sandbox);
QEMUARGS_FINDER(daemonize);
QEMUARGS_FINDER(snapshot);
QEMUARGS_FINDER(name);
QEMUARGS_FINDER(overcommit);
