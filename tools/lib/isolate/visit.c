/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/visit.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "base/process.h"
#include "claims/claims.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "isolate/mounts.h"
#include "path/look.h"
#include "path/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_MOUNTINFO ((size_t)16 * 1024 * 1024)

/*
 * The VM
 */

static bool fail(struct visit *visit, const char *what, pid_t pid)
{
	return error_set(
		&visit->unknown, "cannot %s process %d: %s", what, pid, attempt_why(errno));
}

/* Whether the process has another mount namespace, and in it another root directory, than this one.
 */
static bool has_other_root(struct visit *visit, pid_t pid, bool *has)
{
	struct stat theirs, ours;

	if (fstat(visit->namespace, &theirs) < 0 || stat("/proc/self/ns/mnt", &ours) < 0)
		return fail(visit, "examine the mount namespace of", pid);
	*has = theirs.st_ino != ours.st_ino;
	if (*has && (!look_stat_fd(visit->root, &theirs) || stat("/", &ours) < 0))
		return fail(visit, "examine the root directory of", pid);
	*has = *has && (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino);
	return true;
}

/*
 * Those of a thread that goes on: the first one, which a pidfd leads to, can have ended alone
 * (kernel/nsproxy.c, validate_nsset()).
 */
static bool open_thread(struct visit *visit, pid_t pid, pid_t thread)
{
	cleanup_free char *namespace = xasprintf("/proc/%d/task/%d/ns/mnt", pid, thread);
	cleanup_free char *root = xasprintf("/proc/%d/task/%d/root", pid, thread);

	visit->namespace = open(namespace, O_RDONLY | O_CLOEXEC);
	if (visit->namespace >= 0)
		visit->root = look_open_link(AT_FDCWD, root);
	return visit->root >= 0;
}

/* Whether the holder lives. False: it does not; or that can't be told, and visit->unknown says why.
 */
static bool lives(const struct journal *journal, struct visit *visit)
{
	bool does;

	return process_lives(journal->holder, journal->holder_start, &does, &visit->unknown) &&
	       does;
}

/* False: it has none of its own; or that can't be told, and visit->unknown says why. */
static bool open_root(const struct journal *journal, struct visit *visit)
{
	bool has = false;

	if (!journal->holder || journal->holder_namespace != process_namespace() ||
		!lives(journal, visit))
		return false;
	errno = ESRCH;
	pid_t thread = process_living_thread(journal->holder);
	bool is_open = thread && open_thread(visit, journal->holder, thread);
	int number = errno;
	/* Its number was no other process's meanwhile; where it lives, it has a thread to be seen.
	 */
	if (!lives(journal, visit))
		return false;
	errno = number;
	if (!is_open)
		return fail(visit, "open the root directory of", journal->holder);
	return has_other_root(visit, journal->holder, &has) && has;
}

static void close_root(struct visit *visit)
{
	if (visit->namespace >= 0)
		close(visit->namespace);
	if (visit->root >= 0)
		close(visit->root);
	visit->namespace = visit->root = -1;
}

bool visit_begin(const char *name, struct visit *visit, char **error)
{
	struct journal *journal = NULL;

	*visit = (struct visit){.namespace = -1, .root = -1};
	if (!journal_lock(false, error))
		return false;
	bool good = journal_directory() < 0 || journal_read(name, &journal, error);
	if (journal) {
		claimed_vm_read(journal, &visit->vm);
		if (!open_root(journal, visit))
			close_root(visit);
	}
	journal_free(journal);
	journal_unlock();
	return good;
}

void visit_end(struct visit *visit)
{
	close_root(visit);
	claimed_vm_free(&visit->vm);
	free(visit->unknown);
	visit->unknown = NULL;
}

/*
 * In the child, which ends when this is done
 */

/* What is to be done there, and what came of it. */
struct errand {
	const struct visit *visit;
	int (*run)(const struct errand *errand, bool *found); /* an errno */
	const char *path;
	int tree;	   /* a mount that is attached nowhere, to be attached; -1: none */
	bool is_directory; /* its object */
	/* To be unmounted: what it is, and its file system's device; !is_known: what is at the
	 * path. */
	bool is_known;
	struct stat object;
	dev_t device; /* 0: not known */
	int number;   /* an errno, or ATTEMPT_SILENT */
	bool found;
};

static bool stat_now(int fd, struct statx *stx)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		       STATX_TYPE | STATX_INO, stx) == 0;
}

/* The root directory of the namespace may be another one: where virt-priv-run ran in a chroot. */
static bool enter(const struct visit *visit)
{
	return setns(visit->namespace, CLONE_NEWNS) == 0 && fchdir(visit->root) == 0 &&
	       chroot(".") == 0;
}

/* Whether it can be used there as by the mount: an add that was cut off is repeated. */
static bool is_there(int place, int tree)
{
	const unsigned long limits = ST_RDONLY | ST_NODEV;
	struct statx st, wanted;
	struct statvfs fs, its;

	return stat_now(place, &st) && stat_now(tree, &wanted) &&
	       st.stx_dev_major == wanted.stx_dev_major &&
	       st.stx_dev_minor == wanted.stx_dev_minor && st.stx_ino == wanted.stx_ino &&
	       fstatvfs(place, &fs) == 0 && fstatvfs(tree, &its) == 0 &&
	       (fs.f_flag & ~its.f_flag & limits) == 0;
}

static int attach(const struct errand *errand, bool *found)
{
	if (!enter(errand->visit))
		return errno;
	umask(0);
	cleanup_fd int place =
		mounts_place_beneath(errand->visit->root, errand->path, errand->is_directory);
	if (place < 0)
		return errno;
	*found = is_there(place, errand->tree);
	return *found || mounts_attach(errand->tree, place) ? 0 : errno;
}

