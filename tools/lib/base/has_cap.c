/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/has_cap.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

bool has_cap(unsigned capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	errno = 0;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}
