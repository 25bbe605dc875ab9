/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/attempt.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Before each answer. */
struct header {
	uint64_t question, length;
	bool has_fd;
};

struct asker {
	pid_t pid;
	int from;
};

/* Of this program: what was given up, and what it cost. */
static pid_t *given_up;
static size_t n_given_up;
static dev_t *silent;
static size_t n_silent;
static unsigned spent;
static bool has_waited;

static unsigned now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)((unsigned long long)t.tv_sec * 1000 +
			  (unsigned long long)t.tv_nsec / 1000000);
}

static unsigned limit(void)
{
	unsigned left = spent < ATTEMPT_ALL_MS ? ATTEMPT_ALL_MS - spent : 0;
	unsigned one = has_waited ? ATTEMPT_NEXT_MS : ATTEMPT_FIRST_MS;

	return one < left ? one : left;
}

static bool is_silent(dev_t device)
{
	for (size_t i = 0; i < n_silent; i++)
		if (device && silent[i] == device)
			return true;
	return false;
}

static void note_silent(dev_t device)
{
	if (!device || is_silent(device))
		return;
	ARRAY_GROW(silent, n_silent);
	silent[n_silent++] = device;
}

/* What can be waited for without waiting. */
static void reap(void)
{
	for (size_t i = 0; i < n_given_up;)
		if (waitpid(given_up[i], NULL, WNOHANG) != 0)
			given_up[i] = given_up[--n_given_up];
		else
			i++;
}

bool attempt_is_child(pid_t pid)
{
	reap();
	for (size_t i = 0; i < n_given_up; i++)
		if (given_up[i] == pid)
			return true;
	return false;
}

const char *attempt_why(int number)
{
	static char text[64];

	if (number != ATTEMPT_SILENT)
		return strerror(number);
	snprintf(text, sizeof text, "not answered in %d s", ATTEMPT_FIRST_MS / 1000);
	return text;
}

/*
 * The child.
 */

void attempt_put(struct attempt_out *out, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	out->bytes = xreallocarray(out->bytes, out->length + length, 1);
	memcpy(out->bytes + out->length, bytes, length);
	out->length += length;
}

/* The reason is what it ends with. */
static _Noreturn void fail(void)
{
	_exit(errno);
}

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * A lock (flock(2)) is held as long as anybody has its descriptor, and who reads from a pipe
 * waits as long as anybody can write to it, standard output included.
 */
static void close_others(const struct attempt *attempt, int out)
{
	cleanup_free int *kept = xcalloc(attempt->n_keep + 1, sizeof *kept);
	unsigned first = 0;

	for (size_t i = 0; i < attempt->n_keep; i++)
		kept[i] = attempt->keep[i];
	kept[attempt->n_keep] = out;
	qsort(kept, attempt->n_keep + 1, sizeof *kept, by_number);
	for (size_t i = 0; i <= attempt->n_keep; i++) {
		if (kept[i] < 0 || (unsigned)kept[i] < first)
			continue;
		if ((unsigned)kept[i] > first &&
			syscall(SYS_close_range, first, (unsigned)kept[i] - 1, 0) < 0)
			fail();
		first = (unsigned)kept[i] + 1;
	}
	if (syscall(SYS_close_range, first, ~0U, 0) < 0)
		fail();
}

static bool send_all(int to, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(to, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return true;
}

static bool send_answer(int to, size_t question, const struct attempt_out *out)
{
	struct header header;
	struct iovec part = {&header, sizeof header};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memset(&header, 0, sizeof header);
	header.question = question;
	header.length = out->length;
	header.has_fd = out->fd >= 0;
	if (header.has_fd) {
		memset(&control, 0, sizeof control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &out->fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)sizeof header &&
	       send_all(to, out->bytes, out->length);
}

/* Its own timer ends it when nobody waits for it any more, whatever became of the parent. */
static void set_timer(void)
{
	struct itimerval timer = {.it_value.tv_sec = 2 * ATTEMPT_ALL_MS / 1000};
	sigset_t set;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0)
		fail();
}

static _Noreturn void answer(const struct attempt *attempt, size_t first, size_t n, int to)
{
	prctl(PR_SET_NAME, "vp-attempt");
	close_others(attempt, to);
	set_timer();
	/* Not to keep a mount busy for as long as another one does not answer. */
	if (chdir("/") < 0)
		fail();
	for (size_t i = first; i < n; i++) {
		struct attempt_out out = {.fd = -1};
		if (attempt->device && is_silent(attempt->device(attempt->context, i)))
			continue;
		attempt->ask(attempt->context, i, &out);
		if (!send_answer(to, i, &out))
			fail();
		if (out.fd >= 0)
			close(out.fd);
		free(out.bytes);
	}
	_exit(0);
}

/*
 * The parent.
 */

static bool begin(const struct attempt *attempt, size_t first, size_t n, struct asker *asker)
{
	int ends[2];

	reap();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	asker->pid = fork();
	if (asker->pid == 0)
		answer(attempt, first, n, ends[1]);
	int number = errno;
	close(ends[1]);
	if (asker->pid < 0) {
		close(ends[0]);
		errno = number;
		return false;
	}
	asker->from = ends[0];
	return true;
}

/* Why the child could not answer, as it has said by its end; 0: it has not. */
static int end(struct asker *asker, bool is_answered)
{
	int status = 0;

	close(asker->from);
	if (!is_answered)
		kill(asker->pid, SIGKILL);
	/* To close what it has open can wait for the same server. */
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, asker->pid, 0);
	struct pollfd polled = {pidfd, POLLIN, 0};
	if (pidfd >= 0)
		while (poll(&polled, 1, 100) < 0 && errno == EINTR)
			;
	pid_t reaped = waitpid(asker->pid, &status, WNOHANG);
	if (reaped != 0)
		return reaped > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	kill(asker->pid, SIGKILL);
	ARRAY_GROW(given_up, n_given_up);
	given_up[n_given_up++] = asker->pid;
	return 0;
}

