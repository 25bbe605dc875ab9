/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reader of QEMU's command lines finds, as text:
 *
 *   KIND ACCESS PATH | SOURCE KEY | REASON [| more of it, and of images]
 *
 * with a line per resource, "net ..." below one of the network, "with ..." for what else
 * decides how QEMU is started; or "error MESSAGE". What is not there is -.
 *
 * And files of cases, each a command line with the text that it gives. A line begins with
 *
 *   #  a comment
 *   $  the words behind QEMU's name, in quotes of either kind where they have blanks
 *   >  the path of a file of -readconfig
 *   |  a line of that file
 *   \  that line has no newline
 *   !  an edit: "set N KEY VALUE", "bool N KEY on", "unset N KEY", "remove N",
 *      "prepend NAME VALUE", "append NAME VALUE"; N is an option, KEY - none
 *
 * and what follows is the result: the resources, or if something was edited
 *
 *   +  a line of a changed file of -readconfig
 *   =  the words after the edits
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/args.h"

#include <stdio.h>
#include <string.h>

static inline void print_or_dash(FILE *out, const char *before, const char *text)
{
	fprintf(out, "%s%s", before, text ? text : "-");
}

static inline void print_net(FILE *out, const struct qemuargs_net *net)
{
	if (!net)
		return;
	print_or_dash(out, "  net ifname ", net->ifname);
	print_or_dash(out, " script ", net->script);
	print_or_dash(out, " downscript ", net->downscript);
	print_or_dash(out, " bridge ", net->bridge);
	print_or_dash(out, " helper ", net->helper);
	fprintf(out, " queues %u%s\n", net->queues, net->vnet_hdr ? " vnet_hdr" : "");
}

static inline void print_image(FILE *out, const struct qemuargs_resource *r)
{
	if (r->kind != RESOURCE_DISK && r->kind != RESOURCE_BACKING && r->kind != RESOURCE_NVRAM)
		return;
	print_or_dash(out, " | format ", r->format);
	fprintf(out, " image %zu:%s%s%s%s%s", r->image_option, r->image_key,
		r->direct ? " direct" : "", r->auto_read_only ? " auto" : "",
		r->has_backing ? " backing" : "", r->shared ? " shared" : "");
	fprintf(out, "%s%s%s", r->cdrom ? " cdrom" : "", r->has_data_file ? " data-file" : "",
		r->by_name ? " by-name" : "");
}

static inline void print_resource(FILE *out, const struct qemuargs *args, size_t i)
{
	static const char *const access[] = {"ro", "rw", "create"};
	const struct qemuargs_resource *r = &args->resources[i];

	fprintf(out, "%s %s", resource_kind_name(r->kind), access[r->access]);
	print_or_dash(out, " ", r->path);
	print_or_dash(out, " | ", r->source);
	print_or_dash(out, " ", r->key);
	print_or_dash(out, " | ", r->reason);
	print_image(out, r);
	if (r->kind == RESOURCE_FD)
		fprintf(out, "%s%s", r->by_name ? " by-name" : "",
			r->takes_set ? " takes-set" : "");
	fprintf(out, "%s%s%s%s%s%s\n", r->append ? " append" : "", r->takes_fd ? " takes-fd" : "",
		r->reconnects ? " reconnects" : "", r->is_searched ? " searched" : "",
		r->snapshot ? " snapshot" : "", r->iommufd ? " iommufd" : "");
	print_net(out, qemuargs_net(args, i));
}

static inline void print_notice(FILE *out, const struct qemuargs_notice *n)
{
	fputs(n->is_refusal ? "refused ro" : "warning ro", out);
	print_or_dash(out, " ", n->path);
	print_or_dash(out, " | ", n->source);
	print_or_dash(out, " ", n->key);
	print_or_dash(out, " | ", n->reason);
	fputc('\n', out);
}

static inline void print_qemuargs(FILE *out, const struct qemuargs *args)
{
	size_t notice = 0;

	for (size_t i = 0; i <= args->n_resources; i++) {
		for (; notice < args->n_notices && args->notices[notice].before == i; notice++)
			print_notice(out, &args->notices[notice]);
		if (i < args->n_resources)
			print_resource(out, args, i);
	}
	if (args->guest_name)
		fprintf(out, "with name %s\n", args->guest_name);
	if (args->run_as)
		fprintf(out, "with run_as %s\n", args->run_as);
	if (args->daemonize)
		fputs("with daemonize\n", out);
	if (args->exits_with_parent)
		fputs("with exit with parent\n", out);
	if (args->snapshot)
		fputs("with snapshot\n", out);
	if (args->sandbox)
		fputs("with sandbox\n", out);
	if (args->locks_memory)
		fputs("with locked memory\n", out);
	if (args->starts_programs)
		fputs("with started programs\n", out);
}

/* The words of a line, in quotes or not: a new array that ends with NULL. */
static inline char **split_words(const char *line)
{
	char **words = xcalloc(1, sizeof(char *));
	size_t n = 0;

	for (;;) {
		line += strspn(line, " ");
		if (!*line)
			return words;
		char *word = xmalloc(strlen(line) + 1), *to = word;
		for (char quote = 0; *line && (quote || *line != ' '); line++) {
			if (*line == quote)
				quote = 0;
			else if (!quote && (*line == '\'' || *line == '"'))
				quote = *line;
			else
				*to++ = *line;
		}
		*to = '\0';
		words = xreallocarray(words, n + 2, sizeof(char *));
		words[n++] = word;
		words[n] = NULL;
	}
}

static inline void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

