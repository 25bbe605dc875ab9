/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_parse.h"

#include "base/cleanup.h"
#include "base/intern.h"
#include "base/log.h"
#include "claims/journal_format.h"
#include "claims/journal_text.h"
#include "claims/ownable_record.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

struct reader {
	const char *file;
	const char *p, *end;
	unsigned line;
	char *text;	   /* the current line, in place of the one before */
	size_t size;	   /* room for it */
	char *key, *value; /* its parts */
	char **error;
};

static bool bad(struct reader *r, const char *what)
{
	free(*r->error);
	*r->error = xasprintf("%s:%u: %s", r->file, r->line, what);
	return false;
}

/* The next line, split at its first blank. False at the end of the text, or when it is cut. */
static bool next_line(struct reader *r)
{
	const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));

	r->key = r->value = NULL;
	r->line++;
	if (!newline)
		return bad(r, "the file ends early");
	size_t length = (size_t)(newline - r->p);
	if (memchr(r->p, '\0', length))
		return bad(r, "a NUL byte");
	if (length >= r->size) {
		r->size = 2 * length + 128;
		r->text = xreallocarray(r->text, r->size, 1);
	}
	memcpy(r->text, r->p, length);
	r->text[length] = '\0';
	r->p = newline + 1;
	char *blank = memchr(r->text, ' ', length);
	r->key = r->text;
	r->value = blank ? blank + 1 : r->text + length;
	if (blank)
		*blank = '\0';
	return true;
}

static bool pair(const char *p, uid_t *uid, gid_t *gid)
{
	unsigned long long a, b;

	if (!journal_text_number(&p, UINT_MAX - 1, &a) || *p++ != ':' ||
		!journal_text_number(&p, UINT_MAX - 1, &b) || *p)
		return false;
	*uid = (uid_t)a;
	*gid = (gid_t)b;
	return true;
}

static bool handle(const char *p, struct fileid *id)
{
	unsigned long long type;
	unsigned n = 0;

	if (!journal_text_number(&p, INT_MAX, &type) || *p++ != ':')
		return false;
	for (; journal_text_digit(p[0]) >= 0 && journal_text_digit(p[1]) >= 0 &&
		n < FILEID_HANDLE_MAX;
		p += 2)
		id->handle[n++] = (unsigned char)((unsigned)journal_text_digit(p[0]) << 4 |
						  (unsigned)journal_text_digit(p[1]));
	id->handle_type = (int)type;
	id->handle_size = n;
	return n > 0 && !*p;
}

static bool born(const char *p, struct fileid *id)
{
	unsigned long long seconds, nanoseconds;

	if (!journal_text_number(&p, INT64_MAX, &seconds) || *p++ != '.' ||
		!journal_text_number(&p, 999999999, &nanoseconds) || *p)
		return false;
	id->born = (int64_t)seconds;
	id->born_nsec = (uint32_t)nanoseconds;
	return true;
}

static bool device_number(const char **p, dev_t *dev)
{
	unsigned long long a, b;

	if (!journal_text_number(p, UINT_MAX, &a) || *(*p)++ != ':' ||
		!journal_text_number(p, UINT_MAX, &b))
		return false;
	*dev = makedev((unsigned)a, (unsigned)b);
	return true;
}

static bool filesystem(const char *value, const char **out)
{
	cleanup_free char *id = xstrdup(value);

	if (!journal_text_unescape(id) || !fsid_is_valid(id))
		return false;
	*out = intern(id);
	return true;
}

static bool device(const char *p, struct disk *disk)
{
	return device_number(&p, &disk->dev) && *p++ == ' ' &&
	       journal_text_number(&p, ULLONG_MAX, &disk->sequence) && !*p && disk->dev != 0;
}

static bool disk_name(const char *value, const char **out)
{
	cleanup_free char *name = xstrdup(value);

	if (!journal_text_unescape(name) || !*name || strlen(name) >= DISK_NAME_SIZE)
		return false;
	*out = intern(name);
	return true;
}

static bool single(const char *p, unsigned long long largest, unsigned long long *n)
{
	return journal_text_number(&p, largest, n) && !*p;
}

static bool text(char **to, const char *value)
{
	if (*to)
		return false;
	*to = xstrdup(value);
	return journal_text_unescape(*to) && **to;
}

static bool mode(const char *p, struct entry *e)
{
	char *end;
	unsigned long bits = strtoul(p, &end, 8);

	e->mode = (mode_t)bits;
	return *p && strspn(p, "01234567") == strlen(p) && bits <= 07777;
}

