"""Where the command runs: namespaces of its own, so that the machine is not changed."""
import ctypes
import os
import shlex
import signal
import struct
import subprocess
import time

from .files import clear

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, PR_SET_PDEATHSIG = 0x20000, 0x20000000, 0x40000000, 1
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
KEYCTL, KEYCTL_JOIN_SESSION_KEYRING = 250, 1


def checked(result, what):
    """Raises the error of a call of libc's."""
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, fstype="none", flags=0, data=""):
    """mount(2), on a directory that is made where it is missing."""
    os.makedirs(target, exist_ok=True)
    checked(LIBC.mount(source.encode(), target.encode(), fstype.encode(), flags, data.encode()), f"mount {target}")


def mount_tmpfs(target):
    """A new and empty directory, which all can search."""
    mount("tmpfs", target, "tmpfs", data="mode=0755")


def umount(target):
    """umount(2)"""
    checked(LIBC.umount2(target.encode(), 0), f"umount {target}")


def unshare(flags):
    """unshare(2)"""
    checked(LIBC.unshare(flags), "unshare")


def new_keyring(name):
    """A session keyring of that name."""
    LIBC.syscall(KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, name.encode())


def die_with_parent():
    """This process ends when the one that started it does."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def system(*command, **options):
    """Runs what must succeed, and returns its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def private_mounts():
    """What is mounted from here on is this process's alone; /mnt is new."""
    unshare(CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount_tmpfs("/mnt")


def show_loop_devices(wanted):
    """Of the machine's loop devices, those alone whose names wanted() is true of: whoever looks for the file of a
    disk looks at each, and other tests attach and detach theirs meanwhile."""
    names = sorted(name for name in os.listdir("/sys/block") if name.startswith("loop"))
    there = {name: os.path.realpath(f"/sys/block/{name}") for name in names if wanted(name)}
    mount_tmpfs("/sys/block")
    for name, directory in there.items():
        os.symlink(directory, f"/sys/block/{name}")


class Processes:
    """Those to come are alone in a namespace of processes, so that who looks at all finds always the same."""

    def __init__(self):
        unshare(CLONE_NEWPID)
        self.first = Paused()
        # Only a process in the namespace can mount its /proc.
        system("mount", "-t", "proc", "proc", "/proc")


class Paused:
    """A process that does nothing, while this object is used. Its own idea of its id is .pid."""

    def __init__(self):
        read, write = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            die_with_parent()
            # The first of a namespace gets its orphans; the dead ones are not to be waited for.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            os.write(write, b"%d" % os.getpid())
            while True:
                signal.pause()
        self.pid = int(os.read(read, 20))
        os.close(read)
        os.close(write)

    def end(self):
        """Nobody can use its id any more."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)


class Boots:
    """Which boot this is, to those who ask the kernel or utmp(5)."""

    def __init__(self, has_domain):
        mount_tmpfs("/run")
        self.has_domain = has_domain
        self.files = {}
        for path in "/proc/sys/kernel/random/boot_id", "/proc/uptime":
            self.files[path] = "/mnt/" + os.path.basename(path)
            with open(self.files[path], "w", encoding="ascii"):
                pass
            checked(LIBC.mount(self.files[path].encode(), path.encode(), None, MS_BIND, None), f"mount {path}")
        now = int(time.time())
        self.booted = {1: now - 90000, 2: now - 600}
        self.boot(1)

    def boot(self, number):
        """This is the boot of that number, and some time has gone by."""
        booted = self.booted[number]
        uptime = int(time.time()) - booted
        clear("/run")
        if self.has_domain and number == 1:
            os.makedirs("/run/libvirt/qemu")
            for name in "other.xml", "other.pid":
                with open("/run/libvirt/qemu/" + name, "wb"):
                    pass
        texts = {"boot_id": f"{number:08x}-1111-4111-8111-111111111111\n", "uptime": f"{uptime}.50 {uptime}.00\n"}
        for path in self.files.values():
            with open(path, "w", encoding="ascii") as file:
                file.write(texts[os.path.basename(path)])
        # BOOT_TIME is 2. utmp(5) has the layout.
        record = struct.pack("hxxi32s4s32s256shhiii16x20x", 2, 0, b"~", b"~~", b"reboot", b"", 0, 0, 0, booted, 0)
        with open("/run/utmp", "wb") as file:
            file.write(record)