/* What QEMU has put in the way of a mount is not followed. */
static int open_point(const struct errand *errand, const char *point)
{
	return io_openat2(errand->visit->root, point, O_PATH | O_NOFOLLOW,
		RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

static int detach_mount(int fd, bool *found)
{
	*found = true;
	return umount2(IO_FD_PATH(fd), MNT_DETACH) == 0 ? 0 : errno;
}

/* The mount at that point, if it is of the object. */
static int detach_object(const struct errand *errand, const char *point, bool *found)
{
	cleanup_fd int fd = open_point(errand, point);
	struct statx stx;

	if (fd < 0 || !stat_now(fd, &stx))
		return errno;
	if (makedev(stx.stx_dev_major, stx.stx_dev_minor) != errand->object.st_dev ||
		stx.stx_ino != errand->object.st_ino)
		return 0;
	return detach_mount(fd, found);
}

/* Its mounts, wherever they are; those of other file systems are not asked what they are of. */
static int detach_everywhere(const struct errand *errand, bool *found)
{
	cleanup_free char *text =
		io_read_file(AT_FDCWD, "/proc/self/mountinfo", MAX_MOUNTINFO, NULL);
	const char *mounts = text;
	struct proc_mount mount;
	int number = text ? 0 : errno;

	while (text && proc_mountinfo_next(&mounts, &mount)) {
		int failed = !errand->device || mount.dev == errand->device
				     ? detach_object(errand, mount.point, found)
				     : 0;
		number = number ? number : failed;
		proc_mount_free(&mount);
	}
	return number;
}

/* What is mounted at the name, if that is a disk. */
static int detach_name(const struct errand *errand, bool *found)
{
	cleanup_fd int fd = open_point(errand, errand->path);
	struct statx stx;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : errno;
	if (!stat_now(fd, &stx))
		return errno;
	if (!S_ISREG(stx.stx_mode) && !S_ISBLK(stx.stx_mode))
		return 0;
	int number = detach_mount(fd, found);
	/* EINVAL: it is no mount. */
	*found = number == 0;
	return number == EINVAL ? 0 : number;
}

static int detach(const struct errand *errand, bool *found)
{
	if (!enter(errand->visit))
		return errno;
	return errand->is_known ? detach_everywhere(errand, found) : detach_name(errand, found);
}

/*
 * Here
 */

struct answer {
	int number;
	bool found;
};

static void ask(void *context, size_t i, struct attempt_out *out)
{
	const struct errand *errand = context;
	struct answer answer;

	(void)i;
	memset(&answer, 0, sizeof answer);
	answer.number = errand->run(errand, &answer.found);
	attempt_put(out, &answer, sizeof answer);
}

static void take(void *context, size_t i, const struct attempt_answer *answer)
{
	struct errand *errand = context;
	struct answer its;

	(void)i;
	errand->number = answer->number;
	if (answer->number == 0 && answer->length == sizeof its) {
		memcpy(&its, answer->bytes, sizeof its);
		errand->number = its.number;
		errand->found = its.found;
	} else if (answer->number == 0) {
		errand->number = EPROTO;
	}
}

/* False, and why in errand->number. */
static bool run(struct errand *errand)
{
	const int keep[] = {errand->visit->namespace, errand->visit->root, errand->tree};
	struct attempt child = {.ask = ask,
		.take = take,
		.context = errand,
		.keep = keep,
		.n_keep = sizeof keep / sizeof *keep};

	attempt(&child, 1);
	return errand->number == 0;
}

/* The object, for QEMU. */
static bool show(const struct visit *visit, const struct claims_item *item, char **error)
{
	struct stat st;

	if (!look_stat_fd(item->fd, &st))
		return error_set(error, "cannot examine %s: %s", item->path, attempt_why(errno));
	cleanup_fd int tree = mounts_clone(item->fd, false);
	bool is_node = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode);
	if (tree < 0 || !mounts_restrict(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
						       (is_node ? 0 : MOUNT_ATTR_NODEV) |
						       (item->writable ? 0 : MOUNT_ATTR_RDONLY)))
		return error_set_errno(error, "cannot clone a mount of %s", item->path);
	struct errand errand = {.visit = visit,
		.run = attach,
		.path = item->path,
		.tree = tree,
		.is_directory = S_ISDIR(st.st_mode)};
	return run(&errand) ||
	       error_set(error, "cannot mount %s in the root directory of the VM: %s", item->path,
		       attempt_why(errand.number));
}

bool visit_show(const struct visit *visit, const struct claims_plan *plan, char **error)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].fd >= 0 && !show(visit, &plan->items[i], error))
			return false;
	return true;
}

enum release_hidden visit_hide(void *context, const char *name, int object, char **error)
{
	const struct visit *visit = context;
	struct errand errand = {.visit = visit, .run = detach, .path = name, .tree = -1};

	if (visit->unknown) {
		error_set(
			error, "cannot determine whether the VM sees %s: %s", name, visit->unknown);
		return RELEASE_NOT_HIDDEN;
	}
	if (visit->root < 0)
		return RELEASE_NOT_SEEN;
	errand.is_known = object >= 0 && look_stat_fd(object, &errand.object);
	const struct proc_mount *mount = errand.is_known ? mounts_of(object) : NULL;
	errand.device = mount ? mount->dev : 0;
	if (run(&errand))
		return errand.found ? RELEASE_HIDDEN : RELEASE_NOT_SEEN;
	error_set(error, "cannot unmount %s in the root directory of the VM: %s", name,
		attempt_why(errand.number));
	return RELEASE_NOT_HIDDEN;
}
