/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/claims.h"

#include "base/cleanup.h"
#include "base/has_cap.h"
#include "base/log.h"
#include "base/process.h"
#include "base/resource.h"
#include "base/shell_word.h"
#include "claims/acl.h"
#include "claims/acl_kept.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_damage.h"
#include "claims/libvirt_xattr.h"
#include "claims/lockwait.h"
#include "claims/owner.h"
#include "path/mounts.h"
#include "path/open_files.h"
#include "path/probe.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

bool claims_begin(struct claims_plan *plan, const char *name, char **error)
{
	if (!journal_read(name, &plan->journal, error))
		return false;
	/* What ended with an earlier boot does not hold a VM up. */
	if (plan->journal && claims_have_ended(plan->journal)) {
		journal_free(plan->journal);
		plan->journal = NULL;
	}
	plan->is_new = !plan->journal;
	if (plan->is_new)
		plan->journal = journal_new(name);
	plan->first_new = plan->journal->n_entries;
	plan->others = journal_read_all(&plan->n_others, &plan->all_read);
	for (size_t i = 0; i < plan->n_others; i++)
		for (size_t j = 0; j < plan->others[i]->n_entries; j++)
			if (plan->others[i]->entries[j].kind == ENTRY_GRANT)
				plan->has_grants = true;
			else if (plan->others[i]->entries[j].type != 'f')
				plan->has_devices = true;
	return true;
}

void claims_end(struct claims_plan *plan)
{
	for (size_t i = plan->first_new; plan->journal && i < plan->journal->n_entries; i++)
		if (plan->fds && plan->fds[i] >= 0)
			close(plan->fds[i]);
	for (size_t i = 0; i < plan->n_items; i++) {
		free(plan->items[i].path);
		free(plan->items[i].source);
		free(plan->items[i].reason);
	}
	for (size_t i = 0; i < plan->n_others; i++)
		journal_free(plan->others[i]);
	for (size_t i = 0; i < plan->n_identities; i++) {
		identity_free(&plan->identities[i]);
		free(plan->labels[i]);
	}
	free(plan->identities);
	free(plan->labels);
	free(plan->items);
	free(plan->others);
	free(plan->fds);
	safepath_forget(&plan->start);
	claimable_free(&plan->claimable);
	journal_free(plan->journal);
}

void claims_restart(struct claims_plan *plan)
{
	struct claims_plan fresh = {.settings = plan->settings,
		.grant_read = plan->grant_read,
		.dry_run = plan->dry_run,
		.claimable = {.forced = plan->claimable.forced,
			.n_forced = plan->claimable.n_forced},
		.quiet = true,
		.label = plan->label,
		.identities = plan->identities,
		.labels = plan->labels,
		.n_identities = plan->n_identities};

	plan->identities = NULL;
	plan->labels = NULL;
	plan->n_identities = 0;
	claims_end(plan);
	*plan = fresh;
}

/* Room for one more identity that is looked up. Takes the label. */
static struct identity *new_identity(struct claims_plan *plan, char *label)
{
	size_t n = plan->n_identities++;

	plan->identities = xreallocarray(plan->identities, n + 1, sizeof *plan->identities);
	plan->labels = xreallocarray(plan->labels, n + 1, sizeof *plan->labels);
	plan->labels[n] = label;
	return &plan->identities[n];
}

/* Who a label, else the domain's, else qemu.conf means. */
static const struct identity *identity_of(struct claims_plan *plan, const char *label)
{
	const struct settings *s = plan->settings;
	cleanup_free char *wanted = NULL, *error = NULL;

	if (!label)
		label = plan->label;
	wanted = label ? xstrdup(label) : xasprintf("%s:%s", s->user.value, s->group.value);
	for (size_t i = 0; i < plan->n_identities; i++)
		if (strcmp(plan->labels[i], wanted) == 0)
			return &plan->identities[i];
	struct identity *identity = new_identity(plan, xstrdup(wanted));
	char *colon = strchr(wanted, ':');
	if (!colon)
		die("\"%s\" is no USER:GROUP", wanted);
	*colon = '\0';
	if (!ids_identity(wanted, colon + 1,
		    label     ? "the domain's seclabel"
		    : s->file ? s->file
			      : "the default settings",
		    identity, &error))
		die("%s", error);
	return identity;
}

void claims_look_up(struct claims_plan *plan, const struct claim_request *resource)
{
	if (resource->action != ACTION_LEAVE)
		identity_of(plan, resource->label);
}

