/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc_text.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* PF_EXITING of include/linux/sched.h. */
#define FLAG_EXITING 0x4

/* What follows key at the start of a line, NULL if no line starts with it. */
static const char *find_line(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, length) == 0)
			return text + length;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/* A number at *p, behind blanks, which a blank or the end of the line ends. */
static bool read_number(const char **p, int base, unsigned long long *value)
{
	char *end;

	*p += strspn(*p, " \t");
	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*value = strtoull(*p, &end, base);
	*p = end;
	return errno == 0 && (*end == '\0' || strchr(" \t\n", *end));
}

bool proc_fdinfo_flags(const char *text, unsigned *flags)
{
	const char *p = find_line(text, "flags:");
	unsigned long long value;

	if (!p || !read_number(&p, 8, &value) || value > UINT_MAX)
		return false;
	*flags = (unsigned)value;
	return true;
}

/* Field n of a stat file, counted from the state, which is 3; NULL: there are not as many. */
static const char *stat_field(const char *state, int n)
{
	const char *p = state;

	for (int field = 3; p && field < n; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p;
}

static bool read_field(const char *state, int n, unsigned long long *value)
{
	const char *p = stat_field(state, n);

	return p && read_number(&p, 10, value);
}

bool proc_stat_parse(const char *text, struct proc_stat *stat)
{
	/* The name, field 2, can have blanks and parentheses in it. */
	const char *name_end = strrchr(text, ')');
	unsigned long long parent, flags, threads, start;

	if (!name_end || name_end[1] != ' ' || !name_end[2] || name_end[3] != ' ')
		return false;
	const char *state = name_end + 2;
	if (!read_field(state, 4, &parent) || parent > INT_MAX || !read_field(state, 9, &flags) ||
		flags > UINT_MAX || !read_field(state, 20, &threads) || threads > UINT_MAX ||
		!read_field(state, 22, &start))
		return false;
	*stat = (struct proc_stat){
		*state, (pid_t)parent, (unsigned)flags, (unsigned)threads, start};
	return true;
}

bool proc_stat_arguments(const char *text, unsigned long long *begin, unsigned long long *end)
{
	const char *name_end = strrchr(text, ')');
	unsigned long long environment, environment_end;

	if (!name_end || name_end[1] != ' ')
		return false;
	const char *state = name_end + 2;
	if (!read_field(state, 48, begin) || !read_field(state, 49, end) ||
		!read_field(state, 50, &environment) || !read_field(state, 51, &environment_end))
		return false;
	if (*end == environment && environment_end > environment)
		*end = environment_end;
	return *begin && *begin < *end;
}

/* EXIT_ZOMBIE and EXIT_DEAD of include/linux/sched.h, by fs/proc/array.c. */
static bool is_ended(char state)
{
	return state == 'Z' || state == 'X';
}

/* A first thread counts until it is waited for, which is not before the others have ended. */
static bool have_ended(bool first_has_ended, unsigned threads)
{
	return first_has_ended && threads <= 1;
}

bool proc_stat_has_ended(const struct proc_stat *stat)
{
	return have_ended(is_ended(stat->state), stat->threads);
}

bool proc_stat_thread_has_ended(const struct proc_stat *stat)
{
	return is_ended(stat->state);
}

bool proc_stat_goes_on(const struct proc_stat *stat)
{
	return !is_ended(stat->state) && !(stat->flags & FLAG_EXITING);
}

struct proc_threads proc_status_threads(const char *text)
{
	const char *state = find_line(text, "State:\t");
	const char *p = find_line(text, "Threads:");
	unsigned long long n;
	bool is_told = p && read_number(&p, 10, &n) && n < UINT_MAX;

	return (struct proc_threads){state && is_ended(*state), is_told ? (unsigned)n : UINT_MAX};
}

bool proc_status_has_ended(const char *text)
{
	struct proc_threads threads = proc_status_threads(text);

	return have_ended(threads.first_has_ended, threads.n);
}

bool proc_stat_boot(const char *text, long long *seconds)
{
	const char *p = find_line(text, "btime ");
	unsigned long long value;

	if (!p || !read_number(&p, 10, &value) || value > LLONG_MAX / 2)
		return false;
	*seconds = (long long)value;
	return true;
}

bool proc_limits_soft(const char *text, const char *name, uint64_t *limit)
{
	static const char unlimited[] = "unlimited";
	const char *p = find_line(text, name);
	unsigned long long value;

	if (!p)
		return false;
	p += strspn(p, " ");
	if (strncmp(p, unlimited, strlen(unlimited)) == 0) {
		*limit = UINT64_MAX;
		return true;
	}
	if (!read_number(&p, 10, &value))
		return false;
	*limit = value;
	return true;
}

/* Whether one of the two-letter flags of a VmFlags line is that one. */
static bool has_vm_flag(const char *line, size_t length, const char *flag)
{
	for (size_t i = 0; i + 2 <= length; i++)
		if (line[i] == flag[0] && line[i + 1] == flag[1] &&
			(i == 0 || line[i - 1] == ' ') && (i + 2 == length || line[i + 2] == ' '))
			return true;
	return false;
}

void proc_smaps_guest_memory(const char *text, struct proc_guest_memory *memory)
{
	static const char size_key[] = "Size:", flags_key[] = "VmFlags:";
	unsigned long long size = 0;

	*memory = (struct proc_guest_memory){0};
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *number = text + strlen(size_key);
		if (strncmp(text, size_key, strlen(size_key)) == 0 &&
			!read_number(&number, 10, &size))
			size = 0;
		if (strncmp(text, flags_key, strlen(flags_key)) == 0 &&
			has_vm_flag(text, length, "dc") && !has_vm_flag(text, length, "io") &&
			!has_vm_flag(text, length, "pf")) {
			memory->total += size;
			memory->dumped += has_vm_flag(text, length, "dd") ? 0 : size;
		}
		text += length;
		text += *text == '\n';
	}
}

