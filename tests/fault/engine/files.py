"""What a file is: all that must be as before, to be compared or put back."""
import hashlib
import os
import shutil
import stat


def describe(path, is_read=True):
    """All that must be as before, by name; without the content of what is not to be read."""
    st = os.lstat(path)
    facts = {"type": stat.S_IFMT(st.st_mode), "inode": st.st_ino, "owner": (st.st_uid, st.st_gid),
             "mode": oct(stat.S_IMODE(st.st_mode)), "links": st.st_nlink, "size": st.st_size,
             "device": st.st_rdev, "modified": st.st_mtime_ns}
    if stat.S_ISLNK(st.st_mode):
        facts["target"] = os.readlink(path)
    elif stat.S_ISREG(st.st_mode) and is_read:
        with open(path, "rb") as file:
            facts["content"] = hashlib.sha256(file.read()).hexdigest()
    for name in os.listxattr(path, follow_symlinks=False):
        facts["attribute " + name] = os.getxattr(path, name, follow_symlinks=False)
    return facts


def snapshot(tree, unread=None):
    """The facts of a directory and of all below it, by path; of one file, without its content."""
    found = {tree: describe(tree)}
    for entry in os.scandir(tree):
        if entry.is_dir(follow_symlinks=False):
            found.update(snapshot(entry.path, unread))
        else:
            found[entry.path] = describe(entry.path, entry.path != unread)
    return found


def differences(was, now):
    """What a file that changed was and is, by path."""
    result = {}
    for path in sorted(was.keys() | now.keys()):
        a, b = was.get(path, {}), now.get(path, {})
        if a != b:
            facts = sorted(fact for fact in a.keys() | b.keys() if a.get(fact) != b.get(fact))
            result[path] = "; ".join(f"{fact} {a.get(fact)} is {b.get(fact)}" for fact in facts)
    return result


def put_back(tree, files):
    """Owner, mode, attributes and times of a snapshot; whatever else changed raises an error."""
    for path, facts in files.items():
        now = describe(path)
        if now == facts:
            continue
        os.lchown(path, *facts["owner"])
        for fact in now.keys() - facts.keys():
            os.removexattr(path, fact.removeprefix("attribute "), follow_symlinks=False)
        if not stat.S_ISLNK(facts["type"]):
            os.chmod(path, int(facts["mode"], 8))
        # The ACL comes last: setting it sets the mode's group bits, to its mask.
        for fact, value in facts.items():
            if fact.startswith("attribute ") and describe(path).get(fact) != value:
                os.setxattr(path, fact.removeprefix("attribute "), value, follow_symlinks=False)
        os.utime(path, ns=(facts["modified"], facts["modified"]), follow_symlinks=False)
    if wrong := differences(files, snapshot(tree)):
        raise RuntimeError(f"the state cannot be put back: {wrong}")


def clear(directory):
    """Removes all that is in it."""
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def write(path, content, mode=0o644, owner=(0, 0)):
    """A new file, or new content."""
    with open(path, "wb") as file:
        file.write(content)
    os.chown(path, *owner)
    os.chmod(path, mode)


class Saved:
    """Directories as they are, or are not, to be made again; of files that are gone or written to, other inodes."""

    def __init__(self, *trees):
        self._trees = {tree: snapshot(tree) if os.path.isdir(tree) else {} for tree in trees}
        self._contents = {}
        for path in (path for files in self._trees.values() for path, facts in files.items() if "content" in facts):
            with open(path, "rb") as file:
                self._contents[path] = file.read()

    def put_back(self):
        """Makes again what differs."""
        for tree, files in self._trees.items():
            now = snapshot(tree) if os.path.isdir(tree) else {}
            if now == files:
                continue
            if self._lasting(now) == self._lasting(files):
                put_back(tree, files)
                continue
            if now:
                clear(tree)
            if now and not files:
                os.rmdir(tree)
            for path, facts in files.items():
                self._make(path, facts)
            # What is in a directory changes its time.
            for path, facts in reversed(files.items()):
                os.utime(path, ns=(facts["modified"], facts["modified"]), follow_symlinks=False)
            self._trees[tree] = snapshot(tree) if files else {}

    @staticmethod
    def _lasting(files):
        """What put_back() cannot change of what there is; a directory that had other files for a while is as before."""
        return {path: [facts.get(fact) for fact in ("inode", "type", "links", "content", "target")]
                for path, facts in files.items()}

    def _make(self, path, facts):
        if stat.S_ISDIR(facts["type"]):
            os.makedirs(path, exist_ok=True)
        elif stat.S_ISREG(facts["type"]):
            write(path, self._contents[path])
        else:
            raise RuntimeError(f"{path} cannot be made again")
        os.chown(path, *facts["owner"])
        os.chmod(path, int(facts["mode"], 8))
        for fact, value in facts.items():
            if fact.startswith("attribute "):
                os.setxattr(path, fact.removeprefix("attribute "), value)


class Records:
    """The directory where a program keeps its records."""

    def __init__(self, directory):
        self.directory = directory

    def walk(self):
        """The paths of all that is in it, those of directories first."""
        for directory, _, names in os.walk(self.directory):
            if directory != self.directory:
                yield directory
            yield from (os.path.join(directory, name) for name in names)

    def save(self):
        """What put_back() takes."""
        saved = {}
        for path in self.walk():
            st = os.lstat(path)
            content = None
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            saved[path] = (st.st_mode, st.st_uid, st.st_gid, content)
        return saved

    def put_back(self, saved):
        """What save() has found, and nothing else."""
        clear(self.directory)
        for path, (mode, uid, gid, content) in saved.items():
            if stat.S_ISDIR(mode):
                os.mkdir(path)
                os.chown(path, uid, gid)
                os.chmod(path, stat.S_IMODE(mode))
            else:
                write(path, content, stat.S_IMODE(mode), (uid, gid))

    def left(self):
        """What is no directory, and no lock."""
        return [path for path in self.walk()
                if not os.path.isdir(path) and os.path.basename(path) != ".lock"]
