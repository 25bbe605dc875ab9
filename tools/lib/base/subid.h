/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of /etc/subuid and /etc/subgid, "NAME:FIRST:COUNT": which ids a name has beside its own
 * (subuid(5)). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The name under which the ids of isolated VMs are reserved. No account has it, so that
 * newuidmap(1) gives them to nobody, and who hands ranges out (useradd, podman, Incus) keeps off.
 */
#define SUBID_OWNER "virt-privileges"

/* Zero it to begin with. */
struct subid_line {
	const char *begin; /* in the text; with the name, whose length is name */
	size_t length;	   /* without the line end */
	size_t name;
	unsigned number; /* from 1 */
	unsigned long long first, count;
};

/*
 * The next line of the text. What is malformed is passed over, as subuid(5) does not know it
 * either; a number that does not fit is the largest there is. False: there is none any more.
 */
bool subid_next(const char *text, struct subid_line *line);

/* Whether it is of SUBID_OWNER. */
bool subid_is_reservation(const struct subid_line *line);
