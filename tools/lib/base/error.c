/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

bool error_set(char **error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	*error = xvasprintf(format, ap);
	va_end(ap);
	return false;
}

bool error_set_errno(char **error, const char *format, ...)
{
	int number = errno;
	va_list ap;

	va_start(ap, format);
	cleanup_free char *what = xvasprintf(format, ap);
	va_end(ap);
	*error = xasprintf("%s: %s", what, strerror(number));
	errno = number;
	return false;
}
