/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of the names in a qcow2 image's header. */
#include "fuzz.h"
#include "qemu/qcow2.h"

static void check_name(const char *name, const char *bytes, size_t size)
{
	check(!name || (*name && strlen(name) <= 1023 && memmem(bytes, size, name, strlen(name))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *bytes = fuzz_bytes(data, size);
	cleanup_free char *error = NULL;
	struct qcow2 qcow2;

	if (!qcow2_parse((const unsigned char *)bytes, size, &qcow2, &error)) {
		check(error && !qcow2.backing && !qcow2.backing_format && !qcow2.data_file);
		return 0;
	}
	check(!error);
	check_name(qcow2.backing, bytes, size);
	check_name(qcow2.backing_format, bytes, size);
	check_name(qcow2.data_file, bytes, size);
	qcow2_free(&qcow2);
	return 0;
}
