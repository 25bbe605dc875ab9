/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether an object may be given to a VM for writing at all, by claim or by descriptor.
 *
 * Never, whoever asks:
 *
 *   - what an unsafe path leads to (safepath.h), and what is neither file nor block device;
 *   - a file with several links or a set-id bit, or one that even its owner may not write;
 *   - what an attribute of its inode forbids to change (attributes.h);
 *   - a program: a file with an execute bit that is executed just now, or that begins as an ELF
 *     file or a script does. An execute bit alone is none: file systems without modes show it on
 *     every image;
 *   - a file of the system: below /usr (but for /usr/local's images: below its bin, sbin, lib*,
 *     libexec and etc only), /bin, /sbin, /lib*, /boot, /efi, /etc, or in a directory of root's
 * PATH. What the guest writes there, root or the next boot reads or runs; a template of firmware
 *     variables is to be copied, not written.
 *
 * Unless root's command line names it with --force-in-use:
 *
 *   - a block device that the host has mounted, or a part of which, or that it uses as swap, or
 * that dm, md, bcache or anybody else holds exclusively (open(2), O_EXCL); a file that is a swap
 * area, or behind a loop device of which one of these is true. Two writers that don't know of each
 *     other destroy a file system.
 *
 * And not while a VM has the same bytes, under this name or another one: block_relation.h.
 *
 * Private to claims/.
 */
#pragma once

#include "claims/journal.h"
#include "path/object.h"
#include "path/safepath.h"

/* What is looked up to judge objects, and those that are compared; all zero at first. */
struct claimable {
	/* What root names with --force-in-use, absolute. */
	const char *const *forced;
	size_t n_forced;
	/* Its own. */
	struct block_view *view;
	struct stat *path_directories; /* of root's PATH; the last one has no inode */
	struct claimable_passed *passed;
	size_t n_passed;
};
void claimable_free(struct claimable *claimable);

/*
 * Why the object can't be given away whoever asks, a new message; NULL: it can. help, as that of
 * the others: see base/help.h.
 */
char *claimable_why_not(struct claimable *claimable, const struct safepath *walk,
	const struct object *object, bool is_device, char **help);

/*
 * The part of it that holds for whoever writes, root too: immutable, append-only, on a file system
 * that is mounted read-only.
 */
char *claimable_why_fixed(const struct safepath *walk, char **help);

/*
 * The part of it that holds for a descriptor that is passed, too: programs and files of the system.
 * reads: its beginning may be read.
 */
char *claimable_why_system(struct claimable *claimable, const struct safepath *walk, char **help);

/*
 * Why the host's own use stands in the way, a new message; NULL: it does not. asked: the path as
 * it was asked for.
 */
char *claimable_why_in_use(
	struct claimable *claimable, const struct safepath *walk, const char *asked);

/*
 * Why other claims stand in the way, a new message: an entry of a journal that shares bytes with
 * the object under another name; own: the journal of the VM itself, whose copy in all is passed
 * over. What is the very object of an entry is the caller's business. NULL: none does.
 */
char *claimable_why_held(struct claimable *claimable, const struct safepath *walk,
	const struct journal *own, struct journal *const *all, size_t n, char **help);

/* Has the VM itself get the object by a descriptor: what comes later is compared with it. */
void claimable_note_passed(struct claimable *claimable, const struct safepath *walk);
