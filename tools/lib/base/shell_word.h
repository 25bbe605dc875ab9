/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes into a command that a message names, so that it can be pasted as it stands. */
#pragma once

/*
 * The text as one word of a shell, new. What a terminal could obey stands in bash's $'...', which
 * bash, zsh and ksh know; without such, any shell reads it.
 */
char *shell_word(const char *text);

/*
 * The same, of printable ASCII alone, as libsmartcols needs it of cells that it shows as they are
 * (scols_table_enable_noencoding()), whatever the locale is.
 */
char *shell_word_ascii(const char *text);
