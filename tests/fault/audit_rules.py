"""What must hold of virt-priv-audit when a call is refused."""
import errno
import json
import os
import re
import signal
import sys

import jsonschema

from engine.rule import Rule

HERE = os.path.dirname(os.path.abspath(__file__))


class Schema:
    """Validates documents that have much in common: of the items of their lists, those that no other has had."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as schema:
            self.validator = jsonschema.Draft202012Validator(json.load(schema))
        self.valid = set()

    def validate(self, document):
        """Each item is valid or not whatever is beside it."""
        new = dict(document)
        for name, items in document.items():
            if isinstance(items, list):
                new[name] = [item for item in items if json.dumps(item) not in self.valid]
        self.validator.validate(new)
        self.valid.update(json.dumps(item) for items in new.values() if isinstance(items, list) for item in items)


class Audit(Rule):
    """Of virt-priv-audit: it is never wrong, and says where it is blind."""

    def __init__(self, check):
        self.check = check
        self.undisturbed = None
        self.schema = Schema(os.path.join(HERE, "../schema/virt-priv-audit.json"))

    def learn(self, run):
        if run.status != (1 if self.check else 0):
            sys.exit(f"refuse-calls: undisturbed, it ends with {run.status}: {run.out}{run.said}")
        self.undisturbed = self.findings(json.loads(run.out))
        if self.check and not self.finds(self.undisturbed):
            sys.exit(f"refuse-calls: undisturbed, {self.check} finds nothing: {run.out}")

    def finds(self, findings):
        return any(check == self.check and status == "fail" and pid for check, pid, status, _ in findings)

    @staticmethod
    def findings(document):
        return {(f["check"], f.get("pid"), f["status"], f"{f['message']}, {f.get('threads', 0)} threads")
                for f in document["findings"]}

    def judge(self, call, how, run):
        if call.by_loader and run.status not in (0, 1, 2):
            return "not loaded", []
        if run.status not in (0, 1, 2):
            return "wrong", [f"ended with {run.status}"]
        if run.status == 2 and run.said:
            return "refused", []
        try:
            document = json.loads(run.out)
            self.schema.validate(document)
        except (ValueError, TypeError, jsonschema.ValidationError) as error:
            return "wrong", [f"ended with {run.status}, and no valid document: {error}"]
        return self.judge_document(how, run, document)

    @staticmethod
    def is_excused(how, run, finding):
        """The kernel's word, one that says itself what is not known, or that of glibc's name service, which
        says "not found" where it cannot read."""
        check, _, _, message = finding
        return (check == "H02" and f": {os.strerror(getattr(errno, how))}," in message) or \
            re.search("cannot be compared|cannot read the claims|in an unknown mode", message) or \
            (check in ("P02", "P04", "P21", "H01", "H03", "H04", "H07")
             # As it was reached: a process that has come or gone since the trace moves the number of a call.
             and re.search(r"(^| )/etc/(passwd|group|nsswitch\.conf)( |$)", run.reached))

    def judge_document(self, how, run, document):
        status = run.status
        now = self.findings(document)
        new = {finding for finding in now - self.undisturbed if finding[2] != "unknown"}
        excused = {finding for finding in new if self.is_excused(how, run, finding)}
        said_unknown = {finding[:2] for finding in now - self.undisturbed if finding[2] == "unknown"}
        unknown = said_unknown | {finding[:2] for finding in excused}
        complaints = [f"untrue: {finding}" for finding in new - excused]
        # H05 says this, which the tests leave out: in a private host it never sees everything.
        host = document["host"]
        blind = status == 2 or host["hidden_processes"] > 0 or host["unseen_directory"] is not None
        if document["exit_status"] != status:
            complaints.append(f"ended with {status}, not {document['exit_status']}")
        if status == 2 and not said_unknown:
            complaints.append("ended with 2, and nothing is unknown")
        if not blind:
            # A check of the host can fail, or be unknown, process by process.
            by_process = {(check, None) for check, _ in unknown}
            complaints += [f"not said: {finding}" for finding in self.undisturbed - now
                           if finding[:2] not in unknown | by_process and (finding[0], None) not in unknown]
            if self.check and (status != 1 or not self.finds(now)):
                complaints.append(f"ended with {status}, and {self.check} finds nothing")
        outcome = "blind" if blind else "with something unknown" if unknown else "as undisturbed"
        return ("wrong" if complaints else outcome), complaints


class Metrics(Rule):
    """Of virt-priv-audit --prometheus: the old file or a whole one."""
    old = "old 1\n"

    def __init__(self, file):
        self.file = file
        self.undisturbed = None

    def begin(self):
        with open(self.file, "w", encoding="ascii") as file:
            file.write(self.old)

    def content(self):
        with open(self.file, encoding="ascii") as file:
            return file.read()

    @staticmethod
    def values(text):
        values = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        # There is one of each severity that something was found of.
        return {re.sub(",severity=.*", "}", name): value for name, value in values}

    def learn(self, run):
        self.undisturbed = self.values(self.content())
        if run.status != 1 or len(self.undisturbed) < 20:
            sys.exit(f"refuse-calls: undisturbed, it ends with {run.status}: {run.said}")

    def judge(self, call, how, run):
        complaints = []
        text = self.content()
        left = os.listdir(os.path.dirname(self.file))
        if how != "kill" and left != [os.path.basename(self.file)]:
            complaints.append(f"left: {left}")
        if text == self.old:
            if how != "kill" and not (run.status == 2 and run.said) and \
                    not (call.by_loader and run.status not in (0, 1)):
                complaints.append(f"ended with {run.status}, and nothing is written")
            outcome = "the old file"
        else:
            now = self.values(text)
            if now.keys() != self.undisturbed.keys() or not text.endswith("\n"):
                complaints.append(f"half a file: {text}")
            said = int(now.get("virt_priv_audit_exit_status", -1))
            is_blind = any(name.startswith("virt_priv_audit_unknown") and int(n) for name, n in now.items())
            if run.status != -signal.SIGKILL and said != run.status and not (run.status == 2 and run.said):
                complaints.append(f"ended with {run.status}, and the file says {said}")
            if said == 2 and not is_blind:
                complaints.append("nothing is unknown in a file that says 2")
            if said not in (1, 2):
                complaints.append(f"the file says {said}")
            outcome = f"a new file that says {said}"
        for name in left:
            if name != os.path.basename(self.file):
                os.unlink(os.path.join(os.path.dirname(self.file), name))
        return ("wrong" if complaints else outcome), complaints
