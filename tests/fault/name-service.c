/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service "test" of nsswitch.conf(5), as libnss_test.so.2. Each question is a line more of the
 * file NAME_SERVICE_ASKED. The answer is NAME_SERVICE: hang, unavail, tryagain, or erange (the
 * buffer is always too small), of each question or of the NAME_SERVICE_AT'th alone; else that there
 * is no such account.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_test_getpwnam_r(
	const char *name, struct passwd *pw, char *buffer, size_t size, int *error);
enum nss_status _nss_test_getpwuid_r(
	uid_t uid, struct passwd *pw, char *buffer, size_t size, int *error);
enum nss_status _nss_test_getgrnam_r(
	const char *name, struct group *gr, char *buffer, size_t size, int *error);
enum nss_status _nss_test_getgrgid_r(
	gid_t gid, struct group *gr, char *buffer, size_t size, int *error);
enum nss_status _nss_test_initgroups_dyn(const char *user, gid_t gid, long *start, long *size,
	gid_t **groups, long limit, int *error);

static void note(const char *what, const char *name, unsigned id)
{
	const char *path = getenv("NAME_SERVICE_ASKED");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	if (name)
		dprintf(fd, "%s %s\n", what, name);
	else
		dprintf(fd, "%s %u\n", what, id);
	close(fd);
}

static enum nss_status answer(const char *what, const char *name, unsigned id, int *error)
{
	static const struct {
		const char *word;
		enum nss_status status;
		int error;
	} answers[] = {{"unavail", NSS_STATUS_UNAVAIL, ECONNREFUSED},
		{"tryagain", NSS_STATUS_TRYAGAIN, EAGAIN}, {"erange", NSS_STATUS_TRYAGAIN, ERANGE}};
	static long asked;
	const char *word = getenv("NAME_SERVICE");
	const char *at = getenv("NAME_SERVICE_AT");

	note(what, name, id);
	asked++;
	*error = ENOENT;
	if (!word || (at && *at && strtol(at, NULL, 10) != asked))
		return NSS_STATUS_NOTFOUND;
	while (strcmp(word, "hang") == 0)
		pause();
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (strcmp(word, answers[i].word) == 0) {
			*error = answers[i].error;
			return answers[i].status;
		}
	abort();
}

enum nss_status _nss_test_getpwnam_r(
	const char *name, struct passwd *pw, char *buffer, size_t size, int *error)
{
	(void)pw, (void)buffer, (void)size;
	return answer("passwd", name, 0, error);
}

enum nss_status _nss_test_getpwuid_r(
	uid_t uid, struct passwd *pw, char *buffer, size_t size, int *error)
{
	(void)pw, (void)buffer, (void)size;
	return answer("passwd", NULL, uid, error);
}

enum nss_status _nss_test_getgrnam_r(
	const char *name, struct group *gr, char *buffer, size_t size, int *error)
{
	(void)gr, (void)buffer, (void)size;
	return answer("group", name, 0, error);
}

enum nss_status _nss_test_getgrgid_r(
	gid_t gid, struct group *gr, char *buffer, size_t size, int *error)
{
	(void)gr, (void)buffer, (void)size;
	return answer("group", NULL, gid, error);
}

enum nss_status _nss_test_initgroups_dyn(const char *user, gid_t gid, long *start, long *size,
	gid_t **groups, long limit, int *error)
{
	(void)gid, (void)start, (void)size, (void)groups, (void)limit;
	return answer("initgroups", user, 0, error);
}
