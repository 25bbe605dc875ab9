/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/trust.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/nfs4_acl.h"
#include "path/private_group.h"

#include <errno.h>
#include <string.h>
#include <sys/acl.h>

#define WRITE 2U

static void add_grant(struct trust_facts *facts, struct posix_acl_entry entry)
{
	ARRAY_GROW(facts->grants, facts->n_grants);
	facts->grants[facts->n_grants++] = entry;
}

static struct posix_acl_entry other_of(const struct trust_facts *facts)
{
	return (struct posix_acl_entry){ACL_OTHER, facts->mode & 7, 0};
}

static void add_mode(struct trust_facts *facts)
{
	if (facts->mode & S_IWGRP)
		add_grant(facts,
			(struct posix_acl_entry){ACL_GROUP_OBJ, facts->mode >> 3 & 7, facts->gid});
	if (facts->mode & S_IWOTH)
		add_grant(facts, other_of(facts));
}

static void add_acl(struct trust_facts *facts, const char *acl, size_t length)
{
	unsigned mask = posix_acl_mask(acl, length);
	struct posix_acl_entry entry;
	size_t at = 0;
	int result;

	facts->has_acl = true;
	while ((result = posix_acl_next(acl, length, &at, &entry)) > 0) {
		bool is_masked = entry.tag == ACL_USER || entry.tag == ACL_GROUP ||
				 entry.tag == ACL_GROUP_OBJ;
		bool is_other = !is_masked && entry.tag != ACL_USER_OBJ && entry.tag != ACL_MASK;
		if (!(entry.rights & (is_masked ? mask : is_other ? 7 : 0) & WRITE))
			continue;
		if (entry.tag == ACL_GROUP_OBJ)
			entry.id = facts->gid;
		add_grant(facts, entry);
	}
	if (result < 0)
		facts->number = EBADMSG;
}

/* What has no POSIX ACLs may have others (nfs4_getfacl(1)); ENOTSUP and ENODATA: it has not. */
static void add_foreign(struct trust_facts *facts, int fd, dev_t device)
{
	cleanup_free char *nfs4 = NULL;
	cleanup_free char *rich = NULL;
	ssize_t n = posix_acl_read(fd, device, NFS4_ACL, &nfs4);

	if (n >= 0)
		facts->foreign = nfs4_acl_named_writer(nfs4, (size_t)n);
	else if (errno != ENOTSUP && errno != ENODATA)
		facts->number = errno;
	/* Of kernels with patches (richacl(7)); it is not read here. */
	if (posix_acl_read(fd, device, "system.richacl", &rich) >= 0)
		facts->number = ENOTSUP;
}

static struct trust_facts start(const struct stat *st, const char *prefix)
{
	return (struct trust_facts){.is_read = true,
		.prefix = prefix,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode};
}

struct trust_facts trust_read(int fd, const struct stat *st)
{
	struct trust_facts facts = start(st, "");
	cleanup_free char *acl = NULL;

	/* The mode of a symbolic link says nothing; its owner alone can replace it by another. */
	if (S_ISLNK(st->st_mode))
		return facts;
	if (posix_acl_gives_nothing(st->st_dev, st->st_mode)) {
		add_mode(&facts);
		return facts;
	}
	ssize_t n = posix_acl_read(fd, st->st_dev, POSIX_ACL_ACCESS, &acl);
	int number = errno;
	if (n >= 0) {
		add_acl(&facts, acl, (size_t)n);
		/* The same bit twice, but where somebody made the file system by hand. */
		if (facts.mode & S_IWOTH)
			add_grant(&facts, other_of(&facts));
		return facts;
	}
	add_mode(&facts);
	if (number == ENOTSUP)
		add_foreign(&facts, fd, st->st_dev);
	else if (number != ENODATA)
		facts.number = number;
	return facts;
}

struct trust_facts trust_read_default(int fd, const struct stat *st)
{
	struct trust_facts facts = start(st, "default:");
	cleanup_free char *acl = NULL;
	ssize_t n = posix_acl_read(fd, st->st_dev, POSIX_ACL_DEFAULT, &acl);

	if (n >= 0)
		add_acl(&facts, acl, (size_t)n);
	else if (errno != ENODATA && errno != ENOTSUP)
		facts.number = errno;
	return facts;
}

void trust_free(struct trust_facts *facts)
{
	free(facts->grants);
	free(facts->foreign);
	*facts = (struct trust_facts){0};
}

/* Whom an entry lets write. */
static enum trust_writer judge_entry(const struct posix_acl_entry *entry, uid_t owner)
{
	switch (entry->tag) {
	case ACL_USER:
		return entry->id == 0 || entry->id == owner ? TRUST_OWNERS : TRUST_OTHERS;
	case ACL_GROUP_OBJ:
	case ACL_GROUP:
		if (entry->id == 0)
			return TRUST_GROUP_ROOT;
		/* No group but 0 is root's: its primary one. */
		return owner != 0 && private_group(entry->id, owner) ? TRUST_OWNERS : TRUST_OTHERS;
	default:
		return TRUST_OTHERS;
	}
}

