/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/plan.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/acl_kept.h"
#include "claims/claimable.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_damage.h"
#include "claims/libvirt_xattr.h"
#include "claims/owner.h"
#include "claims/plan_access.h"
#include "claims/plan_entries.h"
#include "path/object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct claims_item *add_item(struct claims_plan *plan, const struct claim_request *resource)
{
	plan->items = xreallocarray(plan->items, plan->n_items + 1, sizeof *plan->items);
	struct claims_item *item = &plan->items[plan->n_items++];
	*item = (struct claims_item){
		.path = resource->path ? xstrdup(resource->path) : NULL,
		.kind = resource->kind,
		.writable = resource->access == ACCESS_RW,
		.action = ACTION_CHECK,
		.source = xstrdup(resource->source),
		.reason = xstrdup(resource->reason),
		.fd = -1,
	};
	return item;
}

static void set_reason(struct claims_item *item, enum resource_action action, const char *reason)
{
	item->action = action;
	free(item->reason);
	item->reason = xstrdup(reason);
}

/* That another VM has it; new. */
static char *held_by_other(const struct journal *whose, char **help)
{
	cleanup_free char *advice = holder_advice(whose, help);

	return xasprintf("claimed by VM '%s'; %s", whose->name, advice);
}

/* Below another root directory its mount is not known. */
static bool is_on_overlay(int fd, const struct object *object)
{
	struct statfs fs;

	if (object->mount)
		return strcmp(object->mount->type, "overlay") == 0;
	return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

/*
 * A file of a lower layer of an overlay becomes another one when it is first written to,
 * with another identity; so that comes before it is told which file it is. False and errno.
 */
static bool copy_up(struct safepath *walk, struct object *object)
{
	if (!S_ISREG(walk->st.st_mode) || !is_on_overlay(walk->fd, object))
		return true;
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDWR | O_NONBLOCK);
	return fd < 0 || (fstat(walk->fd, &walk->st) == 0 && object_of(walk->fd, object));
}

/* What the kernel says of it. writes: whether it is going to be written to. */
static bool examine(struct safepath *walk, bool writes, struct object *object, char **error)
{
	return (object_of(walk->fd, object) && (!writes || copy_up(walk, object))) ||
	       error_set_errno(error, "cannot examine it");
}

/* What is recorded of an object's ACL is its owner's part. */
static bool forget_grants(struct claims_plan *plan, struct entry *e, char **error)
{
	if (!plan->others.has_grants || !e->ownable.acl)
		return true;
	journal_others_of(&plan->others, e->id.inode);
	char *acl =
		acl_kept_without_grants(plan->journal, e, plan->others.all, plan->others.n, error);
	free(e->ownable.acl);
	e->ownable.acl = acl;
	return acl != NULL;
}

/* What there is to say of an object that some journal has; true: that is the end of its plan. */
static bool is_held(struct claims_plan *plan, struct claims_item *item, const struct safepath *walk,
	const struct fileid *id)
{
	const struct journal *whose;
	const struct entry *held = plan_find_entry(plan, id, ENTRY_OWNER, 0, &whose);

	if (!held)
		return false;
	if (whose != plan->journal) {
		char *help = NULL;
		char *why = held_by_other(whose, &help);
		plan_refuse(plan, item, why, help);
		return true;
	}
	/* What this call is about to take is not yet the QEMU user's. */
	bool is_taken = held < &plan->journal->entries[plan->first_new];
	if (is_taken && walk->st.st_uid != held->new_uid) {
		char *settle = claims_settle_command(whose, held);
		plan_refuse(plan, item,
			xasprintf("already claimed by this VM, but now owned by uid %u; to claim "
				  "it again, first remove its entry: %s",
				walk->st.st_uid, settle),
			settle);
		return true;
	}
	set_reason(item, ACTION_LEAVE, "already claimed");
	return true;
}

/* Whether another claim has the same bytes: why it stands in the way, a new message; else NULL. */
static char *why_held(struct claims_plan *plan, const struct safepath *walk, char **help)
{
	/* Two files share none. */
	if (S_ISREG(walk->st.st_mode))
		journal_others_with_devices(&plan->others);
	else
		journal_others_all(&plan->others);
	return claimable_why_held(
		&plan->claimable, walk, plan->journal, plan->others.all, plan->others.n, help);
}