/* 0: read; ATTEMPT_SILENT; ECANCELED: the child ended without an answer. */
static int receive(int from, void *bytes, size_t length, int *fd, unsigned deadline)
{
	char *to = bytes;

	while (length > 0) {
		struct pollfd polled = {from, POLLIN, 0};
		struct iovec part = {to, length};
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		struct msghdr message = {.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = fd ? &control : NULL,
			.msg_controllen = fd ? sizeof control : 0};
		int left = (int)(deadline - now());
		int ready = left <= 0 ? 0 : poll(&polled, 1, left);
		if (ready == 0)
			return ATTEMPT_SILENT;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return errno;
		ssize_t n = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ECANCELED;
		const struct cmsghdr *rights = fd ? CMSG_FIRSTHDR(&message) : NULL;
		if (rights && rights->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(rights), sizeof *fd);
		to += n;
		length -= (size_t)n;
	}
	return 0;
}

/* The next answer of the child, which is of question i or of a later one. */
static int next_answer(
	const struct asker *asker, uint64_t *i, char **bytes, struct attempt_answer *answer)
{
	unsigned deadline = now() + limit();
	struct header header = {0};

	answer->fd = -1;
	int number = receive(asker->from, &header, sizeof header, &answer->fd, deadline);
	if (number)
		return number;
	*bytes = xmalloc(header.length + 1);
	*i = header.question;
	answer->bytes = *bytes;
	answer->length = header.length;
	number = receive(asker->from, *bytes, header.length, NULL, deadline);
	if (!number && header.has_fd && answer->fd < 0)
		number = EMFILE;
	if (number && answer->fd >= 0)
		close(answer->fd);
	return number;
}

static void tell(const struct attempt *attempt, size_t i, int number)
{
	struct attempt_answer answer = {.number = number, .fd = -1};

	attempt->take(attempt->context, i, &answer);
}

/* Answers from question i on, as far as they come. Returns the first one that did not. */
static size_t take_answers(
	const struct attempt *attempt, size_t i, size_t n, const struct asker *asker, int *number)
{
	while (i < n) {
		struct attempt_answer answer = {0};
		cleanup_free char *bytes = NULL;
		uint64_t question = i;
		/* As the child does. */
		if (attempt->device && is_silent(attempt->device(attempt->context, i))) {
			tell(attempt, i++, ATTEMPT_SILENT);
			continue;
		}
		*number = next_answer(asker, &question, &bytes, &answer);
		if (!*number && question != i) {
			if (answer.fd >= 0)
				close(answer.fd);
			*number = EPROTO;
		}
		if (*number)
			return i;
		attempt->take(attempt->context, i++, &answer);
	}
	return i;
}

void attempt(const struct attempt *attempt, size_t n)
{
	size_t i = 0;

	while (i < n) {
		struct asker asker;
		int number = 0;
		bool is_begun = limit() > 0 && begin(attempt, i, n, &asker);
		if (!is_begun) {
			/* Where no process can be had, none can be had for the others either. */
			number = limit() > 0 ? errno : ATTEMPT_SILENT;
			for (; i < n; i++)
				tell(attempt, i, number);
			return;
		}
		unsigned one = limit();
		i = take_answers(attempt, i, n, &asker, &number);
		int why = end(&asker, number == 0);
		if (i == n)
			return;
		if (number == ECANCELED && why)
			number = why;
		if (number == ATTEMPT_SILENT) {
			spent += one;
			has_waited = true;
			if (attempt->device)
				note_silent(attempt->device(attempt->context, i));
		}
		tell(attempt, i++, number);
	}
}
