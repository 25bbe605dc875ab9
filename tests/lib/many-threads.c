/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process of as many threads as its argument says. It says "ready" when they are there. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_attr_t attributes;
	int n = argc == 2 ? atoi(argv[1]) : 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (int i = 1; i < n; i++) {
		pthread_t thread;
		if (pthread_create(&thread, &attributes, wait_for_ever, NULL) != 0) {
			perror("many-threads");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	wait_for_ever(NULL);
}
