/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confkeys.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order of libvirt's own file. */
static const struct confkey keys[] = {
	{"default_tls_x509_cert_dir", CONFKEY_STRING},
	{"default_tls_x509_verify", CONFKEY_BOOLEAN},
	{"default_tls_x509_secret_uuid", CONFKEY_STRING},
	{"default_tls_priority", CONFKEY_STRING},
	{"vnc_listen", CONFKEY_STRING},
	{"vnc_auto_unix_socket", CONFKEY_BOOLEAN},
	{"vnc_tls", CONFKEY_BOOLEAN},
	{"vnc_tls_x509_cert_dir", CONFKEY_STRING},
	{"vnc_tls_x509_secret_uuid", CONFKEY_STRING},
	{"vnc_tls_x509_verify", CONFKEY_BOOLEAN},
	{"vnc_tls_priority", CONFKEY_STRING},
	{"vnc_password", CONFKEY_STRING},
	{"vnc_sasl", CONFKEY_BOOLEAN},
	{"vnc_sasl_dir", CONFKEY_STRING},
	{"vnc_allow_host_audio", CONFKEY_BOOLEAN},
	{"spice_listen", CONFKEY_STRING},
	{"spice_tls", CONFKEY_BOOLEAN},
	{"spice_tls_x509_cert_dir", CONFKEY_STRING},
	{"spice_auto_unix_socket", CONFKEY_BOOLEAN},
	{"spice_password", CONFKEY_STRING},
	{"spice_sasl", CONFKEY_BOOLEAN},
	{"spice_sasl_dir", CONFKEY_STRING},
	{"rdp_listen", CONFKEY_STRING},
	{"rdp_tls_x509_cert_dir", CONFKEY_STRING},
	{"rdp_username", CONFKEY_STRING},
	{"rdp_password", CONFKEY_STRING},
	{"chardev_tls", CONFKEY_BOOLEAN},
	{"chardev_tls_x509_cert_dir", CONFKEY_STRING},
	{"chardev_tls_x509_verify", CONFKEY_BOOLEAN},
	{"chardev_tls_x509_secret_uuid", CONFKEY_STRING},
	{"chardev_tls_priority", CONFKEY_STRING},
	{"vxhs_tls", CONFKEY_BOOLEAN},
	{"vxhs_tls_x509_cert_dir", CONFKEY_STRING},
	{"vxhs_tls_x509_secret_uuid", CONFKEY_STRING},
	{"nbd_tls", CONFKEY_BOOLEAN},
	{"nbd_tls_x509_cert_dir", CONFKEY_STRING},
	{"nbd_tls_x509_secret_uuid", CONFKEY_STRING},
	{"nbd_tls_priority", CONFKEY_STRING},
	{"migrate_tls_x509_cert_dir", CONFKEY_STRING},
	{"migrate_tls_x509_verify", CONFKEY_BOOLEAN},
	{"migrate_tls_x509_secret_uuid", CONFKEY_STRING},
	{"migrate_tls_priority", CONFKEY_STRING},
	{"migrate_tls_force", CONFKEY_BOOLEAN},
	{"backup_tls_x509_cert_dir", CONFKEY_STRING},
	{"backup_tls_x509_verify", CONFKEY_BOOLEAN},
	{"backup_tls_x509_secret_uuid", CONFKEY_STRING},
	{"backup_tls_priority", CONFKEY_STRING},
	{"nographics_allow_host_audio", CONFKEY_BOOLEAN},
	{"remote_display_port_min", CONFKEY_COUNT},
	{"remote_display_port_max", CONFKEY_COUNT},
	{"remote_websocket_port_min", CONFKEY_COUNT},
	{"remote_websocket_port_max", CONFKEY_COUNT},
	{"security_driver", CONFKEY_STRING_OR_LIST},
	{"security_default_confined", CONFKEY_BOOLEAN},
	{"security_require_confined", CONFKEY_BOOLEAN},
	{"user", CONFKEY_USER},
	{"group", CONFKEY_GROUP},
	{"dynamic_ownership", CONFKEY_BOOLEAN},
	{"remember_owner", CONFKEY_BOOLEAN},
	{"cgroup_controllers", CONFKEY_LIST},
	{"cgroup_device_acl", CONFKEY_LIST},
	{"save_image_format", CONFKEY_STRING},
	{"dump_image_format", CONFKEY_STRING},
	{"snapshot_image_format", CONFKEY_STRING},
	{"auto_dump_path", CONFKEY_STRING},
	{"auto_dump_bypass_cache", CONFKEY_BOOLEAN},
	{"auto_dump_max_size", CONFKEY_BYTES},
	{"auto_start_bypass_cache", CONFKEY_BOOLEAN},
	{"auto_start_delay", CONFKEY_COUNT},
	{"auto_shutdown_try_save", CONFKEY_STRING},
	{"auto_shutdown_try_shutdown", CONFKEY_STRING},
	{"auto_shutdown_poweroff", CONFKEY_STRING},
	{"auto_shutdown_wait", CONFKEY_COUNT},
	{"auto_shutdown_restore", CONFKEY_BOOLEAN},
	{"auto_save_bypass_cache", CONFKEY_BOOLEAN},
	{"hugetlbfs_mount", CONFKEY_STRING_OR_LIST},
	{"bridge_helper", CONFKEY_STRING},
	{"set_process_name", CONFKEY_BOOLEAN},
	{"max_processes", CONFKEY_COUNT},
	{"max_files", CONFKEY_COUNT},
	{"max_threads_per_process", CONFKEY_COUNT},
	{"max_core", CONFKEY_SIZE},
	{"dump_guest_core", CONFKEY_BOOLEAN},
	{"mac_filter", CONFKEY_BOOLEAN},
	{"relaxed_acs_check", CONFKEY_BOOLEAN},
	/* libvirt refuses any value but 0. */
	{"allow_disk_format_probing", CONFKEY_BOOLEAN},
	{"lock_manager", CONFKEY_STRING},
	{"max_queued", CONFKEY_COUNT},
	{"keepalive_interval", CONFKEY_INTEGER},
	{"keepalive_count", CONFKEY_COUNT},
	{"seccomp_sandbox", CONFKEY_INTEGER},
	{"migration_address", CONFKEY_STRING},
	{"migration_host", CONFKEY_STRING},
	{"migration_port_min", CONFKEY_COUNT},
	{"migration_port_max", CONFKEY_COUNT},
	{"backup_port_min", CONFKEY_COUNT},
	{"backup_port_max", CONFKEY_COUNT},
	{"log_timestamp", CONFKEY_BOOLEAN},
	{"nvram", CONFKEY_LIST},
	{"stdio_handler", CONFKEY_STRING},
	{"gluster_debug_level", CONFKEY_COUNT},
	{"virtiofsd_debug", CONFKEY_BOOLEAN},
	{"namespaces", CONFKEY_LIST},
	{"memory_backing_dir", CONFKEY_STRING},
	{"pr_helper", CONFKEY_STRING},
	{"slirp_helper", CONFKEY_STRING},
	{"qemu_rdp", CONFKEY_STRING},
	{"qemu_vnc", CONFKEY_STRING},
	{"dbus_daemon", CONFKEY_STRING},
	{"swtpm_user", CONFKEY_USER},
	{"swtpm_group", CONFKEY_GROUP},
	{"capability_filters", CONFKEY_LIST},
	{"deprecation_behavior", CONFKEY_STRING},
	{"sched_core", CONFKEY_STRING},
	{"storage_use_nbdkit", CONFKEY_BOOLEAN},
	{"shared_filesystems", CONFKEY_LIST},
	{"default_cpu_deprecated_features", CONFKEY_STRING},
	/* Obsolete in libvirt, and read by the tools of this package. */
	{"clear_emulator_capabilities", CONFKEY_BOOLEAN},
	/* Of this package alone: libvirt ignores it. */
	{"isolate_ids", CONFKEY_STRING},
	{NULL, CONFKEY_STRING},
};

