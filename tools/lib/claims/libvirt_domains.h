/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether libvirt can be the holder that its attributes of a file tell of (libvirt_xattr.h).
 * Private to claims/.
 */
#pragma once

#include "claims/libvirt_xattr.h"

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Whether some domain of libvirt's runs, or is about to start or to end. libvirt writes
 * NAME.pid and NAME.xml to its state directory before it gives a domain's files away, and
 * removes them when it has given them back (qemuProcessLaunch() and qemuProcessStop() in its
 * src/qemu/qemu_process.c; tried with 9.0); what a libvirtd that died has left there it puts
 * right when it starts again. A daemon in another mount namespace, whose state directory is
 * not the one that is seen here, can have domains as well. false: nobody of libvirt's holds a
 * file that no process has open.
 */
bool libvirt_domains_exist(void);

/*
 * Whether attributes of the object are of this boot. Where the clock was set since it
 * began, they can bear a time that seems to be another boot's; what tells is that a domain of
 * libvirt's has it open, as the user whom the object was given to.
 */
bool libvirt_domains_are_current(
	const struct libvirt_xattr *r, const struct stat *st, uid_t given_to);

/*
 * Whether nobody can stand behind attributes of this boot: they came with a copy, which was made
 * while the original was held (cp -a, rsync -X, a backup's restore), or are what was left of
 * a holder. That no journal has the file was told before by its identity.
 */
bool libvirt_domains_is_nobodys(const struct stat *st);
