/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says of a network interface (rtnetlink(7)), without any change: whether one of
 * that name could be created, attached to or joined. Private to vm/.
 */
#pragma once

#include <stdbool.h>

struct interface {
	bool exists;
	char kind[32];	  /* "bridge", "tun", ...; "": a network card */
	bool has_carrier; /* of a tap device: some process has it open */
	/* Of the kind "tun", since Linux 4.19; is_known: the others count. */
	bool is_known, is_tap, has_queues;
};

/* False: it cannot be told. */
bool interface_look(const char *name, struct interface *interface);

/*
 * Who has the tap device open: "process 12 (/usr/bin/program)", or that /proc shows nobody; new.
 * NULL: a process alone that counts as ended (process.h).
 */
char *interface_holder(const char *name);
