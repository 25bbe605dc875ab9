/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What it takes to execute QEMU, by its file. */
#pragma once

#include <stdbool.h>

/*
 * The program that loads an executable of ELF: its PT_INTERP, new; NULL where it has none, or is a
 * script. False and a new message if the file can't be read.
 */
bool program_loader(const char *path, char **loader, char **error);

/* Whether the file is a program of another architecture or word size than this one. */
bool program_is_foreign(const char *path);

/* Whether the file is a script, which its interpreter reads, and starts other programs. */
bool program_is_script(const char *path);
