#!/usr/bin/python3
"""What the installed QEMU can be given that might name something of the host, beside what is read in it.

    qemu-properties.py DUMP REVIEWED [QEMU]

DUMP is the program qemuargs-dump; REVIEWED, the list of what is known (qemu-properties.reviewed,
which describes itself). QEMU is asked for the options of -help, the keys in it and those of
query-command-line-options, and the members of type string that query-qmp-schema, device-list-properties
and qom-list-properties name. QEMU has no type of its own for a file name, a descriptor, a socket or
a user: on the command line all of them are strings.

Each must be in REVIEWED, and must be read as that says: a path, a number and a port are put in its
place. Prints TAP, with a line for each of them.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys

PATH, NUMBER, PORT = "/vp/probe", "7", "80"
PROBES = (PATH, NUMBER, PORT)
VERDICTS = ("named", "port", "warned", "refused", "harmless")

# The commands of QMP whose arguments have the form of an option, and the member that says of which kind it is.
COMMANDS = {"blockdev-add": "blockdev", "netdev_add": "netdev", "object-add": "object", "set-numa-node": "numa"}
# The answers that do.
ANSWERS = {"query-display-options": "display", "query-audiodevs": "audiodev"}
# The names of lists of options (system/vl.c) that are not those of the option.
GROUPS = {"acpi": "acpitable", "boot-opts": "boot", "memory": "m", "smp-opts": "smp"}


class Qemu:
    """A QEMU without a machine, asked by QMP."""

    def __init__(self, program):
        self.program = program
        self.lost = []
        self.start()
        self.types = {entry["name"]: entry for entry in self.ask("query-qmp-schema")}

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S", "-qmp", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdout.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        """The answer, or None where it is an error."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    return None
        except BrokenPipeError:
            pass
        # Of a class whose module is not installed, or is another's.
        self.process.wait()
        self.lost.append(f"{command} {arguments}: QEMU ended by {self.process.returncode}")
        self.start()
        return None

    def help(self):
        return subprocess.run([self.program, "-help"], capture_output=True, text=True, check=True).stdout

    def takes_value(self, option):
        """Whether an option wants a value: as the last word it is an error then."""
        done = subprocess.run([self.program, "-version", "-" + option], capture_output=True, text=True, check=False)
        if "invalid option" in done.stderr:
            raise ValueError(f"-{option} of -help is an invalid option")
        return "requires an argument" in done.stderr

    def end(self):
        self.ask("quit")
        self.process.wait()


class Found:
    """All that was found: (OPTION, OF, KEY) to the command lines that have it, with PATH in its place."""

    def __init__(self):
        self.samples = {}

    def add(self, option, of, key, words):
        samples = self.samples.setdefault((option, of, key), [])
        if words not in samples:
            samples.append(words)

    def has_key(self, option, key):
        return any(name[0] == option and name[2] == key for name in self.samples)


# --- QMP's schema ---

def is_reference(types, entry):
    """A node that stands by its name, or is described in its place: its description is one of its own."""
    return any(types[member["type"]].get("tag") == "driver" for member in entry["members"])


def leaves(types, name, path, tags, above):
    """(PATH, TAGS) of each string of a type: the keys that lead to it, and the choices that make it be there."""
    entry = types[name]
    kind = entry["meta-type"]
    if name in above or kind == "enum":
        return
    above = above | {name}
    if kind == "builtin":
        if entry["json-type"] == "string" and name == "str":
            yield path, tags
    elif kind == "array":
        yield from leaves(types, entry["element-type"], path + (0,), tags, above)
    elif kind == "alternate":
        if not is_reference(types, entry):
            for member in entry["members"]:
                yield from leaves(types, member["type"], path, tags, above)
    elif kind == "object":
        for member in entry["members"]:
            if member["name"] != entry.get("tag"):
                yield from leaves(types, member["type"], path + (member["name"],), tags, above)
        for variant in entry.get("variants", ()):
            choice = {**tags, path + (entry["tag"],): variant["case"]}
            yield from leaves(types, variant["type"], path, choice, above)


def put(value, path, what):
    """The value, of which the object or list at the path is what."""
    if not path:
        return what
    if path[0] == 0:
        return [put(value[0] if value else {}, path[1:], what)]
    value = dict(value or {})
    value[path[0]] = put(value.get(path[0]), path[1:], what)
    return value


def add_type(found, types, option, name, wrap=lambda value: value):
    entry = types[name]
    tag = entry.get("tag")
    for path, tags in leaves(types, name, (), {}, frozenset()):
        of = tags.get((tag,), "-")
        value = {}
        for where, choice in tags.items():
            value = put(value, where, choice)
        value = wrap(put(value, path, PATH))
        key = ".".join(str(part) for part in path if part != 0)
        found.add(option, of, key, ("-" + option, json.dumps(value)))


