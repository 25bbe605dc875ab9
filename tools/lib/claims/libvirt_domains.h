/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether libvirt can be the holder that its attributes of a file tell of. */
#pragma once

#include <stdbool.h>

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
