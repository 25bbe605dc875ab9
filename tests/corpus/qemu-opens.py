#!/usr/bin/python3
"""What QEMU itself does with the files that a command line names, beside what is read in it.

    qemu-opens.py DUMP CASES        DUMP: the program qemuargs-dump

CASES has a command line on each line, with @ for a directory of files of every kind. QEMU is
started with each, stopped before its guest runs, under strace; then it is asked to quit. For
every file of the directory, "ro", "rw", "create", "listen" or "connect" of both sides must be
the same. Prints TAP, whose last lines tell how many constructs there were.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

QUIT = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n'
# Without devices that nobody has asked for; the monitor is on standard input.
COMMON = ["-S", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-m", "64", "-qmp", "stdio"]
OPEN = re.compile(r'open(?:at)?\((?:[^"]*, )?"([^"]*)", ([A-Z_|0-9]+)[^=]*\) = (-?\d+)')
SOCKET = re.compile(r'(bind|connect)\(\d+, \{sa_family=AF_UNIX, sun_path="([^"]*)"\}, \d+\) = (-?\d+)')
# What counts of a file that is opened more than once.
RANK = {"ro": 0, "rw": 1, "create": 2, "listen": 3, "connect": 3}
KINDS = {"disk", "backing", "nvram", "file", "log", "pidfile", "listen", "connect", "memory", "device"}


def make_files(top):
    for name in ("a.raw", "b.raw", "base.raw", "vars.fd", "code.fd", "cd.iso", "memory"):
        with open(os.path.join(top, name), "wb") as out:
            out.truncate(1 << 20)
    for name, words in (("a.qcow2", []), ("over.qcow2", ["-F", "raw", "-b", top + "/base.raw"]),
                        ("mid.qcow2", ["-F", "raw", "-b", top + "/base.raw"])):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words, os.path.join(top, name), "1M"], check=True)
    for name in ("text", "key", "events", "there"):
        with open(os.path.join(top, name), "w", encoding="ascii") as out:
            out.write("0123456789abcdef\n" if name != "events" else "")
    with open(os.path.join(top, "comma,name.raw"), "wb") as out:
        out.truncate(1 << 20)
    with open(os.path.join(top, "vm.cfg"), "w", encoding="ascii") as out:
        out.write(f'[drive "d"]\n  file = "{top}/a.raw"\n  format = "raw"\n')
    # An image of no size, in a header of 24 bits for each point.
    with open(os.path.join(top, "splash.bmp"), "wb") as out:
        out.write(b"BM" + bytes(26) + (24).to_bytes(2, "little") + bytes(24))
    # A multiboot kernel that is never run.
    with open(os.path.join(top, "kernel"), "wb") as out:
        words = (0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000) & 0xFFFFFFFF, 0x100000, 0x100000, 0, 0, 0x100020)
        out.write(b"".join(word.to_bytes(4, "little") for word in words) + b"\xf4" * 64)


def observe(top, words, pause):
    """A path's way of being opened, for each of the directory, by QEMU, which quits after the pause (in seconds)."""
    trace = os.path.join(top, "..", "trace")
    with subprocess.Popen(["strace", "-f", "-o", trace, "-e", "trace=openat,open,bind,connect", "-e", "signal=none",
                           "qemu-system-x86_64", *COMMON, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as qemu:
        time.sleep(pause)
        _, said = qemu.communicate(QUIT, timeout=60)
    found = {}

    def note(path, way):
        path = os.path.normpath(os.path.join(os.getcwd(), path))
        if path.startswith(top + "/") and RANK[way] >= RANK.get(found.get(path), -1):
            found[path] = way

    with open(trace, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if (match := OPEN.search(line)) and int(match[3]) >= 0 and "O_DIRECTORY" not in match[2]:
                flags = match[2].split("|")
                note(match[1], "create" if "O_CREAT" in flags else "ro" if "O_RDONLY" in flags else "rw")
            elif (match := SOCKET.search(line)) and int(match[3]) >= 0:
                note(match[2], "listen" if match[1] == "bind" else "connect")
    return found, qemu.returncode, said


def read(dump, top, words):
    """The same by the reader."""
    text = subprocess.run([dump, "--documents", *words], capture_output=True, text=True, check=False).stdout
    found = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind not in KINDS:
            continue
        access, _, rest = rest.partition(" ")
        path = os.path.join(os.getcwd(), rest.split(" | ")[0])
        way = kind if kind in ("listen", "connect") else "create" if kind == "pidfile" else access
        if path.startswith(top + "/") and RANK[way] >= RANK.get(found.get(path), -1):
            found[path] = way
    return found, text


def compare(dump, raw, pause, config=None):
    with tempfile.TemporaryDirectory() as work:
        top = os.path.join(work, "files")
        os.mkdir(top)
        make_files(top)
        if config is not None:
            with open(os.path.join(top, "made.cfg"), "w", encoding="ascii") as out:
                out.write(config.replace("@", top))
        words = [word.replace("@", top) for word in raw]
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.join(top, "peer"))
            server.listen()
            ours, text = read(dump, top, words)
            return ours, *observe(top, words, pause), text


def main():
    dump, cases = os.path.abspath(sys.argv[1]), sys.argv[2]
    with open(cases, encoding="ascii") as lines:
        command_lines = [line.split() for line in lines.read().splitlines() if line.strip() and line[0] != "#"]
    print(f"1..{len(command_lines)}")
    failed = 0
    for number, raw in enumerate(command_lines, 1):
        # A listener of the network is made by a thread, which may come too late for a QEMU that quits at once.
        for pause in (0, 1, 5):
            ours, theirs, status, said, text = compare(dump, raw, pause)
            good = ours == theirs and status == 0
            if good or not ours.keys() - theirs.keys():
                break
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {' '.join(raw)}")
        if not good:
            print(f"# read:     {sorted(ours.items())}\n# observed: {sorted(theirs.items())}\n"
                  f"# QEMU ended with {status}: {said.strip()[-500:]!r}\n# {text!r}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
