/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings-dump [FILE]: prints the file in force and the settings, read as every
 * tool does; FILE is what --config would name. settings-dump --vendor prints
 * the path of the vendor file.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "settings-text.h"

#include <string.h>

int main(int argc, char **argv)
{
	cleanup_free char *error = NULL;
	struct settings settings;

	log_init("settings-dump", 125);
	if (argc == 2 && strcmp(argv[1], "--vendor") == 0) {
		puts(VENDOR_CONF);
		return 0;
	}
	if (!settings_read(&settings, argv[1], &error))
		die("%s", error);
	printf("file %s\n", settings.file ? settings.file : "none");
	print_settings(stdout, &settings);
	settings_free(&settings);
	return 0;
}
