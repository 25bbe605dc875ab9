/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_index.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/journal_text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_LINE "virt-privileges index 1"
#define MAX_SIZE ((size_t)64 * 1024 * 1024)

/* "NAME HAS INODE..." */
struct line {
	char *text; /* NULL: the VM has no journal any more */
	size_t name_length;
	unsigned has;
	bool is_own; /* text is an object of its own */
};

struct place {
	uint64_t inode;
	size_t line;
};

/* One in a process, as there is one directory. */
static struct {
	int directory;
	pid_t owner;	/* of the lock: what it forks has a copy of all this */
	bool is_shared; /* the lock: it is only compared with what is read */
	bool is_known, is_changed;
	bool has_file, is_read;	  /* there is one; and it is what was written */
	struct timespec modified; /* the directory, when it was looked at */
	char *text;
	struct line *lines;
	size_t n_lines;
	struct place *places; /* by inode; NULL: to be made */
	size_t n_places;
} self = {.directory = -1};

/* FNV-1a. */
static uint64_t hash(const char *name, size_t length)
{
	uint64_t value = 14695981039346656037U;

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)name[i]) * 1099511628211U;
	return value;
}

void journal_index_see(struct journal_index_names *names, const char *name)
{
	names->has_index = names->has_index || strcmp(name, JOURNAL_INDEX) == 0;
	if (!journal_is_name(name))
		return;
	names->n++;
	names->sum += hash(name, strlen(name));
}

static void forget(void)
{
	for (size_t i = 0; i < self.n_lines; i++)
		if (self.lines[i].is_own)
			free(self.lines[i].text);
	free(self.lines);
	free(self.places);
	free(self.text);
	self.lines = NULL;
	self.places = NULL;
	self.text = NULL;
	self.n_lines = self.n_places = 0;
	self.is_known = self.is_changed = false;
}

/* Reading. */

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool read_line(char *text, struct line *line)
{
	unsigned long long has, inode;
	const char *p = text + strcspn(text, " ");

	*line = (struct line){.text = text, .name_length = (size_t)(p - text)};
	if (*p++ != ' ' || !journal_text_number(&p, JOURNAL_HAS_GRANT | JOURNAL_HAS_DEVICE, &has))
		return false;
	line->has = (unsigned)has;
	while (*p)
		if (*p++ != ' ' || !journal_text_number(&p, UINT64_MAX, &inode))
			return false;
	return true;
}

/* Cuts the next line off the text; NULL: there is no whole one. */
static char *next_line(char **text)
{
	char *line = *text;
	char *newline = strchr(line, '\n');

	if (!newline)
		return NULL;
	*newline = '\0';
	*text = newline + 1;
	return line;
}

/* What is in front of the lines: it is of this boot, of this directory, and the seal is whole. */
static char *header(ino_t directory, const struct timespec *seal)
{
	return xasprintf(FIRST_LINE " boot %s directory %" PRIuMAX " sealed %" PRIdMAX ".%09ld",
		boot_id(), (uintmax_t)directory, (intmax_t)seal->tv_sec, seal->tv_nsec);
}

static bool take_lines(char *text, const struct journal_index_names *names)
{
	struct journal_index_names said = {0};
	char *next;

	while ((next = next_line(&text)) != NULL && strncmp(next, "end ", 4) != 0) {
		ARRAY_GROW(self.lines, self.n_lines);
		struct line *line = &self.lines[self.n_lines++];
		if (!read_line(next, line))
			return false;
		said.n++;
		said.sum += hash(line->text, line->name_length);
	}
	cleanup_free char *end = xasprintf("end %zu", said.n);
	if (!next || strcmp(next, end) != 0 || *text)
		return false;
	return !names || (!names->unknown && said.n == names->n && said.sum == names->sum);
}

static bool load(const struct stat *directory, const struct journal_index_names *names)
{
	cleanup_fd int fd = openat(
		self.directory, JOURNAL_INDEX, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_free char *ignored = NULL;
	struct stat st;
	size_t length;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
		(st.st_mode & 077) || !boot_read(&ignored) ||
		!(self.text = io_read_fd(fd, MAX_SIZE, &length)) || strlen(self.text) != length)
		return false;
	char *text = self.text;
	const char *first = next_line(&text);
	cleanup_free char *wanted = header(directory->st_ino, &directory->st_mtim);
	return first && strcmp(first, wanted) == 0 && take_lines(text, names);
}

