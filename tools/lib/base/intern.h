/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of which there are few, and which many objects have. */
#pragma once

/*
 * The one copy of a text, which lives as long as the program. Never NULL.
 */
const char *intern(const char *text);
