/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scenarios of race-claims: what root makes, which name of it is claimed, and what alice puts
 * there. All below the current directory, top. Begins with make_victims(), then each scenario's
 * make(); whatever is made and is not hers is a victim.
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"
#include "race-victims.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_SLOTS 12

static uid_t alice, bob, qemu;
static gid_t team;
static const char *top; /* DIR, the current directory */

/* What the processes tell each other. */
struct shared {
	_Atomic unsigned long swaps, watched, sweeps;
};
static struct shared *shared;

/* Making the tree, as root. */

static void own(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	if (lchown(path, uid, gid) < 0 || chmod(path, mode) < 0)
		die_errno("cannot change the owner of %s", path);
	if (uid != alice)
		add_victim(path);
}

static void directory(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	if (mkdir(path, 0700) < 0)
		die_errno("cannot make %s", path);
	own(path, uid, gid, mode);
}

static void file(const char *path, uid_t uid, mode_t mode)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, path, strlen(path)) < 0)
		die_errno("cannot make %s", path);
	own(path, uid, uid, mode);
}

/* An absolute link: those through ".." of a directory of alice's are refused for that alone. */
static int link_below_top(const char *target, const char *path)
{
	cleanup_free char *there = xasprintf("%s/%s", top, target);

	return symlink(there, path);
}

static void link_to(const char *target, const char *path)
{
	if (link_below_top(target, path) < 0 || lchown(path, alice, alice) < 0)
		die_errno("cannot make %s", path);
}

/* The same for all scenarios: where links lead to. */
static void make_victims(void)
{
	directory("root", 0, 0, 0755);
	file("root/vm.img", 0, 0600);
	file("root/open", 0, 0666);
	file("root/set-id", 0, 04755);
	directory("bob", bob, bob, 0755);
	file("bob/vm.img", bob, 0600);
	file("bob/open", bob, 0666);
	file("bob/set-id", bob, 06755);
	/* alice's file, where only root gets to. */
	directory("closed", 0, 0, 0700);
	file("closed/vm.img", alice, 0600);
	directory("alice", alice, alice, 0711);
}

/* Scenarios. */

/*
 * Objects that change places all the time (RENAME_EXCHANGE), slots[0] being the name that
 * is claimed, or that of a directory on its way.
 */
struct scenario {
	const char *name, *claimed;
	void (*make)(void);
	void (*attack)(const struct scenario *s, unsigned attacker, unsigned n);
	bool is_open; /* others can write there: to refuse all of it is as good */
	const char *slots[MAX_SLOTS];
};

