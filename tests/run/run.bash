# What the tests of virt-priv-run share: a file system in $fs, guests that write to their disks,
# and VMs that are started, looked at while they run, and left.
# shellcheck shell=bash disable=SC2034,SC2054,SC2119,SC2120,SC2154

bats_require_minimum_version 1.5.0
PATH=${VP_BUILD:-$PWD/build/plain}:$PATH
fs=/mnt/vm
guests=/mnt/guests
load ../cli/exec.bash
load ../lib/attach.bash

# What every VM has, whatever else its command line says: a guest that can leave, and talks to us.
machine=(-accel tcg -m 16 -nodefaults -no-user-config -display none -device isa-debug-exit,iobase=0xf4)
console=(-serial stdio)
wrote="virt-privileges: a guest wrote"

make_host() {
    mkdir -p "$guests" "$fs"
    nasm -f bin -DWAIT=1 -o "$guests/disk" tests/guest/disk.asm
    truncate -s 1M "$guests/disk"
    nasm -f bin -DGUEST="\"$guests/disk\"" -o "$guests/cd" tests/guest/cd.asm
    nasm -f bin -DWAIT=1 -o "$guests/kernel" tests/guest/kernel.asm
    truncate -s 96M /mnt/vm.ext4
    mkfs.ext4 -q -F /mnt/vm.ext4
    mount -o loop /mnt/vm.ext4 "$fs"
    # A network of its own, in which nobody else has a tap device or a bridge.
    touch /run/vm.net
    unshare --net=/run/vm.net ip link set lo up
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
}

unmake_host() {
    umount /run/vm.net
    umount -R "$fs"
}

