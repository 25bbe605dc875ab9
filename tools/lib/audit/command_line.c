/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/command_line.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "qemu/guest_name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer ones are QEMU's no more, and the name not one to show. */
#define MAX_LENGTH ((size_t)1024 * 1024)
#define MAX_NAME 8192
/* More than the kernel writes: 52 fields, and a name of 64 characters at most. */
#define STAT_SIZE 2048

/* Of pagemap (Documentation/admin-guide/mm/pagemap.rst): file or shared, in swap, in memory. */
#define PAGE_IS_SHARED (UINT64_C(1) << 61)
#define PAGE_IS_SWAPPED (UINT64_C(1) << 62)
#define PAGE_IS_PRESENT (UINT64_C(1) << 63)

/* The QEMUs to name, indices of audit->processes. */
struct unnamed {
	struct audit *audit;
	size_t *all, n;
};

/* Whether all that lies there is the process's own, so that reading it asks nobody else. */
static bool is_own_memory(int process, unsigned long long begin, unsigned long long end)
{
	uint64_t pages[256];
	unsigned long long size = (unsigned long long)sysconf(_SC_PAGESIZE);
	unsigned long long first = begin / size, behind = (end + size - 1) / size;
	cleanup_fd int fd = openat(process, "pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || end - begin > MAX_LENGTH)
		return false;
	while (first < behind) {
		size_t n = behind - first < 256 ? (size_t)(behind - first) : 256;
		ssize_t length = pread(fd, pages, n * sizeof *pages, (off_t)(first * 8));
		if (length != (ssize_t)(n * sizeof *pages))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!(pages[i] & (PAGE_IS_PRESENT | PAGE_IS_SWAPPED)) ||
				pages[i] & PAGE_IS_SHARED)
				return false;
		first += n;
	}
	return true;
}

/* Of this host, whether the directory is still that of the process. */
static bool is_safe(int directory, const struct audit_process *process)
{
	char path[sizeof "task/2147483647/stat"], text[STAT_SIZE];
	unsigned long long begin, end;
	struct proc_stat stat;

	/* As where the start was read. */
	snprintf(path, sizeof path, "task/%d/stat", process->pid);
	return io_read_short(directory, path, text, sizeof text) > 0 &&
	       proc_stat_parse(text, &stat) && process->has_start && stat.start == process->start &&
	       proc_stat_arguments(text, &begin, &end) && is_own_memory(directory, begin, end);
}

/* NULL: it has none, or that can't be read. */
static char *read_name(const struct audit_tree *tree, const struct audit_process *process)
{
	cleanup_free char *path = xasprintf("%d", process->pid);
	cleanup_fd int directory = tree_openat(tree, tree->proc, path, O_RDONLY | O_DIRECTORY);
	size_t length;

	if (directory < 0 || (!tree->root && !is_safe(directory, process)))
		return NULL;
	cleanup_free char *words = tree_read_at(tree, directory, "cmdline", &length);
	return words ? qemu_guest_name(words, length) : NULL;
}

static void ask_name(void *context, size_t i, struct attempt_out *out)
{
	const struct unnamed *unnamed = context;
	const struct audit *audit = unnamed->audit;
	cleanup_free char *name = read_name(&audit->tree, audit->processes[unnamed->all[i]]);

	if (name)
		attempt_put(out, name, strnlen(name, MAX_NAME));
}

static void take_name(void *context, size_t i, const struct attempt_answer *answer)
{
	const struct unnamed *unnamed = context;
	struct audit_process *process = unnamed->audit->processes[unnamed->all[i]];

	if (answer->number || !answer->length)
		return;
	process->vm_name = xstrndup(answer->bytes, answer->length);
	process->named_by = NAMED_BY_COMMAND_LINE;
}

void audit_command_lines_read(struct audit *audit)
{
	cleanup_free size_t *all = xcalloc(audit->n_processes + 1, sizeof *all);
	struct unnamed unnamed = {.audit = audit, .all = all};
	struct attempt asked = {.ask = ask_name,
		.take = take_name,
		.context = &unnamed,
		.keep = (const int[]){audit->tree.proc, audit->tree.fd},
		.n_keep = 2};

	for (size_t i = 0; i < audit->n_processes; i++)
		if (!audit->processes[i]->vm_name && audit_is_qemu(audit->processes[i]))
			all[unnamed.n++] = i;
	attempt(&asked, unnamed.n);
}
