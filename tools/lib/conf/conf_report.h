/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virt-priv-conf shows of a qemu.conf, for people and as JSON. Private to conf/. */
#pragma once

#include "conf/conflint.h"

/*
 * Each setting that decides about privileges, its value and where that comes from. conf is
 * the parse of file; both NULL: there is no file, and the defaults count.
 */
void conf_report_show(const char *file, const struct conf *conf);
void conf_report_show_json(const char *file, const struct conf *conf);

/* A value as a member of an object, or, without a key, as an element of an array. */
void conf_report_value_json(const char *key, const struct conf_value *value);

/* "FILE:LINE:COLUMN: KEY: MESSAGE (KIND)", a line per finding. */
void conf_report_findings(const char *file, const struct finding *findings, size_t n);
void conf_report_findings_json(const char *file, const struct finding *findings, size_t n);
