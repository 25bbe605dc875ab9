/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of command lines, which are relative to the current directory. */
#pragma once

/* The path as an absolute one, new. NULL and *error if the current directory can't be told. */
char *absolute_path(const char *path, char **error);
