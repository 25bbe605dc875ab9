/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a journal that can't be read (journal_damage.h), without a loss.
 *
 * All that can still be read of it is printed first. Then the file is set aside, and stays. What
 * is believed of it becomes the VM's journal in the same instant, and is given back as any claim
 * is: entries that are whole, of a file that only root could write, whose head and number of
 * entries are right and are the VM's own, and that no other VM has. A damage that fits all of
 * that can't be told: there is no checksum. The rest is for the admin to judge, who gets the owner
 * and mode before the claim, what is there now, and the commands that make it so. Nothing is set
 * aside while a process has something of that rest open: another VM could claim it.
 */
#pragma once

#include <stdbool.h>

enum claims_damaged {
	CLAIMS_DAMAGED_FAILED, /* said on standard error; nothing was changed, or nothing is lost */
	CLAIMS_DAMAGED_NONE,   /* there is no such journal */
	CLAIMS_DAMAGED_WHOLE,  /* it can be read; nothing was done */
	CLAIMS_DAMAGED_ASIDE,  /* done */
	CLAIMS_DAMAGED_RELEASE /* done, and there is a journal now, whose claim is to be released */
};

/*
 * Sets the VM's damaged journal aside, and prints to standard output what it holds, as a script
 * of a shell. *all_known becomes false if there is something that the admin must judge. Takes and
 * keeps the exclusive lock of the journals, which is let go of while file systems are asked
 * whether they answer.
 */
enum claims_damaged claims_damaged_set_aside(const char *name, bool *all_known);
