/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lets an account use what it was denied: one command for all of the path, and a sentence that
 * says what the command opens, and to whom.
 *
 * An account is let in by an entry of its own in the ACL (acl(5)), which takes the place of what
 * its groups, or everybody, may do. So the entry has what the account could do before, too; and
 * nobody else gains by it: an entry that the mask has held back is written with what was left of
 * it. Where entries are of no use, bits of the mode are named: of an object's own owner, on a file
 * system without ACLs, and for an id that is lent.
 */
#pragma once

#include "path/access.h"

/*
 * What was advised already, of one command line: the next advice for the same object adds to that,
 * since both commands may be executed. Zeroed at the beginning.
 */
struct advice_note {
	dev_t dev;
	ino_t ino;
	uid_t uid;
	unsigned rights;
};

struct advice_notes {
	struct advice_note *all;
	size_t n;
};

void advice_forget(struct advice_notes *notes);

/*
 * Why the account has no access, and what helps, a new string: the cause for each component, then
 * instead, what else the caller can do ("use --disks=pass"; NULL: nothing), then what is opened to
 * whom, and in the end the command, behind the last "; ":
 *
 * "/root is 0700 root:root: qemu may not search it; let user qemu search /root; setfacl -m u:qemu:x
 * /root"
 *
 * What the walk came to, which the denials are of, may not be what root was meant to open
 * (safepath.h): then the cause alone is told. A path that others can lead elsewhere has no command
 * (command.h). notes may be NULL. There is at least one denial. help: see base/help.h.
 */
char *advice_explain(const struct denials *denials, const struct safepath *walk,
	const struct identity *identity, struct advice_notes *notes, const char *instead,
	char **help);

/*
 * Why an object of that owner, which the walk came to or went through under path, must not be
 * opened to the account because of that walk, a new message; NULL: it may.
 */
char *advice_why_unsafe(const struct safepath *walk, const char *path, uid_t owner);
