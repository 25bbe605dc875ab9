/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes from outside, told apart before they are shown to somebody. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the valid UTF-8 sequence that text starts with (RFC 3629: no
 * overlong form, no surrogate, nothing above U+10FFFF), 0 if it starts with
 * none. text is NUL-terminated; of "" the length is 0.
 */
size_t text_utf8_length(const char *text);

/*
 * Whether the valid sequence that text starts with is a control character:
 * C0, DEL, or C1 (U+0080 to U+009F), which some terminals obey.
 */
bool text_is_control(const char *text);
