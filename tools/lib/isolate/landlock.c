/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/landlock.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "isolate/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Newer than the kernel headers of some distributions: versions 3, 4, 5 and 6. */
#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#define ACCESS_NET_BIND_TCP (UINT64_C(1) << 0)
#define ACCESS_NET_CONNECT_TCP (UINT64_C(1) << 1)
#define RULE_NET_PORT 2
#define SCOPE_ABSTRACT (UINT64_C(1) << 0) /* abstract UNIX sockets */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

/* Of a file; the others are of directories alone, and no rule of a file may have them. */
#define FILE_ACCESS                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |                               \
		LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE | ACCESS_FS_IOCTL_DEV)
#define USE                                                                                        \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                              \
		LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE | ACCESS_FS_IOCTL_DEV)
#define MAKE                                                                                       \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |                               \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE |                    \
		LANDLOCK_ACCESS_FS_REMOVE_DIR)
/* What a guest makes in a directory that is shared with it. */
#define MAKE_MORE (LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO)

/* The version of the kernel's interface; 0 and errno: it has none, or it is turned off. */
static int get_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

/* errno: of the version that could not be had. */
static char *why_not(void)
{
	return xasprintf(
		"cannot use Landlock: %s; boot with a list lsm= that contains landlock, on "
		"a kernel with CONFIG_SECURITY_LANDLOCK",
		strerror(errno));
}

char *landlock_why_not(bool has_root)
{
	int version = get_version();

	if (version == 0)
		return isolation_is_lack(errno) ? why_not() : NULL;
	return version > 1 || has_root ? NULL
				       : xstrdup("the kernel's version of Landlock is 1, and 2 is "
						 "the first that lets files be moved");
}

bool landlock_has_scopes(void)
{
	return get_version() >= 6;
}

/*
 * With the host's root directory: the scopes alone or, where the kernel has none yet, two kinds of
 * access, of which one is allowed everywhere, and the other one takes a capability that QEMU has
 * not.
 */
static struct ruleset known_by_host(int version, uint64_t scopes)
{
	bool has_abstract = version >= 6 && (scopes & SCOPE_ABSTRACT);

	return (struct ruleset){
		.handled_access_fs =
			has_abstract ? 0 : LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
		.scoped = version >= 6 ? scopes : 0,
	};
}

static uint64_t scopes_of(const struct isolation *isolation)
{
	return SCOPE_SIGNAL | (isolation->abstract ? 0 : SCOPE_ABSTRACT);
}

/* What is denied but for ports that are named: all of it without the host's network. */
static uint64_t net_access(const struct isolation *isolation)
{
	bool has_network = !(isolation->layers & ISOLATE_NETWORK) || isolation->network;

	return (has_network && isolation->listens.any ? 0 : ACCESS_NET_BIND_TCP) |
	       (has_network && isolation->connects.any ? 0 : ACCESS_NET_CONNECT_TCP);
}

/* As much of it as the kernel knows. */
static struct ruleset known(int version, const struct isolation *isolation)
{
	/* Bits 0 to 12 since version 1, one more with each of 2 (REFER), 3 and 5. */
	unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;

	return (struct ruleset){
		.handled_access_fs = (UINT64_C(1) << bits) - 1,
		.handled_access_net = version >= 4 ? net_access(isolation) : 0,
		.scoped = version >= 6 ? scopes_of(isolation) : 0,
	};
}

static int create(const struct ruleset *rules, int version, char **error)
{
	/* An older kernel refuses a struct that is longer than its own, if there is more in it. */
	size_t size = version >= 6   ? sizeof *rules
		      : version >= 4 ? offsetof(struct ruleset, scoped)
				     : offsetof(struct ruleset, handled_access_net);
	int fd = (int)syscall(SYS_landlock_create_ruleset, rules, size, 0);

	if (fd < 0)
		error_set_errno(error, "cannot create a Landlock ruleset");
	return fd;
}

