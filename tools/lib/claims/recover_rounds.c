/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/recover_rounds.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/holder.h"
#include "claims/probe.h"
#include "claims/recover_libvirt.h"
#include "claims/release.h"
#include "path/safepath.h"

#include <stdio.h>

/* A file that libvirt's attributes name an owner of. */
static bool recover_file(const char *path, bool dry_run, struct lockwait *waits)
{
	cleanup_free char *message = NULL;
	struct safepath walk;
	bool good = false, busy = false;

	if (!lockwait_due(waits, path))
		return true;
	if (!safepath_open(path, &walk, &message)) {
		warn("%s", message);
		return false;
	}
	if (walk.unsafe)
		warn("%s", walk.unsafe);
	else
		good = recover_libvirt_object(walk.fd, &walk.st, dry_run, &busy, &message);
	/* That is told when it was waited for. */
	busy = busy && lockwait_add(waits, walk.fd, path, false, &message);
	if (!walk.unsafe && !good && !busy)
		warn("%s: %s", path, message);
	else if (message && dry_run)
		printf("recover %s %s\n", path, message);
	else if (message)
		info("%s: %s", path, message);
	safepath_close(&walk);
	return good || busy;
}

/* The claim of one VM, if nobody holds it. What is known of its holder is told once. */
static bool recover_claim(struct journal *journal, bool dry_run, struct journal *const *all,
	size_t n, struct lockwait *waits)
{
	cleanup_free char *error = NULL;
	enum claims_hold hold = claims_hold(journal, &error);

	if (hold == CLAIMS_UNKNOWN && !waits->is_later_round)
		warn("%s; not released", error);
	if (hold != CLAIMS_ABANDONED)
		return hold != CLAIMS_UNKNOWN;
	if (dry_run) {
		printf("release %s\n", journal->name);
		return true;
	}
	if (!waits->is_later_round)
		info("VM '%s': its claim is abandoned", journal->name);
	return claims_release(journal, NULL, true, all, n, waits);
}

static bool recover_round(char *const *paths, size_t n_paths, bool dry_run, struct lockwait *waits)
{
	cleanup_free char *error = NULL;
	struct journal **all;
	size_t n;
	bool good;

	/* What is not known can be held: nothing is given back. */
	if (!claims_probe_all(&all, &n, &good, true, &error)) {
		log_error("%s; nothing more is recovered", error);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		good = recover_claim(all[i], dry_run, all, n, waits) && good;
	journal_free_all(all, n);
	for (size_t i = 0; i < n_paths; i++)
		good = recover_file(paths[i], dry_run, waits) && good;
	return good;
}

bool recover_rounds(char *const *paths, size_t n, bool dry_run)
{
	cleanup_free char *error = NULL;
	struct lockwait waits = {0};
	bool good = true;

	do
		good = recover_round(paths, n, dry_run, &waits) && good;
	while (lockwait_again(&waits, &good, &error));
	if (error)
		log_error("%s; nothing more is recovered", error);
	lockwait_end(&waits);
	return good;
}
