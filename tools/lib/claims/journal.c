/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "claims/journal_damage.h"
#include "claims/journal_text.h"
#include "path/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FIRST_LINE "virt-privileges claims 1"
#define LOCK_FILE ".lock"
#define LOCK_SECONDS 120
#define MAX_SIZE ((size_t)256 * 1024 * 1024)

static int directory = -1; /* JOURNAL_DIR, while it is locked; -1: there is none */
static int lock_fd = -1;

bool journal_is_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(name);

	return length >= 1 && length <= 64 && strspn(name, letters) == length && *name != '.' &&
	       *name != '-';
}

/* Writing. */

void journal_put_escaped(FILE *out, const char *text)
{
	while (*text) {
		size_t n = text_utf8_length(text);
		if (n == 0 || *text == '\\' || text_is_control(text))
			fprintf(out, "\\x%02x", (unsigned char)*text++);
		else
			text += fwrite(text, 1, n, out);
	}
}

void journal_put_value(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s ", key);
	journal_put_escaped(out, value);
	putc('\n', out);
}

static void put_entry(FILE *out, const struct entry *e)
{
	fprintf(out, "entry %s\n", e->kind == ENTRY_OWNER ? "owner" : "grant");
	journal_put_value(out, "path", e->path);
	fprintf(out, "type %c\n", e->type);
	journal_put_value(out, "filesystem", e->id.filesystem);
	if (e->id.disk.dev)
		fprintf(out, "device %u:%u %llu\n", major(e->id.disk.dev), minor(e->id.disk.dev),
			e->id.disk.sequence);
	if (e->id.disk.name[0])
		journal_put_value(out, "disk", e->id.disk.name);
	if (e->id.handle_size) {
		fprintf(out, "handle %d:", e->id.handle_type);
		for (unsigned i = 0; i < e->id.handle_size; i++)
			fprintf(out, "%02x", e->id.handle[i]);
		putc('\n', out);
	}
	fprintf(out, "inode %" PRIu64 "\n", e->id.inode);
	if (e->id.born >= 0)
		fprintf(out, "born %" PRId64 ".%09" PRIu32 "\n", e->id.born, e->id.born_nsec);
	if (e->rdev)
		fprintf(out, "rdev %u:%u\n", major(e->rdev), minor(e->rdev));
	fprintf(out, "owner %u:%u\nmode %04o\nto %u:%u\n", e->old_uid, e->old_gid, e->mode,
		e->new_uid, e->new_gid);
	if (e->attributes)
		fprintf(out, "attributes %u\n", e->refs_before);
	if (e->releasing)
		fprintf(out, "releasing %u\n", e->releasing);
	if (e->kind == ENTRY_GRANT) {
		journal_put_value(out, "acl-before", e->acl_before);
		journal_put_value(out, "acl-after", e->acl_after);
	}
	if (e->kept)
		journal_put_value(out, "kept", e->kept);
	journal_put_ownable(out, &e->ownable);
	fputs("end\n", out);
}

char *journal_format(const struct journal *journal)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		die("out of memory");
	fprintf(out, FIRST_LINE "\nname %s\nboot %s\nbooted %lld\n", journal->name, journal->boot,
		journal->boot_time);
	if (journal->holder)
		fprintf(out, "holder %d %llu", journal->holder, journal->holder_start);
	if (journal->holder && journal->holder_namespace)
		fprintf(out, " %llu", journal->holder_namespace);
	if (journal->holder)
		fputc('\n', out);
	for (size_t i = 0; i < journal->n_entries; i++)
		put_entry(out, &journal->entries[i]);
	fprintf(out, "entries %zu\n%s", journal->n_entries, journal->settled ? "settled\n" : "");
	if (fclose(out) != 0)
		die("out of memory");
	return text;
}

/* Reading. */

struct reader {
	const char *file;
	const char *p, *end;
	unsigned line;
	char *key, *value; /* of the current line */
	char **error;
};

static bool bad(struct reader *r, const char *what)
{
	free(*r->error);
	*r->error = xasprintf("%s:%u: %s", r->file, r->line, what);
	return false;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place. */
bool journal_unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (*p != '\\') {
			*to++ = *p;
			continue;
		}
		if (p[1] != 'x' || digit(p[2]) < 0 || digit(p[3]) < 0)
			return false;
		*to++ = (char)((unsigned)digit(p[2]) << 4 | (unsigned)digit(p[3]));
		p += 3;
	}
	*to = '\0';
	return true;
}

