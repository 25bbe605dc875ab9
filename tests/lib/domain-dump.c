/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain-dump FILE|-...: parses domain XMLs and prints each as domain-text.h says,
 * behind a line "file PATH" where several are given. Exit 1: one was refused.
 */
#include "domain-text.h"

int main(int argc, char **argv)
{
	bool accepted = true;

	log_init("domain-dump", 2);
	if (argc < 2)
		die("usage: domain-dump FILE|-...");
	for (int i = 1; i < argc; i++) {
		size_t length;
		cleanup_free char *text = read_domain(argv[i], &length);
		if (argc > 2)
			printf("file %s\n", argv[i]);
		if (!print_domain(stdout, argv[i], text, length))
			accepted = false;
	}
	return accepted ? 0 : 1;
}