static bool add(int ruleset, const struct ruleset *rules, int fd, uint64_t access)
{
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = access & rules->handled_access_fs, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool add_path(
	int ruleset, const struct ruleset *rules, const char *path, uint64_t access, char **error)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, "cannot open %s for a Landlock rule", path);
	if (!add(ruleset, rules, fd, S_ISDIR(st.st_mode) ? access : access & FILE_ACCESS))
		return error_set_errno(error, "cannot add a Landlock rule for %s", path);
	return true;
}

/* What the descriptors refer to, as far as it has a name that Landlock would judge. */
static bool add_descriptors(
	int ruleset, const struct ruleset *rules, const int *fds, size_t n, char **error)
{
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		if (fstat(fds[i], &st) < 0)
			return error_set_errno(error, "cannot examine descriptor %d", fds[i]);
		if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
			continue;
		/* EBADFD: of a file system of the kernel's own, as a memfd is, which is not judged.
		 */
		if (!add(ruleset, rules, fds[i], USE & FILE_ACCESS) && errno != EBADFD)
			return error_set_errno(
				error, "cannot add a Landlock rule for descriptor %d", fds[i]);
	}
	return true;
}

/* What has programs, of a QEMU that starts others. */
static bool add_places(
	int ruleset, const struct ruleset *rules, const struct isolation *isolation, char **error)
{
	for (size_t i = 0; i < isolation->n_paths; i++) {
		const struct isolation_path *path = &isolation->paths[i];
		if (path->executes && !(path->optional && access(path->path, F_OK) < 0) &&
			!add_path(ruleset, rules, path->path, LANDLOCK_ACCESS_FS_EXECUTE, error))
			return false;
	}
	return true;
}

static bool add_programs(
	int ruleset, const struct ruleset *rules, const struct isolation *isolation, char **error)
{
	cleanup_free char *loader = NULL;

	if (isolation->executes && !add_places(ruleset, rules, isolation, error))
		return false;
	if (!add_path(ruleset, rules, isolation->program, LANDLOCK_ACCESS_FS_EXECUTE, error) ||
		!program_loader(isolation->program, &loader, error))
		return false;
	return !loader || add_path(ruleset, rules, loader, LANDLOCK_ACCESS_FS_EXECUTE, error);
}

static bool add_ports(int ruleset, const struct ruleset *rules, const struct isolation_ports *ports,
	uint64_t access, char **error)
{
	for (size_t i = 0; i < ports->n && (rules->handled_access_net & access); i++) {
		const struct {
			uint64_t allowed_access, port;
		} rule = {access, ports->all[i]};
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
			return error_set_errno(
				error, "cannot add a Landlock rule for port %u", ports->all[i]);
	}
	return true;
}

static bool add_rules(
	int ruleset, const struct ruleset *rules, const struct isolation *isolation, char **error)
{
	bool has_root = isolation->layers & ISOLATE_ROOT;

	if (!add_path(ruleset, rules, "/", USE, error) ||
		!add_path(ruleset, rules, isolation->home, MAKE, error) ||
		!add_path(ruleset, rules, has_root ? "/tmp" : "/var/tmp", MAKE, error) ||
		!add_path(ruleset, rules, "/dev/shm", MAKE, error))
		return false;
	for (size_t i = 0; i < isolation->n_paths; i++) {
		const struct isolation_path *path = &isolation->paths[i];
		if (path->makes &&
			!add_path(ruleset, rules, path->path,
				path->moves ? MAKE | MAKE_MORE | LANDLOCK_ACCESS_FS_REFER : MAKE,
				error))
			return false;
	}
	return add_ports(ruleset, rules, &isolation->listens, ACCESS_NET_BIND_TCP, error) &&
	       add_ports(ruleset, rules, &isolation->connects, ACCESS_NET_CONNECT_TCP, error) &&
	       add_programs(ruleset, rules, isolation, error);
}

/* With errno. */
static bool put_in_force(int ruleset, char **error)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
		return true;
	int number = errno;
	error_set_errno(error, "cannot put the Landlock rules in force");
	errno = number;
	return false;
}