/* One line of an entry. */
static bool field(struct reader *r, struct entry *e)
{
	unsigned long long n = 0;
	const char *v = r->value;
	bool good = false;

	if (strcmp(r->key, "path") == 0)
		good = text(&e->path, v) && e->path[0] == '/';
	else if (strcmp(r->key, "type") == 0 && (good = *v && strchr("fbcd", *v) && !v[1]))
		e->type = *v;
	else if (strcmp(r->key, "filesystem") == 0)
		good = filesystem(v, &e->id.filesystem);
	else if (strcmp(r->key, "device") == 0)
		good = device(v, &e->id.disk);
	else if (strcmp(r->key, "disk") == 0)
		good = disk_name(v, &e->id.disk.name);
	else if (strcmp(r->key, "handle") == 0)
		good = handle(v, &e->id);
	else if (strcmp(r->key, "inode") == 0 && (good = single(v, UINT64_MAX, &n)))
		e->id.inode = n;
	else if (strcmp(r->key, "born") == 0)
		good = born(v, &e->id);
	else if (strcmp(r->key, "rdev") == 0)
		good = device_number(&v, &e->rdev) && !*v;
	else if (strcmp(r->key, "owner") == 0)
		good = pair(v, &e->old_uid, &e->old_gid);
	else if (strcmp(r->key, "mode") == 0)
		good = mode(v, e);
	else if (strcmp(r->key, "to") == 0)
		good = pair(v, &e->new_uid, &e->new_gid);
	else if (strcmp(r->key, "attributes") == 0 && (good = single(v, UINT_MAX, &n))) {
		e->attributes = true;
		e->refs_before = (unsigned)n;
	} else if (strcmp(r->key, "releasing") == 0 && (good = single(v, UINT_MAX, &n)))
		e->releasing = (unsigned)n;
	else if (strcmp(r->key, "acl-before") == 0)
		good = text(&e->acl_before, v);
	else if (strcmp(r->key, "acl-after") == 0)
		good = text(&e->acl_after, v);
	else if (strcmp(r->key, "kept") == 0)
		good = text(&e->kept, v);
	else
		good = ownable_record_take(r->key, v, &e->ownable) == OWNABLE_LINE_TAKEN;
	return good || bad(r, "not a line of an entry, or its value is malformed");
}

/* Nothing of which is known yet. */
static struct entry *unread_entry(const struct reader *r, struct journal *journal)
{
	struct entry *e = journal_add(journal);

	e->line = r->line;
	e->old_uid = e->new_uid = (uid_t)-1;
	e->mode = (mode_t)-1;
	e->id.born = -1;
	return e;
}

static bool read_entry(struct reader *r, struct journal *journal)
{
	struct entry *e = unread_entry(r, journal);
	const uid_t unset = (uid_t)-1;

	if (strcmp(r->value, "owner") != 0 && strcmp(r->value, "grant") != 0)
		return bad(r, "expected \"owner\" or \"grant\"");
	e->kind = strcmp(r->value, "owner") == 0 ? ENTRY_OWNER : ENTRY_GRANT;
	for (;;) {
		if (!next_line(r))
			return false;
		if (strcmp(r->key, "end") == 0)
			break;
		if (!field(r, e))
			return false;
	}
	if (!e->path || !e->type || !e->id.filesystem || !e->id.inode || e->old_uid == unset ||
		e->new_uid == unset || e->mode == (mode_t)-1 ||
		(e->kind == ENTRY_GRANT && (!e->acl_before || !e->acl_after)) ||
		e->ownable.n_attributes != e->ownable.n_expected)
		return bad(r, "the entry above is incomplete");
	return true;
}

static bool read_head(struct reader *r, struct journal *journal)
{
	unsigned long long pid, start, time, namespace = 0;

	if (!next_line(r))
		return false;
	cleanup_free char *first = xasprintf("%s %s", r->key, r->value);
	if (strcmp(first, JOURNAL_FIRST_LINE) != 0)
		return bad(r, "expected \"" JOURNAL_FIRST_LINE "\"");
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "name") != 0 || !journal_is_name(r->value))
		return bad(r, "expected the name of a VM");
	journal->name = xstrdup(r->value);
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "boot") != 0 || strlen(r->value) != BOOT_ID_LENGTH)
		return bad(r, "expected a boot id");
	strcpy(journal->boot, r->value);
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "booted") != 0 || !single(r->value, INT64_MAX, &time))
		return bad(r, "expected the boot time");
	journal->boot_time = (long long)time;
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "holder") == 0) {
		const char *p = r->value;
		if (!journal_text_number(&p, INT_MAX, &pid) || *p++ != ' ' ||
			!journal_text_number(&p, ULLONG_MAX, &start) ||
			(*p && (*p++ != ' ' || !single(p, ULLONG_MAX, &namespace))))
			return bad(r, "expected a process id and its start time");
		journal->holder = (pid_t)pid;
		journal->holder_start = start;
		journal->holder_namespace = namespace;
		return next_line(r);
	}
	return true;
}

