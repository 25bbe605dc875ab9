/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new qcow2 image for a VM that runs: an overlay for a live snapshot, or an empty disk.
 *
 * qemu-img writes it as the user that the VM runs as, without any capability, into a file that has
 * no name yet, and opens nothing else: the header of the image that is named as its backing file
 * may be of a guest's making. The image gets its name, in the directory that was judged, when it
 * is complete: a call that was cut off leaves nothing.
 */
#pragma once

#include "claims/claim_rounds.h"

#include <stdbool.h>

struct new_image {
	const char *path; /* absolute; nothing may be there; the request's */
	const char *size; /* as qemu-img takes it: "20G" */
	char *backing;	  /* absolute, or NULL; owned */
	char *format;	  /* of the backing file: "raw" or "qcow2"; owned */
	bool is_made;
};

/*
 * Takes what --create and --backing (NULL: none; "PATH,FORMAT") say. False and a new message if
 * that is malformed; new_image_free() in any case.
 */
bool new_image_parse(struct new_image *image, const char *size, const char *backing, char **error);
void new_image_free(struct new_image *image);

/*
 * Makes the image that the only request is about, as the user whom the VM's disks go to. It belongs
 * to the owner of its directory or, where that is root, to whom the backing file belongs when the
 * VM does not have it. False and a new message on failure: then there is none.
 */
bool new_image_make(struct new_image *image, struct claim_rounds *rounds, char **error);
/* Removes one that was made and could not be claimed. */
void new_image_remove(const struct new_image *image);
