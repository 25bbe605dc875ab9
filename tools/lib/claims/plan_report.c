/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/plan_report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/time.h>

static void print_json(const struct claims_plan *plan)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("name", plan->journal->name);
	json_begin_array("resources");
	for (size_t i = 0; i < plan->n_items; i++) {
		const struct claims_item *item = &plan->items[i];
		json_begin_object(NULL);
		json_bytes("path", item->path);
		json_bytes("kind", resource_kind_name(item->kind));
		json_bytes("access", item->writable ? "rw" : "ro");
		json_bytes("action", resource_action_name(item->action));
		json_bytes("source", item->source);
		json_bytes("reason", item->reason);
		json_end_object();
	}
	json_end_array();
	json_end_object();
	json_finish();
}

static void print_lines(const struct claims_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		const struct claims_item *item = &plan->items[i];
		cleanup_free char *line =
			xasprintf("%-7s %s (%s: %s)", resource_action_name(item->action),
				item->path ? item->path : "-", item->source, item->reason);
		cleanup_free char *safe = log_escape(line);
		puts(safe);
	}
}

bool plan_report(const struct claims_plan *plan, bool json)
{
	/* Again and again, should it come just before the call that waits. */
	static const struct itimerval limit = {{0, 10000}, {PLAN_REPORT_SECONDS, 0}}, none;

	/* journal_lock() has a handler for the signal, which ends that call. */
	setitimer(ITIMER_REAL, &limit, NULL);
	if (json)
		print_json(plan);
	else
		print_lines(plan);
	bool is_told = fflush(stdout) == 0 && !ferror(stdout);
	int number = errno;
	setitimer(ITIMER_REAL, &none, NULL);
	errno = number;
	return is_told;
}

void plan_report_refusals(const struct claims_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].action == ACTION_REFUSE)
			log_error("%s (%s): %s", plan->items[i].path ? plan->items[i].path : "-",
				plan->items[i].source, plan->items[i].reason);
}
