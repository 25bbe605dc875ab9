/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/advice.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/command.h"
#include "path/mounts.h"
#include "path/posix_acl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

/*
 * Who may do what by mode and ACL.
 */

struct rights {
	struct posix_acl_entry *all; /* those of the mode where there is no ACL */
	size_t n;
	unsigned mask;
	bool takes_acl; /* its file system has ACLs */
};

static void add_entry(struct rights *r, struct posix_acl_entry entry)
{
	ARRAY_GROW(r->all, r->n);
	r->all[r->n++] = entry;
}

static struct rights read_rights(const struct denial *d)
{
	struct rights r = {.mask = 7, .takes_acl = true};
	cleanup_free char *acl = NULL;
	ssize_t length = posix_acl_read(d->fd, d->st.st_dev, POSIX_ACL_ACCESS, &acl);
	struct posix_acl_entry entry;
	size_t at = 0;

	if (length >= 0) {
		r.mask = posix_acl_mask(acl, (size_t)length);
		while (posix_acl_next(acl, (size_t)length, &at, &entry) > 0)
			add_entry(&r, entry);
		return r;
	}
	r.takes_acl = errno != ENOTSUP;
	add_entry(&r, (struct posix_acl_entry){ACL_USER_OBJ, d->st.st_mode >> 6 & 7, 0});
	add_entry(&r, (struct posix_acl_entry){ACL_GROUP_OBJ, d->st.st_mode >> 3 & 7, 0});
	add_entry(&r, (struct posix_acl_entry){ACL_OTHER, d->st.st_mode & 7, 0});
	return r;
}

static bool is_member(const struct identity *identity, gid_t gid)
{
	bool is_it = identity->gid == gid;

	for (size_t i = 0; i < identity->n_groups && !is_it; i++)
		is_it = identity->groups[i] == gid;
	return is_it;
}

/* Which bits of the mode are the account's, without an entry of its own. */
static char class_of(const struct denial *d, const struct identity *identity)
{
	if (d->st.st_uid == identity->uid)
		return 'u';
	return is_member(identity, d->st.st_gid) ? 'g' : 'o';
}

static unsigned rights_of_tag(const struct rights *r, unsigned tag)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].tag == tag)
			return r->all[i].rights;
	return 0;
}

/* The entry of the user; NULL: there is none. */
static const struct posix_acl_entry *own_entry(const struct rights *r, uid_t uid)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].tag == ACL_USER && r->all[i].id == uid)
			return &r->all[i];
	return NULL;
}

/* As posix_acl_permission() of the kernel's fs/posix_acl.c, right by right. */
static unsigned rights_of(
	const struct rights *r, const struct denial *d, const struct identity *identity)
{
	const struct posix_acl_entry *own = own_entry(r, identity->uid);
	unsigned all = 0;
	bool is_in_group = false;

	if (d->st.st_uid == identity->uid)
		return rights_of_tag(r, ACL_USER_OBJ);
	/* Without bits for the group, the kernel does not look at the ACL (fs/namei.c). */
	if (!(d->st.st_mode & S_IRWXG))
		return is_member(identity, d->st.st_gid) ? 0 : rights_of_tag(r, ACL_OTHER);
	if (own)
		return own->rights & r->mask;
	for (size_t i = 0; i < r->n; i++) {
		const struct posix_acl_entry *e = &r->all[i];
		bool is_group = e->tag == ACL_GROUP || e->tag == ACL_GROUP_OBJ;
		if (!is_group || !is_member(identity, e->tag == ACL_GROUP ? e->id : d->st.st_gid))
			continue;
		is_in_group = true;
		all |= e->rights & r->mask;
	}
	return is_in_group ? all : rights_of_tag(r, ACL_OTHER);
}

/*
 * What is to be advised for one component.
 */

