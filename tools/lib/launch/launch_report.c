/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/launch_report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* The sets that the command will run with. */
struct outcome {
	uint64_t permitted, effective, inheritable, ambient, bounding;
	gid_t *groups;
	size_t n_groups;
	bool no_new_privs;
};

static void foresee(const struct launch *launch, struct outcome *out)
{
	const struct creds *creds = &launch->creds;
	const struct identity *identity = &launch->identity;
	struct proc_status now;

	proc_status_self(&now);
	out->no_new_privs = !creds->allow_new_privs || now.no_new_privs;
	if (creds->keep_all) {
		/* Root with root's capabilities: execve(2) gives him all that are bounding. */
		out->permitted = out->effective = now.bounding | now.inheritable;
		out->inheritable = now.inheritable;
		out->ambient = 0;
		out->bounding = now.bounding;
	} else {
		out->permitted = out->effective = creds->keep;
		out->inheritable = out->ambient = creds->keep;
		out->bounding = launch->is_root ? creds->keep : now.bounding;
	}
	/* Taken over from the kernel's own answer where the groups stay. */
	out->n_groups = launch->is_root ? identity->n_groups : now.n_groups;
	const gid_t *groups = launch->is_root ? identity->groups : now.groups;
	out->groups = xcalloc(out->n_groups, sizeof(gid_t));
	for (size_t i = 0; i < out->n_groups; i++)
		out->groups[i] = groups[i];
	proc_status_free(&now);
}

static void json_identity(const char *key, const char *id_key, const char *name, uint32_t id)
{
	json_begin_object(key);
	json_bytes("name", name);
	json_integer(id_key, id);
	json_end_object();
}

static void json_set(const char *key, uint64_t mask)
{
	json_begin_array(key);
	for (unsigned c = 0; c < 64; c++) {
		uint64_t bit = UINT64_C(1) << c;
		if (!(mask & bit))
			continue;
		cleanup_free char *name = creds_capability_names(bit);
		json_element(name);
	}
	json_end_array();
}

static void json_capabilities(const struct outcome *out)
{
	json_begin_object("capabilities");
	json_set("permitted", out->permitted);
	json_set("effective", out->effective);
	json_set("inheritable", out->inheritable);
	json_set("ambient", out->ambient);
	json_set("bounding", out->bounding);
	json_end_object();
}

static void json_setting(const char *key, const struct setting_string *setting)
{
	json_begin_object(key);
	json_bytes("value", setting->value);
	if (setting->line)
		json_integer("line", setting->line);
	else
		json_null("line");
	json_end_object();
}

/* null without root, where no file is read; "file": null on built-in defaults. */
static void json_config(const struct launch *launch)
{
	if (!launch->is_root) {
		json_null("config");
		return;
	}
	json_begin_object("config");
	json_bytes("file", launch->settings.file);
	json_setting("user", &launch->settings.user);
	json_setting("group", &launch->settings.group);
	json_end_object();
}

static void json_environment(char *const *environment)
{
	json_begin_object("environment");
	for (char *const *v = environment; *v; v++) {
		const char *equals = strchr(*v, '=');
		if (!equals)
			continue;
		cleanup_free char *name = xstrndup(*v, (size_t)(equals - *v));
		json_bytes(name, equals + 1);
	}
	json_end_object();
}

static void json_descriptors(const struct launch *launch)
{
	json_begin_array("fds");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		json_integer(NULL, fd);
	for (size_t i = 0; i < launch->n_fds; i++)
		json_integer(NULL, launch->fds[i]);
	json_end_array();
}

void launch_report_json(const struct launch *launch)
{
	const struct identity *identity = &launch->identity;
	struct outcome out;

	foresee(launch, &out);
	json_begin_object(NULL);
	json_integer("version", 1);
	json_identity("user", "uid", identity->has_account ? identity->user : NULL, identity->uid);
	json_identity("group", "gid", identity->has_group ? identity->group : NULL, identity->gid);
	json_begin_array("groups");
	for (size_t i = 0; i < out.n_groups; i++)
		json_integer(NULL, out.groups[i]);
	json_end_array();
	json_capabilities(&out);
	json_boolean("no_new_privs", out.no_new_privs);
	json_config(launch);
	json_environment(launch->is_root ? launch->environment : environ);
	json_descriptors(launch);
	json_bytes("path", launch->path);
	json_byte_strings("command", launch->command);
	json_end_object();
	json_finish();
	free(out.groups);
}

/* "label: text" with the bytes that a terminal might obey escaped. */
static void print_line(const char *label, const char *text)
{
	cleanup_free char *safe = log_escape(text);

	printf("%-14s %s\n", label, safe);
}

static void print_capabilities(const char *label, uint64_t mask)
{
	cleanup_free char *names = creds_capability_names(mask);

	print_line(label, names);
}

static void print_id(const char *label, const char *name, uint32_t id)
{
	cleanup_free char *text = xasprintf("%s (%u)", name ? name : "no name", id);

	print_line(label, text);
}

void launch_report(const struct launch *launch)
{
	const struct identity *identity = &launch->identity;
	struct outcome out;

	foresee(launch, &out);
	print_line("command", launch->path);
	if (launch->is_root)
		print_line("settings",
			launch->settings.file ? launch->settings.file : "built-in defaults");
	print_id("user", identity->has_account ? identity->user : NULL, identity->uid);
	print_id("group", identity->has_group ? identity->group : NULL, identity->gid);
	printf("%-14s", "groups");
	for (size_t i = 0; i < out.n_groups; i++)
		printf(" %u", out.groups[i]);
	printf("%s\n", out.n_groups ? "" : " none");
	print_capabilities("permitted", out.permitted);
	print_capabilities("effective", out.effective);
	print_capabilities("inheritable", out.inheritable);
	print_capabilities("ambient", out.ambient);
	print_capabilities("bounding", out.bounding);
	print_line("no_new_privs", out.no_new_privs ? "yes" : "no");
	printf("%-14s 0 1 2", "descriptors");
	for (size_t i = 0; i < launch->n_fds; i++)
		printf(" %d", launch->fds[i]);
	putchar('\n');
	if (!launch->is_root)
		print_line("environment", "the caller's");
	else
		for (char *const *v = launch->environment; *v; v++)
			print_line("environment", *v);
	if (fflush(stdout) != 0)
		die_errno("cannot write to standard output");
	free(out.groups);
}
