/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/creds.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The kernel's sets are 64 bits wide: linux/capability.h, kernel_cap_t. */
#define MAX_CAPABILITIES 64
#define BIT(capability) (UINT64_C(1) << (capability))

uint64_t creds_capability(const char *name)
{
	cleanup_free char *lower = xstrdup(name);

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	int capability =
		capng_name_to_capability(strncmp(lower, "cap_", 4) == 0 ? lower + 4 : lower);
	return capability < 0 ? 0 : BIT(capability);
}

char *creds_capability_names(uint64_t mask)
{
	char *names = xstrdup(mask ? "" : "none");

	for (unsigned c = 0; c < MAX_CAPABILITIES; c++) {
		if (!(mask & BIT(c)))
			continue;
		cleanup_free char *before = names;
		const char *name = capng_capability_to_name(c);
		cleanup_free char *full = name ? xasprintf("CAP_%s", name) : xasprintf("%u", c);
		for (char *p = full; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		names = xasprintf("%s%s%s", before, *before ? "," : "", full);
	}
	return names;
}

/* What can't be verified is not gone on with. */
static void read_status(struct proc_status *status)
{
	cleanup_free char *error = NULL;

	if (!proc_status_self(status, &error))
		die("%s", error);
}

/*
 * SECBIT_NOROOT: exec as uid 0 gains nothing. SECBIT_NO_SETUID_FIXUP: a change
 * of uid neither gives nor takes capabilities, so that taking them is our own
 * explicit, verified step. Both locked, with KEEP_CAPS locked off: the program
 * can't undo them (capabilities(7)). capng_lock() of libcap-ng 0.8 would
 * overwrite bits that the caller had set.
 */
static unsigned long securebits_for(const struct creds *wanted, unsigned long current)
{
	unsigned long bits = (current & ~(unsigned long)SECBIT_KEEP_CAPS) | SECBIT_NOROOT |
			     SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

	/* Kept capabilities are raised in the ambient set after this. */
	if (!wanted->keep)
		bits |= SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	return bits;
}

static unsigned long get_securebits(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	if (bits < 0)
		die_errno("cannot read the securebits");
	return (unsigned long)bits;
}

/*
 * Must come before the uid changes: PR_CAPBSET_DROP needs CAP_SETPCAP. It is
 * asked of the kernel capability by capability, up to the last that it knows
 * (EINVAL), because capng_apply(CAPNG_SELECT_BOUNDS) of libcap-ng 0.8 says that
 * all is well without CAP_SETPCAP, and knows the kernel's capabilities by a
 * file only.
 */
static void drop_bounding_set(uint64_t keep)
{
	for (unsigned long c = 0; c < MAX_CAPABILITIES; c++) {
		if ((keep & BIT(c)) || prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return;
		cleanup_free char *name = creds_capability_names(BIT(c));
		die_errno("cannot drop %s from the bounding set", name);
	}
}

/*
 * Until execve(2) this process still has root's memory and descriptors, and another one of the
 * same uid must not get at them: it could trace it, or read /proc/PID/mem and /proc/PID/fd. The
 * change of uid has it not dumpable already, unless fs.suid_dumpable says otherwise
 * (kernel/cred.c, commit_creds()). Between the two, what protects it are the capabilities
 * that it still has, since SECBIT_NO_SETUID_FIXUP keeps them (security/commoncap.c,
 * cap_ptrace_access_check()). execve(2) makes it dumpable again (fs/exec.c, begin_new_exec()).
 */
static void forbid_tracing(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		die_errno("cannot clear the dumpable attribute (PR_SET_DUMPABLE)");
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	if (dumpable < 0)
		die_errno("cannot read the dumpable attribute (PR_GET_DUMPABLE)");
	if (dumpable != 0)
		die("after dropping privileges, the process is still dumpable");
}

static void change_identity(const struct creds *wanted)
{
	if (setgroups(wanted->identity->n_groups, wanted->identity->groups) < 0)
		die_errno("cannot set the supplementary groups");
	if (setresgid(wanted->identity->gid, wanted->identity->gid, wanted->identity->gid) < 0)
		die_errno("cannot change to gid %u", wanted->identity->gid);
	if (setresuid(wanted->identity->uid, wanted->identity->uid, wanted->identity->uid) < 0)
		die_errno("cannot change to uid %u", wanted->identity->uid);
	if (wanted->identity->uid != 0)
		forbid_tracing();
}

/* The four sets of the thread, through libcap-ng. */
static void apply_sets(uint64_t keep)
{
	capng_clear(CAPNG_SELECT_CAPS);
	capng_clear(CAPNG_SELECT_AMBIENT);
	for (unsigned c = 0; c < MAX_CAPABILITIES; c++) {
		if ((keep & BIT(c)) && capng_update(CAPNG_ADD,
					       CAPNG_EFFECTIVE | CAPNG_PERMITTED |
						       CAPNG_INHERITABLE | CAPNG_AMBIENT,
					       c) < 0)
			die("libcap-ng cannot keep capability %u", c);
	}
	int error = capng_apply(CAPNG_SELECT_CAPS);
	if (error)
		die_errno("cannot set the capability sets (libcap-ng says %d)", error);
	/*
	 * Ambient comes second, since only a permitted and inheritable capability
	 * can be ambient; by the same rule the kernel has just emptied the set
	 * (security/commoncap.c, cap_capset()).
	 */
	error = keep ? capng_apply(CAPNG_SELECT_AMBIENT) : 0;
	if (error)
		die_errno("cannot set the ambient set (libcap-ng says %d)", error);
}

static void forbid_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("cannot set no_new_privs");
}

static void check_set(const char *set, uint64_t actual, uint64_t expected)
{
	if (actual == expected)
		return;
	cleanup_free char *has = creds_capability_names(actual);
	cleanup_free char *should = creds_capability_names(expected);
	die("after dropping privileges, the %s set is %016llx (%s), not %016llx (%s)", set,
		(unsigned long long)actual, has, (unsigned long long)expected, should);
}

static void check_ids(const char *kind, const uint32_t actual[4], uint32_t expected)
{
	for (int i = 0; i < 4; i++)
		if (actual[i] != expected)
			die("after dropping privileges, the four %ss are %u %u %u %u, not all %u",
				kind, actual[0], actual[1], actual[2], actual[3], expected);
}

static void check_groups(const struct proc_status *status, const struct creds *wanted)
{
	bool same = status->n_groups == wanted->identity->n_groups;

	for (size_t i = 0; same && i < wanted->identity->n_groups; i++)
		same = status->groups[i] == wanted->identity->groups[i];
	if (!same)
		die("after dropping privileges, the process has %zu supplementary groups, not "
		    "exactly the %zu that were set",
			status->n_groups, wanted->identity->n_groups);
}

/*
 * The proof that nothing else can give: the way back is closed. A failure must
 * be EPERM; anything else says nothing about it.
 */
static void check_no_way_back(void)
{
	if (setresuid(0, 0, 0) == 0)
		die("after dropping privileges, uid 0 could be regained");
	if (errno != EPERM)
		die_errno("after dropping privileges, trying to become uid 0 failed in an "
			  "unexpected way");
}

static void verify(
	const struct creds *wanted, const struct proc_status *before, unsigned long securebits)
{
	struct proc_status now;
	bool may_set_ids = wanted->keep_all || (wanted->keep & BIT(CAP_SETUID));

	if (wanted->identity->uid != 0 && !may_set_ids)
		check_no_way_back();
	if (get_securebits() != securebits)
		die("after dropping privileges, the securebits are not 0x%lx", securebits);

	read_status(&now);
	check_ids("uid", now.uid, wanted->identity->uid);
	check_ids("gid", now.gid, wanted->identity->gid);
	check_groups(&now, wanted);
	check_set("permitted", now.permitted, wanted->keep_all ? before->permitted : wanted->keep);
	check_set("effective", now.effective, wanted->keep_all ? before->effective : wanted->keep);
	check_set("inheritable", now.inheritable,
		wanted->keep_all ? before->inheritable : wanted->keep);
	check_set("ambient", now.ambient, wanted->keep_all ? before->ambient : wanted->keep);
	check_set("bounding", now.bounding, wanted->keep_all ? before->bounding : wanted->keep);
	if (!now.no_new_privs && !wanted->allow_new_privs)
		die("after dropping privileges, no_new_privs is not set");
	proc_status_free(&now);
}

/* Says beforehand, and by name, what the steps below could only fail with. */
static void check_means(const struct creds *wanted, const struct proc_status *before)
{
	uint64_t lacking = (BIT(CAP_SETUID) | BIT(CAP_SETGID)) & ~before->effective;

	if (lacking) {
		cleanup_free char *names = creds_capability_names(lacking);
		die("cannot change the identity without %s in the effective set", names);
	}
	lacking = wanted->keep & ~(before->permitted & before->bounding);
	if (lacking) {
		cleanup_free char *names = creds_capability_names(lacking);
		die("cannot keep %s: not in this process's permitted and bounding sets", names);
	}
}

void creds_drop(const struct creds *wanted)
{
	struct proc_status before;
	unsigned long securebits = get_securebits();

	read_status(&before);
	check_means(wanted, &before);
	if (!wanted->keep_all) {
		bool may = before.effective & BIT(CAP_SETPCAP);
		if (!may && (before.bounding & ~wanted->keep))
			die("cannot empty the bounding set without CAP_SETPCAP in the effective "
			    "set");
		/* With the bounding set empty already, securebits guard nothing more. */
		if (may) {
			securebits = securebits_for(wanted, securebits);
			if (prctl(PR_SET_SECUREBITS, securebits) < 0)
				die_errno("cannot set the securebits to 0x%lx", securebits);
			drop_bounding_set(wanted->keep);
		}
	}
	change_identity(wanted);
	if (!wanted->keep_all)
		apply_sets(wanted->keep);
	if (!wanted->allow_new_privs)
		forbid_new_privs();
	verify(wanted, &before, securebits);
	proc_status_free(&before);
}

void creds_drop_unprivileged(bool allow_new_privs)
{
	struct proc_status now;

	apply_sets(0);
	if (!allow_new_privs)
		forbid_new_privs();

	read_status(&now);
	if (now.uid[PROC_REAL] == 0)
		die("cannot keep the identity of root");
	check_ids("uid", now.uid, now.uid[PROC_REAL]);
	check_ids("gid", now.gid, now.gid[PROC_REAL]);
	check_set("permitted", now.permitted, 0);
	check_set("effective", now.effective, 0);
	check_set("inheritable", now.inheritable, 0);
	check_set("ambient", now.ambient, 0);
	if (!now.no_new_privs && !allow_new_privs)
		die("after dropping privileges, no_new_privs is not set");
	if (now.bounding) {
		cleanup_free char *names = creds_capability_names(now.bounding);
		info("the bounding set is not emptied (requires CAP_SETPCAP): %s", names);
	}
	proc_status_free(&now);
}
