/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -device, -object and -machine name of the host, beside block nodes. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <string.h>

/* rapl_helper_socket's default, where QEMU is a distribution's (accel/kvm/kvm-all.c). */
#define DEFAULT_RAPL_HELPER "/run/qemu-vmsr-helper.sock"

/* A key that names something of the host, of a driver or object type of that name. */
struct named {
	const char *type; /* ends with "*": all that begin so */
	const char *key;
	enum resource_kind kind;
	enum resource_access access;
	const char *reason;
};

static bool is_type(const char *pattern, const char *type)
{
	size_t length = strcspn(pattern, "*");

	return strncmp(pattern, type, length) == 0 && (pattern[length] || !type[length]);
}

/* reconnects: QEMU connects by itself to what it connects to, whenever it must. */
static void add_named(struct qemuargs_parser *p, size_t option, const char *type,
	const struct named *all, size_t n, bool reconnects)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_type(all[i].type, type))
			continue;
		if (all[i].kind == RESOURCE_FD) {
			qemuargs_add_fd(p, option, all[i].key, qemuargs_key(p, option, all[i].key));
			continue;
		}
		size_t added = qemuargs_add_key(
			p, all[i].kind, all[i].access, option, all[i].key, all[i].reason);
		if (added != QEMUARGS_NONE && all[i].kind == RESOURCE_CONNECT)
			qemuargs_resource(p, added)->reconnects = reconnects;
	}
}

void qemuargs_add_searched(struct qemuargs_parser *p, size_t option, const char *key,
	const char *path, const char *reason)
{
	size_t added = qemuargs_add(p, RESOURCE_FILE, ACCESS_RO, option, key, path, reason);

	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->is_searched = !strchr(path, '/');
}

/* What a device has of a property: of its own, or what a -global says. */
static const char *device_property(
	const struct qemuargs_parser *p, size_t option, const char *driver, const char *property)
{
	const char *own = qemuargs_key(p, option, property);

	if (own)
		return own;
	size_t global = qemuargs_global_of(p, driver, property);
	return global == QEMUARGS_NONE ? NULL : qemuargs_key(p, global, "value");
}

static void find_vfio(struct qemuargs_parser *p, size_t option, const char *driver)
{
	const char *iommufd = device_property(p, option, driver, "iommufd");
	const char *key = qemuargs_key(p, option, "sysfsdev") ? "sysfsdev" : "host";

	p->args->locks_memory = true;
	if (qemuargs_key(p, option, "fd")) {
		qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
		return;
	}
	size_t added =
		qemuargs_add_key(p, RESOURCE_PCI, ACCESS_RW, option, key, "assigned to the guest");
	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->iommufd = iommufd && *iommufd;
}

/* hw/usb/host-libusb.c: by number, by kind, or by port. */
static void find_usb_host(struct qemuargs_parser *p, size_t option)
{
	static const struct {
		const char *first, *second, *format;
		char separator;
	} ways[] = {
		{"hostbus", "hostaddr", "bus", ':'},
		{"hostbus", "hostport", "port", '-'},
		{"vendorid", "productid", "id", ':'},
	};

	if (qemuargs_add_key(p, RESOURCE_DEVICE, ACCESS_RW, option, "hostdevice",
		    "assigned to the guest") != QEMUARGS_NONE)
		return;
	for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
		const char *first = qemuargs_key(p, option, ways[i].first);
		const char *second = qemuargs_key(p, option, ways[i].second);
		if (!first || !second)
			continue;
		cleanup_free char *name =
			xasprintf("%s %s%c%s", ways[i].format, first, ways[i].separator, second);
		qemuargs_add(
			p, RESOURCE_USB, ACCESS_RW, option, NULL, name, "assigned to the guest");
		return;
	}
}

/* A vhost device of the kernel's, which QEMU opens unless it gets a descriptor. */
static void find_vhost(struct qemuargs_parser *p, size_t option, const char *node)
{
	const char *fd = qemuargs_key(p, option, "vhostfd");

	if (fd)
		qemuargs_add_fd(p, option, "vhostfd", fd);
	else
		qemuargs_add(p, RESOURCE_VHOST, ACCESS_RW, option, NULL, node,
			"vhost device of the kernel");
}

