/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device node is claimed, unless the QEMU user may use it as it is; one that all VMs share is
 * opened as root and passed. PCI and USB devices of the host are looked up in sysfs first.
 */
#include "vm/devices.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "vm/descriptors.h"
#include "vm/node.h"
#include "vm/step.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"
#define USB_DEVICES "/sys/bus/usb/devices"
#define VFIO_NODES "/dev/vfio/devices"

/* Claims one node, or leaves it as it is where that will do. */
static void claim_node(struct vm *vm, const struct qemuargs_resource *r, const char *path)
{
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
		return;
	}
	int wanted = r->access == ACCESS_RO ? R_OK : R_OK | W_OK;
	bool is_denied = vm_is_denied(vm, &walk, wanted);
	bool is_device = S_ISCHR(walk.st.st_mode) || S_ISBLK(walk.st.st_mode);
	if (!is_denied) {
		struct vm_item *item = vm_item(vm, r, ACTION_CHECK, NULL);
		free(item->path);
		item->path = xstrdup(path);
	} else if (!is_device) {
		vm_check_access(vm, r, &walk, wanted);
	} else {
		vm_add_claim(vm, r,
			&(struct claim_request){.path = (char *)path,
				.action = ACTION_CLAIM,
				.access = ACCESS_RW,
				.is_device = true});
	}
	safepath_close(&walk);
}

void vm_plan_device(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *path = vm_absolute(vm, r->path);

	if (path)
		claim_node(vm, r, path);
}

bool vm_open_node(const char *path, int reserved, char **error)
{
	struct safepath walk;
	int fd = -1;

	if (!safepath_open(path, &walk, error))
		return false;
	if (walk.unsafe)
		*error = xstrdup(walk.unsafe);
	else if (!S_ISCHR(walk.st.st_mode))
		*error = xasprintf("%s is not a character device", path);
	else if ((fd = safepath_reopen(walk.fd, O_RDWR | O_NONBLOCK)) < 0)
		*error = xasprintf("cannot open %s: %s", path, strerror(errno));
	safepath_close(&walk);
	return fd >= 0 && vm_fill(reserved, fd, error);
}

static bool prepare_passed_node(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	return vm_open_node(step->path, step->fd, error);
}

void vm_plan_passed_node(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	bool is_iommu = r->kind == RESOURCE_IOMMU;
	char *help = NULL;
	char *why = node_why_missing(r->path, &help);

	if (why) {
		vm_refuse_helped(vm, r, why, help);
		return;
	}
	struct vm_step *step = vm_step(vm, r->path);
	step->prepare = prepare_passed_node;
	step->fd = vm_reserve(vm);
	cleanup_free char *number = xasprintf("%d", step->fd);
	if (!is_iommu)
		qemuargs_set(vm->args, r->option, "vhostdev", NULL);
	qemuargs_set(vm->args, r->option, is_iommu ? "fd" : "vhostfd", number);
	vm_item(vm, r, ACTION_PASS, xstrdup("opened as root, and passed"));
}

/* The last component of what a symbolic link of sysfs leads to; NULL: there is none. */
static char *link_name(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	return xstrdup(slash ? slash + 1 : target);
}

/* "01:00.0" is short for "0000:01:00.0"; nothing else may come into a path. */
static char *pci_directory(const char *address)
{
	unsigned domain = 0, bus, slot, function;
	char rest;

	if (address[0] == '/')
		return strncmp(address, "/sys/", 5) == 0 && !strstr(address, "/../")
			       ? xstrdup(address)
			       : NULL;
	if (sscanf(address, "%x:%x:%x.%x%c", &domain, &bus, &slot, &function, &rest) != 4) {
		domain = 0;
		if (sscanf(address, "%x:%x.%x%c", &bus, &slot, &function, &rest) != 3)
			return NULL;
	}
	return xasprintf(PCI_DEVICES "/%04x:%02x:%02x.%x", domain, bus, slot, function);
}

/*
 * The name of the device's own VFIO node, as iommufd_cdev_getfd() of QEMU's hw/vfio/iommufd.c finds
 * it, new; NULL: its driver is not one of VFIO's, or the kernel is older than 6.1.
 */
static char *vfio_name(const char *directory)
{
	cleanup_free char *path = xasprintf("%s/vfio-dev", directory);
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, "vfio", strlen("vfio")) == 0)
			return xstrdup(d->d_name);
	return NULL;
}

