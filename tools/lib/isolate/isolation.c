/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/isolation.h"

#include "base/array.h"
#include "base/log.h"

#include <errno.h>
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
	free(isolation->listens.all);
	free(isolation->connects.all);
	free(isolation->ipc);
	free(isolation->host_name);
	for (size_t i = 0; i < isolation->n_lacks; i++)
		free(isolation->lacks[i].why);
	*isolation = (struct isolation){.mode = ISOLATE_NONE};
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

bool isolation_do_without(struct isolation *isolation, enum isolate_layer layer, char *why)
{
	if (isolation->asked & layer)
		return false;
	isolation->layers &= ~layer;
	isolation->lacks[isolation->n_lacks++] = (struct isolation_lack){layer, why};
	return true;
}

void isolation_warn_without(
	const struct isolation *isolation, enum isolate_layer layer, const char *why)
{
	const char *off =
		layer == ISOLATE_NAMESPACES ? "namespaces = [ ] in qemu.conf" : "--isolate=none";

	/* Many kernels have it, and few are booted with it. */
	if (layer == ISOLATE_LANDLOCK)
		info("VM '%s' runs without the isolation layer landlock: %s", isolation->name, why);
	else
		warn("VM '%s' runs without the isolation layer %s: %s; %s turns it off, and this "
		     "warning",
			isolation->name, isolation_layer_name(layer), why, off);
}

bool isolation_is_lack(int number)
{
	static const int all[] = {ENOSYS, EOPNOTSUPP, EINVAL, EPERM, EACCES, ENOSPC, E2BIG};

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if (all[i] == number)
			return true;
	return false;
}

bool isolation_goes_without(
	const struct isolation *isolation, enum isolate_layer layer, int number, char **error)
{
	if ((isolation->asked & layer) || !isolation_is_lack(number))
		return false;
	isolation_warn_without(isolation, layer, *error);
	free(*error);
	*error = NULL;
	return true;
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
	static const char *const names[] = {"none", "user", "full", "default"};

	return names[mode];
}
