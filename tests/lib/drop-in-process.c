/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls creds_drop() from a state that no exec leads to: the bounding set is
 * empty, the permitted set still full. Then executes its arguments.
 *
 *   drop-in-process COMMAND [ARG]...
 */
#include "base/ids.h"
#include "base/log.h"
#include "launch/creds.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct identity identity;
	char *error;

	log_init("drop-in-process", 125);
	if (argc < 2)
		die("no COMMAND given");
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c) < 0)
			die_errno("cannot empty the bounding set");

	if (!ids_user("qemu", "test", &identity, &error) || !ids_groups(&identity, &error))
		die("%s", error);
	creds_drop(&(struct creds){.identity = &identity});
	execvp(argv[1], argv + 1);
	die_errno("cannot execute %s", argv[1]);
}
