/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes C source that has, for each program of a compiled tools/bpf/audit.bpf.c, the program and
 * data of a loader: a BPF program itself, which has the kernel load the other one and look up where
 * fields lie (bpf_object__gen_loader() of libbpf). So the auditor needs no libbpf, which would read
 * all types of the kernel first: that took longer than the audit. Run when building.
 *
 *   loaders OBJECT
 */
#include "audit_record.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void print_bytes(const char *program, const char *what, const char *bytes, size_t length)
{
	printf("static const unsigned char %s_%s[] __attribute__((aligned(8))) = {", program, what);
	for (size_t i = 0; i < length; i++)
		printf("%s%d,", i % 20 ? "" : "\n", bytes[i] & 0xff);
	printf("\n};\n");
}

/* Its only map is the memory that the programs share with the auditor. */
static bool has_shared_map(const struct bpf_object *object)
{
	const struct bpf_map *map = bpf_object__next_map(object, NULL);

	return map && !bpf_object__next_map(object, map) &&
	       bpf_map__value_size(map) == sizeof(struct audit_shared);
}

/* The loader of one program, by its place; 0: there are not as many, -1: it could not be made. */
static int print_loader(const char *path, int place)
{
	LIBBPF_OPTS(gen_loader_opts, loader);
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	const char *wanted = NULL;
	int result = 0, i = 0;

	if (!object || !has_shared_map(object)) {
		bpf_object__close(object);
		return -1;
	}
	bpf_object__for_each_program(program, object)
	{
		wanted = i == place ? bpf_program__name(program) : wanted;
		bpf_program__set_autoload(program, i++ == place);
	}
	if (wanted) {
		bool is_made = bpf_object__gen_loader(object, &loader) == 0 &&
			       bpf_object__load(object) == 0;
		if (is_made) {
			print_bytes(wanted, "data", loader.data, loader.data_sz);
			print_bytes(wanted, "insns", loader.insns, loader.insns_sz);
		}
		result = is_made ? 1 : -1;
	}
	bpf_object__close(object);
	return result;
}

int main(int argc, char *argv[])
{
	int result = argc == 2 ? 1 : -1;

	for (int place = 0; result > 0; place++)
		result = print_loader(argv[1], place);
	if (result < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "loaders: cannot make loaders of the BPF programs\n");
		return 1;
	}
	return 0;
}
