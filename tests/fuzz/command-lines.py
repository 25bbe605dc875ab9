#!/usr/bin/python3
"""Makes up command lines, and compares what is read in them with what QEMU itself does.

    command-lines.py DUMP N SEED        DUMP: the program qemuargs-dump

Of each of N command lines: what the reader refuses, QEMU refuses too; what QEMU takes has the
files, each opened, made, bound or connected to in the same way, that the reader finds in it.
The same SEED makes the same command lines. Prints those that differ, and the counts.
"""
import collections
import importlib.machinery
import importlib.util
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("qemu_opens", os.path.join(HERE, "..", "corpus", "qemu-opens.py"))
_spec = importlib.util.spec_from_loader("qemu_opens", _loader)
opens = importlib.util.module_from_spec(_spec)
_loader.exec_module(opens)

# Not those whose headers name others: what stands there is not on the command line.
IMAGES = {"raw": ["a.raw", "b.raw", "base.raw", "comma,name.raw"], "qcow2": ["a.qcow2"]}


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def maybe(self, chance=0.5):
        return self.random.random() < chance

    def name(self, kind):
        self.names += 1
        return f"{kind}{self.names}"

    def image(self):
        """(format, path) of a random image."""
        form = self.pick("raw", "raw", "qcow2")
        return form, "@/" + self.pick(*IMAGES[form])

    def join(self, *pairs):
        """key=value,... as it can be written: commas doubled, in any order, now and then twice."""
        pairs = [pair for pair in pairs if pair]
        self.random.shuffle(pairs)
        if self.maybe(0.1):
            pairs.append(self.pick(*pairs))
        words = []
        for key, value in pairs:
            value = value.replace(",", ",,")
            flag = key in ("readonly", "server", "wait", "snapshot", "append") and value in ("on", "off") and self.maybe(0.3)
            words.append(("" if value == "on" else "no") + key if flag else f"{key}={value}")
        return ",".join(words) + ("," if self.maybe(0.03) else "")

    def on(self, key, chance=0.3):
        return (key, self.pick("on", "off")) if self.maybe(chance) else None

    def drive(self):
        form, path = self.image()
        pairs = [("format", form) if self.maybe(0.8) else None, self.on("readonly"), self.on("snapshot", 0.2),
                 ("id", self.name("d")), ("media", self.pick("disk", "cdrom")) if self.maybe(0.2) else None,
                 ("cache", self.pick("writeback", "none", "unsafe", "directsync")) if self.maybe(0.2) else None,
                 ("if", self.pick("none", "virtio", "ide", "floppy", "scsi"))]
        way = self.pick("file", "file", "file:", "filename", "json", "nested", "backing")
        if way in ("file", "file:"):
            pairs.append(("file", ("file:" if way == "file:" and "," not in path else "") + path))
        elif way == "filename":
            pairs += [("file.filename", path), ("file.driver", "file") if self.maybe() else None]
        elif way == "json":
            node = {"driver": form, "file": {"driver": "file", "filename": path}}
            pairs = [pair for pair in pairs if pair and pair[0] != "format"] + [("file", "json:" + json.dumps(node))]
        elif way == "nested":
            pairs = [pair for pair in pairs if pair and pair[0] != "format"]
            pairs += [("driver", form), ("file.driver", "file"), ("file.filename", path)]
        else:
            pairs = [pair for pair in pairs if pair and pair[0] != "format"]
            pairs += [("driver", "qcow2"), ("file.filename", "@/over.qcow2"), ("backing.driver", "raw"),
                      ("backing.file.filename", self.pick("@/base.raw", "@/b.raw")), self.on("backing.read-only", 0.1)]
        words = ["-drive", self.join(*pairs)]
        if self.maybe(0.1):
            words += ["-set", f"drive.d{self.names}.{self.pick('file', 'readonly')}={self.pick('@/b.raw', 'on')}"]
        return words

    def node(self, form, path):
        node = {"driver": form, "node-name": self.name("n"), "file": {"driver": "file", "filename": path}}
        for where in (node, node["file"]):
            for key in ("read-only", "auto-read-only"):
                if self.maybe(0.2):
                    where[key] = self.maybe()
        if form == "qcow2" and self.maybe(0.4):
            node["file"]["filename"] = "@/over.qcow2"
            node["backing"] = self.pick(None, {"driver": "raw", "file": {"driver": "file", "filename": "@/base.raw"}})
        return node

    def flat(self, node, prefix=""):
        for key, value in node.items():
            if isinstance(value, dict):
                yield from self.flat(value, prefix + key + ".")
            else:
                yield prefix + key, "" if value is None else {True: "on", False: "off"}.get(value, value)

    def blockdev(self):
        node = self.node(*self.image())
        words = []
        if self.maybe(0.3):
            # A node of its own for the file.
            below = {**node["file"], "node-name": self.name("f")}
            node["file"] = below["node-name"]
            words += ["-blockdev", self.value(below)]
        if self.maybe(0.2):
            node = {"driver": self.pick("copy-on-read", "raw", "throttle"), "node-name": self.name("t"), "file": node}
            if node["driver"] == "throttle":
                group = self.name("g")
                words += ["-object", "throttle-group,id=" + group]
                node["throttle-group"] = group
        words += ["-blockdev", self.value(node)]
        if self.maybe():
            words += ["-device", self.join(("drive", node["node-name"]), self.on("share-rw", 0.2))]
            words[-1] = self.pick("virtio-blk-pci", "ide-hd", "ide-cd") + "," + words[-1]
        return words

    def value(self, node):
        return json.dumps(node) if self.maybe() else self.join(*self.flat(node))

    def chardev(self):
        log = ("logfile", self.pick("@/log", "@/there")) if self.maybe(0.3) else None
        append = self.on("logappend", 0.2) if log else None
        kind = self.pick("file", "file", "socket", "null", "ringbuf")
        more = {"file": [("path", self.pick("@/out", "@/there", "@/with,comma")), self.on("append")],
                "socket": self.pick([("path", "@/s"), ("server", "on"), ("wait", "off")], [("path", "@/peer")],
                                    [("path", "@/peer"), ("server", "off")])}.get(kind, [])
        name = self.name("c")
        words = ["-chardev", kind + "," + self.join(("id", name), *more, log, append)]
        return words + (["-serial", "chardev:" + name] if self.maybe(0.3) else [])

    def short(self):
        return self.pick(["-serial", "file:@/out"], ["-serial", "unix:@/s,server=on,wait=off"], ["-parallel", "file:@/out"],
                         ["-monitor", "unix:@/s,server,nowait"], ["-qmp", "unix:@/s,server=on,wait=off"],
                         ["-serial", "unix:@/peer"], ["-serial", "mon:unix:@/s,server,nowait"], ["-D", "@/out"],
                         ["-pidfile", "@/out"], ["-serial", "null"],
                         ["-debugcon", "file:@/out"], ["-gdb", "unix:@/s,server=on,wait=off"], ["-vnc", "unix:@/s"])

    def disk(self):
        return self.pick(["-hda", "@/a.raw"], ["--hdb", "@/comma,name.raw"], ["@/a.qcow2"], ["-cdrom", "@/cd.iso"],
                         ["-fda", "@/b.raw"], ["-hdc", "file:@/b.raw"], ["-pflash", "@/vars.fd"], ["-snapshot"],
                         ["-mtdblock", "@/b.raw"], ["-sd", "@/b.raw"])

    def file(self):
        return self.pick(["-fw_cfg", "name=opt/a,file=@/text"], ["-fw_cfg", "opt/a,file=@/text"],
                         ["-object", self.pick("secret", "secret_keyring") + f",id={self.name('o')},file=@/key"],
                         ["-object", json.dumps({"qom-type": "secret", "id": self.name("o"), "file": "@/key"})],
                         ["-kernel", "@/kernel"], ["-option-rom", "@/text"], ["-smbios", "type=11,path=@/text"],
                         ["-device", "virtio-net-pci,romfile=@/text"], ["-acpitable", "sig=TEST,data=@/text"],
                         ["-object", f"memory-backend-file,id={self.name('m')},size=1M,mem-path=@/memory," +
                          self.pick("share=on", "share=off", "readonly=on,share=on")],
                         ["-object", f"rng-random,id={self.name('r')},filename=@/text"])

    def config(self):
        """The text of a -readconfig file: an option as its section."""
        form, path = self.image()
        lines = [f'[drive "{self.name("d")}"]', f'  file = "{path}"', f'  format = "{form}"']
        lines += [f'  {key} = "{value}"' for key, value in filter(None, [self.on("readonly"), ("if", "none")])]
        if self.maybe(0.3):
            lines += [f'[chardev "{self.name("c")}"]', '  backend = "file"', f'  path = "{self.pick("@/out", "@/there")}"']
        return "\n".join(lines) + "\n"

    def command_line(self):
        """Words, and the text of the file of -readconfig or None."""
        kinds = [self.drive] * 4 + [self.blockdev] * 4 + [self.chardev] * 3 + [self.short, self.disk, self.file]
        words, config = [], None
        for _ in range(self.pick(1, 1, 1, 2, 3)):
            words += self.random.choice(kinds)()
        if self.maybe(0.1):
            config = self.config()
            words += ["-readconfig", "@/made.cfg"]
        return words, config


