/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev passt and -nic passt: how their keys (NetDevPasstOptions of qapi/net.json) become options
 * of passt(1), which net/passt.c of QEMU starts.
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <string.h>

/* What a key becomes. */
enum passt_form {
	PASST_VALUE, /* the option with the value */
	PASST_ON,    /* the option alone, where the key is on */
	PASST_OFF,   /* the option alone, where the key is off */
	PASST_WORDS, /* the option, and all values with blanks between them */
	PASST_PORTS, /* with commas between them */
};

static const struct passt_key {
	const char *key, *option;
	enum passt_form form;
} keys[] = {
	{"mtu", "--mtu", PASST_VALUE},
	{"address", "--address", PASST_VALUE},
	{"netmask", "--netmask", PASST_VALUE},
	{"mac", "--mac-addr", PASST_VALUE},
	{"gateway", "--gateway", PASST_VALUE},
	{"interface", "--interface", PASST_VALUE},
	{"outbound", "--outbound", PASST_VALUE},
	{"outbound-if4", "--outbound-if4", PASST_VALUE},
	{"outbound-if6", "--outbound-if6", PASST_VALUE},
	{"dns", "--dns", PASST_VALUE},
	{"fqdn", "--fqdn", PASST_VALUE},
	{"dhcp-dns", "--no-dhcp-dns", PASST_OFF},
	{"dhcp-search", "--no-dhcp-search", PASST_OFF},
	{"map-host-loopback", "--map-host-loopback", PASST_VALUE},
	{"map-guest-addr", "--map-guest-addr", PASST_VALUE},
	{"dns-forward", "--dns-forward", PASST_VALUE},
	{"dns-host", "--dns-host", PASST_VALUE},
	{"tcp", "--no-tcp", PASST_OFF},
	{"udp", "--no-udp", PASST_OFF},
	{"icmp", "--no-icmp", PASST_OFF},
	{"dhcp", "--no-dhcp", PASST_OFF},
	{"ndp", "--no-ndp", PASST_OFF},
	{"dhcpv6", "--no-dhcpv6", PASST_OFF},
	{"ra", "--no-ra", PASST_OFF},
	{"freebind", "--freebind", PASST_ON},
	{"ipv4", "--ipv6-only", PASST_OFF},
	{"ipv6", "--ipv4-only", PASST_OFF},
	{"search", "--search", PASST_WORDS},
	{"tcp-ports", "--tcp-ports", PASST_PORTS},
	{"udp-ports", "--udp-ports", PASST_PORTS},
};

/* Whether an item is one of a list: "param", or "param.0.str" of JSON. */
static bool is_of_list(const struct qemuopts_item *item, const char *key)
{
	const char *rest = qemuargs_behind(item->key, key);

	return rest && item->value && (!*rest || *rest == '.');
}

/* All values of a list with that between them, new; NULL: it has none. */
static char *join(const struct qemuargs_value *v, const char *key, const char *between)
{
	char *all = NULL;

	for (size_t i = 0; i < v->n_items; i++) {
		if (!is_of_list(&v->items[i], key))
			continue;
		cleanup_free char *before = all;
		all = xasprintf(
			"%s%s%s", before ? before : "", before ? between : "", v->items[i].value);
	}
	return all;
}

static bool is_netdev(const struct qemuargs *args, size_t option)
{
	return strcmp(args->options[option].name, "netdev") == 0;
}

/* The MAC address of a -nic is that of the guest's device. */
static bool is_meant(const struct qemuargs *args, size_t option, const char *key)
{
	return strcmp(key, "mac") != 0 || is_netdev(args, option);
}

static const char *first_port(const char *rule)
{
	const char *slash = strrchr(rule, '/');

	return slash ? slash + 1 : rule;
}

