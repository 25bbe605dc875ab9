/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/isolation.h"

#include "base/array.h"
#include "base/log.h"

#include <stdlib.h>

void isolation_free(struct isolation *isolation)
{
	for (size_t i = 0; i < isolation->n_paths; i++) {
		free(isolation->paths[i].path);
		free(isolation->paths[i].source);
	}
	free(isolation->paths);
	free(isolation->name);
	free(isolation->program);
	free(isolation->home);
	free(isolation->directory);
	free(isolation->network);
	*isolation = (struct isolation)ISOLATION_INIT;
}

struct isolation_path *isolation_add(
	struct isolation *isolation, const char *path, const char *source)
{
	ARRAY_GROW(isolation->paths, isolation->n_paths);
	struct isolation_path *added = &isolation->paths[isolation->n_paths++];
	*added = (struct isolation_path){
		.path = xstrdup(path), .source = xstrdup(source), .tree = -1};
	return added;
}

enum isolate_layer isolation_layer(unsigned i)
{
	return (enum isolate_layer)(1U << i);
}

const char *isolation_layer_name(enum isolate_layer layer)
{
	static const char *const names[ISOLATE_LAYERS] = {
		"id", "root", "namespaces", "network", "landlock", "filter", "limits"};

	for (unsigned i = 0; i < ISOLATE_LAYERS; i++)
		if (isolation_layer(i) == layer)
			return names[i];
	return "unknown";
}

const char *isolation_mode_name(enum isolate_mode mode)
{
	static const char *const names[] = {"none", "user", "full"};

	return names[mode];
}
