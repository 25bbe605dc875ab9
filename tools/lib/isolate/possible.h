/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this host can do what an isolation asks for, told before anything is changed. */
#pragma once

#include "isolate/isolation.h"

/*
 * Why a layer can't be had here, a new message with what helps; NULL: nothing is known. Its
 * layers and program are looked at.
 */
char *isolation_why_not(const struct isolation *isolation, enum isolate_layer layer);