void claims_know(struct claims_plan *plan, const char *label, const struct identity *known)
{
	*new_identity(plan, xstrdup(label)) = identity_copy(known);
}

static struct claims_item *add_item(
	struct claims_plan *plan, const struct claim_request *resource, enum resource_action action)
{
	plan->items = xreallocarray(plan->items, plan->n_items + 1, sizeof *plan->items);
	struct claims_item *item = &plan->items[plan->n_items++];
	*item = (struct claims_item){
		.path = resource->path ? xstrdup(resource->path) : NULL,
		.kind = resource->kind,
		.writable = resource->access == ACCESS_RW,
		.action = action,
		.source = xstrdup(resource->source),
		.reason = xstrdup(resource->reason),
	};
	return item;
}

/* Takes a new message. */
static void refuse(struct claims_plan *plan, struct claims_item *item, char *reason)
{
	free(item->reason);
	item->reason = reason;
	item->action = ACTION_REFUSE;
	plan->refused = true;
}

/* An entry of some journal that has the object; the plan's own first. */
static const struct entry *find_entry(const struct claims_plan *plan, const struct fileid *id,
	enum entry_kind kind, uid_t uid, const struct journal **whose)
{
	for (size_t j = 0; j <= plan->n_others; j++) {
		const struct journal *journal = j == 0 ? plan->journal : plan->others[j - 1];
		/* Its copy from the disk. */
		if (j > 0 && strcmp(journal->name, plan->journal->name) == 0)
			continue;
		for (size_t i = 0; i < journal->n_entries; i++) {
			const struct entry *e = &journal->entries[i];
			if (e->kind != kind || e->id.inode != id->inode ||
				!fileid_equal(&e->id, id))
				continue;
			if (kind == ENTRY_GRANT && e->new_uid != uid)
				continue;
			if (claims_has_ended(journal, e))
				continue;
			*whose = journal;
			return e;
		}
	}
	return NULL;
}

/* Its descriptor is kept, so that what is changed is what was judged. */
static struct entry *add_entry(struct claims_plan *plan, enum entry_kind kind, int fd,
	const char *path, char type, const struct fileid *id)
{
	struct journal *journal = plan->journal;
	struct entry *e = journal_add(journal);
	size_t n = journal->n_entries;

	if ((n & (n - 1)) == 0 || n == plan->first_new + 1)
		plan->fds = xreallocarray(plan->fds, 2 * n, sizeof(int));
	plan->fds[n - 1] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (plan->fds[n - 1] < 0)
		die_errno(
			"can't keep %s open; a higher limit of open files (ulimit -n) helps", path);
	e->kind = kind;
	e->path = xstrdup(path);
	e->type = type;
	e->id = *id;
	return e;
}

static char type_of(mode_t mode)
{
	return S_ISREG(mode)   ? 'f'
	       : S_ISBLK(mode) ? 'b'
	       : S_ISCHR(mode) ? 'c'
	       : S_ISDIR(mode) ? 'd'
			       : 0;
}

/* One ACL entry. Returns why it can't be, a new message, or NULL. */
static char *plan_grant(struct claims_plan *plan, int fd, const char *path, const struct stat *st,
	const struct identity *identity)
{
	const struct journal *whose;
	struct fileid id;
	char *error = NULL;
	char type = type_of(st->st_mode);

	if (type == 'f' && st->st_nlink > 1)
		return xasprintf("%s has %lu hard links; access would be granted under all of them",
			path, (unsigned long)st->st_nlink);
	if (type != 'f' && type != 'b' && type != 'd')
		return xasprintf("%s is no file, block device or directory", path);
	if (!fileid_of(fd, st, &id, &error))
		return error;
	const struct entry *other = find_entry(plan, &id, ENTRY_GRANT, identity->uid, &whose);
	if (other && whose == plan->journal)
		return NULL;
	struct entry before = other ? *other : (struct entry){0};
	struct entry *e = add_entry(plan, ENTRY_GRANT, fd, path, type, &id);
	e->old_uid = st->st_uid;
	e->old_gid = st->st_gid;
	e->mode = st->st_mode & 07777;
	e->new_uid = identity->uid;
	e->new_gid = identity->gid;
	if (other) {
		e->old_uid = before.old_uid;
		e->old_gid = before.old_gid;
		e->mode = before.mode;
		e->acl_before = xstrdup(before.acl_before);
		e->acl_after = xstrdup(before.acl_after);
		return NULL;
	}
	if (grant_plan(e, fd, &error))
		return NULL;
	char *named = xasprintf("%s: %s", path, error);
	free(error);
	return named;
}