/* Why the object can't be given to the VM, a new message; NULL: it can. */
static char *why_not_claimable(struct claims_plan *plan, const struct claim_request *resource,
	struct safepath *walk, const struct object *object, char **help)
{
	struct libvirt_xattr r;
	char *why;

	/* What libvirt has given to the QEMU user is the user's whom it remembers. */
	if (walk->unsafe && S_ISREG(walk->st.st_mode) &&
		libvirt_xattr_counts(walk->fd, &walk->st) == 1) {
		libvirt_xattr_read(walk->fd, &r);
		if (r.state == LIBVIRT_XATTR_CURRENT || r.state == LIBVIRT_XATTR_STALE)
			safepath_judge(walk, r.uid);
	}
	if ((why = claimable_why_not(&plan->claimable, walk, object, resource->is_device, help)) !=
			NULL ||
		(why = claimable_why_in_use(&plan->claimable, walk, resource->path)) != NULL)
		return why;
	return !plan->others.has_devices && S_ISREG(walk->st.st_mode) ? NULL
								      : why_held(plan, walk, help);
}

/* The entry of what is to be given to the VM. */
static void add_claim(struct claims_plan *plan, struct claims_item *item, struct safepath *walk,
	const struct fileid *id, const struct identity *identity)
{
	cleanup_free char *note = NULL;
	char *error = NULL;
	int fd = plan->keeps_objects ? fcntl(walk->fd, F_DUPFD_CLOEXEC, 3) : steal_fd(&walk->fd);
	struct entry *e = plan_add_entry(plan, ENTRY_OWNER, fd, walk->path, &walk->st, id);

	if (!e) {
		plan_refuse(plan, item, xstrdup(plan->failure), NULL);
		return;
	}
	/* A file system without owners: libvirt goes on, too, if that will do. */
	bool stays = item->action == ACTION_CHECK;
	e->rdev = S_ISREG(walk->st.st_mode) ? 0 : walk->st.st_rdev;
	plan->others.has_devices = plan->others.has_devices || e->type != 'f';
	e->new_uid = stays ? walk->st.st_uid : identity->uid;
	e->new_gid = stays ? walk->st.st_gid : identity->gid;
	if (!owner_plan(e, fd, &walk->st, plan->settings->remember_owner.value, &note, &error) ||
		!forget_grants(plan, e, &error))
		plan_refuse(plan, item, error, NULL);
	else if (note && !plan->quiet)
		warn("%s: %s", walk->path, note);
}

/* Whether it can't be made the account's, nor has to be for that reason alone. */
static bool has_no_owner(
	const struct safepath *walk, const struct object *object, const struct identity *identity)
{
	return S_ISREG(walk->st.st_mode) && walk->st.st_uid != identity->uid &&
	       object_is_ownerless(object);
}

/* Whoever gets a descriptor, or has the object mounted, does not go through the directories. */
static void plan_access_to(struct claims_plan *plan, struct claims_item *item,
	const struct claim_request *resource, const struct safepath *walk, int wanted,
	const struct identity *identity)
{
	struct safepath alone = *walk;

	if (resource->passed)
		alone.n_dirs = 0;
	plan_access(plan, item, &alone, wanted, identity, resource->instead);
}

static void plan_claim(struct claims_plan *plan, struct claims_item *item,
	const struct claim_request *resource, struct safepath *walk,
	const struct identity *identity)
{
	struct object object;
	struct fileid id;
	char *error = NULL, *help = NULL;

	if (!plan->others.all_read) {
		plan_refuse(plan, item, journal_damage_reason(), NULL);
		return;
	}
	if (!examine(walk, !plan->dry_run && !walk->unsafe, &object, &error) ||
		!fileid_of_object(walk->fd, &object, &id, &error)) {
		plan_refuse(plan, item, error, NULL);
		return;
	}
	if (is_held(plan, item, walk, &id))
		return;
	if ((error = why_not_claimable(plan, resource, walk, &object, &help)) != NULL) {
		plan_refuse(plan, item, error, help);
		return;
	}
	if (has_no_owner(walk, &object, identity)) {
		set_reason(item, ACTION_CHECK, "its file system has no owners of its own");
		plan_access_to(plan, item, resource, walk, R_OK | W_OK, identity);
	} else if (!resource->passed) {
		plan_access(plan, item, walk, 0, identity, resource->instead);
	}
	/* One that was read meanwhile is damaged. */
	if (item->action != ACTION_REFUSE && !plan->others.all_read)
		plan_refuse(plan, item, journal_damage_reason(), NULL);
	if (item->action != ACTION_REFUSE)
		add_claim(plan, item, walk, &id, identity);
}