# An empty file system, no claim, no VM.
clean_host() {
    local mounts mounted
    mapfile -t mounts </proc/mounts
    while read -r _ mounted _; do
        [[ $mounted != /run/virt-privileges/* ]] || umount -l "$mounted"
    done < <(printf '%s\n' "${mounts[@]}")
    rm -rf "${fs:?}"/* /etc/libvirt/qemu.conf /etc/virt-privileges /etc/qemu /var/lib/virt-privileges /run/virt-privileges
    cd "$BATS_TEST_DIRNAME/../.." || return
    umask 022
    args=() own=() wrapper=() expectations=() helpers_started=() mode=claim identity=qemu status_expected=33
    last_line=$wrote
    declare -gA put=()
}

# Ends what a test that failed has left; the processes are those of this pid namespace.
end_all() {
    local pid
    for pid in "${helpers_started[@]}" $(processes); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    # By name alone: to look for what is attached to a file that is not there, losetup compares names, and
    # finds the devices of the other hosts.
    detach_all
    [ -z "${BATS_ERROR_STATUS-}" ] || [ "$BATS_ERROR_STATUS" = 0 ] || tail -n 20 /mnt/vm.*out /mnt/vm.*err
    rm -f /mnt/vm*.out /mnt/vm*.err /mnt/vm*.in
}

# eventually COMMAND...: succeeds within a minute. Whoever waits here has no need of a process for it, which the one
# that is waited for would miss.
eventually() {
    local end=$((SECONDS + 60))
    [ -p /mnt/silence ] || mkfifo /mnt/silence
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "never: $*" && return 1; }
        read -rt 0.02 <>/mnt/silence || true
    done
}

# processes: the runners and QEMUs that there are.
processes() {
    local pid known=''
    # Of each thread: the first one has none when it has ended alone.
    while IFS=/ read -r _ _ pid _; do
        [ "$pid" = "$known" ] || echo "$pid"
        known=$pid
    done < <(find /proc/[0-9]*/task/*/exe -maxdepth 0 -lname '*/virt-priv-run*' -o -lname '*/qemu-system-*' 2>/dev/null)
}

no_processes() {
    [ -z "$(processes)" ]
}

# listing [times] DIR... [without] DIR...: all that somebody could change of the files below, but for what is in them
# and, not behind "times" or behind "without", when that was.
listing() {
    /usr/bin/python3 -I -S - "$@" <<'PYTHON'
import os, stat, sys
times = False
for top in sys.argv[1:]:
    if top in ("times", "without"):
        times = top == "times"
        continue
    for path, dirs, files in os.walk(top):
        dirs.sort()
        for name in [""] + sorted(files) + [d for d in dirs if os.path.islink(os.path.join(path, d))]:
            file = os.path.join(path, name) if name else path
            st = os.lstat(file)
            xattrs = {} if stat.S_ISLNK(st.st_mode) else {x: os.getxattr(file, x) for x in sorted(os.listxattr(file))}
            print(file, f"{st.st_uid}:{st.st_gid} {st.st_mode:o} {st.st_nlink}", xattrs, *[st.st_mtime_ns] * times)
PYTHON
}

# make KIND OWNER MODE PATH: a file of a VM. KIND: guest (a raw disk that starts the guest), qcow2 (the
# same), with-data (a qcow2 image whose bytes are in another file, PATH.data, which starts the guest), with-data=NAME
# (the same; they are in NAME of $fs, and that is how it is named), blank (a raw disk without a guest), overlay=BACKING,FORMAT, luks, cd, kernel, firmware, rom, acpi (a
# table), dir, text=LINE, script=BODY, block (the node of a device that starts the guest), random and null
# (those of /dev), fifo, socket, or data-file=PATH (a qcow2 image whose header names it).
make() {
    local kind=$1 owner=$2 mode=$3 path=$4
    case $kind in
    guest)
        install -o "${owner%:*}" -g "${owner#*:}" -m "$mode" "$guests/disk" "$path"
        return
        ;;
    qcow2) qemu-img convert -q -f raw -O qcow2 "$guests/disk" "$path" ;;
    with-data=*)
        make with-data "$owner" "$mode" "$path"
        mv "$path.data" "$fs/${kind#*=}"
        rename_data_file "$path" "${kind#*=}"
        ;;
    with-data)
        qemu-img convert -q -f raw -O qcow2 -o "data_file=$path.data,data_file_raw=on" "$guests/disk" "$path"
        chown "$owner" "$path.data"
        chmod "$mode" "$path.data"
        ;;
    overlay=*)
        local backing=${kind#*=}
        qemu-img create -q -u -f qcow2 -F "${backing#*,}" -b "${backing%,*}" "$path" 1M
        ;;
    luks)
        # It measures the time that a key takes, and gives up where a clock is too coarse.
        local try
        for try in 1 2 3 4 5; do
            ! qemu-img create -q -f luks --object secret,id=s,data=passphrase -o "key-secret=s,iter-time=$((try * 100))" "$path" 1M ||
                break
        done
        qemu-img convert -q -n -f raw --object secret,id=s,data=passphrase "$guests/disk" \
            --target-image-opts "driver=luks,key-secret=s,file.filename=$path"
        ;;
    blank) truncate -s 1M "$path" ;;
    cd | kernel) cp "$guests/$kind" "$path" ;;
    firmware) cp -L /usr/share/seabios/bios-256k.bin "$path" ;;
    rom) cp -L "$(find -L /usr/share/qemu /usr/lib/ipxe -name 'efi-virtio.rom' -o -name pxe-virtio.rom | head -n 1)" "$path" ;;
    acpi) /usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(b"OEMT" + (36).to_bytes(4, "little") + bytes(28))' >"$path" ;;
    random) mknod "$path" c 1 9 ;;
    null) mknod "$path" c 1 3 ;;
    fifo) mkfifo "$path" ;;
    socket) /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$path" ;;
    data-file=*)
        qemu-img create -q -f qcow2 -o "data_file=$path.data" "$path" 1M
        rm "$path.data"
        rename_data_file "$path" "${kind#*=}"
        ;;
    dir) mkdir "$path" ;;
    text=*) printf '%s\n' "${kind#*=}" >"$path" ;;
    script=*) printf '#!/bin/sh\n%s\n' "${kind#*=}" >"$path" ;;
    block)
        local node
        cp "$guests/disk" "$fs/blocks"
        attach "$fs/blocks"
        mknod "$path" b "$(stat -c '0x%t' "$node")" "$(stat -c '0x%T' "$node")"
        ;;
    *) echo "make: no such kind: $kind" && return 1 ;;
    esac
    chown "$owner" "$path"
    chmod "$mode" "$path"
}

