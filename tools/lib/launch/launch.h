/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns the calling process into an unprivileged program: what virt-priv-exec
 * does with itself and virt-priv-run with its child.
 *
 * A launch is planned first, from settings and options, without any change to
 * the process; the plan can be shown (launch_report.h); then launch_exec()
 * carries it out.
 */
#pragma once

#include "base/ids.h"
#include "conf/settings.h"
#include "launch/creds.h"

/* Exit statuses of a chain-loader (env(1), nohup(1)). */
enum { LAUNCH_FAILED = 125, LAUNCH_NOT_EXECUTABLE = 126, LAUNCH_NOT_FOUND = 127 };

/* What the caller asks for beside the settings. */
struct launch_request {
	const char *config;		   /* --config, or NULL */
	const char *user, *group, *groups; /* as on the command line, or NULL */
	const char *user_option;	   /* that named the user and its group; NULL: --user */
	uint64_t keep_caps;
	const int *keep_fds; /* above 2 */
	size_t n_keep_fds;
	const char *const *keep_env; /* names */
	size_t n_keep_env;
	bool allow_new_privs;
	char *const *command; /* NULL-terminated, at least a name */
	bool looks_only;      /* a command that is not there does not end the program */
};

struct launch {
	bool is_root;		  /* else the identity is the caller's, and stays */
	struct settings settings; /* as root */
	char *user_origin;	  /* "FILE:LINE: user" or "--user" */
	struct identity identity;
	struct creds creds; /* refers to it: a plan is not copied */
	int *fds;	    /* those above 2 that the program gets; ascending: launch_keep_fds() */
	size_t n_fds;
	char *path; /* the file to execute */
	int error;  /* of a request that looks only: why path cannot be executed; 0: it can */
	char *const *command;
	char **environment;
	/*
	 * What is to be done as root, right before the ids change; what follows reads /proc/self,
	 * and executes path. As as_account; context is the same.
	 */
	bool (*as_root)(void *context, char **error);
	/*
	 * What remains to be done as the program's account, right before it is executed. False
	 * and a new message where that fails, which ends the program. NULL: nothing.
	 */
	bool (*as_account)(void *context, char **error);
	void *context;
};

/*
 * Reads settings and accounts, looks the command up and fills *launch, which
 * refers to the strings of *request. Ends the program with LAUNCH_NOT_FOUND or
 * LAUNCH_NOT_EXECUTABLE where the command is not there or is not a program, unless
 * the request looks only, and
 * by die() for everything else that stands in the way.
 */
void launch_plan(struct launch *launch, const struct launch_request *request);
void launch_free(struct launch *launch);

/*
 * The descriptors above 2 that the program gets, in any order, in the place of those that the
 * request has named; copied.
 */
void launch_keep_fds(struct launch *launch, const int *fds, size_t n_fds);

/*
 * Looks a command up as execvp(3) does, with the caller's PATH. Returns 0 and in *found, a new
 * string, the program; else the error number, and *found is what it is about.
 */
int launch_search(const char *name, char **found);

/*
 * What an admin should be warned of, NULL if there is nothing: the command
 * running as root, with the places that ask for it. The caller frees it.
 */
char *launch_warning(const struct launch *launch);

/*
 * Opens /dev/null on standard descriptors that are closed, so that no file
 * opened later takes their place. To be called before anything is opened.
 */
void launch_fill_standard_descriptors(void);

/* Carries the plan out. identifier is the tool's name in the log record. */
_Noreturn void launch_exec(struct launch *launch, const char *identifier);
