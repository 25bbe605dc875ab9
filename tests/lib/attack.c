/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack [ARG]...
 *
 * Code that has taken a QEMU over: virt-priv-run executes it in QEMU's place, under a name that
 * sounds like QEMU's. It tries what stands in the table "attempts" against the host and another VM,
 * and prints a line for each: its name, and "reached", "denied" or "absent" (this host has nothing
 * of that kind). Of its arguments, which are QEMU's, it reads
 *
 *   -append "KEY=VALUE ..."   what it attacks: see struct targets. "bait [DIR]": nothing; it makes
 *                             the objects that a process can lose to others, a socket in DIR or
 * HOME among them, and waits -D FILE                   where the lines go to, else to standard
 * output -daemonize                it becomes a daemon first, as QEMU does
 *
 * Reached is whatever is not the VM's own and could be read, changed or asked, and what the kernel
 * offers that no VM needs. A call that a filter answers with EPERM is denied; a filter that ends
 * the process would end all of it, since nobody starts it again.
 */
#include "attack-files.h"
#include "attack-kernel.h"
#include "attack-processes.h"

static const struct {
	const char *name;
	enum outcome (*act)(void);
} attempts[] = {
	{"file-shadow", file_shadow},
	{"file-readable", file_readable},
	{"file-identity", file_identity},
	{"file-accounts", file_accounts},
	{"file-lists", file_lists},
	{"file-kernel", file_kernel},
	{"file-watch", file_watch},
	{"file-notify", file_notify},
	{"file-lock", file_lock},
	{"file-descriptor", file_descriptor},
	{"file-outside", file_outside},
	{"file-fill", file_fill},
	{"file-fill-shm", file_fill_shm},
	{"file-set-id", file_set_id},
	{"disk-read", disk_read},
	{"disk-write", disk_write},
	{"disk-stat", disk_stat},
	{"disk-mode", disk_mode},
	{"base-write", base_write},
	{"other-home", other_home},
	{"other-memory", other_memory},
	{"exec-shell", exec_shell},
	{"exec-dropped", exec_dropped},
	{"exec-memory", exec_memory},
	{"exec-fork", exec_fork},
	{"proc-signal", proc_signal},
	{"proc-runner", proc_runner},
	{"proc-group", proc_group},
	{"proc-owner", proc_owner},
	{"proc-capabilities", proc_capabilities},
	{"proc-schedule", proc_schedule},
	{"proc-limits", proc_limits},
	{"proc-clock", proc_clock},
	{"proc-trace", proc_trace},
	{"proc-memory", proc_memory},
	{"proc-pidfd", proc_pidfd},
	{"proc-files", proc_files},
	{"proc-command", proc_command},
	{"proc-list", proc_list},
	{"dev-nodes", dev_nodes},
	{"dev-tun", dev_tun},
	{"dev-disk", dev_disk},
	{"dev-make", dev_make},
	{"dev-log", dev_log},
	{"dev-terminal", dev_terminal},
	{"net-tcp", net_tcp},
	{"net-udp", net_udp},
	{"net-listen", net_listen},
	{"net-addresses", net_addresses},
	{"net-families", net_families},
	{"net-protocols", net_protocols},
	{"net-connections", net_connections},
	{"net-tap", net_tap},
	{"sock-service", sock_service},
	{"sock-vnc", sock_vnc},
	{"sock-abstract", sock_abstract},
	{"ipc-memory", ipc_memory},
	{"ipc-queues", ipc_queues},
	{"ipc-keys", ipc_keys},
	{"kernel-bpf", kernel_bpf},
	{"kernel-perf", kernel_perf},
	{"kernel-userfault", kernel_userfault},
	{"kernel-io-uring", kernel_io_uring},
	{"kernel-aio", kernel_aio},
	{"kernel-namespaces", kernel_namespaces},
	{"kernel-mounts", kernel_mounts},
	{"kernel-personality", kernel_personality},
	{"kernel-other-abi", kernel_other_abi},
	{"kernel-name", kernel_name},
	{"kernel-core", kernel_core},
};

/* A socket in its directory, as that of VNC is. */
static void bait_home(const char *home)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%.80s/vnc", home ? home : "");
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		listen(fd, 8) < 0)
		printf("bait: no socket in %s\n", address.sun_path);
}

static _Noreturn void be_bait(const char *home)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0vp-attack"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* In the same order for all who look: what there is, is there for good. */
	bool good =
		fd >= 0 &&
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof "vp-attack")) ==
			0 &&
		listen(fd, 8) == 0;
	bait_home(home);
	shmget(BAIT_KEY, 4096, IPC_CREAT | 0600);
	msgget(BAIT_KEY, IPC_CREAT | 0600);
	semget(BAIT_KEY, 1, IPC_CREAT | 0600);
	mq_open(BAIT_QUEUE, O_RDWR | O_CREAT | O_CLOEXEC, 0600, NULL);
	syscall(SYS_add_key, "user", "vp-bait", "secret", 6, -4 /* of the user */);
	printf("bait %d\n", good);
	fflush(stdout);
	for (;;)
		pause();
}

/* "KEY=VALUE ..." */
static void take_targets(char *text)
{
	const struct {
		const char *key;
		const char **text;
		int *number;
	} keys[] = {{"pid", NULL, &t.pid}, {"runner", NULL, &t.runner}, {"disk", &t.disk, NULL},
		{"memory", &t.memory, NULL}, {"home", &t.home, NULL}, {"vnc", &t.vnc, NULL},
		{"base", &t.base, NULL}, {"file", &t.file, NULL}, {"service", &t.service, NULL},
		{"name", &t.name, NULL}};

	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		char *value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < N_ELEMENTS(keys); i++)
			if (strcmp(keys[i].key, word) == 0 && keys[i].text)
				*keys[i].text = value;
			else if (strcmp(keys[i].key, word) == 0)
				*keys[i].number = atoi(value);
	}
}

int main(int argc, char *argv[])
{
	static const char *const words[] = {"denied", "reached", "absent"};
	FILE *out = stdout;
	bool daemonizes = false;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "-append") == 0 && strncmp(value, "bait", 4) == 0)
			be_bait(value[4] ? value + 5 : getenv("HOME"));
		else if (strcmp(argv[i], "-append") == 0)
			take_targets(argv[i + 1]);
		else if (strcmp(argv[i], "-D") == 0 && !(out = fopen(value, "ae")))
			return 2;
		daemonizes |= strcmp(argv[i], "-daemonize") == 0;
	}
	if (daemonizes && daemon(0, 0) < 0)
		return 2;
	for (size_t i = 0; i < N_ELEMENTS(attempts); i++) {
		enum outcome outcome = attempts[i].act();
		fprintf(out, "%s %s\n", attempts[i].name, words[outcome]);
		fflush(out);
	}
	fprintf(out, "done %zu\n", N_ELEMENTS(attempts));
	return fflush(out) == 0 ? 0 : 2;
}
