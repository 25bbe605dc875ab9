/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/pool.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "isolate/pool_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SUBIDS ((size_t)16 * 1024 * 1024)
#define MAX_KEPT 128
#define OWN_ATTEMPTS 10
#define OWN_PAUSE_US 20000

/* FNV-1a. */
unsigned pool_start(const struct id_range *pool, const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash % pool->count;
}

/*
 * What is taken on the host
 */

static bool take_subid_file(struct pool_taken *taken, const char *path, char **error)
{
	cleanup_free char *text = io_read_file(AT_FDCWD, path, MAX_SUBIDS, NULL);

	if (text)
		pool_take_subids(taken, text);
	else if (errno != ENOENT)
		return error_set_errno(error, "cannot read %s", path);
	return true;
}

static bool take_claims(struct pool_taken *taken, const char *name, char **error)
{
	struct journal **all;
	bool all_read;
	size_t n;

	if (!journal_lock(false, error))
		return false;
	bool good = journal_read_all(&all, &n, &all_read, error);
	if (good) {
		pool_take_journals(taken, all, n, name);
		journal_free_all(all, n);
	}
	journal_unlock();
	return good && (all_read || error_set(error, "a journal could not be read; see above"));
}

/* An id that another VM keeps; *own is the one that this VM does. */
static bool take_kept(struct pool_taken *taken, const char *name, uid_t *own, char **error)
{
	cleanup_dir DIR *dir = opendir(POOL_KEPT);
	const struct dirent *d;
	char whose[MAX_KEPT];

	if (!dir)
		return errno == ENOENT ||
		       error_set_errno(error, "cannot read the directory " POOL_KEPT);
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		char *end;
		unsigned long id = strtoul(d->d_name, &end, 10);
		if (*end || end == d->d_name || id > UINT_MAX - 1)
			continue;
		if (!io_read_line(dirfd(dir), d->d_name, whose, sizeof whose)) {
			/* An admin frees it at this moment. */
			if (errno == ENOENT)
				continue;
			return error_set_errno(error, "cannot read " POOL_KEPT "/%s", d->d_name);
		}
		if (strcmp(whose, name) == 0)
			*own = (uid_t)id;
		else
			pool_take_range(taken, id, 1);
	}
	return errno == 0 || error_set_errno(error, "cannot read the directory " POOL_KEPT);
}

static bool take_all(struct pool_taken *taken, const char *name, uid_t *own, char **error)
{
	return take_subid_file(taken, "/etc/subuid", error) &&
	       take_subid_file(taken, "/etc/subgid", error) && pool_take_processes(taken, error) &&
	       take_claims(taken, name, error) && take_kept(taken, name, own, error);
}

/* Whether an account or a group has the id: only the database says no. */
static bool ask_accounts(uid_t id, bool *is_taken, char **error)
{
	cleanup_free char *number = xasprintf("+%u", id);
	cleanup_free char *origin = xasprintf("id %u of the pool of VMs", id);
	struct identity identity = {0};

	bool good = ids_user(number, origin, &identity, error) &&
		    ids_group(number, origin, &identity, error);
	*is_taken = identity.has_account || identity.has_group;
	identity_free(&identity);
	return good;
}

bool pool_has_owner(uid_t id, bool *has, char **error)
{
	const struct id_range one = {.first = id, .count = 1};
	struct pool_taken taken;

	pool_taken_init(&taken, &one);
	bool good = take_subid_file(&taken, "/etc/subuid", error) &&
		    take_subid_file(&taken, "/etc/subgid", error) && ask_accounts(id, has, error);
	*has = good && (*has || taken.is_taken[0]);
	pool_taken_free(&taken);
	return good;
}

/*
 * The search
 */

struct search {
	const struct id_range *pool;
	const char *name;
	bool dry_run;
	int locks; /* -1 in a dry run */
	struct pool_taken taken;
	uid_t own; /* what the VM keeps; 0: nothing */
	unsigned n_locked;
};

/* At an id that is not given. What a killed start has left of it stays for recover. */
static void stop_looking(const struct search *s, uid_t id, int *lock)
{
	if (*lock < 0)
		return;
	if (!pool_lock_is_given(*lock))
		pool_lock_remove(s->locks, id, *lock);
	close(*lock);
	*lock = -1;
}

