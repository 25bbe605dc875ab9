/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parsers NAME FILE TIMES: reads FILE, and gives its text to a parser as often: NAME is
 * conf, domain, qemuargs (a word on a line), journal or status. A text that it does not
 * take ends the program. For instruction counts: see tests/bench/baseline.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc.h"
#include "claims/domain_xml.h"
#include "claims/journal.h"
#include "claims/journal_parse.h"
#include "conf/settings.h"
#include "qemu/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[1 << 16];
static size_t length;
static char *words[1024];

static void require(bool taken, const char *error)
{
	if (!taken)
		die("the input is not taken: %s", error ? error : "no reason");
}

static char *read_nothing(void *context, const char *path, char **error)
{
	(void)context;
	*error = xasprintf("cannot read %s", path);
	return NULL;
}

static void parse_conf(void)
{
	cleanup_free char *error = NULL;
	struct settings settings;

	require(settings_from_text(&settings, "qemu.conf", text, length, &error), error);
	settings_free(&settings);
}

static void parse_domain(void)
{
	cleanup_free char *error = NULL;
	struct domain *domain = domain_parse("domain.xml", text, length, &error);

	require(domain, error);
	domain_free(domain);
}

static void parse_qemuargs(void)
{
	cleanup_free char *error = NULL;
	struct qemuargs *args = qemuargs_parse(words, read_nothing, NULL, &error);

	require(args, error);
	qemuargs_free(args);
}

static void parse_journal(void)
{
	cleanup_free char *error = NULL;
	struct journal *journal = journal_parse("bench", text, length, &error);

	require(journal, error);
	journal_free(journal);
}

static void parse_status(void)
{
	cleanup_free char *error = NULL;
	struct proc_status status;
	struct proc_details details;

	require(proc_status_parse(text, &status, &error), error);
	require(proc_details_parse(text, &details, &error), error);
	proc_status_free(&status);
}

static const struct {
	const char *name;
	void (*parse)(void);
} parsers[] = {
	{"conf", parse_conf},
	{"domain", parse_domain},
	{"qemuargs", parse_qemuargs},
	{"journal", parse_journal},
	{"status", parse_status},
};

static void read_input(const char *path)
{
	cleanup_file FILE *file = fopen(path, "re");

	if (!file)
		die_errno("cannot open %s", path);
	length = fread(text, 1, sizeof text - 1, file);
	if (ferror(file) || !feof(file))
		die("cannot read all of %s", path);
}

/* The lines of a copy of the text. */
static void split_input(char *copy)
{
	size_t n = 0;

	for (char *word; (word = strsep(&copy, "\n")) != NULL && copy;) {
		if (n + 1 == sizeof words / sizeof words[0])
			die("too many words");
		words[n++] = word;
	}
}

int main(int argc, char **argv)
{
	log_init("parsers", 2);
	if (argc != 4)
		die("usage: parsers NAME FILE TIMES");
	read_input(argv[2]);
	cleanup_free char *copy = xstrdup(text);
	split_input(copy);
	for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++) {
		if (strcmp(parsers[i].name, argv[1]) != 0)
			continue;
		for (int times = atoi(argv[3]); times > 0; times--)
			parsers[i].parse();
		return 0;
	}
	die("no such parser: %s", argv[1]);
}
