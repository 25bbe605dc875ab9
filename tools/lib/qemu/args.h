/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU command line: which resources of the host it names, and the same command line
 * with some of them replaced. Pure: words in, a list and words out; nothing on the host
 * is looked at. The text of a -readconfig file comes through a function of the caller's.
 *
 * The rules are QEMU's (system/vl.c, util/qemu-option.c, util/keyval.c, util/qemu-config.c,
 * block.c, chardev/char.c): "-" and "--" begin an option; an argument that begins with
 * neither is a disk, as -hda; in an option string "," separates and ",," is a comma, while
 * the value of -hda, -cdrom, -kernel and the like is one string; a value that begins with
 * "{" is JSON for the options that take it; a file name may begin with "file:" or "json:".
 */
#pragma once

#include "base/resource.h"

#include <stdbool.h>
#include <stddef.h>

/* How the value of an option is written. */
enum qemuargs_form {
	QEMUARGS_FLAG,	   /* it has none */
	QEMUARGS_LITERAL,  /* one string */
	QEMUARGS_KEYVALUE, /* [prefix]key=value,... */
	QEMUARGS_JSON,
	QEMUARGS_SECTION, /* [group "id"] key = "value" of a -readconfig file */
};

struct qemuargs_resource {
	enum resource_kind kind;
	enum resource_access access;
	char *path;    /* as QEMU opens it: "file:" taken away, relative ones stay relative */
	char *source;  /* "-drive", "-blockdev", "FILE:12: [drive]": for people */
	char *reason;  /* "writable, exclusive", "read-only", "CD-ROM", "share-rw=on", ... */
	size_t option; /* which of the options names it */
	char *key;     /* where in it, as for qemuargs_set() */
	/* DISK, BACKING and NVRAM. */
	char *format; /* the format that was stated ("raw", "qcow2"), or NULL: QEMU probes */
	bool shared;  /* share-rw=on: others may write it, too; MEMORY: share=on, others see it */
	bool cdrom;
	bool snapshot;	     /* snapshot=on: what the guest writes goes to a temporary file */
	bool direct;	     /* cache=none, directsync, cache.direct=on: opened with O_DIRECT */
	bool auto_read_only; /* opened read-only until something writes */
	bool has_backing;    /* the option itself names its backing file, or "" or null for none */
	bool has_data_file;  /* the option itself names its data file */
	/*
	 * DISK: opened by a library, to which no descriptor set is a name (io_uring). FD: opened
	 * once more, by a name such as /dev/stdout or /proc/self/fd/7.
	 */
	bool by_name;
	/*
	 * Where the image is described whose bytes path holds: the keys of that option which
	 * begin with image_key ("" or "file." ...) are those of its format, so that
	 * image_key "backing..." says what it stands on.
	 */
	size_t image_option;
	char *image_key;
	/* FILE: a name that QEMU also looks for among its own files, if it is not there. */
	bool is_searched;
	/* LOG, and a FD in its place. */
	bool append;		/* what is in it already stays */
	bool takes_set;		/* /dev/fdset/N will do for its name */
	const char *append_key; /* what makes it append; NULL: there is none. Static. */
	/* LISTEN: whether QEMU itself can be given a descriptor in the place of the path. */
	bool takes_fd;
	/* PCI: QEMU opens the device's own node (iommufd=), and not that of its group. */
	bool iommufd;
	/* CONNECT: reconnect= asks for the path again later. */
	bool reconnects;
};

/*
 * What no resource of the host is the answer to: it can't be had without privileges, or will not
 * do what it did as root.
 */
struct qemuargs_notice {
	bool is_refusal;
	unsigned port; /* it only counts where this one takes a capability; 0: it counts anyway */
	char *file;   /* it only counts where the QEMU user may not use that; NULL: it counts anyway
		       */
	bool creates; /* in that file, a directory; else it opens it */
	char *path;   /* what it is about, or NULL */
	char *source; /* as of a resource */
	char *reason; /* what is wrong, and what to do instead */
	size_t option; /* which of the options it is about */
	char *key;     /* where in it, or NULL */
	size_t before; /* the number of resources that the command line names before it */
};

/* A TCP port on which QEMU listens, where address and port are known exactly. */
struct qemuargs_port {
	char *host; /* NULL or empty: any */
	unsigned port;
	bool is_ipv4; /* of IPv4 only */
	size_t option;
	size_t before; /* as of a notice */
};

/* The network device of a RESOURCE_TAP or RESOURCE_BRIDGE resource; "" is not given, NULL neither.
 */
struct qemuargs_net {
	char *ifname;		   /* NULL: QEMU takes the first free "tap%d" */
	char *script, *downscript; /* NULL: "no"; else a path, the default one included */
	char *bridge,
		*helper; /* helper: of -netdev tap,helper= or bridge,helper=; NULL: the default */
	unsigned queues; /* at least 1 */
	bool vnet_hdr;
	char *vhostdev; /* NULL: the default, /dev/vhost-net */
};

