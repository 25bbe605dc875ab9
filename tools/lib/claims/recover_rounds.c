/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/recover_rounds.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/holder.h"
#include "claims/journal_aside.h"
#include "claims/journal_lock.h"
#include "claims/probe.h"
#include "claims/recover_libvirt.h"
#include "claims/release.h"
#include "claims/runtime_dir.h"
#include "path/open_files.h"
#include "path/safepath.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* For all holders that are about to end. */
#define ENDING_SECONDS 20

/* A holder that was killed and has its claim still: systemd runs ExecStopPost= by then. */
struct ending_holder {
	pid_t pid;
	int fd; /* a pidfd */
};

struct ending {
	struct ending_holder *all;
	size_t n;
	bool waited; /* for them: from now on, it is about their claims alone */
};

static bool is_ending_holder(const struct ending *ending, pid_t pid)
{
	for (size_t i = 0; i < ending->n; i++)
		if (ending->all[i].pid == pid)
			return true;
	return false;
}

static void note_ending(struct ending *ending, pid_t holder)
{
	if (is_ending_holder(ending, holder) || !process_is_ending(holder))
		return;
	int fd = (int)syscall(SYS_pidfd_open, holder, 0);
	if (fd < 0)
		return;
	ARRAY_GROW(ending->all, ending->n);
	ending->all[ending->n++] = (struct ending_holder){holder, fd};
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Waits until all have ended, or for that long. */
static void wait_for_end(struct ending *ending)
{
	long long end = now() + ENDING_SECONDS * 1000LL;

	for (size_t i = 0; i < ending->n; i++) {
		struct pollfd polled = {ending->all[i].fd, POLLIN, 0};
		long long left = end - now();
		(void)IO_RETRY(poll(&polled, 1, left > 0 ? (int)left : 0));
	}
	ending->waited = true;
	/* Who had it open has ended. */
	open_files_forget();
}

/* A file that libvirt's attributes name an owner of. */
static bool recover_file(const char *path, bool dry_run, struct lockwait *waits)
{
	cleanup_free char *message = NULL;
	struct safepath walk;
	bool good = false, busy = false;

	if (!lockwait_due(waits, path))
		return true;
	if (!safepath_open(path, &walk, &message)) {
		log_error("%s", message);
		return false;
	}
	if (walk.unsafe)
		log_error("%s", walk.unsafe);
	else
		good = recover_libvirt_object(walk.fd, &walk.st, dry_run, &busy, &message);
	/* That is told when it was waited for. */
	busy = busy && lockwait_add(waits, walk.fd, path, false, &message);
	if (!walk.unsafe && !good && !busy)
		log_error("%s: %s", path, message);
	else if (message && dry_run)
		printf("recover %s %s\n", path, message);
	else if (message)
		info("%s: %s", path, message);
	safepath_close(&walk);
	return good || busy;
}

static void free_ending(struct ending *ending)
{
	for (size_t i = 0; i < ending->n; i++)
		close(ending->all[i].fd);
	free(ending->all);
}

/* By a process that was waited for in vain. False: it is told, once. */
static bool still_held(const struct journal *journal, const struct lockwait *waits)
{
	if (!waits->is_later_round)
		log_error("VM '%s': its process %d is ending, but has not ended within %d s; not "
			  "released; once it has ended: virt-priv-chown recover",
			journal->name, journal->holder, ENDING_SECONDS);
	return false;
}

/*
 * Whether it is for a runner to say what becomes of a claim whose holder has ended: it gives it
 * back, or notes QEMU's daemon as its holder. *good: false if that can't be told, which is said.
 */
static bool is_runners(const struct journal *journal, const struct lockwait *waits, bool *good)
{
	int taken = runtime_dir_is_taken(journal->name);

	*good = taken >= 0;
	if (taken < 0 && !waits->is_later_round)
		log_error(
			"VM '%s': cannot determine whether virt-priv-run has it: %s; not released",
			journal->name, strerror(errno));
	return taken != 0;
}

/* Who has each of the claims, as it was told when they were read. */
struct holds {
	struct hold {
		enum claims_hold who;
		char *error; /* see claims_hold() */
	} * all;
	size_t n;
};

static void free_holds(struct holds *holds)
{
	for (size_t i = 0; i < holds->n; i++)
		free(holds->all[i].error);
	free(holds->all);
	*holds = (struct holds){0};
}

/* Nothing is looked for of a claim that is held: whoever holds it may wait for its files. */
static void choose_abandoned(void *context, struct journal *const *all, size_t n, bool *wanted)
{
	struct holds *holds = context;

	free_holds(holds);
	*holds = (struct holds){xcalloc(n + 1, sizeof *holds->all), n};
	for (size_t i = 0; i < n; i++) {
		holds->all[i].who = claims_hold(all[i], &holds->all[i].error);
		wanted[i] = holds->all[i].who == CLAIMS_ABANDONED;
	}
}

/* The claim of one VM, if nobody holds it. What is known of its holder is told once. */
static bool recover_claim(struct journal *journal, const struct hold *known, bool dry_run,
	struct journal *const *all, size_t n, struct lockwait *waits, struct ending *ending)
{
	enum claims_hold hold = known->who;

	if (ending->waited && !is_ending_holder(ending, journal->holder))
		return true;
	if (hold == CLAIMS_UNKNOWN && !waits->is_later_round)
		log_error("%s; not released", known->error);
	if (hold == CLAIMS_HELD && ending->waited)
		return still_held(journal, waits);
	if (hold == CLAIMS_HELD && journal->holder && !dry_run)
		note_ending(ending, journal->holder);
	if (hold != CLAIMS_ABANDONED)
		return hold != CLAIMS_UNKNOWN;
	bool good;
	if (is_runners(journal, waits, &good))
		return good;
	if (dry_run) {
		printf("release %s\n", journal->name);
		return true;
	}
	if (!waits->is_later_round)
		info("VM '%s': its claim is abandoned", journal->name);
	return claims_release(journal, NULL, RELEASE_RECOVERED, all, n, waits);
}

static bool recover_round(char *const *paths, size_t n_paths, bool dry_run, struct lockwait *waits,
	struct ending *ending)
{
	cleanup_free char *error = NULL;
	struct holds holds = {0};
	struct journal **all;
	size_t n;
	bool good;

	/* What is not known can be held: nothing is given back. */
	if (!claims_probe_all(&all, &n, &good, true, choose_abandoned, &holds, &error)) {
		log_error("%s; nothing more is recovered", error);
		free_holds(&holds);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		good = recover_claim(all[i], &holds.all[i], dry_run, all, n, waits, ending) && good;
	free_holds(&holds);
	journal_free_all(all, n);
	for (size_t i = 0; i < n_paths; i++)
		good = recover_file(paths[i], dry_run, waits) && good;
	return good;
}

/* ending: is added to, until it is waited for. */
static bool all_rounds(
	char *const *paths, size_t n, bool dry_run, struct ending *ending, char **error)
{
	struct lockwait waits = {0};
	bool good = true;

	do
		good = recover_round(paths, n, dry_run, &waits, ending) && good;
	while (lockwait_again(&waits, &good, error));
	lockwait_end(&waits);
	return good;
}

bool recover_rounds(char *const *paths, size_t n, bool dry_run)
{
	cleanup_free char *error = NULL;
	struct ending ending = {0};

	bool good = all_rounds(paths, n, dry_run, &ending, &error);
	/* A VM can have left two: the other one's turn is when the first has gone. */
	if (!error && !dry_run && journal_aside_waits()) {
		journal_unlock();
		good = journal_lock(true, &error) &&
		       all_rounds(paths, n, dry_run, &ending, &error) && good;
	}
	if (!error && ending.n > 0) {
		journal_unlock();
		wait_for_end(&ending);
		good = journal_lock(true, &error) && all_rounds(NULL, 0, false, &ending, &error) &&
		       good;
	}
	free_ending(&ending);
	if (error)
		log_error("%s; nothing more is recovered", error);
	return good;
}
