/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that changes its credentials all the time, as root. It says "ready" first. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		for (gid_t gid = 10000; gid < 60000; gid++)
			if (setegid(gid) < 0)
				return 1;
}
