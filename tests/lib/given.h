/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program was given by who started it, printed, a line each. */
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GIVEN_MAX_FD 1024

/* The lines of a file of /proc/self that begin with one of the names, NULL at their end. */
static inline void print_lines(const char *path, const char *const *names)
{
	char line[8192];
	FILE *file = fopen(path, "re");

	if (!file) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof line, file))
		for (const char *const *name = names; *name; name++)
			if (strncmp(line, *name, strlen(*name)) == 0)
				fputs(line, stdout);
	fclose(file);
}

/* Ids, groups, capability sets, no_new_privs, signals. */
static inline void print_credentials(void)
{
	static const char *const names[] = {"Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:",
		"SigCgt:", "Cap", "NoNewPrivs:", "Seccomp", NULL};

	print_lines("/proc/self/status", names);
}

static inline void print_limits(void)
{
	static const char *const all[] = {"", NULL};

	print_lines("/proc/self/limits", all);
}

static inline void print_descriptors(int first)
{
	for (int fd = first; fd < GIVEN_MAX_FD; fd++) {
		int flags = fcntl(fd, F_GETFL);
		char path[64], target[4096];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = flags < 0 ? -1 : readlink(path, target, sizeof target);
		if (length < 0)
			continue;
		/* Behind it comes a number that is another one each time. */
		const char *bracket = memchr(target, '[', (size_t)length);
		printf("descriptor %d %o %.*s\n", fd, (unsigned)flags,
			(int)(bracket ? bracket - target : length), target);
		struct ifreq interface = {0};
		if (ioctl(fd, TUNGETIFF, &interface) == 0)
			printf("interface %.*s %x\n", IFNAMSIZ, interface.ifr_name,
				(unsigned)interface.ifr_flags);
	}
}