struct qemuargs_case {
	char **words;
	char **paths, **texts; /* of -readconfig */
	size_t n_texts;
	char **edits;
	size_t n_edits;
	FILE *out;
	/* Told of each case before its result is written. */
	void (*tell)(void *context, const struct qemuargs_case *c);
	void *context;
};

static inline char *read_case_document(void *context, const char *path, char **error)
{
	const struct qemuargs_case *c = context;

	for (size_t i = 0; i < c->n_texts; i++)
		if (strcmp(c->paths[i], path) == 0)
			return xstrdup(c->texts[i]);
	*error = xasprintf("cannot reach %s", path);
	return NULL;
}

static inline char *name_case_document(void *context, const char *path, const char *text)
{
	struct qemuargs_case *c = context;

	while (*text) {
		size_t length = strcspn(text, "\n");
		fprintf(c->out, "+ %.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
	return xasprintf("CHANGED(%s)", path);
}

static inline void edit_case(struct qemuargs *args, const char *edit)
{
	char **w = split_words(edit);
	size_t n = 0;

	while (w[n])
		n++;
	const char *what = n ? w[0] : "";
	size_t option = n > 1 ? strtoul(w[1], NULL, 10) : 0;
	const char *key = n > 2 && strcmp(w[2], "-") != 0 ? w[2] : NULL;
	if (strcmp(what, "set") == 0 && n == 4)
		qemuargs_set(args, option, key, w[3]);
	else if (strcmp(what, "bool") == 0 && n == 4)
		qemuargs_set_bool(args, option, key, strcmp(w[3], "on") == 0);
	else if (strcmp(what, "unset") == 0 && n == 3)
		qemuargs_set(args, option, key, NULL);
	else if (strcmp(what, "remove") == 0 && n == 2)
		qemuargs_remove(args, option);
	else if (strcmp(what, "prepend") == 0 && n == 3)
		qemuargs_prepend(args, w[1], w[2]);
	else if (strcmp(what, "append") == 0 && n == 3)
		qemuargs_append(args, w[1], w[2]);
	else
		die("no such edit: %s", edit);
	free_words(w);
}

static inline void run_case(struct qemuargs_case *c)
{
	cleanup_free char *error = NULL;
	struct qemuargs *args;

	if (!c->words)
		return;
	if (c->tell)
		c->tell(c->context, c);
	args = qemuargs_parse(c->words, read_case_document, c, &error);
	if (!args) {
		fprintf(c->out, "error %s\n", error);
	} else if (c->n_edits == 0) {
		print_qemuargs(c->out, args);
	} else {
		for (size_t i = 0; i < c->n_edits; i++)
			edit_case(args, c->edits[i]);
		char **words = qemuargs_words(args, name_case_document, c);
		fputc('=', c->out);
		for (char **w = words; *w; w++)
			fprintf(c->out, strpbrk(*w, " ") || !**w ? " '%s'" : " %s", *w);
		fputc('\n', c->out);
		free_words(words);
	}
	qemuargs_free(args);
	free_words(c->words);
	for (size_t i = 0; i < c->n_texts; i++) {
		free(c->paths[i]);
		free(c->texts[i]);
	}
	for (size_t i = 0; i < c->n_edits; i++)
		free(c->edits[i]);
	free(c->paths);
	free(c->texts);
	free(c->edits);
	*c = (struct qemuargs_case){.out = c->out, .tell = c->tell, .context = c->context};
}

static inline void add_document_line(struct qemuargs_case *c, const char *line)
{
	char **text = &c->texts[c->n_texts - 1];
	char *longer = xasprintf("%s%s\n", *text, line);

	free(*text);
	*text = longer;
}

static inline void end_without_newline(struct qemuargs_case *c)
{
	char *text = c->n_texts ? c->texts[c->n_texts - 1] : NULL;

	if (text && *text)
		text[strlen(text) - 1] = '\0';
}

static inline void take_case_line(struct qemuargs_case *c, const char *line)
{
	const char *rest = line[0] && line[1] ? line + 2 : "";

	switch (*line) {
	case '$':
		run_case(c);
		c->words = split_words(rest);
		break;
	case '>':
		c->paths = xreallocarray(c->paths, c->n_texts + 1, sizeof(char *));
		c->texts = xreallocarray(c->texts, c->n_texts + 1, sizeof(char *));
		c->paths[c->n_texts] = xstrdup(rest);
		c->texts[c->n_texts++] = xstrdup("");
		break;
	case '|':
		if (c->n_texts)
			add_document_line(c, rest);
		break;
	case '\\':
		end_without_newline(c);
		break;
	case '!':
		c->edits = xreallocarray(c->edits, c->n_edits + 1, sizeof(char *));
		c->edits[c->n_edits++] = xstrdup(rest);
		break;
	case '#':
	case '\0':
		run_case(c);
		break;
	default:
		/* A result of before. */
		return;
	}
	fprintf(c->out, "%s\n", line);
}

/* A file of cases, with the results as they are now: new. tell may be NULL. */
static inline char *run_cases(
	const char *text, void (*tell)(void *context, const struct qemuargs_case *c), void *context)
{
	struct qemuargs_case c = {.tell = tell, .context = context};
	char *result = NULL;
	size_t size;

	c.out = open_memstream(&result, &size);
	if (!c.out)
		die("out of memory");
	while (*text) {
		size_t length = strcspn(text, "\n");
		cleanup_free char *line = xstrndup(text, length);
		take_case_line(&c, line);
		text += length + (text[length] == '\n');
	}
	run_case(&c);
	if (fclose(c.out) != 0)
		die("out of memory");
	return result;
}
