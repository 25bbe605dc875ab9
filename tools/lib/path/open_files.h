/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes have a file open, by any of their threads' descriptors (fd_tables.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * /proc is read once in this program's life, or again after open_files_forget(): it is one host
 * that is asked about. Where it can't be seen who has files open, OPEN_FILES_UNSEEN has each object
 * open, and open_files_text() says why.
 */
#define OPEN_FILES_UNSEEN (-1)
void open_files_forget(void);

/*
 * A process, other than this one, that has the object open and has uid as its real or
 * effective user id ((uid_t)-1: any); 0 if there is none.
 */
pid_t open_files_first(const struct stat *st, uid_t uid);
/*
 * Whether nobody at all has the object of the descriptor (O_PATH) open, as far as the kernel tells
 * without /proc (lease.h): so the answers below need no look there. It is asked so for a few
 * objects; for more of them, one look at /proc costs less.
 */
bool open_files_has_none(int fd, const struct stat *st);
/* Whether the kernel would be asked for one more. */
bool open_files_asks_kernel(void);
/* So many objects are going to be asked about. */
void open_files_expect(size_t n);
/*
 * Whether that can be so of an object with this inode number: what is false needs no look at the
 * object.
 */
bool open_files_can_have(ino_t inode, uid_t uid);
/*
 * One that has the object open, as writes() tells, for writing, and is neither root nor the owner:
 * whoever has it open can pass the descriptor on (unix(7), SCM_RIGHTS). 0: there is none that can
 * be seen.
 */
pid_t open_files_writer(
	const struct stat *st, uid_t owner, bool (*writes)(pid_t, const struct stat *));

/*
 * Whether what a process has open can't be seen (ptrace(2), "Ptrace access mode checking"), so
 * that it counts as one that has each object open.
 */
bool open_files_is_unseen(pid_t pid);
/* "process 12 has it open", or, where that can't be seen, that; new. */
char *open_files_text(pid_t pid);

/*
 * Whether such a process is a domain of libvirt's: one that libvirt has noted, which it does
 * until the domain ends, and after a reboot nothing of it is there.
 */
bool open_files_have_domain(const struct stat *st, uid_t uid);

/*
 * A running libvirt daemon that starts QEMU (libvirtd, virtqemud), by its executable; 0: none;
 * OPEN_FILES_UNSEEN: that can't be seen.
 */
pid_t open_files_libvirt(void);
