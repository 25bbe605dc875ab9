/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confedit-text FILE set KEY LITERAL | unset KEY | revert | restore
 *
 * Prints the file with that edit. No file is changed, and none has to be trusted.
 */
#include "confedit-text.h"

int main(int argc, char **argv)
{
	size_t length;

	log_init("confedit-text", 1);
	if (argc < 3)
		die("usage: confedit-text FILE set KEY LITERAL|unset KEY|revert|restore");
	cleanup_free char *bytes = read_bytes(argv[1], &length);
	struct conftext text = conftext_new(bytes, length);
	apply_edit(&text, argv[2], argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
	fwrite(text.bytes, 1, text.length, stdout);
	conftext_free(&text);
	return 0;
}
