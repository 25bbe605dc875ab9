/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/giveback.h"

enum giveback giveback_decide(const struct giveback_facts *f)
{
	bool counted = f->counted;

	if (!f->readable)
		return GIVEBACK_UNREADABLE;
	if (f->held) {
		if (counted && !f->settled && f->refs_before > 0 && f->refs <= f->refs_before)
			return GIVEBACK_CLAIM_UNCLEAR;
		/*
		 * libvirt took the QEMU user for the owner, so it found no attributes: it discards
		 * those of others when a domain of its own ends.
		 */
		if (f->names_target && !f->was_targets)
			counted = false;
		if (counted && f->releasing && f->refs - 1 != f->releasing)
			return GIVEBACK_RELEASE_UNCLEAR;
		if (counted && f->refs == 1 && f->was_targets && f->libvirt_open)
			return GIVEBACK_OPEN_UNCLEAR;
		if (!f->locked && (!counted || f->refs > 1))
			return GIVEBACK_UNLOCKED;
		if (!counted)
			return GIVEBACK_LIBVIRT;
		if (f->refs > 1)
			return GIVEBACK_LIBVIRT_COUNT;
	}
	return f->strangers ? GIVEBACK_STRANGERS : GIVEBACK_RESTORE;
}

bool giveback_asks_who(const struct giveback_facts *f)
{
	return !f->counted || f->refs != 1 || f->refs_before > 0 || f->releasing > 0;
}

struct giveback_steps giveback_steps(const struct giveback_facts *f, enum giveback what)
{
	/* libvirt came while the file was held here, and took the QEMU user for the owner. */
	bool is_wrong = f->names_target && f->names_other;
	bool counts = what == GIVEBACK_LIBVIRT_COUNT;

	return (struct giveback_steps){
		/* Once that is corrected, the journal alone tells that the count is libvirt's own.
		 */
		.forget = is_wrong && !counts && f->attributes,
		.correct = is_wrong,
		/*
		 * One holder less of several is a change that nobody can tell from libvirt's own,
		 * so the journal says that it is to come before it is made.
		 */
		.announce = counts && !f->releasing,
		.count = counts,
	};
}
