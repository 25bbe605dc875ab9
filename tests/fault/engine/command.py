"""Runs a command, undisturbed or with something in place of one of its system calls, and says how it ended."""
import argparse
import collections
import errno
import os
import signal
import subprocess
import sys

from .machine import Paused
from .trace import TRACE

BUILD = os.path.abspath(os.environ.get("VP_BUILD", "build/plain"))
TIMEOUT = 60
HOLDER = "{holder}"

# status is an exit status, minus the number of a signal, or None where it never ended.
Ended = collections.namedtuple("Ended", "status out said")


def parser(doc):
    """One for options, and then the command behind "--"."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse(options):
    """The options, with the words behind "--" as .command."""
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parsed = options.parse_args(words[:split])
    parsed.command = words[split + 1:]
    return parsed


def end_group(process):
    """Ends a command, and what it has started in its session."""
    os.killpg(process.pid, signal.SIGKILL)


def end_all(_=None):
    """Ends all in this namespace of processes: a daemon is in no group of ours."""
    subprocess.run(["/bin/sh", "-c", "kill -9 -1"], check=False)


def await_end(process, end):
    """Until it has ended, or end(process) has, after a while."""
    # A timeout of communicate() has it sleep where the process ends a moment after its output.
    signal.signal(signal.SIGALRM, lambda *_: end(process))
    signal.alarm(TIMEOUT)
    out, said = process.communicate()
    ended = signal.alarm(0) > 0
    said = (said or b"").decode(errors="backslashreplace")
    return Ended(process.returncode, out, said) if ended else Ended(None, out, said + "it never ended")


def run(words, end=end_group, **options):
    """Its output is bytes, its messages are text; options are those of Popen."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "start_new_session": True, **options}
    with subprocess.Popen(words, **options) as process:
        return await_end(process, end)


def run_with_holder(command):
    """Status and all output of a command, where HOLDER is a process that lives as long as it does."""
    holder = Paused() if HOLDER in command else None
    ended = run([str(holder.pid) if word == HOLDER else word for word in command], stderr=subprocess.STDOUT)
    if holder:
        holder.end()
    return ended.status, text_of(ended)


# Puts its own id in the place of HOLDER, and becomes the words.
BECOME = f'''for word do
    shift
    [ "$word" != "{HOLDER}" ] || word=$$
    set -- "$@" "$word"
done
exec "$@"'''


def run_traced(command, log):
    """Status and all output of a command under strace, which is HOLDER, as at-call is: there are no more processes
    to be looked at than when it is disturbed."""
    ended = run(["/bin/sh", "-c", BECOME, "sh", *TRACE, log, *command], stderr=subprocess.STDOUT)
    return ended.status, text_of(ended)


def text_of(ended):
    """The output of a command."""
    return ended.out.decode(errors="backslashreplace")


def run_well(what, command):
    """As run_with_holder(), of what must succeed."""
    status, output = run_with_holder(command)
    if status != 0:
        raise RuntimeError(f"{what} ends with {status}: {output}")


class AtCall:
    """at-call (tests/lib/at-call.c), which has something come in place of one call of a command.

    What an undisturbed run is compared with is run under it, too, so that its filter is there in both.
    It ends when all processes of the command have, a daemon too, and HOLDER is its own id.
    """
    NOWHERE = "4095", "1"

    def __init__(self, directory="/mnt"):
        self._reached = os.path.join(directory, "reached")

    def words(self, command, point=NOWHERE, how="EIO"):
        """The words that start it; how is "kill", "cut", "unanswered" or the name of an error."""
        if os.path.exists(self._reached):
            os.unlink(self._reached)
        answer = {"kill": 0, "cut": 0, "unanswered": "unanswered"}.get(how) or getattr(errno, how, 0)
        return [f"{BUILD}/tests/at-call", *point, str(answer), self._reached, *command]

    def disturb(self, command, call, how):
        """Status and all output."""
        ended = run(self.words(command, call.point, how), stderr=subprocess.STDOUT)
        return ended.status, text_of(ended)

    def _read(self):
        """The program that made the call, and what it was about."""
        if not os.path.exists(self._reached):
            return "", ""
        with open(self._reached, encoding="utf-8", errors="backslashreplace") as file:
            program, _, about = file.read().partition("\n")
        return program, about.rstrip("\n") + " "

    def program(self):
        """The path of the program that made the call; "" where it was not reached."""
        return self._read()[0]

    def about(self):
        """What the call was about; "" where it was not reached."""
        return self._read()[1]
