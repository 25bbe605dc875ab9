/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attributes FILE...
 *
 * Prints the extended attributes of each file, a line for each with its value in hexadecimal, or
 * why they can't be read. A shell has no other way to look at them as often as some tests do.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static void print_value(const char *file, const char *name)
{
	unsigned char value[4096];
	ssize_t size = getxattr(file, name, value, sizeof value);

	printf("%s %s ", file, name);
	for (ssize_t i = 0; i < size; i++)
		printf("%02x", value[i]);
	puts(size < 0 ? "?" : "");
}

int main(int argc, char **argv)
{
	char names[4096];

	for (int i = 1; i < argc; i++) {
		ssize_t size = listxattr(argv[i], names, sizeof names);
		if (size < 0)
			err(1, "%s", argv[i]);
		for (const char *name = names; name < names + size; name += strlen(name) + 1)
			print_value(argv[i], name);
	}
	return 0;
}
