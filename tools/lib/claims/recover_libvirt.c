/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/recover_libvirt.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/libvirt_xattr.h"
#include "claims/metalock.h"
#include "path/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool recover_libvirt_object(int fd, const struct stat *st, bool dry_run, bool *busy, char **message)
{
	struct libvirt_xattr r;
	struct stat now;

	*message = NULL;
	*busy = false;
	if (!S_ISREG(st->st_mode) || libvirt_xattr_counts(fd, st) != 1) {
		return error_set(message, "libvirt's attributes are ignored: not a regular file, "
					  "or on a shared or removable file system");
	}
	cleanup_fd int file = -1;
	enum metalock lock = metalock_take(fd, true, &file);
	*busy = lock == METALOCK_BUSY || lock == METALOCK_LEASED;
	if (lock != METALOCK_TAKEN)
		return *busy ? false : error_set_errno(message, "cannot open and lock it");
	libvirt_xattr_read(file, &r);
	pid_t opener = open_files_first(st, (uid_t)-1);
	if (fstat(file, &now) < 0)
		return error_set_errno(message, "cannot examine it");
	if (r.state == LIBVIRT_XATTR_MALFORMED)
		return error_set(message, "the attributes trusted.libvirt.security.*dac are "
					  "malformed, or cannot be read");
	if (r.state != LIBVIRT_XATTR_CURRENT && r.state != LIBVIRT_XATTR_STALE) {
		return error_set(message, "it has no attributes of libvirt that name an owner");
	}
	if (opener) {
		*message = open_files_text(opener);
		return false;
	}
	if (r.state == LIBVIRT_XATTR_CURRENT && open_files_libvirt()) {
		*message = xasprintf(
			"libvirt may use it: its daemon is running (process %d); if the file is a "
			"copy: chown %u:%u FILE, then setfattr -x trusted.libvirt.security.ref_dac "
			"FILE, and likewise .dac and .timestamp_dac",
			open_files_libvirt(), r.uid, r.gid);
		return false;
	}
	if (!dry_run && fchownat(file, "", r.uid, r.gid, AT_EMPTY_PATH) < 0)
		return error_set_errno(message, "cannot restore its owner");
	if (!dry_run && libvirt_xattr_remove(file) < 0)
		return error_set_errno(
			message, "cannot remove the attributes trusted.libvirt.security.*dac");
	*message = xasprintf("%u:%u -> %u:%u", now.st_uid, now.st_gid, r.uid, r.gid);
	return true;
}
