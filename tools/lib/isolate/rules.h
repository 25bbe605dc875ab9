/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of a seccomp filter, each about one system call, and the program that they become.
 *
 * One rule after the other would be passed by whatever call the filter is asked about: ioctl(2) of
 * a processor of the guest's too, and each number there is when the filter is installed, since the
 * kernel finds out which calls it always allows (kernel/seccomp.c, seccomp_cache_prepare()). So the
 * program looks for the number by halves, and comes to a few rules.
 *
 * Private to isolate/.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule {
	uint32_t call;
	unsigned short at, n; /* its instructions */
};

/* More than there can be. Only the numbers are set in the beginning: the rest need not be touched.
 */
struct rules {
	unsigned short n, n_rules;
	bool is_cut; /* there was no room: it is not all of them */
	struct rule list[256];
	struct sock_filter all[768];
};

struct rules_program {
	unsigned short n;
	bool is_cut;
	struct sock_filter all[1024];
};

void rules_start(struct rules *rules, struct rules_program *program);

/*
 * A new rule about a call: what is put next. It begins with the number loaded, and is about no
 * other call; it returns, or ends behind its last instruction with the number loaded.
 */
void rules_begin(struct rules *rules, int call);
void rules_put(struct rules *rules, const struct sock_filter *instructions, size_t n);

/* Appended to a program as they are. */
void rules_program_put(
	struct rules_program *program, const struct sock_filter *instructions, size_t n);

/*
 * Appends what, with the number loaded, comes to the rules about it in the order in which they were
 * begun, and in the end allows the call. Sorts the rules. False: there was no room for all.
 */
bool rules_compile(struct rules *rules, struct rules_program *program);
