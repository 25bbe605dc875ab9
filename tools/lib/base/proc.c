/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

/* One decimal id that fits 32 bits, behind blanks; advances *p. */
static bool read_id(const char **p, uint32_t *id)
{
	char *end;

	*p += strspn(*p, " \t");
	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(*p, &end, 10);
	if (errno || value > UINT32_MAX)
		return false;
	*p = end;
	*id = (uint32_t)value;
	return true;
}

static bool at_line_end(const char *p)
{
	p += strspn(p, " \t");
	return *p == '\n' || *p == '\0';
}

static bool read_four(const char *p, uint32_t id[4])
{
	for (int i = 0; i < 4; i++)
		if (!read_id(&p, &id[i]))
			return false;
	return at_line_end(p);
}

static bool read_groups(const char *p, struct proc_status *status)
{
	gid_t gid;

	while (!at_line_end(p)) {
		if (!read_id(&p, &gid))
			return false;
		ARRAY_GROW(status->groups, status->n_groups);
		status->groups[status->n_groups++] = gid;
	}
	return true;
}

/* Sixteen hexadecimal digits: fs/proc/array.c, render_cap_t(). */
static bool read_mask(const char *p, uint64_t *mask)
{
	p += strspn(p, " \t");
	if (strspn(p, "0123456789abcdef") != 16)
		return false;
	*mask = strtoull(p, NULL, 16);
	return at_line_end(p + 16);
}

static bool read_flag(const char *p, bool *flag)
{
	p += strspn(p, " \t");
	*flag = *p == '1';
	return (*p == '0' || *p == '1') && at_line_end(p + 1);
}

static const char *const fields[] = {"Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:",
	"CapBnd:", "CapAmb:", "NoNewPrivs:", "Threads:"};
enum { N_FIELDS = N_ELEMENTS(fields) };

static bool read_field(size_t field, const char *p, struct proc_status *status)
{
	switch (field) {
	case 0:
		return read_four(p, status->uid);
	case 1:
		return read_four(p, status->gid);
	case 2:
		return read_groups(p, status);
	case 3:
		return read_mask(p, &status->inheritable);
	case 4:
		return read_mask(p, &status->permitted);
	case 5:
		return read_mask(p, &status->effective);
	case 6:
		return read_mask(p, &status->bounding);
	case 7:
		return read_mask(p, &status->ambient);
	case 8:
		return read_flag(p, &status->no_new_privs);
	default:
		return read_id(&p, &status->threads) && at_line_end(p);
	}
}

bool proc_status_parse(const char *text, struct proc_status *status, char **error)
{
	bool seen[N_FIELDS] = {false};

	memset(status, 0, sizeof *status);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t f = 0; f < N_FIELDS; f++) {
			if (*line != *fields[f])
				continue;
			size_t length = strlen(fields[f]);
			if (strncmp(line, fields[f], length) != 0)
				continue;
			if (seen[f] || !read_field(f, line + length, status)) {
				*error = xasprintf("%s is %s", fields[f],
					seen[f] ? "there twice" : "malformed");
				proc_status_free(status);
				return false;
			}
			seen[f] = true;
		}
	}
	for (size_t f = 0; f < N_FIELDS; f++) {
		if (!seen[f]) {
			*error = xasprintf("%s is missing", fields[f]);
			proc_status_free(status);
			return false;
		}
	}
	return true;
}

void proc_status_free(struct proc_status *status)
{
	free(status->groups);
	memset(status, 0, sizeof *status);
}

static bool read_optional(const char *p, int64_t *id)
{
	uint32_t value;

	if (!read_id(&p, &value) || !at_line_end(p))
		return false;
	*id = value;
	return true;
}

static bool read_name(const char *p, char name[], size_t size)
{
	p += strspn(p, " \t");
	size_t length = strcspn(p, "\n");

	if (length >= size)
		length = size - 1;
	memcpy(name, p, length);
	name[length] = '\0';
	return true;
}

static bool read_ns_pids(const char *p, struct proc_details *details)
{
	while (!at_line_end(p)) {
		if (details->n_ns_pid == PROC_MAX_NSPID ||
			!read_id(&p, &details->ns_pid[details->n_ns_pid]))
			return false;
		details->n_ns_pid++;
	}
	return details->n_ns_pid > 0;
}

static const char *const more_fields[] = {
	"Name:", "State:", "Tgid:", "Pid:", "TracerPid:", "Seccomp:", "Seccomp_filters:", "NSpid:"};
enum { N_MORE_FIELDS = N_ELEMENTS(more_fields) };

static bool read_more(size_t field, const char *p, struct proc_details *details)
{
	int64_t mode;

	switch (field) {
	case 0:
		return read_name(p, details->name, sizeof details->name);
	case 1:
		p += strspn(p, " \t");
		details->state = *p;
		return (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
	case 2:
		return read_optional(p, &details->tgid);
	case 3:
		return read_optional(p, &details->pid);
	case 4:
		return read_optional(p, &details->tracer);
	case 5:
		if (!read_optional(p, &mode) || mode > 2)
			return false;
		details->seccomp = (int)mode;
		return true;
	case 6:
		return read_optional(p, &details->seccomp_filters);
	default:
		return read_ns_pids(p, details);
	}
}

bool proc_details_parse(const char *text, struct proc_details *details, char **error)
{
	bool seen[N_MORE_FIELDS] = {false};

	*details = (struct proc_details){
		.tgid = -1, .pid = -1, .tracer = -1, .seccomp = -1, .seccomp_filters = -1};
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t f = 0; f < N_MORE_FIELDS; f++) {
			if (*line != *more_fields[f])
				continue;
			size_t length = strlen(more_fields[f]);
			if (strncmp(line, more_fields[f], length) != 0)
				continue;
			if (seen[f] || !read_more(f, line + length, details)) {
				*error = xasprintf("%s is %s", more_fields[f],
					seen[f] ? "there twice" : "malformed");
				return false;
			}
			seen[f] = true;
		}
	}
	return true;
}

bool proc_status_self(struct proc_status *status, char **error)
{
	static const char path[] = "/proc/self/status";
	cleanup_free char *text = NULL;
	cleanup_free char *why = NULL;
	struct statfs fs;

	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(
			error, "cannot open %s to verify the privileges: is /proc mounted?", path);
	if (fstatfs(fd, &fs) < 0)
		return error_set_errno(error, "cannot determine the file system of %s", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return error_set(error,
			"%s is not on a proc file system, so the privileges cannot be verified",
			path);
	text = io_read_fd(fd, SIZE_MAX, NULL);
	if (!text)
		return error_set_errno(error, "cannot read %s", path);
	if (!proc_status_parse(text, status, &why))
		return error_set(error, "cannot trust %s: %s", path, why);
	if (status->threads == 1)
		return true;
	error_set(
		error, "cannot drop the privileges of a process with %u threads", status->threads);
	proc_status_free(status);
	return false;
}
