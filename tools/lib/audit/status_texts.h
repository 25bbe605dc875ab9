/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Status files of threads, kept to be compared with a second reading. Those of a process differ
 * by some digits: one is kept whole, and of the others what differs. Private to audit/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct status_whole;
struct status_difference;

struct status_texts {
	struct status_whole *wholes;
	size_t n_wholes;
	struct status_difference *differences;
	size_t n_differences;
};

/* A text: a whole one, but for n differences. */
struct status_text {
	size_t whole, first, n;
};

/*
 * Keeps a text that ends with a NUL behind its length bytes. *is_alike says whether it differs from
 * a whole one by nothing but the digits of Pid, NSpid and the counters of context switches.
 */
struct status_text status_texts_keep(
	struct status_texts *texts, const char *text, size_t length, bool *is_alike);

/*
 * The lines Pid and NSpid, which such a text differs in, of those that are there. False: there is
 * no room for them.
 */
bool status_texts_own(const struct status_texts *texts, const struct status_text *kept,
	const char *text, char *out, size_t room);

/* Whether this is the text. */
bool status_texts_is(const struct status_texts *texts, const struct status_text *kept,
	const char *text, size_t length);

void status_texts_free(struct status_texts *texts);
