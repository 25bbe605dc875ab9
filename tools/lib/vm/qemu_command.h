/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the command that virt-priv-run was given is QEMU.
 *
 * Its words are read as QEMU's, and what they name is given to the QEMU user. In front of QEMU
 * can stand another program, whose words are then taken for QEMU's: of "nice -n 5
 * /usr/bin/qemu-system-x86_64" QEMU's executable is a disk. So a command is refused
 *
 *   - where it is a program of the distribution (below /usr, but not /usr/local, or in /bin,
 *     /sbin or /lib*) and the name of the file that it leads to has neither "qemu" nor
 *     "kvm" in it: there QEMU bears no other name, and every well-known wrapper lies there;
 *   - where it is any other program without those letters, and one of its words, or a word of a
 *     script in one of them, is a program of the name of a QEMU, other than as what an option of
 *     QEMU's says ("-accel kvm"): it is a wrapper of somebody's.
 *
 * A script or a build of one's own that takes QEMU's options is QEMU by whatever name.
 */
#pragma once

#include <stddef.h>

/*
 * Why the command (NULL-terminated; at least one word) is no QEMU, a new message with the order
 * of words that helps; NULL: it may be one, or it can't be found, which is another message.
 * own: the n_own words that virt-priv-run got before it; vm: the name of the VM whose file has the
 * command, or NULL.
 */
char *qemu_command_why_not(char *const *command, char *const *own, size_t n_own, const char *vm);