/* What another VM's grant gives to this one too must outlast that VM. */
static char *share_grants(
	struct claims_plan *plan, const struct safepath *walk, const struct identity *identity)
{
	const struct journal *whose;

	for (size_t i = 0; plan->has_grants && i <= walk->n_dirs; i++) {
		int fd = i < walk->n_dirs ? walk->dirs[i]->fd : walk->fd;
		const struct stat *st = i < walk->n_dirs ? &walk->dirs[i]->st : &walk->st;
		const char *path = i < walk->n_dirs ? walk->dirs[i]->path : walk->path;
		struct fileid id;
		char *error = NULL;
		/* An ACL beyond the mode shows in the mode: its mask. */
		if (!(st->st_mode & S_IRWXG))
			continue;
		if (!fileid_of(fd, st, &id, &error))
			return error;
		if (find_entry(plan, &id, ENTRY_GRANT, identity->uid, &whose) &&
			(error = plan_grant(plan, fd, path, st, identity)) != NULL)
			return error;
	}
	return NULL;
}

/* Access to the way, and as wanted to the object. Grants what is asked for and possible. */
static void plan_access(struct claims_plan *plan, struct claims_item *item,
	const struct safepath *walk, int wanted, const struct identity *identity)
{
	struct denials denials;
	char *problem = NULL;
	bool may_grant = plan->grant_read;

	if (access_denials(walk, wanted, identity, &denials, &problem))
		problem = share_grants(plan, walk, identity);
	for (size_t i = 0; i < denials.n && !problem; i++) {
		const struct denial *denial = &denials.all[i];
		if (!may_grant || (denial->missing & W_OK))
			problem = access_explain(denial, identity);
		else if (walk->unsafe)
			problem = xasprintf("access is not granted: %s", walk->unsafe);
		else if (walk->link_owner && walk->link_owner != denial->st.st_uid)
			problem = xasprintf(
				"access to %s is not granted: a symbolic link of uid %u, who "
				"does not own it, led there",
				denial->path, walk->link_owner);
		else
			problem = plan_grant(plan, denial->fd, denial->path, &denial->st, identity);
	}
	if (denials.n > 0 && !problem && item->action == ACTION_CHECK)
		item->action = ACTION_GRANT;
	access_free(&denials);
	if (problem)
		refuse(plan, item, problem);
}

/*
 * A file of a lower layer of an overlay becomes another one when it is first written to,
 * with another identity; so that comes before it is told which file it is.
 */
static void copy_up(struct safepath *walk)
{
	struct statfs fs;

	if (!S_ISREG(walk->st.st_mode) || fstatfs(walk->fd, &fs) < 0 ||
		fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return;
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDWR | O_NONBLOCK);
	if (fd >= 0)
		fstat(walk->fd, &walk->st);
}

/* What is recorded of an object's ACL is its owner's part. */
static bool forget_grants(struct claims_plan *plan, struct entry *e, char **error)
{
	if (!plan->has_grants || !e->ownable.acl)
		return true;
	char *acl =
		claims_acl_without_grants(plan->journal, e, plan->others, plan->n_others, error);
	free(e->ownable.acl);
	e->ownable.acl = acl;
	return acl != NULL;
}