char *claims_why_not_passed(
	struct claims_plan *plan, const struct safepath *walk, const char *asked, char **help)
{
	const struct journal *whose = NULL;
	struct fileid id;
	char *error = NULL;

	if (!plan->others.all_read)
		return journal_damage_reason();
	if (!fileid_of(walk->fd, &id, &error))
		return error;
	if (plan_find_entry(plan, &id, ENTRY_OWNER, 0, &whose) && whose != plan->journal)
		return held_by_other(whose, help);
	if ((error = claimable_why_system(&plan->claimable, walk, help)) == NULL &&
		(error = claimable_why_in_use(&plan->claimable, walk, asked)) == NULL &&
		(error = why_held(plan, walk, help)) == NULL)
		claimable_note_passed(&plan->claimable, walk);
	return !error && !plan->others.all_read ? journal_damage_reason() : error;
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
	*error = xasprintf("cannot examine %s: %s", resource->path, strerror(errno));
	return false;
}

/* What is not claimed, and so not judged as what is. */
static void plan_check(struct claims_plan *plan, struct claims_item *item,
	const struct claim_request *resource, const struct safepath *walk,
	const struct identity *identity)
{
	int wanted = resource->access == ACCESS_RW ? R_OK | W_OK : R_OK;

	if (plan->keeps_objects && walk->unsafe) {
		char *help = NULL;
		char *why = safepath_why_no_disk(walk, &help);
		plan_refuse(plan, item, why, help);
		return;
	}
	plan_access_to(plan, item, resource, walk, wanted, identity);
}

/* What is to be done about the object of the walk. */
static void plan_object(struct claims_plan *plan, struct claims_item *item,
	const struct claim_request *resource, struct safepath *walk,
	const struct identity *identity)
{
	bool is_wanted = resource->action == ACTION_CLAIM;
	char *why = NULL, *help = NULL;

	if (is_wanted && plan->settings->dynamic_ownership.value) {
		item->action = ACTION_CLAIM;
		plan_claim(plan, item, resource, walk, identity);
		return;
	}
	/* Not given away, but written exclusively all the same. */
	if (is_wanted && ((why = claimable_why_system(&plan->claimable, walk, &help)) != NULL ||
				 (why = claimable_why_in_use(
					  &plan->claimable, walk, resource->path)) != NULL)) {
		plan_refuse(plan, item, why, help);
		return;
	}
	plan_check(plan, item, resource, walk, identity);
}

/* Takes the error of a walk, which has set errno. */
static void refuse_unreached(
	struct claims_plan *plan, struct claims_item *item, const char *path, char *error)
{
	if (errno == EMFILE) {
		plan_run_out(plan, path);
		free(error);
		error = xstrdup(plan->failure);
	}
	plan_refuse(plan, item, error, NULL);
}

void claims_add(struct claims_plan *plan, const struct claim_request *resource)
{
	struct claims_item *item = add_item(plan, resource);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (resource->action == ACTION_LEAVE) {
		item->action = ACTION_LEAVE;
		return;
	}
	if (resource->action == ACTION_CLAIM && !plan->settings->dynamic_ownership.value)
		set_reason(item, ACTION_CHECK, "dynamic_ownership = 0");
	const struct identity *identity = claims_identity(plan, resource->label, &error);
	if (!identity) {
		plan_refuse(plan, item, steal_pointer(&error), NULL);
		return;
	}
	if (reach(plan, resource, &walk, &error))
		plan_object(plan, item, resource, &walk, identity);
	else if (resource->optional && errno == ENOENT)
		set_reason(item, ACTION_LEAVE, "optional, and does not exist");
	else
		refuse_unreached(plan, item, resource->path, steal_pointer(&error));
	if (plan->keeps_objects)
		item->fd = steal_fd(&walk.fd);
	safepath_close(&walk);
}
