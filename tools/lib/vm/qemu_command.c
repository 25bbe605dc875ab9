/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/qemu_command.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "launch/launch.h"
#include "qemu/args.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool sounds_like_qemu(const char *path)
{
	const char *name = base_name(path);

	return strcasestr(name, "qemu") || strcasestr(name, "kvm");
}

/* Whether it is a path of a program of the distribution. */
static bool is_of_distribution(const char *path)
{
	static const char *const places[] = {"/usr/", "/bin/", "/sbin/", "/lib"};

	if (strncmp(path, "/usr/local/", strlen("/usr/local/")) == 0)
		return false;
	for (size_t i = 0; i < N_ELEMENTS(places); i++)
		if (strncmp(path, places[i], strlen(places[i])) == 0)
			return true;
	return false;
}

/* Whether the word is a program that is called as QEMU is. */
static bool names_qemu(const char *word)
{
	const char *name = base_name(word);
	cleanup_free char *file = NULL;

	if (strncmp(name, "qemu-system-", strlen("qemu-system-")) != 0 &&
		strcmp(name, "qemu-kvm") != 0 && strcmp(name, "qemu") != 0 &&
		strcmp(name, "kvm") != 0)
		return false;
	return launch_search(word, &file) == 0;
}

/* The program of the name of a QEMU in a script such as that of sh -c, new; NULL: there is none. */
static char *qemu_in_script(const char *script)
{
	static const char between[] = " \t\n;&|(){}'\"`$";
	cleanup_free char *copy = xstrdup(script);
	char *rest = copy;

	for (char *word = strtok_r(copy, between, &rest); word;
		word = strtok_r(NULL, between, &rest))
		if (names_qemu(word))
			return xstrdup(word);
	return NULL;
}

static bool is_of_one_look(const char *option)
{
	return strcmp(option, "--check") == 0 || strcmp(option, "--dry-run") == 0 ||
	       strcmp(option, "--json") == 0 || strcmp(option, "--") == 0;
}

/*
 * Whether word at is what an option of QEMU's says: "kvm" behind -accel or -name, or the text
 * behind -append. A path behind one is more likely the program of a wrapper whose options are
 * called so, too.
 */
static bool is_said_by_option(char *const *command, size_t at)
{
	const char *word = command[at], *name = command[at - 1];

	if (at < 2 || name[0] != '-' || (strchr(word, '/') && !strpbrk(word, " \t\n")))
		return false;
	name += 1 + (name[1] == '-');
	return qemuargs_takes_value(name);
}

/*
 * The order of words that is right, new; NULL: no word is a QEMU. is_known: the command surely is
 * none, and its options are not QEMU's.
 */
static char *right_order(char *const *command, char *const *own, size_t n_own, bool is_known)
{
	cleanup_free char *inner = NULL;
	char *text = NULL;
	size_t size, at = 1;

	while (command[at] &&
		((!is_known && is_said_by_option(command, at)) ||
			(!names_qemu(command[at]) && !(inner = qemu_in_script(command[at])))))
		at++;
	if (!command[at])
		return NULL;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		die_out_of_memory();
	for (size_t i = 0; i < at; i++) {
		cleanup_free char *word = shell_word(command[i]);
		fprintf(out, "%s ", word);
	}
	fprintf(out, "%svirt-priv-run ", inner ? "'... " : "");
	for (size_t i = 0; i < n_own; i++) {
		cleanup_free char *word = shell_word(own[i]);
		if (!is_of_one_look(own[i]))
			fprintf(out, "%s ", word);
	}
	fprintf(out, "%s ...%s", inner ? inner : command[at], inner ? "'" : "");
	if (fclose(out) != 0)
		die_out_of_memory();
	return text;
}

char *qemu_command_why_not(char *const *command, char *const *own, size_t n_own, const char *vm)
{
	cleanup_free char *file = NULL;

	if (launch_search(command[0], &file) != 0)
		return NULL;
	cleanup_free char *real = realpath(file, NULL);
	bool is_known = is_of_distribution(real ? real : file);
	/* A link can have any name: one to nice(1) is not QEMU. */
	if (sounds_like_qemu(real ? real : file) || (sounds_like_qemu(file) && !is_known))
		return NULL;
	cleanup_free char *right = right_order(command, own, n_own, is_known);
	if (!right && !is_known)
		return NULL;
	if (vm)
		return xasprintf("%s is not QEMU, which the first word of a VM's file must be; "
				 "what it does can be set in the unit (Nice=, CPUAffinity=, "
				 "NUMAPolicy=, Environment=, ...): systemctl edit virt-priv-vm@%s",
			command[0], vm);
	if (right)
		return xasprintf(
			"%s is not QEMU; put virt-priv-run after it: %s", command[0], right);
	return xasprintf("%s is not QEMU: it is a program of the distribution whose name contains "
			 "neither \"qemu\" nor \"kvm\"",
		command[0]);
}
