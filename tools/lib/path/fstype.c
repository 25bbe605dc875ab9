/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/fstype.h"

#include "base/array.h"

#include <string.h>

/*
 * OWN and SERVED have no d_weak_revalidate() (fs/namei.c, complete_walk()), and their getattr() is
 * of this kernel's memory or honours AT_STATX_DONT_SYNC: fs/fuse/dir.c, fuse_getattr();
 * fs/overlayfs/inode.c, ovl_getattr(), which passes it on. Linux 6.18.
 */
enum {
	OWN = 1,      /* nobody else is asked for anything */
	SERVED = 2,   /* each other question is passed on to somebody else */
	MAY_HANG = 4, /* who may never answer; so do types whose name begins like this one's */
	OWNERLESS = 8 /* owner and mode of all objects are options of the mount */
};

static const struct {
	const char *name;
	unsigned facts;
} types[] = {
	{"9660", OWN},
	{"9p", MAY_HANG},
	{"adfs", OWN},
	{"affs", OWN},
	{"afs", MAY_HANG},
	{"anon_inodefs", OWN},
	{"apparmorfs", OWN},
	{"autofs", SERVED | MAY_HANG},
	{"bcachefs", OWN},
	{"bdev", OWN},
	{"beegfs", MAY_HANG},
	{"befs", OWN},
	{"bfs", OWN},
	{"binder", OWN},
	{"binfmt_misc", OWN},
	{"bpf", OWN},
	{"btrfs", OWN},
	{"ceph", MAY_HANG},
	{"cgroup", OWN},
	{"cgroup2", OWN},
	{"cifs", MAY_HANG | OWNERLESS},
	{"coda", MAY_HANG},
	{"configfs", OWN},
	{"cpuset", OWN},
	{"cramfs", OWN},
	{"dax", OWN},
	{"debugfs", OWN},
	{"devpts", OWN},
	{"devtmpfs", OWN},
	{"dmabuf", OWN},
	{"drm", OWN},
	{"ecryptfs", SERVED},
	{"efivarfs", OWN},
	{"efs", OWN},
	{"erofs", OWN},
	{"exfat", OWN | OWNERLESS},
	{"ext2", OWN},
	{"ext3", OWN},
	{"ext4", OWN},
	{"f2fs", OWN},
	{"fuse", SERVED | MAY_HANG},
	{"fuseblk", SERVED | MAY_HANG},
	{"fusectl", OWN},
	{"gfs2", MAY_HANG},
	{"gpfs", MAY_HANG},
	{"guest_memfd", OWN},
	{"hfs", OWN | OWNERLESS},
	{"hfsplus", OWN},
	{"hugetlbfs", OWN},
	{"inotifyfs", OWN},
	{"iso9660", OWN | OWNERLESS},
	{"jffs2", OWN},
	{"jfs", OWN},
	{"lustre", MAY_HANG},
	{"minix", OWN},
	{"mqueue", OWN},
	{"msdos", OWN | OWNERLESS},
	{"nfs", MAY_HANG},
	{"nfsd", OWN},
	{"nilfs2", OWN},
	{"nsfs", OWN},
	{"ntfs", OWN | OWNERLESS},
	{"ntfs3", OWN},
	{"ocfs2", MAY_HANG},
	{"omfs", OWN},
	{"orangefs", MAY_HANG},
	{"overlay", SERVED},
	{"pidfs", OWN},
	{"pipefs", OWN},
	{"proc", OWN},
	{"pstore", OWN},
	{"pvfs2", MAY_HANG},
	{"qnx4", OWN},
	{"qnx6", OWN},
	{"ramfs", OWN},
	{"reiserfs", OWN},
	{"resctrl", OWN},
	{"romfs", OWN},
	{"rootfs", OWN},
	{"rpc_pipefs", OWN},
	{"secretmem", OWN},
	{"securityfs", OWN},
	{"selinuxfs", OWN},
	{"smackfs", OWN},
	{"smb", MAY_HANG | OWNERLESS},
	{"sockfs", OWN},
	{"squashfs", OWN},
	{"sysfs", OWN},
	{"sysv", OWN},
	{"tmpfs", OWN},
	{"tracefs", OWN},
	{"ubifs", OWN},
	{"udf", OWN},
	{"ufs", OWN},
	{"v7", OWN},
	{"vboxsf", SERVED},
	{"vfat", OWN | OWNERLESS},
	{"virtiofs", SERVED | MAY_HANG},
	{"xenfs", OWN},
	{"xfs", OWN},
	{"zfs", OWN},
	{"zonefs", OWN},
};

/* Of "fuse.sshfs" it is "fuse" that counts. 0: not known. */
static unsigned facts_of(const char *type, size_t length)
{
	const char *dot = memchr(type, '.', length);

	if (dot)
		length = (size_t)(dot - type);
	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if (strlen(types[i].name) == length && memcmp(types[i].name, type, length) == 0)
			return types[i].facts;
	return 0;
}

bool fstype_is_cached(const char *type, size_t length)
{
	return facts_of(type, length) & (OWN | SERVED);
}

bool fstype_is_own(const char *type, size_t length)
{
	return facts_of(type, length) & OWN;
}

/* The facts of a type, or of one that its name begins like and that may hang: nfs4, smb3. */
static unsigned facts_of_like(const char *type)
{
	unsigned facts = facts_of(type, strlen(type));

	for (size_t i = 0; i < N_ELEMENTS(types) && !facts; i++)
		if ((types[i].facts & MAY_HANG) &&
			strncmp(type, types[i].name, strlen(types[i].name)) == 0)
			facts = types[i].facts;
	return facts;
}

bool fstype_may_hang(const char *type)
{
	return facts_of_like(type) & MAY_HANG;
}

bool fstype_is_ownerless(const char *type)
{
	return facts_of_like(type) & OWNERLESS;
}
