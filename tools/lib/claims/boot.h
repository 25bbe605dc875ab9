/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which boot of the host this is. */
#pragma once

#include <stdbool.h>

#define BOOT_ID_LENGTH 36

/* Reads the kernel's id of this boot (random(4)), once. False and a new message on failure. */
bool boot_read(char **error);
/* That id, once it was read, as it was where there is a journal that is on disk, or new. */
const char *boot_id(void);

/*
 * When the host was booted, in seconds since the epoch, as libvirtd has it:
 * virHostGetBootTime() in its src/util/virhostuptime.c takes utmp's BOOT_TIME
 * record and else computes it from whole seconds of now and /proc/uptime, once in
 * its life. That computation wobbles by a second, and moves with the clock when that is set.
 * A time that was seen in one of libvirt's attributes is its own, and is used from then on in
 * this boot, whatever the clock says. -1 and a new message if it can't be determined; what was
 * returned once is returned again.
 */
long long boot_time(char **error);

/*
 * Whether a time can be that of this boot: at most 2 s away from what utmp or the uptime say,
 * or from what was seen: 1 or 0. Where the clock was set, one that does not match can be, too.
 * -1: it matches nothing of that, and not all of it can be read.
 */
int boot_time_matches(long long time);

/* The time of an attribute that is libvirt's, of this boot. */
void boot_time_seen(long long time);
