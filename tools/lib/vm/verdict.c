/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/verdict.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SIZE ((size_t)64 * 1024 * 1024)

struct verdict {
	pid_t pid;
	char *name;    /* of the VM; NULL: not known */
	char *why_not; /* why it was not judged; NULL: it was */
	struct obstacles obstacles;
};

/*
 * What the child sends, texts that end with a NUL: the name, and for each obstacle "r" or "d", and
 * its object, source, message and help. A text that is not there is "-"; one that is begins with
 * "+".
 */

static void send_text(FILE *out, const char *text)
{
	fprintf(out, "%s%s%c", text ? "+" : "-", text ? text : "", '\0');
}

static _Noreturn void judge(
	const struct running *running, int result, verdict_planner *plan, void *context)
{
	struct obstacles obstacles = {0};
	cleanup_free char *error = NULL;
	cleanup_free char *name = NULL;

	if (!running_enter(running, &error)) {
		log_error("%s", error);
		_exit(EXIT_FAILURE);
	}
	name = plan(context, running, &obstacles);
	FILE *out = fdopen(result, "w");
	if (!out)
		_exit(EXIT_FAILURE);
	send_text(out, name);
	for (size_t i = 0; i < obstacles.n; i++) {
		const struct obstacle *o = &obstacles.all[i];
		fprintf(out, "%c%c", o->refuses ? 'r' : 'd', '\0');
		send_text(out, o->object);
		send_text(out, o->source);
		send_text(out, o->message);
		send_text(out, o->help);
	}
	_exit(fclose(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The next text of those that are left; NULL: it is "-", or there is none. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at;

	if (text >= end)
		return NULL;
	*at += strlen(text) + 1;
	return *text == '+' ? text + 1 : NULL;
}

static void receive(struct verdict *verdict, const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;
	const char *name = take_text(&at, end);

	verdict->name = name ? xstrdup(name) : NULL;
	while (at < end) {
		struct obstacle obstacle = {.refuses = *at == 'r'};
		at += strlen(at) + 1;
		obstacle.object = (char *)take_text(&at, end);
		obstacle.source = (char *)take_text(&at, end);
		const char *message = take_text(&at, end);
		obstacle.message = (char *)(message ? message : "");
		obstacle.help = (char *)take_text(&at, end);
		obstacles_add(&verdict->obstacles, &obstacle);
	}
}

/* How the child has ended that said nothing; new. */
static char *end_of(int status)
{
	return WIFSIGNALED(status) ? xasprintf("the process that checks it was killed by signal %d",
					     WTERMSIG(status))
				   : xasprintf("the process that checks it exited with status %d",
					     WEXITSTATUS(status));
}

/* The last line that the child wrote, without the program's name in front of it; new. */
static char *last_words(const char *text, int status)
{
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		length--;
	const char *line = memrchr(text, '\n', length);
	line = line ? line + 1 : text;
	cleanup_free char *copy = xstrndup(line, (size_t)(text + length - line));
	const char *behind = strstr(copy, ": ");
	return !*copy ? end_of(status) : xstrdup(behind ? behind + 2 : copy);
}

static char *content(int fd, size_t *length)
{
	char *text = lseek(fd, 0, SEEK_SET) == 0 ? io_read_fd(fd, MAX_SIZE, length) : NULL;

	if (!text)
		*length = 0;
	return text ? text : xstrdup("");
}

/* Warnings are the host's, of each VM the same ones: they are said once. */
static void say_once(char *text)
{
	static char *before;

	if (*text && (!before || strcmp(before, text) != 0))
		fputs(text, stderr);
	free(before);
	before = text;
}

static void judge_in_child(struct verdict *verdict, const struct running *running,
	verdict_planner *plan, void *context)
{
	cleanup_fd int result = memfd_create("verdict", MFD_CLOEXEC);
	cleanup_fd int messages = memfd_create("messages", MFD_CLOEXEC);
	size_t length, ignored;
	int status = 0;

	fflush(stdout);
	pid_t child = result < 0 || messages < 0 ? -1 : fork();
	if (child == 0) {
		if (dup2(messages, STDERR_FILENO) < 0)
			_exit(EXIT_FAILURE);
		judge(running, dup(result), plan, context);
	}
	if (child < 0 || IO_RETRY(waitpid(child, &status, 0)) < 0) {
		verdict->why_not = xstrdup("a process to check it cannot be created");
		return;
	}
	char *said = content(messages, &ignored);
	const char *changed = running_why_changed(running);
	if (changed || status != 0) {
		verdict->why_not = changed ? xstrdup(changed) : last_words(said, status);
		free(said);
		return;
	}
	say_once(said);
	cleanup_free char *bytes = content(result, &length);
	receive(verdict, bytes, length);
}

static void find(struct verdict *verdict, pid_t pid, verdict_planner *plan, void *context)
{
	struct running running;

	*verdict = (struct verdict){.pid = pid};
	running_read(&running, pid);
	if (running.why_not)
		verdict->why_not = steal_pointer(&running.why_not);
	else
		judge_in_child(verdict, &running, plan, context);
	running_close(&running);
}

static void free_verdict(struct verdict *verdict)
{
	free(verdict->name);
	free(verdict->why_not);
	obstacles_free(&verdict->obstacles);
}

static void print_verdict(const struct verdict *verdict)
{
	size_t n = verdict->obstacles.n;
	cleanup_free char *count = verdict->why_not ? xasprintf("not checked: %s", verdict->why_not)
				   : n == 0	    ? xstrdup("no obstacles")
					    : xasprintf("%zu obstacle%s", n, n == 1 ? "" : "s");
	cleanup_free char *line = xasprintf(
		"%s (pid %d): %s", verdict->name ? verdict->name : "QEMU", verdict->pid, count);
	cleanup_free char *safe = log_escape(line);

	puts(safe);
	obstacles_print(&verdict->obstacles, "  ");
}

static void write_json(const struct verdict *verdict)
{
	json_begin_object(NULL);
	json_integer("pid", verdict->pid);
	json_bytes("not_checked", verdict->why_not);
	obstacles_json(&verdict->obstacles, verdict->name);
	json_end_object();
}

bool verdict_report(const pid_t *pids, size_t n, bool json, verdict_planner *plan, void *context)
{
	bool good = true;

	if (json) {
		json_begin_object(NULL);
		json_integer("version", 1);
		json_begin_array("vms");
	}
	for (size_t i = 0; i < n; i++) {
		struct verdict verdict;
		find(&verdict, pids[i], plan, context);
		good = good && !verdict.why_not && !verdict.obstacles.n;
		(json ? write_json : print_verdict)(&verdict);
		free_verdict(&verdict);
	}
	if (json) {
		json_end_array();
		json_end_object();
		json_finish();
	}
	return good;
}