/* Whether some PCI device of the group has a VFIO node of its own. */
static bool has_own_nodes(const char *group)
{
	cleanup_dir DIR *dir = opendir(PCI_DEVICES);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		cleanup_free char *directory = xasprintf(PCI_DEVICES "/%s", d->d_name);
		cleanup_free char *link = xasprintf("%s/iommu_group", directory);
		cleanup_free char *other = link_name(link);
		cleanup_free char *name =
			other && strcmp(other, group) == 0 ? vfio_name(directory) : NULL;
		if (name)
			return true;
	}
	return false;
}

/*
 * Beside vfio-pci, VFIO has variant drivers (mlx5_vfio_pci, nvgrace_gpu_vfio_pci, a vendor's own).
 * Since Linux 6.1, a device of any of them has a name of VFIO's. Where none of a group has one, the
 * group's node tells that a driver of VFIO has some device of it.
 */
static bool is_vfios(const char *directory, const char *driver, const char *group)
{
	if (strcmp(driver, "vfio-pci") == 0)
		return true;
	cleanup_free char *name = vfio_name(directory);
	if (name)
		return true;
	cleanup_free char *node = xasprintf("/dev/vfio/%s", group);
	return access(node, F_OK) == 0 && !has_own_nodes(group);
}

/* Why the PCI device can't be assigned to a guest, a new message; NULL: it can. */
static char *why_not_vfio(const char *directory, const char *group, bool is_mediated, char **help)
{
	cleanup_free char *link = xasprintf("%s/driver", directory);
	cleanup_free char *driver = link_name(link);

	if (!group)
		return xstrdup("the device has no IOMMU group: no IOMMU, or it is disabled; boot "
			       "with intel_iommu=on or amd_iommu=on");
	if (is_mediated || (driver && is_vfios(directory, driver, group)))
		return NULL;
	return help_message(help,
		xasprintf("the device is bound to %s, not to vfio-pci",
			driver ? driver : "no driver"),
		"; ", xasprintf("driverctl set-override %s vfio-pci", strrchr(directory, '/') + 1));
}

/* The device's own node. /dev/iommu is of the iommufd object, which the device names. */
static void plan_own_node(struct vm *vm, const struct qemuargs_resource *r, const char *directory)
{
	cleanup_free char *name = vfio_name(directory);
	cleanup_free char *node = xasprintf(VFIO_NODES "/%s", name ? name : "");

	if (!name)
		vm_refuse(vm, r,
			xasprintf("iommufd= needs a device node of VFIO, and %s/vfio-dev has none; "
				  "remove iommufd= to use the IOMMU group",
				directory));
	else if (access(node, F_OK) < 0)
		vm_refuse(vm, r,
			xasprintf("iommufd= needs %s: %s; the kernel must be built with "
				  "CONFIG_VFIO_DEVICE_CDEV, or remove iommufd= to use the IOMMU "
				  "group",
				node, strerror(errno)));
	else
		claim_node(vm, r, node);
}

/* Documentation/driver-api/vfio.rst: who can open the group's node has the device. */
void vm_plan_pci(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *directory = pci_directory(r->path);

	if (!directory) {
		vm_refuse(vm, r, xasprintf("%s is not a PCI address", r->path));
		return;
	}
	if (access(directory, F_OK) < 0) {
		vm_refuse(vm, r, xasprintf("no such PCI device: %s", directory));
		return;
	}
	cleanup_free char *link = xasprintf("%s/iommu_group", directory);
	cleanup_free char *group = link_name(link);
	char *help = NULL;
	char *why = why_not_vfio(directory, group, r->path[0] == '/', &help);
	if (why) {
		vm_refuse_helped(vm, r, why, help);
	} else if (r->iommufd) {
		plan_own_node(vm, r, directory);
	} else {
		cleanup_free char *node = xasprintf("/dev/vfio/%s", group);
		claim_node(vm, r, "/dev/vfio/vfio");
		claim_node(vm, r, node);
	}
}

/* A small number in a file of sysfs, in that base; -1 if it is not there. */
static long read_number(const char *device, const char *file, int base)
{
	cleanup_free char *path = xasprintf(USB_DEVICES "/%s/%s", device, file);
	char text[32];

	return io_read_short(AT_FDCWD, path, text, sizeof text) > 0 ? strtol(text, NULL, base) : -1;
}

