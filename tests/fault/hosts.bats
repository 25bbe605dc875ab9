# Hosts that lack what a tool needs: nothing runs, and nothing is changed, or all is as before after release.
# shellcheck disable=SC2034 # commands are arrays that are used by their names

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mkdir -p /mnt/files
    rm -rf /mnt/files/* /var/lib/virt-privileges /run/virt-privileges /mnt/scratch/* /etc/libvirt/*
    echo a >/mnt/files/a.img
    chown alice:alice /mnt/files/a.img
    printf '# mine\nuser = "qemu"\n' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    printf '#!/bin/sh\ntouch /mnt/scratch/ran\n' >/mnt/scratch/qemu
    chmod 0755 /mnt/scratch/qemu
    before=$(state)
    claim=("$VP_BUILD/virt-priv-chown" claim --name v --disk /mnt/files/a.img)
    exec=("$VP_BUILD/virt-priv-exec" touch /mnt/scratch/ran)
    run=("$VP_BUILD/virt-priv-run" --name v /mnt/scratch/qemu -hda /mnt/files/a.img -serial file:/mnt/files/log)
    set=("$VP_BUILD/virt-priv-conf" set user bob)
    revert=("$VP_BUILD/virt-priv-conf" revert-to-root)
    adopt=("$VP_BUILD/virt-priv-conf" adopt)
    audit=("$VP_BUILD/virt-priv-audit" --no-bpf)
}

state() {
    stat -c '%n %U %G %a' /mnt/files/*
    "$VP_BUILD/tests/attributes" /mnt/files/a.img
    find /var/lib/virt-privileges/claims /run/virt-privileges -mindepth 1 ! -name .lock ! -name .boot-time 2>/dev/null
    ls -A /etc/libvirt
    stat -c '%n %U %G %a' /etc/libvirt/*
    cat /etc/libvirt/*
}

# nothing_done [STATUS]: a message, no success, and all as before.
nothing_done() {
    echo "status $status: $output"
    [ "$status" -ne 0 ]
    [ "$status" -lt 128 ]
    [ -n "$output" ]
    [ "$status" -eq "${1-$status}" ]
    [ ! -e /mnt/scratch/ran ]
    [ "$(state)" = "$before" ] || { diff <(echo "$before") <(state) && return 1; }
}

# on HOST COMMAND...: the command on a host that HOST, bash code, has changed, for it alone.
on() {
    run unshare --mount bash -c "$1"' || exit 0; exec "$@"' - "${@:2}"
}

# without HOST: what starts something, and the claim.
without() {
    on "$1" "${exec[@]}"
    nothing_done 125
    on "$1" "${run[@]}"
    nothing_done 125
    on "$1" "${claim[@]}"
    nothing_done
}

@test "undisturbed, each tool does what it is asked to" {
    for command in exec run claim set revert adopt; do
        declare -n words=$command
        "${words[@]}"
        case $command in
        exec | run) rm /mnt/scratch/ran ;;
        claim)
            [ "$(stat -c %U /mnt/files/a.img)" = qemu ]
            "$VP_BUILD/virt-priv-chown" release --name v
            ;;
        set) grep -q '^user = "bob"' /etc/libvirt/qemu.conf ;;
        revert) grep -q '^user = "root"' /etc/libvirt/qemu.conf ;;
        esac
        rm -f /mnt/files/log
    done
}

no_proc='while umount -l /proc 2>/dev/null; do :; done; [ ! -e /proc/self ]'

@test "no /proc" {
    without "$no_proc"
    on "$no_proc" "${audit[@]}"
    nothing_done 2
    on "$no_proc" "${audit[@]}" --nagios
    nothing_done 3
}

@test "a /proc that is not the kernel's" {
    without 'mount -t tmpfs tmpfs /proc'
    on 'mount -t tmpfs tmpfs /proc' "${audit[@]}"
    nothing_done 2
}

@test "no accounts" {
    without 'mount --bind /dev/null /etc/passwd'
}

@test "accounts that cannot be read: a name service that is not there" {
    without 'sed "s/^passwd:.*/passwd: nowhere/" /etc/nsswitch.conf >/mnt/nss && mount --bind /mnt/nss /etc/nsswitch.conf'
}