struct step {
	const struct denial *denial;
	unsigned rights; /* what the account is to have */
	unsigned opened; /* of these, what it has not yet; 0: nothing is to be opened */
	/*
	 * "setfacl -m u:qemu:x", a command but for the path, with whom it is to be executed as;
	 * NULL: there is none.
	 */
	char *change;
	char *whom; /* "user qemu" */
};

static void free_step(struct step *step)
{
	free(step->change);
	free(step->whom);
}

/* "rwx", "-" being none. */
static const char *bits(unsigned rights)
{
	static const char *const all[8] = {"-", "x", "w", "wx", "r", "rx", "rw", "rwx"};

	return all[rights & 7];
}

/* What the account has, or would have if the object could be changed at all. */
static unsigned had_rights(
	const struct rights *r, const struct denial *d, const struct identity *identity)
{
	bool is_fixed = d->is_read_only || d->is_immutable;

	return (unsigned)d->has | (is_fixed ? rights_of(r, d, identity) & W_OK : 0U);
}

static unsigned note(struct advice_notes *notes, const struct stat *st, uid_t uid, unsigned rights)
{
	for (size_t i = 0; notes && i < notes->n; i++) {
		struct advice_note *n = &notes->all[i];
		if (n->dev == st->st_dev && n->ino == st->st_ino && n->uid == uid)
			return n->rights |= rights;
	}
	if (notes) {
		ARRAY_GROW(notes->all, notes->n);
		notes->all[notes->n++] = (struct advice_note){st->st_dev, st->st_ino, uid, rights};
	}
	return rights;
}

/* Takes the words, new. */
static void add_word(char **list, char *word)
{
	char *longer = *list ? xasprintf("%s,%s", *list, word) : xstrdup(word);

	free(*list);
	free(word);
	*list = longer;
}

static char *entry_word(const struct posix_acl_entry *e, unsigned rights)
{
	if (e->tag == ACL_GROUP_OBJ)
		return xasprintf("g::%s", bits(rights));
	return xasprintf("%c:%u:%s", e->tag == ACL_USER ? 'u' : 'g', e->id, bits(rights));
}

/* The entries to set, as "u:qemu:rx", new. */
static char *entries_to_set(
	const struct rights *r, const struct identity *identity, unsigned wanted)
{
	const struct posix_acl_entry *own = own_entry(r, identity->uid);
	unsigned ours = wanted | (own ? own->rights : 0);
	unsigned all = ours;
	char *list = xasprintf("u:%s:%s", identity->user, bits(ours));

	for (size_t i = 0; i < r->n; i++) {
		const struct posix_acl_entry *e = &r->all[i];
		unsigned rights = e->rights;
		if (e == own ||
			(e->tag != ACL_USER && e->tag != ACL_GROUP && e->tag != ACL_GROUP_OBJ))
			continue;
		/* What the mask held back stays so. */
		if (rights & wanted & ~r->mask) {
			rights &= r->mask;
			add_word(&list, entry_word(e, rights));
		}
		all |= rights;
	}
	/* Otherwise setfacl(1) makes it of all entries. */
	if (all & ~(r->mask | wanted))
		add_word(&list, xasprintf("m::%s", bits(r->mask | wanted)));
	return list;
}

static char *whom(const struct denial *d, const struct identity *identity, char class)
{
	if (class == 'u')
		return xasprintf("user %s", identity->user);
	if (class == 'o')
		return xstrdup("every user");
	cleanup_free char *group = ids_local_group(d->st.st_gid);
	return xasprintf("group %s", group);
}

