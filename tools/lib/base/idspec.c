/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/idspec.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define ID_MAX UINT32_C(4294967294)

static bool refuse(char **error, const char *spec, const char *why)
{
	*error = xasprintf("\"%s\" cannot be a user or group: %s", spec, why);
	return false;
}

/* The value of the decimal digits, or anything above ID_MAX if it is larger. */
static uint64_t decimal(const char *digits)
{
	uint64_t value = 0;

	for (; *digits && value <= ID_MAX; digits++)
		value = value * 10 + (uint64_t)(*digits - '0');
	return value;
}

static bool has_control_character(const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;
		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

bool idspec_parse(const char *spec, struct idspec *out, char **error)
{
	bool forced = *spec == '+';
	const char *number = spec + forced;
	bool numeric = *number && number[strspn(number, "0123456789")] == '\0';

	if (!*spec)
		return refuse(error, spec, "it is empty");
	if (forced && !numeric)
		return refuse(error, spec, "\"+\" must be followed by a number");
	if (numeric && decimal(number) > ID_MAX)
		return refuse(error, spec, "an id is a number from 0 to 4294967294");
	if (!numeric && *spec == '-')
		return refuse(error, spec, "names and ids do not start with \"-\"");
	if (strchr(spec, ':'))
		return refuse(error, spec, "names do not contain \":\"");
	if (has_control_character(spec))
		return refuse(error, spec, "names do not contain control characters");
	*out = (struct idspec){
		.forced_numeric = forced,
		.numeric = numeric,
		.id = numeric ? (uint32_t)decimal(number) : 0,
		.name = forced ? NULL : spec,
	};
	return true;
}

/* The number at *p, which is advanced; false: there is none. */
static bool number(const char **p, uint64_t *value)
{
	const char *digits = *p;

	for (*value = 0; **p >= '0' && **p <= '9'; (*p)++)
		if (*value <= ID_MAX)
			*value = *value * 10 + (uint64_t)(**p - '0');
	return *p > digits;
}

bool idspec_range(
	const char *text, uint32_t lowest, uint32_t highest, struct id_range *range, char **error)
{
	const char *p = text;
	uint64_t first, count;

	if (!number(&p, &first) || *p++ != ':' || !number(&p, &count) || *p || count == 0)
		return error_set(error,
			"\"%s\" is not a range of ids: FIRST:COUNT, as in \"90000:8192\"", text);
	if (first < lowest || first > highest || count > (uint64_t)highest + 1 - first)
		return error_set(
			error, "\"%s\" is not within the ids %u to %u", text, lowest, highest);
	*range = (struct id_range){(uint32_t)first, (uint32_t)count};
	return true;
}
