/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this host can do what an isolation asks for, told before anything is changed. */
#pragma once

#include "isolate/isolation.h"

/* Why a layer of it can't be had here, a new message with what helps; NULL: nothing is known. */
char *isolation_why_not(const struct isolation *isolation);