/* before: what stands before a command. */
static struct step plan_step(const struct denial *d, const char *before,
	const struct identity *identity, struct advice_notes *notes)
{
	struct rights r = read_rights(d);
	unsigned had = had_rights(&r, d, identity), wanted = had | (unsigned)d->missing;
	char class = class_of(d, identity);
	struct step step = {.denial = d};

	/* What can be written is mostly read too. */
	if ((d->missing & W_OK) && !S_ISDIR(d->st.st_mode))
		wanted |= R_OK;
	step.rights = note(notes, &d->st, identity->uid, wanted);
	step.opened = step.rights & ~had;
	if (d->has_no_modes || !step.opened) {
		/* No command would do. */
	} else if (class == 'u' || identity->is_lent || !r.takes_acl) {
		step.change = xasprintf("%schmod %c+%s", before, class, bits(step.opened));
		step.whom = whom(d, identity, class);
	} else {
		cleanup_free char *entries = entries_to_set(&r, identity, step.rights);
		step.change = xasprintf("%ssetfacl -m %s", before, entries);
		step.whom = whom(d, identity, 'u');
	}
	free(r.all);
	return step;
}

/*
 * All of it.
 */

/* Adds to *text, with what is to stand before it unless it is the first. Takes more, new. */
static void append(char **text, const char *before, char *more)
{
	char *longer = xasprintf("%s%s%s", *text ? *text : "", *text && **text ? before : "", more);

	free(*text);
	free(more);
	*text = longer;
}

static const char *verbs(unsigned opened, bool is_directory)
{
	static const char *const directory[8] = {"", "search", "write to", "write to and search",
		"read", "read and search", "read and write to", "read, write to and search"};
	static const char *const file[8] = {"", "execute", "write", "write and execute", "read",
		"read and execute", "read and write", "read, write and execute"};

	return (is_directory ? directory : file)[opened & 7];
}

/* "let user qemu search /root, /root/iso and read /root/iso/a.iso", new; NULL: nothing is opened.
 */
static char *sentence(const struct step *steps, size_t n)
{
	const struct step *last = NULL;
	char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct step *step = &steps[i];
		const struct denial *d = step->denial;
		bool is_directory = S_ISDIR(d->st.st_mode);
		if (!step->change)
			continue;
		bool same_whom = last && strcmp(last->whom, step->whom) == 0;
		bool same_verb = same_whom && last->opened == step->opened &&
				 S_ISDIR(last->denial->st.st_mode) == is_directory;
		if (same_verb)
			append(&text, ", ", xstrdup(d->path));
		else if (same_whom)
			append(&text, " and ",
				xasprintf("%s %s", verbs(step->opened, is_directory), d->path));
		else
			append(&text, ", and ",
				xasprintf("let %s %s %s", step->whom,
					verbs(step->opened, is_directory), d->path));
		last = step;
	}
	return text;
}

static void add_command(char **commands, const char *what, const char *path)
{
	cleanup_free char *word = shell_word(path);

	append(commands, " && ", xasprintf("%s %s", what, word));
}

/* The commands, new; NULL: there are none. Those that change paths alike are one. */
static char *commands_of(const struct step *steps, size_t n)
{
	const char *last = NULL, *remounted = NULL;
	char *commands = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct denial *d = steps[i].denial;
		bool is_written = d->missing & W_OK;
		const struct proc_mount *mount = d->is_read_only && (is_written || steps[i].change)
							 ? mounts_of(d->fd)
							 : NULL;
		if (mount && (!remounted || strcmp(remounted, mount->point) != 0)) {
			add_command(&commands, "mount -o remount,rw", mount->point);
			remounted = mount->point;
			last = NULL;
		}
		if (d->is_immutable) {
			add_command(&commands, "chattr -i", d->path);
			last = NULL;
		}
		if (steps[i].change && last && strcmp(last, steps[i].change) == 0) {
			cleanup_free char *word = shell_word(d->path);
			append(&commands, " ", steal_pointer(&word));
		} else if (steps[i].change) {
			add_command(&commands, steps[i].change, d->path);
		}
		last = steps[i].change;
		if (d->is_immutable && !is_written) {
			add_command(&commands, "chattr +i", d->path);
			last = NULL;
		}
	}
	return commands;
}

