#!/bin/bash
# lsof and fuser do not see who maps a file on btrfs, and lsof not who has locked it.
#
# lsof 4.95.0 and 4.99.4, psmisc's fuser 23.6 and 23.7 (Debian bookworm and trixie, kernel 6.18).
# Where two things meet: btrfs gives each subvolume a device number of its own, which stat(2) and statx(2) answer,
# while the kernel writes that of the whole file system into /proc/PID/maps and /proc/locks. Both programs compare
# the one with the other. On xfs the same process is listed as "mem" and as holder of a write lock.
# So a process that keeps an image mapped after closing its descriptor is nobody to them, on Fedora's default
# file system. (mount options, subvolumes or compression do not matter.)
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for a loop device" >&2; exit 77; }
for tool in mkfs.btrfs mkfs.xfs python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install btrfs-progs xfsprogs python3" >&2; exit 77; }
done
# A mount namespace, so that nothing stays mounted.
[ "${IN_NAMESPACE-}" = yes ] || exec env IN_NAMESPACE=yes unshare --mount --propagation private "$0"
work=$(mktemp -d)
mappers=()
trap 'kill "${mappers[@]}" 2>/dev/null; wait; umount "$work"/on-* 2>/dev/null; rm -rf "$work"' EXIT

"$here/packages" bookworm "$work/bookworm" lsof=4.95.0-1 psmisc=23.6-1 || exit
"$here/packages" trixie "$work/trixie" lsof=4.99.4+dfsg-2 psmisc=23.7-2 || exit

# Maps a file and closes it again; or keeps it open with a lock on it.
cat >"$work/hold" <<'PY'
import ctypes, fcntl, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open(sys.argv[2], os.O_RDWR)
if sys.argv[1] == "map":
    if libc.mmap(None, 4096, 1, 1, fd, 0) in (None, ctypes.c_void_p(-1).value):
        sys.exit("can't map it")
    os.close(fd)
else:
    fcntl.lockf(fd, fcntl.LOCK_EX)
print("ready", flush=True)
signal.pause()
PY

# hold HOW FILE: its process id in $holder, once it holds.
hold() {
    exec {ready}< <(exec python3 "$work/hold" "$1" "$2")
    holder=$!
    mappers+=("$holder")
    read -r _ <&"$ready"
}

# seen SUITE FILE: which of the programs of the suite name the two processes.
seen() {
    local root=$work/$1 file=$2 run
    # By the suite's own loader and C library.
    run=("$(find "$root"/usr/lib/ "$root/lib/" -name "ld-linux-*.so.*" 2>/dev/null | head -n 1)" --library-path "$(echo "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu | tr " " :)")
    "${run[@]}" "$root/usr/bin/lsof" -w -F pl "$file" 2>/dev/null >"$work/lsof"
    "${run[@]}" "$(find "$root/usr/bin/fuser" "$root/bin/fuser" 2>/dev/null | head -n 1)" "$file" >"$work/fuser" 2>/dev/null
    grep -q "^p$mapper$" "$work/lsof" && echo -n "lsof:map "
    grep -qw "$mapper" "$work/fuser" && echo -n "fuser:map "
    sed -n "/^p$locker$/,/^p/p" "$work/lsof" | grep -qi '^lw' && echo -n "lsof:lock "
    grep -qw "$locker" "$work/fuser" && echo -n "fuser:open "
    echo
}

status=0
for fs in xfs btrfs; do
    truncate -s 350M "$work/$fs.img"
    "mkfs.$fs" -q "$work/$fs.img" >/dev/null 2>&1 || exit 77
    mkdir "$work/on-$fs"
    mount -o loop "$work/$fs.img" "$work/on-$fs" || exit 77
    file=$work/on-$fs/image
    head -c 8192 /dev/zero >"$file"
    hold map "$file" && mapper=$holder
    hold lock "$file" && locker=$holder
    echo "$fs: stat says device $(stat -c %Hd:%Ld "$file"), maps $(sed -n "s|.* \([0-9a-f]*:[0-9a-f]*\) [0-9]* *$file$|\1|p" \
        "/proc/$mapper/maps") (hexadecimal)"
    for suite in bookworm trixie; do
        found=$(seen $suite "$file")
        echo "$fs, programs of $suite see: $found"
        case $fs:$found in
        xfs:"lsof:map fuser:map lsof:lock fuser:open ") ;;
        btrfs:"fuser:open ") ;;
        *) status=1 ;;
        esac
    done
done
exit $status