void journal_index_open(int directory, const struct journal_index_names *names)
{
	struct stat st;

	self.directory = directory;
	self.is_shared = !names;
	self.has_file = !names || names->has_index;
	self.owner = getpid();
	if (!self.has_file)
		return;
	/* Of more VMs, which are gone. */
	if (names && !names->unknown && names->n < JOURNAL_INDEX_LEAST)
		journal_index_distrust(directory);
	else if (fstat(directory, &st) < 0 || !load(&st, names))
		forget();
	else
		self.is_known = true;
	if (self.is_known)
		self.modified = st.st_mtim;
	self.is_read = self.is_known;
}

/* Writing. */

static void put_lines(FILE *out, const struct timespec *seal, const struct stat *directory)
{
	cleanup_free char *first = header(directory->st_ino, seal);
	size_t n = 0;

	fprintf(out, "%s\n", first);
	for (size_t i = 0; i < self.n_lines; i++)
		if (self.lines[i].text) {
			fprintf(out, "%s\n", self.lines[i].text);
			n++;
		}
	fprintf(out, "end %zu\n", n);
}

/* Some time of the last century, or soon after. */
static bool new_seal(struct timespec *seal)
{
	uint32_t bits[2];

	if (getrandom(bits, sizeof bits, 0) != sizeof bits)
		return false;
	*seal = (struct timespec){
		.tv_sec = 1 + (time_t)(bits[0] >> 2), .tv_nsec = (long)(bits[1] % 1000000000)};
	return true;
}

/* It need not be durable: after a power cut, it is of an earlier boot. */
static void write_file(const struct stat *directory)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	cleanup_free char *text = NULL;
	size_t size;

	/* Whatever else has the name goes, as far as it can. */
	if (!self.is_read)
		unlinkat(self.directory, JOURNAL_INDEX, 0);
	cleanup_fd int fd = openat(self.directory, JOURNAL_INDEX,
		O_WRONLY | O_NOFOLLOW | O_CLOEXEC | (self.is_read ? 0 : O_CREAT | O_EXCL), 0600);
	FILE *out = open_memstream(&text, &size);
	if (!out)
		die_out_of_memory();
	bool good = fd >= 0 && new_seal(&times[1]);
	if (good)
		put_lines(out, &times[1], directory);
	if (fclose(out) != 0)
		die_out_of_memory();
	if (good && io_write_all_at(fd, text, size, 0) && ftruncate(fd, (off_t)size) == 0)
		(void)futimens(self.directory, times);
}

static size_t count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < self.n_lines; i++)
		n += self.lines[i].text != NULL;
	return n;
}

void journal_index_close(void)
{
	struct stat st;

	if (self.directory >= 0 && self.is_known && self.is_changed && self.owner == getpid()) {
		/* Where a change does not show in the time of its directory, no seal can be broken.
		 */
		bool is_noted = fstat(self.directory, &st) == 0 &&
				!is_same_time(&st.st_mtim, &self.modified);
		if (is_noted && count() >= JOURNAL_INDEX_LEAST)
			write_file(&st);
		else if (self.has_file)
			journal_index_distrust(self.directory);
	}
	forget();
	self.directory = -1;
}

void journal_index_distrust(int directory)
{
	unlinkat(directory, JOURNAL_INDEX, 0);
	self.is_known = false;
}

/* What is known. */

static char *line_of(const struct journal *journal, unsigned *has)
{
	/* Each with the blank before it, and the end. */
	size_t number = sizeof " 18446744073709551615";
	char *text = xmalloc(strlen(journal->name) + (journal->n_entries + 1) * number);

	*has = 0;
	for (size_t i = 0; i < journal->n_entries; i++)
		if (journal->entries[i].kind == ENTRY_GRANT)
			*has |= JOURNAL_HAS_GRANT;
		else if (journal->entries[i].type != 'f')
			*has |= JOURNAL_HAS_DEVICE;
	char *p = text + sprintf(text, "%s %u", journal->name, *has);
	for (size_t i = 0; i < journal->n_entries; i++)
		p += sprintf(p, " %" PRIu64, journal->entries[i].id.inode);
	return text;
}

