/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt's metadata lock of a file (virSecurityManagerMetadataLock() in libvirt's
 * src/security/security_manager.c): an open file description's lock (fcntl(2),
 * F_OFD_SETLK) on byte 1. It is tried for and never waited for here; who waits, and how
 * long, is in lockwait.h.
 *
 * libvirt takes it for writing, which needs a descriptor that is open for writing. Who may
 * only read the file can lock it for reading at most, so such a lock is never libvirt's: it
 * is answered by one of the same kind, which keeps libvirt out just as well.
 *
 * A lease (fcntl(2), F_SETLEASE) makes an open for writing, and with a write lease any open,
 * answer EAGAIN, by O_NONBLOCK, until its holder gives it up or lease-break-time has gone by.
 * Only the file's owner can have one, and only while nobody else has the file open for
 * writing (check_conflicting_open() in Linux' fs/locks.c): then nobody has this lock either.
 *
 * Private to claims/.
 */
#pragma once

#include <stdbool.h>

enum metalock {
	METALOCK_TAKEN,	 /* *file, new, has it as long as it is open */
	METALOCK_LEASED, /* somebody has a lease; *file is -1 */
	METALOCK_BUSY,	 /* somebody has the lock, for writing; *file is -1 */
	METALOCK_FAILED, /* errno; *file is -1 */
};

/*
 * Opens the regular file of fd (O_PATH) and takes the lock. past_leases: a read lease is
 * answered by a descriptor that is open for reading only and locked for reading.
 */
enum metalock metalock_take(int fd, bool past_leases, int *file);
