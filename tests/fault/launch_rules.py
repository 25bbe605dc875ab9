"""What must hold of virt-priv-exec, and of others that print one thing, when a call is refused."""
import re
import signal
import sys

from engine import machine
from engine.rule import Rule


class Printed(Rule):
    """Of a program that prints one thing, and fails with 125."""
    with_terminal = True

    def __init__(self, _):
        self.undisturbed = None

    def learn(self, run):
        if run.status != 0 or not run.out:
            sys.exit(f"refuse-calls: undisturbed, it ends with {run.status}: {run.said}")
        self.undisturbed = self.comparable(run.out)

    def comparable(self, out):
        return [line.rstrip(",") for line in re.sub(r"(pipe|socket):\[\d+\]", r"\1", out).splitlines()]

    def judge(self, call, how, run):
        if how == "kill" and run.status == -signal.SIGKILL:
            return "killed", ["it printed something"] if run.out and self.to_exec else []
        if run.status == 0:
            return self.judge_success(run)
        # What is said of a program that can't be looked at or executed.
        if run.status == 126 and "cannot execute" in run.said and not run.out and \
                call.name in ("execve", "newfstatat", "faccessat2"):
            return "not executable", []
        # The loader has messages and exit statuses of its own, and without memory crashes.
        if run.status == 125 or call.by_loader:
            complaints = [] if run.said or call.by_loader else ["no message"]
            if run.out and self.to_exec:
                complaints.append("the command ran")
            return "refused", complaints
        return "wrong", [f"ended with {run.status}"]

    def judge_success(self, run):
        now = self.comparable(run.out)
        if now == self.undisturbed:
            return "as undisturbed", []
        lost = [line for line in self.undisturbed if line not in now]
        new = [line for line in now if line not in self.undisturbed]
        return self.judge_difference(lost, new, run)

    def judge_difference(self, lost, new, run):  # pylint: disable=unused-argument # others look at it
        if self.has_fewer_groups(lost, new):
            return "with fewer groups", []
        return "wrong", [f"without: {line}" for line in lost] + [f"with: {line}" for line in new] or ["other order"]

    @staticmethod
    def has_fewer_groups(lost, new):
        """getgrouplist(3) of glibc leaves groups out that it cannot read, and does not say so."""
        if lost and all(re.fullmatch(r" +\d+", line) for line in lost):
            return not new
        return len(lost) == len(new) == 1 and lost[0].startswith("Groups:") \
            and set(new[0].split()) < set(lost[0].split())


class Exec(Printed):
    to_exec = True

    def judge_difference(self, lost, new, run):
        keys = {re.split("[:=]", line.removeprefix("environment: "))[0] for line in lost + new}
        # Containers have no keyctl(2): a warning, as documented.
        if keys == {"keyring"} and "keeping the caller's" in run.said:
            return "with the caller's keyring, and a warning", []
        # It goes where it is not known to be of use.
        if keys == {"TMPDIR"} and not new:
            return "without TMPDIR", []
        return super().judge_difference(lost, new, run)


class Credentials(Printed):
    """Of virt-priv-exec, what changes a credential or takes a privilege."""
    to_exec, with_terminal = True, False
    # Those of strace's %creds, and what takes other privileges away.
    calls = ("capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid",
             "prctl", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid",
             "setuid", "keyctl", "prlimit64")

    def __init__(self, _):
        super().__init__(_)
        # The names of the capabilities that the caller has in its bounding set, as strace writes them.
        names = machine.system("setpriv", "--list-caps").split()
        with open("/proc/self/status", encoding="ascii") as status:
            mask = int(re.search(r"CapBnd:\s+(\w+)", status.read())[1], 16)
        self.bounding = {"CAP_" + name.upper() for bit, name in enumerate(names) if mask >> bit & 1}

    def judge(self, call, how, run):
        if run.status == 125 and not run.out:
            return "refused", []
        if run.status != 0 or self.comparable(run.out) != self.undisturbed:
            return "wrong", [f"ended with {run.status}", run.out]
        return "as undisturbed", [f"{call.text} was not made"] if self.must_be_refused(call, how) else []

    def must_be_refused(self, call, how):
        """All that changes something, but for the last attempt to become root again, which is to fail."""
        # In a container without keyctl(2), the caller's keyring stays, with a warning. The change of uid has
        # cleared what is dumpable already (fs.suid_dumpable is 0), which is read back.
        excused = "setresuid(0, 0, 0)" in call.text or (call.name == "keyctl" and how == "EPERM") \
            or ("PR_SET_DUMPABLE" in call.text and how == "unanswered")
        return self.changes_something(call) and not excused

    def changes_something(self, call):
        if call.has_failed():
            return False
        if drop := re.search(r"PR_CAPBSET_DROP, (CAP_\w+)", call.text):
            return drop[1] in self.bounding
        if call.name == "prctl":
            return not re.search(r"PR_GET_|PR_CAPBSET_READ|PR_CAP_AMBIENT_IS_SET|^prctl\(0x", call.text)
        if call.name == "prlimit64":
            return not re.search(r"prlimit64\(\d+, \w+, NULL", call.text)
        if call.name == "keyctl":
            return "KEYCTL_JOIN" in call.text
        return not call.name.startswith(("get", "capget"))
