/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/request.h"

#include "base/log.h"

#include <stdlib.h>

struct claim_request *claim_requests_add(struct claim_requests *list)
{
	/* Twice as large whenever it is full. */
	if ((list->n & (list->n - 1)) == 0)
		list->all = xreallocarray(list->all, list->n ? 2 * list->n : 1, sizeof *list->all);
	struct claim_request *request = &list->all[list->n++];
	*request = (struct claim_request){0};
	return request;
}

void claim_requests_free(struct claim_requests *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct claim_request *r = &list->all[i];
		free(r->path);
		free(r->source);
		free(r->reason);
		free(r->format);
		free(r->label);
	}
	free(list->all);
	*list = (struct claim_requests){0};
}
