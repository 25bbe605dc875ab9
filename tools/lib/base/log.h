/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors, warnings and records, in one voice.
 *
 * A message names the object, what was attempted, why it failed and, where
 * there is one, the command that helps. Bytes that could steer a terminal are
 * printed as \xNN, since file names and settings can be hostile.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Sets the name that starts every message and the exit status of die().
 * program must stay valid; it is usually a string literal. To be called first.
 */
void log_init(const char *program, int failure_status);

/* info() prints only after log_set_verbose(true), which is what -v does. */
void log_set_verbose(bool verbose);

/*
 * Prints "program: message" to standard error and exits with the failure
 * status. A privilege drop that half worked is never recovered from.
 */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As die(), with ": " and the text of errno behind the message. */
_Noreturn void die_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As die(), with another exit status: 126 and 127 of a chain-loader. */
_Noreturn void die_status(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As die(), but the program goes on, to end it later: one of several errors. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));
void info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * From log_keep() on, messages are kept until log_say_kept(): while a lock is held that others wait
 * for. QEMU has the same terminal, and can stop it (tcflow(3)), or can fill a pipe whose reader
 * pauses: who says something there waits with it. A child of the process that keeps them says its
 * own at once.
 */
void log_keep(void);
void log_say_kept(void);

/*
 * A copy of text in which control characters, and bytes that are not valid
 * UTF-8, stand as \xNN: fit for a terminal and a log. The caller frees it.
 */
char *log_escape(const char *text);

/*
 * malloc family that ends the program when memory is out: there is nothing
 * useful that a tool of this package could do next.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));

/* What these say, for other libraries' lack of memory. */
_Noreturn void die_out_of_memory(void);