/* 1: it is free, and *lock holds it; 0: it is not; -1 and a new message. */
static int try_id(struct search *s, uid_t id, int *lock, char **error)
{
	bool *is_taken = &s->taken.is_taken[id - s->pool->first];

	*error = NULL;
	*lock = -1;
	if (*is_taken)
		return 0;
	if (s->dry_run ? pool_is_locked(id) : (*lock = pool_lock(s->locks, id, true, error)) < 0) {
		s->n_locked++;
		*is_taken = true;
		return *error ? -1 : 0;
	}
	/* Anew for each: what others did before they let go of its lock counts. */
	bool good = take_all(&s->taken, s->name, &s->own, error);
	bool is_accounts = false;
	if (good && !*is_taken)
		good = ask_accounts(id, &is_accounts, error);
	bool is_free = good && !*is_taken && !is_accounts;
	if (is_free && (s->dry_run || pool_lock_give(*lock, id, s->name, error)))
		return 1;
	*is_taken = true;
	stop_looking(s, id, lock);
	return good && !is_free ? 0 : -1;
}

/* The one that the VM keeps. A dry run, recover and status have its lock for a moment. */
static int try_own(struct search *s, int *lock, char **error)
{
	int found = 0;

	for (int i = 0; i < OWN_ATTEMPTS && found == 0; i++) {
		unsigned locked = s->n_locked;
		if (i > 0)
			usleep(OWN_PAUSE_US);
		s->taken.is_taken[s->own - s->pool->first] = false;
		found = try_id(s, s->own, lock, error);
		if (s->n_locked == locked)
			break;
	}
	return found;
}

static bool is_of_pool(const struct id_range *pool, uid_t id)
{
	return id >= pool->first && id - pool->first < pool->count;
}

static bool search(struct search *s, uid_t *id, int *lock, char **error)
{
	unsigned start = pool_start(s->pool, s->name);
	int found = 0;

	if (!take_kept(&s->taken, s->name, &s->own, error))
		return false;
	if (is_of_pool(s->pool, s->own)) {
		*id = s->own;
		if ((found = try_own(s, lock, error)) != 0)
			return found > 0;
		return error_set(error,
			"VM '%s' keeps the id %u, which is in use: by its own QEMU, if that goes "
			"on without virt-priv-run, by another process, claim, account or start; "
			"see virt-priv-chown status",
			s->name, *id);
	}
	for (unsigned i = 0; i < s->pool->count && found == 0; i++) {
		*id = s->pool->first + (start + i) % s->pool->count;
		found = try_id(s, *id, lock, error);
	}
	if (found)
		return found > 0;
	return error_set(error,
		"no id is free for VM '%s': all %u from %u on are taken (%u by VMs that run); "
		"enlarge the range (isolate_ids in /etc/libvirt/qemu.conf), then virt-priv-conf "
		"reserve-ids",
		s->name, s->pool->count, s->pool->first, s->n_locked);
}

bool pool_take(const struct id_range *pool, const char *name, bool dry_run, uid_t *id, int *lock,
	char **error)
{
	struct search s = {.pool = pool, .name = name, .dry_run = dry_run, .locks = -1};

	*lock = -1;
	if (!dry_run && (s.locks = runtime_dir_open(error)) < 0)
		return false;
	pool_taken_init(&s.taken, pool);
	bool good = search(&s, id, lock, error);
	pool_taken_free(&s.taken);
	if (s.locks >= 0)
		close(s.locks);
	return good;
}

void pool_let_go(uid_t id, int *lock)
{
	cleanup_free char *error = NULL;
	cleanup_fd int runtime = *lock < 0 ? -1 : runtime_dir_open(&error);

	if (*lock < 0)
		return;
	if (runtime < 0)
		warn("%s", error);
	else
		pool_lock_remove(runtime, id, *lock);
	close(*lock);
	*lock = -1;
}

void pool_leave(int *lock)
{
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}

/* The directory of ids that are kept; -1 and a new message. */
static int open_kept(char **error)
{
	static const char *const directories[] = {"/var/lib/virt-privileges", POOL_KEPT};

	for (size_t i = 0; i < N_ELEMENTS(directories); i++)
		if (mkdir(directories[i], 0755) < 0 && errno != EEXIST) {
			error_set_errno(error, "cannot create the directory %s", directories[i]);
			return -1;
		}
	int fd = open(POOL_KEPT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(error, "cannot open the directory " POOL_KEPT);
	return fd;
}

bool pool_keep(uid_t id, const char *name, char **error)
{
	static const char unfinished[] = ".new";
	cleanup_free char *file = xasprintf("%u", id);
	cleanup_free char *text = xasprintf("%s\n", name);
	cleanup_fd int kept = open_kept(error);

	if (kept < 0)
		return false;
	/* Whoever else writes one has another id, and the same text for the same VM. */
	cleanup_free char *new = xasprintf("%s.%u", unfinished, id);
	cleanup_fd int fd =
		openat(kept, new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || !io_write_all(fd, text, strlen(text)) || !io_sync(fd) ||
		renameat(kept, new, kept, file) < 0 || !io_sync(kept))
		return error_set_errno(error, "cannot write " POOL_KEPT "/%u", id);
	return true;
}
