/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the attempts of attack.c share: what they attack, and what comes of it. */
#pragma once

#include "base/array.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BAIT_KEY 0x76706174
#define BAIT_QUEUE "/vp-attack"
#define PORT 5599
#define LARGE_MIB 1024

enum outcome { DENIED, REACHED, ABSENT };

static struct targets {
	int pid, runner;	   /* of the other VM; of this one */
	const char *disk, *memory; /* the other's */
	const char *home, *vnc;
	const char *base;    /* readable, of others */
	const char *file;    /* of the host's, which everybody may read */
	const char *service; /* a socket of the host's, which everybody may connect to */
	const char *name;    /* of the host */
} t;

static enum outcome is(bool reached)
{
	return reached ? REACHED : DENIED;
}
