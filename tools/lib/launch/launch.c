/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/launch.h"

#include "base/account_power.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/syslog_record.h"
#include "launch/environment.h"
#include "launch/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

/* The record's kind, for journalctl MESSAGE_ID=...: see virt-priv-exec(1). */
#define LAUNCH_MESSAGE_ID "f927d56d478e4a7a971a97ac664fc6b9"

extern char **environ;

/*
 * Planning
 */

/* "FILE:LINE: KEY", or KEY's built-in default, for messages of the look-up. */
static char *setting_origin(const struct settings *settings, const char *key, unsigned line)
{
	if (line)
		return xasprintf("%s:%u: %s", settings->file, line, key);
	return xasprintf("%s (the default, not set in %s)", key,
		settings->file ? settings->file : "any qemu.conf");
}

static void plan_group(struct launch *launch, const struct launch_request *request)
{
	const struct settings *settings = &launch->settings;
	cleanup_free char *error = NULL;
	bool good = true;

	if (request->group) {
		good = ids_group(request->group,
			request->user_option ? request->user_option : "--group", &launch->identity,
			&error);
	} else if (!request->user) {
		cleanup_free char *origin = setting_origin(settings, "group", settings->group.line);
		good = ids_group(settings->group.value, origin, &launch->identity, &error);
	} else if (launch->identity.has_account) {
		cleanup_free char *gid = xasprintf("+%u", launch->identity.gid);
		good = ids_group(gid, "--user", &launch->identity, &error);
	} else {
		die("--user %s has no account: specify a group with --group", request->user);
	}
	if (!good)
		die("%s", error);
}

static void plan_identity(struct launch *launch, const struct launch_request *request)
{
	const struct settings *settings = &launch->settings;
	struct identity *identity = &launch->identity;
	const char *option = request->user_option ? request->user_option : "--user";
	cleanup_free char *error = NULL;

	launch->user_origin = request->user ? xstrdup(option)
					    : setting_origin(settings, "user", settings->user.line);
	if (!ids_user(request->user ? request->user : settings->user.value, launch->user_origin,
		    identity, &error))
		die("%s", error);
	plan_group(launch, request);
	if (request->groups ? !ids_group_list(request->groups, "--groups", identity, &error)
			    : !ids_groups(identity, &error))
		die("%s", error);
	/* The key counts for root alone: nobody else keeps capabilities by it. */
	launch->creds.keep_all = identity->uid == 0 && !settings->clear_emulator_capabilities.value;
	identity->has_no_caps =
		identity->uid == 0 && !launch->creds.keep_all && !request->keep_caps;
}

/* Without root there is only one identity to be had: one's own. */
static void plan_own_identity(struct launch *launch, const struct launch_request *request)
{
	cleanup_free char *own = xasprintf("+%u", geteuid());
	cleanup_free char *error = NULL;
	struct identity *identity = &launch->identity;

	if (request->config)
		die("--config requires root: no setting applies to ordinary users");
	if (request->keep_caps)
		die("--keep-cap requires root");
	if (request->group || request->groups)
		die("--group and --groups require root");
	if (!ids_user(own, "the calling user", identity, &error))
		die("%s", error);
	/* The kernel says which groups; what they are called is not asked for. */
	identity->gid = getegid();
	identity->group = xasprintf("%u", identity->gid);
	if (request->user) {
		struct identity asked;
		if (!ids_user(request->user, "--user", &asked, &error))
			die("%s", error);
		if (asked.uid != identity->uid)
			die("--user %s requires root: ordinary users can only run commands as "
			    "themselves",
				request->user);
		identity_free(&asked);
	}
}

static int compare_int(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;
	return (x > y) - (x < y);
}

void launch_keep_fds(struct launch *launch, const int *fds, size_t n_fds)
{
	free(launch->fds);
	launch->n_fds = n_fds;
	launch->fds = xcalloc(n_fds, sizeof(int));
	for (size_t i = 0; i < n_fds; i++)
		launch->fds[i] = fds[i];
	qsort(launch->fds, n_fds, sizeof(int), compare_int);
}