def add_schema(found, types):
    for command, option in COMMANDS.items():
        if command in types:
            add_type(found, types, option, types[command]["arg-type"])
    for command, option in ANSWERS.items():
        if command in types:
            answer = types[types[command]["ret-type"]]
            add_type(found, types, option, answer["element-type"] if answer["meta-type"] == "array" else answer["name"])
    channels = [member for member in types[types["migrate-incoming"]["arg-type"]]["members"] if member["name"] == "channels"]
    for member in channels:
        add_type(found, types, "incoming", types[member["type"]]["element-type"])


# --- Devices, machines, accelerators and CPUs ---

# Types of properties that are numbers, switches, choices of a few words, or made by QEMU itself.
CHOICES = {
    "BiosAtaTranslation", "BlockdevOnError", "FloppyDriveType", "FdcDriveType", "FDCDriveType", "GranuleMode", "GuestPanicInformation", "LostTickPolicy",
    "MigMode", "MultiFDCompression", "MultifdCompression", "NotifyVMexitOption", "OffAutoPCIBAR", "OnOffAuto", "OnOffSplit",
    "PCIELinkSpeed", "PCIELinkWidth", "PCSouthBridgeOption", "QemuUUID", "ReservedRegion", "SMPConfiguration", "BootConfiguration",
    "MemorySizeConfiguration", "SmpCachePropertiesWrapper", "SgxEPC", "CXLFixedMemoryWindow", "SpdmTransportType", "VirtIOGPUOutputList",
    "IOThreadVirtQueueMappingList", "X86CPUFeatureWordInfo", "ZeroPageDetection", "HostMemPolicy", "bool", "boolean", "busnr",
    "guest statistics", "int", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32", "uint64", "uint64_t", "size", "number",
    "on|off|split", "strList", "struct tm"}


def is_text(entry):
    """A type that is not known is taken for one that could name something."""
    return entry["type"] not in CHOICES and not entry["type"].startswith(("child<", "link<"))


def add_sockets(found, option, name, key):
    """A property that is an address of QMP's type SocketAddress."""
    for way, member in (("unix", "path"), ("fd", "str"), ("inet", "port")):
        value = {"driver": name, key: {"type": way, member: PATH}}
        found.add(option, name, f"{key}.{member}", ("-" + option, json.dumps(value)))


def add_classes(found, qemu, option, implements, name_of, list_properties):
    for entry in qemu.ask("qom-list-types", implements=implements, abstract=False):
        name = name_of(entry["name"])
        for prop in qemu.ask(list_properties, typename=entry["name"]) or ():
            if prop["type"] == "SocketAddress":
                add_sockets(found, option, name, prop["name"])
            elif is_text(prop) and prop["name"] != "type":
                value = PATH if prop["type"] != "list" else [PATH]
                found.add(option, name, prop["name"], sample_of_class(option, name, prop["name"], value))


def sample_of_class(option, name, key, value):
    if option == "device":
        return ("-device", json.dumps({"driver": name, key: value}))
    return ("-" + option, f"{name},{key}={PATH}")


def add_devices(found, qemu):
    def same(name):
        return name

    def ending(suffix):
        return lambda name: name.removesuffix(suffix)

    add_classes(found, qemu, "device", "device", same, "device-list-properties")
    add_classes(found, qemu, "machine", "machine", ending("-machine"), "qom-list-properties")
    add_classes(found, qemu, "accel", "accel", ending("-accel"), "qom-list-properties")
    add_classes(found, qemu, "cpu", "cpu", ending("-x86_64-cpu"), "qom-list-properties")


# --- -help ---

def usage_of(text):
    """(OPTION, FORM) of each form of an option in -help: "-netdev", "user,id=str[,...]"."""
    forms = []
    for line in text.splitlines():
        match = re.match(r"-([A-Za-z][\w-]*)(?: or -([\w-]+))?(.*)", line)
        if match:
            forms += [[name, match[3]] for name in match.groups()[:2] if name]
        elif forms and line.startswith(" ") and not line.startswith("                "):
            forms[-1][1] += " " + line.strip()
    return forms


def keys_of(form):
    """What the form is of ("user", or "-"), and its keys that are not said to be numbers or switches."""
    match = re.match(r" ([a-z][\w-]*)(?=[,\[])", form)
    keys = []
    for key, value in re.findall(r"([A-Za-z][\w.-]*)=([^\s,\]]*)", form):
        if key not in keys and not re.match(r"(\[?on\|off|off\||on\||\d|n$|n\|)", value):
            keys.append(key)
    return match[1] if match else "-", keys


def add_help(found, qemu, known):
    """known(option, takes): whether the table has such an option. Returns a message for each that it has not."""
    forms = usage_of(qemu.help())
    wrong = []
    for option in dict.fromkeys(form[0] for form in forms):
        takes = qemu.takes_value(option)
        if not known(option, takes):
            wrong.append(f"-{option}, which takes {'a' if takes else 'no'} value, is not in tools/lib/qemu/table.c so")
        if takes:
            found.add(option, "-", "-", ("-" + option, PATH))
    for option, form in forms:
        of, keys = keys_of(form)
        for key in keys:
            found.add(option, of, key, ("-" + option, (of + "," if of != "-" else "") + f"{key}={PATH}"))
    return wrong


