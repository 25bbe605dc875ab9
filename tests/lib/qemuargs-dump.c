/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *   qemuargs-dump WORD...              what a command line (behind QEMU's name) names
 *   qemuargs-dump --documents WORD...  the same, with its files of -readconfig read
 *   qemuargs-dump --lines              of each line of standard input, whose words end with \1,
 *                                      behind a line "line N"
 *   qemuargs-dump --cases              standard input, a file of cases, with its results as
 *                                      they are now
 *   qemuargs-dump --time               how many lines, as --lines takes them, are read a second
 *
 * in the words of qemuargs-text.h.
 */
#include "qemuargs-text.h"

#include <time.h>
#include <unistd.h>

static char *read_nothing(void *context, const char *path, char **error)
{
	(void)context;
	*error = xasprintf("%s is not read here", path);
	return NULL;
}

static char *read_document(void *context, const char *path, char **error)
{
	cleanup_file FILE *in = fopen(path, "re");
	char *text = xcalloc(1, 65536);

	(void)context;
	if (in && fread(text, 1, 65535, in) > 0)
		return text;
	*error = xasprintf("cannot read %s", path);
	free(text);
	return NULL;
}

static char *read_input(void)
{
	size_t length = 0;
	char *text = xcalloc(1, 1);
	ssize_t n;

	do {
		text = xreallocarray(text, length + 65537, 1);
		n = read(0, text + length, 65536);
		length += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[length] = '\0';
	return text;
}

/* Prints one command line. */
static bool dump(char *const *words, qemuargs_reader *read, bool quiet)
{
	cleanup_free char *error = NULL;
	struct qemuargs *args = qemuargs_parse(words, read, NULL, &error);

	if (!args)
		printf("error %s\n", error);
	else if (!quiet)
		print_qemuargs(stdout, args);
	qemuargs_free(args);
	return args != NULL;
}

static bool dump_lines(char *text, bool quiet)
{
	bool good = true;
	unsigned number = 0;

	for (char *line; (line = strsep(&text, "\n")) != NULL && text;) {
		char *words[4096];
		size_t n = 0;
		for (char *word; (word = strsep(&line, "\1")) != NULL && line && n < 4095;)
			words[n++] = word;
		words[n] = NULL;
		if (!quiet)
			printf("line %u\n", ++number);
		good = dump(words, read_nothing, quiet) && good;
	}
	return good;
}

static void time_lines(const char *text)
{
	struct timespec begin, end;
	size_t lines = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 20; i++) {
		cleanup_free char *copy = xstrdup(text);
		dump_lines(copy, true);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	double seconds =
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("%zu command lines, %.0f a second\n", lines, 20.0 * (double)lines / seconds);
}

int main(int argc, char **argv)
{
	log_init("qemuargs-dump", 2);
	if (argc == 2 && strcmp(argv[1], "--lines") == 0) {
		cleanup_free char *text = read_input();
		return dump_lines(text, false) ? 0 : 1;
	}
	if (argc == 2 && strcmp(argv[1], "--time") == 0) {
		cleanup_free char *text = read_input();
		time_lines(text);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--cases") == 0) {
		cleanup_free char *text = read_input();
		cleanup_free char *result = run_cases(text, NULL, NULL);
		fputs(result, stdout);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "--documents") == 0)
		return dump(argv + 2, read_document, false) ? 0 : 1;
	return dump(argv + 1, read_nothing, false) ? 0 : 1;
}
