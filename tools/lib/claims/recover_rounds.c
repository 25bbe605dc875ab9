/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/recover_rounds.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/claims.h"
#include "claims/lockwait.h"
#include "claims/owner.h"
#include "claims/probe.h"
#include "path/safepath.h"

#include <stdio.h>

/* A file that libvirt's attributes name an owner of. */
static bool recover_file(const char *path, bool dry_run)
{
	cleanup_free char *message = NULL;
	struct safepath walk;
	bool good = false, busy = false;

	if (!lockwait_due(path))
		return true;
	if (!safepath_open(path, &walk, &message)) {
		warn("%s", message);
		return false;
	}
	if (walk.unsafe)
		warn("%s", walk.unsafe);
	else
		good = holding_recover_libvirt(walk.fd, &walk.st, dry_run, &busy, &message);
	/* That is told when it was waited for. */
	if (busy)
		lockwait_add(walk.fd, path, false);
	else if (!walk.unsafe && !good)
		warn("%s: %s", path, message);
	else if (message && dry_run)
		printf("recover %s %s\n", path, message);
	else if (message)
		info("%s: %s", path, message);
	safepath_close(&walk);
	return good || busy;
}

/* The claim of one VM, if nobody holds it. What is known of its holder is told once. */
static bool recover_claim(
	struct journal *journal, bool is_first, bool dry_run, struct journal *const *all, size_t n)
{
	cleanup_free char *error = NULL;
	enum claims_hold hold = claims_hold(journal, &error);

	if (hold == CLAIMS_UNKNOWN && is_first)
		warn("%s; nothing of it is given back", error);
	if (hold != CLAIMS_ABANDONED)
		return hold != CLAIMS_UNKNOWN;
	if (dry_run) {
		printf("release %s\n", journal->name);
		return true;
	}
	if (is_first)
		info("the claim of the VM %s is abandoned", journal->name);
	return claims_release(journal, NULL, true, all, n);
}

static bool recover_round(char *const *paths, size_t n_paths, bool is_first, bool dry_run)
{
	size_t n;
	bool good = true;
	struct journal **all = claims_probe_all(&n, &good, true);

	for (size_t i = 0; i < n; i++)
		good = recover_claim(all[i], is_first, dry_run, all, n) && good;
	journal_free_all(all, n);
	for (size_t i = 0; i < n_paths; i++)
		good = recover_file(paths[i], dry_run) && good;
	return good;
}

bool recover_rounds(char *const *paths, size_t n, bool dry_run)
{
	bool good = recover_round(paths, n, true, dry_run);

	while (lockwait_again(&good))
		good = recover_round(paths, n, false, dry_run) && good;
	return good;
}
