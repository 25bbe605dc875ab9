/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/resource.h"

const char *resource_kind_name(enum resource_kind kind)
{
	static const char *const names[] = {
		[RESOURCE_DISK] = "disk",
		[RESOURCE_BACKING] = "backing",
		[RESOURCE_NVRAM] = "nvram",
		[RESOURCE_KERNEL] = "kernel",
		[RESOURCE_INITRD] = "initrd",
		[RESOURCE_DTB] = "dtb",
		[RESOURCE_LOADER] = "loader",
		[RESOURCE_FILE] = "file",
		[RESOURCE_DIRECTORY] = "directory",
		[RESOURCE_LOG] = "log",
		[RESOURCE_PIDFILE] = "pidfile",
		[RESOURCE_LISTEN] = "listen",
		[RESOURCE_CONNECT] = "connect",
		[RESOURCE_LINK] = "link",
		[RESOURCE_TAP] = "tap",
		[RESOURCE_BRIDGE] = "bridge",
		[RESOURCE_PASST] = "passt",
		[RESOURCE_VHOST_NET] = "vhost-net",
		[RESOURCE_VHOST] = "vhost",
		[RESOURCE_IOMMU] = "iommu",
		[RESOURCE_DEVICE] = "device",
		[RESOURCE_KVM] = "kvm",
		[RESOURCE_PCI] = "pci",
		[RESOURCE_USB] = "usb",
		[RESOURCE_MEMORY] = "memory",
		[RESOURCE_PIPE] = "pipe",
		[RESOURCE_FD] = "fd",
	};

	return names[kind];
}

const char *resource_access_name(enum resource_access access)
{
	static const char *const names[] = {"ro", "rw", "create"};

	return names[access];
}

const char *resource_action_name(enum resource_action action)
{
	static const char *const names[] = {
		[ACTION_CLAIM] = "claim",
		[ACTION_PASS] = "pass",
		[ACTION_COPY] = "copy",
		[ACTION_MAKE] = "make",
		[ACTION_CONNECT] = "connect",
		[ACTION_CHECK] = "check",
		[ACTION_GRANT] = "grant",
		[ACTION_LEAVE] = "leave",
		[ACTION_REFUSE] = "refuse",
	};

	return names[action];
}
