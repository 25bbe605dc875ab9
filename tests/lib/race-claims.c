/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * race-claims DIR attempts N [SCENARIO...]
 * race-claims DIR seconds N PROGRAM [SCENARIO...]
 *
 * Claims and releases files below DIR, an empty directory of root's, while processes of
 * the user alice put other objects under their names, and other directories on their
 * ways: N times through the library, or for N seconds with the program. What is not
 * alice's, the victims, must never change its owner, group, mode, ACL or attributes: they
 * are looked at after each claim and each release, and by a process of its own all the
 * while. Each time that one had changed is a win, for alice.
 *
 * Prints a TAP comment per scenario and one of all. Exit status 1: a win, or something
 * was not given back, or there was no race. For tests/lib/private-host.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/carry_out.h"
#include "claims/claims.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "claims/plan.h"
#include "claims/release.h"
#include "path/safepath.h"
#include "race-scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#define VM "race"
#define JOURNAL JOURNAL_DIR "/" VM
#define N_ATTACKERS 2

/* Processes. */

static pid_t start(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		die_errno("cannot fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static pid_t start_attacker(const struct scenario *s, unsigned attacker)
{
	pid_t pid = start();

	if (pid)
		return pid;
	if (setgroups(1, &team) < 0 || setresgid(alice, alice, alice) < 0 ||
		setresuid(alice, alice, alice) < 0)
		die_errno("cannot become alice");
	/* That cleared it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (access("closed/vm.img", F_OK) == 0)
		die("alice has root's capabilities");
	for (unsigned n = 0;; n++)
		s->attack(s, attacker, n);
}

/* What alice moved into a sticky directory is stuck there if it is not hers: root moves it back. */
static pid_t start_helper(const struct scenario *s)
{
	pid_t pid = start();
	struct stat st;

	if (pid)
		return pid;
	for (;; poll(NULL, 0, 1))
		for (size_t i = 1; s->slots[i] && lstat(s->slots[0], &st) == 0 &&
				   st.st_uid != alice && st.st_uid != qemu;
			i++)
			renameat2(AT_FDCWD, s->slots[0], AT_FDCWD, s->slots[i], RENAME_EXCHANGE);
}

/* Counts how often a victim, all well before, was found changed. */
static pid_t start_watcher(void)
{
	static bool was[MAX_VICTIMS];
	pid_t pid = start();

	if (pid)
		return pid;
	for (;;) {
		for (size_t i = 0; i < n_victims; i++) {
			bool is = has_changed(&victims[i]);
			if (is && !was[i])
				shared->watched++;
			was[i] = is;
		}
		shared->sweeps++;
		poll(NULL, 0, 1);
	}
}

/* Attempts. */

struct count {
	unsigned long attempts, claimed, refused, errors, reported, wins;
};

static FILE *out; /* standard output; what the library prints goes to the log */
static int log_fd;
static bool finished;

/* Whether a victim is not what it was; says which one, the first times. */
static unsigned long count_wins(const struct scenario *s, const char *when)
{
	static unsigned said;
	unsigned long wins = 0;

	for (size_t i = 0; i < n_victims; i++) {
		if (!has_changed(&victims[i]))
			continue;
		wins++;
		struct picture now;
		take_picture(victims[i].fd, &now);
		if (said++ < 10)
			fprintf(out, "# WON %s, %s: what was %s is %u:%u %04o, with%s an ACL\n",
				s->name, when, victims[i].path, now.st.st_uid, now.st.st_gid,
				now.st.st_mode & 07777, now.acl_size > 0 ? "" : "out");
	}
	return wins;
}

static bool release(bool *good)
{
	struct lockwait waits = {0};
	struct journal *journal, **all;
	cleanup_free char *error = NULL;
	size_t n;
	bool all_read;

	if (!journal_read(VM, &journal, &error))
		die("%s", error);
	if (!journal)
		return false;
	if (!journal_read_all(&all, &n, &all_read, &error))
		die("%s", error);
	*good = claims_release(journal, NULL, false, all, n, &waits);
	lockwait_end(&waits);
	journal_free(journal);
	journal_free_all(all, n);
	return true;
}

/* A disk is claimed two times of three, else read; access is granted every other time. */
static void attempt(const struct scenario *s, const char *path, const struct settings *settings,
	struct count *count)
{
	bool is_claim = count->attempts % 3 != 0;
	struct lockwait waits = {0};
	struct claims_plan plan = {
		.settings = settings, .grant_read = count->attempts % 2, .waits = &waits};
	struct claim_request resource = {.kind = RESOURCE_DISK,
		.access = is_claim ? ACCESS_RW : ACCESS_RO,
		.action = is_claim ? ACTION_CLAIM : ACTION_CHECK,
		.path = xstrdup(path),
		.source = xstrdup("--disk"),
		.reason = xstrdup("race")};
	struct safepath other;
	cleanup_free char *error = NULL;
	bool good = true;

	count->attempts++;
	/* A process walks once; without this, the next attempt would begin at the last one's end.
	 */
	if (!safepath_open("/", &other, &error))
		die("%s", error);
	safepath_close(&other);
	if (!claims_begin(&plan, VM, &error))
		die("%s", error);
	claims_add(&plan, &resource);
	if (plan.refused) {
		count->refused++;
	} else {
		if (claims_carry_out(&plan))
			count->claimed++;
		else
			count->errors++;
		count->wins += count_wins(s, "while claimed");
	}
	claims_end(&plan);
	lockwait_end(&waits);
	if (release(&good) && !good)
		count->reported++;
	count->wins += count_wins(s, "after the release");
	free(resource.path);
	free(resource.source);
	free(resource.reason);
}

static int run(const char *program, char *const argv[])
{
	int status;
	pid_t pid;

	/* The descriptors of the log are its standard ones. */
	if (posix_spawn(&pid, program, NULL, NULL, argv, NULL) != 0 || waitpid(pid, &status, 0) < 0)
		die_errno("cannot run %s", program);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		die("%s %s ended with status %d", program, argv[1], status);
	return WEXITSTATUS(status);
}

static void attempt_with_program(
	const struct scenario *s, const char *path, const char *program, struct count *count)
{
	cleanup_free char *disk = xasprintf("%s%s", path, count->attempts % 3 ? "" : ",readonly");
	bool grant = count->attempts % 2;
	char *claim[] = {"virt-priv-chown", "claim", "--name", VM, "--disk", disk,
		grant ? "--grant-read" : NULL, NULL};
	char *give_back[] = {"virt-priv-chown", "release", "--name", VM, NULL};

	count->attempts++;
	if (run(program, claim) != 0)
		count->refused++;
	else
		count->claimed++;
	count->wins += count_wins(s, "while claimed");
	if (access(JOURNAL, F_OK) == 0 && run(program, give_back) != 0)
		count->reported++;
	count->wins += count_wins(s, "after the release");
}

/* What is left when nobody races any more. */

static unsigned long left;

/* Owner, group, mask and others: what names nobody. alice's chmod can make a mask stay. */
#define ACL_WITHOUT_NAMES (4 + 4 * 8)

static int look_for_left(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char names[512] = "", acl[512];
	bool is_left = st->st_uid == qemu;

	(void)ftw;
	if (type != FTW_SL && type != FTW_SLN) {
		ssize_t n = listxattr(path, names, sizeof names - 1);
		for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1)
			if (strcmp(name, "system.posix_acl_access") != 0 ||
				getxattr(path, name, acl, sizeof acl) > ACL_WITHOUT_NAMES)
				is_left = true;
	}
	if (is_left)
		fprintf(out, "# LEFT %s: %u:%u %04o %s\n", path, st->st_uid, st->st_gid,
			st->st_mode & 07777, names);
	left += is_left;
	return 0;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_count(const char *what, const struct count *c, unsigned long swaps, double time)
{
	fprintf(out,
		"# %s: %lu attempts, %lu claimed, %lu refused, %lu errors, %lu reported at "
		"release, "
		"%lu wins; %lu swaps, %.1f s\n",
		what, c->attempts, c->claimed, c->refused, c->errors, c->reported, c->wins, swaps,
		time);
	fflush(out);
}

struct race {
	const char *program; /* NULL: through the library */
	double each;	     /* attempts or seconds per scenario */
	struct settings settings;
	struct count total;
	unsigned long swaps;
	bool no_race;
};

static void run_scenario(struct race *race, const struct scenario *s)
{
	struct count count = {0};
	pid_t attackers[N_ATTACKERS], helper = 0;
	cleanup_free char *path = xasprintf("%s/%s", top, s->claimed);
	bool ignored;

	s->make();
	shared->swaps = 0;
	pid_t watcher = start_watcher();
	for (unsigned i = 0; i < N_ATTACKERS; i++)
		attackers[i] = start_attacker(s, i);
	if (strncmp(s->name, "sticky", strlen("sticky")) == 0)
		helper = start_helper(s);
	double begin = seconds();
	while (race->program ? seconds() - begin < race->each
			     : (double)count.attempts < race->each) {
		if (race->program)
			attempt_with_program(s, path, race->program, &count);
		else
			attempt(s, path, &race->settings, &count);
		if (lseek(log_fd, 0, SEEK_END) > 1000000 && ftruncate(log_fd, 0) < 0)
			die_errno("cannot truncate the log");
	}
	double time = seconds() - begin;
	for (unsigned i = 0; i < N_ATTACKERS; i++)
		stop(attackers[i]);
	if (helper)
		stop(helper);
	stop(watcher);
	/* What somebody was in the way of. */
	if (!race->program)
		release(&ignored);
	nftw(top, look_for_left, 16, FTW_PHYS | FTW_MOUNT);
	if (access(JOURNAL, F_OK) == 0) {
		fprintf(out, "# LEFT the journal " JOURNAL "\n");
		left++;
	}
	print_count(s->name, &count, shared->swaps, time);
	/* The program's attempts are few. */
	if (!shared->swaps || (!race->program && !s->is_open && (!count.claimed || !count.refused)))
		race->no_race = true;
	race->total.attempts += count.attempts;
	race->total.claimed += count.claimed;
	race->total.refused += count.refused;
	race->total.errors += count.errors;
	race->total.reported += count.reported;
	race->total.wins += count.wins;
	race->swaps += shared->swaps;
}

static void at_end(void)
{
	char text[2000];
	ssize_t n;

	if (finished || !out)
		return;
	off_t size = lseek(log_fd, 0, SEEK_END);
	off_t at = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
	fflush(stderr);
	n = pread(log_fd, text, sizeof text, at);
	fprintf(out, "# ended early:\n%.*s", n > 0 ? (int)n : 0, text);
	fflush(out);
}

/* From here on, only out is seen. */
static void hide_output(void)
{
	int shown = fcntl(1, F_DUPFD_CLOEXEC, 3);

	log_fd = memfd_create("log", MFD_CLOEXEC);
	out = shown < 0 ? NULL : fdopen(shown, "w");
	if (!out || log_fd < 0 || fcntl(log_fd, F_SETFL, O_APPEND) < 0 || dup2(log_fd, 1) < 0 ||
		dup2(log_fd, 2) < 0)
		die_errno("cannot make the log");
	setlinebuf(out);
	atexit(at_end);
}

static uid_t user(const char *name)
{
	const struct passwd *account = getpwnam(name);

	if (!account)
		die("there is no user %s; run this through tests/lib/private-host", name);
	return account->pw_uid;
}

static bool is_wanted(const struct scenario *s, char **names)
{
	for (char **name = names; *name; name++)
		if (strcmp(*name, s->name) == 0)
			return true;
	return !*names;
}

int main(int argc, char **argv)
{
	struct race race = {0};
	cleanup_free char *error = NULL;
	size_t n = 0;

	log_init("race-claims", 2);
	if (argc < 4 || (strcmp(argv[2], "seconds") == 0 && argc < 5))
		die("usage: race-claims DIR attempts N [SCENARIO...] | DIR seconds N PROGRAM "
		    "[SCENARIO...]");
	bool with_program = strcmp(argv[2], "seconds") == 0;
	char **names = argv + (with_program ? 5 : 4);
	top = argv[1];
	race.program = with_program ? argv[4] : NULL;
	alice = user("alice");
	bob = user("bob");
	qemu = user("qemu");
	team = getgrnam("team")->gr_gid;
	umask(022);
	if (chdir(top) < 0)
		die_errno("cannot enter %s", top);
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die_errno("cannot share memory");
	for (size_t i = 0; i < N_SCENARIOS; i++)
		n += is_wanted(&scenarios[i], names);
	if (n == 0)
		die("there is no such scenario");
	race.each = strtod(argv[3], NULL) / (double)n;
	if (!settings_read(&race.settings, NULL, &error))
		die("%s", error);
	if (!race.program && !journal_lock(true, &error))
		die("%s", error);
	make_victims();
	hide_output();
	double begin = seconds();
	for (size_t i = 0; i < N_SCENARIOS; i++)
		if (is_wanted(&scenarios[i], names))
			run_scenario(&race, &scenarios[i]);
	print_count("all", &race.total, race.swaps, seconds() - begin);
	fprintf(out,
		"# the watcher looked %lu times at up to %zu victims and saw %lu changes; %lu "
		"left\n",
		shared->sweeps, n_victims, shared->watched, left);
	if (!race.total.claimed || !race.total.refused)
		race.no_race = true;
	if (race.no_race)
		fprintf(out, "# NO RACE: nothing was swapped, or claimed, or refused\n");
	finished = true;
	settings_free(&race.settings);
	fflush(out);
	return race.total.wins || shared->watched || left || race.no_race ? 1 : 0;
}
