/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the package virt-privileges-libvirt does to libvirt's qemu.conf, from its scripts.
 *
 * Where libvirt was compiled to run QEMU as another account than "qemu", which the samples in
 * its file tell, and nobody has set a user or group, a marked block of the two is put in.
 * That happens once: a file below /var/lib/virt-privileges notes it, so that an admin who
 * takes the block out does not get it back with the next update of libvirt. Where that can't
 * be written, as in a build of an image, there is a warning and nothing else.
 *
 * A symbolic link is left alone. Errors are as in confcmd.h.
 */
#pragma once

#include "conf/confcmd.h"

bool package_defaults_adopt(struct confcmd *command, char **error);
/* Takes the block away if nobody has changed it. */
bool package_defaults_abandon(struct confcmd *command, char **error);
