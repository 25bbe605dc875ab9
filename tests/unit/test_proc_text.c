/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stat file of a process: what it says, also where its name says something else; whether a
 * process has ended, by that or its status file; the unit of a
 * cgroup; and what a smaps file says of guest memory.
 */
#include "base/array.h"
#include "base/proc_text.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BEHIND_OF(threads) " 7 6 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 " threads " 0 "
#define BEHIND BEHIND_OF("1")
/* Of a thread that exits: the flag 4. */
#define BEHIND_EXIT " 7 6 0 -1 4194564 1 0 0 0 1 2 0 0 20 0 1 0 "

static const struct row {
	const char *text;
	bool is_parsed;
	struct proc_stat stat;
	bool has_ended, goes_on;
} rows[] = {
	{"12 (sleep) S 7" BEHIND "345 8192 ...\n", true, {'S', 7, 4194560, 1, 345}, false, true},
	{"12 (sleep) S 7" BEHIND "345", true, {'S', 7, 4194560, 1, 345}, false, true},
	{"12 (a) R 1 (b c)) Z 0" BEHIND "18446744073709551615 1", true,
		{'Z', 0, 4194560, 1, 18446744073709551615ULL}, true, false},
	{"12 () X 7" BEHIND "345 1", true, {'X', 7, 4194560, 1, 345}, true, false},
	{"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0", true,
		{'S', 0, 2129984, 1, 2}, false, true},
	/* The first of several threads, and the last of them; nobody waits for it any more. */
	{"12 (a) Z 7" BEHIND_OF("2") "345 1", true, {'Z', 7, 4194560, 2, 345}, false, false},
	{"12 (a) S 7" BEHIND_OF("4000") "345 1", true, {'S', 7, 4194560, 4000, 345}, false, true},
	{"12 (a) X 7" BEHIND_OF("0") "345 1", true, {'X', 7, 4194560, 0, 345}, true, false},
	{"12 (a) R 7" BEHIND_EXIT "345 1", true, {'R', 7, 4194564, 1, 345}, false, false},
	/* Cut short, at each field. */
	{"", false, {0}, false, false},
	{"12 (sleep", false, {0}, false, false},
	{"12 (sleep)", false, {0}, false, false},
	{"12 (sleep) ", false, {0}, false, false},
	{"12 (sleep) S", false, {0}, false, false},
	{"12 (sleep) S 7 7 6 0", false, {0}, false, false},
	{"12 (sleep) S 7" BEHIND, false, {0}, false, false},
	/* No numbers, or none that such a field can have. */
	{"12 (sleep) S x" BEHIND "345 1", false, {0}, false, false},
	{"12 (sleep) S -7" BEHIND "345 1", false, {0}, false, false},
	{"12 (sleep) S 4294967303" BEHIND "345 1", false, {0}, false, false},
	{"12 (sleep) S 7 7 6 0 -1 4294967296 1 0 0 0 1 2 0 0 20 0 1 0 345 1", false, {0}, false,
		false},
	{"12 (sleep) S 7" BEHIND "18446744073709551616 1", false, {0}, false, false},
	{"12 (sleep) S 7" BEHIND_OF("4294967296") "345 1", false, {0}, false, false},
	{"12 (sleep) S 7" BEHIND_OF("-1") "345 1", false, {0}, false, false},
	{"12 (sleep) S 7" BEHIND "345x 1", false, {0}, false, false},
	{"12 (sleep) Sleeping 7" BEHIND "345 1", false, {0}, false, false},
};

static void stat_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct row *row = &rows[i];
		struct proc_stat stat = {0};
		print_message("%s\n", row->text);
		assert_int_equal(proc_stat_parse(row->text, &stat), row->is_parsed);
		assert_int_equal(stat.state, row->stat.state);
		assert_int_equal(stat.parent, row->stat.parent);
		assert_int_equal(stat.flags, row->stat.flags);
		assert_int_equal(stat.threads, row->stat.threads);
		assert_true(stat.start == row->stat.start);
		if (!row->is_parsed)
			continue;
		assert_int_equal(proc_stat_has_ended(&stat), row->has_ended);
		assert_int_equal(proc_stat_goes_on(&stat), row->goes_on);
	}
}

/* Fields 23 to 47 of a stat file, behind the start. */
#define BEHIND_START " 8192 1 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 1 2 3 4 "
#define STAT "12 (a b) S 7" BEHIND "345" BEHIND_START

