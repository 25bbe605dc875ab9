/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drop, compiled with headers that know fewer capabilities than the
 * kernel: what a program sees that runs on a newer kernel than it was built
 * for. Executes its arguments after it.
 *
 *   drop-old-headers COMMAND [ARG]...
 */
#include <linux/capability.h>
#undef CAP_LAST_CAP
#define CAP_LAST_CAP CAP_SYS_PTRACE

#include "../../tools/lib/launch/creds.c"

int main(int argc, char *argv[])
{
	const struct identity identity = {.uid = 6001, .gid = 6001};

	log_init("drop-old-headers", 125);
	if (argc < 2)
		die("no COMMAND given");
	creds_drop(&(struct creds){.identity = &identity});
	execvp(argv[1], argv + 1);
	die_errno("cannot execute %s", argv[1]);
}
