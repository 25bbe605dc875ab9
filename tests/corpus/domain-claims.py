#!/usr/bin/python3
"""Which files a libvirt domain names, and which of them change their owner.

  domain-claims.py list DIR       the XML files of libvirt's tests in DIR that are domains
  domain-claims.py claims FILE... a line per named file: FILE, "claim" or "keep", path
  domain-claims.py named FILE...  a line per element and attribute that names an absolute path: FILE,
                                  "os/kernel" or "devices/disk/source/@file", path

A second reading of libvirt's docs/formatdomain.rst, to compare another one with:
it shares no code with that, and no XML library. Bytes of paths that are not
printable ASCII, \\ and " stand as \\xNN.
"""
import glob
import sys
import xml.etree.ElementTree as ElementTree

READ_ONLY = ("readonly", "shareable", "transient")


def dac(element):
    """The "seclabel" for file owners, which is one of several models."""
    for seclabel in element.findall("seclabel"):
        if seclabel.get("model") == "dac":
            return seclabel
    return None


def domain_relabels(domain):
    """Section "Security label": dynamic labels always relabel, static ones on request."""
    seclabel = dac(domain)
    if seclabel is None:
        return True
    if seclabel.get("type") == "none":
        return False
    default = "no" if seclabel.get("type") == "static" else "yes"
    return seclabel.get("relabel", default) == "yes"


def source_relabels(source):
    seclabel = dac(source)
    return seclabel is None or seclabel.get("relabel", "yes") == "yes"


def local_path(kind, source):
    """The host's file of a "source" element, or nothing: an empty drive, a network disk."""
    if source is None or source.get("fdgroup"):
        return ""
    return source.get({"file": "file", "block": "dev"}.get(kind, "?"), "")


def image(kind, source, writable):
    """The file, and the data file that a qcow2 image can have beside it."""
    if source is None:
        return
    path = local_path(kind, source)
    claim = writable and source_relabels(source)
    if path:
        yield path, claim
    store = source.find("dataStore")
    if store is not None:
        inner = store.find("source")
        path = local_path(store.get("type", "file"), inner)
        if path:
            yield path, claim and source_relabels(inner)


def disk_files(disk, relabels):
    source = disk.find("source")
    if source is None:
        return
    fixed = disk.get("device") == "cdrom" or any(disk.find(name) is not None for name in READ_ONLY)
    yield from image(disk.get("type", "file"), source, relabels and not fixed)
    backing = disk.find("backingStore")
    while backing is not None and backing.get("type"):
        yield from image(backing.get("type"), backing.find("source"), False)
        backing = backing.find("backingStore")


def boot_files(domain, relabels):
    for name in ("loader", "kernel", "initrd", "shim", "dtb"):
        path = domain.findtext("os/" + name, "")
        if path:
            yield path, False
    store = domain.find("os/varstore")
    if store is not None and store.get("path"):
        yield store.get("path"), relabels
    nvram = domain.find("os/nvram")
    if nvram is None:
        return
    if nvram.get("type"):
        yield from image(nvram.get("type"), nvram.find("source"), relabels)
    elif nvram.text:
        yield nvram.text, relabels


def claims(file):
    domain = ElementTree.parse(file).getroot()
    relabels = domain_relabels(domain)
    yield from boot_files(domain, relabels)
    for pstore in domain.findall("devices/pstore"):
        if pstore.findtext("path"):
            yield pstore.findtext("path"), relabels
    for disk in domain.findall("devices/disk"):
        yield from disk_files(disk, relabels)


def named(element, where=""):
    """Whatever looks like a path of the host, wherever it stands. Of an fdgroup, it opens nothing."""
    for name, value in element.attrib.items():
        if value.startswith("/") and not element.get("fdgroup"):
            yield where + "@" + name, value
    text = (element.text or "").strip()
    if text.startswith("/"):
        yield where.rstrip("/"), text
    for child in element:
        if isinstance(child.tag, str):
            kind = "[vhostvdpa]" if child.tag == "disk" and child.get("type") == "vhostvdpa" else ""
            yield from named(child, where + child.tag + kind + "/")


def escape(path):
    return "".join(
        chr(b) if 0x20 <= b < 0x7F and b not in b'\\"' else "\\x%02x" % b for b in path.encode())


def is_domain(file):
    try:
        return ElementTree.parse(file).getroot().tag == "domain"
    except ElementTree.ParseError:
        # Some of the files are input for other things than a parser of XML.
        return False


def main():
    if sys.argv[1] == "list":
        files = sorted(glob.glob("tests/*data/*.xml", root_dir=sys.argv[2]))
        for file in files:
            if is_domain(sys.argv[2] + "/" + file):
                print(file)
    elif sys.argv[1] == "named":
        for file in sys.argv[2:]:
            for where, path in named(ElementTree.parse(file).getroot()):
                print(file, where, '"%s"' % escape(path))
    else:
        for file in sys.argv[2:]:
            for path, claim in claims(file):
                print(file, "claim" if claim else "keep", '"%s"' % escape(path))


main()