/* Variables of UEFI, keys of a token: read and written again, and made if they are not there. */
static void find_store(struct qemuargs_parser *p, size_t option, const char *key)
{
	size_t added = qemuargs_add_key(
		p, RESOURCE_LOG, ACCESS_CREATE, option, key, "persistent data of the guest");

	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->append = true;
}

/* Descriptors of programs for the kernel's BPF: a list, which JSON alone can write. */
static void find_list_of_fds(struct qemuargs_parser *p, size_t option, const char *key)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);

	for (size_t i = 0; i < v->n_items; i++) {
		const char *rest = qemuargs_behind(v->items[i].key, key);
		if (rest && *rest == '.')
			qemuargs_add_fd(p, option, v->items[i].key, v->items[i].value);
	}
}

/* What devices of one kind have of their own. */
static void find_by_driver(struct qemuargs_parser *p, size_t option, const char *driver)
{
	if (is_type("vfio-*", driver))
		find_vfio(p, option, driver);
	else if (strcmp(driver, "usb-host") == 0)
		find_usb_host(p, option);
	else if (is_type("vhost-vsock-*", driver))
		find_vhost(p, option, "/dev/vhost-vsock");
	else if (is_type("vhost-scsi*", driver))
		find_vhost(p, option, "/dev/vhost-scsi");
	else if (strcmp(driver, "x-pci-proxy-dev") == 0)
		qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
	else if (is_type("uefi-vars-*", driver))
		find_store(p, option, "jsonfile");
	else if (strcmp(driver, "canokey") == 0)
		find_store(p, option, "file");
	else if (strcmp(driver, "u2f-emulated") == 0)
		find_store(p, option, "counter");
	else if (is_type("virtio-net-*", driver))
		find_list_of_fds(p, option, "ebpf-rss-fds");
	else if (strcmp(driver, "pvrdma") == 0)
		qemuargs_warn(p, option, "ibdev", qemuargs_key(p, option, "ibdev"),
			"the QEMU user needs access to the device in /dev/infiniband");
	/* virtio_gpu_have_udmabuf() of hw/display/virtio-gpu-udmabuf.c */
	else if (qemuopts_bool(qemuargs_value(p, option), "blob", false))
		qemuargs_add(
			p, RESOURCE_DEVICE, ACCESS_RW, option, NULL, "/dev/udmabuf", "blob=on");
}

void qemuargs_find_device(struct qemuargs_parser *p, size_t option)
{
	static const struct named named[] = {
		{"loader", "file", RESOURCE_FILE, ACCESS_RO, "loaded into the guest"},
		{"guest-loader", "kernel", RESOURCE_FILE, ACCESS_RO, "loaded into the guest"},
		{"guest-loader", "initrd", RESOURCE_FILE, ACCESS_RO, "loaded into the guest"},
		{"virtio-input-host*", "evdev", RESOURCE_DEVICE, ACCESS_RW, "input device"},
		{"u2f-passthru", "hidraw", RESOURCE_DEVICE, ACCESS_RW, "assigned to the guest"},
		{"u2f-emulated", "dir", RESOURCE_DIRECTORY, ACCESS_RW, "U2F keys"},
		{"u2f-emulated", "cert", RESOURCE_FILE, ACCESS_RO, "U2F keys"},
		{"u2f-emulated", "privkey", RESOURCE_FILE, ACCESS_RO, "U2F keys"},
		{"u2f-emulated", "entropy", RESOURCE_FILE, ACCESS_RO, "U2F keys"},
		{"usb-mtp", "rootdir", RESOURCE_DIRECTORY, ACCESS_RO, "exported to the guest"},
		{"vhost-vdpa-device*", "vhostdev", RESOURCE_DEVICE, ACCESS_RW,
			"assigned to the guest"},
		{"ccid-card-emulated", "db", RESOURCE_DIRECTORY, ACCESS_RO, "certificates"},
		{"ipmi-bmc-sim", "sdrfile", RESOURCE_FILE, ACCESS_RO, "sensor data records"},
		{"ipmi-bmc-sim", "frudatafile", RESOURCE_FILE, ACCESS_RO, "FRU data"},
		{"cxl-*", "cdat", RESOURCE_FILE, ACCESS_RO, "CDAT table"},
		{"vfio-user-pci", "socket.path", RESOURCE_CONNECT, ACCESS_RW, "vfio-user server"},
		{"vfio-user-pci", "socket.str", RESOURCE_FD, ACCESS_RW, NULL},
		{"uefi-vars-*", "pcapfile", RESOURCE_LOG, ACCESS_CREATE, "written by QEMU"},
		{"*", "pcap", RESOURCE_LOG, ACCESS_CREATE, "written by QEMU"},
	};
	const char *driver = qemuargs_key(p, option, "driver");
	const char *rom = qemuargs_key(p, option, "romfile");

	if (!driver)
		return;
	if (rom && *rom)
		qemuargs_add_searched(p, option, "romfile", rom, "option ROM");
	find_by_driver(p, option, driver);
	add_named(p, option, driver, named, N_ELEMENTS(named), false);
}

