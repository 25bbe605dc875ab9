/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of /proc/PID/status. */
#include "base/proc.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_string(data, size);
	cleanup_free char *error = NULL;
	struct proc_status status;

	if (!proc_status_parse(text, &status, &error)) {
		check(error && !status.groups);
		return 0;
	}
	check(!error && (status.n_groups == 0 || status.groups));
	/* Nothing counts as read that is not there. */
	check(strstr(text, "CapEff:") && strstr(text, "NoNewPrivs:") && strstr(text, "Groups:"));
	proc_status_free(&status);
	return 0;
}
