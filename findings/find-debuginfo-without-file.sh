#!/bin/bash
# Debian's find-debuginfo leaves all debug information where it is, and ends with status 0, where file(1) is missing.
#
# debugedit 1:5.3-4 and rpm 6.1.0-1 (Debian sid). The script has file(1) tell which files of a build are ELF, but neither
# debugedit nor rpm, which runs it in each build, depends on file. The shell's "file: command not found" is one line
# among those of a build; "Extracting debug info from 0 files" follows, and the status 0, as for a build without any
# program. With file(1) the same program is split into itself and its debug information.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tools=(debugedit=1:5.3-4 rpm=6.1.0-1 binutils bash dash coreutils findutils grep sed gawk cpio)
# root NAME PACKAGE...: one with these besides.
root() {
    "$here/packages" sid "$work/$1" "${tools[@]}" "${@:2}" || exit
    mkdir -p "$work/$1/tmp"
    [ -e "$work/$1/dev/null" ] || mknod -m 666 "$work/$1/dev/null" c 1 3
}
root no-file elfutils
root both elfutils file

cat >"$work/inside" <<'INSIDE'
cd /tmp
mkdir build
cd build
printf '.globl _start\n_start:\n\thlt\n' >thing.s
as -g -o thing.o thing.s && ld --build-id -o thing thing.o || exit

mkdir -p /tmp/root/usr/bin
cp thing /tmp/root/usr/bin
RPM_BUILD_ROOT=/tmp/root RPM_BUILD_DIR=/tmp RPM_PACKAGE_NAME=thing RPM_PACKAGE_VERSION=1 RPM_PACKAGE_RELEASE=1 \
    RPM_ARCH=x86_64 find-debuginfo -S debugsourcefiles.list /tmp/build >/tmp/log 2>&1
status=$?
echo "status $status, $(grep -o 'from [0-9]* files' /tmp/log), $(find /tmp/root/usr/lib/debug -name '*.debug' -type f 2>/dev/null | wc -l) of debug information"
grep -oE '[a-z-]+: command not found' /tmp/log | sort -u
INSIDE
cat >"$work/expected" <<'ROWS'
both: status 0, from 1 files, 1 of debug information
no-file: status 0, from 0 files, 0 of debug information
file: command not found
ROWS
# run ROOT
run() {
    cp "$work/inside" "$work/$1"
    chroot "$work/$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin bash /inside | sed "1s/^/$1: /"
}
echo "find-debuginfo of debugedit 1:5.3-4:"
{ run both && run no-file; } | tee "$work/seen"
diff "$work/expected" "$work/seen" >&2 || {
    cat "$work"/*/tmp/log >&2
    exit 1
}