static void find_memory_file(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	bool read_only = qemuopts_bool(v, "readonly", false);
	struct qemuargs_resource *r = qemuargs_resource(
		p, qemuargs_add_key(p, RESOURCE_MEMORY, read_only ? ACCESS_RO : ACCESS_RW, option,
			   "mem-path", "guest memory"));

	if (r)
		r->shared = qemuopts_bool(v, "share", false);
}

const char *qemuargs_global(
	const struct qemuargs_parser *p, size_t option, const char *property, char **driver)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *dot = v->opaque ? strchr(v->prefix, '.') : NULL;
	const char *named = qemuopts_get(v, "property"), *value = qemuopts_get(v, "value");
	bool is_meant;

	if (v->opaque)
		is_meant = strncmp(dot + 1, property, strlen(property)) == 0 &&
			   strcmp(dot + 1 + strlen(property), "=") == 0;
	else
		is_meant = qemuargs_is(named, property);
	if (!is_meant || !value)
		return NULL;
	if (v->opaque)
		*driver = xstrndup(v->prefix, (size_t)(dot - v->prefix));
	else
		*driver = qemuopts_get(v, "driver") ? xstrdup(qemuopts_get(v, "driver")) : NULL;
	return value;
}

size_t qemuargs_global_of(const struct qemuargs_parser *p, const char *driver, const char *property)
{
	size_t found = QEMUARGS_NONE;

	for (size_t i = 0; i < p->args->n_options; i++) {
		const struct qemuargs_option *option = &p->args->options[i];
		cleanup_free char *other = NULL;
		if (!option->value || strcmp(option->name, "global") != 0)
			continue;
		if (qemuargs_global(p, i, property, &other) && qemuargs_is(other, driver))
			found = i;
	}
	return found;
}

void qemuargs_find_global(struct qemuargs_parser *p, size_t option)
{
	cleanup_free char *driver = NULL;
	const char *rom = qemuargs_global(p, option, "romfile", &driver);
	const char *value = qemuargs_key(p, option, "value");

	if (rom && *rom)
		qemuargs_add_searched(p, option, "value", rom, "option ROM");
	else if (value && *value == '/')
		qemuargs_warn(p, option, "value", value,
			"the QEMU user needs access to it: set the property in a -device or "
			"-object "
			"instead");
}