/* Longer names resemble none. */
#define LONGEST 64

const struct confkey *confkey_find(const char *name)
{
	for (const struct confkey *key = keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Optimal string alignment: each letter put in, left out, replaced, or pair swapped is 1. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][LONGEST + 2];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	size_t n = strlen(b);

	for (unsigned j = 0; j <= n; j++)
		last[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			/* Another case is a typing error too, and the smallest. */
			unsigned differs = lower(a[i - 1]) != lower(b[j - 1]);
			now[j] = smaller(smaller(last[j], now[j - 1]) + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = smaller(now[j], before[j - 2] + 1);
		}
		unsigned *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[n];
}

const struct confkey *confkey_nearest(const char *name)
{
	const struct confkey *nearest = NULL;
	size_t length = strlen(name);
	/* With more than a third of it wrong, any name would do. */
	unsigned best = (unsigned)(length + 2) / 3 + 1;

	if (length > LONGEST)
		return NULL;
	for (const struct confkey *key = keys; key->name; key++) {
		size_t n = strlen(key->name);
		/* It is at least as far away as it is longer or shorter. */
		if ((n > length ? n - length : length - n) >= best)
			continue;
		unsigned d = distance(name, key->name);
		if (d < best) {
			best = d;
			nearest = key;
		}
	}
	return nearest;
}

static bool is_string_list(const struct conf_value *value)
{
	for (size_t i = 0; i < value->n_items; i++)
		if (value->items[i].type != CONF_STRING)
			return false;
	return value->type == CONF_LIST;
}

static bool is_between(const struct conf_value *value, long long lowest, long long highest)
{
	return value->type == CONF_INTEGER && value->integer >= lowest && value->integer <= highest;
}

/*
 * Digits and a unit, as virScaleInteger() in libvirt's src/util/ reads them: none, "b", "byte" or
 * "bytes"; or one of the letters below for powers of 1024, alone or with "iB", or of 1000, with
 * "B", in any case.
 */
static bool is_byte_count(const char *text)
{
	static const char powers[] = "kmgtpe";
	unsigned long long count, unit = 1;
	char *suffix;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	count = strtoull(text, &suffix, 10);
	const char *power = *suffix ? strchr(powers, lower(*suffix)) : NULL;
	if (!*suffix || strcasecmp(suffix, "b") == 0 || strcasecmp(suffix, "byte") == 0 ||
		strcasecmp(suffix, "bytes") == 0)
		return errno == 0;
	bool is_binary = !suffix[1] || strcasecmp(suffix + 1, "ib") == 0;
	if (!power || (!is_binary && strcasecmp(suffix + 1, "b") != 0))
		return false;
	for (const char *p = powers; p <= power; p++)
		unit *= is_binary ? 1024 : 1000;
	return errno == 0 && count <= ULLONG_MAX / unit;
}

bool confkey_accepts(
	const struct confkey *key, const struct conf_value *value, const char **expected)
{
	switch (key->type) {
	case CONFKEY_STRING:
		*expected = "a string in quotes";
		return value->type == CONF_STRING;
	case CONFKEY_BOOLEAN:
		*expected = "0 or 1";
		return is_between(value, 0, 1);
	case CONFKEY_INTEGER:
		*expected = "a number from -2147483648 to 2147483647";
		return is_between(value, INT_MIN, INT_MAX);
	case CONFKEY_COUNT:
		*expected = "a number from 0 to 4294967295";
		return is_between(value, 0, UINT_MAX);
	case CONFKEY_LIST:
		*expected = "a list of strings in brackets";
		return is_string_list(value);
	case CONFKEY_STRING_OR_LIST:
		*expected = "a string in quotes, or a list of strings in brackets";
		return value->type == CONF_STRING || is_string_list(value);
	case CONFKEY_SIZE:
		*expected = "a number of bytes or \"unlimited\"";
		return is_between(value, 0, LLONG_MAX) ||
		       (value->type == CONF_STRING && strcmp(value->string, "unlimited") == 0);
	case CONFKEY_BYTES:
		*expected = "a number of bytes, or a number with a unit in quotes: \"10GiB\"";
		return is_between(value, 0, LLONG_MAX) ||
		       (value->type == CONF_STRING && is_byte_count(value->string));
	case CONFKEY_USER:
	case CONFKEY_GROUP:
		*expected = "a name or a number in quotes";
		return value->type == CONF_STRING;
	}
	return false;
}