static unsigned next_random(void)
{
	static unsigned state;

	if (!state)
		state = (unsigned)getpid() | 1;
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static void exchange(const struct scenario *s, unsigned attacker, unsigned n)
{
	unsigned slots = 0;

	(void)attacker;
	(void)n;
	while (s->slots[slots])
		slots++;
	/* Every other time with what is claimed. */
	unsigned from = next_random() % 2 ? 0 : next_random() % slots;
	if (renameat2(AT_FDCWD, s->slots[from], AT_FDCWD, s->slots[next_random() % slots],
		    RENAME_EXCHANGE) == 0)
		shared->swaps++;
}

/* Puts one of the targets, or a new file, into the place of what is claimed. */
static void replace(const struct scenario *s, unsigned attacker, unsigned n,
	int (*make)(const char *target, const char *path))
{
	char name[128];
	unsigned slots = 0;
	int fd;

	while (s->slots[slots])
		slots++;
	snprintf(name, sizeof name, "%s.%u", s->claimed, attacker);
	unlink(name);
	if (n % 3 != 0)
		make(s->slots[next_random() % slots], name);
	else if ((fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0)
		close(fd);
	if (rename(name, s->claimed) == 0)
		shared->swaps++;
}

static void put_links(const struct scenario *s, unsigned attacker, unsigned n)
{
	replace(s, attacker, n, link_below_top);
}

/* fs.protected_hardlinks lets a user link what he may read and write. */
static void put_hard_links(const struct scenario *s, unsigned attacker, unsigned n)
{
	replace(s, attacker, n, link);
}

/* What may be claimed becomes what may not: between the look at it and the change. */
static void change_it(const struct scenario *s, unsigned attacker, unsigned n)
{
	char name[128];

	snprintf(name, sizeof name, "%s.%u", s->claimed, attacker);
	if (n % 2 == 0 && link(s->claimed, name) == 0)
		shared->swaps++;
	unlink(name);
	if (n % 2 == 1 && chmod(s->claimed, 06755) == 0)
		shared->swaps++;
	chmod(s->claimed, 0600);
}

static void make_own(void)
{
	directory("alice/o", alice, alice, 0711);
	file("alice/o/vm.img", alice, 0600);
}

static void make_links(void)
{
	directory("alice/s", alice, alice, 0711);
	file("alice/s/vm.img", alice, 0600);
}

static void make_hard_links(void)
{
	directory("alice/h", alice, alice, 0711);
	file("alice/h/vm.img", alice, 0600);
	file("alice/h/other", alice, 0600);
	file("alice/h/root", 0, 0666);
}

static void make_files(void)
{
	directory("alice/f", alice, alice, 0700);
	file("alice/f/vm.img", alice, 0600);
	file("alice/f/other", alice, 0640);
	file("alice/f/root", 0, 0600);
	file("alice/f/bob", bob, 0600);
	file("alice/f/set-id", 0, 04755);
	link_to("root/vm.img", "alice/f/to-root");
	link_to("bob/vm.img", "alice/f/to-bob");
	link_to("bob/set-id", "alice/f/to-set-id");
	link_to("alice/f/other", "alice/f/to-other");
}

static void make_directories(void)
{
	directory("alice/d", alice, alice, 0711);
	directory("alice/d/way", alice, alice, 0700);
	file("alice/d/way/vm.img", alice, 0600);
	directory("alice/d/roots", alice, alice, 0711);
	file("alice/d/roots/vm.img", 0, 0600);
	directory("alice/d/bobs", alice, alice, 0711);
	file("alice/d/bobs/vm.img", bob, 0600);
	directory("alice/d/linked", alice, alice, 0711);
	link_to("root/vm.img", "alice/d/linked/vm.img");
	link_to("root", "alice/d/to-root");
	link_to("bob", "alice/d/to-bob");
}

static void make_sticky(void)
{
	directory("sticky", 0, 0, 01777);
	directory("alice/t", alice, alice, 0711);
	file("sticky/vm.img", alice, 0600);
	file("alice/t/other", alice, 0600);
	file("alice/t/root", 0, 0600);
	link_to("root/vm.img", "alice/t/to-root");
	link_to("bob/vm.img", "alice/t/to-bob");
}

static void make_sticky_directories(void)
{
	directory("sticky-way", 0, 0, 01777);
	directory("alice/w", alice, alice, 0711);
	directory("sticky-way/way", alice, alice, 0711);
	file("sticky-way/way/vm.img", alice, 0600);
	directory("alice/w/roots", alice, alice, 0711);
	file("alice/w/roots/vm.img", 0, 0600);
	directory("alice/w/bobs", alice, alice, 0711);
	file("alice/w/bobs/vm.img", bob, 0600);
	link_to("root", "alice/w/to-root");
	link_to("bob", "alice/w/to-bob");
}

static void make_group(void)
{
	directory("group", 0, team, 02775);
	file("group/vm.img", alice, 0600);
	file("group/other", alice, 0660);
	file("group/root", 0, 0600);
	link_to("root/vm.img", "group/to-root");
	link_to("bob/vm.img", "group/to-bob");
}

/* bob can write there too, and has. */
static void make_group_with_bob(void)
{
	directory("group-bob", 0, team, 02775);
	file("group-bob/vm.img", alice, 0600);
	file("group-bob/bob", bob, 0660);
}

static void make_world_with_bob(void)
{
	directory("alice/all", alice, alice, 0777);
	file("alice/all/vm.img", alice, 0600);
	file("alice/all/bob", bob, 0600);
}

static void make_sticky_with_bob(void)
{
	directory("sticky-bob", 0, 0, 01777);
	directory("alice/b", alice, alice, 0711);
	file("sticky-bob/vm.img", alice, 0600);
	file("alice/b/bob", bob, 0600);
}

static void make_closed(void)
{
	directory("alice/c", alice, alice, 0711);
	file("alice/c/vm.img", alice, 0600);
	link_to("closed/vm.img", "alice/c/to-closed");
}

static const struct scenario scenarios[] = {
	{"symbolic-links", "alice/s/vm.img", make_links, put_links, false,
		{"root/vm.img", "bob/vm.img", "root/set-id", "bob/open"}},
	{"hard-links", "alice/h/vm.img", make_hard_links, put_hard_links, false,
		{"root/open", "bob/open", "root/vm.img", "bob/set-id", "alice/h/other",
			"alice/h/root"}},
	{"links-and-modes", "alice/o/vm.img", make_own, change_it, false, {"alice/o/vm.img"}},
	{"files", "alice/f/vm.img", make_files, exchange, false,
		{"alice/f/vm.img", "alice/f/other", "alice/f/root", "alice/f/bob", "alice/f/set-id",
			"alice/f/to-root", "alice/f/to-bob", "alice/f/to-set-id",
			"alice/f/to-other"}},
	{"directories", "alice/d/way/vm.img", make_directories, exchange, false,
		{"alice/d/way", "alice/d/to-root", "alice/d/to-bob", "alice/d/roots",
			"alice/d/bobs", "alice/d/linked"}},
	{"sticky", "sticky/vm.img", make_sticky, exchange, true,
		{"sticky/vm.img", "alice/t/other", "alice/t/root", "alice/t/to-root",
			"alice/t/to-bob"}},
	{"sticky-directories", "sticky-way/way/vm.img", make_sticky_directories, exchange, true,
		{"sticky-way/way", "alice/w/roots", "alice/w/bobs", "alice/w/to-root",
			"alice/w/to-bob"}},
	{"group", "group/vm.img", make_group, exchange, true,
		{"group/vm.img", "group/other", "group/root", "group/to-root", "group/to-bob"}},
	{"group-with-bob", "group-bob/vm.img", make_group_with_bob, exchange, true,
		{"group-bob/vm.img", "group-bob/bob"}},
	{"world-with-bob", "alice/all/vm.img", make_world_with_bob, exchange, true,
		{"alice/all/vm.img", "alice/all/bob"}},
	{"sticky-with-bob", "sticky-bob/vm.img", make_sticky_with_bob, exchange, true,
		{"sticky-bob/vm.img", "alice/b/bob"}},
	{"closed", "alice/c/vm.img", make_closed, exchange, false,
		{"alice/c/vm.img", "alice/c/to-closed"}},
};
#define N_SCENARIOS (sizeof scenarios / sizeof *scenarios)
