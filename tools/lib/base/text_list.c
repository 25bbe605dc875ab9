/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text_list.h"

#include "base/log.h"

#include <stdlib.h>

void text_list_add(struct text_list *list, const char *item, size_t length)
{
	if (list->n++ >= TEXT_LIST_MAX)
		return;
	char *more = xasprintf("%s%s%.*s", list->text ? list->text : "",
		list->text ? list->separator : "", (int)length, item);
	free(list->text);
	list->text = more;
}

char *text_list_end(struct text_list *list)
{
	char *all = list->n <= TEXT_LIST_MAX
			    ? xstrdup(list->text ? list->text : "")
			    : xasprintf("%s and %zu more", list->text, list->n - TEXT_LIST_MAX);

	free(list->text);
	*list = (struct text_list){.separator = list->separator};
	return all;
}