static void plan_claim(struct claims_plan *plan, struct claims_item *item,
	const struct claim_request *resource, struct safepath *walk,
	const struct identity *identity)
{
	const struct journal *whose;
	struct fileid id;
	char *error = NULL;
	cleanup_free char *note = NULL;

	if (!plan->all_read)
		error = journal_damage_reason();
	if (!plan->dry_run && !walk->unsafe)
		copy_up(walk);
	if (error || !fileid_of(walk->fd, &walk->st, &id, &error)) {
		refuse(plan, item, error);
		return;
	}
	const struct entry *held = find_entry(plan, &id, ENTRY_OWNER, 0, &whose);
	if (held) {
		/* What this call is about to take is not yet the QEMU user's. */
		bool is_taken =
			whose == plan->journal && held < &plan->journal->entries[plan->first_new];
		if (is_taken && walk->st.st_uid != held->new_uid) {
			cleanup_free char *settle = claims_settle_command(whose, held);
			refuse(plan, item,
				xasprintf("the VM has a claim on it, and it is uid %u's now; when "
					  "that is settled, it can be claimed anew: %s",
					walk->st.st_uid, settle));
		} else if (whose == plan->journal) {
			item->action = ACTION_LEAVE;
			free(item->reason);
			item->reason = xstrdup("claimed already");
		} else {
			cleanup_free char *advice = holder_advice(whose);
			refuse(plan, item,
				xasprintf("the VM %s holds it; %s", whose->name, advice));
		}
		return;
	}
	/* What libvirt has given to the QEMU user is the user's whom it remembers. */
	if (walk->unsafe && S_ISREG(walk->st.st_mode) &&
		remembered_counts(walk->fd, &walk->st) == 1) {
		struct remembered r;
		remembered_read(walk->fd, &r);
		if (r.state == REMEMBERED_CURRENT || r.state == REMEMBERED_STALE)
			safepath_judge(walk, r.uid);
	}
	if ((error = claimable_why_not(walk, resource->is_device)) != NULL ||
		(error = claimable_why_in_use(&plan->claimable, walk, resource->path)) != NULL) {
		refuse(plan, item, error);
		return;
	}
	if ((plan->has_devices || !S_ISREG(walk->st.st_mode)) &&
		(error = claimable_why_held(&plan->claimable, walk, plan->journal, plan->others,
			 plan->n_others)) != NULL) {
		refuse(plan, item, error);
		return;
	}
	if (!resource->passed)
		plan_access(plan, item, walk, 0, identity);
	if (item->action == ACTION_REFUSE)
		return;
	struct entry *e =
		add_entry(plan, ENTRY_OWNER, walk->fd, walk->path, type_of(walk->st.st_mode), &id);
	e->rdev = S_ISREG(walk->st.st_mode) ? 0 : walk->st.st_rdev;
	plan->has_devices = plan->has_devices || e->type != 'f';
	e->new_uid = identity->uid;
	e->new_gid = identity->gid;
	if (!holding_plan(
		    e, walk->fd, &walk->st, plan->settings->remember_owner.value, &note, &error) ||
		!forget_grants(plan, e, &error))
		refuse(plan, item, error);
	else if (note && !plan->quiet)
		warn("%s: %s", walk->path, note);
}

char *claims_why_not_passed(
	struct claims_plan *plan, const struct safepath *walk, const char *asked)
{
	const struct journal *whose = NULL;
	struct fileid id;
	char *error = NULL;

	if (!plan->all_read)
		return journal_damage_reason();
	if (!fileid_of(walk->fd, &walk->st, &id, &error))
		return error;
	if (find_entry(plan, &id, ENTRY_OWNER, 0, &whose) && whose != plan->journal) {
		cleanup_free char *advice = holder_advice(whose);
		return xasprintf("the VM %s holds it; %s", whose->name, advice);
	}
	if ((error = claimable_why_system(walk)) == NULL &&
		(error = claimable_why_in_use(&plan->claimable, walk, asked)) == NULL &&
		(error = claimable_why_held(&plan->claimable, walk, plan->journal, plan->others,
			 plan->n_others)) == NULL)
		claimable_note_passed(&plan->claimable, walk);
	return error;
}

/* What was made by a descriptor needs no way, and none of its way can be unsafe. */
static bool reach(struct claims_plan *plan, const struct claim_request *resource,
	struct safepath *walk, char **error)
{
	if (!resource->made)
		return safepath_open_from(&plan->start, resource->path, walk, error);
	*walk = (struct safepath){
		.fd = fcntl(resource->made, F_DUPFD_CLOEXEC, 3), .path = xstrdup(resource->path)};
	if (walk->fd >= 0 && fstat(walk->fd, &walk->st) == 0)
		return true;
	*error = xasprintf("can't examine %s: %s", resource->path, strerror(errno));
	return false;
}