struct qemuargs_option {
	/*
	 * Without dashes, an alias as its main name; "hda" of a bare argument; "[group]" of a
	 * section that QEMU has no option for.
	 */
	char *name;
	enum qemuargs_form form;
	size_t word; /* where it stands in argv; of a SECTION: the -readconfig option's */
	char *source;
	/* The rest is parse.c's own. */
	bool removed;
	struct qemuargs_value *value;
};

struct qemuargs {
	struct qemuargs_option *options; /* in order, those of -readconfig files in its place */
	size_t n_options;
	struct qemuargs_resource *resources;
	size_t n_resources;
	struct qemuargs_notice *notices; /* in the order of the options, too */
	size_t n_notices;
	struct qemuargs_port *ports; /* in the order of the options, too */
	size_t n_ports;
	/* What else decides how QEMU is to be started. */
	char *guest_name; /* of -name, or NULL */
	char *run_as;	  /* of -runas or -run-with user=, or NULL */
	bool daemonize;
	bool exits_with_parent; /* -run-with exit-with-parent=on */
	bool snapshot;		/* -snapshot */
	bool sandbox;		/* -sandbox is given, whatever it says */
	bool locks_memory;	/* mem-lock=on, vfio-pci, vhost-vdpa: RLIMIT_MEMLOCK counts */
	bool starts_programs;	/* an incoming migration by exec, smbd, a command of guestfwd= */
	struct qemuargs_private *private_;
};

/*
 * Returns the text of a -readconfig file, new, or NULL and in *error a new message.
 */
typedef char *qemuargs_reader(void *context, const char *path, char **error);

/*
 * Parses the words behind QEMU's name (NULL-terminated). Returns a new object that
 * qemuargs_free() releases, or NULL and in *error a new message that names the option
 * and what is wrong with it. An option that QEMU does not know is no error here: QEMU
 * will say so itself; one whose value can't be understood where a resource may hide in
 * it is.
 */
struct qemuargs *qemuargs_parse(
	char *const *words, qemuargs_reader *read, void *context, char **error);
void qemuargs_free(struct qemuargs *args);

/* Whether QEMU has an option of that name, without dashes, that takes a value. */
bool qemuargs_takes_value(const char *name);

/* Whether what the guest writes goes to the image, a DISK, BACKING or NVRAM. */
bool qemuargs_is_written(const struct qemuargs_resource *image);

/* The details of a RESOURCE_TAP or RESOURCE_BRIDGE resource; they live as long as args. */
const struct qemuargs_net *qemuargs_net(const struct qemuargs *args, size_t resource);

/*
 * The command line of passt(1) that QEMU would run for a -netdev passt, without what says where its
 * socket is: a new array of new strings that ends with NULL.
 */
char **qemuargs_passt_words(const struct qemuargs *args, size_t option);
/* Makes it a -netdev stream, or a -nic socket, whose socket is that descriptor. */
void qemuargs_passt_socket(struct qemuargs *args, size_t option, int fd);

/*
 * The value of a key ("file.filename", "fd") in an option, NULL if it is not there. key NULL:
 * the whole value of a LITERAL. It lives until the option is changed.
 */
const char *qemuargs_get(const struct qemuargs *args, size_t option, const char *key);
/* Whether any key is left in an option. */
bool qemuargs_has_keys(const struct qemuargs *args, size_t option);
/*
 * Gives a key that value, in the form that the option is written in and quoted as it
 * needs; key NULL: the whole value of a LITERAL. value NULL takes the key away, and all keys
 * below it ("file" takes "file.driver" along).
 */
void qemuargs_set(struct qemuargs *args, size_t option, const char *key, const char *value);
/* As qemuargs_set(), where JSON needs the type. */
void qemuargs_set_bool(struct qemuargs *args, size_t option, const char *key, bool value);
/* Takes the whole option away. */
void qemuargs_remove(struct qemuargs *args, size_t option);
/* Adds an option in front of all others (-add-fd must precede its use), or at the end. */
void qemuargs_prepend(struct qemuargs *args, const char *name, const char *value);
void qemuargs_append(struct qemuargs *args, const char *name, const char *value);

/*
 * The words of the changed command line, a new array of new strings that ends with NULL. What was
 * not changed stays byte for byte. documents: the new texts of -readconfig files that were
 * changed, in the order in which their options stand; the words name them through
 * name_document(context, i, text), whose result is new.
 */
typedef char *qemuargs_namer(void *context, const char *path, const char *text);
char **qemuargs_words(const struct qemuargs *args, qemuargs_namer *name, void *context);
