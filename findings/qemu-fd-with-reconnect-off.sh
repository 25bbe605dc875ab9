#!/bin/bash
# QEMU refuses a character device on a passed socket if it is told not to reconnect, which is what it does anyway.
#
# QEMU 7.2.22 and 10.0.13 (Debian bookworm, trixie) with reconnect=0, and 11.1.3 (sid) with reconnect-ms=0, which 10.0
# still takes. The manual of each: zero disables reconnecting, and is the default. Beside fd= no other value makes
# sense, and yet -chardev ends with "'reconnect-ms' option is incompatible with 'fd' address type": QEMU looks at
# whether the option is there, not at its value. -netdev stream starts with the same pair. It hurts who writes out
# the options of a VM with their values, or puts a connected socket's descriptor in the place of path=.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ask ROOT OPTION VALUE: QEMU's answer, with one end of a pair of connected sockets in the place of FD.
cat >"$work/ask" <<'PY'
import os, socket, subprocess, sys
root, option, value = sys.argv[1:]
ours, theirs = socket.socketpair()
value = value.replace("FD", str(theirs.fileno()))
qemu = subprocess.run(["chroot", root, "qemu-system-x86_64", "-M", "none", "-S", "-display", "none", "-monitor", "stdio",
                       option, value], input="quit\n", text=True, pass_fds=[theirs.fileno()], timeout=60,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
line = [line for line in qemu.stdout.splitlines() if f"{option} {value}: " in line]
print(line[0].split(": ")[-1] if line else "starts" if qemu.returncode == 0 and "(qemu)" in qemu.stdout else qemu.stdout)
PY

chardev=socket,id=ch,fd=FD
stream=stream,id=net,addr.type=fd,addr.str=FD
status=0
# expect SUITE OPTION VALUE ANSWER: what QEMU of the suite says to the option.
expect() {
    local seen
    seen=$(python3 "$work/ask" "$work/$1" "$2" "$3" 2>&1)
    echo "$2 $3: $seen"
    [ "$seen" = "$4" ] || { echo "expected: $4" >&2 && status=1; }
}
for row in bookworm=1:7.2+dfsg-7+deb12u18 trixie=1:10.0.13+ds-0+deb13u1 sid=1:11.1.3+ds-1; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "qemu-system-x86=${row#*=}" || exit
    echo "QEMU ${row#*=}:"
    expect "$suite" -chardev $chardev starts
    case $suite in
    sid) expect sid -chardev $chardev,reconnect-ms=0 "'reconnect-ms' option is incompatible with 'fd' address type" ;;
    *) expect "$suite" -chardev $chardev,reconnect=0 "'reconnect' option is incompatible with 'fd' address type" ;;
    esac
    [ "$suite" != trixie ] || expect trixie -chardev $chardev,reconnect-ms=0 starts
    [ "$suite" = bookworm ] || expect "$suite" -netdev $stream,reconnect-ms=0 starts
done
exit $status
