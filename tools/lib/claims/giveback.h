/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to become of a file that is given back: the decision alone, from what was found,
 * so that a table can say all of it (tests/unit/giveback.table).
 */
#pragma once

#include <stdbool.h>

struct giveback_facts {
	bool readable; /* libvirt's attributes, or that there are none */
	/* They are of this boot, and somebody can stand behind what they say. */
	bool held;
	bool counted; /* one of their holders is this claim, of this boot */
	bool settled; /* all of the claim was made, and written down as made */
	/* Holders: now, before the claim, and after the release that was begun, or 0. */
	unsigned refs, refs_before, releasing;
	bool names_target; /* they say that it was the QEMU user's before */
	bool was_targets;  /* it was, as the journal has it */
	/* A libvirt daemon runs, and a process has the file open. */
	bool libvirt_open;
	/* Its owner is neither the one that it was given to nor the one that it had. */
	bool strangers;
	bool locked; /* libvirt's metadata lock is held here */
};

enum giveback {
	GIVEBACK_UNREADABLE,	  /* keep: the attributes can't be read */
	GIVEBACK_CLAIM_UNCLEAR,	  /* keep: an interrupted claim may have counted, or not */
	GIVEBACK_RELEASE_UNCLEAR, /* keep: an interrupted release may have counted, or not */
	GIVEBACK_OPEN_UNCLEAR,	  /* keep: the count may be libvirt's, or this claim's */
	GIVEBACK_UNLOCKED,	  /* keep: libvirt holds it, and can't be kept out meanwhile */
	GIVEBACK_LIBVIRT,	  /* libvirt alone is counted, and gives it back */
	GIVEBACK_LIBVIRT_COUNT,	  /* likewise, and one holder less */
	GIVEBACK_STRANGERS,	  /* leave the owner; nobody holds it any more */
	GIVEBACK_RESTORE,	  /* as it was before the claim */
};

enum giveback giveback_decide(const struct giveback_facts *facts);
