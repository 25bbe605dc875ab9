/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/rules.h"

#include "base/array.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

/* So many rules are passed one after the other. */
#define FEW 8

void rules_start(struct rules *rules, struct rules_program *program)
{
	rules->n = rules->n_rules = program->n = 0;
	rules->is_cut = program->is_cut = false;
}

void rules_begin(struct rules *rules, int call)
{
	if (rules->n_rules == N_ELEMENTS(rules->list)) {
		rules->is_cut = true;
		return;
	}
	rules->list[rules->n_rules++] = (struct rule){.call = (uint32_t)call, .at = rules->n};
}

void rules_put(struct rules *rules, const struct sock_filter *instructions, size_t n)
{
	if (n > (size_t)(N_ELEMENTS(rules->all) - rules->n) || rules->n_rules == 0) {
		rules->is_cut = true;
		return;
	}
	memcpy(rules->all + rules->n, instructions, n * sizeof *instructions);
	rules->n = (unsigned short)(rules->n + n);
	struct rule *last = &rules->list[rules->n_rules - 1];
	last->n = (unsigned short)(last->n + n);
}

void rules_program_put(
	struct rules_program *program, const struct sock_filter *instructions, size_t n)
{
	if (n > (size_t)(N_ELEMENTS(program->all) - program->n)) {
		program->is_cut = true;
		return;
	}
	memcpy(program->all + program->n, instructions, n * sizeof *instructions);
	program->n = (unsigned short)(program->n + n);
}

static int by_call(const void *a, const void *b)
{
	const struct rule *one = a, *other = b;

	if (one->call != other->call)
		return one->call < other->call ? -1 : 1;
	return (one->at > other->at) - (one->at < other->at);
}

/* Where the second half begins: with another call. 0: all are about one. */
static size_t second_half(const struct rule *list, size_t n)
{
	size_t up = n / 2, down = up;

	while (up < n && list[up].call == list[up - 1].call)
		up++;
	while (down > 0 && list[down].call == list[down - 1].call)
		down--;
	return up < n ? up : down;
}

static void put_rules(struct rules_program *program, const struct sock_filter *all,
	const struct rule *list, size_t n)
{
	static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	for (size_t i = 0; i < n; i++)
		rules_program_put(program, all + list[i].at, list[i].n);
	rules_program_put(program, &allow, 1);
}

/* The distance of a conditional jump is a byte: one without a condition goes to the second half. */
static void put_halves(struct rules_program *program, const struct sock_filter *all,
	const struct rule *list, size_t n)
{
	size_t half = n > FEW ? second_half(list, n) : 0;

	if (half == 0) {
		put_rules(program, all, list, n);
		return;
	}
	const struct sock_filter jumps[] = {
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, list[half].call, 0, 1),
		BPF_STMT(BPF_JMP | BPF_JA, 0),
	};
	rules_program_put(program, jumps, N_ELEMENTS(jumps));
	unsigned short from = program->n;
	put_halves(program, all, list, half);
	if (!program->is_cut)
		program->all[from - 1].k = (uint32_t)(program->n - from);
	put_halves(program, all, list + half, n - half);
}

bool rules_compile(struct rules *rules, struct rules_program *program)
{
	qsort(rules->list, rules->n_rules, sizeof *rules->list, by_call);
	put_halves(program, rules->all, rules->list, rules->n_rules);
	return !rules->is_cut && !program->is_cut;
}
