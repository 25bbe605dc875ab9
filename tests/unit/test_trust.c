/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can write to an object: the answer beside the kernel's own, which is asked by trying, as
 * users who are neither root nor the owner. In $VP_TRUST_DIR, or a new directory below /tmp.
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "path/nfs4_acl.h"
#include "path/roots.h"
#include "path/trust.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Numbers that no account bears. */
enum { ALICE = 61001, BOB = 61002, TEAM = 61100 };

/* Whoever is asked: two are in the team, and one is in root's group. */
static const struct subject {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t groups[1];
	size_t n_groups;
} subjects[] = {
	{"alice", ALICE, ALICE, {TEAM}, 1},
	{"bob", BOB, BOB, {0}, 0},
	{"in the team", 61004, 61004, {TEAM}, 1},
	{"in group 0", 61003, 61003, {0}, 1},
};

#define ACL(named, mask) "u::rwx," named ",g::r-x,m::" mask ",o::r-x"
#define BY_USER "user 61001 may write by its ACL (user:61001:rwx)"
#define BY_MODE(mode) "mode " mode " makes it writable by users other than root"

/*
 * What the object is, who is meant to write to it beside root, and what is said of it. mode: with
 * S_IFREG or S_IFDIR. careful: the answer is others, though at the moment the kernel lets none.
 */
