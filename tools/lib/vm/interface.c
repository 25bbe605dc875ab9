/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/interface.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The attribute of the type among those; NULL: there is none. */
static const struct rtattr *find(const struct rtattr *all, size_t length, unsigned short type)
{
	const char *at = (const char *)all;

	while (length >= sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;
		size_t step = RTA_ALIGN((size_t)a->rta_len);
		if (a->rta_len < sizeof *a || a->rta_len > length)
			return NULL;
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
		if (step >= length)
			return NULL;
		at += step;
		length -= step;
	}
	return NULL;
}

static const struct rtattr *find_in(const struct rtattr *nest, unsigned short type)
{
	return nest ? find(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

static bool byte_of(const struct rtattr *a, unsigned char *byte)
{
	if (!a || RTA_PAYLOAD(a) < 1)
		return false;
	*byte = *(const unsigned char *)RTA_DATA(a);
	return true;
}

static void take(struct interface *i, const struct rtattr *all, size_t length)
{
	const struct rtattr *info = find(all, length, IFLA_LINKINFO);
	const struct rtattr *kind = find_in(info, IFLA_INFO_KIND);
	const struct rtattr *data = find_in(info, IFLA_INFO_DATA);
	unsigned char carrier = 0, type = 0, queues = 0;

	i->exists = true;
	if (kind)
		snprintf(i->kind, sizeof i->kind, "%.*s", (int)RTA_PAYLOAD(kind),
			(const char *)RTA_DATA(kind));
	i->has_carrier = byte_of(find(all, length, IFLA_CARRIER), &carrier) && carrier;
	i->is_known = strcmp(i->kind, "tun") == 0 && byte_of(find_in(data, IFLA_TUN_TYPE), &type);
	i->is_tap = type == IFF_TAP;
	i->has_queues = byte_of(find_in(data, IFLA_TUN_MULTI_QUEUE), &queues) && queues;
}

/* Sends the question, and reads the answer into it. */
static ssize_t ask(void *message, size_t length, size_t size)
{
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || IO_RETRY(send(fd, message, length, 0)) < 0)
		return -1;
	return IO_RETRY(recv(fd, message, size, 0));
}

bool interface_look(const char *name, struct interface *interface)
{
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} m = {.header = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST}};
	struct ifinfomsg *link = NLMSG_DATA(&m.header);
	struct rtattr *attribute = (void *)((char *)link + NLMSG_ALIGN(sizeof *link));
	size_t length = strlen(name) + 1;

	*interface = (struct interface){0};
	if (length > IFNAMSIZ)
		return false;
	attribute->rta_type = IFLA_IFNAME;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), name, length);
	m.header.nlmsg_len =
		(unsigned)(NLMSG_LENGTH(sizeof *link) + NLMSG_ALIGN(attribute->rta_len));
	ssize_t n = ask(&m, m.header.nlmsg_len, sizeof m);
	if (n < 0 || !NLMSG_OK(&m.header, (unsigned)n))
		return false;
	if (m.header.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = NLMSG_DATA(&m.header);
		return error->error == -ENODEV;
	}
	if (m.header.nlmsg_type != RTM_NEWLINK)
		return false;
	take(interface, attribute, m.header.nlmsg_len - NLMSG_LENGTH(sizeof *link));
	return true;
}

/* "iff:\ttap0", see tun_chr_show_fdinfo() of drivers/net/tun.c. */
static bool has_open(const char *pid, const char *line)
{
	cleanup_free char *path = xasprintf("/proc/%s/fdinfo", pid);
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		char text[1024];
		if (d->d_name[0] != '.' &&
			io_read_short(dirfd(dir), d->d_name, text, sizeof text) > 0 &&
			strstr(text, line))
			return true;
	}
	return false;
}

char *interface_holder(const char *name)
{
	cleanup_free char *line = xasprintf("iff:\t%s\n", name);
	cleanup_dir DIR *dir = opendir("/proc");
	const struct dirent *d;
	bool has_ended = false;

	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[strspn(d->d_name, "0123456789")] || !has_open(d->d_name, line))
			continue;
		if (!process_is_assumed_ended(atoi(d->d_name)))
			return process_describe(d->d_name);
		has_ended = true;
	}
	return has_ended ? NULL : xstrdup("a process that is not visible in /proc");
}