static void plan_descriptors(struct launch *launch, const struct launch_request *request)
{
	for (size_t i = 0; i < request->n_keep_fds; i++)
		if (fcntl(request->keep_fds[i], F_GETFD) < 0)
			die_errno(
				"--keep-fd %d: cannot keep this descriptor", request->keep_fds[i]);
	launch_keep_fds(launch, request->keep_fds, request->n_keep_fds);
}

/* 0: file is a program that this process may execute, else what stands in the way. */
static int try_command(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
	return faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* The exit status tells "not there" from "there, but no program". */
static _Noreturn void die_of_command(const char *file, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		die_status(LAUNCH_NOT_FOUND, "%s: command not found", file);
	die_status(LAUNCH_NOT_EXECUTABLE, "cannot execute %s: %s", file, strerror(error));
}

/*
 * The search of execvp(3), done here because it must happen with the caller's
 * PATH, and before anything is dropped.
 */
int launch_search(const char *name, char **found)
{
	const char *path = getenv("PATH");
	cleanup_free char *copy = xstrdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	cleanup_free char *denied = NULL;
	int denied_error = 0;

	if (!*name || strchr(name, '/')) {
		*found = xstrdup(name);
		return try_command(name);
	}
	for (char *rest = copy; rest;) {
		const char *dir = strsep(&rest, ":");
		cleanup_free char *file = xasprintf("%s/%s", *dir ? dir : ".", name);
		int error = try_command(file);
		/* As execvp(3): what can't be looked at is not passed over for the next one. */
		if (error != ENOENT && error != ENOTDIR && error != EACCES && error != EISDIR &&
			error != ESTALE && error != ENODEV && error != ETIMEDOUT) {
			*found = steal_pointer(&file);
			return error;
		}
		if (error == ENOENT || error == ENOTDIR || denied)
			continue;
		denied_error = error;
		denied = steal_pointer(&file);
	}
	*found = denied ? steal_pointer(&denied) : xstrdup(name);
	return denied_error ? denied_error : ENOENT;
}

void launch_plan(struct launch *launch, const struct launch_request *request)
{
	uid_t uid = geteuid();

	*launch = (struct launch){.is_root = uid == 0, .command = request->command};
	launch->creds.identity = &launch->identity;
	launch->creds.keep = request->keep_caps;
	launch->creds.allow_new_privs = request->allow_new_privs;
	/*
	 * A set-user-id copy of a tool would let anybody choose the identity, and
	 * a real uid 0 behind another effective one is a way back to root.
	 */
	if (getuid() != uid || getgid() != getegid())
		die("real and effective ids differ (users %u %u, groups %u %u): this program "
		    "must not be set-user-ID or set-group-ID",
			getuid(), uid, getgid(), getegid());
	if (launch->is_root) {
		cleanup_free char *error = NULL;
		if (!settings_read(&launch->settings, request->config, &error))
			die("%s", error);
		plan_identity(launch, request);
		launch->environment = environment_reduce(
			environ, &launch->identity, request->keep_env, request->n_keep_env);
	} else {
		plan_own_identity(launch, request);
	}
	plan_descriptors(launch, request);
	launch->error = launch_search(request->command[0], &launch->path);
	if (launch->error && !request->looks_only)
		die_of_command(launch->path, launch->error);
}

void launch_free(struct launch *launch)
{
	settings_free(&launch->settings);
	identity_free(&launch->identity);
	free(launch->user_origin);
	free(launch->fds);
	free(launch->path);
	environment_free(launch->environment);
	*launch = (struct launch){0};
}

static char *warning_of_power(const struct launch *launch)
{
	cleanup_free char *power = account_power(&launch->identity);

	return power ? xasprintf(
			       "%s runs as %s, as set by %s; user %s %s; to use an account without "
			       "such rights: virt-priv-conf set user qemu",
			       launch->path, launch->identity.user, launch->user_origin,
			       launch->identity.user, power)
		     : NULL;
}

char *launch_warning(const struct launch *launch)
{
	const struct settings *settings = &launch->settings;

	if (!launch->is_root)
		return NULL;
	if (launch->identity.uid != 0)
		return warning_of_power(launch);
	if (launch->creds.keep_all)
		return xasprintf(
			"%s runs as root, as set by %s, with root's capabilities, as set by "
			"%s:%u: clear_emulator_capabilities",
			launch->path, launch->user_origin, settings->file,
			settings->clear_emulator_capabilities.line);
	return xasprintf("%s runs as root, as set by %s", launch->path, launch->user_origin);
}

/*
 * Carrying it out
 */

void launch_fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		int opened = open("/dev/null", O_RDWR | O_NOCTTY);
		struct stat st;
		if (opened != fd)
			die_errno("cannot open /dev/null on the closed descriptor %d", fd);
		if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
			die("/dev/null is not the null device; fix it: mknod -m 666 "
			    "/dev/null c 1 3");
	}
}

