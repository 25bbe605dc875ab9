/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/request.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "path/absolute.h"

#include <string.h>

struct claim_request *claim_requests_add(struct claim_requests *list)
{
	ARRAY_GROW(list->all, list->n);
	struct claim_request *request = &list->all[list->n++];
	*request = (struct claim_request){0};
	return request;
}

void claim_requests_free(struct claim_requests *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct claim_request *r = &list->all[i];
		free(r->path);
		free(r->source);
		free(r->reason);
		free(r->format);
		free(r->label);
	}
	free(list->all);
	*list = (struct claim_requests){0};
}

/* The path of a --disk, new; *behind: what follows it, "" or from a comma on. */
static char *disk_path(const char *text, const char **behind)
{
	char *path = xstrdup(text), *to = path;
	const char *p = text;

	for (; *p && !(p[0] == ',' && p[1] != ','); p++) {
		if (*p == ',')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	*behind = p;
	return path;
}

/* What follows the path of a --disk. */
static bool disk_flags(
	const char *text, const char *flags, bool *read_only, bool *shared, char **error)
{
	const char *p = flags;

	while (*p == ',') {
		size_t n = strcspn(++p, ",");
		if (n == strlen("readonly") && strncmp(p, "readonly", n) == 0) {
			*read_only = true;
		} else if (n == strlen("shared") && strncmp(p, "shared", n) == 0) {
			*shared = true;
		} else {
			*error = xasprintf(
				"--disk %s: expected \"readonly\" or \"shared\" after the path, "
				"not \"%.*s\"; a comma in a path is written twice",
				text, (int)n, p);
			return false;
		}
		p += n;
	}
	return true;
}

bool claim_requests_add_disk(struct claim_requests *list, const char *text, char **error)
{
	const char *flags;
	cleanup_free char *path = disk_path(text, &flags);
	bool read_only = false, shared = false;

	if (!disk_flags(text, flags, &read_only, &shared, error))
		return false;
	if (!*path) {
		*error = xstrdup("empty path");
		return false;
	}
	char *absolute = absolute_path(path, error);
	if (!absolute)
		return false;
	struct claim_request *r = claim_requests_add(list);
	r->kind = RESOURCE_DISK;
	r->path = absolute;
	r->source = xstrdup("--disk");
	r->access = read_only ? ACCESS_RO : ACCESS_RW;
	r->action = read_only || shared ? ACTION_CHECK : ACTION_CLAIM;
	/* A shared disk that is read-only is only read. */
	r->shared = shared && !read_only;
	r->reason = xstrdup(read_only ? "read-only" : shared ? "shared" : "writable, exclusive");
	return true;
}

/* With each comma twice, new. */
static char *double_commas(const char *path)
{
	char *word = xcalloc(2 * strlen(path) + 1, 1), *to = word;

	for (const char *p = path; *p; p++) {
		if (*p == ',')
			*to++ = ',';
		*to++ = *p;
	}
	return word;
}

char *claim_requests_claimed(const char *name, const char *text, char **error)
{
	struct journal *journal = NULL;
	char *word = NULL;

	/* Nothing in it is other than it seems. */
	if (!strchr(text, ','))
		return xstrdup(text);
	cleanup_free char *path = absolute_path(text, error);
	if (!path || !journal_lock(false, error))
		return NULL;
	bool good = journal_directory() < 0 || journal_read(name, &journal, error);
	for (size_t i = 0; good && journal && i < journal->n_entries && !word; i++)
		if (strcmp(journal->entries[i].path, path) == 0)
			word = double_commas(path);
	if (good)
		journal_free(journal);
	journal_unlock();
	return word || !good ? word : xstrdup(text);
}

bool claim_requests_add_device(struct claim_requests *list, const char *text, char **error)
{
	if (!*text) {
		*error = xstrdup("empty path");
		return false;
	}
	char *absolute = absolute_path(text, error);
	if (!absolute)
		return false;
	struct claim_request *r = claim_requests_add(list);
	r->kind = RESOURCE_DEVICE;
	r->path = absolute;
	r->source = xstrdup("--device");
	r->access = ACCESS_RW;
	r->action = ACTION_CLAIM;
	r->is_device = true;
	r->reason = xstrdup("device node");
	return true;
}
