/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files of -readconfig: see opts.h. */
#include "base/array.h"
#include "qemu/opts.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

/* qemu_config_foreach() reads lines into 1024 bytes, and would split a longer one. */
#define MAX_LINE 1023
#define GROUP_SIZE 64

struct reader {
	const struct qemuopts_document *document;
	struct qemuargs_value *value; /* the section that is being read */
	char group[GROUP_SIZE];
	unsigned line, section_line;
	qemuopts_section *found;
	void *context;
	char **error;
};

static void add(struct reader *r, const char *key, const char *value, size_t begin, size_t end)
{
	struct qemuargs_value *v = r->value;

	ARRAY_GROW(v->items, v->n_items);
	v->items[v->n_items++] = (struct qemuopts_item){
		.key = xstrdup(key),
		.value = xstrdup(value),
		.raw = begin < end ? xstrndup(r->document->text + begin, end - begin) : NULL,
		.begin = begin,
		.end = end,
	};
}

static void finish_section(struct reader *r)
{
	if (r->value)
		r->found(r->context, r->group, r->section_line, steal_pointer(&r->value));
}

/* [group "id"] or [group], with what sscanf() makes of it. */
static bool read_header(struct reader *r, const char *line, size_t begin, size_t end)
{
	char group[GROUP_SIZE], id[GROUP_SIZE];
	int n = sscanf(line, "[%63s \"%63[^\"]\"]", group, id);

	if (n != 2 && sscanf(line, "[%63[^]]]", group) != 1)
		return false;
	finish_section(r);
	memcpy(r->group, group, sizeof(group));
	r->section_line = r->line;
	r->value = xcalloc(1, sizeof(*r->value));
	r->value->form = QEMUARGS_SECTION;
	r->value->text = xstrdup("");
	r->value->prefix = xstrdup("");
	r->value->document = r->document;
	r->value->target = (size_t)-1;
	r->value->header_begin = begin;
	r->value->header_end = end;
	if (n == 2)
		add(r, "id", id, end, end);
	return true;
}

static bool fail(struct reader *r, const char *what)
{
	*r->error = xasprintf("%s:%u: %s", r->document->path, r->line, what);
	return false;
}

static bool read_pair(struct reader *r, const char *line, size_t begin, size_t end)
{
	char key[GROUP_SIZE], value[MAX_LINE + 1] = "";

	if (sscanf(line, " %63s = \"%1023[^\"]\"", key, value) != 2 &&
		sscanf(line, " %63s = \"\"", key) != 1)
		return fail(r, "expected [group], [group \"id\"] or key = \"value\"");
	if (!r->value)
		return fail(r, "key outside of a [group]");
	add(r, key, value, begin, end);
	return true;
}

static bool read_line(struct reader *r, size_t begin, size_t end)
{
	const char *text = r->document->text + begin;
	size_t length = end - begin;

	if (length > MAX_LINE)
		return fail(r, "line longer than 1023 bytes, which QEMU would split");
	if (*text == '\n' || *text == '#')
		return true;
	cleanup_free char *line = xstrndup(text, length);
	return (*line == '[' && read_header(r, line, begin, end)) || read_pair(r, line, begin, end);
}

bool qemuopts_sections(const struct qemuopts_document *document, qemuopts_section *found,
	void *context, char **error)
{
	struct reader r = {
		.document = document, .found = found, .context = context, .error = error};
	size_t end;

	for (size_t begin = 0; document->text[begin]; begin = end) {
		end = begin + strcspn(document->text + begin, "\n");
		end += document->text[end] == '\n';
		r.line++;
		if (!read_line(&r, begin, end)) {
			qemuopts_free(r.value);
			return false;
		}
	}
	finish_section(&r);
	return true;
}

static void copy(FILE *out, const struct qemuopts_document *document, size_t begin, size_t end)
{
	fwrite(document->text + begin, 1, end - begin, out);
	/* A last line without its newline must not swallow what follows it. */
	if (end > begin && document->text[end - 1] != '\n')
		fputc('\n', out);
}

/* Which item, if any is left of it, stands on the line that begins there. */
static const struct qemuopts_item *item_at(const struct qemuargs_value *v, size_t begin)
{
	for (size_t i = 0; i < v->n_items; i++)
		if (v->items[i].end > v->items[i].begin && v->items[i].begin == begin)
			return &v->items[i];
	return NULL;
}

static void write_item(FILE *out, const struct qemuopts_item *item)
{
	fprintf(out, "  %s = \"%s\"\n", item->key, item->value);
}

static bool is_pair(const char *line)
{
	return *line != '\n' && *line != '#';
}

/* The lines of a section behind its header, up to end. */
static void write_body(FILE *out, const struct qemuargs_value *v, size_t end)
{
	const struct qemuopts_document *document = v->document;
	size_t next;

	for (size_t begin = v->header_end; begin < end; begin = next) {
		next = begin + strcspn(document->text + begin, "\n");
		next += document->text[next] == '\n';
		const struct qemuopts_item *item = v->removed ? NULL : item_at(v, begin);
		if (item && !item->raw)
			write_item(out, item);
		else if (item || !is_pair(document->text + begin))
			copy(out, document, begin, next);
	}
}

static void write_section(FILE *out, const struct qemuargs_value *v, size_t end)
{
	if (!v->changed && !v->removed) {
		fwrite(v->document->text + v->header_begin, 1, end - v->header_begin, out);
		return;
	}
	if (!v->removed) {
		copy(out, v->document, v->header_begin, v->header_end);
		/* What is new stands first, so that comments stay with what they are about. */
		for (size_t i = 0; i < v->n_items; i++)
			if (v->items[i].end == v->items[i].begin &&
				strcmp(v->items[i].key, "id") != 0)
				write_item(out, &v->items[i]);
	}
	write_body(out, v, end);
}

char *qemuopts_render_document(
	const struct qemuopts_document *document, struct qemuargs_value *const *values, size_t n)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		die_out_of_memory();
	fwrite(document->text, 1, n ? values[0]->header_begin : strlen(document->text), out);
	for (size_t i = 0; i < n; i++)
		write_section(out, values[i],
			i + 1 < n ? values[i + 1]->header_begin : strlen(document->text));
	if (fclose(out) != 0)
		die_out_of_memory();
	return text;
}