static void close_on_exec(unsigned first, unsigned last)
{
	if (first <= last && syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) < 0)
		die_errno("cannot mark the descriptors %u to %u close-on-exec", first, last);
}

static void select_descriptors(const struct launch *launch)
{
	unsigned next = STDERR_FILENO + 1;

	for (size_t i = 0; i < launch->n_fds; i++) {
		unsigned fd = (unsigned)launch->fds[i];
		if (fd > next)
			close_on_exec(next, fd - 1);
		if (fcntl(launch->fds[i], F_SETFD, 0) < 0)
			die_errno("cannot keep descriptor %d", launch->fds[i]);
		next = fd + 1;
	}
	close_on_exec(next, ~0U);
}

/*
 * A program starts with what init would give it; SIGHUP stays ignored, which is
 * all that nohup(1) does. The kernel is asked itself, since glibc's signal(3)
 * keeps the signals 32 and 33 to itself, and they can be ignored too. All zero,
 * its struct sigaction means SIG_DFL; 64 is the size of its signal set in bits.
 */
static void reset_signals(void)
{
	static const unsigned long default_action[4];
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGHUP && sig != SIGKILL && sig != SIGSTOP &&
			syscall(SYS_rt_sigaction, sig, default_action, NULL, 64 / 8) < 0)
			die_errno("cannot reset signal %d", sig);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		die_errno("cannot clear the signal mask");
}

/* Root's session keyring holds root's keys; possession needs no permission. */
static void new_session_keyring(void)
{
	long before = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	long joined = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

	if (joined < 0) {
		/* What containers answer: the call is filtered or not there. */
		if (errno != EPERM && errno != ENOSYS)
			die_errno("cannot join a new session keyring");
		warn_errno("cannot join a new session keyring; keeping the caller's");
	} else if (joined == 0 || joined == before) {
		die("cannot join a new session keyring: the kernel returned none");
	}
}

/* resource and its name, and the setting's name and value in force. */
static void set_limit(__rlimit_resource_t resource, const char *what, const char *key,
	const struct limit *limit, const struct settings *settings)
{
	rlim_t value = limit->kind == LIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)limit->value;
	struct rlimit wanted = {value, value};
	struct rlimit now;

	if (setrlimit(resource, &wanted) < 0) {
		if (limit->line)
			die_errno("%s:%u: %s: cannot set the limit of %s (raising it requires "
				  "CAP_SYS_RESOURCE)",
				settings->file, limit->line, key, what);
		die_errno("cannot set the limit of %s", what);
	}
	if (getrlimit(resource, &now) < 0)
		die_errno("cannot read the limit of %s", what);
	if (now.rlim_cur != value || now.rlim_max != value)
		die("the limit of %s differs from the one that was set", what);
}

