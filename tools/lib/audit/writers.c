/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/writers.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "path/look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

char *audit_writers_cause(
	struct audit *audit, const struct trust_facts *facts, const struct trust_report *report)
{
	struct trust_report shared = *report;
	cleanup_free char *name = NULL;

	if (!report->is_shared || report->by_mode)
		return xstrdup("");
	shared.is_owner = false;
	if (report->entry.tag == ACL_USER)
		name = tree_user_name(&audit->tree, report->entry.id);
	else if (report->entry.tag)
		name = tree_group_name(&audit->tree, report->entry.id);
	cleanup_free char *cause = trust_explain(facts, &shared, name);
	return xasprintf(": %s", cause);
}

/*
 * Whether users other than root can change a parent directory of an executable, and a new *cause;
 * -1 and errno where that can't be determined.
 */
static int is_weak(struct audit *audit, const char *path, char **cause)
{
	struct stat st;
	struct trust_report report;
	cleanup_fd int fd = tree_open_path(&audit->tree, *path ? path : ".", O_PATH | O_DIRECTORY);

	char value[64];

	if (fd < 0 || !look_stat_fd(fd, &st))
		return -1;
	/* Who does not answer this would not answer trust_read() either. */
	if (look_getxattr(fd, -1, POSIX_ACL_ACCESS, value, sizeof value) < 0 &&
		errno == ATTEMPT_SILENT)
		return -1;
	struct trust_facts facts = trust_read(fd, &st);
	bool good = trust_allows(TRUST_STAYS, &facts, 0, &report);
	bool untold = !report.is_owner && (!facts.is_read || facts.number);
	bool weak = !good && !untold;
	if (weak)
		*cause = audit_writers_cause(audit, &facts, &report);
	errno = facts.number;
	trust_free(&facts);
	return untold ? -1 : weak;
}

/* Executables of many processes lie in the same few ones: each is judged once. */
static const struct judged_directory *judge(struct audit *audit, const char *path)
{
	for (size_t i = 0; i < audit->n_directories; i++)
		if (strcmp(audit->directories[i].path, path) == 0)
			return &audit->directories[i];
	struct judged_directory judged = {.path = xstrdup(path)};
	judged.is_weak = is_weak(audit, path, &judged.cause);
	judged.number = errno;
	ARRAY_GROW(audit->directories, audit->n_directories);
	audit->directories[audit->n_directories] = judged;
	return &audit->directories[audit->n_directories++];
}

char *audit_weak_directory(struct audit *audit, const char *path, char **cause)
{
	cleanup_free char *cut = xstrdup(path);

	for (char *slash = strchr(cut, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		const struct judged_directory *judged = judge(audit, cut);
		if (judged->is_weak < 0) {
			errno = judged->number;
			return NULL;
		}
		if (judged->is_weak) {
			*cause = xstrdup(judged->cause);
			return xstrdup(*cut ? cut : "/");
		}
		*slash = '/';
	}
	errno = 0;
	return NULL;
}
