/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to become of an object that is given back: the decisions alone, from what was found,
 * so that tables can say all of them (tests/unit/giveback*.table). owner_back.c asks and applies.
 * Private to claims/.
 */
#pragma once

#include <stdbool.h>

struct giveback_facts {
	bool readable; /* libvirt's attributes, or that there are none */
	/* They are of this boot, and somebody can stand behind what they say. */
	bool held;
	bool attributes; /* by the journal, this claim is one of their holders */
	bool counted;	 /* it is, in this boot */
	bool settled;	 /* all of the claim was made, and written down as made */
	/* Holders: now, before the claim, and after the release that was begun, or 0. */
	unsigned refs, refs_before, releasing;
	bool names_target; /* they say that it was the QEMU user's before */
	bool names_other;  /* they say another owner than the journal */
	bool was_targets;  /* it was the QEMU user's, as the journal has it */
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

/*
 * Whether it matters who can stand behind attributes of this boot, which is not asked for in vain:
 * the one holder that is counted is this claim itself.
 */
bool giveback_asks_who(const struct giveback_facts *facts);

/* What is to be set right of the attributes with GIVEBACK_LIBVIRT and _COUNT, in this order. */
struct giveback_steps {
	bool forget;   /* the journal's word that this claim is counted */
	bool correct;  /* the owner that they name */
	bool announce; /* in the journal, that there is to be one holder less */
	bool count;    /* one holder less */
};

struct giveback_steps giveback_steps(const struct giveback_facts *facts, enum giveback what);