static void set_limits(const struct settings *settings)
{
	static const struct limit none = {.kind = LIMIT_VALUE, .value = 0};

	/* A core dump holds the guest's memory. */
	set_limit(RLIMIT_CORE, "core size", "max_core",
		settings->max_core.kind == LIMIT_UNSET ? &none : &settings->max_core, settings);
	if (settings->max_processes.kind != LIMIT_UNSET)
		set_limit(RLIMIT_NPROC, "processes", "max_processes", &settings->max_processes,
			settings);
	if (settings->max_files.kind != LIMIT_UNSET)
		set_limit(RLIMIT_NOFILE, "open files", "max_files", &settings->max_files, settings);
}

static void record_launch(const struct launch *launch, const char *identifier)
{
	const struct creds *creds = &launch->creds;
	const struct identity *identity = &launch->identity;
	cleanup_free char *warning = launch_warning(launch);
	cleanup_free char *uid = xasprintf("%u", identity->uid);
	cleanup_free char *gid = xasprintf("%u", identity->gid);
	cleanup_free char *caps =
		creds->keep_all ? xstrdup("all") : creds_capability_names(creds->keep);
	cleanup_free char *message = xasprintf("%s runs as %s:%s (%s:%s), capabilities: %s",
		launch->path, identity->user, identity->group, uid, gid, caps);
	const struct syslog_record_field fields[] = {
		{"VIRT_PRIV_COMMAND", launch->path},
		{"VIRT_PRIV_UID", uid},
		{"VIRT_PRIV_GID", gid},
		{"VIRT_PRIV_CAPABILITIES", caps},
		{NULL, NULL},
	};

	if (warning)
		warn("%s", warning);
	syslog_record_send(warning ? LOG_WARNING : LOG_INFO, identifier, LAUNCH_MESSAGE_ID,
		warning ? warning : message, fields, 0);
}

/* TMPDIR is root's; it is of use only where the account can write too. */
static void drop_useless_tmpdir(char **environment)
{
	const char *dir = environment_get(environment, "TMPDIR");

	if (dir && faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		environment_unset(environment, "TMPDIR");
}

/*
 * A change of uid clears the signal that the caller asked for to be sent at
 * its own death (PR_SET_PDEATHSIG(2const)); a chain-loader gives it back.
 */
static void restore_death_signal(int death_signal, pid_t parent)
{
	if (!death_signal)
		return;
	if (prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) < 0)
		die_errno("cannot restore the parent-death signal");
	if (getppid() != parent)
		raise(death_signal);
}

static void become_unprivileged(struct launch *launch, const char *identifier)
{
	bool guard = terminal_reachable();
	pid_t parent = getppid();
	int death_signal = 0;

	if (prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) < 0)
		die_errno("cannot read the parent-death signal");
	record_launch(launch, identifier);
	new_session_keyring();
	set_limits(&launch->settings);
	/* Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes first. */
	if (guard && launch->creds.allow_new_privs)
		terminal_forbid_typing();
	cleanup_free char *error = NULL;
	if (launch->as_root && !launch->as_root(launch->context, &error))
		die("%s", error);
	creds_drop(&launch->creds);
	if (guard && !launch->creds.allow_new_privs)
		terminal_forbid_typing();
	restore_death_signal(death_signal, parent);
	drop_useless_tmpdir(launch->environment);
}

void launch_exec(struct launch *launch, const char *identifier)
{
	select_descriptors(launch);
	reset_signals();
	if (launch->is_root)
		become_unprivileged(launch, identifier);
	else
		creds_drop_unprivileged(launch->creds.allow_new_privs);
	cleanup_free char *error = NULL;
	if (launch->as_account && !launch->as_account(launch->context, &error))
		die("%s", error);

	execve(launch->path, launch->command, launch->is_root ? launch->environment : environ);
	int status = errno == ENOENT			  ? LAUNCH_NOT_FOUND
		     : errno == EAGAIN || errno == ENOMEM ? LAUNCH_FAILED
							  : LAUNCH_NOT_EXECUTABLE;
	die_status(status, "cannot execute %s as uid %u: %s", launch->path, geteuid(),
		strerror(errno));
}