/* The next line, split at its first blank. False at the end of the text, or when it is cut. */
static bool next_line(struct reader *r)
{
	const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));

	free(r->key);
	free(r->value);
	r->key = r->value = NULL;
	r->line++;
	if (!newline)
		return bad(r, "the file ends early");
	if (memchr(r->p, '\0', (size_t)(newline - r->p)))
		return bad(r, "a NUL byte");
	cleanup_free char *line = xstrndup(r->p, (size_t)(newline - r->p));
	r->p = newline + 1;
	char *blank = strchr(line, ' ');
	r->value = xstrdup(blank ? blank + 1 : "");
	if (blank)
		*blank = '\0';
	r->key = steal_pointer(&line);
	return true;
}

static bool number(const char **p, unsigned long long largest, unsigned long long *n)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*n = strtoull(*p, &end, 10);
	*p = end;
	return errno == 0 && *n <= largest;
}

static bool pair(const char *p, uid_t *uid, gid_t *gid)
{
	unsigned long long a, b;

	if (!number(&p, UINT_MAX - 1, &a) || *p++ != ':' || !number(&p, UINT_MAX - 1, &b) || *p)
		return false;
	*uid = (uid_t)a;
	*gid = (gid_t)b;
	return true;
}

static bool handle(const char *p, struct fileid *id)
{
	unsigned long long type;
	unsigned n = 0;

	if (!number(&p, INT_MAX, &type) || *p++ != ':')
		return false;
	for (; digit(p[0]) >= 0 && digit(p[1]) >= 0 && n < FILEID_HANDLE_MAX; p += 2)
		id->handle[n++] =
			(unsigned char)((unsigned)digit(p[0]) << 4 | (unsigned)digit(p[1]));
	id->handle_type = (int)type;
	id->handle_size = n;
	return n > 0 && !*p;
}

static bool born(const char *p, struct fileid *id)
{
	unsigned long long seconds, nanoseconds;

	if (!number(&p, INT64_MAX, &seconds) || *p++ != '.' ||
		!number(&p, 999999999, &nanoseconds) || *p)
		return false;
	id->born = (int64_t)seconds;
	id->born_nsec = (uint32_t)nanoseconds;
	return true;
}

static bool device_number(const char **p, dev_t *dev)
{
	unsigned long long a, b;

	if (!number(p, UINT_MAX, &a) || *(*p)++ != ':' || !number(p, UINT_MAX, &b))
		return false;
	*dev = makedev((unsigned)a, (unsigned)b);
	return true;
}

static bool filesystem(const char *value, char out[FSID_SIZE])
{
	cleanup_free char *id = xstrdup(value);

	if (!journal_unescape(id) || !fsid_is_valid(id))
		return false;
	strcpy(out, id);
	return true;
}

static bool device(const char *p, struct disk *disk)
{
	return device_number(&p, &disk->dev) && *p++ == ' ' &&
	       number(&p, ULLONG_MAX, &disk->sequence) && !*p && disk->dev != 0;
}

static bool disk_name(const char *value, char out[DISK_NAME_SIZE])
{
	cleanup_free char *name = xstrdup(value);

	if (!journal_unescape(name) || !*name || strlen(name) >= DISK_NAME_SIZE)
		return false;
	strcpy(out, name);
	return true;
}

static bool single(const char *p, unsigned long long largest, unsigned long long *n)
{
	return number(&p, largest, n) && !*p;
}

static bool text(char **to, const char *value)
{
	if (*to)
		return false;
	*to = xstrdup(value);
	return journal_unescape(*to) && **to;
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
		good = filesystem(v, e->id.filesystem);
	else if (strcmp(r->key, "device") == 0)
		good = device(v, &e->id.disk);
	else if (strcmp(r->key, "disk") == 0)
		good = disk_name(v, e->id.disk.name);
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
		good = journal_take_ownable(r->key, v, &e->ownable) == JOURNAL_LINE_TAKEN;
	return good || bad(r, "not a line of an entry, or its value is malformed");
}