enum trust_writer trust_judge(
	const struct trust_facts *facts, uid_t owner, struct trust_report *report)
{
	struct trust_report ignored = {0};
	enum trust_writer worst = TRUST_OWNERS;

	report = report ? report : &ignored;
	*report = (struct trust_report){
		.is_owner = facts->is_read && facts->uid != 0 && facts->uid != owner};
	for (size_t i = 0; i < facts->n_grants; i++) {
		const struct posix_acl_entry *entry = &facts->grants[i];
		enum trust_writer writer = judge_entry(entry, owner);
		/* Everybody is more than the first of some. */
		if (writer > worst || (writer == TRUST_OTHERS && entry->tag == ACL_OTHER))
			report->entry = *entry;
		worst = writer > worst ? writer : worst;
	}
	if (facts->foreign)
		worst = TRUST_OTHERS;
	if (!facts->is_read || facts->number)
		worst = TRUST_UNKNOWN;
	report->is_shared = worst >= TRUST_OTHERS;
	report->adds_only = (worst == TRUST_OTHERS || worst == TRUST_GROUP_ROOT) &&
			    !facts->foreign && !report->is_owner && S_ISDIR(facts->mode) &&
			    facts->mode & S_ISVTX;
	report->by_mode = report->entry.tag && worst < TRUST_UNKNOWN && !facts->foreign &&
			  (!facts->has_acl || (report->entry.tag == ACL_OTHER && !*facts->prefix));
	return report->is_owner && worst < TRUST_OTHERS ? TRUST_OTHERS : worst;
}

bool trust_allows(enum trust_rule rule, const struct trust_facts *facts, uid_t owner,
	struct trust_report *report)
{
	struct trust_report ignored = {0};

	report = report ? report : &ignored;
	enum trust_writer writer = trust_judge(facts, owner, report);
	switch (rule) {
	case TRUST_STEERS:
		return writer == TRUST_OWNERS;
	case TRUST_PLACED:
		return writer <= TRUST_GROUP_ROOT;
	case TRUST_STAYS:
		return writer <= TRUST_GROUP_ROOT || report->adds_only;
	case TRUST_REPLACES:
		return writer == TRUST_OWNERS || (report->adds_only && facts->uid == 0);
	}
	return false;
}

/* As getfacl(1) with numbers. */
static char *entry_text(const struct trust_facts *facts, const struct posix_acl_entry *entry)
{
	const char rights[] = {entry->rights & 4 ? 'r' : '-', entry->rights & 2 ? 'w' : '-',
		entry->rights & 1 ? 'x' : '-', '\0'};

	if (entry->tag == ACL_USER)
		return xasprintf("%suser:%u:%s", facts->prefix, entry->id, rights);
	if (entry->tag == ACL_GROUP)
		return xasprintf("%sgroup:%u:%s", facts->prefix, entry->id, rights);
	return xasprintf(
		"%s%s::%s", facts->prefix, entry->tag == ACL_GROUP_OBJ ? "group" : "other", rights);
}

static char *explain_entry(
	const struct trust_facts *facts, const struct posix_acl_entry *entry, const char *name)
{
	cleanup_free char *text = entry_text(facts, entry);
	bool is_user = entry->tag == ACL_USER, is_other = entry->tag == ACL_OTHER;
	cleanup_free char *known = is_other  ? xstrdup("")
				   : name    ? xstrdup(name)
				   : is_user ? ids_local_user(entry->id)
					     : ids_local_group(entry->id);
	const char *kind = is_user ? "user " : is_other ? "everybody" : "group ";

	if (*facts->prefix)
		return xasprintf("%s%s may write to files created in it, by its default ACL (%s)",
			kind, known, text);
	return xasprintf("%s%s may write by its ACL (%s)", kind, known, text);
}

char *trust_explain(
	const struct trust_facts *facts, const struct trust_report *report, const char *name)
{
	if (report->is_owner)
		return xasprintf("it is owned by uid %u, not root", facts->uid);
	if (!facts->is_read)
		return xstrdup("cannot determine who can write to it");
	if (facts->number)
		return xasprintf("cannot read its ACL: %s", strerror(facts->number));
	if (facts->foreign)
		return xasprintf("its NFSv4 ACL lets others write: %s", facts->foreign);
	if (report->entry.tag && !report->by_mode)
		return explain_entry(facts, &report->entry, name);
	return xasprintf(
		"mode %04o makes it writable by users other than root", facts->mode & 07777);
}

/* The entries to take out, as "u:6001,g:6100", new; NULL where one of the mode is among them. */
static char *named_entries(const struct trust_facts *facts, uid_t owner)
{
	char *list = NULL;

	for (size_t i = 0; i < facts->n_grants; i++) {
		const struct posix_acl_entry *entry = &facts->grants[i];
		if (judge_entry(entry, owner) == TRUST_OWNERS)
			continue;
		if (entry->tag != ACL_USER && entry->tag != ACL_GROUP) {
			free(list);
			return NULL;
		}
		char *longer = xasprintf("%s%s%c:%u", list ? list : "", list ? "," : "",
			entry->tag == ACL_USER ? 'u' : 'g', entry->id);
		free(list);
		list = longer;
	}
	return list;
}

char *trust_help(const struct trust_facts *facts, uid_t owner, const char *path)
{
	struct trust_report report;
	enum trust_writer writer = trust_judge(facts, owner, &report);
	const char *chown = owner == 0 && report.is_owner ? "chown root " : NULL;
	cleanup_free char *entries = named_entries(facts, owner);
	cleanup_free char *shared = NULL;
	cleanup_free char *word = shell_word(path);

	if (writer == TRUST_OWNERS)
		return NULL;
	if (*facts->prefix)
		return xasprintf("setfacl -k %s", word);
	if (facts->number)
		shared = xasprintf("getfacl %s", word);
	else if (facts->foreign)
		shared = xasprintf("nfs4_getfacl %s", word);
	else if (entries)
		shared = xasprintf("setfacl -x %s %s", entries, word);
	else if (facts->n_grants)
		/* With an ACL, this takes the bit from its mask, and so from each entry. */
		shared = xasprintf("chmod go-w %s", word);
	if (!chown)
		return steal_pointer(&shared);
	return xasprintf("%s%s%s%s", chown, word, shared ? " && " : "", shared ? shared : "");
}
