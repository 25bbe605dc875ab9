"""What came of each point, and the report of all of them."""
import collections
import signal
import time

Verdict = collections.namedtuple("Verdict", "call how outcome complaints")


class Report:
    """Prints what was wrong, and the counts."""

    def __init__(self):
        self._began = time.monotonic()

    def print(self, verdicts, calls, name=""):
        """Of the points at those calls; whether something was wrong, or nothing was tried."""
        outcomes = collections.Counter(verdict.outcome for verdict in verdicts)
        wrong = [verdict for verdict in verdicts if verdict.complaints]
        for verdict in wrong:
            print(f"WRONG: {verdict.how} at {verdict.call}: {verdict.call.text}", *verdict.complaints, sep="\n    ")
        print(f"{name}{len(verdicts)} points at {len(calls)} calls, {len(wrong)} wrong: "
              + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
              + f" ({time.monotonic() - self._began:.1f} s)", flush=True)
        return bool(wrong) or not verdicts


def of_status(status):
    """A word or two for how a command ended."""
    return {-signal.SIGKILL: "killed", None: "never ended"}.get(status, f"ended with {status}")