static void free_entry(struct entry *e)
{
	free(e->path);
	free(e->acl_before);
	free(e->acl_after);
	free(e->kept);
	free(e->acl_wanted);
	ownable_free(&e->ownable);
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
		return bad(r, "an entry is \"owner\" or \"grant\"");
	e->kind = strcmp(r->value, "owner") == 0 ? ENTRY_OWNER : ENTRY_GRANT;
	for (;;) {
		if (!next_line(r))
			return false;
		if (strcmp(r->key, "end") == 0)
			break;
		if (!field(r, e))
			return false;
	}
	if (!e->path || !e->type || !e->id.filesystem[0] || !e->id.inode || e->old_uid == unset ||
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
	if (strcmp(first, FIRST_LINE) != 0)
		return bad(r, "\"" FIRST_LINE "\" was expected");
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "name") != 0 || !journal_is_name(r->value))
		return bad(r, "the name of a VM was expected");
	journal->name = xstrdup(r->value);
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "boot") != 0 || strlen(r->value) != BOOT_ID_LENGTH)
		return bad(r, "a boot id was expected");
	strcpy(journal->boot, r->value);
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "booted") != 0 || !single(r->value, INT64_MAX, &time))
		return bad(r, "the time of the boot was expected");
	journal->boot_time = (long long)time;
	if (!next_line(r))
		return false;
	if (strcmp(r->key, "holder") == 0) {
		const char *p = r->value;
		if (!number(&p, INT_MAX, &pid) || *p++ != ' ' || !number(&p, ULLONG_MAX, &start) ||
			(*p && (*p++ != ' ' || !single(p, ULLONG_MAX, &namespace))))
			return bad(r, "a process id and its start time were expected");
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
		!number(&p, journal->n_entries, &entry) || entry == 0 || *p++ != ' ' ||
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
		return bad(r, "an entry, or the number of entries, was expected");
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
	free(reader.key);
	free(reader.value);
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
		free_entry(&whole->entries[--whole->n_entries]);
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
	free(r.key);
	free(r.value);
	return whole;
}

struct journal *journal_new(const char *name)
{
	struct journal *journal = xcalloc(1, sizeof *journal);

	journal->name = xstrdup(name);
	strcpy(journal->boot, boot_id());
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	for (size_t i = 0; i < journal->n_entries; i++)
		free_entry(&journal->entries[i]);
	free(journal->entries);
	free(journal->name);
	free(journal);
}

void journal_free_all(struct journal **all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		journal_free(all[i]);
	free(all);
}

struct entry *journal_add(struct journal *journal)
{
	/* Doubled, so that ten thousand disks are not ten thousand copies. */
	if ((journal->n_entries & (journal->n_entries - 1)) == 0)
		journal->entries = xreallocarray(journal->entries,
			journal->n_entries ? 2 * journal->n_entries : 1, sizeof(struct entry));
	struct entry *e = &journal->entries[journal->n_entries++];
	*e = (struct entry){0};
	return e;
}

void journal_sweep(struct journal *journal)
{
	size_t kept = 0;

	for (size_t i = 0; i < journal->n_entries; i++) {
		if (journal->entries[i].done)
			free_entry(&journal->entries[i]);
		else
			journal->entries[kept++] = journal->entries[i];
	}
	journal->n_entries = kept;
}

/* The directory. */

/*
 * Opens one directory below another, and refuses it if others than root could have written
 * in it. One that is missing is made if permissions are given, else the result is -1.
 */
static int open_directory(int parent, const char *name, const char *path, mode_t permissions)
{
	struct stat st;

	if (permissions && mkdirat(parent, name, permissions) < 0 && errno != EEXIST)
		die_errno("can't make the directory %s", path);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !permissions)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		die_errno("can't open the directory %s", path);
	cleanup_free char *why = trust_why_not_roots(fd, &st, path, "look into it");
	if (why)
		die("can't trust the directory %s: others than root can write to it: %s", path,
			why);
	return fd;
}

static volatile sig_atomic_t waited_enough;

static void end_waiting(int signal)
{
	(void)signal;
	waited_enough = true;
}

/* Takes away what interrupted writes left. */
static void tidy(void)
{
	cleanup_dir DIR *dir =
		fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		size_t length = strlen(d->d_name);
		if (d->d_name[0] == '.' && length > 5 &&
			strcmp(d->d_name + length - 4, ".new") == 0)
			unlinkat(directory, d->d_name, 0);
	}
}

