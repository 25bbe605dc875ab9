/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/running.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/proc_text.h"
#include "base/process.h"
#include "path/look.h"
#include "qemu/executable.h"
#include "qemu/guest_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As long as command lines can be (execve(2): a quarter of the largest stack limit, 6 MiB). */
#define MAX_SIZE ((size_t)8 * 1024 * 1024)
/* Above what the caller of a QEMU passes to it by number. */
#define FIRST_OWN 512
/* The file in which libvirt notes the process of a domain. */
#define DOMAIN "/run/libvirt/qemu/%s.pid"

/* The numbers below are for descriptors of the QEMU that is looked at. */
static int out_of_the_way(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN);

	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

/* Which of root's a process is. */

static char *read_link(int directory, const char *name)
{
	char text[PATH_MAX + 1];
	ssize_t n = readlinkat(directory, name, text, sizeof text - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return xstrdup(text);
}

/* Whether the executable is the file of an installed QEMU, whatever name it was started by. */
static bool is_installed(int process)
{
	struct stat exe, st;

	if (!look_stat_link(process, "exe", &exe))
		return false;
	for (const char *const *dir = qemu_executable_directories; *dir; dir++) {
		size_t length = 0;
		cleanup_free char *names = look_names(AT_FDCWD, *dir, &length);
		for (const char *name = names; name && name < names + length;
			name += strlen(name) + 1) {
			cleanup_free char *path = xasprintf("%s/%s", *dir, name);
			if (qemu_executable_is_name(name) && look_stat(AT_FDCWD, path, 0, &st) &&
				st.st_dev == exe.st_dev && st.st_ino == exe.st_ino)
				return true;
		}
	}
	return false;
}

static bool status_of(int process, struct proc_status *status)
{
	cleanup_free char *text = io_read_file(process, "status", MAX_SIZE, NULL);
	cleanup_free char *ignored = NULL;

	return text && proc_status_parse(text, status, &ignored);
}

/* Whether any of its ids is root's: what has only put root aside can be root again. */
static bool is_roots(int process, uid_t *uid)
{
	struct proc_status status;

	if (!status_of(process, &status))
		return false;
	bool is = false;
	for (size_t i = 0; i < N_ELEMENTS(status.uid); i++)
		is = is || status.uid[i] == 0;
	*uid = status.uid[PROC_EFFECTIVE];
	proc_status_free(&status);
	return is;
}

static bool is_wanted(int process)
{
	cleanup_free char *exe = read_link(process, "exe");
	uid_t uid;

	return exe && (qemu_executable_is_name(exe) || is_installed(process)) &&
	       is_roots(process, &uid);
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

bool running_find(pid_t **pids, size_t *n, char **error)
{
	cleanup_dir DIR *dir = opendir("/proc");
	const struct dirent *d;

	*pids = NULL;
	*n = 0;
	if (!dir)
		return error_set_errno(error, "cannot list the processes in /proc");
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		cleanup_fd int process =
			openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0 || !is_wanted(process))
			continue;
		ARRAY_GROW(*pids, *n);
		(*pids)[(*n)++] = (pid_t)strtol(d->d_name, NULL, 10);
	}
	if (errno)
		return error_set_errno(error, "cannot list the processes in /proc");
	if (*n)
		qsort(*pids, *n, sizeof **pids, compare_pids);
	return true;
}

/* What is to be asked in its place. */

/* The namespace or root directory that is not ours; NULL: there is none. Static. */
static const char *other_place(int process)
{
	static const char *const links[][2] = {{"ns/mnt", "mount namespace"},
		{"ns/pid", "PID namespace"}, {"ns/net", "network namespace"},
		{"ns/user", "user namespace"}, {"root", "root directory"}};

	for (size_t i = 0; i < N_ELEMENTS(links); i++) {
		cleanup_free char *own_path = xasprintf("/proc/self/%s", links[i][0]);
		cleanup_free char *theirs = read_link(process, links[i][0]);
		cleanup_free char *ours = read_link(AT_FDCWD, own_path);
		if (!theirs || !ours || strcmp(theirs, ours) != 0)
			return links[i][1];
	}
	return NULL;
}

/* Whether libvirt has noted the process as that of a domain, which QEMU's -name names. */
static bool is_libvirts(const struct running *running)
{
	cleanup_free char *guest = qemu_guest_name(running->text, running->length);
	cleanup_free char *path = guest ? xasprintf(DOMAIN, guest) : NULL;
	char line[32];

	return path && !strchr(guest, '/') && io_read_line(AT_FDCWD, path, line, sizeof line) &&
	       strtol(line, NULL, 10) == running->pid;
}

static char *without_deleted(char *path)
{
	/* The next start has what was installed in its place. */
	if (path)
		path[proc_path_length(path)] = '\0';
	return path;
}

static void split_words(struct running *running)
{
	size_t n = 0;

	for (const char *p = running->text; p < running->text + running->length;
		p += strlen(p) + 1) {
		running->words = xreallocarray(running->words, n + 2, sizeof *running->words);
		running->words[n] = xstrdup(n ? p : running->program);
		running->words[++n] = NULL;
	}
}

