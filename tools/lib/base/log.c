/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "virt-privileges";
static int die_exit_status = 1;
static bool is_verbose;

void log_init(const char *program, int failure_status)
{
	program_name = program;
	die_exit_status = failure_status;
}

void log_set_verbose(bool verbose)
{
	is_verbose = verbose;
}

char *log_escape(const char *text)
{
	char *out = xreallocarray(NULL, strlen(text) + 1, strlen("\\xNN"));
	char *p = out;

	while (*text) {
		size_t n = text_utf8_length(text);
		if (n > 0 && !text_is_control(text)) {
			p = mempcpy(p, text, n);
			text += n;
		} else {
			p += sprintf(p, "\\x%02x", (unsigned char)*text++);
		}
	}
	*p = '\0';
	return out;
}

static struct {
	pid_t by; /* who keeps them; a child of his says its own at once */
	char *text;
	size_t length;
} kept;

void log_keep(void)
{
	kept.by = getpid();
}

void log_say_kept(void)
{
	cleanup_free char *text = kept.text;
	bool is_ours = kept.by == getpid();

	kept.by = 0;
	kept.text = NULL;
	kept.length = 0;
	if (text && is_ours)
		fputs(text, stderr);
}

/* text: new; freed here. */
static void say(char *text)
{
	cleanup_free char *line = text;

	if (kept.by == 0 || kept.by != getpid()) {
		fputs(line, stderr);
	} else {
		size_t length = strlen(line);
		kept.text = xreallocarray(kept.text, kept.length + length + 1, 1);
		memcpy(kept.text + kept.length, line, length + 1);
		kept.length += length;
	}
}

__attribute__((format(printf, 2, 0))) static void print_message(
	const char *kind, const char *format, va_list ap, int saved_errno)
{
	cleanup_free char *message = NULL;
	cleanup_free char *safe = NULL;

	if (vasprintf(&message, format, ap) < 0) {
		/* Out of memory: the bare format still says what was attempted. */
		fprintf(stderr, "%s: %s%s\n", program_name, kind, format);
		return;
	}
	safe = log_escape(message);
	if (saved_errno)
		say(xasprintf("%s: %s%s: %s\n", program_name, kind, safe, strerror(saved_errno)));
	else
		say(xasprintf("%s: %s%s\n", program_name, kind, safe));
}

#define PRINT(kind, saved_errno)                                                                   \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, format);                                                             \
		print_message(kind, format, ap_, saved_errno);                                     \
		va_end(ap_);                                                                       \
	} while (0)

void die(const char *format, ...)
{
	PRINT("", 0);
	exit(die_exit_status);
}

void die_errno(const char *format, ...)
{
	int saved_errno = errno;
	PRINT("", saved_errno);
	exit(die_exit_status);
}

void die_status(int status, const char *format, ...)
{
	PRINT("", 0);
	exit(status);
}

void log_error(const char *format, ...)
{
	PRINT("", 0);
}

void warn(const char *format, ...)
{
	PRINT("warning: ", 0);
}

void warn_errno(const char *format, ...)
{
	int saved_errno = errno;
	PRINT("warning: ", saved_errno);
}

void info(const char *format, ...)
{
	if (is_verbose)
		PRINT("", 0);
}

void die_out_of_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", program_name);
	exit(die_exit_status);
}

void *xmalloc(size_t size)
{
	return xreallocarray(NULL, 1, size);
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		die_out_of_memory();
	return p;
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);
	if (!p)
		die_out_of_memory();
	return p;
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t length)
{
	char *p = strndup(text, length);
	if (!p)
		die_out_of_memory();
	return p;
}

char *xvasprintf(const char *format, va_list ap)
{
	char *p;

	if (vasprintf(&p, format, ap) < 0)
		die_out_of_memory();
	return p;
}

char *xasprintf(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	char *p = xvasprintf(format, ap);
	va_end(ap);
	return p;
}