void claims_add(struct claims_plan *plan, const struct claim_request *resource)
{
	struct claims_item *item = add_item(plan, resource, ACTION_CHECK);
	bool gives = resource->action == ACTION_CLAIM;
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (resource->action == ACTION_LEAVE) {
		item->action = ACTION_LEAVE;
		return;
	}
	if (gives && !plan->settings->dynamic_ownership.value) {
		gives = false;
		free(item->reason);
		item->reason = xstrdup("dynamic_ownership = 0");
	}
	const struct identity *identity = identity_of(plan, resource->label);
	if (!reach(plan, resource, &walk, &error)) {
		if (resource->optional && errno == ENOENT) {
			item->action = ACTION_LEAVE;
			free(item->reason);
			item->reason = xstrdup("it is optional, and missing");
		} else {
			refuse(plan, item, steal_pointer(&error));
		}
	} else if (gives) {
		item->action = ACTION_CLAIM;
		plan_claim(plan, item, resource, &walk, identity);
	} else if (resource->action == ACTION_CLAIM &&
		   ((error = claimable_why_system(&walk)) != NULL ||
			   (error = claimable_why_in_use(
				    &plan->claimable, &walk, resource->path)) != NULL)) {
		/* Not given away, but written exclusively all the same. */
		refuse(plan, item, steal_pointer(&error));
	} else {
		int wanted = resource->access == ACCESS_RW ? R_OK | W_OK : R_OK;
		plan_access(plan, item, &walk, wanted, identity);
	}
	safepath_close(&walk);
}

static bool take(struct entry *e, int fd, char **error)
{
	return e->kind == ENTRY_OWNER ? holding_take(e, fd, error) : grant_give(e, fd, error);
}

/* Another VM relies on the same ACL entry. */
static bool is_shared_grant(
	const struct journal *journal, const struct entry *e, struct journal *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i]->name, journal->name) == 0)
			continue;
		for (size_t j = 0; j < all[i]->n_entries; j++) {
			const struct entry *other = &all[i]->entries[j];
			if (other->kind == ENTRY_GRANT && other->new_uid == e->new_uid &&
				fileid_equal(&other->id, &e->id))
				return true;
		}
	}
	return false;
}

/*
 * File systems that were written to. What is not on their disks yet would have to be done
 * again after a power cut, so their entries are forgotten only behind a syncfs(2).
 */
struct touched {
	dev_t dev;
	int fd;
	int number; /* why it could not be opened */
};

struct touches {
	struct touched *all;
	size_t n;
	dev_t *of; /* of each entry of the journal; 0: none */
};