static const struct row {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	const char *acl;
	uid_t owner;
	enum trust_writer writer;
	bool adds_only;
	const char *why, *help;
	bool careful;
} rows[] = {
	/* By owner and mode. */
	{0, 0, S_IFDIR | 0755, NULL, 0, TRUST_OWNERS, false, NULL, NULL, false},
	{0, TEAM, S_IFDIR | 0755, NULL, 0, TRUST_OWNERS, false, NULL, NULL, false},
	{0, 0, S_IFDIR | 0775, NULL, 0, TRUST_GROUP_ROOT, false, BY_MODE("0775"), "chmod go-w X",
		false},
	{0, TEAM, S_IFDIR | 0775, NULL, 0, TRUST_OTHERS, false, BY_MODE("0775"), "chmod go-w X",
		false},
	{0, 0, S_IFDIR | 0757, NULL, 0, TRUST_OTHERS, false, BY_MODE("0757"), "chmod go-w X",
		false},
	{0, 0, S_IFDIR | 0777, NULL, ALICE, TRUST_OTHERS, false, BY_MODE("0777"), "chmod go-w X",
		false},
	{0, 0, S_IFDIR | S_ISVTX | 0777, NULL, 0, TRUST_OTHERS, true, BY_MODE("1777"),
		"chmod go-w X", false},
	{0, TEAM, S_IFDIR | S_ISVTX | 0775, NULL, 0, TRUST_OTHERS, true, BY_MODE("1775"),
		"chmod go-w X", false},
	{0, 0, S_IFDIR | S_ISVTX | 0775, NULL, 0, TRUST_GROUP_ROOT, true, BY_MODE("1775"),
		"chmod go-w X", false},
	{ALICE, TEAM, S_IFDIR | S_ISVTX | 0755, NULL, 0, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", "chown root X", false},
	{ALICE, TEAM, S_IFDIR | 0755, NULL, ALICE, TRUST_OWNERS, false, NULL, NULL, false},
	{ALICE, TEAM, S_IFDIR | 0555, NULL, 0, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", "chown root X", false},
	{ALICE, 0, S_IFDIR | 0755, NULL, BOB, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", NULL, false},
	{0, 0, S_IFREG | 0644, NULL, 0, TRUST_OWNERS, false, NULL, NULL, false},
	{0, 0, S_IFREG | 0664, NULL, 0, TRUST_GROUP_ROOT, false, BY_MODE("0664"), "chmod go-w X",
		false},
	{0, TEAM, S_IFREG | 0620, NULL, 0, TRUST_OTHERS, false, BY_MODE("0620"), "chmod go-w X",
		false},
	{0, 0, S_IFREG | S_ISVTX | 0666, NULL, 0, TRUST_OTHERS, false, BY_MODE("1666"),
		"chmod go-w X", false},
	{ALICE, 0, S_IFREG | 0400, NULL, 0, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", "chown root X", false},
	{ALICE, 0, S_IFREG | 0666, NULL, 0, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", "chown root X && chmod go-w X", false},
	/* By ACL: named users. */
	{0, 0, S_IFDIR | 0755, ACL("u:61001:rwx", "rwx"), 0, TRUST_OTHERS, false, BY_USER,
		"setfacl -x u:61001 X", false},
	{0, 0, S_IFDIR | 0755, ACL("u:61001:rwx", "r-x"), 0, TRUST_OWNERS, false, NULL, NULL,
		false},
	{0, 0, S_IFDIR | 0755, ACL("u:61001:r-x", "rwx"), 0, TRUST_OWNERS, false, NULL, NULL,
		false},
	{0, 0, S_IFDIR | 0755, ACL("u:61001:rwx", "rwx"), ALICE, TRUST_OWNERS, false, NULL, NULL,
		false},
	{0, 0, S_IFDIR | 0755, ACL("u:61001:rwx", "rwx"), BOB, TRUST_OTHERS, false, BY_USER,
		"setfacl -x u:61001 X", false},
	{0, 0, S_IFDIR | 0755, ACL("u:0:rwx", "rwx"), 0, TRUST_OWNERS, false, NULL, NULL, false},
	{0, 0, S_IFDIR | S_ISVTX | 0755, ACL("u:61001:rwx", "rwx"), 0, TRUST_OTHERS, true, BY_USER,
		"setfacl -x u:61001 X", false},
	{0, TEAM, S_IFDIR | 0755, ACL("u:0:rwx", "rwx"), 0, TRUST_OWNERS, false, NULL, NULL, false},
	{0, 0, S_IFDIR | 0755, ACL("u:61001:-w-", "rwx"), 0, TRUST_OTHERS, false,
		"user 61001 may write by its ACL (user:61001:-w-)", "setfacl -x u:61001 X", true},
	{ALICE, 0, S_IFDIR | 0755, ACL("u:61001:---", "rwx"), 0, TRUST_OTHERS, false,
		"it is owned by uid 61001, not root", "chown root X", false},
	{0, 0, S_IFREG | 0644, "u::rw-,u:61001:rw-,g::r--,m::rw-,o::r--", 0, TRUST_OTHERS, false,
		"user 61001 may write by its ACL (user:61001:rw-)", "setfacl -x u:61001 X", false},
	{0, 0, S_IFREG | 0644, "u::rw-,u:61001:rw-,g::r--,m::r--,o::r--", 0, TRUST_OWNERS, false,
		NULL, NULL, false},
	{ALICE, TEAM, S_IFREG | 0644, "u::rw-,u:61002:-w-,g::r--,m::rw-,o::r--", 0, TRUST_OTHERS,
		false, "it is owned by uid 61001, not root", "chown root X && setfacl -x u:61002 X",
		false},
	{0, 0, S_IFREG | 0600, "u::rw-,u:61001:rw-,g::---,m::---,o::---", 0, TRUST_OWNERS, false,
		NULL, NULL, false},
	{0, 0, S_IFREG | 0600, "u::rw-,u:61002:rw-,g::---,m::---,o::-w-", 0, TRUST_OTHERS, false,
		BY_MODE("0602"), "chmod go-w X", false},
	/* Named groups, and the group itself. */
	{0, 0, S_IFDIR | 0755, ACL("g:61100:rwx", "rwx"), 0, TRUST_OTHERS, false,
		"group 61100 may write by its ACL (group:61100:rwx)", "setfacl -x g:61100 X",
		false},
	{0, 0, S_IFDIR | 0755, ACL("g:61100:rwx", "r-x"), 0, TRUST_OWNERS, false, NULL, NULL,
		false},
	{0, 0, S_IFDIR | 0755, ACL("g:61100:rwx", "rwx"), ALICE, TRUST_OTHERS, false,
		"group 61100 may write by its ACL (group:61100:rwx)", "setfacl -x g:61100 X",
		false},
	{0, 0, S_IFDIR | 0755, ACL("g:0:rwx", "rwx"), 0, TRUST_GROUP_ROOT, false,
		"group root may write by its ACL (group:0:rwx)", "setfacl -x g:0 X", false},
	{0, 0, S_IFDIR | 0755, ACL("u:61002:rwx,u:61001:rwx,g:61100:rwx", "rwx"), 0, TRUST_OTHERS,
		false, BY_USER, "setfacl -x u:61001,u:61002,g:61100 X", false},
	{0, TEAM, S_IFDIR | 0755, "u::rwx,u:61002:r-x,g::rwx,m::rwx,o::r-x", 0, TRUST_OTHERS, false,
		"group 61100 may write by its ACL (group::rwx)", "chmod go-w X", false},
	{0, TEAM, S_IFDIR | 0755, "u::rwx,u:61002:r-x,g::rwx,m::r-x,o::r-x", 0, TRUST_OWNERS, false,
		NULL, NULL, false},
	{0, 0, S_IFDIR | 0755, "u::rwx,u:61002:r-x,g::rwx,m::rwx,o::r-x", 0, TRUST_GROUP_ROOT,
		false, "group root may write by its ACL (group::rwx)", "chmod go-w X", false},
	/* Everybody, and who is in the way of the rest. */
	{0, 0, S_IFDIR | 0755, "u::rwx,u:61001:r-x,g::r-x,m::r-x,o::rwx", 0, TRUST_OTHERS, false,
		BY_MODE("0757"), "chmod go-w X", false},
	{0, 0, S_IFDIR | 0755, "u::rwx,u:61001:---,g:61100:rwx,g::r-x,m::rwx,o::r-x", 0,
		TRUST_OTHERS, false, "group 61100 may write by its ACL (group:61100:rwx)",
		"setfacl -x g:61100 X", false},
};

static char directory[64];

/* 0, or the error with which a file cannot be given to another user. */
static int try_to_give(void)
{
	cleanup_free char *path = xasprintf("%s/given", directory);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && unlink(path) == 0);
	return fchown(fd, ALICE, TEAM) == 0 ? 0 : errno;
}

/* A build of the package may be an ordinary user's, or in a user namespace without other users. */
static void need_other_users(void)
{
	int number = try_to_give();

	if (number == 0)
		return;
	print_message("# a file cannot be given to another user here: %s\n", strerror(number));
	skip();
}

static void make(const struct row *row, const char *path)
{
	cleanup_free char *victim = xasprintf("%s/victim", path);
	bool is_dir = S_ISDIR(row->mode);

	if (is_dir)
		assert_int_equal(mkdir(path, 0700), 0);
	cleanup_fd int fd = open(is_dir ? victim : path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(chown(path, row->uid, row->gid), 0);
	assert_int_equal(chmod(path, row->mode & 07777), 0);
	if (row->acl) {
		acl_t acl = acl_from_text(row->acl);
		assert_non_null(acl);
		assert_int_equal(acl_set_file(path, ACL_TYPE_ACCESS, acl), 0);
		acl_free(acl);
	}
}

enum { WRITES = 1, TAKES_AWAY = 2 };

/* What the kernel lets the process do, which has become somebody else. */
static int try_it(const struct row *row, const char *path, uid_t uid)
{
	cleanup_free char *new = xasprintf("%s/new", path);
	cleanup_free char *victim = xasprintf("%s/victim", path);
	cleanup_free char *moved = xasprintf("%s/moved", path);
	int result = 0;

	/* What an owner may not now, he lets himself. */
	if (uid == row->uid && chmod(path, row->mode | 0700) < 0)
		return 0;
	if (!S_ISDIR(row->mode)) {
		cleanup_fd int file = open(path, O_WRONLY);
		return file >= 0 ? WRITES : 0;
	}
	cleanup_fd int fd = open(new, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd >= 0)
		result |= WRITES;
	if (rename(victim, moved) == 0 && unlink(moved) == 0)
		result |= TAKES_AWAY;
	return result;
}

static int ask_kernel(const struct row *row, const char *path, const struct subject *subject)
{
	int status;

	make(row, path);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups(subject->n_groups, subject->groups) < 0 ||
			setresgid(subject->gid, subject->gid, subject->gid) < 0 ||
			setresuid(subject->uid, subject->uid, subject->uid) < 0)
			_exit(127);
		_exit(try_it(row, path, subject->uid));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
	cleanup_free char *command = xasprintf("rm -rf %s", path);
	assert_int_equal(system(command), 0);
	return WEXITSTATUS(status);
}

/* Both by a descriptor that is O_PATH, and by one that is not. */
static void judge(const struct row *row, const char *path, int flags)
{
	struct trust_report report;
	struct stat st;
	cleanup_fd int fd = open(path, flags | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	struct trust_facts facts = trust_read(fd, &st);
	assert_int_equal(trust_judge(&facts, row->owner, &report), row->writer);
	if (row->owner == 0)
		assert_int_equal(roots_has_alone(fd, &st), row->writer == TRUST_OWNERS);
	assert_int_equal(report.adds_only, row->adds_only);
	if (row->why) {
		cleanup_free char *why = trust_explain(&facts, &report, NULL);
		assert_string_equal(why, row->why);
	}
	cleanup_free char *help = trust_help(&facts, row->owner, "X");
	if (row->help)
		assert_string_equal(help, row->help);
	else
		assert_null(help);
	trust_free(&facts);
}

/* The kernel's answer, of all subjects that are not meant, and ours. */
static void compare(const struct row *row, const char *path)
{
	bool others = false, group_root = false;

	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		const struct subject *subject = &subjects[i];
		int lets = ask_kernel(row, path, subject);
		if (subject->uid == row->owner)
			continue;
		print_message("#   %s: %d\n", subject->name, lets);
		if (subject->n_groups == 1 && subject->groups[0] == 0)
			group_root = group_root || lets;
		else
			others = others || lets;
		assert_false(lets & TAKES_AWAY && row->adds_only);
	}
	if (others)
		assert_int_equal(row->writer, TRUST_OTHERS);
	if (group_root)
		assert_true(row->writer >= TRUST_GROUP_ROOT);
	if (row->writer == TRUST_OTHERS)
		assert_true(others || row->careful);
	if (row->writer == TRUST_GROUP_ROOT)
		assert_true(group_root);
}

static void answers_are_the_kernels(void **state)
{
	(void)state;
	need_other_users();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cleanup_free char *path = xasprintf("%s/%zu", directory, i);
		print_message("# %zu: %u:%u %o %s, meant: %u\n", i, rows[i].uid, rows[i].gid,
			rows[i].mode, rows[i].acl ? rows[i].acl : "", rows[i].owner);
		compare(&rows[i], path);
		make(&rows[i], path);
		judge(&rows[i], path, O_PATH);
		judge(&rows[i], path, O_RDONLY);
	}
}

/* What is allowed by each rule: who owns the directory, its mode, and who is meant beside root. */
static const struct {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	uid_t owner;
	bool steers, placed, stays, replaces;
} rules[] = {
	{0, 0, 0755, 0, true, true, true, true},
	{0, TEAM, 0755, 0, true, true, true, true},
	{0, 0, 0755, ALICE, true, true, true, true},
	{ALICE, TEAM, 0755, ALICE, true, true, true, true},
	/* Members of root's group. */
	{0, 0, 0775, 0, false, true, true, false},
	{0, 0, 01775, 0, false, true, true, true},
	{ALICE, 0, 0775, ALICE, false, true, true, false},
	{ALICE, 0, 01775, ALICE, false, true, true, false},
	/* Others, who may do anything, or add alone. */
	{0, TEAM, 0775, 0, false, false, false, false},
	{0, 0, 0777, 0, false, false, false, false},
	{0, TEAM, 01775, 0, false, false, true, true},
	{0, 0, 01777, 0, false, false, true, true},
	{0, 0, 01777, ALICE, false, false, true, true},
	{ALICE, TEAM, 0777, ALICE, false, false, false, false},
	{ALICE, TEAM, 01777, ALICE, false, false, true, false},
	/* Of somebody else's. */
	{ALICE, TEAM, 0755, 0, false, false, false, false},
	{ALICE, TEAM, 0500, 0, false, false, false, false},
	{ALICE, TEAM, 01777, 0, false, false, false, false},
	{BOB, TEAM, 01755, ALICE, false, false, false, false},
};

static void each_rule_has_its_answer(void **state)
{
	(void)state;
	need_other_users();
	for (size_t i = 0; i < N_ELEMENTS(rules); i++) {
		cleanup_free char *path = xasprintf("%s/rule%zu", directory, i);
		const struct row row = {
			.uid = rules[i].uid, .gid = rules[i].gid, .mode = S_IFDIR | rules[i].mode};
		struct stat st;
		uid_t owner = rules[i].owner;
		print_message("# %u:%u %04o, meant: %u\n", row.uid, row.gid, rules[i].mode, owner);
		make(&row, path);
		cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
		assert_int_equal(fstat(fd, &st), 0);
		struct trust_facts facts = trust_read(fd, &st);
		assert_int_equal(trust_allows(TRUST_STEERS, &facts, owner, NULL), rules[i].steers);
		assert_int_equal(trust_allows(TRUST_PLACED, &facts, owner, NULL), rules[i].placed);
		assert_int_equal(trust_allows(TRUST_STAYS, &facts, owner, NULL), rules[i].stays);
		assert_int_equal(
			trust_allows(TRUST_REPLACES, &facts, owner, NULL), rules[i].replaces);
		trust_free(&facts);
	}
	/* What can't be told is allowed by none. */
	const struct trust_facts nothing = {0};
	const struct trust_facts unread = {
		.is_read = true, .prefix = "", .mode = S_IFDIR | 01777, .number = EIO};
	for (enum trust_rule rule = TRUST_STEERS; rule <= TRUST_REPLACES; rule++) {
		assert_false(trust_allows(rule, &nothing, 0, NULL));
		assert_false(trust_allows(rule, &unread, 0, NULL));
	}
}

/* More entries than fit into what is mostly enough. */
static void a_long_acl_is_read_whole(void **state)
{
	cleanup_free char *path = xasprintf("%s/long", directory);
	struct row row = {.mode = S_IFDIR | 0755, .writer = TRUST_OTHERS};
	cleanup_free char *acl = xstrdup("u::rwx,g::r-x,m::rwx,o::r-x");
	struct stat st;

	(void)state;
	need_other_users();
	for (unsigned i = 0; i < 100; i++) {
		char *longer = xasprintf("%s,u:%u:%s", acl, 7000 + i, i == 99 ? "rwx" : "r-x");
		free(acl);
		acl = longer;
	}
	row.acl = acl;
	make(&row, path);
	cleanup_fd int fd = open(path, O_PATH);
	assert_int_equal(fstat(fd, &st), 0);
	cleanup_free char *why = roots_why_not(fd, &st, "/X", "look into it", NULL);
	assert_string_equal(why, "user 7099 may write by its ACL (user:7099:rwx); look into it, "
				 "then: setfacl -x u:7099 /X");
}

/* What is made in a directory gets the entries of its default ACL. */
static void what_is_made_counts(void **state)
{
	cleanup_free char *path = xasprintf("%s/default", directory);
	struct row row = {.mode = S_IFDIR | 0755};
	struct stat st;

	(void)state;
	need_other_users();
	make(&row, path);
	acl_t acl = acl_from_text("u::rwx,u:61001:rwx,g::r-x,m::rwx,o::r-x");
	assert_int_equal(acl_set_file(path, ACL_TYPE_DEFAULT, acl), 0);
	acl_free(acl);
	cleanup_fd int fd = open(path, O_PATH);
	assert_int_equal(fstat(fd, &st), 0);
	struct trust_facts facts = trust_read(fd, &st);
	assert_int_equal(trust_judge(&facts, 0, NULL), TRUST_OWNERS);
	assert_false(roots_has_alone(fd, &st));
	trust_free(&facts);
	cleanup_free char *why = roots_why_not(fd, &st, "/X", "look into it", NULL);
	assert_string_equal(why, "user 61001 may write to files created in it, by its default ACL "
				 "(default:user:61001:rwx); look into it, then: setfacl -k /X");
}

static void what_cannot_be_read_is_not_trusted(void **state)
{
	const struct trust_facts nothing = {0};
	struct trust_facts unread = {.is_read = true, .prefix = "", .number = EIO};
	struct stat st = {.st_mode = S_IFDIR | 0755};
	struct trust_report report;

	(void)state;
	assert_int_equal(trust_judge(&nothing, 0, &report), TRUST_UNKNOWN);
	assert_true(report.is_shared);
	assert_int_equal(trust_judge(&unread, 0, &report), TRUST_UNKNOWN);
	cleanup_free char *why = trust_explain(&unread, &report, NULL);
	assert_string_equal(why, "cannot read its ACL: Input/output error");
	assert_false(roots_has_alone(-1, &st));
}

/* What a file system is not known to have could let others write that its mode doesn't show. */
static void acls_are_left_out_where_they_are_known(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(directory, &st), 0);
	assert_false(posix_acl_gives_nothing(st.st_dev + 1, S_IFREG | 0600));
	cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct trust_facts facts = trust_read(fd, &st);
	trust_free(&facts);
	assert_true(posix_acl_gives_nothing(st.st_dev, S_IFREG | 0600));
	assert_true(posix_acl_gives_nothing(st.st_dev, S_IFREG | 0707));
	assert_false(posix_acl_gives_nothing(st.st_dev, S_IFREG | 0640));
	assert_false(posix_acl_gives_nothing(st.st_dev, S_IFREG | 0610));
	assert_false(posix_acl_gives_nothing(st.st_dev + 1, S_IFREG | 0600));
}

static void malformed_acls_are_refused(void **state)
{
	static const char good[] = "\2\0\0\0\1\0\7\0\xff\xff\xff\xff";
	struct posix_acl_entry entry;
	size_t at = 0;

	(void)state;
	assert_int_equal(posix_acl_next(good, 12, &at, &entry), 1);
	assert_int_equal(entry.tag, ACL_USER_OBJ);
	assert_int_equal(entry.rights, 7);
	assert_int_equal(posix_acl_next(good, 12, &at, &entry), 0);
	for (size_t length = 0; length < 12; length++) {
		at = 0;
		assert_int_equal(posix_acl_next(good, length, &at, &entry), length == 4 ? 0 : -1);
	}
	at = 0;
	assert_int_equal(posix_acl_next("\3\0\0\0", 4, &at, &entry), -1);
}

/* Type, flag and mask of an entry, and its name; as the server sends them. */
static const struct {
	uint32_t type, flag, mask;
	const char *who, *named;
} nfs4[] = {
	{0, 0, 0x1601ff, "OWNER@", NULL},
	{0, 0x40, 0x1601ff, "GROUP@", NULL},
	{0, 0, 0x2, "EVERYONE@", NULL},
	{0, 0, 0x1, "alice@example.org", NULL},
	{0, 0, 0x2, "alice@example.org", "user alice@example.org"},
	{0, 0, 0x40, "alice@example.org", "user alice@example.org"},
	{0, 0, 0x40000, "61001", "user 61001"},
	{0, 0x40, 0x4, "team@example.org", "group team@example.org"},
	{1, 0, 0x2, "alice@example.org", NULL},
	{0, 0, 0x2, "OWNER", "user OWNER"},
};

static size_t put(char *to, size_t at, uint32_t value)
{
	value = htobe32(value);
	memcpy(to + at, &value, sizeof value);
	return at + sizeof value;
}

static void nfs4_acls_name_who_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof nfs4 / sizeof *nfs4; i++) {
		char acl[256] = "";
		size_t at = put(acl, 0, 1);
		at = put(acl, at, nfs4[i].type);
		at = put(acl, at, nfs4[i].flag);
		at = put(acl, at, nfs4[i].mask);
		at = put(acl, at, (uint32_t)strlen(nfs4[i].who));
		memcpy(acl + at, nfs4[i].who, strlen(nfs4[i].who));
		at += (strlen(nfs4[i].who) + 3) & ~(size_t)3;
		cleanup_free char *named = nfs4_acl_named_writer(acl, at);
		print_message("# %zu\n", i);
		if (nfs4[i].named)
			assert_string_equal(named, nfs4[i].named);
		else
			assert_null(named);
		for (size_t length = 0; length < at; length++) {
			cleanup_free char *cut = nfs4_acl_named_writer(acl, length);
			assert_string_equal(cut, "it is malformed");
		}
	}
}

static int open_directory(void **state)
{
	const char *given = getenv("VP_TRUST_DIR");

	(void)state;
	snprintf(directory, sizeof directory, "%s/trust.XXXXXX", given ? given : "/tmp");
	return mkdtemp(directory) && chmod(directory, 0755) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	cleanup_free char *command = xasprintf("rm -rf %s", directory);

	(void)state;
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_the_kernels),
		cmocka_unit_test(each_rule_has_its_answer),
		cmocka_unit_test(a_long_acl_is_read_whole),
		cmocka_unit_test(what_is_made_counts),
		cmocka_unit_test(what_cannot_be_read_is_not_trusted),
		cmocka_unit_test(acls_are_left_out_where_they_are_known),
		cmocka_unit_test(malformed_acls_are_refused),
		cmocka_unit_test(nfs4_acls_name_who_writes),
	};

	return cmocka_run_group_tests_name("trust", tests, open_directory, remove_directory);
}
