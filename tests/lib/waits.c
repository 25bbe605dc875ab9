/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for QEMU where many are to run at once: says "runs" when it has been started, and ends
 * when its standard input does.
 */
#include <unistd.h>

int main(void)
{
	static const char said[] = "runs\n";
	char c;

	if (write(STDOUT_FILENO, said, sizeof said - 1) < 0)
		return 1;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
