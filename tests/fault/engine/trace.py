"""The system calls that a program makes undisturbed, as strace sees them."""
import collections
import re

TRACE = "strace", "-f", "-n", "-qq", "-s", "128", "-e", "signal=none", "-o"

# The calls that change a file system, or what a disk keeps of it.
CHANGES = re.compile(
    r"p?write(v|64|v2)?\(|(open|openat|openat2|creat)\(.*(O_CREAT|O_TRUNC|O_TMPFILE)|f?chown|lchown|f?chmod"
    r"|[lf]?(set|remove)xattr|rename|link|unlink|symlink|mkdir|rmdir|mknod|f?truncate|fallocate|utime|futimes"
    r"|copy_file_range|sendfile|f(data)?sync|sync|exit_group")


class Call(collections.namedtuple("Call", "name system number text by_loader process is_heard", defaults=(None, True))):
    """system is the number of the system call, number that of the call; process the one that makes it (see
    at-call.c), None for the first that does. is_heard: what that process says then reaches who started it."""

    @property
    def point(self):
        """Where it is, to at-call."""
        return self.system, str(self.number) if self.process is None else f"{self.process}:{self.number}"

    def has_failed(self):
        """It has, undisturbed."""
        return " = -1 " in self.text

    def __str__(self):
        of = "" if self.process is None else f" of process {self.process}"
        return f"{self.name} number {self.number}{of}"


Line = collections.namedtuple("Line", "pid system name number text")


def _lines(log):
    """The calls in the order in which they were made; each process numbers its own."""
    counts = collections.Counter()
    for line in log:
        # From here on, a build with gcov writes its counts; disturbed at that, it would lose all.
        if '.gcda"' in line:
            return
        if match := re.match(r"(\d+)\s+\[ *(\d+)\] ((\w+)\(.*)", line):
            pid, system, text, name = match.groups()
            counts[pid, name] += 1
            yield Line(pid, system, name, counts[pid, name], text)


def _open(log):
    return open(log, encoding="utf-8", errors="backslashreplace")


def calls_of_all(log):
    """The calls that a command made under TRACE; what several processes make is one, of the first of them."""
    first = {}
    with _open(log) as file:
        for line in _lines(file):
            first.setdefault((line.name, line.number), line)
    # The first program is started by strace itself.
    del first["execve", 1]
    # The dynamic loader may fail in its own ways. It ends by unmapping the cache of libraries.
    started = list(first).index(("munmap", 1)) if ("munmap", 1) in first else -1
    return [Call(line.name, line.system, line.number, line.text, at <= started) for at, line in enumerate(first.values())]


def calls_by_process(log):
    """The calls of each process, until it becomes another program."""
    with _open(log) as file:
        text = file.read().splitlines()
    started = (re.match(r"(\d+) .*\b(?:v?fork|clone3?)\b.* = (\d+)$", line) for line in text)
    parent = {match[2]: match[1] for match in started if match}
    order, calls, gone, seen, unheard = collections.defaultdict(list), [], set(), set(), set()
    runner, loaded = None, False
    for line in _lines(text):
        runner = runner or line.pid
        # A child is what its parent is when its own first call comes.
        if line.pid not in seen:
            seen.add(line.pid)
            for these in gone, unheard:
                these |= {line.pid} if parent.get(line.pid) in these else set()
        if line.pid not in order[line.name]:
            order[line.name].append(line.pid)
        if line.pid in gone or (line.pid == runner and line.name == "execve"):
            continue
        process = [runner, *(other for other in order[line.name] if other != runner)].index(line.pid)
        calls.append(Call(line.name, line.system, line.number, line.text, not loaded, process, line.pid not in unheard))
        if re.match(r"dup2\(\d+, 2\)", line.text):
            unheard.add(line.pid)
        if line.name == "execve":
            gone.add(line.pid)
        loaded = loaded or line.name == "munmap"
    return calls


def is_about(call, reached):
    """Whether what was reached (see at-call.c) is that call: a process that has come or gone since the trace moves
    the numbers of calls. Of calls that name nothing it cannot be determined."""
    named = re.match(r'(?:\w+at2?|f(?:set|get|remove)xattr)\([^,]*, "([^"\\]*)"[,)]', call.text)
    return not named or re.sub(r"\d+", "N", reached.strip()).endswith(re.sub(r"\d+", "N", named[1]))


def form(call):
    """What makes it another call than others: its arguments, where a number is as good as another one."""
    return re.sub(r"0x[0-9a-f]+|\d+", "N", re.sub(r"( <unfinished \.\.\.>|\)? += .*)$", "", call.text))


def own_calls(calls, of_first):
    """Those of a command that are not, or not as often, among those of the first."""
    known, own = collections.Counter(form(call) for call in of_first), []
    for call in calls:
        if call.name == "rt_sigaction":
            continue  # posix_spawn(3) makes one for each signal, whatever the answer
        known[form(call)] -= 1
        if known[form(call)] < 0:
            own.append(call)
    return own