/* Whether the comma-separated list of the given length has the word. */
static bool list_has(const char *list, size_t length, const char *word)
{
	size_t wanted = strlen(word);

	while (length > 0) {
		const char *comma = memchr(list, ',', length);
		size_t n = comma ? (size_t)(comma - list) : length;
		if (n == wanted && memcmp(list, word, n) == 0)
			return true;
		if (!comma)
			return false;
		list += n + 1;
		length -= n + 1;
	}
	return false;
}

/* Lines are HIERARCHY:CONTROLLERS:PATH (cgroups(7)). */
char *proc_cgroup_path(const char *text, const char *controller)
{
	while (text && *text) {
		size_t length = strcspn(text, "\n");
		const char *controllers = memchr(text, ':', length);
		const char *path = controllers ? memchr(controllers + 1, ':',
							 length - (size_t)(controllers + 1 - text))
					       : NULL;
		if (path) {
			size_t n = (size_t)(path - controllers - 1);
			bool wanted = *controller ? list_has(controllers + 1, n, controller)
						  : n == 0 && *text == '0';
			if (wanted)
				return xstrndup(path + 1, length - (size_t)(path + 1 - text));
		}
		text += length;
		text += *text == '\n';
	}
	return NULL;
}

char *proc_cgroup_systemd(const char *text)
{
	cleanup_free char *path = proc_cgroup_path(text, "");
	cleanup_free char *old = proc_cgroup_path(text, "name=systemd");

	/* One of version 1 that systemd does not use, as old containers want it, has "/". */
	bool is_empty = !old || strcmp(old, "/") == 0;
	return is_empty && path ? steal_pointer(&path) : steal_pointer(&old);
}

/* Whether the name of that length has the suffix, and something before it. */
static bool ends_with(const char *name, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);

	return length > n && memcmp(name + length - n, suffix, n) == 0;
}

size_t proc_path_length(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(path);

	return ends_with(path, length, deleted) ? length - strlen(deleted) : length;
}

char *proc_cgroup_unit(const char *path)
{
	size_t length;

	for (; path && *path == '/'; path += length) {
		path++;
		length = strcspn(path, "/");
		if (ends_with(path, length, ".slice"))
			continue;
		/* Where the name could be a file of the kernel's. */
		size_t escape = *path == '_';
		bool is_unit =
			ends_with(path, length, ".service") || ends_with(path, length, ".scope");
		return is_unit ? xstrndup(path + escape, length - escape) : NULL;
	}
	return NULL;
}

/* Blanks and the like stand as three octal digits: fs/proc_namespace.c, mangle(). */
static void resolve_escapes(char *text)
{
	char *out = text;

	for (const char *p = text; *p;) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
			p[3] >= '0' && p[3] <= '7') {
			*out++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*out++ = *p++;
		}
	}
	*out = '\0';
}

/* "8:1"; 0: it is none. */
static dev_t read_device(const char *text)
{
	char *end, *minor_end;
	unsigned long major_number = strtoul(text, &end, 10);

	if (end == text || *end != ':')
		return 0;
	unsigned long minor_number = strtoul(end + 1, &minor_end, 10);
	return minor_end == end + 1 ? 0 : makedev((unsigned)major_number, (unsigned)minor_number);
}

/* Takes a word from what is left, which is cut behind it; NULL: there is none. */
static char *next_word(char **rest)
{
	char *word = *rest;

	while (*word == ' ')
		word++;
	char *end = strchrnul(word, ' ');
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return *word ? word : NULL;
}

/*
 * Fields 1, 3 and 5 and, behind the "-", 1 to 3 (proc(5)). Hosts have a mount for each VM and
 * container, and each start reads all of them: strtok(3) and sscanf(3) take thrice as long.
 */
static bool read_mount(char *line, struct proc_mount *mount)
{
	char *fields[6] = {NULL};
	unsigned position = 0, behind = 0;

	for (char *word; (word = next_word(&line)) != NULL;) {
		position++;
		if (!behind && (position == 1 || position == 3 || position == 5))
			fields[position / 2] = word;
		else if (position > 6 && !behind && strcmp(word, "-") == 0)
			behind = position;
		else if (behind && position <= behind + 3)
			fields[2 + position - behind] = word;
	}
	if (!fields[2] || !fields[3])
		return false;
	*mount = (struct proc_mount){.id = strtoull(fields[0], NULL, 10),
		/* A tree of files that stands for a host may say less. */
		.dev = read_device(fields[1]),
		.point = xstrdup(fields[2]),
		.type = xstrdup(fields[3]),
		.source = xstrdup(fields[4] ? fields[4] : ""),
		.options = xstrdup(fields[5] ? fields[5] : "")};
	resolve_escapes(mount->point);
	resolve_escapes(mount->source);
	return true;
}

bool proc_mountinfo_next(const char **text, struct proc_mount *mount)
{
	while (**text) {
		const char *end = strchrnul(*text, '\n');
		cleanup_free char *line = xstrndup(*text, (size_t)(end - *text));
		*text = end + (*end == '\n');
		if (read_mount(line, mount))
			return true;
	}
	return false;
}

void proc_mount_free(struct proc_mount *mount)
{
	free(mount->point);
	free(mount->type);
	free(mount->source);
	free(mount->options);
	*mount = (struct proc_mount){0};
}

bool proc_options_have(const char *options, const char *option)
{
	return list_has(options, strlen(options), option);
}