/* A socket that listens under an abstract name of the kernel's choice; -1 and errno: none. */
static int listen_abstractly(struct sockaddr_un *address, socklen_t *length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const sa_family_t family = AF_UNIX;

	*length = sizeof *address;
	if (fd < 0 || (bind(fd, (const struct sockaddr *)&family, sizeof family) == 0 &&
			      listen(fd, 1) == 0 &&
			      getsockname(fd, (struct sockaddr *)address, length) == 0))
		return fd;
	close(fd);
	return -1;
}

/* What only Landlock denies: a connection to a socket made before; making a device as EACCES. */
static bool verify_scopes(const struct sockaddr_un *address, socklen_t length, char **error)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set_errno(error, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)address, length) == 0)
		return error_set(error, "Landlock rules are in force, but an abstract socket from "
					"outside could be connected to");
	return errno == EPERM ||
	       error_set_errno(error, "Landlock rules are in force, but connecting to an abstract "
				      "socket failed in an unexpected way");
}

/* Where mode and owner allow to make a file, which tells their denial from that of Landlock. */
static bool is_writable(const struct isolation *isolation, char **error)
{
	return access(isolation->home, W_OK | X_OK) == 0 ||
	       error_set_errno(error, "cannot verify the Landlock rules: %s is not writable",
		       isolation->home);
}

static bool verify_kinds(const struct isolation *isolation, char **error)
{
	cleanup_free char *path = xasprintf("%s/.landlock", isolation->home);

	if (!is_writable(isolation, error))
		return false;
	return (mknod(path, S_IFBLK | 0600, 0) < 0 && errno == EACCES) ||
	       error_set_errno(error,
		       "Landlock rules are in force, but making the device %s was not denied by "
		       "them",
		       path);
}

/* With the host's root directory. */
static bool restrict_scopes(const struct isolation *isolation, int version, char **error)
{
	const struct ruleset rules = known_by_host(version, scopes_of(isolation));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length;
	cleanup_fd int outside = listen_abstractly(&address, &length);
	cleanup_fd int ruleset = create(&rules, version, error);

	if (outside < 0)
		return error_set_errno(error, "cannot make a socket");
	if (ruleset < 0 || (rules.handled_access_fs && !add_path(ruleset, &rules, "/",
							       LANDLOCK_ACCESS_FS_REFER, error)))
		return false;
	/* It may be one ruleset too many for a process. */
	if (!put_in_force(ruleset, error))
		return isolation_goes_without(isolation, ISOLATE_LANDLOCK, errno, error);
	return rules.scoped & SCOPE_ABSTRACT ? verify_scopes(&address, length, error)
					     : verify_kinds(isolation, error);
}

/* What only Landlock denies in a directory of the VM's own. */
static bool verify(const struct isolation *isolation, char **error)
{
	cleanup_free char *path = xasprintf("%s/.landlock", isolation->home);

	if (!is_writable(isolation, error))
		return false;
	if (symlink("/", path) == 0) {
		unlink(path);
		return error_set(error, "Landlock rules are in force, but %s could be made", path);
	}
	if (errno != EACCES)
		return error_set_errno(error,
			"Landlock rules are in force, but making %s failed in an unexpected way",
			path);
	return true;
}

bool landlock_restrict(
	const struct isolation *isolation, const int *fds, size_t n_fds, char **error)
{
	int version = get_version();
	const struct ruleset rules = known(version, isolation);

	if (version == 0) {
		int number = errno;
		*error = why_not();
		return isolation_goes_without(isolation, ISOLATE_LANDLOCK, number, error);
	}
	if (!(isolation->layers & ISOLATE_ROOT))
		return restrict_scopes(isolation, version, error);
	cleanup_fd int ruleset = create(&rules, version, error);
	if (ruleset < 0 || !add_rules(ruleset, &rules, isolation, error) ||
		!add_descriptors(ruleset, &rules, fds, n_fds, error))
		return false;
	if (!put_in_force(ruleset, error))
		return false;
	return verify(isolation, error);
}
