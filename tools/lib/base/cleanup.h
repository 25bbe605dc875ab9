/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resources that own themselves: a variable marked with one of these is
 * released on every way out of its scope, so that an early return cannot leak
 * a descriptor or memory. steal_pointer() and steal_fd() hand the resource on
 * instead and leave the variable empty.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *p)
{
	void *owned = *(void **)p;

	if (owned)
		free(owned);
}

static inline void cleanup_fd_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file_(FILE *const *f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_dir_(DIR *const *d)
{
	if (*d)
		closedir(*d);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_fd __attribute__((cleanup(cleanup_fd_)))
#define cleanup_file __attribute__((cleanup(cleanup_file_)))
#define cleanup_dir __attribute__((cleanup(cleanup_dir_)))

static inline int steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

#define steal_pointer(p)                                                                           \
	({                                                                                         \
		__auto_type stolen_ = *(p);                                                        \
		*(p) = NULL;                                                                       \
		stolen_;                                                                           \
	})
