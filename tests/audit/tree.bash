# A tree of files in the place of a host, and the words in which trees.d says what is odd
# about each. The tree that is being made is $t.
# shellcheck shell=bash disable=SC2154

boot=f4786eb7-9e61-46a4-b243-ffeee64737f0

# Every tree begins as a host with one QEMU, process 100, of which nothing is found.
make_tree() {
    local t=$1
    mkdir -p "$t"/{dev,etc/libvirt,usr/bin,proc/self/ns,proc/sys/kernel/random}
    printf '%s\n' root:x:0:0::/root:/bin/bash qemu:x:107:107::/:/sbin/nologin alice:x:6001:6001::/home/alice:/bin/bash >"$t/etc/passwd"
    printf '%s\n' root:x:0: kvm:x:36:qemu qemu:x:107: disk:x:6: alice:x:6001: >"$t/etc/group"
    printf '%s\n' 'user = "qemu"' 'group = "qemu"' >"$t/etc/libvirt/qemu.conf"
    touch -d @1000 "$t/etc/libvirt/qemu.conf"
    install -m 0600 /dev/null "$t/etc/shadow"
    for name in usr/bin/qemu-system-x86_64 usr/bin/sleep; do
        install -m 0755 /dev/null "$t/$name"
        echo "$name" >"$t/$name"
    done
    echo 'btime 2000' >"$t/proc/stat"
    echo core >"$t/proc/sys/kernel/core_pattern"
    echo "$boot" >"$t/proc/sys/kernel/random/boot_id"
    mknod -m 0666 "$t/dev/kvm" c 10 232
    mknod -m 0666 "$t/dev/null" c 1 3
    mknod -m 0660 "$t/dev/sda" b 8 0
    chown root:36 "$t/dev/kvm"
    chown root:6 "$t/dev/sda"
    ln -s 'user:[4026531837]' "$t/proc/self/ns/user"
    ln -s 'pid:[4026531836]' "$t/proc/self/ns/pid"
    echo '20 1 0:20 / /proc rw shared:1 - proc proc rw' >"$t/proc/self/mountinfo"
    # The first process, whose root and namespaces are the host's.
    mkdir -p "$t/proc/1/ns"
    namespaces 1 / 4026531840 4026531839
    make_process
    cp -a "$t/proc/100/status" "$t/proc/self/status"
    field self CapEff 000001ffffffffff
}

make_process() {
    local p=proc/100
    mkdir -p "$t/$p"/{task/100,fd,fdinfo,ns,attr}
    printf '%s\t%s\n' Name: qemu-system-x86 State: 'S (sleeping)' Tgid: 100 Pid: 100 TracerPid: 0 \
        Uid: $'107\t107\t107\t107' Gid: $'107\t107\t107\t107' Groups: '36 107 ' NSpid: 100 Threads: 1 \
        CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapBnd: 0000000000000000 \
        CapAmb: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 >"$t/$p/status"
    ln -s /usr/bin/qemu-system-x86_64 "$t/$p/exe"
    printf 'qemu-system-x86_64\0-S\0' >"$t/$p/cmdline"
    printf '100 (qemu) S 1 100 100 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 0\n' >"$t/$p/stat"
    printf '%-26s%-21s%-21s%s\n' Limit 'Soft Limit' 'Hard Limit' Units 'Max core file size' 0 0 bytes >"$t/$p/limits"
    memory 16384 'rd wr mr mw me ac dc sd'
    echo 0::/vm >"$t/$p/cgroup"
    echo '         0          0 4294967295' >"$t/$p/uid_map"
    ln -s 'user:[4026531837]' "$t/$p/ns/user"
    mkdir "$t/vm"
    namespaces 100 /vm 4026532300 4026532301
    descriptor 0 /dev/null 0100002
    cp -a "$t/$p/status" "$t/$p/task/100/status"
}

# What the lines of a tree say. A thread is PID or PID/task/TID.

# put FILE TEXT: with its escapes (printf(1)).
put() {
    mkdir -p "$t/${1%/*}"
    printf '%b' "$2" >"$t/$1"
}

# field THREAD NAME VALUE: of a status file; without a value, the line goes.
field() {
    local file=$t/proc/$1/status
    [ "$1" != 100 ] || file=$t/proc/100/task/100/status
    awk -v name="$2" -v value="${3-}" -v gone=$(($# == 2)) -F: '
        BEGIN { OFS = ":" } $1 == name { if (gone) next; $0 = name ":\t" value } { print }' "$file" >"$t/new"
    cat "$t/new" >"$file"
    rm "$t/new"
}

# also THREAD TEXT: one more line of the status file.
also() {
    printf '%b\n' "$2" >>"$t/proc/$1/task/${1%%/*}/status"
}

# thread TID: another thread of process 100, like the first.
thread() {
    cp -a "$t/proc/100/task/100" "$t/proc/100/task/$1"
}

# descriptor NUMBER TARGET [FLAGS]
descriptor() {
    ln -sf "$2" "$t/proc/100/fd/$1"
    [ $# -eq 2 ] || printf 'pos:\t0\nflags:\t%s\nmnt_id:\t15\n' "$3" >"$t/proc/100/fdinfo/$1"
}

# namespaces PID ROOT NETWORK IPC: its root directory, and the numbers of two of its namespaces.
namespaces() {
    ln -sfn "$2" "$t/proc/$1/root"
    ln -sfn "net:[$3]" "$t/proc/$1/ns/net"
    ln -sfn "ipc:[$4]" "$t/proc/$1/ns/ipc"
}

# process PID: another one, like process 100.
process() {
    cp -a "$t/proc/100" "$t/proc/$1"
    mv "$t/proc/$1/task/100" "$t/proc/$1/task/$1"
    sed -i "s/100/$1/" "$t/proc/$1/stat" "$t/proc/$1/task/$1/status"
}

# memory SIZE FLAGS: one more mapping of process 100, in KiB, with these VmFlags.
memory() {
    printf '%s\n' '7f0000000000-7f0001000000 rw-p 00000000 00:00 0 ' "Size:  $1 kB" 'Rss:   0 kB' "VmFlags: $2 " >>"$t/proc/100/smaps"
}

exe() {
    ln -sfn "$1" "$t/proc/100/exe"
}

# v1 MOUNTINFO: that there is a hierarchy of version 1 with the device controller.
v1() {
    echo '30 20 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices' >>"$t/proc/self/mountinfo"
    put proc/100/cgroup '5:devices:/vm\n0::/\n'
}

# isolated PID ID: it has an id of its own, and its group.
isolated() {
    local name
    for name in Uid Gid; do
        field "$1/task/$1" "$name" "$2	$2	$2	$2"
    done
    field "$1/task/$1" Groups ''
}

# user PID UID: all user ids of its first thread, and its group ids, which are alice's or of the same number.
user() {
    local gid=$2
    [ "$2" -lt 200000 ] || gid=6001
    field "$1/task/$1" Uid "$2	$2	$2	$2"
    field "$1/task/$1" Gid "$gid	$gid	$gid	$gid"
    field "$1/task/$1" Groups "$gid"
}

# journal NAME BOOT [PID:START]: a claim of virt-priv-chown, without files.
journal() {
    put "var/lib/virt-privileges/claims/$1" \
        "virt-privileges claims 1\nname $1\nboot $2\nbooted 1000\n${3:+holder ${3/:/ }\n}entries 0\n"
}
