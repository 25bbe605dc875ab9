/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM needs of its host: the words that the readers of command lines and of domains, the
 * claims and the planners share.
 */
#pragma once

enum resource_kind {
	RESOURCE_DISK,	  /* an image or block device at the top: not named as a backing file */
	RESOURCE_BACKING, /* an image that only stands below another one, however deep */
	RESOURCE_NVRAM,	  /* an image of flash memory (pflash), UEFI variables, a pstore */
	RESOURCE_KERNEL,
	RESOURCE_INITRD,
	RESOURCE_DTB,
	RESOURCE_LOADER,
	RESOURCE_FILE,	    /* read whole, and once: any descriptor that reads the same will do */
	RESOURCE_DIRECTORY, /* QEMU opens files in it: -L, TLS credentials, fat: */
	RESOURCE_LOG,	    /* created, or opened for writing where it exists */
	RESOURCE_PIDFILE,
	RESOURCE_LISTEN,    /* a UNIX socket that QEMU binds */
	RESOURCE_CONNECT,   /* a UNIX socket that it connects to */
	RESOURCE_LINK,	    /* a symbolic link to a pseudo-terminal that QEMU makes */
	RESOURCE_TAP,	    /* a tap device: see struct qemuargs_net */
	RESOURCE_BRIDGE,    /* a tap device on a bridge, made by qemu-bridge-helper */
	RESOURCE_PASST,	    /* the program passt(1), whose socket is a network device of QEMU's */
	RESOURCE_VHOST_NET, /* /dev/vhost-net of a tap device: vhost=on without vhostfd */
	RESOURCE_VHOST,	    /* /dev/vhost-vsock, /dev/vhost-scsi (vhostfd), /dev/vhost-vdpa-N */
	RESOURCE_IOMMU,	    /* /dev/iommu of an iommufd object (fd) */
	RESOURCE_DEVICE, /* a node that QEMU itself opens: serial, evdev, hwrng, tpm, sg, parport */
	RESOURCE_KVM,	 /* the node of -accel kvm,device=: another accelerator can be named, too */
	RESOURCE_PCI, /* vfio-pci: its path is the address, or the sysfs directory of sysfsdev= */
	/* usb-host: its path is "bus BUS:ADDRESS", "id VENDOR:PRODUCT" or "port BUS-PORT" */
	RESOURCE_USB,
	RESOURCE_MEMORY, /* a file, or a directory in which QEMU makes one that has no name */
	RESOURCE_PIPE,	 /* PATH.in and PATH.out, else PATH: named pipes that QEMU opens */
	RESOURCE_FD,	 /* a descriptor that the caller opened: its path is the number */
};

enum resource_access { ACCESS_RO, ACCESS_RW, ACCESS_CREATE };

/* What is done about a resource. */
enum resource_action {
	ACTION_CLAIM,	/* belongs to the QEMU user while QEMU runs */
	ACTION_PASS,	/* QEMU gets a descriptor */
	ACTION_COPY,	/* QEMU gets a descriptor of a copy, in a sealed memfd */
	ACTION_MAKE,	/* made for QEMU, as root */
	ACTION_CONNECT, /* a socket that is connected as root */
	ACTION_CHECK,	/* must be accessible as it is */
	ACTION_GRANT,	/* made readable by ACL entries */
	ACTION_LEAVE,	/* not handled, or nothing to do */
	ACTION_REFUSE,	/* stands in the way */
};

/* "disk", "backing", "vhost-net", ...; "ro", "rw", "create"; "claim", "pass", ... */
const char *resource_kind_name(enum resource_kind kind);
const char *resource_access_name(enum resource_access access);
const char *resource_action_name(enum resource_action action);