# rename_data_file PATH NAME: what the header names as data file, PATH.data before, as a guest would have it.
rename_data_file() {
    /usr/bin/python3 -c 'import sys
data = open(sys.argv[1], "rb").read()
old, new = (sys.argv[1] + ".data").encode(), sys.argv[2].encode()
at = data.index(old)
room = (len(old) + 7) // 8 * 8
# What follows in the header moves along.
head = data[:at - 4] + len(new).to_bytes(4, "big") + new.ljust((len(new) + 7) // 8 * 8, b"\0")
head += data[at + room:at + room + 1024]
open(sys.argv[1], "wb").write(head + data[len(head):])' "$1" "$2"
}

# sector PATH FORMAT: the counter that the guest keeps in the second sector, "none" without its mark.
sector() {
    local format=$2 raw=$BATS_TEST_TMPDIR/raw
    case $format in
    luks) qemu-img convert --object secret,id=s,data=passphrase --image-opts "driver=luks,key-secret=s,file.filename=$1" -O raw "$raw" ;;
    # What it has of its own, not what it takes from a backing file.
    qcow2) qemu-img convert -O raw "json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":{\"driver\":\"file\",\"filename\":\"$1\"}}" "$raw" ;;
    raw)
        # A device's own cache may be older than what went past it.
        if [ -b "$1" ]; then
            dd if="$1" of="$raw" bs=4096 count=1 iflag=direct status=none
        else
            raw=$1
        fi
        ;;
    esac
    # "virt-privileges was here"
    local bytes mark="118 105 114 116 45 112 114 105 118 105 108 101 103 101 115 32 119 97 115 32 104 101 114 101"
    bytes=$(od -A n -v -t u1 -w25 -j 512 -N 25 "$raw") || return
    read -ra bytes <<<"$bytes"
    if [ "${bytes[*]:0:24}" = "$mark" ]; then echo "${bytes[24]}"; else echo none; fi
}

# start [NAME]: virt-priv-run, with $own as its own options and $args as QEMU's, in the background behind
# $wrapper. Sets runner and in; what it writes is in /mnt/vmNAME.out and .err.
start() {
    local name=vm${1-} options=("${own[@]}")
    out=/mnt/$name.out err=/mnt/$name.err
    [ "$mode" = claim ] || options+=("--disks=$mode")
    [ ! -e "/mnt/$name.in" ] || rm "/mnt/$name.in"
    mkfifo "/mnt/$name.in"
    : >"$out"
    : >"$err"
    # For reading, too: a guest must not see the end of its input before we write.
    exec {in}<>"/mnt/$name.in"
    "${wrapper[@]}" virt-priv-run "${options[@]}" -- "${qemu:-qemu-system-x86_64}" "${machine[@]}" "${console[@]}" "${args[@]}" \
        <"/mnt/$name.in" >"$out" 2>"$err" 3>&- {in}>&- &
    runner=$!
}

said() {
    local line
    while IFS='' read -r line || [ -n "$line" ]; do
        [ "${line//$'\r'/}" != "$1" ] || return 0
    done <"$out"
    return 1
}

