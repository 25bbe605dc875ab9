/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/safepath.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/help.h"
#include "base/ids.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/look.h"
#include "path/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* As many as the kernel follows (path_resolution(7)). */
#define MAX_LINKS 40
/* A directory of root's that distributions have for such files. */
#define IMAGES "/var/lib/libvirt/images"

/* A walk in progress. */
struct progress {
	struct safepath *out;
	size_t n_followed; /* symbolic links */
	char **error;
};

static void let_go(struct safepath_dir **dirs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (--dirs[i]->n_holders)
			continue;
		close(dirs[i]->fd);
		free(dirs[i]->path);
		trust_free(&dirs[i]->writers);
		free(dirs[i]);
	}
	free(dirs);
}

static struct safepath_dir **hold(struct safepath_dir *const *dirs, size_t n)
{
	struct safepath_dir **held = NULL;

	for (size_t i = 0; i < n; i++) {
		ARRAY_GROW(held, i);
		held[i] = dirs[i];
		held[i]->n_holders++;
	}
	return held;
}

static int open_component(int dir, const char *name)
{
	/* One component, never through a link: links are read and judged, then walked. */
	return io_openat2(
		dir, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

/* The directory that the walk has come to. */
static const struct safepath_dir *last_dir(const struct safepath *walk)
{
	return walk->dirs[walk->n_dirs - 1];
}

bool safepath_is_fixed(const struct safepath *walk, uid_t owner)
{
	if (walk->unsafe_before)
		return false;
	for (size_t i = 0; i < walk->n_links; i++)
		if (walk->links[i].owner != owner)
			return false;
	for (size_t i = 0; i < walk->n_dirs; i++) {
		const struct stat *next = i + 1 < walk->n_dirs ? &walk->dirs[i + 1]->st : &walk->st;
		struct trust_report report;
		bool stays = trust_allows(TRUST_PLACED, &walk->dirs[i]->writers, owner, &report) ||
			     /* What is root's, or the owner's, nobody else can rename there. */
			     (report.adds_only && (next->st_uid == 0 || next->st_uid == owner));
		if (!stays)
			return false;
	}
	return true;
}

char *safepath_as(uid_t uid)
{
	cleanup_free char *user = ids_local_user(uid);
	cleanup_free char *word = shell_word(user);

	return uid ? xasprintf("virt-priv-exec -u %s -- ", word) : xstrdup("");
}

char *safepath_command(const struct safepath *walk)
{
	uid_t owner = walk->st.st_uid;

	if (safepath_is_fixed(walk, 0))
		return safepath_as(0);
	return safepath_is_fixed(walk, owner) ? safepath_as(owner) : NULL;
}

/* What takes the writers from the last directory of the walk, new; NULL: no command is safe. */
static char *help_of_dir(
	const struct safepath *walk, uid_t owner, const struct trust_report *report)
{
	const struct safepath_dir *dir = last_dir(walk);
	struct safepath to_dir = *walk;

	to_dir.n_dirs--;
	to_dir.st = dir->st;
	cleanup_free char *before = safepath_command(&to_dir);
	cleanup_free char *help = trust_help(&dir->writers, owner, dir->path);
	/* Root alone changes owners. */
	if (!before || !help || (*before && report->is_owner))
		return NULL;
	return xasprintf("%s%s", before, help);
}

static char *say_shared(const struct safepath *walk, const char *path, uid_t owner,
	const struct trust_report *report)
{
	const struct safepath_dir *dir = last_dir(walk);
	struct trust_report others = *report;
	others.is_owner = false;
	/* The mode is said already. */
	cleanup_free char *cause =
		report->by_mode ? NULL : trust_explain(&dir->writers, &others, NULL);
	cleanup_free char *help = report->adds_only ? NULL : help_of_dir(walk, owner, report);

	return xasprintf("the directory %s (mode %04o%s%s) is writable by users other than its "
			 "owner, so %s may be a file that another user has moved there; move it to "
			 "a directory that only its owner or root can write to%s%s",
		dir->path, dir->st.st_mode & 07777, cause ? "; " : "", cause ? cause : "", path,
		help ? ", or: " : "", help ? help : "");
}

/*
 * Why an object of that owner, reached from the last directory of the walk under that path, may not
 * be what root was meant to reach.
 */
static char *judge_step(
	const struct safepath *walk, const char *path, uid_t owner, bool is_directory)
{
	const struct safepath_dir *dir = last_dir(walk);
	enum trust_rule rule = owner == 0 && is_directory ? TRUST_STAYS : TRUST_PLACED;
	struct trust_report report;

	if (trust_allows(rule, &dir->writers, owner, &report))
		return NULL;
	if (report.is_shared)
		return say_shared(walk, path, owner, &report);
	cleanup_free char *whose = ids_local_user(owner);
	cleanup_free char *user = ids_local_user(dir->st.st_uid);
	return xasprintf("%s is owned by %s, but the directory %s by %s, who can replace it; move "
			 "it to a directory of its owner or of root",
		path, whose, dir->path, user);
}

/* Takes a new message, or NULL; the first one is what counts. */
static void note_unsafe(struct progress *p, char *message)
{
	if (p->out->unsafe_before)
		free(message);
	else
		p->out->unsafe_before = message;
}

static void push_dir(struct progress *p, int fd, char *path, const struct stat *st, uid_t server)
{
	struct safepath_dir *dir = xcalloc(1, sizeof *dir);

	*dir = (struct safepath_dir){.n_holders = 1,
		.fd = fd,
		.path = path,
		.st = *st,
		.server = server,
		.writers = trust_read(fd, st)};
	ARRAY_GROW(p->out->dirs, p->out->n_dirs);
	p->out->dirs[p->out->n_dirs++] = dir;
}

/* Who serves the object, which was reached from dir, by a FUSE mount of his. */
static uid_t server_of(const struct safepath_dir *dir, int fd, const struct stat *st)
{
	uid_t user = 0;
	struct statfs fs;

	/* A FUSE mount has a device number of its own. */
	if (dir->st.st_dev == st->st_dev)
		return dir->server;
	int is_fuse = look_is_fuse(fd, -1, &user);
	/* Beyond the root of a chroot(2), mountinfo does not tell. */
	if (is_fuse < 0)
		return fstatfs(fd, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC ? (uid_t)-1 : 0;
	return is_fuse ? user : 0;
}

/* What is served is the server's. */
static void attribute(struct progress *p, const char *path, uid_t server, struct stat *st)
{
	if (!server)
		return;
	if (st->st_uid != server)
		note_unsafe(p, xasprintf("%s is on a FUSE mount of uid %d, which reports uid %u as "
					 "its owner and cannot be trusted; move it to another file "
					 "system, or mount this one as root",
				       path, (int)server, st->st_uid));
	st->st_uid = server;
}

static bool go_to_root(struct progress *p)
{
	struct stat st;
	cleanup_fd int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(p->error, "cannot open the directory /");
	push_dir(p, steal_fd(&fd), xstrdup("/"), &st, 0);
	return true;
}

static char *join(const char *dir, const char *name)
{
	if (strcmp(name, "..") == 0) {
		const char *slash = strrchr(dir, '/');
		return slash == dir ? xstrdup("/") : xstrndup(dir, (size_t)(slash - dir));
	}
	return xasprintf("%s/%s", dir[1] ? dir : "", name);
}

static bool fail(const struct progress *p, const char *path, int number)
{
	error_set(p->error, "cannot reach %s: %s", path, strerror(number));
	errno = number;
	return false;
}

/* A link's target, with what was to come behind the link, new. NULL: the walk has failed. */
static char *read_link(struct progress *p, int fd, const char *path, const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);

	if (n <= 0 || ++p->n_followed > MAX_LINKS) {
		fail(p, path, n < 0 ? errno : n == 0 ? ENOENT : ELOOP);
		return NULL;
	}
	target[n] = '\0';
	return xasprintf("%s%s", target, rest);
}

static void note_link(struct safepath *out, uid_t owner, char *path)
{
	ARRAY_GROW(out->links, out->n_links);
	out->links[out->n_links++] = (struct safepath_link){owner, path};
}

static bool has_component(const char *path)
{
	for (; *path; path++)
		if (*path != '/' && !(*path == '.' && (path[1] == '/' || !path[1])))
			return true;
	return false;
}

/* What a step has come to, from the last directory of the walk. */
struct step {
	int fd;
	char *path;
	struct stat st;
	uid_t server;
	bool is_last; /* it is the object of the walk */
};

/* name: one component, "" for the directory itself; rest: what is to come behind it. */
static bool take_step(struct progress *p, const char *name, const char *rest, struct step *step)
{
	const struct safepath_dir *dir = last_dir(p->out);

	step->path = *name ? join(dir->path, name) : xstrdup(dir->path);
	step->fd = *name ? open_component(dir->fd, name) : fcntl(dir->fd, F_DUPFD_CLOEXEC, 3);
	if (step->fd < 0 || fstat(step->fd, &step->st) < 0)
		return fail(p, step->path, errno);
	step->server = server_of(dir, step->fd, &step->st);
	attribute(p, step->path, step->server, &step->st);
	step->is_last = !S_ISLNK(step->st.st_mode) && !has_component(rest);
	/* The last object is judged by safepath_judge(). */
	if (*name && !step->is_last)
		note_unsafe(p,
			judge_step(p->out, step->path, step->st.st_uid, S_ISDIR(step->st.st_mode)));
	if (!S_ISLNK(step->st.st_mode) && !S_ISDIR(step->st.st_mode) &&
		(!step->is_last || *rest == '/'))
		return fail(p, step->path, ENOTDIR);
	return true;
}

static void end_step(struct step *step)
{
	if (step->fd >= 0)
		close(step->fd);
	free(step->path);
	*step = (struct step){.fd = -1};
}

/* The step's link, and on with where it leads: *pending is the path that is left, from its start.
 */
static bool follow_link(struct progress *p, struct step *step, const char *rest, char **pending)
{
	char *next = read_link(p, step->fd, step->path, rest);

	if (!next)
		return false;
	if (step->st.st_uid != 0)
		note_link(p->out, step->st.st_uid, steal_pointer(&step->path));
	free(*pending);
	*pending = next;
	return *next != '/' || go_to_root(p);
}

/*
 * Walks from the last directory over path. The last object, if it is no symbolic link, becomes
 * that of the walk; directories before it are pushed. Links extend the path.
 */
static bool walk(struct progress *p, const char *path)
{
	cleanup_free char *pending = xstrdup(path);
	struct safepath *out = p->out;
	bool good = true;

	for (char *rest = pending; good && out->fd < 0;) {
		rest += strspn(rest, "/");
		size_t length = strcspn(rest, "/");
		cleanup_free char *name = xstrndup(rest, length);
		struct step step = {.fd = -1};
		rest += length;
		/* "" where a path ends in "/" or is "/" alone: the directory that was come to. */
		if (strcmp(name, ".") == 0)
			continue;
		good = take_step(p, name, rest, &step);
		if (good && S_ISLNK(step.st.st_mode)) {
			good = follow_link(p, &step, rest, &pending);
			rest = pending;
		} else if (good && step.is_last) {
			out->is_step = *name != '\0';
			out->fd = steal_fd(&step.fd);
			out->path = steal_pointer(&step.path);
			out->st = step.st;
		} else if (good) {
			push_dir(p, steal_fd(&step.fd), steal_pointer(&step.path), &step.st,
				step.server);
		}
		end_step(&step);
	}
	return good;
}

void safepath_judge(struct safepath *out, uid_t owner)
{
	free(out->unsafe);
	out->unsafe = NULL;
	if (out->unsafe_before)
		out->unsafe = xstrdup(out->unsafe_before);
	else if (out->is_step)
		out->unsafe = judge_step(out, out->path, owner, S_ISDIR(out->st.st_mode));
	for (size_t i = 0; i < out->n_links && !out->unsafe; i++)
		if (out->links[i].owner != owner)
			out->unsafe =
				xasprintf("%s was reached through the symbolic link %s of uid "
					  "%u, but is owned by uid %u; name the file itself",
					out->path, out->links[i].path, out->links[i].owner, owner);
}

char *safepath_why_no_disk(const struct safepath *walk, char **help)
{
	const struct safepath_dir *dir = walk->n_dirs ? last_dir(walk) : NULL;
	bool is_own_file = S_ISREG(walk->st.st_mode) && walk->st.st_nlink == 1 && walk->is_step &&
			   walk->n_links == 0 && !walk->unsafe_before;
	struct trust_report report;

	if (!walk->unsafe)
		return NULL;
	if (!dir || !is_own_file ||
		trust_allows(TRUST_PLACED, &dir->writers, walk->st.st_uid, &report))
		return xstrdup(walk->unsafe);
	/* /tmp is to stay as it is. */
	cleanup_free char *before =
		report.is_shared && report.adds_only ? safepath_command(walk) : NULL;
	if (before && !*before) {
		cleanup_free char *word = shell_word(walk->path);
		return help_message(help,
			xasprintf("%s, or create it there, and name that", walk->unsafe), "; ",
			xasprintf("mv -i %s " IMAGES "/", word));
	}
	/*
	 * Who can replace it can do so between this message and a command, so that root would give
	 * away, or move, another file.
	 */
	return report.is_shared && !report.adds_only
		       ? xstrdup(walk->unsafe)
		       : xasprintf("%s, such as " IMAGES, walk->unsafe);
}

/* Whether the next walk may go on from the directory that path names. */
static bool is_good_start(const struct progress *p, const char *path)
{
	/*
	 * A walk through a link has left it, and behind "DIR/" or "DIR/." it has come to the
	 * directory above DIR.
	 */
	return !p->out->unsafe_before && p->n_followed == 0 && has_component(strrchr(path, '/'));
}

bool safepath_open_from(
	struct safepath_start *start, const char *path, struct safepath *out, char **error)
{
	struct progress p = {.out = out, .error = error};
	const char *slash = strrchr(path, '/');

	*out = (struct safepath){.fd = -1};
	if (path[0] != '/') {
		error_set(error, "%s: the path is not absolute", path);
		errno = EINVAL;
		return false;
	}
	if (probe_is_silent(path)) {
		error_set(error, "cannot reach %s: %s", path, attempt_why(ATTEMPT_SILENT));
		errno = ATTEMPT_SILENT;
		return false;
	}
	size_t length = (size_t)(slash - path) + 1;
	bool goes_on = start->path && strncmp(start->path, path, length) == 0 &&
		       !start->path[length] && has_component(slash);
	if (goes_on) {
		out->n_dirs = start->n_dirs;
		out->dirs = hold(start->dirs, start->n_dirs);
	}
	bool good = (goes_on || go_to_root(&p)) && walk(&p, goes_on ? slash + 1 : path);
	int number = errno;
	if (!goes_on || !good)
		safepath_forget(start);
	if (!good) {
		safepath_close(out);
		errno = number;
		return false;
	}
	out->link_owner = out->n_links > 0 ? out->links[0].owner : 0;
	safepath_judge(out, out->st.st_uid);
	if (!goes_on && is_good_start(&p, path))
		*start = (struct safepath_start){
			xstrndup(path, length), hold(out->dirs, out->n_dirs), out->n_dirs};
	return true;
}

void safepath_forget(struct safepath_start *start)
{
	let_go(start->dirs, start->n_dirs);
	free(start->path);
	*start = (struct safepath_start){0};
}

bool safepath_open(const char *path, struct safepath *out, char **error)
{
	struct safepath_start start = {0};
	bool good = safepath_open_from(&start, path, out, error);
	int number = errno;

	safepath_forget(&start);
	errno = number;
	return good;
}

void safepath_close(struct safepath *out)
{
	if (out->fd >= 0)
		close(out->fd);
	for (size_t i = 0; i < out->n_links; i++)
		free(out->links[i].path);
	free(out->links);
	free(out->unsafe_before);
	let_go(out->dirs, out->n_dirs);
	free(out->path);
	free(out->unsafe);
	*out = (struct safepath){.fd = -1};
}

int safepath_reopen(int fd, int flags)
{
	return open(IO_FD_PATH(fd), flags | O_CLOEXEC | O_NOCTTY);
}

int safepath_reopen_walk(const struct safepath *walk, int flags)
{
	int fd = safepath_reopen(walk->fd, flags);
	const char *slash = strrchr(walk->path, '/');
	struct stat st;

	if (fd >= 0 || errno != ENOENT || walk->n_dirs == 0 || !slash || !slash[1])
		return fd;
	cleanup_fd int again =
		openat(last_dir(walk)->fd, slash + 1, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (again < 0 || fstat(again, &st) < 0)
		return -1;
	if (st.st_dev != walk->st.st_dev || st.st_ino != walk->st.st_ino) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&again);
}
