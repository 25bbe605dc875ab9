/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/system.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char source[] = "QEMU";

static struct isolation_path *add(struct isolation *isolation, const char *path)
{
	struct isolation_path *added = isolation_add(isolation, path, source);

	added->optional = true;
	return added;
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '/' || !path[n]);
}

/*
 * Where a QEMU that is none of the distribution's has what it needs: below PREFIX of PREFIX/bin. A
 * PREFIX like /opt or /home has much more than that, so then it is the directory alone.
 */
static char *own_place(const char *program)
{
	static const char *const names[] = {"/bin", "/sbin", "/libexec"};
	cleanup_free char *directory = xstrdup(program);

	*strrchr(directory, '/') = '\0';
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		size_t n = strlen(directory), length = strlen(names[i]);
		if (n <= length || strcmp(directory + n - length, names[i]) != 0)
			continue;
		char *prefix = xstrndup(directory, n - length);
		if (strchr(prefix + 1, '/'))
			return prefix;
		free(prefix);
	}
	return steal_pointer(&directory);
}

static bool add_programs(struct isolation *isolation, char **error)
{
	static const char *const places[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
	bool is_known = false;

	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		struct stat st;
		is_known |= is_below(isolation->program, places[i]);
		/* What is a link there is one here. */
		if (lstat(places[i], &st) < 0) {
			if (errno != ENOENT)
				return error_set_errno(error, "cannot examine %s", places[i]);
		} else if (S_ISDIR(st.st_mode)) {
			add(isolation, places[i])->executes = true;
		}
	}
	if (is_known)
		return true;
	cleanup_free char *place = own_place(isolation->program);
	struct isolation_path *path =
		isolation_add(isolation, *place ? place : isolation->program, source);
	path->executes = true;
	return true;
}

bool isolation_add_system(struct isolation *isolation, char **error)
{
	static const char *const files[] = {"/etc/ld.so.cache", "/etc/localtime",
		"/etc/alternatives", "/etc/crypto-policies", "/etc/gnutls", "/etc/ssl/certs",
		"/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates"};
	static const char *const network[] = {
		"/etc/hosts", "/etc/resolv.conf", "/etc/services", "/etc/protocols"};
	static const char *const devices[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

	if (!add_programs(isolation, error))
		return false;
	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		add(isolation, files[i]);
	for (size_t i = 0; isolation->network && i < N_ELEMENTS(network); i++)
		add(isolation, network[i]);
	for (size_t i = 0; i < N_ELEMENTS(devices); i++) {
		struct isolation_path *path = add(isolation, devices[i]);
		path->writable = true;
		path->optional = false;
	}
	if (isolation->terminals) {
		struct isolation_path *path = add(isolation, "/dev/pts");
		path->writable = true;
		path->devices = true;
	}
	if (isolation->sysfs) {
		/* Not cgroups, debugfs and the like, which lie below it. */
		add(isolation, "/sys")->alone = true;
		add(isolation, "/run/udev");
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(
		((const struct isolation_path *)a)->path, ((const struct isolation_path *)b)->path);
}

void isolation_sort(struct isolation *isolation)
{
	if (isolation->n_paths)
		qsort(isolation->paths, isolation->n_paths, sizeof *isolation->paths, compare);
}