/* One line behind the end. */
static bool added(struct journal *journal, const char *line)
{
	static const char releasing[] = "releasing ";
	unsigned long long entry, n;
	const char *p = line + strlen(releasing);

	if (strcmp(line, "settled") == 0) {
		journal->settled = true;
		return true;
	}
	if (strncmp(line, releasing, strlen(releasing)) != 0 ||
		!journal_text_number(&p, journal->n_entries, &entry) || entry == 0 || *p++ != ' ' ||
		!single(p, UINT_MAX, &n) || n == 0)
		return false;
	journal->entries[entry - 1].releasing = (unsigned)n;
	return true;
}

/*
 * What was added is not made durable: a power cut can leave anything there, and what counts
 * then is that the boot is another one. Of a line that is cut, the change was not made.
 */
static void read_added(struct reader *r, struct journal *journal)
{
	const char *newline;

	while ((newline = memchr(r->p, '\n', (size_t)(r->end - r->p))) != NULL) {
		cleanup_free char *line = xstrndup(r->p, (size_t)(newline - r->p));
		if (strlen(line) != (size_t)(newline - r->p) || !added(journal, line))
			break;
		r->p = newline + 1;
	}
}

static bool read_body(struct reader *r, struct journal *journal)
{
	unsigned long long n;

	for (; strcmp(r->key, "entry") == 0;)
		if (!read_entry(r, journal) || !next_line(r))
			return false;
	if (strcmp(r->key, "entries") != 0 || !single(r->value, SIZE_MAX, &n) ||
		n != journal->n_entries)
		return bad(r, "expected an entry or the number of entries");
	read_added(r, journal);
	return true;
}

struct journal *journal_parse(const char *file, const char *text, size_t length, char **error)
{
	struct journal *journal = xcalloc(1, sizeof *journal);
	struct reader reader = {.file = file, .p = text, .end = text + length, .error = error};

	*error = NULL;
	if (!read_head(&reader, journal) || !read_body(&reader, journal)) {
		journal_free(journal);
		journal = NULL;
	} else {
		journal->size = (size_t)(reader.p - text);
	}
	free(reader.text);
	return journal;
}

static bool begins_with(const struct reader *r, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(r->end - r->p) > n && memcmp(r->p, word, n) == 0 &&
	       (r->p[n] == ' ' || r->p[n] == '\n');
}

static void skip_line(struct reader *r)
{
	const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));

	r->p = newline ? newline + 1 : r->end;
	r->line++;
}

/* The lines of an entry that is not whole, as far as each of them can be read. */
static void read_lines(struct reader *r, struct entry *e)
{
	while (r->p < r->end && !begins_with(r, "entry") && !begins_with(r, "entries") &&
		!begins_with(r, "end")) {
		struct reader from = *r;
		if (next_line(r)) {
			field(r, e);
			continue;
		}
		r->p = from.p;
		r->line = from.line;
		skip_line(r);
	}
}

/* One entry, whole or not: to the one journal or the other. */
static void salvage_entry(struct reader *r, struct journal *whole, struct journal *partial)
{
	struct reader from = *r;

	if (next_line(r) && read_entry(r, whole))
		return;
	if (whole->n_entries && whole->entries[whole->n_entries - 1].line == from.line + 1)
		journal_drop_last(whole);
	char *why = steal_pointer(r->error);
	r->p = from.p;
	r->line = from.line;
	bool is_owner = begins_with(r, "entry owner");
	skip_line(r);
	struct entry *e = unread_entry(r, partial);
	e->kind = is_owner ? ENTRY_OWNER : ENTRY_GRANT;
	read_lines(r, e);
	free(e->kept);
	e->kept = why;
}

struct journal *journal_salvage(
	const char *path, const char *text, size_t length, struct journal **partial, bool *is_sound)
{
	cleanup_free char *error = NULL;
	struct reader r = {.file = path, .p = text, .end = text + length, .error = &error};
	struct journal *whole = xcalloc(1, sizeof *whole);
	unsigned long long n;

	*partial = xcalloc(1, sizeof **partial);
	*is_sound = read_head(&r, whole);
	r.p = text;
	r.line = 0;
	while (r.p < r.end) {
		if (begins_with(&r, "entry")) {
			salvage_entry(&r, whole, *partial);
			continue;
		}
		/* Two that became one by the loss of what was between them are seen by this. */
		if (begins_with(&r, "entries")) {
			struct reader from = r;
			/* Without the end of its line, the number may go on. */
			if (!next_line(&r) || !single(r.value, SIZE_MAX, &n) ||
				n != whole->n_entries + (*partial)->n_entries)
				*is_sound = false;
			r.p = from.p;
			r.line = from.line;
		}
		skip_line(&r);
	}
	free(r.text);
	return whole;
}