void journal_lock(bool exclusive)
{
	cleanup_fd int lib = open("/var/lib", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lib < 0)
		die_errno("can't open the directory /var/lib");
	cleanup_fd int ours = open_directory(
		lib, "virt-privileges", "/var/lib/virt-privileges", exclusive ? 0755 : 0);
	if (ours >= 0)
		directory = open_directory(ours, "claims", JOURNAL_DIR, exclusive ? 0700 : 0);
	/* Nothing to read, and nobody to wait for. */
	if (directory < 0)
		return;
	int lock = openat(directory, LOCK_FILE,
		(exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 && errno == ENOENT && !exclusive)
		return;
	if (lock < 0)
		die_errno("can't open the lock %s/" LOCK_FILE, JOURNAL_DIR);
	struct sigaction on_alarm = {.sa_handler = end_waiting};
	sigaction(SIGALRM, &on_alarm, NULL);
	/* No time is compared: the clock can be set meanwhile. */
	waited_enough = false;
	alarm(LOCK_SECONDS);
	int result;
	do
		result = flock(lock, exclusive ? LOCK_EX : LOCK_SH);
	while (result < 0 && errno == EINTR && !waited_enough);
	int number = errno;
	alarm(0);
	errno = number;
	if (result < 0 && errno == EINTR)
		die("another virt-priv-chown has held %s/" LOCK_FILE " for %d s; is it stopped?",
			JOURNAL_DIR, LOCK_SECONDS);
	if (result < 0)
		die_errno("can't lock %s/" LOCK_FILE, JOURNAL_DIR);
	lock_fd = lock;
	/* Whoever ends the program says why, and others do not wait for that. */
	static bool is_registered;
	if (!is_registered)
		is_registered = atexit(journal_unlock) == 0;
	if (is_registered)
		log_keep();
	if (exclusive)
		tidy();
}

void journal_unlock(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	if (directory >= 0)
		close(directory);
	lock_fd = directory = -1;
	log_say_kept();
}

static bool fail(char **error, const char *name, const char *what)
{
	*error = xasprintf("can't %s %s/%s: %s", what, JOURNAL_DIR, name, strerror(errno));
	return false;
}

/* The text of the journal, or as much as can be read of it. False and errno if that is not all. */
static bool read_text(int fd, size_t size, struct journal_file *file)
{
	file->text = xmalloc(size + 1);
	while (file->length < size) {
		ssize_t n = read(fd, file->text + file->length, size - file->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		file->length += (size_t)n;
	}
	return true;
}

/* What is at its place is not what was written. */
static void damaged(struct journal_file *file, char *why)
{
	file->state = JOURNAL_DAMAGED;
	file->why = why;
}

/* Of an open one. Nothing is known of it yet. */
static void load(const char *name, const char *path, int fd, struct journal_file *file)
{
	struct stat st;
	char *error = NULL;

	if (fstat(fd, &st) < 0) {
		fail(&file->why, name, "examine the journal");
		return;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > MAX_SIZE) {
		damaged(file, xasprintf("%s is no journal", path));
		return;
	}
	cleanup_free char *why = trust_why_not_roots(fd, &st, path, "check what it says");
	file->is_roots = !why;
	if (!read_text(fd, (size_t)st.st_size, file)) {
		/* A disk that fails is for longer. */
		file->state = errno == EIO ? JOURNAL_DAMAGED : JOURNAL_FAILED;
		fail(&file->why, name, "read the journal");
		return;
	}
	if (why) {
		damaged(file, xasprintf("can't trust the journal %s: %s", path, why));
		return;
	}
	file->whole = journal_parse(path, file->text, file->length, &error);
	file->state = JOURNAL_WHOLE;
	if (!file->whole) {
		damaged(file, error);
	} else if (strcmp(file->whole->name, name) != 0) {
		damaged(file, xasprintf("%s:2: the journal is that of the VM %s", path,
				      file->whole->name));
		journal_free(file->whole);
		file->whole = NULL;
	}
}

void journal_load(const char *name, struct journal_file *file)
{
	cleanup_free char *path = xasprintf("%s/%s", JOURNAL_DIR, name);
	cleanup_fd int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*file = (struct journal_file){.state = JOURNAL_FAILED};
	if (fd >= 0) {
		load(name, path, fd, file);
		return;
	}
	if (errno == ENOENT) {
		file->state = JOURNAL_NONE;
		return;
	}
	/* A symbolic link, a socket, a device without a driver. */
	if (errno == ELOOP || errno == ENXIO || errno == ENODEV)
		file->state = JOURNAL_DAMAGED;
	fail(&file->why, name, "open the journal");
}

void journal_file_free(struct journal_file *file)
{
	free(file->text);
	free(file->why);
	journal_free(file->whole);
	*file = (struct journal_file){0};
}

bool journal_read(const char *name, struct journal **out, char **error)
{
	struct journal_file file;

	*out = NULL;
	journal_load(name, &file);
	*out = steal_pointer(&file.whole);
	if (file.state == JOURNAL_DAMAGED)
		*error = journal_damage_message(name, file.why);
	else if (file.state == JOURNAL_FAILED)
		*error = steal_pointer(&file.why);
	bool good = file.state == JOURNAL_NONE || file.state == JOURNAL_WHOLE;
	journal_file_free(&file);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **journal_names(size_t *n)
{
	char **names = xcalloc(1, sizeof *names);
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	*n = 0;
	if (directory < 0)
		return names;
	if (!dir)
		die_errno("can't read the directory %s", JOURNAL_DIR);
	while (errno = 0, (d = readdir(dir)) != NULL) {
		if (!journal_is_name(d->d_name))
			continue;
		names = xreallocarray(names, *n + 1, sizeof *names);
		names[(*n)++] = xstrdup(d->d_name);
	}
	if (errno)
		die_errno("can't read the directory %s", JOURNAL_DIR);
	if (*n)
		qsort(names, *n, sizeof *names, by_name);
	return names;
}

struct journal **journal_read_all(size_t *n, bool *all_read)
{
	size_t n_names;
	cleanup_free char **names = journal_names(&n_names);
	struct journal **all = xcalloc(n_names + 1, sizeof *all);

	*n = 0;
	*all_read = true;
	for (size_t i = 0; i < n_names; i++) {
		cleanup_free char *name = names[i];
		cleanup_free char *error = NULL;
		struct journal *journal;
		if (!journal_read(name, &journal, &error)) {
			warn("%s", error);
			*all_read = false;
		} else if (journal) {
			all[(*n)++] = journal;
		}
	}
	return all;
}

bool journal_stamp(const char *name, struct journal_stamp *stamp)
{
	struct stat st;

	*stamp = (struct journal_stamp){0};
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	*stamp = (struct journal_stamp){st.st_ino, st.st_ctim};
	return true;
}

bool journal_same(const struct journal_stamp *a, const struct journal_stamp *b)
{
	return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool write_all(int fd, const char *text, size_t at)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = pwrite(fd, text, left, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		at += (size_t)n;
		left -= (size_t)n;
	}
	return true;
}

/* EINTR of these is no answer yet. */
static bool sync_fd(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

bool journal_remove(const struct journal *journal, char **error)
{
	const char *name = journal->name;

	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
		return fail(error, name, "remove the journal");
	return sync_fd(directory) || fail(error, name, "sync the removal of the journal");
}

bool journal_write(struct journal *journal, char **error)
{
	const char *name = journal->name;

	/* No VM has a name that begins with a dot. */
	cleanup_free char *temporary = xasprintf(".%s.new", name);
	cleanup_free char *text = journal_format(journal);
	journal->size = 0;
	if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
		return fail(error, temporary, "remove");
	cleanup_fd int fd =
		openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(error, temporary, "make");
	if (!write_all(fd, text, 0) || !sync_fd(fd) ||
		renameat(directory, temporary, directory, name) < 0) {
		fail(error, name, "write the journal");
		unlinkat(directory, temporary, 0);
		return false;
	}
	if (!sync_fd(directory))
		return fail(error, name, "sync the journal");
	journal->size = strlen(text);
	return true;
}

/* A name that no VM can have, tidy() does not take away, and nothing has yet. */
static bool move_aside(const char *name, bool keep, char **aside)
{
	for (unsigned i = 1; i < 10000; i++) {
		*aside = i == 1 ? xasprintf(".%s.damaged", name)
				: xasprintf(".%s.damaged.%u", name, i);
		if ((keep ? linkat(directory, name, directory, *aside, 0)
			  : renameat2(directory, name, directory, *aside, RENAME_NOREPLACE)) == 0)
			return true;
		free(*aside);
		*aside = NULL;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

bool journal_set_aside(const char *name, struct journal *rest, char **aside, char **error)
{
	if (!move_aside(name, rest != NULL, aside))
		return fail(error, name, "set aside the journal");
	/* Before the other takes its place. */
	if (!sync_fd(directory))
		return fail(error, *aside, "sync");
	return !rest || journal_write(rest, error);
}

/* Adds a line, which *journal says already. */
static bool append(struct journal *journal, const char *line, char **error)
{
	if (!journal->size)
		return journal_write(journal, error);
	cleanup_fd int fd = openat(directory, journal->name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	/* What is behind that is a part of a line, which could not be written. */
	if (fd < 0 || !write_all(fd, line, journal->size))
		return fail(error, journal->name, "complete the journal");
	journal->size += strlen(line);
	return true;
}

bool journal_settle(struct journal *journal, char **error)
{
	journal->settled = true;
	journal->settled = append(journal, "settled\n", error);
	return journal->settled;
}

bool journal_announce(struct journal *journal, struct entry *e, unsigned releasing, char **error)
{
	cleanup_free char *line =
		xasprintf("releasing %zu %u\n", (size_t)(e - journal->entries) + 1, releasing);

	e->releasing = releasing;
	if (append(journal, line, error))
		return true;
	e->releasing = 0;
	return false;
}
