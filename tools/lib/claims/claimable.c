/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/claimable.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/holder.h"
#include "path/attributes.h"
#include "path/block_relation.h"
#include "path/block_use.h"
#include "path/block_view.h"
#include "path/command.h"
#include "path/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct claimable_passed {
	dev_t dev;
	ino_t ino;
	struct block_ground ground;
};

/* Programs, and files of the system. */

static bool begins_with_directory(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* The directory of the system that the path, without symbolic links, lies below; NULL: none. */
static const char *system_directory(const char *path)
{
	static const char *const local[] = {"/usr/local/bin", "/usr/local/sbin", "/usr/local/lib",
		"/usr/local/lib64", "/usr/local/libexec", "/usr/local/etc"};
	static const char *const all[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
		"/libx32", "/boot", "/efi", "/etc"};
	bool is_local = begins_with_directory(path, "/usr/local");

	for (size_t i = 0; is_local && i < N_ELEMENTS(local); i++)
		if (begins_with_directory(path, local[i]))
			return local[i];
	for (size_t i = 0; !is_local && i < N_ELEMENTS(all); i++)
		if (begins_with_directory(path, all[i]))
			return all[i];
	return NULL;
}

/* The directories of root's PATH, which are looked up once. */
static const struct stat *path_directories(struct claimable *c)
{
	const char *path = getenv("PATH");
	cleanup_free char *copy = xstrdup(path ? path : "");
	struct stat *all = c->path_directories;
	size_t n = 0;

	for (char *rest = all ? NULL : copy; rest;) {
		const char *dir = strsep(&rest, ":");
		all = xreallocarray(all, n + 2, sizeof *all);
		if (*dir == '/' && look_stat(AT_FDCWD, dir, 0, &all[n]))
			n++;
		all[n] = (struct stat){0};
	}
	return c->path_directories = all;
}

/* Whether a directory of root's PATH holds the object itself. */
static bool is_in_path(struct claimable *c, const struct safepath *walk)
{
	const struct stat *last = walk->n_dirs ? &walk->dirs[walk->n_dirs - 1]->st : NULL;

	for (const struct stat *dir = path_directories(c); last && dir->st_ino; dir++)
		if (dir->st_dev == last->st_dev && dir->st_ino == last->st_ino)
			return true;
	return false;
}

/* What a file that is no program needs, behind the cause, which is taken. */
static char *if_disk(const struct safepath *walk, char *cause, char **help)
{
	return help_message(
		help, cause, "; if it is a disk: ", command_on("chmod a-x", walk->path));
}

/* What its first bytes and the kernel say of a file with an execute bit; new; NULL: no program. */
static char *why_program(const struct safepath *walk, char **help)
{
	char magic[4] = "";
	cleanup_fd int fd = safepath_reopen(walk->fd, O_WRONLY | O_NONBLOCK);

	if (fd < 0 && errno == ETXTBSY)
		return xstrdup("it is a running program, not a disk");
	cleanup_fd int readable = safepath_reopen(walk->fd, O_RDONLY | O_NONBLOCK);
	if (readable < 0 || pread(readable, magic, sizeof magic, 0) < 0)
		return if_disk(walk,
			xasprintf("it has an execute bit, and cannot be read to determine whether "
				  "it is a program: %s",
				strerror(errno)),
			help);
	if (memcmp(magic, "\177ELF", 4) == 0 || memcmp(magic, "#!", 2) == 0)
		return if_disk(walk,
			xasprintf("it is a program (mode %04o, starts with %s), not a disk",
				walk->st.st_mode & 07777, magic[0] == '#' ? "#!" : "an ELF header"),
			help);
	return NULL;
}

char *claimable_why_system(struct claimable *c, const struct safepath *walk, char **help)
{
	if (!S_ISREG(walk->st.st_mode))
		return NULL;
	const char *directory = system_directory(walk->path);
	if (directory) {
		cleanup_free char *copy = command_of_root("cp", walk->path);
		return xasprintf(
			"it is a system file, below %s, and must not be writable by a guest; if it "
			"is a template, use a copy%s%s%s",
			directory, copy ? ": " : "", copy ? copy : "",
			copy ? " /var/lib/libvirt/images/" : "");
	}
	if (is_in_path(c, walk))
		return xstrdup("it is in a directory of root's PATH, and must not be writable by a "
			       "guest; move it elsewhere");
	return walk->st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH) ? why_program(walk, help) : NULL;
}

