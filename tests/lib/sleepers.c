/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sleepers COUNT
 *
 * That many processes that do nothing, and end with this one, which says "ready" when they are
 * there.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

int main(int argc, char *argv[])
{
	pid_t parent = getpid();
	int count = argc == 2 ? atoi(argv[1]) : 0;

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		sleep_for_ever();
	}
	puts("ready");
	fflush(stdout);
	sleep_for_ever();
}
