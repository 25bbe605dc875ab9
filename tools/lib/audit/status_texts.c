/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/status_texts.h"

#include "base/array.h"
#include "base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* More than these, and it is kept whole; so many of the last whole ones are compared with. */
#define MAX_DIFFERENCES 64
#define MAX_COMPARED 16

struct status_difference {
	uint32_t at;
	char byte;
};

/* Fields that threads differ in; the first two of them are judged. */
static const char *const own_fields[] = {
	"Pid:", "NSpid:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"};
enum { N_OWN = N_ELEMENTS(own_fields), N_JUDGED = 2 };

struct status_whole {
	char *text;
	size_t length;
	/* Where their lines begin, their values, and where both end; all 0: there is none. */
	struct {
		size_t line, value, end;
	} own[N_OWN];
};

static void add_whole(struct status_texts *texts, const char *text, size_t length)
{
	struct status_whole whole = {.text = xmalloc(length + 1), .length = length};

	memcpy(whole.text, text, length);
	whole.text[length] = '\0';
	for (const char *line = whole.text; *line;) {
		size_t end = strcspn(line, "\n"), at = (size_t)(line - whole.text);
		for (size_t i = 0; i < N_OWN; i++) {
			size_t name = strlen(own_fields[i]);
			if (strncmp(line, own_fields[i], name) != 0)
				continue;
			whole.own[i].line = at;
			whole.own[i].value = at + name;
			whole.own[i].end = at + end;
		}
		line += end;
		line += *line == '\n';
	}
	ARRAY_GROW(texts->wholes, texts->n_wholes);
	texts->wholes[texts->n_wholes++] = whole;
}

static bool is_own(const struct status_whole *whole, size_t at)
{
	for (size_t i = 0; i < N_OWN; i++)
		if (at >= whole->own[i].value && at < whole->own[i].end)
			return true;
	return false;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Where the texts differ next, from there on; length: nowhere. */
static size_t next_difference(const char *a, const char *b, size_t at, size_t length)
{
	uint64_t x, y;

	for (; at + sizeof x <= length; at += sizeof x) {
		memcpy(&x, a + at, sizeof x);
		memcpy(&y, b + at, sizeof y);
		if (x != y)
			break;
	}
	while (at < length && a[at] == b[at])
		at++;
	return at;
}

/* Adds what differs. False, and nothing is added, where that is too much. */
static bool add_differences(struct status_texts *texts, const struct status_whole *whole,
	const char *text, bool *is_alike)
{
	size_t before = texts->n_differences, length = whole->length;

	*is_alike = true;
	for (size_t at = next_difference(whole->text, text, 0, length); at < length;
		at = next_difference(whole->text, text, at + 1, length)) {
		if (texts->n_differences - before == MAX_DIFFERENCES) {
			texts->n_differences = before;
			return false;
		}
		ARRAY_GROW(texts->differences, texts->n_differences);
		texts->differences[texts->n_differences++] =
			(struct status_difference){(uint32_t)at, text[at]};
		*is_alike = *is_alike && is_own(whole, at) && is_digit(text[at]) &&
			    is_digit(whole->text[at]);
	}
	return true;
}

struct status_text status_texts_keep(
	struct status_texts *texts, const char *text, size_t length, bool *is_alike)
{
	size_t first = texts->n_differences;

	for (size_t i = texts->n_wholes; i-- > 0 && i + MAX_COMPARED >= texts->n_wholes;) {
		const struct status_whole *whole = &texts->wholes[i];
		if (whole->length == length && add_differences(texts, whole, text, is_alike))
			return (struct status_text){i, first, texts->n_differences - first};
	}
	*is_alike = false;
	add_whole(texts, text, length);
	return (struct status_text){texts->n_wholes - 1, first, 0};
}

bool status_texts_own(const struct status_texts *texts, const struct status_text *kept,
	const char *text, char *out, size_t room)
{
	const struct status_whole *whole = &texts->wholes[kept->whole];
	size_t used = 0;

	for (size_t i = 0; i < N_JUDGED; i++) {
		size_t length = whole->own[i].end - whole->own[i].line;
		if (!whole->own[i].end)
			continue;
		if (used + length + 2 > room)
			return false;
		memcpy(out + used, text + whole->own[i].line, length);
		used += length;
		out[used++] = '\n';
	}
	out[used] = '\0';
	return true;
}

bool status_texts_is(const struct status_texts *texts, const struct status_text *kept,
	const char *text, size_t length)
{
	const struct status_whole *whole = &texts->wholes[kept->whole];
	size_t at = 0;

	if (length != whole->length)
		return false;
	for (size_t i = kept->first; i < kept->first + kept->n; i++) {
		const struct status_difference *difference = &texts->differences[i];
		if (memcmp(text + at, whole->text + at, difference->at - at) != 0 ||
			text[difference->at] != difference->byte)
			return false;
		at = difference->at + 1;
	}
	return memcmp(text + at, whole->text + at, length - at) == 0;
}

void status_texts_free(struct status_texts *texts)
{
	for (size_t i = 0; i < texts->n_wholes; i++)
		free(texts->wholes[i].text);
	free(texts->wholes);
	free(texts->differences);
	*texts = (struct status_texts){0};
}
