/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which boot of the host this is. */
#pragma once

#include <stdbool.h>

#define BOOT_ID_LENGTH 36

/* The kernel's id of this boot (random(4)). Ends the program if it can't be had. */
const char *boot_id(void);

/*
 * When the host was booted, in seconds since the epoch, as libvirtd has it:
 * virHostGetBootTime() in its src/util/virhostuptime.c takes utmp's BOOT_TIME
 * record and else computes it from whole seconds of now and /proc/uptime, once in
 * its life. That computation wobbles by a second, and moves with the clock when that is set.
 * A time that was seen in one of libvirt's attributes is its own, and is used from then on in
 * this boot, whatever the clock says.
 */
long long boot_time(void);

/*
 * Whether a time can be that of this boot: at most 2 s away from what utmp or the uptime say,
 * or from what was seen. Where the clock was set, one that does not match can be, too.
 */
bool boot_time_matches(long long time);

/* The time of an attribute that is libvirt's, of this boot. */
void boot_time_seen(long long time);