static void touch(struct touches *touches, size_t entry, int fd)
{
	struct stat st;

	/* To open a device can do something, or fail; and its node is a new one at the next boot.
	 */
	if (fstat(fd, &st) < 0 || S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		return;
	touches->of[entry] = st.st_dev;
	for (size_t i = 0; i < touches->n; i++)
		if (touches->all[i].dev == st.st_dev)
			return;
	touches->all = xreallocarray(touches->all, touches->n + 1, sizeof *touches->all);
	int file = safepath_reopen(fd, O_RDONLY | O_NONBLOCK);
	/* A lease on it is one on nothing else. */
	if (file < 0 && errno == EWOULDBLOCK)
		file = mounts_open_directory(fd, &st);
	touches->all[touches->n++] = (struct touched){st.st_dev, file, errno};
}

/* Synchronizes them all; where that fails, entries are not done. Releases *touches. */
static bool sync_touched(struct touches *touches, struct journal *journal)
{
	bool good = true;

	for (size_t i = 0; i < touches->n; i++) {
		const struct touched *t = &touches->all[i];
		if (t->fd < 0 || syncfs(t->fd) < 0) {
			errno = t->fd < 0 ? t->number : errno;
			warn("can't synchronize the file system of device %u:%u: %s", major(t->dev),
				minor(t->dev), strerror(errno));
			good = false;
			for (size_t j = 0; j < journal->n_entries; j++)
				if (touches->of[j] == t->dev)
					journal->entries[j].done = false;
		}
		if (t->fd >= 0)
			close(t->fd);
	}
	free(touches->all);
	free(touches->of);
	return good;
}

/* As holding_give_back(), with the grants of all VMs left as they are. */
static enum holding_end give_back_owned(struct journal *journal, struct entry *e, int fd,
	bool same_boot, bool settled, struct journal *const *all, size_t n_all, char **message)
{
	*message = NULL;
	free(e->acl_wanted);
	e->acl_wanted = NULL;
	if (e->ownable.acl &&
		!(e->acl_wanted = claims_acl_with_grants(journal, e, all, n_all, message)))
		return HOLDING_KEPT;
	return holding_give_back(journal, e, fd, same_boot, settled, message);
}

/* Undoes what this call changed, in reverse; what was not touched is forgotten. */
static void undo(struct claims_plan *plan)
{
	struct journal *journal = plan->journal;
	struct touches touches = {.of = xcalloc(journal->n_entries, sizeof(dev_t))};
	cleanup_free char *error = NULL;

	for (size_t i = journal->n_entries; i-- > plan->first_new;) {
		struct entry *e = &journal->entries[i];
		cleanup_free char *message = NULL;
		close(plan->fds[i]);
		int fd = -1;
		cleanup_free char *why = NULL;
		if (e->changed && fileid_open(&e->id, e->path, true, &fd, &why) == FILEID_FOUND) {
			touch(&touches, i, fd);
			if (e->kind == ENTRY_GRANT)
				e->done = grant_take_back(e, fd, &message);
			else {
				enum holding_end end = give_back_owned(journal, e, fd, true, true,
					plan->others, plan->n_others, &message);
				e->done = end != HOLDING_KEPT && end != HOLDING_BUSY;
			}
		} else {
			e->done = !e->changed;
		}
		if (fd >= 0)
			close(fd);
		if (e->done)
			continue;
		/* A VM that a disk was to be added to can run. */
		cleanup_free char *word = shell_word(e->path);
		cleanup_free char *again =
			plan->is_new ? xasprintf("release --name %s", journal->name)
				     : xasprintf("drop --name %s --disk %s", journal->name, word);
		warn("%s could not be given back%s%s; virt-priv-chown %s tries again", e->path,
			message ? ": " : "", message ? message : "", again);
	}
	free(plan->fds);
	plan->fds = NULL;
	sync_touched(&touches, journal);
	journal_sweep(journal);
	plan->n_left = journal->n_entries - plan->first_new;
	journal->settled = plan->was_settled;
	if (!(plan->is_new && journal->n_entries == 0 ? journal_remove(journal, &error)
						      : journal_write(journal, &error)))
		warn("%s", error);
}

/*
 * What could not be undone since somebody, as libvirt for a moment, had it locked: again, as
 * soon as it is free. The plan is at its end then.
 */
static void undo_rest(struct claims_plan *plan)
{
	bool good = true, all_read;

	while (plan->n_left > 0 && lockwait_again(&good)) {
		cleanup_free char *error = NULL;
		struct journal *journal;
		size_t n;
		if (!journal_read(plan->journal->name, &journal, &error) || !journal)
			break;
		struct journal **all = journal_read_all(&n, &all_read);
		claims_release(journal, NULL, false, all, n);
		for (size_t i = 0; i < n; i++)
			journal_free(all[i]);
		free(all);
		journal_free(journal);
	}
	if (plan->n_left > 0 && plan->busy) {
		plan->busy = false;
		warn("the claim of the VM %s was begun while others had its disks locked; try "
		     "again",
			plan->journal->name);
	}
}

static bool carry_out(struct claims_plan *plan)
{
	struct journal *journal = plan->journal;
	cleanup_free char *error = NULL;
	bool uncertain = false;

	if (journal->n_entries == plan->first_new && !plan->is_new)
		return true;
	if (journal->n_entries > plan->first_new && !(has_cap(CAP_CHOWN) && has_cap(CAP_FOWNER))) {
		if (errno)
			warn_errno("can't read the capabilities; nothing was changed");
		else
			warn("without CAP_CHOWN and CAP_FOWNER, %s could not be given back with "
			     "its owner, "
			     "mode and ACL; nothing was changed",
				journal->entries[plan->first_new].path);
		return false;
	}
	plan->was_settled = journal->settled;
	journal->settled = false;
	journal->boot_time = boot_time();
	if (!journal_write(journal, &error)) {
		warn("%s; nothing was changed", error);
		undo(plan);
		return false;
	}
	for (size_t i = plan->first_new; i < journal->n_entries; i++) {
		struct entry *e = &journal->entries[i];
		if (!take(e, plan->fds[i], &error)) {
			plan->busy = e->busy;
			if (!plan->busy)
				warn("%s can't be %s: %s; all of this call is undone", e->path,
					e->kind == ENTRY_OWNER ? "claimed" : "granted", error);
			undo(plan);
			return false;
		}
	}
	bool rewrite = false;
	for (size_t i = 0; i < journal->n_entries; i++) {
		struct entry *e = &journal->entries[i];
		uncertain = uncertain || e->refs_before > 0;
		rewrite = rewrite || e->unwritten;
		if (e->unwritten) {
			warn("%s: trusted attributes can't be written there, so the journal alone "
			     "remembers its owner",
				e->path);
			e->attributes = e->unwritten = false;
		}
	}
	if (rewrite && !journal_write(journal, &error)) {
		warn("%s; all of this call is undone", error);
		undo(plan);
		return false;
	}
	if (uncertain && !journal_settle(journal, &error)) {
		warn("%s; all of this call is undone", error);
		undo(plan);
		return false;
	}
	return true;
}

bool claims_carry_out(struct claims_plan *plan)
{
	if (carry_out(plan))
		return true;
	undo_rest(plan);
	return false;
}

/* What there is to say of an entry, and whether that means that something was not done. */
static bool report(const struct entry *e, const char *message, bool problem)
{
	if (problem)
		warn("%s: %s", e->path, message);
	else
		info("%s: %s", e->path, message);
	return !problem;
}

/* libvirt gives it back, if what its attributes say is true. */
static bool report_libvirt(const struct entry *e, const struct stat *st)
{
	if (openers_first(st, (uid_t)-1))
		return report(e, "libvirt holds it too, and gives it back to its owner", false);
	cleanup_free char *word = shell_word(e->path);
	warn("%s: libvirt's attributes say that libvirt holds it too, so it stays the QEMU user's "
	     "until libvirt gives it back; no process has it open, so if it is a copy: "
	     "virt-priv-chown recover --libvirt %s",
		e->path, word);
	return true;
}

/* Gives one object back. Returns whether all went as it should. */
static bool give_back(struct journal *journal, struct entry *e, int fd, bool same_boot,
	bool recovering, struct journal *const *all, size_t n_all)
{
	cleanup_free char *message = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		claims_keep(journal, e, xasprintf("can't examine it: %s", strerror(errno)));
		return false;
	}
	if (e->kind == ENTRY_GRANT) {
		e->done =
			is_shared_grant(journal, e, all, n_all) || grant_take_back(e, fd, &message);
		if (!e->done)
			claims_keep(journal, e, steal_pointer(&message));
		return e->done;
	}
	pid_t opener = openers_first(&st, e->new_uid);
	if (opener && recovering && same_boot) {
		cleanup_free char *who = openers_text(opener);
		cleanup_free char *text = xasprintf("%s, so it stays", who);
		return report(e, text, openers_is_unseen(opener));
	}
	enum holding_end end =
		give_back_owned(journal, e, fd, same_boot, journal->settled, all, n_all, &message);
	/* That is told when it was waited for. */
	if (end == HOLDING_BUSY)
		return true;
	e->done = end != HOLDING_KEPT;
	if (end == HOLDING_KEPT) {
		claims_keep(journal, e, steal_pointer(&message));
		return false;
	}
	if (end == HOLDING_CHANGED) {
		cleanup_free char *whose =
			xasprintf("somebody changed its owner meanwhile; left as it is; before the "
				  "claim, it was that of uid %u and gid %u",
				e->old_uid, e->old_gid);
		return report(e, whose, true);
	}
	if (end == HOLDING_LIBVIRT)
		return report_libvirt(e, &st);
	if (message)
		report(e, message, true);
	/* Who changed something can have opened it until it was put back. */
	if (message && !opener) {
		openers_forget();
		opener = openers_first(&st, e->new_uid);
	}
	if (!opener)
		opener = openers_writer(&st, e->old_uid, holder_writes);
	if (opener) {
		cleanup_free char *who =
			openers_is_unseen(opener)
				? openers_text(opener)
				: xasprintf("process %d, which can go on using it, has it open",
					  opener);
		report(e, who, true);
	}
	return !message && !opener;
}