def add_options(found, qemu):
    for entry in qemu.ask("query-command-line-options") or ():
        option = GROUPS.get(entry["option"], entry["option"])
        for parameter in entry["parameters"]:
            key = parameter["name"]
            if parameter["type"] == "string" and not found.has_key(option, key):
                found.add(option, "-", key, ("-" + option, f"{key}={PATH}"))


# --- The reader ---

def read_all(dump, lines):
    """What the reader finds in each command line."""
    text = "".join("".join(word + "\1" for word in words) + "\n" for words in lines)
    out = subprocess.run([dump, "--lines"], input=text, capture_output=True, text=True, check=False).stdout
    return [part.split("\n", 1)[1].splitlines() for part in re.split(r"^line ", out, flags=re.M)[1:]]


def is_known(dump, option, takes):
    """An option with a value takes "-hda" for it, and what follows is a disk; behind one without, it is one at once."""
    words = ("-" + option, "-hda", PATH) if takes else ("-" + option, PATH)
    return any(re.match(r"disk .* \| argument |error -hda is not read here$", line) for line in read_all(dump, [words])[0])


def names(lines, value):
    """Whether a resource, or the user that QEMU is to be, is the value."""
    value = re.escape(value)
    known = rf"(?!refused|warning)\S+ \S+ {value} \||  net .* {value} |with run_as {value}$|error {value} is not read here$"
    return any(re.match(known, line) for line in lines)


def seen(outputs):
    """What is read, of a path, a number and a port."""
    path, number, port = outputs
    if any(line.startswith("refused") for line in path):
        return "refused"
    if names(path, PATH) or names(number, NUMBER):
        return "named"
    if any(line.startswith("refused") and f" {PORT} " in line for line in port):
        return "port"
    if any(line.startswith("warning") for line in path):
        return "warned"
    return "harmless"


# --- The list ---

class Reviewed:
    """Lines "OPTION OF KEY VERDICT [with|as WORD...] [: WHY]"; see there."""

    def __init__(self, path):
        self.rows = []
        with open(path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                fields, _, why = line.partition(" : ")
                option, of, key, verdict, *rest = fields.split()
                if verdict not in VERDICTS or (rest and rest[0] not in ("with", "as")) or (verdict == "harmless" and not why):
                    sys.exit(f"{path}:{number}: expected OPTION OF KEY VERDICT [with|as WORD...] [: WHY]: {line}")
                self.rows.append((option, of, key, verdict, rest))

    def row(self, name):
        for row in self.rows:
            if all(fnmatch.fnmatchcase(part, pattern) for part, pattern in zip(name, row)):
                return row
        return None


def sample_of(words, how):
    """The command line of a row: as it is, with further keys ("KEY=VALUE"), or with other words for its value."""
    option, value = words
    if not how:
        return words
    if how[0] == "as":
        return option, how[1].replace("@", PATH), *how[2:]
    for word in how[1:]:
        key, _, text = word.partition("=")
        if value.startswith("{"):
            value = json.dumps(put(json.loads(value), tuple(key.split(".")), text))
        else:
            value += "," + word
    return option, value


def gather(dump, program):
    qemu = Qemu(program)
    found = Found()
    wrong = add_help(found, qemu, lambda option, takes: is_known(dump, option, takes))
    add_schema(found, qemu.types)
    add_devices(found, qemu)
    add_options(found, qemu)
    qemu.end()
    return found, wrong, qemu.lost


def main():
    dump, reviewed, *program = sys.argv[1:]
    dump = os.path.abspath(dump)
    found, wrong, lost = gather(dump, program[0] if program else "qemu-system-x86_64")
    reviewed = Reviewed(reviewed)
    rows = [(name, words, reviewed.row(name)) for name, samples in found.samples.items() for words in samples]
    lines = [tuple(word.replace(PATH, probe) for word in sample_of(words, row[4] if row else ()))
             for _, words, row in rows for probe in PROBES]
    outputs = read_all(dump, lines)
    verdicts = {}
    for index, (name, _, row) in enumerate(rows):
        is_read = seen(outputs[3 * index:3 * index + 3])
        if not row or is_read != row[3]:
            expected = f"reviewed as {row[3]}" if row else "not in qemu-properties.reviewed"
            wrong.append(f"{' '.join(name)}: {expected}, and read as {is_read}: {' '.join(lines[3 * index])}")
            verdicts[name] = None
        else:
            verdicts.setdefault(name, is_read)
    for message in wrong:
        print(f"not ok - {message}")
    for name, verdict in verdicts.items():
        if verdict:
            print(f"ok - {' '.join(name)}: {verdict}")
    for message in lost:
        print(f"# not examined: {message}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