# qemu_of PID: the QEMU that runs below it, or is it.
qemu_of() {
    local task child children=()
    case $(readlink "/proc/$1/exe") in
    */qemu-system-*) echo "$1" && return ;;
    esac
    for task in "/proc/$1"/task/*; do
        mapfile -t children <"$task/children" || true
        # shellcheck disable=SC2068 # words
        for child in ${children[@]}; do
            qemu_of "$child" && return
        done
    done 2>/dev/null
    return 1
}

ended() {
    local all=()
    [ -e "/proc/$1" ] || return 0
    # At once: line by line, the kernel writes it anew for each.
    mapfile all 2>/dev/null <"/proc/$1/status" || true
    [[ ${all[*]} == *$'State:\tZ'*$'Threads:\t1\n'* || ! -e /proc/$1 ]]
}

# runs: the guest has come to the line; sets pid, QEMU's.
runs() {
    eventually said_or_ended "${1-$last_line}"
    said "${1-$last_line}" || { echo "the guest did not run: $(cat "$out" "$err")" && return 1; }
    pid=$(qemu_of "$runner")
}
said_or_ended() {
    said "$1" || ended "$runner"
}

# unprivileged PID [USER]: every thread of the process has exactly USER's ids and no capability.
unprivileged() {
    local wanted=/mnt/wanted.${2-qemu} file
    # What id(1) says holds until there are other accounts.
    for file in /etc/passwd /etc/group /etc/nsswitch.conf; do
        [ "$wanted" -nt "$file" ] || expected_of "${2-qemu}" >"$wanted"
    done
    has_credentials "$1" "$wanted"
}

# has_credentials PID FILE: of every thread, the lines of its status that are about them are those of the file.
has_credentials() {
    local task line all found wanted
    mapfile wanted <"$2"
    for task in "/proc/$1"/task/*; do
        found=()
        mapfile all <"$task/status"
        for line in "${all[@]}"; do
            [[ $line != @(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):* ]] || found+=("$line")
        done
        [ "${found[*]}" = "${wanted[*]}" ] || diff <(printf %s "${found[@]}") "$2" || return 1
    done
}

# leave: lets the guest leave. Sets status, the runner's.
leave() {
    echo >&"$in"
    finish
}

# finish: waits for the end of the runner.
finish() {
    eventually ended "$runner"
    status=0
    wait "$runner" || status=$?
    exec {in}>&-
}

# nothing_left: no process, claim or file of a VM.
nothing_left() {
    no_processes
    local claims=/var/lib/virt-privileges/claims runtime=/run/virt-privileges
    [ "$(find $claims $runtime -mindepth 1 ! -path $claims/.lock ! -path $runtime/.boot-time 2>/dev/null)" = "" ]
}

# owner PATH
owner() {
    stat -c %U:%G "$1"
}

# in_net COMMAND...: in the network of the VMs.
in_net() {
    nsenter --net=/run/vm.net "$@"
}

# helper COMMAND...: something that a VM needs, in the background until the test ends.
helper() {
    "$@" 3>&- &
    helpers_started+=($!)
}

# row NAME [MODE]: the VM that tests/run/rows.d/NAME describes, from before its start until after its end.
# A line is a key and its value, where @/ is the directory of the VM's files, and @NAME@ what a hook
# has put there:
#
#   modes MODE...               the treatments of disks that it is for: claim, pass
#   make KIND OWNER MODE FILE   a file; see make()
#   arg WORD...                 words of QEMU's command line
#   word TEXT                   one word, with its blanks
#   own WORD...                 options of virt-priv-run
#   before FUNCTION             of rows.bash, before the start
#   guest LINE                  the guest says that while it runs
#   claimed FILE                while it runs, the file is the QEMU user's; with --disks=pass, as it was
#   kept FILE                   while it runs, the file is as it was
#   during FUNCTION [WORD...]   of rows.bash; QEMU is $pid
#   written FILE FORMAT         the guest has written there, once; its way to leave flushes no metadata of a
#                               qcow2 image, so that a new cluster needs cache=writethrough
#   unwritten FILE FORMAT       it has not
#   holds FILE TEXT             a line of the file afterwards, which came with the VM
#   gone FILE                   it is not there afterwards
#   after FUNCTION [WORD...]    of rows.bash
#   user NAME                   whom QEMU runs as
#   last LINE                   what the guest says last, before it waits to be sent away
#   exit STATUS                 QEMU's, 33 if nothing is said
#   warned TEXT                 that is in the one line on standard error; there is none without it
#   noise TEXT                  lines with it do not count: what QEMU or a library of some releases says by itself
#   once                        what it needs on the host goes with it; all others are started again, on
#                               what they have left
row() {
    local file=tests/run/rows.d/$1 key value before made=() line warned='' once='' noise=''
    mode=${2-claim}
    while read -r key value; do
        value=${value//@\//$fs/}
        case $key in
        "" | "#"*) ;;
        make)
            read -r kind owner_ mode_ path <<<"$value"
            case $kind in
            text=* | script=*) make "${kind//_/ }" "$owner_" "$mode_" "$path" ;;
            *) make "$kind" "$owner_" "$mode_" "$path" ;;
            esac
            ;;
        arg)
            read -ra words <<<"$value"
            args+=("${words[@]}")
            ;;
        word) args+=("$value") ;;
        own)
            read -ra words <<<"$value"
            own+=("${words[@]}")
            ;;
        before) $value ;;
        once) once=yes ;;
        user) identity=$value ;;
        last) last_line=$value ;;
        exit) status_expected=$value ;;
        warned) warned=$value ;;
        noise) noise=$value ;;
        modes) ;;
        guest | claimed | kept | during | written | unwritten | holds | gone | after) expectations+=("$key $value") ;;
        *) echo "$file: no such key: $key" && return 1 ;;
        esac
    done <"$file"
    local i name
    for i in "${!args[@]}"; do
        for name in "${!put[@]}"; do
            args[i]=${args[i]//@$name@/${put[$name]}}
        done
    done
    pushd "$fs" >/dev/null || return
    listing "$fs" >"$BATS_TEST_TMPDIR/before"
    start
    popd >/dev/null || return
    runs
    unprivileged "$pid" "$identity"
    for line in "${expectations[@]}"; do
        expect_during "${line%% *}" "${line#* }"
    done
    leave
    echo "exit status $status"
    [ "$status" = "$status_expected" ]
    said_nothing "$warned"
    for line in "${expectations[@]}"; do
        expect_after "${line%% *}" "${line#* }"
    done
    [ -n "$once" ] || again
    for name in "${made[@]}"; do
        [ "$(stat -c %U:%G:%a "$name")" = root:root:644 ]
        rm "$name"
    done
    listing "$fs" | diff "$BATS_TEST_TMPDIR/before" -
    nothing_left
}

# again: the same command line, on what it has left.
again() {
    pushd "$fs" >/dev/null || return
    start
    popd >/dev/null || return
    runs
    unprivileged "$pid" "$identity"
    leave
    [ "$status" = "$status_expected" ]
    said_nothing "$warned"
}

# said_nothing TEXT: but that, if it is not empty, and $noise.
said_nothing() {
    [ ! -s "$err" ] || cat "$err"
    if [ -n "${noise-}" ]; then
        grep -vF -- "$noise" "$err" >"$err.without" || true
        mv "$err.without" "$err"
    fi
    if [ -n "$1" ]; then
        [ "$(wc -l <"$err")" -eq 1 ] && grep -qF -- "$1" "$err"
    else
        [ ! -s "$err" ]
    fi
}

owner_before() {
    awk -v path="$1" '$1 == path { print $2 }' "$BATS_TEST_TMPDIR/before"
}

expect_during() {
    case $1 in
    guest) said "$2" ;;
    claimed)
        if [ "$mode" = claim ]; then
            [ "$(owner "$2")" = "$identity:$(id -gn "$identity")" ]
        else
            [ "$(stat -c %u:%g "$2")" = "$(owner_before "$2")" ]
        fi
        ;;
    kept) [ "$(stat -c %u:%g "$2")" = "$(owner_before "$2")" ] ;;
    during) $2 ;;
    esac || { echo "while it is running: $1 $2" && return 1; }
}

expect_after() {
    local path=${2%% *} rest=${2#* }
    case $1 in
    written) [ "$(sector "$path" "$rest")" = 1 ] ;;
    unwritten) [ "$(sector "$path" "$rest")" = none ] ;;
    holds)
        grep -q "^$path " "$BATS_TEST_TMPDIR/before" || made+=("$path")
        tr -d '\r' <"$path" | grep -q -- "$rest" || { cat "$path" && false; }
        ;;
    gone) [ ! -e "$path" ] && [ ! -L "$path" ] ;;
    after) $2 ;;
    esac || { echo "afterwards: $1 $2" && return 1; }
}

# A /dev of this mount namespace, so that nothing is made in the machine's.
private_dev() {
    mountpoint -q /mnt/dev && return
    mkdir -p /mnt/dev
    mount -t tmpfs -o mode=0755 tmpfs /mnt/dev
    local node
    for node in null zero full random urandom tty loop-control kvm; do
        touch "/mnt/dev/$node"
        [ ! -e "/dev/$node" ] || cp -a "/dev/$node" "/mnt/dev/"
    done
    for node in /dev/loop[0-9]*; do
        cp -a "$node" /mnt/dev/
    done
    mkdir /mnt/dev/{pts,shm,net,fd.d}
    cp -a /dev/net/tun /mnt/dev/net/
    ln -s /proc/self/fd /mnt/dev/fd
    mount --bind /dev/pts /mnt/dev/pts
    ln -s pts/ptmx /mnt/dev/ptmx
    mount --move /mnt/dev /dev
    chmod 0666 /dev/kvm
}