static void add_line(const struct journal *journal)
{
	ARRAY_GROW(self.lines, self.n_lines);
	struct line *line = &self.lines[self.n_lines++];
	*line = (struct line){.name_length = strlen(journal->name), .is_own = true};
	line->text = line_of(journal, &line->has);
}

/* Of all lines, in whatever order. */
static uint64_t sum_of_lines(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < self.n_lines; i++)
		if (self.lines[i].text)
			sum += hash(self.lines[i].text, strlen(self.lines[i].text));
	return sum;
}

void journal_index_learn(struct journal *const *all, size_t n, const struct journal *own)
{
	bool was_known = self.is_known, was_changed = self.is_changed;
	uint64_t sum = was_known ? sum_of_lines() : 0;
	struct stat st;

	if (self.directory < 0 || n + (own != NULL) < JOURNAL_INDEX_LEAST ||
		(self.is_shared && !was_known) || fstat(self.directory, &st) < 0)
		return;
	forget();
	for (size_t i = 0; i < n; i++)
		add_line(all[i]);
	if (own)
		add_line(own);
	self.is_known = true;
	self.is_changed = was_changed;
	if (!was_known)
		self.modified = st.st_mtim;
	else if (sum != sum_of_lines())
		/* Somebody has changed a journal in place, which shows in no time of the directory.
		 */
		journal_index_distrust(self.directory);
}

bool journal_index_suspend(void)
{
	bool was_known = self.is_known;

	self.is_known = false;
	return was_known;
}

void journal_index_resume(bool was_known, const char *name, const struct journal *journal)
{
	size_t length = strlen(name);

	if (!was_known)
		return;
	for (size_t i = 0; i < self.n_lines; i++) {
		struct line *line = &self.lines[i];
		if (!line->text || line->name_length != length ||
			strncmp(line->text, name, length) != 0)
			continue;
		if (line->is_own)
			free(line->text);
		*line = (struct line){0};
	}
	if (journal)
		add_line(journal);
	free(self.places);
	self.places = NULL;
	self.is_known = self.is_changed = true;
}

bool journal_index_is_known(void)
{
	return self.is_known && !self.is_shared;
}

static void tell(const struct line *line, void (*found)(void *, const char *), void *context)
{
	cleanup_free char *name = found ? xstrndup(line->text, line->name_length) : NULL;

	if (found)
		found(context, name);
}

size_t journal_index_with(
	enum journal_index_has what, void (*found)(void *context, const char *name), void *context)
{
	size_t n = 0;

	for (size_t i = 0; i < self.n_lines; i++) {
		if (!self.lines[i].text || !(self.lines[i].has & what))
			continue;
		tell(&self.lines[i], found, context);
		n++;
	}
	return n;
}

size_t journal_index_all(void (*found)(void *context, const char *name), void *context)
{
	for (size_t i = 0; i < self.n_lines; i++)
		if (self.lines[i].text)
			tell(&self.lines[i], found, context);
	return count();
}

static int by_inode(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->inode != y->inode ? (x->inode > y->inode) - (x->inode < y->inode)
				    : (x->line > y->line) - (x->line < y->line);
}

/* Where they are. The lines have been checked. */
static void make_places(void)
{
	self.n_places = 0;
	for (size_t i = 0; i < self.n_lines; i++) {
		const char *text = self.lines[i].text;
		/* Behind what it has. */
		const char *p = text ? strchr(text + self.lines[i].name_length + 1, ' ') : NULL;
		unsigned long long inode;
		while (p && *p++ == ' ' && journal_text_number(&p, UINT64_MAX, &inode)) {
			ARRAY_GROW(self.places, self.n_places);
			self.places[self.n_places++] = (struct place){inode, i};
		}
	}
	if (self.n_places)
		qsort(self.places, self.n_places, sizeof *self.places, by_inode);
}

size_t journal_index_of(
	uint64_t inode, void (*found)(void *context, const char *name), void *context)
{
	size_t n = 0;

	if (!self.places)
		make_places();
	size_t low = 0, high = self.n_places;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (self.places[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < self.n_places && self.places[i].inode == inode; i++, n++)
		if (i == low || self.places[i].line != self.places[i - 1].line)
			tell(&self.lines[self.places[i].line], found, context);
	return n;
}