void qemuargs_find_object(struct qemuargs_parser *p, size_t option)
{
	static const struct named named[] = {
		{"secret", "file", RESOURCE_FILE, ACCESS_RO, "secret"},
		{"rng-random", "filename", RESOURCE_DEVICE, ACCESS_RO, "random numbers"},
		{"tls-creds-*", "dir", RESOURCE_DIRECTORY, ACCESS_RO, "TLS credentials"},
		{"authz-list*", "filename", RESOURCE_FILE, ACCESS_RO, "authorization list"},
		{"input-linux", "evdev", RESOURCE_DEVICE, ACCESS_RW, "input device"},
		{"igvm-cfg", "file", RESOURCE_FILE, ACCESS_RO, "loaded into the guest"},
		{"filter-dump", "file", RESOURCE_LOG, ACCESS_CREATE, "written by QEMU"},
		{"sev-*", "session-file", RESOURCE_FILE, ACCESS_RO, "encrypted memory"},
		{"sev-*", "dh-cert-file", RESOURCE_FILE, ACCESS_RO, "encrypted memory"},
		{"x-vfio-user-server", "socket.path", RESOURCE_LISTEN, ACCESS_RW,
			"listening socket"},
		{"x-vfio-user-server", "socket.str", RESOURCE_FD, ACCESS_RW, NULL},
		{"pr-manager-helper", "path", RESOURCE_CONNECT, ACCESS_RW,
			"SCSI persistent reservations"},
		/* For each quote that the guest asks for. */
		{"tdx-guest", "quote-generation-socket.path", RESOURCE_CONNECT, ACCESS_RW,
			"quote generation service"},
		{"tdx-guest", "quote-generation-socket.str", RESOURCE_FD, ACCESS_RW, NULL},
	};
	const char *type = qemuargs_key(p, option, "qom-type");

	if (!type)
		return;
	if (strcmp(type, "memory-backend-file") == 0) {
		find_memory_file(p, option);
	} else if (strcmp(type, "secret_keyring") == 0) {
		qemuargs_refuse(p, option, NULL, NULL,
			"QEMU gets a session keyring of its own, without root's keys: store the "
			"key in a file that only root can read, and use -object secret,file=FILE");
	} else if (is_type("sev-*", type)) {
		const char *node = qemuargs_key(p, option, "sev-device");
		qemuargs_add(p, RESOURCE_DEVICE, ACCESS_RW, option, node ? "sev-device" : NULL,
			node ? node : "/dev/sev", "encrypted memory");
	} else if (strcmp(type, "memory-backend-epc") == 0) {
		qemuargs_add(p, RESOURCE_DEVICE, ACCESS_RW, option, NULL, "/dev/sgx_vepc",
			"encrypted memory");
	} else if (strcmp(type, "qtest") == 0) {
		qemuargs_add_log(p, option, "log");
	} else if (strcmp(type, "dbus-vmstate") == 0) {
		qemuargs_warn_bus(p, option, "addr");
	} else if (strcmp(type, "x-remote-object") == 0) {
		qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
	} else if (strcmp(type, "iommufd") == 0) {
		p->args->locks_memory = true;
		if (qemuargs_key(p, option, "fd"))
			qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
		else
			qemuargs_add(p, RESOURCE_IOMMU, ACCESS_RW, option, NULL, "/dev/iommu",
				"IOMMU of assigned devices");
	}
	add_named(p, option, type, named, N_ELEMENTS(named), true);
}

void qemuargs_find_machine(struct qemuargs_parser *p, size_t option)
{
	static const char *const files[] = {"kernel", "initrd", "dtb", "shim"};
	const char *firmware = qemuargs_key(p, option, "firmware");

	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		qemuargs_add_key(
			p, RESOURCE_FILE, ACCESS_RO, option, files[i], "loaded into the guest");
	if (firmware)
		qemuargs_add_searched(p, option, "firmware", firmware, "firmware");
	qemuargs_add_key(p, RESOURCE_LOG, ACCESS_CREATE, option, "dumpdtb", "written by QEMU");
}

/*
 * Which node is opened (kvm_init() of accel/kvm/kvm-all.c); and the server that reads the energy
 * that the host takes (target/i386/kvm/vmsr_energy.c), to which QEMU connects by itself.
 */
void qemuargs_find_accel(struct qemuargs_parser *p, size_t option)
{
	const char *device = qemuargs_key(p, option, "device");
	const char *helper = qemuargs_key(p, option, "rapl-helper-socket");

	if (!qemuargs_is(qemuargs_key(p, option, "accel"), "kvm"))
		return;
	/* The node that is everybody's is opened anyway. */
	if (!qemuargs_is(device, "/dev/kvm"))
		qemuargs_add(p, RESOURCE_KVM, ACCESS_RW, option, "device", device,
			"hardware acceleration");
	if (!qemuopts_bool(qemuargs_value(p, option), "rapl", false))
		return;
	size_t added = qemuargs_add(p, RESOURCE_CONNECT, ACCESS_RW, option,
		helper ? "rapl-helper-socket" : NULL, helper ? helper : DEFAULT_RAPL_HELPER,
		"energy of the host");
	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->reconnects = true;
}
