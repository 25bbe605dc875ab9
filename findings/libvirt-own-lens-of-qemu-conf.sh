#!/bin/bash
# The Augeas lens that libvirt ships for qemu.conf refuses settings that libvirt itself reads.
#
# libvirt 9.0.0, 11.3.0 and 12.8.0 (Debian bookworm, trixie, sid), each with its own lens and parser; augeas 1.14.
# The list form of security_driver is the one that the comments of qemu.conf describe; comments behind a value, ";",
# single quotes and a trailing comma are in libvirt's grammar (virconf.c). One such line makes the whole file a
# parse error for Augeas: augtool, and the Augeas modules of Puppet, Salt and Ansible, then see no setting of it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/ask" <<'PY'
import ctypes, os, subprocess
library = ctypes.CDLL("libvirt.so.0")
library.virInitialize()
library.virConfReadString.restype = ctypes.c_void_p
library.virConfReadString.argtypes = [ctypes.c_char_p, ctypes.c_uint]
silent = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda context, error: None)
library.virSetErrorFunc(None, silent)
os.makedirs("/etc/libvirt", exist_ok=True)
for text in ('user = "root"', "user = 'root'", 'user = "root"; group = "root"', 'user = "root" # for now',
             'security_driver = "none"', 'security_driver = [ "selinux", "none" ]',
             'cgroup_device_acl = [ "/dev/null" ]', 'cgroup_device_acl = [ "/dev/null", ]'):
    with open("/etc/libvirt/qemu.conf", "w") as file:
        file.write(text + "\n")
    read = library.virConfReadString((text + "\n").encode(), 0)
    answer = subprocess.run(["augtool", "--noautoload", "--include=/usr/share/augeas/lenses",
                             "--transform=Libvirtd_qemu.lns incl /etc/libvirt/qemu.conf"], text=True, capture_output=True,
                            input="load\nprint /files//*\nprint /augeas/files//error/message\n").stdout
    lens = "refuses" if "/error/message" in answer else "reads" if "/qemu.conf/" in answer else "?"
    print(f"{'reads' if read else 'refuses'} {lens} {text}")
PY

cat >"$work/expected" <<'ROWS'
reads reads user = "root"
reads refuses user = 'root'
reads refuses user = "root"; group = "root"
reads refuses user = "root" # for now
reads reads security_driver = "none"
reads refuses security_driver = [ "selinux", "none" ]
reads reads cgroup_device_acl = [ "/dev/null" ]
reads refuses cgroup_device_acl = [ "/dev/null", ]
ROWS

status=0
for row in bookworm=9.0.0-4+deb12u2 trixie=11.3.0-3+deb13u3 sid=12.8.0-1; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "libvirt0=${row#*=}" "libvirt-daemon-driver-qemu=${row#*=}" \
        augeas-tools python3 || exit
    cp "$work/ask" "$work/$suite/ask"
    chroot "$work/$suite" /usr/bin/python3 /ask >"$work/seen"
    echo "libvirt ${row#*=}: its parser, its lens"
    cat "$work/seen"
    diff "$work/expected" "$work/seen" >&2 || status=1
done
exit $status
