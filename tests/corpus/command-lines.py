#!/usr/bin/python3
"""The command lines of libvirt's own tests, and the disks of their domains.

  command-lines.py lines DIR      a line per command line: its words behind QEMU's name,
                                  each ended by \\1
  command-lines.py cases DIR      each as a case of tests/unit/qemuargs.d
  command-lines.py names DIR      their names, in the same order
  command-lines.py disks DIR      "NAME PATH" for each disk of a domain that its guest
                                  writes alone: of type file or block, no CD-ROM, not
                                  read-only, shareable or transient; and for a bare
                                  word that the domain adds to the command line

DIR is libvirt's source, whose folder of these has had two names. A reading of its own: it shares no code with the reader that it
is compared with.
"""
import os
import re
import shlex
import sys
import xml.etree.ElementTree as ElementTree

PINNED = re.compile(r"\.[a-z0-9_]+-(latest|[0-9.]+)(\.[a-z0-9-]+)?$")
FOLDERS = ("qemuxmlconfdata", "qemuxml2argvdata")
DEVICE_TYPES = {"file": "file", "block": "dev"}


def names(top):
    return sorted(file[:-5] for file in os.listdir(top) if file.endswith(".args"))


def words(path):
    with open(path, encoding="utf-8") as text:
        # A test of several command lines has one on each line.
        first = text.read().replace("\\\n", " ").split("\n", 1)[0]
    split = shlex.split(first)
    begin = 0
    while re.match(r"[A-Za-z_]+=", split[begin]):
        begin += 1
    return split[begin + 1:]


def domain_of(top, name):
    for candidate in (name, PINNED.sub("", name)):
        path = os.path.join(top, candidate + ".xml")
        if os.path.exists(path):
            return path
    return None


def written_alone(disk):
    return disk.get("device", "disk") != "cdrom" and \
        all(disk.find(name) is None for name in ("readonly", "shareable", "transient"))


def disks(path):
    root = ElementTree.parse(path).getroot()
    # What a domain adds to QEMU's command line as it is: a word of its own is a disk there.
    added = [arg.get("value") for arg in root.iterfind(".//{http://libvirt.org/schemas/domain/qemu/1.0}arg")]
    for before, word in zip(["", *added], added):
        if not word.startswith("-") and not before.startswith("-"):
            yield word
    for disk in root.findall("devices/disk"):
        if written_alone(disk):
            yield from image(disk)


def image(disk):
    """The file of a disk, and the one that has the data of a qcow2 image."""
    source = disk.find("source")
    if source is None:
        return
    key = DEVICE_TYPES.get(disk.get("type", "file"))
    if key and source.get(key):
        yield source.get(key)
    if source.find("dataStore") is not None:
        yield from image(source.find("dataStore"))


def main():
    folders = (os.path.join(sys.argv[2], "tests", name) for name in FOLDERS)
    top = next(folder for folder in folders if os.path.isdir(folder))
    for name in names(top):
        if sys.argv[1] == "names":
            print(name)
        elif sys.argv[1] == "lines":
            print("".join(word + "\1" for word in words(os.path.join(top, name + ".args"))))
        elif sys.argv[1] == "cases":
            print("$", *(f"'{word}'" for word in words(os.path.join(top, name + ".args"))))
        else:
            domain = domain_of(top, name)
            for path in sorted(set(disks(domain))) if domain else ():
                print(name, path)


main()
