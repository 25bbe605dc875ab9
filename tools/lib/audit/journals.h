/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claims of virt-priv-chown and virt-priv-run: their journals, read without the lock, which
 * would make a directory. Each is replaced in one piece, so that what is read is whole. Private to
 * audit/.
 */
#pragma once

#include "audit/audit.h"
#include "claims/holder.h"

struct audit_journal {
	struct journal *journal; /* NULL: it can't be read, and why */
	char *name;
	enum claims_hold hold; /* CLAIMS_UNKNOWN where it can't be read, too */
	char *why;	       /* it is unknown; NULL: it is not */
};

struct audit_journals {
	int number;	/* of errno: why they can't be listed, and there may be more; else 0 */
	bool is_unsafe; /* users other than root can write to their directory: none was read */
	struct audit_journal *all; /* by name */
	size_t n;
	size_t n_held, n_abandoned, n_unknown;
};

/* Read the first time only; the audit owns them. */
const struct audit_journals *audit_journals(struct audit *audit);
void audit_journals_free(struct audit *audit);

/* Whether the numbers above are all there is. */
bool audit_journals_are_known(const struct audit_journals *journals);
