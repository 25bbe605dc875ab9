/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "isolate/landlock.h"

#include <stdio.h>

static void print_line(const char *word, char *text)
{
	cleanup_free char *line = text;
	cleanup_free char *safe = log_escape(line);

	printf("%s %s\n", word, safe);
}

static char *explain_namespaces(const struct isolation *i)
{
	return xasprintf("%suts and cgroup namespaces%s%s%s%s", i->ipc ? "" : "ipc, ",
		i->ipc ? "; System V IPC is the host's, since " : "", i->ipc ? i->ipc : "",
		i->host_name ? "; the name is the host's, since " : "",
		i->host_name ? i->host_name : "");
}

/* "5901, 5902", "any", "none"; new. */
static char *list_ports(const struct isolation_ports *ports)
{
	char *text = xstrdup(ports->any ? "any" : ports->n ? "" : "none");

	for (size_t n = 0; n < ports->n && !ports->any; n++) {
		cleanup_free char *before = text;
		text = xasprintf("%s%s%u", before, n ? ", " : "", ports->all[n]);
	}
	return text;
}

static char *explain_network(const struct isolation *i)
{
	cleanup_free char *listens = list_ports(&i->listens);
	cleanup_free char *connects = list_ports(&i->connects);

	return xasprintf("the host's, since %s; TCP ports: listens on %s, connects to %s",
		i->network, listens, connects);
}

/* Of an older kernel, the filter refuses signals, unless processes can be started. */
static char *explain_scopes(const struct isolation *i)
{
	if (!landlock_has_scopes())
		return xstrdup("processes outside are not traced or looked into");
	return xasprintf("processes outside are not traced, looked into or signalled%s",
		i->abstract ? "" : ", and their abstract sockets not connected to");
}

static char *explain(const struct isolation *i, enum isolate_layer layer)
{
	switch (layer) {
	case ISOLATE_ID:
		return xasprintf("uid %u, gid %u, no supplementary groups", i->uid, i->gid);
	case ISOLATE_ROOT:
		return xstrdup("QEMU sees what is listed as visible, and files of its own in /dev, "
			       "/proc, /tmp and /etc");
	case ISOLATE_NAMESPACES:
		return explain_namespaces(i);
	case ISOLATE_NETWORK:
		return i->network ? explain_network(i)
				  : xstrdup("a network namespace without interfaces; for migration "
					    "by TCP, add --share-network");
	case ISOLATE_LANDLOCK:
		if (!(i->layers & ISOLATE_ROOT))
			return explain_scopes(i);
		return xasprintf("%s; files are made in directories of the VM alone",
			i->executes ? "programs of /usr can be executed"
				    : "no program can be executed but QEMU");
	case ISOLATE_FILTER:
		return xasprintf("system calls that no VM needs fail%s%s%s",
			i->io_uring ? "; io_uring is allowed" : "",
			i->userfaultfd ? "; userfaultfd is allowed" : "",
			i->forks ? "; processes can be started" : "");
	case ISOLATE_LIMITS:
		return xasprintf("%llu processes and threads", i->processes);
	}
	return xstrdup("");
}

static char *how(const struct isolation_path *path)
{
	return xasprintf(
		"%s%s", path->writable ? "rw" : "ro", path->executes ? ", with programs" : "");
}

char *isolation_off(const struct isolation *isolation)
{
	char *all = NULL;

	for (unsigned n = 0; n < ISOLATE_LAYERS; n++) {
		cleanup_free char *before = all;
		const char *name = isolation_layer_name(isolation_layer(n));
		if (!(isolation->off & isolation_layer(n)))
			all = steal_pointer(&before);
		else
			all = xasprintf("%s%s%s", before ? before : "", before ? ", " : "", name);
	}
	return all;
}

void isolation_report(const struct isolation *isolation)
{
	cleanup_free char *off = isolation_off(isolation);

	for (unsigned n = 0; n < ISOLATE_LAYERS; n++) {
		enum isolate_layer layer = isolation_layer(n);
		cleanup_free char *text = explain(isolation, layer);
		if (isolation->layers & layer)
			print_line(
				"isolate", xasprintf("%s (%s)", isolation_layer_name(layer), text));
	}
	if (off)
		print_line("without", xasprintf("%s (turned off in qemu.conf)", off));
	for (size_t n = 0; n < isolation->n_lacks; n++)
		print_line("without",
			xasprintf("%s (%s)", isolation_layer_name(isolation->lacks[n].layer),
				isolation->lacks[n].why));
	for (size_t n = 0; n < isolation->n_paths; n++) {
		const struct isolation_path *path = &isolation->paths[n];
		cleanup_free char *text = how(path);
		print_line("visible", xasprintf("%s (%s: %s)", path->path, path->source, text));
	}
}

static void report_path(const struct isolation_path *path)
{
	json_begin_object(NULL);
	json_bytes("path", path->path);
	json_bytes("access", path->writable ? "rw" : "ro");
	json_boolean("executable", path->executes);
	json_boolean("optional", path->optional);
	json_bytes("source", path->source);
	json_end_object();
}

static void report_ports(const char *key, const struct isolation_ports *ports)
{
	json_begin_array(key);
	if (ports->any)
		json_element("any");
	for (size_t n = 0; n < ports->n && !ports->any; n++) {
		cleanup_free char *text = xasprintf("%u", ports->all[n]);
		json_element(text);
	}
	json_end_array();
}

static void report_without(enum isolate_layer layer, const char *why)
{
	json_begin_object(NULL);
	json_bytes("layer", isolation_layer_name(layer));
	json_bytes("reason", why);
	json_end_object();
}

void isolation_report_json(const struct isolation *isolation)
{
	json_begin_object("isolation");
	json_bytes("mode", isolation_mode_name(isolation->mode));
	json_begin_array("layers");
	for (unsigned n = 0; n < ISOLATE_LAYERS; n++)
		if (isolation->layers & isolation_layer(n))
			json_element(isolation_layer_name(isolation_layer(n)));
	json_end_array();
	json_begin_array("without");
	for (unsigned n = 0; n < ISOLATE_LAYERS; n++)
		if (isolation->off & isolation_layer(n))
			report_without(isolation_layer(n), "turned off in qemu.conf");
	for (size_t n = 0; n < isolation->n_lacks; n++)
		report_without(isolation->lacks[n].layer, isolation->lacks[n].why);
	json_end_array();
	if (isolation->layers & ISOLATE_ID) {
		json_integer("uid", isolation->uid);
		json_integer("gid", isolation->gid);
	}
	json_bytes("network",
		isolation->layers & ISOLATE_NETWORK && !isolation->network ? "private" : "host");
	json_bytes("reason", isolation->network);
	if (isolation->layers & ISOLATE_NETWORK && isolation->network) {
		report_ports("listens", &isolation->listens);
		report_ports("connects", &isolation->connects);
	}
	json_begin_array("visible");
	for (size_t n = 0; n < isolation->n_paths; n++)
		report_path(&isolation->paths[n]);
	json_end_array();
	json_end_object();
}