static const struct arguments_row {
	const char *text;
	bool is_told;
	unsigned long long begin, end;
} arguments_rows[] = {
	{STAT "100 200 300 400 0", true, 100, 200},
	/* The environment follows, and can be a part of it (setproctitle(3)). */
	{STAT "100 200 200 400 0", true, 100, 400},
	{STAT "100 200 200 100 0", true, 100, 200},
	{STAT "140737488347136 140737488351232 1 2 0", true, 140737488347136, 140737488351232},
	/* Of somebody who may not see it, and of a kernel thread. */
	{STAT "0 0 0 0 0", false, 0, 0},
	{STAT "200 100 300 400 0", false, 0, 0},
	{STAT "100 100 300 400 0", false, 0, 0},
	{STAT "100 200 300", false, 0, 0},
	{STAT "100 200 300 -1 0", false, 0, 0},
	{STAT, false, 0, 0},
	{"12 (a", false, 0, 0},
	{"", false, 0, 0},
};

static void arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(arguments_rows); i++) {
		const struct arguments_row *row = &arguments_rows[i];
		unsigned long long begin, end;
		print_message("%s\n", row->text);
		assert_int_equal(proc_stat_arguments(row->text, &begin, &end), row->is_told);
		if (!row->is_told)
			continue;
		assert_true(begin == row->begin);
		assert_true(end == row->end);
	}
}

static const struct status_row {
	const char *text;
	struct proc_threads threads;
	bool has_ended;
} status_rows[] = {
	{"Name:\tx\nState:\tS (sleeping)\nThreads:\t1\n", {false, 1}, false},
	{"Name:\tx\nState:\tZ (zombie)\nThreads:\t1\n", {true, 1}, true},
	{"Name:\tx\nState:\tZ (zombie)\nThreads:\t2\n", {true, 2}, false},
	{"Name:\tx\nState:\tX (dead)\nThreads:\t0\n", {true, 0}, true},
	{"Name:\tx\nState:\tR (running)\nThreads:\t4000\nSigQ:\t1/2\n", {false, 4000}, false},
	/* Cut off. */
	{"Name:\tx\nState:\tZ (zombie)\nGroups:\t1 2 3", {true, UINT_MAX}, false},
	{"Name:\tx\nState:\tZ (zombie)\nThreads:\t", {true, UINT_MAX}, false},
	{"Name:\tx\nState:\t", {false, UINT_MAX}, false},
	{"", {false, UINT_MAX}, false},
	/* No such number, and no such line: the kernel escapes a name's. */
	{"State:\tZ\nThreads:\t4294967295\n", {true, UINT_MAX}, false},
	{"State:\tZ\nThreads:\t-1\n", {true, UINT_MAX}, false},
	{"Name:\tState:\tZ\\nThreads:\t1\nState:\tS\nThreads:\t3\n", {false, 3}, false},
};

static void status_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(status_rows); i++) {
		const struct status_row *row = &status_rows[i];
		struct proc_threads threads = proc_status_threads(row->text);
		print_message("%s\n", row->text);
		assert_int_equal(threads.first_has_ended, row->threads.first_has_ended);
		assert_int_equal(threads.n, row->threads.n);
		assert_int_equal(proc_status_has_ended(row->text), row->has_ended);
	}
}

static const struct {
	const char *path, *unit;
} units[] = {
	{"/system.slice/virt-priv-audit.service", "virt-priv-audit.service"},
	{"/system.slice/system-virt\\x2dpriv\\x2dvm.slice/virt-priv-vm@web1.service",
		"virt-priv-vm@web1.service"},
	/* What a unit has made below itself. */
	{"/system.slice/libvirtd.service/emulator", "libvirtd.service"},
	{"/user.slice/user-0.slice/user@0.service/app.slice/a.service", "user@0.service"},
	{"/user.slice/user-0.slice/session-1.scope", "session-1.scope"},
	{"/machine.slice/machine-qemu\\x2d1.scope/libvirt", "machine-qemu\\x2d1.scope"},
	{"/init.scope", "init.scope"},
	{"/a.service", "a.service"},
	{"/system.slice/_cpu.service", "cpu.service"},
	/* Where systemd has no unit. */
	{"/", NULL},
	{"", NULL},
	{NULL, NULL},
	{"/system.slice", NULL},
	{"/docker/0123", NULL},
	{"/system.slice/docker/a.service", NULL},
	{"/../a.service", NULL},
	{"/.service", NULL},
	{"/.slice/a.service", NULL},
	{"a.service", NULL},
};