/* Whether another VM holds what was found for an entry that may mean something else. */
static bool is_held_by_other(const struct journal *journal, const struct entry *e, int fd,
	struct journal *const *all, size_t n)
{
	cleanup_free char *error = NULL;
	struct fileid id;
	struct stat st;

	if (fstat(fd, &st) < 0 || !fileid_of(fd, &st, &id, &error))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i]->name, journal->name) == 0)
			continue;
		for (size_t j = 0; j < all[i]->n_entries; j++)
			if (all[i]->entries[j].kind == e->kind &&
				fileid_equal(&all[i]->entries[j].id, &id))
				return true;
	}
	return false;
}

/*
 * What may be the object, or a copy of it, is put right where it is the QEMU user's, and the
 * entry stays: the object itself may be another one.
 */
static void put_right(struct journal *journal, struct entry *e, struct claims_object *object,
	bool same_boot, struct journal *const *all, size_t n_all)
{
	cleanup_free char *message = NULL;
	const char *done = "";
	struct stat st;

	bool is_given =
		fstat(object->fd, &st) == 0 && (e->kind == ENTRY_GRANT || st.st_uid == e->new_uid);
	if (is_given && !is_held_by_other(journal, e, object->fd, all, n_all)) {
		if (e->kind == ENTRY_GRANT)
			done = grant_take_back(e, object->fd, &message)
				       ? "; its access was taken back"
				       : "";
		else if (give_back_owned(journal, e, object->fd, same_boot, journal->settled, all,
				 n_all, &message) == HOLDING_BACK)
			done = "; that was given back to its owner";
	}
	claims_keep(journal, e,
		xasprintf("%s%s%s%s", object->why, done, message ? "; " : "",
			message ? message : ""));
}