def is_equal(ours, theirs, text):
    """Whether both have the same files. One that waits for a writer (auto) may still be open read-only."""
    if ours.keys() != theirs.keys():
        return False
    waits = {line.split(" | ")[0].split(" ", 2)[2] for line in text.splitlines()
             if "auto" in line.split(" | ")[-1].split()}
    return all(way == theirs[path] or (path in waits and (way, theirs[path]) == ("rw", "ro"))
               for path, way in ours.items())


def judge(ours, theirs, status, text):
    refused = text.startswith("error ")
    if status:
        return "refused by both" if refused else "refused by QEMU alone"
    return "equal" if not refused and is_equal(ours, theirs, text) else "WRONG"


def main():
    dump, number, seed = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    counts = collections.Counter()
    for i in range(number):
        words, config = Maker(f"{seed}.{i}").command_line()
        for pause in (0, 1, 5):
            ours, theirs, status, said, text = opens.compare(dump, words, pause, config)
            outcome = judge(ours, theirs, status, text)
            if outcome != "WRONG" or not ours.keys() - theirs.keys():
                break
        counts[outcome] += 1
        if outcome in ("WRONG", os.environ.get("VP_SHOW")):
            print(f"{outcome}, {seed}.{i}: {' '.join(words)}\n    config: {config!r}\n"
                  f"    read:     {sorted(ours.items())}\n    observed: {sorted(theirs.items())}\n    {text!r}\n    {said!r}")
    print(f"{number} command lines: " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items())))
    sys.exit(counts["WRONG"] > 0)


main()