static void unit_of_a_cgroup(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(units); i++) {
		char *unit = proc_cgroup_unit(units[i].path);
		print_message("%s\n", units[i].path ? units[i].path : "NULL");
		assert_int_equal(unit != NULL, units[i].unit != NULL);
		if (unit)
			assert_string_equal(unit, units[i].unit);
		free(unit);
	}
}

static void path_of_a_link(void **state)
{
	(void)state;
	assert_int_equal(proc_path_length("/usr/bin/qemu (deleted)"), strlen("/usr/bin/qemu"));
	assert_int_equal(proc_path_length("/a (deleted)/b"), strlen("/a (deleted)/b"));
	assert_int_equal(proc_path_length("/a(deleted)"), strlen("/a(deleted)"));
	/* The kernel writes it behind a name. */
	assert_int_equal(proc_path_length(" (deleted)"), strlen(" (deleted)"));
	assert_int_equal(proc_path_length(""), 0);
}

static const struct systemd_row {
	const char *text, *path;
} systemd_rows[] = {
	{"0::/system.slice/a.service\n", "/system.slice/a.service"},
	{"1:name=systemd:/a.service\n0::/\n", "/a.service"},
	{"1:name=systemd:/a.service\n", "/a.service"},
	{"4:memory:/b\n1:name=systemd:/a.service\n0::/a.service\n", "/a.service"},
	{"1:name=systemd:/\n0::/a.service\n", "/a.service"},
	{"1:name=systemd:/a.service\n0::/c.service\n", "/a.service"},
	{"0::/\n", "/"},
	{"4:memory:/b\n", NULL},
	{"", NULL},
};

static void cgroup_of_systemd(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(systemd_rows); i++) {
		char *path = proc_cgroup_systemd(systemd_rows[i].text);
		print_message("%s\n", systemd_rows[i].text);
		assert_int_equal(path != NULL, systemd_rows[i].path != NULL);
		if (path)
			assert_string_equal(path, systemd_rows[i].path);
		free(path);
	}
}

static const struct memory_row {
	const char *text;
	uint64_t total, dumped;
} memory_rows[] = {
	{"", 0, 0},
	{"Size: 8 kB\nRss: 4 kB\nVmFlags: rd wr dc \n", 8, 8},
	{"Size:                  8 kB\nVmFlags: rd wr mr mw me dc dd hg \n", 8, 0},
	{"Size: 8 kB\nVmFlags: dc\nSize: 16 kB\nVmFlags: dc dd\nSize: 1 kB\nVmFlags: dd\n", 24, 8},
	/* Of a device. */
	{"Size: 8 kB\nVmFlags: rd sh pf io dc de dd\n", 0, 0},
	{"Size: 8 kB\nVmFlags: pf dc\n", 0, 0},
	/* Flags are words of two letters. */
	{"Size: 8 kB\nVmFlags: dcc xdc dc\n", 8, 8},
	{"Size: 8 kB\nVmFlags: dcc xdc ddc\n", 0, 0},
	{"Size: 8 kB\nVmFlags:dc\n", 0, 0},
	/* No other line counts, wherever the words stand. */
	{"7f00-7f10 rw-p 0 00:00 0 VmFlags: dc\nKernelPageSize: 4 kB\nVmFlags: rd", 0, 0},
	{"MMUPageSize: 4 kB\nVmFlags: dc", 0, 0},
	/* No number. */
	{"Size: x kB\nVmFlags: dc\nSize: 18446744073709551616 kB\nVmFlags: dc", 0, 0},
	{"Size:", 0, 0},
	{"VmFlags:", 0, 0},
};

static void guest_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(memory_rows); i++) {
		const struct memory_row *row = &memory_rows[i];
		struct proc_guest_memory memory = {1, 1};
		print_message("%s\n", row->text);
		proc_smaps_guest_memory(row->text, &memory);
		assert_true(memory.total == row->total);
		assert_true(memory.dumped == row->dumped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_file),
		cmocka_unit_test(arguments),
		cmocka_unit_test(status_file),
		cmocka_unit_test(unit_of_a_cgroup),
		cmocka_unit_test(path_of_a_link),
		cmocka_unit_test(cgroup_of_systemd),
		cmocka_unit_test(guest_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