/* QEMU could not open it for writing. */
static char *why_read_only(const struct safepath *walk, const struct object *object, char **help)
{
	if (!S_ISREG(walk->st.st_mode) ||
		syscall(SYS_faccessat2, walk->fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0 ||
		errno != EROFS || !object->mount)
		return NULL;
	return help_message(help, xstrdup("its file system is mounted read-only"), "; ",
		command_of_root("mount -o remount,rw", object->mount->point));
}

static char *why_fixed(const struct safepath *walk, const struct object *object, char **help)
{
	char *why = attributes_why_fixed(&object->stx, walk->path, help);

	return why ? why : why_read_only(walk, object, help);
}

char *claimable_why_fixed(const struct safepath *walk, char **help)
{
	struct object object;

	return object_of(walk->fd, &object) ? why_fixed(walk, &object, help)
					    : xasprintf("cannot examine it: %s", strerror(errno));
}

char *claimable_why_not(struct claimable *c, const struct safepath *walk,
	const struct object *object, bool is_device, char **help)
{
	const struct stat *st = &walk->st;

	if (walk->unsafe)
		return safepath_why_no_disk(walk, help);
	if (is_device && !S_ISCHR(st->st_mode) && !S_ISBLK(st->st_mode))
		return xstrdup("it is not a device node");
	if (!is_device && !S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return xstrdup("it is neither a regular file nor a block device");
	if (S_ISREG(st->st_mode) && st->st_nlink != 1)
		return xasprintf("it has %lu hard links, all of which would change owner; remove "
				 "the others; to list them: find %s -xdev -samefile %s",
			(unsigned long)st->st_nlink, object->mount ? object->mount->point : "/",
			walk->path);
	if (st->st_mode & (S_ISUID | S_ISGID))
		return help_message(help,
			xasprintf("its mode %04o has a set-user-ID or set-group-ID bit",
				st->st_mode & 07777),
			"; ", command_on("chmod ug-s", walk->path));
	if ((st->st_mode & (S_IRUSR | S_IWUSR)) != (S_IRUSR | S_IWUSR))
		return help_message(help,
			xasprintf("its mode %04o does not allow its owner to read and write it",
				st->st_mode & 07777),
			"; ", command_on("chmod u+rw", walk->path));
	char *why = why_fixed(walk, object, help);
	return why ? why : claimable_why_system(c, walk, help);
}

/* What lies on what. */

static struct block_view *view_of(struct claimable *c, char **error)
{
	if (c->view)
		return c->view;
	cleanup_fd int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sys < 0 || proc < 0)
		*error = xasprintf("cannot read /sys and /proc: %s", strerror(errno));
	else
		c->view = block_view_new(sys, proc, true, error);
	return c->view;
}

void claimable_free(struct claimable *c)
{
	block_view_free(c->view);
	for (size_t i = 0; i < c->n_passed; i++)
		block_ground_free(&c->passed[i].ground);
	free(c->passed);
	free(c->path_directories);
	*c = (struct claimable){0};
}

static char *untold(const char *error)
{
	return xasprintf(
		"cannot determine whether the same data is in use under another name: %s", error);
}

/* False and *why, a new message: it can't be told, and must not be done. */
static bool ground_of(
	struct claimable *c, const struct safepath *walk, struct block_ground *ground, char **why)
{
	cleanup_free char *error = NULL;
	struct block_view *view = view_of(c, &error);

	*ground = (struct block_ground){0};
	if (view && block_view_read_mounts(view, &error) &&
		block_ground_of(view, walk->fd, &walk->st, walk->path, ground, &error))
		return true;
	block_ground_free(ground);
	*why = untold(error);
	return false;
}

static bool is_forced(const struct claimable *c, const struct safepath *walk, const char *asked)
{
	for (size_t i = 0; i < c->n_forced; i++)
		if (strcmp(c->forced[i], asked) == 0 || strcmp(c->forced[i], walk->path) == 0)
			return true;
	return false;
}

/* O_NONBLOCK: a drive without a medium is opened too, and nothing is waited for. */
static bool is_held_exclusively(const struct safepath *walk)
{
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDONLY | O_EXCL | O_NONBLOCK | O_NOCTTY);

	return fd < 0 && errno == EBUSY;
}

char *claimable_why_in_use(struct claimable *c, const struct safepath *walk, const char *asked)
{
	cleanup_free char *use = NULL, *error = NULL;
	struct block_ground ground;
	char *why = NULL;

	if (is_forced(c, walk, asked))
		return NULL;
	if (!view_of(c, &error))
		return untold(error);
	if (block_is_plain_file(c->view, &walk->st))
		return NULL;
	if (!ground_of(c, walk, &ground, &why))
		return why;
	if (!block_used_by(c->view, &ground, &use, &error))
		why = xasprintf("cannot determine whether the host uses it: %s", error);
	else if (!use && S_ISBLK(walk->st.st_mode) && is_held_exclusively(walk))
		use = xstrdup("it is opened exclusively, as by a mount, LVM or RAID");
	block_ground_free(&ground);
	if (use) {
		cleanup_free char *word = shell_word(asked);
		why = xasprintf("the host uses it: %s; end that use, or, if both may write to it: "
				"--force-in-use %s",
			use, word);
	}
	return why;
}

/* How the object, and what the other one is called, come to share bytes; new. */
static char *relation(const struct block_ground *ground, size_t at, const char *other,
	size_t other_at, const char *whose)
{
	if (at == 0 && other_at == 0)
		return xasprintf("it is %s, which %s, under another name", other, whose);
	if (at == 0)
		return xasprintf("%s, which %s, is on it", other, whose);
	if (other_at == 0)
		return xasprintf("it is on %s, which %s", other, whose);
	return xasprintf(
		"it and %s, which %s, are both on %s", other, whose, ground->parts[at].name);
}