/* Gives back the object of an entry, wherever it is, and says what is not well. */
static bool release_entry(struct journal *journal, size_t i, bool recovering,
	struct journal *const *all, size_t n_all, struct touches *touches)
{
	struct entry *e = &journal->entries[i];
	bool same_boot = strcmp(journal->boot, boot_id()) == 0;
	struct claims_object object;
	bool good = false;

	free(e->kept);
	e->kept = NULL;
	claims_find(journal, e, &object);
	if (object.fd >= 0)
		touch(touches, i, object.fd);
	if (object.how == FILEID_FOUND) {
		good = give_back(journal, e, object.fd, same_boot, recovering, all, n_all);
		/* It was moved aside with its subvolume, for a snapshot of it. */
		if (e->done && claims_find_snapshot(e, &object)) {
			e->done = good = false;
			touch(touches, i, object.fd);
			put_right(journal, e, &object, same_boot, all, n_all);
		}
	} else if (object.is_doubtful) {
		put_right(journal, e, &object, same_boot, all, n_all);
	} else if (object.how == FILEID_ENDED) {
		e->done = good = true;
		info("%s: %s", e->path, object.why);
	} else if (object.how == FILEID_GONE) {
		e->done = true;
		warn("%s: %s; what is there now, if anything, is left as it is", e->path,
			object.why);
	} else {
		claims_keep(journal, e, steal_pointer(&object.why));
	}
	claims_object_free(&object);
	return good;
}

bool claims_release(struct journal *journal, const char *path, bool recovering,
	struct journal *const *all, size_t n_all)
{
	struct touches touches = {.of = xcalloc(journal->n_entries, sizeof(dev_t))};
	cleanup_free char *error = NULL;
	bool good = true;

	for (size_t i = 0; i < journal->n_entries; i++) {
		const char *its = journal->entries[i].path;
		if ((path && strcmp(path, its) != 0) || !lockwait_due(its))
			continue;
		if (!release_entry(journal, i, recovering, all, n_all, &touches))
			good = false;
	}
	good = sync_touched(&touches, journal) && good;
	journal_sweep(journal);
	/* A VM all of whose disks were dropped is still one that others can be added to. */
	if (!(!path && journal->n_entries == 0 ? journal_remove(journal, &error)
					       : journal_write(journal, &error))) {
		warn("%s", error);
		good = false;
	}
	return good;
}

enum claims_hold claims_hold(const struct journal *journal, char **error)
{
	if (strcmp(journal->boot, boot_id()) != 0)
		return CLAIMS_ABANDONED;
	if (!journal->holder)
		return CLAIMS_HELD;
	cleanup_free char *why = NULL;
	/* There, another process has that number, or none, and nobody who has files open is seen.
	 */
	unsigned long long here = journal->holder_namespace ? process_namespace() : 0;
	if (journal->holder_namespace && !here) {
		*error = xasprintf("the VM %s: can't tell which pid namespace this is: %s",
			journal->name, strerror(errno));
		return CLAIMS_UNKNOWN;
	}
	if (journal->holder_namespace != here) {
		*error = xasprintf("the VM %s: its holder is process %d of another pid namespace, "
				   "where it is to be recovered; if it has ended: virt-priv-chown "
				   "release --name %s --force",
			journal->name, journal->holder, journal->name);
		return CLAIMS_UNKNOWN;
	}
	unsigned long long start;
	if (!process_start(journal->holder, &start, &why)) {
		*error = xasprintf("the VM %s: %s", journal->name, why);
		return CLAIMS_UNKNOWN;
	}
	return start == journal->holder_start ? CLAIMS_HELD : CLAIMS_ABANDONED;
}
