/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf-dump FILE|-: parses a qemu.conf and prints it as conf-text.h says. Exit 1: refused. */
#include "conf-text.h"

int main(int argc, char **argv)
{
	size_t length;

	log_init("conf-dump", 2);
	if (argc != 2)
		die("usage: conf-dump FILE|-");
	cleanup_free char *text = read_bytes(argv[1], &length);
	return print_parse(stdout, argv[1], text, length) ? 0 : 1;
}
