/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files the header of a qcow2 image names (docs/interop/qcow2.txt of QEMU). Pure.
 * What stands there is the guest's to write, if it ever escapes: it is shown and checked,
 * never acted on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* As much of an image as is looked at; QEMU's header fits into its first cluster. */
#define QCOW2_HEADER_MAX ((size_t)64 * 1024)

struct qcow2 {
	char *backing;	      /* as it stands there: relative, absolute, "json:..."; NULL: none */
	char *backing_format; /* NULL: none is stated */
	char *data_file;      /* NULL: none */
};

/* The length bytes at the start of an image. False and a new message if it is none. */
bool qcow2_parse(const unsigned char *bytes, size_t length, struct qcow2 *out, char **error);
void qcow2_free(struct qcow2 *qcow2);