# each_of HOST NAME...: none of those commands does anything there.
each_of() {
    local command
    for command in "${@:2}"; do
        local -n words=$command
        on "$1" "${words[@]}"
        nothing_done
        [ "$command" != run ] || [ "$status" -eq 125 ]
    done
}

@test "journals on a read-only file system" {
    each_of 'mount -t tmpfs -o ro tmpfs /var/lib' claim run
}

@test "journals on a full file system" {
    each_of 'mount -t tmpfs -o size=64k tmpfs /var/lib && mkdir -p -m 0700 /var/lib/virt-privileges/claims &&
        { cat /dev/zero >/var/lib/all 2>/dev/null; true; }' claim run
}

@test "a read-only and a full /run" {
    each_of 'mount -t tmpfs -o ro tmpfs /run' run
    each_of 'mount -t tmpfs -o nr_inodes=1 tmpfs /run' run
}

# unheard COMMAND...: the command, whose messages nobody reads any more.
unheard() {
    /usr/bin/python3 -c 'import os, subprocess, sys
read, write = os.pipe()
os.close(read)
sys.exit(subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=write).returncode)' "$@"
}

@test "messages that nobody reads any more: the others are given back all the same" {
    cp --preserve=all /mnt/files/a.img /mnt/files/b.img
    before=$(state)
    # The one disk is worth a message: it stays open.
    printf '#!/bin/sh\nexec 9</mnt/files/a.img\nsleep 60 >/dev/null 2>&1 &\necho $! >/mnt/scratch/opener\n' >/mnt/scratch/qemu
    touch /mnt/scratch/opener
    chmod 0666 /mnt/scratch/opener
    run=("$VP_BUILD/virt-priv-run" --name v /mnt/scratch/qemu -hda /mnt/files/a.img -hdb /mnt/files/b.img)
    # QEMU ended well, and not all of its disks are free.
    run -125 unheard "${run[@]}"
    kill "$(cat /mnt/scratch/opener)"
    [ "$(state)" = "$before" ]
    "${claim[@]}" --disk /mnt/files/b.img
    setpriv --reuid qemu --regid qemu --init-groups /mnt/scratch/qemu 3>&-
    run -1 unheard "$VP_BUILD/virt-priv-chown" release --name v --force
    kill "$(cat /mnt/scratch/opener)"
    [ "$(state)" = "$before" ]
}

@test "disks on a read-only file system" {
    each_of 'mount --bind /mnt/files /mnt/files && mount -o remount,bind,ro /mnt/files' claim run
}

@test "settings on a read-only file system" {
    each_of 'mount --bind /etc/libvirt /etc/libvirt && mount -o remount,bind,ro /etc/libvirt' set revert adopt
}

@test "settings on a full file system" {
    each_of 'mkdir -p /mnt/conf && cp -a /etc/libvirt/qemu.conf /mnt/conf && mount -t tmpfs -o size=64k tmpfs /etc/libvirt &&
        cp -a /mnt/conf/qemu.conf /etc/libvirt && { cat /dev/zero >/etc/libvirt/all 2>/dev/null; true; }' set revert adopt
}

# limited NUMBER COMMAND...: as run(), with so many descriptors; 127 is the loader, which has none for libraries.
limited() {
    status=0
    output=$(prlimit --nofile="$1" "${@:2}" 2>&1 3>&-) || status=$?
}

