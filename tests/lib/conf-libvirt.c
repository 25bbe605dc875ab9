/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf-libvirt FILE...          each file, as it is
 * conf-libvirt --mutate N SEED FILE...
 *
 * Has libvirt's own parser and ours read the same text (with --mutate, N texts
 * made of the files' bytes and of the grammar's) and fails at the first one on
 * which they differ: one accepts what the other refuses, or a key, its order
 * or its value is not the same.
 *
 * libvirt.so.0 exports its parser to libvirt's daemons, outside of its public
 * headers; the declarations here are facts of its src/util/virconf.h.
 *
 * What ours may refuse and libvirt takes: see is_stricter(). What ours may
 * take: a file of nothing but white space, and """""" as the last bytes.
 */
#include "conf-text.h"

#include <dlfcn.h>
#include <stdint.h>

enum { VIR_LLONG = 1, VIR_ULLONG, VIR_STRING, VIR_LIST };

struct vir_value {
	int type;
	struct vir_value *next;
	long long integer;
	char *string;
	struct vir_value *list;
};

typedef int walk_function(const char *, struct vir_value *, void *);
static void *(*vir_read)(const char *text, unsigned flags);
static int (*vir_walk)(void *conf, walk_function *, void *);
static int (*vir_free)(void *conf);

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);
	if (!found)
		die("libvirt.so.0 has no %s: %s", name, dlerror());
	return found;
}

static void be_silent(void *data, void *error)
{
	(void)data, (void)error;
}

static void load_libvirt(void)
{
	void *library = dlopen("libvirt.so.0", RTLD_NOW);
	if (!library)
		die("%s", dlerror());
	vir_read = symbol(library, "virConfReadString");
	vir_walk = symbol(library, "virConfWalk");
	vir_free = symbol(library, "virConfFree");
	int (*initialize)(void) = symbol(library, "virInitialize");
	if (initialize() < 0)
		die("libvirt.so.0 does not start");
	void (*set_error_function)(void *, void (*)(void *, void *)) =
		symbol(library, "virSetErrorFunc");
	set_error_function(NULL, be_silent);
}

static bool is_same_value(const struct conf_value *ours, const struct vir_value *theirs)
{
	const struct vir_value *item = theirs->list;

	switch (ours->type) {
	case CONF_INTEGER:
		return (theirs->type == VIR_LLONG || theirs->type == VIR_ULLONG) &&
		       theirs->integer == ours->integer;
	case CONF_STRING:
		return theirs->type == VIR_STRING && strcmp(theirs->string, ours->string) == 0;
	case CONF_LIST:
		for (size_t i = 0; i < ours->n_items; i++, item = item->next)
			if (!item || !is_same_value(&ours->items[i], item))
				return false;
		return theirs->type == VIR_LIST && !item;
	}
	return false;
}

struct comparison {
	const struct conf *conf;
	size_t n;
	bool same;
};

static int compare_entry(const char *key, struct vir_value *value, void *data)
{
	struct comparison *c = data;

	if (c->n >= c->conf->n_entries || strcmp(c->conf->entries[c->n].key, key) != 0 ||
		!is_same_value(&c->conf->entries[c->n].value, value))
		c->same = false;
	c->n++;
	return 0;
}

/* conf.h lists what ours alone refuses; a NUL byte can't come up here. */
static bool is_stricter(const char *error)
{
	return strstr(error, "an integer from") || strstr(error, "lists are open");
}

static bool is_laxer(const char *text, size_t length)
{
	return text[strspn(text, " \t\r\n")] == '\0' ||
	       (length >= 6 && strcmp(text + length - 6, "\"\"\"\"\"\"") == 0);
}

static const char *difference(
	const char *text, const struct conf *ours, const char *error, void *theirs)
{
	struct comparison c = {ours, 0, true};

	if (!ours && theirs)
		return is_stricter(error) ? NULL : "libvirt accepts this, we do not";
	if (ours && !theirs)
		return is_laxer(text, strlen(text)) ? NULL : "we accept this, libvirt does not";
	if (!ours)
		return NULL;
	vir_walk(theirs, compare_entry, &c);
	return c.same && c.n == ours->n_entries ? NULL : "the values differ";
}

static unsigned long accepted;

static void compare(const char *name, const char *text)
{
	cleanup_free char *error = NULL;
	struct conf *ours = conf_parse(name, text, strlen(text), &error);
	void *theirs = vir_read(text, 0);
	const char *what = difference(text, ours, error, theirs);

	if (what)
		die("%s: %s%s%s:\n%s", name, what, error ? ": " : "", error ? error : "", text);
	accepted += ours != NULL;
	conf_free(ours);
	if (theirs)
		vir_free(theirs);
}

static uint64_t random_state;

/* xorshift64: the same numbers for the same seed on every C library. */
static size_t random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % limit);
}

/* Some lines of the file, with bytes removed, replaced and put in. */
static char *mutate(const char *text, size_t length)
{
	static const char alphabet[] = "=[],;#\"\"\"''\n\n\r\t +-09aZ_.\\\x80\x1f";
	size_t begin = random_below(length);
	size_t size = random_below(400);

	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	if (size > length - begin)
		size = length - begin;
	char *out = xmalloc(2 * size + 1);
	size_t n = 0;

	for (size_t i = begin; i < begin + size; i++) {
		size_t dice = random_below(60);
		if (dice != 0)
			out[n++] = text[i];
		if (dice <= 1)
			out[n++] = alphabet[random_below(sizeof(alphabet) - 1)];
	}
	out[n] = '\0';
	return out;
}

int main(int argc, char **argv)
{
	unsigned long rounds = 0;
	int file = 1;

	log_init("conf-libvirt", 1);
	load_libvirt();
	if (argc > 3 && strcmp(argv[1], "--mutate") == 0) {
		rounds = strtoul(argv[2], NULL, 10);
		random_state = strtoull(argv[3], NULL, 10);
		file = 4;
	}
	for (; file < argc; file++) {
		size_t length;
		cleanup_free char *bytes = read_bytes(argv[file], &length);
		cleanup_free char *text = xstrndup(bytes, length);
		if (rounds == 0)
			compare(argv[file], text);
		for (unsigned long i = 0; *text && i < rounds; i++) {
			cleanup_free char *mutant = mutate(text, strlen(text));
			compare(argv[file], mutant);
		}
	}
	printf("%lu texts accepted by both\n", accepted);
	return 0;
}
