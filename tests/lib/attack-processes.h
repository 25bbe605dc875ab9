/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts of attack.c to execute programs, and at other processes. */
#pragma once

#include "attack.h"

static pid_t fork_plainly(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static bool succeeds(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static enum outcome executes(int fd, const char *path)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 0", NULL};
	char *const environment[] = {NULL};
	pid_t pid = fork_plainly();

	if (pid == 0) {
		syscall(SYS_execveat, fd, path, argv, environment, fd < 0 ? 0 : AT_EMPTY_PATH);
		_exit(1);
	}
	return is(succeeds(pid));
}

static enum outcome exec_shell(void)
{
	return executes(AT_FDCWD, "/bin/sh");
}

/* Copies the shell to fd. */
static bool copy_shell(int fd)
{
	char bytes[65536];
	ssize_t n = 0;
	int from = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	while (from >= 0 && (n = read(from, bytes, sizeof bytes)) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			return false;
	return from >= 0 && n == 0;
}

static enum outcome exec_memory(void)
{
	int fd = memfd_create("attack", 0);

	return fd >= 0 && copy_shell(fd) ? executes(fd, "") : DENIED;
}

static enum outcome exec_dropped(void)
{
	const char *home = getenv("HOME");
	const char *const dirs[] = {home ? home : "/", "/tmp", "/dev/shm"};
	enum outcome outcome = DENIED;

	for (size_t i = 0; i < N_ELEMENTS(dirs) && outcome == DENIED; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/attack", dirs[i]);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
		bool good = fd >= 0 && copy_shell(fd);
		if (fd >= 0)
			close(fd);
		if (good)
			outcome = executes(AT_FDCWD, path);
		unlink(path);
	}
	return outcome;
}

static enum outcome exec_fork(void)
{
	pid_t pid = fork_plainly();

	if (pid == 0)
		_exit(0);
	return is(succeeds(pid));
}

static enum outcome process_of(bool reached)
{
	return t.pid ? is(reached) : ABSENT;
}

static enum outcome proc_signal(void)
{
	return process_of(kill(t.pid, 0) == 0 || syscall(SYS_tgkill, t.pid, t.pid, 0) == 0);
}

static enum outcome proc_runner(void)
{
	return is(kill(getppid(), 0) == 0 || (t.runner && kill(t.runner, 0) == 0));
}

static enum outcome proc_group(void)
{
	return process_of(getpgid(t.pid) > 0 || getsid(t.pid) > 0);
}

/* Who is to get the signals of a descriptor: whether there is such a process. */
static enum outcome proc_owner(void)
{
	int fds[2] = {-1, -1}, pid = t.pid;
	bool any = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
		   (fcntl(fds[0], F_SETOWN, pid) == 0 || ioctl(fds[0], FIOSETOWN, &pid) == 0);

	close(fds[0]);
	close(fds[1]);
	return process_of(any);
}

static enum outcome proc_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, t.pid};
	struct __user_cap_data_struct data[2];

	return process_of(syscall(SYS_capget, &head, data) == 0);
}

static enum outcome proc_schedule(void)
{
	cpu_set_t cpus;
	struct timespec interval;

	errno = 0;
	bool priority = getpriority(PRIO_PROCESS, (id_t)t.pid) != -1 || errno == 0;
	return process_of(priority || sched_getaffinity(t.pid, sizeof cpus, &cpus) == 0 ||
			  sched_getscheduler(t.pid) >= 0 ||
			  sched_rr_get_interval(t.pid, &interval) == 0 ||
			  syscall(SYS_ioprio_get, 1, t.pid) >= 0);
}

static enum outcome proc_limits(void)
{
	struct rlimit now;

	return process_of(syscall(SYS_prlimit64, t.pid, RLIMIT_NOFILE, NULL, &now) == 0);
}

static enum outcome proc_clock(void)
{
	clockid_t clock;
	struct timespec time;

	return process_of(
		clock_getcpuclockid(t.pid, &clock) == 0 && clock_gettime(clock, &time) == 0);
}

static enum outcome proc_trace(void)
{
	bool reached = t.pid && ptrace(PTRACE_SEIZE, t.pid, NULL, NULL) == 0;

	if (reached) {
		ptrace(PTRACE_INTERRUPT, t.pid, NULL, NULL);
		waitpid(t.pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, t.pid, NULL, NULL);
	}
	return process_of(reached);
}

/* Of nothing, at an address that is not mapped: EFAULT means that it was allowed. */
static enum outcome proc_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)8, 1};

	return process_of(process_vm_readv(t.pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT);
}

static enum outcome proc_pidfd(void)
{
	return process_of(syscall(434 /* pidfd_open */, t.pid, 0) >= 0);
}

static enum outcome proc_file(const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", t.pid, name);
	return t.pid ? opens(path, O_RDONLY) : ABSENT;
}

static enum outcome proc_files(void)
{
	return is(proc_file("mem") == REACHED || proc_file("environ") == REACHED ||
		  proc_file("root/etc") == REACHED || proc_file("fd") == REACHED);
}

static enum outcome proc_command(void)
{
	return proc_file("cmdline");
}

static enum outcome proc_list(void)
{
	DIR *dir = opendir("/proc");
	int n = 0;

	for (struct dirent *d; dir && (d = readdir(dir)) != NULL;)
		n += atoi(d->d_name) > 0 && atoi(d->d_name) != getpid();
	if (dir)
		closedir(dir);
	return is(n > 0);
}