@test "descriptors that run out, at each number of them" {
    for number in {3..24}; do
        limited "$number" "${claim[@]}"
        echo "$number: $status: $output"
        [ "$status" -le 2 ] || [ "$status" -eq 127 ]
        [ "$status" -eq 0 ] || [ "$(state)" = "$before" ]
        "$VP_BUILD/virt-priv-chown" release --name v || true
        [ "$(state)" = "$before" ]
        rm -f /mnt/scratch/ran
        limited "$number" "${exec[@]}"
        # Without any left, it is the command that has none.
        [ "$status" -le 1 ] || [ ! -e /mnt/scratch/ran ]
        [[ " 0 1 125 127 " == *" $status "* ]]
    done
}

@test "descriptors that run out in virt-priv-run, at each number of them" {
    local ran=0 refused=0
    for number in {3..96}; do
        rm -f /mnt/scratch/ran
        limited "$number" "${run[@]}"
        echo "$number: $status: $output"
        [ "$status" -eq 125 ] || rm -f /mnt/files/log
        case $status in
        0)
            rm /mnt/scratch/ran
            ran=$((ran + 1))
            ;;
        125)
            nothing_done
            refused=$((refused + 1))
            ;;
        # The loader, or the program, had none.
        1 | 2 | 127) [ ! -e /mnt/scratch/ran ] ;;
        *) false ;;
        esac
        [ "$(state)" = "$before" ]
    done
    echo "# $ran ran, $refused refused" >&3
    [ "$ran" -gt 10 ] && [ "$refused" -gt 3 ]
}

@test "descriptors that run out in QEMU: it ends, and the disk is its owner's" {
    local ran=0 refused=0
    nasm -f bin -o /mnt/files/a.img tests/guest/disk.asm
    truncate -s 1M /mnt/files/a.img
    run=("$VP_BUILD/virt-priv-run" --name v qemu-system-x86_64 -accel tcg -m 16 -nodefaults -display none
        -device "isa-debug-exit,iobase=0xf4" -drive "file=/mnt/files/a.img,format=raw" -serial file:/mnt/files/log)
    for number in {8..40..2}; do
        limited "$number" "${run[@]}"
        echo "$number: $status: $output"
        case $status in
        # What the guest ends with.
        33) ran=$((ran + 1)) ;;
        *)
            [ -n "$output" ]
            [ "$status" -lt 128 ]
            refused=$((refused + 1))
            ;;
        esac
        rm -f /mnt/files/log
        [ "$(state)" = "$before" ]
    done
    echo "# $ran ran, $refused did not" >&3
    [ "$ran" -gt 2 ] && [ "$refused" -gt 2 ]
}

@test "descriptors that run out in virt-priv-conf, at each number of them" {
    for command in set revert adopt; do
        local -n words=$command
        for number in {3..16}; do
            limited "$number" "${words[@]}"
            echo "$number: $status: $output"
            [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || [ "$status" -eq 127 ]
            [ "$status" -eq 0 ] || nothing_done
            printf '# mine\nuser = "qemu"\n' >/etc/libvirt/qemu.conf
            [ "$(state)" = "$before" ]
        done
        [ "$status" -eq 0 ]
    done
}

@test "descriptors that run out in virt-priv-audit, at each number of them: QEMU as root is found, or it says that it is blind" {
    qemu-system-x86_64 -accel tcg -S -nodefaults -display none -m 16 </dev/null >/dev/null 2>&1 3>&- &
    local qemu=$! seen=0 blind=0
    until [ "$(grep -c . "/proc/$qemu/maps")" -gt 100 ]; do sleep 0.05; done
    for number in {3..40}; do
        limited "$number" "${audit[@]}" --pid "$qemu"
        echo "$number: $status"
        case $status in
        1)
            [[ $output == *"$qemu"* ]]
            seen=$((seen + 1))
            ;;
        2)
            [ -n "$output" ]
            blind=$((blind + 1))
            ;;
        127) ;;
        *) echo "$output" && kill "$qemu" && false ;;
        esac
    done
    kill "$qemu"
    wait "$qemu" || true
    echo "# seen $seen times, blind $blind times" >&3
    [ "$seen" -gt 3 ] && [ "$blind" -gt 3 ]
}