/* Two numbers with ":" between them, each decimal or with 0x. */
static bool parse_pair(const char *text, int base, long *first, long *second)
{
	char *end;

	*first = strtol(text, &end, base);
	if (end == text || *end != ':')
		return false;
	text = end + 1;
	*second = strtol(text, &end, base);
	return end != text && !*end;
}

/* The node of "bus BUS:ADDRESS", or of the first "id VENDOR:PRODUCT", or of "port BUS-PORT". */
static char *usb_node(const char *text)
{
	bool by_id = strncmp(text, "id ", 3) == 0;
	bool by_address = strncmp(text, "bus ", 4) == 0;
	long first, second;

	if (strncmp(text, "port ", 5) == 0 && text[5 + strspn(text + 5, "0123456789.-")] == '\0' &&
		read_number(text + 5, "busnum", 10) >= 0)
		return xasprintf("/dev/bus/usb/%03ld/%03ld", read_number(text + 5, "busnum", 10),
			read_number(text + 5, "devnum", 10));
	if (!by_id && !by_address)
		return NULL;
	if (!parse_pair(text + (by_id ? 3 : 4), by_id ? 16 : 10, &first, &second))
		return NULL;
	if (by_address) {
		char *node = xasprintf("/dev/bus/usb/%03ld/%03ld", first, second);
		/* QEMU waits for it, as for one that is named otherwise. */
		if (access(node, F_OK) == 0 || errno != ENOENT)
			return node;
		free(node);
		return NULL;
	}
	cleanup_dir DIR *dir = opendir(USB_DEVICES);
	struct dirent *d;
	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.' || read_number(d->d_name, "idVendor", 16) != first ||
			read_number(d->d_name, "idProduct", 16) != second)
			continue;
		return xasprintf("/dev/bus/usb/%03ld/%03ld", read_number(d->d_name, "busnum", 10),
			read_number(d->d_name, "devnum", 10));
	}
	return NULL;
}

void vm_plan_usb(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *node = usb_node(r->path);

	if (node)
		claim_node(vm, r, node);
	else
		vm_differ(vm, r,
			xstrdup("no such device; one that is plugged in later will not belong to "
				"the QEMU user"));
}

/* Whether the command line asks for KVM and nothing else; *option asks for it. */
static bool needs_kvm(const struct vm *vm, size_t *option)
{
	bool wanted = false;

	for (size_t i = 0; i < vm->args->n_options; i++) {
		const char *name = vm->args->options[i].name;
		const char *value = NULL;
		if (strcmp(name, "enable-kvm") == 0)
			value = "kvm";
		else if (strcmp(name, "accel") == 0 || strcmp(name, "machine") == 0)
			value = qemuargs_get(vm->args, i, "accel");
		if (!value)
			continue;
		/* "kvm:tcg", and -accel twice: the next one is taken where one is not to be had. */
		if (strcmp(value, "kvm") != 0)
			return false;
		wanted = true;
		*option = i;
	}
	return wanted;
}

void vm_plan_kvm_node(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *path = vm_absolute(vm, r->path);
	size_t option;

	if (!path)
		return;
	if (access(path, F_OK) < 0 && errno == ENOENT && !needs_kvm(vm, &option))
		vm_item(vm, r, ACTION_LEAVE, xstrdup("no such device; QEMU uses the next -accel"));
	else
		claim_node(vm, r, path);
}

void vm_plan_kvm(struct vm *vm)
{
	cleanup_free char *error = NULL;
	struct safepath walk;
	size_t option;

	if (!needs_kvm(vm, &option))
		return;
	/* Another node has been planned by itself. */
	const char *device = qemuargs_get(vm->args, option, "device");
	if (device && strcmp(device, "/dev/kvm") != 0)
		return;
	struct qemuargs_resource r = {.kind = RESOURCE_DEVICE,
		.access = ACCESS_RW,
		.path = (char *)"/dev/kvm",
		.source = vm->args->options[option].source,
		.reason = (char *)"hardware acceleration"};
	if (!safepath_open_from(&vm->claims.start, r.path, &walk, &error)) {
		vm_refuse(vm, &r,
			xasprintf("%s; modprobe kvm_intel or kvm_amd, or use -accel tcg", error));
		return;
	}
	vm_check_access(vm, &r, &walk, R_OK | W_OK);
	safepath_close(&walk);
}
