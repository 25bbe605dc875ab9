/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/listeners.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SIZE ((size_t)64 * 1024 * 1024)
/* TCP_LISTEN of include/net/tcp_states.h */
#define LISTENS 0x0a

/*
 * Whether the address cannot be bound because it is in use: another error is QEMU's to tell. One of
 * IPv6 is tried for IPv4, too, and then without.
 */
static bool is_in_use(const struct addrinfo *e)
{
	cleanup_fd int fd = socket(e->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1, versions = e->ai_family == AF_INET6 ? 2 : 1;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	for (int alone = 0; alone < versions; alone++) {
		if (e->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof alone);
		if (bind(fd, e->ai_addr, e->ai_addrlen) == 0 || errno != EADDRINUSE)
			return false;
	}
	return true;
}

/* Without its family, there is no such address. */
static bool is_there(const struct addrinfo *e)
{
	cleanup_fd int fd = socket(e->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 || errno != EAFNOSUPPORT;
}

/* Whether each address that there is, is taken. */
static bool is_taken(const char *host, unsigned port, bool is_ipv4)
{
	bool is_loopback = host && strcmp(host, "localhost") == 0;
	const char *node = host && *host && !is_loopback ? host : NULL;
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | (is_loopback ? 0 : AI_PASSIVE),
		.ai_family = is_ipv4 ? AF_INET : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM};
	cleanup_free char *service = xasprintf("%u", port);
	struct addrinfo *all;
	bool is_any_taken = false, is_any_else = false;

	if (getaddrinfo(node, service, &hints, &all) != 0)
		return false;
	for (const struct addrinfo *e = all; e && !is_any_else; e = e->ai_next) {
		bool is_taken_one = is_in_use(e);
		is_any_taken = is_any_taken || is_taken_one;
		is_any_else = !is_taken_one && is_there(e);
	}
	freeaddrinfo(all);
	return is_any_taken && !is_any_else;
}

struct inodes {
	unsigned long long *all;
	size_t n;
};

/* "  0: 0100007F:1F90 00000000:0000 0A ...", get_tcp4_sock() of net/ipv4/tcp_ipv4.c */
static void add_listening(struct inodes *inodes, const char *table, unsigned port)
{
	cleanup_free char *text = io_read_file(AT_FDCWD, table, MAX_SIZE, NULL);
	char *rest = text;

	for (char *line = text ? strsep(&rest, "\n") : NULL; line; line = strsep(&rest, "\n")) {
		unsigned own, state;
		unsigned long long inode;
		if (sscanf(line, "%*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %llu",
			    &own, &state, &inode) != 3 ||
			own != port || state != LISTENS)
			continue;
		ARRAY_GROW(inodes->all, inodes->n);
		inodes->all[inodes->n++] = inode;
	}
}

static bool has_one(const char *pid, const struct inodes *inodes)
{
	cleanup_free char *path = xasprintf("/proc/%s/fd", pid);
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		char target[64];
		unsigned long long inode;
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%llu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < inodes->n; i++)
			if (inodes->all[i] == inode)
				return true;
	}
	return false;
}

static char *holder_of(const struct inodes *inodes)
{
	cleanup_dir DIR *dir = opendir("/proc");
	const struct dirent *d;
	bool has_ended = false;

	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[strspn(d->d_name, "0123456789")] || !has_one(d->d_name, inodes))
			continue;
		if (!process_is_assumed_ended(atoi(d->d_name)))
			return process_describe(d->d_name);
		has_ended = true;
	}
	return has_ended ? NULL : xstrdup("a process that is not visible in /proc");
}

char *listeners_in_the_way(const char *host, unsigned port, bool is_ipv4)
{
	struct inodes inodes = {0};

	if (!is_taken(host, port, is_ipv4))
		return NULL;
	add_listening(&inodes, "/proc/net/tcp", port);
	add_listening(&inodes, "/proc/net/tcp6", port);
	char *holder = holder_of(&inodes);
	free(inodes.all);
	return holder;
}
