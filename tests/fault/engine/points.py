"""Which calls are disturbed, how, and on which processor.

VP_ERRORS=N tries the first N errors alone.
"""
import collections
import concurrent.futures
import multiprocessing
import os
import sys

KILLS = "kill", "cut"
# These can't fail so: libraries take any answer for a success, or abort.
NEVER_FAIL = "brk", "exit_group", "futex", "rt_sigprocmask"


def hows(words):
    """The ways of a list: "kill", or errors. Where errors are counted, nobody waits for who is killed."""
    words = words.split(",")
    errors = [word for word in words if word.partition("/")[0] not in KILLS]
    return errors[:int(os.environ["VP_ERRORS"])] or words if "VP_ERRORS" in os.environ else words


def disturbances(calls, ways, never_fail=NEVER_FAIL, names=(), loader_fails=True):
    """The pairs of a call and how it is disturbed. A way HOW/N takes the first and every Nth call after it of
    each name; names are those of the calls, if not all; calls of the dynamic loader fail in the first way only."""
    for way in ways:
        how, _, step = way.partition("/")
        seen = collections.Counter()
        for call in calls:
            if names and call.name not in names:
                continue
            if how not in KILLS and (call.name in never_fail or (call.by_loader and not (loader_fails and way == ways[0]))):
                continue
            seen[call.name] += 1
            if (seen[call.name] - 1) % int(step or 1) == 0:
                yield call, how


_WORKER = []


def _begin(make, arguments):
    try:
        _WORKER.append(make(*arguments))
    except (OSError, RuntimeError) as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr, flush=True)
        os._exit(1)  # pylint: disable=protected-access # of the pool's process, which has no other end


def _ask(method, arguments):
    try:
        return getattr(_WORKER[0], method)(*arguments)
    except (OSError, RuntimeError) as error:
        raise RuntimeError(f"{method} {' '.join(map(str, arguments))}: {error}") from error


class Workers:
    """make(*arguments) on each processor: an object in a process of its own, which takes one point after the other."""

    def __init__(self, make, *arguments, jobs=None):
        # Forked, so that the processes are small.
        self._pool = concurrent.futures.ProcessPoolExecutor(
            jobs or os.cpu_count(), multiprocessing.get_context("fork"), _begin, (make, arguments))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown()

    def ask(self, method, *arguments):
        """What a method returns, by one of them."""
        try:
            return self._pool.submit(_ask, method, arguments).result()
        except concurrent.futures.process.BrokenProcessPool:
            sys.exit(f"{os.path.basename(sys.argv[0])}: there is nothing to disturb")

    def share(self, method, points):
        """A function that returns what the method does for each of the points, once all have been tried."""
        jobs = [self._pool.submit(_ask, method, point) for point in points]

        def results():
            try:
                return [job.result() for job in jobs]
            except RuntimeError as error:
                sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
        return results
