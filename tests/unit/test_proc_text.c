/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stat file of a process: what it says, also where its name says something else; the unit of a
 * cgroup; and what a smaps file says of guest memory.
 */
#include "base/array.h"
#include "base/proc_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BEHIND " 7 6 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 "

static const struct row {
	const char *text;
	bool is_parsed;
	struct proc_stat stat;
	bool has_ended;
} rows[] = {
	{"12 (sleep) S 7" BEHIND "345 8192 ...\n", true, {'S', 7, 4194560, 345}, false},
	{"12 (sleep) S 7" BEHIND "345", true, {'S', 7, 4194560, 345}, false},
	{"12 (a) R 1 (b c)) Z 0" BEHIND "18446744073709551615 1", true,
		{'Z', 0, 4194560, 18446744073709551615ULL}, true},
	{"12 () X 7" BEHIND "345 1", true, {'X', 7, 4194560, 345}, true},
	{"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0", true,
		{'S', 0, 2129984, 2}, false},
	/* Cut short, at each field. */
	{"", false, {0}, false},
	{"12 (sleep", false, {0}, false},
	{"12 (sleep)", false, {0}, false},
	{"12 (sleep) ", false, {0}, false},
	{"12 (sleep) S", false, {0}, false},
	{"12 (sleep) S 7 7 6 0", false, {0}, false},
	{"12 (sleep) S 7" BEHIND, false, {0}, false},
	/* No numbers, or none that such a field can have. */
	{"12 (sleep) S x" BEHIND "345 1", false, {0}, false},
	{"12 (sleep) S -7" BEHIND "345 1", false, {0}, false},
	{"12 (sleep) S 4294967303" BEHIND "345 1", false, {0}, false},
	{"12 (sleep) S 7 7 6 0 -1 4294967296 1 0 0 0 1 2 0 0 20 0 1 0 345 1", false, {0}, false},
	{"12 (sleep) S 7" BEHIND "18446744073709551616 1", false, {0}, false},
	{"12 (sleep) S 7" BEHIND "345x 1", false, {0}, false},
	{"12 (sleep) Sleeping 7" BEHIND "345 1", false, {0}, false},
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
		assert_true(stat.start == row->stat.start);
		assert_int_equal(proc_stat_has_ended(&stat), row->has_ended);
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
		cmocka_unit_test(unit_of_a_cgroup),
		cmocka_unit_test(guest_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