/* The value of a variable in an environ file; NULL: it is not set. */
static const char *find_variable(const char *text, size_t length, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p && p < text + length; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/*
 * QEMU as a daemon changes to / (os_setup_post() of os-posix.c); what remains is what the shell
 * that started it has told it.
 */
static int open_directory(struct running *running)
{
	bool is_daemon = false;

	for (char **word = running->words; *word; word++)
		is_daemon = is_daemon || strcmp(*word, "-daemonize") == 0 ||
			    strcmp(*word, "--daemonize") == 0;
	if (!is_daemon)
		return look_open_link(running->directory, "cwd");
	size_t length = 0;
	cleanup_free char *text = io_read_file(running->directory, "environ", MAX_SIZE, &length);
	const char *told = find_variable(text, length, "PWD");
	running->has_left = !told || *told != '/';
	return look_open(AT_FDCWD, running->has_left ? "/" : told, O_DIRECTORY);
}

static char *why_not(struct running *running)
{
	uid_t uid = 0;

	running->program = without_deleted(read_link(running->directory, "exe"));
	running->text = io_read_file(running->directory, "cmdline", MAX_SIZE, &running->length);
	if (!running->text || !running->length || !running->program)
		return xstrdup("it has ended, or cannot be read");
	if (!is_roots(running->directory, &uid))
		return xasprintf("it does not run as root, but as uid %u", uid);
	const char *place = other_place(running->directory);
	if (place)
		return xasprintf("it has another %s, as in a container: run it there", place);
	split_words(running);
	running->cwd = out_of_the_way(open_directory(running));
	if (running->cwd < 0)
		return xasprintf("the directory in which it was started cannot be opened: %s",
			strerror(errno));
	if (is_libvirts(running))
		return xstrdup("it is a domain of libvirt, which starts it as the user of "
			       "qemu.conf: virt-priv-conf set user qemu");
	return NULL;
}

void running_read(struct running *running, pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d", pid);

	*running = (struct running){.pid = pid, .cwd = -1};
	running->directory = out_of_the_way(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	running->why_not =
		running->directory < 0 ? xstrdup("there is no such process") : why_not(running);
}

void running_close(struct running *running)
{
	for (char **word = running->words; word && *word; word++)
		free(*word);
	free(running->words);
	free(running->text);
	free(running->program);
	free(running->why_not);
	if (running->directory >= 0)
		close(running->directory);
	if (running->cwd >= 0)
		close(running->cwd);
	*running = (struct running){.directory = -1, .cwd = -1};
}

const char *running_why_changed(const struct running *running)
{
	size_t length;
	cleanup_free char *now = io_read_file(running->directory, "cmdline", MAX_SIZE, &length);

	if (!now || !length)
		return "it has ended meanwhile";
	if (length != running->length || memcmp(now, running->text, length) != 0)
		return "it has executed another command line meanwhile; check it again";
	return NULL;
}

bool running_enter(const struct running *running, char **error)
{
	static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR",
		"XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER", "HOME"};
	size_t length = 0;
	cleanup_free char *text = io_read_file(running->directory, "environ", MAX_SIZE, &length);

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const char *value = find_variable(text, length, names[i]);
		if (value)
			setenv(names[i], value, 1);
		else
			unsetenv(names[i]);
	}
	if (fchdir(running->cwd) < 0)
		return error_set_errno(error, "cannot change to its current directory");
	process_assume_ended(running->pid);
	return true;
}

/* A file that QEMU looks for where it was started; NULL: there is none. */
static const char *relative_path(const struct qemuargs *args)
{
	for (size_t i = 0; i < args->n_resources; i++) {
		const struct qemuargs_resource *r = &args->resources[i];
		bool is_file = r->kind < RESOURCE_TAP || r->kind == RESOURCE_MEMORY;
		if (is_file && r->path && r->path[0] != '/' && !r->is_searched)
			return r->path;
	}
	return NULL;
}

bool running_take_over(const struct running *running, const struct qemuargs *args, char **error)
{
	const char *relative = running->has_left ? relative_path(args) : NULL;
	cleanup_fd int process = (int)syscall(SYS_pidfd_open, running->pid, 0);

	if (relative)
		return error_set(error,
			"%s is relative to the directory in which it was started, which a daemon "
			"leaves; check the script that starts it: virt-priv-run --check",
			relative);
	/* Only then is it this very process that it leads to. */
	if (process < 0 || running_why_changed(running))
		return true;
	for (size_t i = 0; i < args->n_resources; i++) {
		const struct qemuargs_resource *r = &args->resources[i];
		long number = r->kind == RESOURCE_FD && r->path ? strtol(r->path, NULL, 10) : -1;
		if (number <= STDERR_FILENO || number >= FIRST_OWN)
			continue;
		/* What it has closed since (-add-fd), it had: or it would not run. */
		cleanup_fd int fd = (int)syscall(SYS_pidfd_getfd, process, (int)number, 0);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			io_replace_fd((int)number, fd, 0);
	}
	return true;
}