/* The number of a device that is held: of the journal, or, in one of an older version, of the node.
 */
static bool status_of(const struct entry *e, bool same_boot, struct stat *st)
{
	cleanup_free char *ignored = NULL;
	cleanup_fd int fd = -1;

	*st = (struct stat){.st_mode = e->type == 'b' ? S_IFBLK : S_IFCHR, .st_rdev = e->rdev};
	if (e->type != 'f' && e->rdev)
		return true;
	if (fileid_open(&e->id, e->path, same_boot, &fd, &ignored) == FILEID_FOUND &&
		fstat(fd, st) == 0)
		return true;
	/* Of a node's file system the journal can say less than is known of it now. */
	return e->type != 'f' && look_stat(AT_FDCWD, e->path, 0, st) && st->st_ino == e->id.inode &&
	       (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode));
}

static bool has_inode(const struct block_ground *ground, uint64_t inode)
{
	for (size_t i = 0; i < ground->n; i++)
		if (ground->parts[i].type == S_IFREG && ground->parts[i].ino == inode)
			return true;
	return false;
}

struct comparison {
	struct claimable *claimable;
	struct block_ground ground;
	bool same_boot; /* the journal that is compared with is of this boot */
	bool on_mount;	/* a file of a held VM can lie on it */
	const struct stat *st;
	char **help;
};

/* Whether the entry's object shares bytes; a new message that says how. */
static char *shared(struct comparison *c, const struct entry *e, const char *whose)
{
	struct block_ground other;
	cleanup_free char *ignored = NULL;
	size_t at, other_at;
	struct stat st;

	if (e->kind != ENTRY_OWNER || (e->type != 'f' && e->type != 'b' && e->type != 'c'))
		return NULL;
	/* Two files share bytes where they are one, or where a device has one of them behind it. */
	if (e->type == 'f' && !c->on_mount &&
		(S_ISREG(c->st->st_mode) || !has_inode(&c->ground, e->id.inode)))
		return NULL;
	if (!status_of(e, c->same_boot, &st))
		return NULL;
	block_ground_of(c->claimable->view, -1, &st, e->path, &other, &ignored);
	char *how = block_shares(&c->ground, &other, &at, &other_at)
			    ? relation(&c->ground, at, e->path, other_at, whose)
			    : NULL;
	block_ground_free(&other);
	return how;
}

static char *shared_with(struct comparison *c, const struct journal *journal, bool is_own)
{
	cleanup_free char *whose = is_own ? xstrdup("this VM has claimed as well")
					  : xasprintf("VM '%s' has claimed", journal->name);

	c->same_boot = strcmp(journal->boot, boot_id()) == 0;
	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		/* A device node is a new one at each boot. */
		cleanup_free char *how =
			c->same_boot || e->type == 'f' ? shared(c, e, whose) : NULL;
		if (how && is_own)
			return xasprintf(
				"%s: the guest would write the same data under two names", how);
		if (!how)
			continue;
		cleanup_free char *advice = holder_advice(journal, c->help);
		return xasprintf("%s; %s", how, advice);
	}
	return NULL;
}

static char *shared_with_passed(struct comparison *c)
{
	size_t at, other_at;

	for (size_t i = 0; i < c->claimable->n_passed; i++) {
		const struct claimable_passed *passed = &c->claimable->passed[i];
		if (passed->dev == c->st->st_dev && passed->ino == c->st->st_ino)
			continue;
		if (!block_shares(&c->ground, &passed->ground, &at, &other_at))
			continue;
		cleanup_free char *how = relation(&c->ground, at, passed->ground.parts[0].name,
			other_at, "this VM has claimed as well");
		return xasprintf("%s: the guest would write the same data under two names", how);
	}
	return NULL;
}

char *claimable_why_held(struct claimable *claimable, const struct safepath *walk,
	const struct journal *own, struct journal *const *all, size_t n, char **help)
{
	struct comparison c = {.claimable = claimable, .st = &walk->st, .help = help};
	char *why = NULL;

	if (!ground_of(claimable, walk, &c.ground, &why))
		return why;
	c.on_mount = !S_ISREG(walk->st.st_mode) && block_is_mounted(claimable->view, &c.ground);
	why = shared_with_passed(&c);
	if (!why && own)
		why = shared_with(&c, own, true);
	for (size_t i = 0; i < n && !why; i++)
		if (!own || strcmp(all[i]->name, own->name) != 0)
			why = shared_with(&c, all[i], false);
	block_ground_free(&c.ground);
	return why;
}

void claimable_note_passed(struct claimable *c, const struct safepath *walk)
{
	cleanup_free char *ignored = NULL;
	struct claimable_passed passed = {.dev = walk->st.st_dev, .ino = walk->st.st_ino};

	if (!ground_of(c, walk, &passed.ground, &ignored))
		return;
	c->passed = xreallocarray(c->passed, c->n_passed + 1, sizeof *c->passed);
	c->passed[c->n_passed++] = passed;
}
