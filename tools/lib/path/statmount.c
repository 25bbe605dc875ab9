/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/statmount.h"

#include "base/log.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef SYS_statmount
#define SYS_statmount (SYS_openat2 + 20) /* as on every architecture: 457 on most of them */
#endif

/* include/uapi/linux/mount.h: struct mnt_id_req as it was at first, and struct statmount. */
struct question {
	uint32_t size, spare;
	uint64_t id, mask;
};

/* The numbers of strings are offsets from the end of what is fixed. */
struct answer {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t flags, type;
	uint64_t id, parent;
	uint32_t old_id, old_parent;
	uint64_t attributes, propagation, peer_group, master, propagated_from;
	uint32_t root, point;
	uint64_t namespace;
	uint32_t subtype, source;
	uint64_t others[48];
	char strings[2 * PATH_MAX];
};
_Static_assert(offsetof(struct answer, strings) == 512, "struct statmount");

#define SB_BASIC 0x1U
#define MNT_BASIC 0x2U
#define MNT_POINT 0x10U
#define FS_TYPE 0x20U
#define MNT_OPTS 0x80U
#define FS_SUBTYPE 0x100U
#define SB_SOURCE 0x200U
/* The other two are absent where they are empty. */
#define NEEDED (SB_BASIC | MNT_BASIC | MNT_POINT | FS_TYPE | SB_SOURCE)

static const char *string_of(const struct answer *answer, uint32_t bit, uint32_t offset)
{
	return answer->mask & bit && offset < sizeof answer->strings ? answer->strings + offset
								     : "";
}

bool statmount_ask(uint64_t unique, struct proc_mount *mount, uint64_t *parent)
{
	struct question question = {
		.size = sizeof question, .id = unique, .mask = NEEDED | MNT_OPTS | FS_SUBTYPE};
	struct answer answer;

	/* What is written ends with a NUL; the last byte is for what is not. */
	if (syscall(SYS_statmount, &question, &answer, sizeof answer - 1, 0) < 0 ||
		(answer.mask & NEEDED) != NEEDED)
		return false;
	answer.strings[sizeof answer.strings - 1] = '\0';
	const char *subtype = string_of(&answer, FS_SUBTYPE, answer.subtype);
	*mount = (struct proc_mount){.id = answer.old_id,
		.dev = makedev(answer.major, answer.minor),
		.point = xstrdup(string_of(&answer, MNT_POINT, answer.point)),
		.type = xasprintf("%s%s%s", string_of(&answer, FS_TYPE, answer.type),
			*subtype ? "." : "", subtype),
		.source = xstrdup(string_of(&answer, SB_SOURCE, answer.source)),
		.options = xstrdup(string_of(&answer, MNT_OPTS, answer.options))};
	*parent = answer.parent;
	return true;
}
