/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP ports of this network namespace on which a process listens. */
#pragma once

#include <stdbool.h>

/*
 * Who stands in the way of a QEMU that is to listen on the port of the address, which is tried as
 * QEMU does (inet_listen_saddr() of util/qemu-sockets.c), up to bind(2): "process 12
 * (/usr/bin/program)", or that /proc shows nobody; new. NULL: nobody, or only a process that counts
 * as ended (process.h), or it cannot be told. host: a numeric address, or localhost; NULL or empty
 * for any;
 * is_ipv4: of IPv4 only. Nothing is looked up in a name service: for another host, NULL.
 */
char *listeners_in_the_way(const char *host, unsigned port, bool is_ipv4);
