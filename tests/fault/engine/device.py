"""A disk whose power goes: what it has received, and what of that it was made to keep.

The file system under test lies on a loop device, whose file lies on a second file system, whose own device
is a file in memory. So three states of the disk are known: what it had received, what of that it was made
to keep by its last flush, and what it receives if the file system is synced at that moment.
"""
import os
import re

from . import machine

FILES = "/mnt/device/files"
BLOCK = 4096


class Device:
    """A file system on a loop device: FILES on it, and the program's records."""

    def __init__(self, fstype, state, volatile):
        self.state = state
        self.image = "/mnt/image"
        size = {"xfs": 20}.get(fstype, 12) << 20
        if volatile:
            self._make_outer((size >> 20) + 12)
            self.image = "/mnt/outer/image"
        with open(self.image, "wb") as file:
            file.write(bytes(size))
            os.fsync(file.fileno())
        self._make(fstype)
        if volatile:
            self._find_extents()
        self.fstype = fstype
        # Where the records go must exist for them to be mounted on, and not on this machine.
        machine.mount_tmpfs(os.path.dirname(state))
        self.attach()
        os.mkdir(FILES)

    @staticmethod
    def _make_outer(mebibytes):
        machine.system("truncate", "-s", f"{mebibytes}M", "/mnt/outer.img")
        machine.system("mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", "-b", str(BLOCK), "/mnt/outer.img")
        os.mkdir("/mnt/outer")
        machine.system("mount", "-o", "loop", "/mnt/outer.img", "/mnt/outer")

    def _make(self, fstype):
        """Without discards, which would take blocks away from the image."""
        if fstype == "xfs":
            # A small one has to be asked for since xfsprogs 5.19.
            try:
                machine.system("mkfs.xfs", "-q", "-K", "--unsupported", self.image)
            except RuntimeError:
                machine.system("mkfs.xfs", "-q", "-K", self.image)
        else:
            machine.system("mkfs.ext4", "-q", "-E", "nodiscard", "-b", "1024", "-I", "256", "-J", "size=1", self.image)

    def _find_extents(self):
        """Where in the outer image the blocks of the inner one lie."""
        self.extents = []
        for line in machine.system("filefrag", "-e", f"-b{BLOCK}", self.image).splitlines():
            if match := re.match(r"\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+):", line):
                self.extents.append(tuple(int(field) * BLOCK for field in match.groups()))

    def attach(self):
        """Mounts it, and the records where the program keeps them."""
        os.makedirs("/mnt/device", exist_ok=True)
        machine.system("mount", "-o", "loop", "-t", self.fstype, self.image, "/mnt/device")
        os.makedirs("/mnt/device/state", mode=0o755, exist_ok=True)
        machine.mount("/mnt/device/state", self.state, flags=machine.MS_BIND)

    def has_loop(self, name):
        """Whether that is its loop device."""
        try:
            with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as file:
                return file.read().rstrip("\n") == self.image
        except FileNotFoundError:
            return False

    def detach(self):
        """Unmounts both."""
        machine.umount(self.state)
        machine.umount("/mnt/device")

    @staticmethod
    def sync():
        """syncfs(2)"""
        fd = os.open("/mnt/device", os.O_RDONLY | os.O_DIRECTORY)
        machine.checked(machine.LIBC.syncfs(fd), "syncfs")
        os.close(fd)

    def received(self):
        """What the disk has been given."""
        with open(self.image, "rb") as file:
            return file.read()

    def kept(self):
        """What of that survives a power cut."""
        data = bytearray(os.path.getsize(self.image))
        with open("/mnt/outer.img", "rb") as file:
            for logical, physical, length in self.extents:
                file.seek(physical)
                data[logical:logical + length] = file.read(length)
        return bytes(data)

    def become(self, data):
        """While it is detached. Only what differs is written."""
        now = self.received()
        with open(self.image, "r+b") as file:
            for at in changed_blocks(now, data):
                os.pwrite(file.fileno(), data[at:at + BLOCK], at)
            os.fsync(file.fileno())
        if self.kept() != data:
            raise RuntimeError("the disk does not keep what it was made to keep")


def changed_blocks(a, b):
    """Where two disks differ."""
    large = BLOCK * 64
    for start in range(0, len(a), large):
        if a[start:start + large] != b[start:start + large]:
            for at in range(start, min(start + large, len(a)), BLOCK):
                if a[at:at + BLOCK] != b[at:at + BLOCK]:
                    yield at