/* What no command says. */
static void add_remarks(
	char **text, const struct step *steps, size_t n, const struct identity *identity)
{
	bool is_written = false, has_no_modes = false;

	for (size_t i = 0; i < n; i++) {
		is_written |= (steps[i].opened & W_OK) != 0;
		has_no_modes |= steps[i].denial->has_no_modes;
	}
	if (has_no_modes)
		append(text, "; ",
			xasprintf("its file system has no owners of its own: mount it with "
				  "-o uid=%u,gid=%u",
				identity->uid, identity->gid));
	else if (identity->is_lent && is_written)
		append(text, "; ",
			xasprintf("%s has that id only while it runs, so run it without --isolate",
				identity->user));
}

char *advice_why_unsafe(const struct safepath *walk, const char *path, uid_t owner)
{
	if (walk->unsafe)
		return xstrdup(walk->unsafe);
	if (!walk->link_owner || walk->link_owner == owner)
		return NULL;
	return xasprintf("%s was reached through a symbolic link of uid %u, who does not own it",
		path, walk->link_owner);
}

/* What is to stand before a command, new; NULL: what it takes cannot be advised. */
static char *command_of_step(const struct denial *d)
{
	const struct proc_mount *mount = d->is_read_only ? mounts_of(d->fd) : NULL;
	cleanup_free char *mounter = mount ? command_as(mount->point) : NULL;
	cleanup_free char *before = command_as(d->path);
	bool takes_root = d->is_read_only || d->is_immutable;

	if (!before || (takes_root && *before) || (mount && (!mounter || *mounter)))
		return NULL;
	return steal_pointer(&before);
}

/* Plans the steps, one for each denial. False: no command is to be advised. */
static bool plan_steps(struct step *steps, const struct denials *denials,
	const struct identity *identity, struct advice_notes *notes)
{
	cleanup_free char **before = xcalloc(denials->n, sizeof *before);
	bool good = true;

	for (size_t i = 0; i < denials->n; i++)
		good = (before[i] = command_of_step(&denials->all[i])) != NULL && good;
	for (size_t i = 0; i < denials->n; i++) {
		if (good)
			steps[i] = plan_step(&denials->all[i], before[i], identity, notes);
		free(before[i]);
	}
	return good;
}

/* What helps, behind the causes in *text. help: see base/help.h. */
static void add_help(char **text, const struct denials *denials, const struct identity *identity,
	struct advice_notes *notes, const char *instead, char **help)
{
	struct step *steps = xcalloc(denials->n, sizeof *steps);
	bool has_commands = plan_steps(steps, denials, identity, notes);
	size_t n = has_commands ? denials->n : 0;
	cleanup_free char *what = sentence(steps, n);
	cleanup_free char *commands = commands_of(steps, n);

	if (instead)
		append(text, "; ", xstrdup(instead));
	size_t length = strlen(*text);
	add_remarks(text, steps, n, identity);
	if (what)
		append(text, instead || strlen(*text) > length ? ", or " : "; ",
			steal_pointer(&what));
	*text = help_message(help, *text, "; ", steal_pointer(&commands));
	for (size_t i = 0; i < n; i++)
		free_step(&steps[i]);
	free(steps);
}

char *advice_explain(const struct denials *denials, const struct safepath *walk,
	const struct identity *identity, struct advice_notes *notes, const char *instead,
	char **help)
{
	char *text = xstrdup("");
	cleanup_free char *unsafe = NULL;

	for (size_t i = 0; i < denials->n; i++) {
		const struct denial *d = &denials->all[i];
		append(&text, "; ", access_cause(d, identity));
		/* Nor can root. */
		if ((d->missing & W_OK) && (d->is_read_only || d->is_immutable))
			instead = NULL;
		if (!unsafe)
			unsafe = advice_why_unsafe(walk, d->path, d->st.st_uid);
	}
	if (unsafe)
		append(&text, "; ", steal_pointer(&unsafe));
	else
		add_help(&text, denials, identity, notes, instead, help);
	return text;
}

void advice_forget(struct advice_notes *notes)
{
	free(notes->all);
	*notes = (struct advice_notes){0};
}