/* "22", "2222:22", "127.0.0.1/8080:80", "8000-8010", "~22", "all": -t of passt(1). */
static void check_ports(struct qemuargs_parser *p, size_t option, const char *key)
{
	cleanup_free char *all = join(qemuargs_value(p, option), key, ",");
	char *rest = all;

	for (char *rule; (rule = strsep(&rest, ",")) != NULL;) {
		const char *port = first_port(rule);
		cleanup_free char *number = xstrndup(port, strspn(port, "0123456789"));
		qemuargs_check_port(p, option, key, number);
	}
}

void qemuargs_find_passt(struct qemuargs_parser *p, size_t option)
{
	const char *path = qemuargs_key(p, option, "path");

	/* As is_of_vhost_user() of char.c has it. */
	if (qemuopts_bool(qemuargs_value(p, option), "vhost-user", false)) {
		qemuargs_refuse(p, option, "vhost-user", NULL,
			"vhost-user=on needs a socket that QEMU has connected itself: remove it, "
			"or "
			"start passt --vhost-user --socket PATH so that the QEMU user can connect, "
			"and use -chardev socket,id=passt,path=PATH and -netdev "
			"vhost-user,chardev=passt");
		return;
	}
	qemuargs_add(p, RESOURCE_PASST, ACCESS_RO, option, path ? "path" : NULL,
		path ? path : "passt", "network");
	check_ports(p, option, "tcp-ports");
	check_ports(p, option, "udp-ports");
}

struct words {
	char **all;
	size_t n;
};

/* Takes word over. */
static void add(struct words *words, char *word)
{
	words->all = xreallocarray(words->all, words->n + 2, sizeof(char *));
	words->all[words->n++] = word;
	words->all[words->n] = NULL;
}

static void add_key(
	struct words *words, const struct qemuargs_value *v, const struct passt_key *key)
{
	bool on = qemuopts_bool(v, key->key, key->form == PASST_OFF);
	const char *value = qemuopts_get(v, key->key);
	char *list = NULL;

	switch (key->form) {
	case PASST_VALUE:
		list = value ? xstrdup(value) : NULL;
		break;
	case PASST_WORDS:
		list = join(v, key->key, " ");
		break;
	case PASST_PORTS:
		list = join(v, key->key, ",");
		break;
	case PASST_ON:
	case PASST_OFF:
		if (on == (key->form == PASST_ON))
			add(words, xstrdup(key->option));
		return;
	}
	if (!list)
		return;
	add(words, xstrdup(key->option));
	add(words, list);
}

char **qemuargs_passt_words(const struct qemuargs *args, size_t option)
{
	const struct qemuargs_value *v = args->options[option].value;
	const char *path = qemuopts_get(v, "path");
	struct words words = {0};

	add(&words, xstrdup(path ? path : "passt"));
	if (qemuopts_bool(v, "quiet", true))
		add(&words, xstrdup("--quiet"));
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (is_meant(args, option, keys[i].key))
			add_key(&words, v, &keys[i]);
	for (size_t i = 0; i < v->n_items; i++)
		if (is_of_list(&v->items[i], "param"))
			add(&words, xstrdup(v->items[i].value));
	return words.all;
}

void qemuargs_passt_socket(struct qemuargs *args, size_t option, int fd)
{
	static const char *const others[] = {"path", "quiet", "vhost-user", "param"};
	cleanup_free char *number = xasprintf("%d", fd);

	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (is_meant(args, option, keys[i].key))
			qemuargs_set(args, option, keys[i].key, NULL);
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		qemuargs_set(args, option, others[i], NULL);
	/* An address has no place in a -nic; what is said through either kind of socket is the
	 * same. */
	if (!is_netdev(args, option)) {
		qemuargs_set(args, option, "type", "socket");
		qemuargs_set(args, option, "fd", number);
		return;
	}
	qemuargs_set(args, option, "type", "stream");
	qemuargs_set_bool(args, option, "server", false);
	qemuargs_set(args, option, "addr.type", "fd");
	qemuargs_set(args, option, "addr.str", number);
}
