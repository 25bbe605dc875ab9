# The chapter "A running VM" of virt-priv-run's manual: its commands are taken from there, and do what it says,
# isolated or not.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054,SC2154 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    mount -t tmpfs -o mode=0755 tmpfs /srv
    mkdir -p /srv/vm /etc/vm
    make qcow2 alice:alice 0640 /srv/vm/web.qcow2
    private_dev
    mkdir -p /dev/bus/usb/001
    mknod -m 0664 /dev/bus/usb/001/004 c 189 3
}

teardown() {
    end_all
    umount -l /dev /srv || true
    rm -rf /run/web.qmp /etc/vm
}

# recipe HEADING: the commands below it, for a shell; before the first one with "".
recipe() {
    mandoc -T ascii tools/man/virt-priv-run.8 | sed 's/.\x08//g' | /usr/bin/python3 -c '
import re, sys
chapter = re.search(r"^A RUNNING VM$(.*?)^FILES$", sys.stdin.read(), re.S | re.M)[1]
parts = re.split(r"^   (\S.*)$", "   \n" + chapter, flags=re.M)
recipes = dict(zip([""] + parts[1::2], parts[0::2]))
lines = [line[11:] for line in recipes[sys.argv[1]].split("\n") if line.startswith(" " * 11)]
print(re.sub(r"^# ", "", "\n".join(lines), flags=re.M))' "$1"
}

# follow HEADING [PART]: does what it says, or a sed script'"'"'s part of it; "follow" is to succeed.
follow() {
    recipe "$1" | sed -n "${2-p}" >"$BATS_TEST_TMPDIR/recipe"
    [ -s "$BATS_TEST_TMPDIR/recipe" ]
    in_net timeout 120 bash -e "$BATS_TEST_TMPDIR/recipe" 3>&- || { cat "$BATS_TEST_TMPDIR/recipe" && return 1; }
}

# start_web WORD...: the VM of the manual, with options of virt-priv-run, stopped before its first instruction.
start_web() {
    local words
    eval "words=($(recipe "" | sed '/^cat /,$d'))"
    [ "${words[0]} ${words[1]} ${words[2]}" = "virt-priv-run --name web" ]
    local word own=("$@") rest=()
    for word in "${words[@]:1}"; do
        [ "$word" != kvm ] || word=tcg
        [ "$word" != 2G ] || word=64M
        rest+=("$word")
    done
    in_net virt-priv-run "${own[@]}" "${rest[@]}" -nodefaults -S </dev/null >/mnt/vm.out 2>/mnt/vm.err 3>&- &
    runner=$!
    recipe "" | sed -n '/^cat /,$p' >"$BATS_TEST_TMPDIR/program"
    bash -e "$BATS_TEST_TMPDIR/program"
    eventually asks '{"execute": "query-status"}'
    pid=$(virt-priv-run --list --json | /usr/bin/python3 -c 'import json, sys
print(json.load(sys.stdin)["vms"][0]["pid"])')
    uid=$(stat -c %u "/proc/$pid")
}

asks() {
    /etc/vm/qmp /run/web.qmp "$@"
}

# has_open FILE: QEMU has it open.
has_open() {
    [ -n "$(find "/proc/$pid/fd" -lname "$1" 2>/dev/null)" ]
}

stop_web() {
    kill -s TERM "$pid"
    eventually ended "$runner"
    wait "$runner" || { cat /mnt/vm.err && false; }
    [ "$(stat -c '%U:%G %a' /srv/vm/web.qcow2)" = "alice:alice 640" ]
    rm -rf /var/lib/virt-privileges/ids
    nothing_left
}

# The size of an image's content, as its header has it.
size_of() {
    qemu-img info -U --output=json "$1" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["virtual-size"])'
}

disks() {
    follow "Live snapshot"
    has_open /srv/vm/web.one.qcow2
    [ "$(stat -c '%u %a' /srv/vm/web.one.qcow2)" = "$uid 640" ]
    asks '{"execute": "query-block"}' | grep -q "'file': '/srv/vm/web.one.qcow2'"
    # It is not for anybody else, and not twice.
    run -1 virt-priv-chown add --name web --disk /srv/vm/web.one.qcow2 --create 1M
    [[ $output == *"/srv/vm/web.one.qcow2 already exists"* ]]
    follow "Commit"
    [ ! -e /srv/vm/web.one.qcow2 ]
    asks '{"execute": "query-block"}' | grep -q "'file': '/srv/vm/web.qcow2'"
    follow "Resize"
    [ "$(size_of /srv/vm/web.qcow2)" = 2097152 ]
    follow "Hot-plug of a disk" '1,/data0", "drive/p'
    has_open /srv/vm/data.qcow2
    [ "$(size_of /srv/vm/data.qcow2)" = $((20 << 30)) ]
    follow "Hot-plug of a disk" '/device_del/,$p'
    run ! has_open /srv/vm/data.qcow2
    [ "$(stat -c '%U:%G %a' /srv/vm/data.qcow2)" = "root:root 600" ]
    rm /srv/vm/data.qcow2
}

network() {
    follow "Hot-plug of a network device" '1,/exec 3>/p'
    in_net grep -q "web1" /proc/self/net/dev
    asks '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral/nic"}}' >"$BATS_TEST_TMPDIR/nic"
    has_open /dev/net/tun
    follow "Hot-plug of a network device" '/device_del/,$p'
    run ! has_open /dev/net/tun
}

@test "snapshot, commit, resize, a disk, a USB device and a network device" {
    start_web
    disks
    network
    follow "Hot-plug of a USB device" '1,/hostport/p'
    [ "$(stat -c %U:%G /dev/bus/usb/001/004)" = qemu:qemu ]
    grep -q "/dev/bus/usb/001/004" /var/lib/virt-privileges/claims/web
    follow "Hot-plug of a USB device" '/device_del/,$p'
    [ "$(stat -c '%U:%G %a' /dev/bus/usb/001/004)" = "root:root 664" ]
    stop_web
}

@test "the same of an isolated VM; the node of a device is there as long as it is the VM's, and no longer" {
    start_web --isolate=full
    disks
    network
    virt-priv-chown add --name web --device /dev/bus/usb/001/004
    [ "$(stat -c %u /dev/bus/usb/001/004)" = "$uid" ]
    [ "$(stat -c '%t:%T %F' "/proc/$pid/root/dev/bus/usb/001/004")" = "bd:3 character special file" ]
    virt-priv-chown drop --name web --device /dev/bus/usb/001/004
    run ! grep usb "/proc/$pid/mountinfo"
    # What is not dropped gets its owner back at the end.
    virt-priv-chown add --name web --device /dev/bus/usb/001/004
    stop_web
    [ "$(stat -c %U:%G /dev/bus/usb/001/004)" = root:root ]
}

@test "--create: whose image it is, and what is refused; what cannot be claimed is not left" {
    local words text
    start_web
    # In a directory of a user's, it is the user's afterwards.
    install -d -o bob -g bob /srv/vm/bob
    virt-priv-chown add --name web --disk /srv/vm/bob/new.qcow2 --create 1G
    [ "$(stat -c '%U %a' /srv/vm/bob/new.qcow2)" = "qemu 600" ]
    virt-priv-chown drop --name web --disk /srv/vm/bob/new.qcow2
    [ "$(stat -c '%U:%G %a' /srv/vm/bob/new.qcow2)" = "bob:bob 600" ]
    qemu-img check -q /srv/vm/bob/new.qcow2
    mkdir -p /srv/vm/deep
    ln -s /etc /srv/vm/bob/way
    make blank bob:bob 0640 /srv/vm/bob/base.raw
    make blank root:root 0600 /srv/vm/bob/roots.raw
    make blank root:root 0600 /srv/vm/roots.raw
    ln -s ../roots.raw /srv/vm/bob/link
    chown -h bob:bob /srv/vm/bob/link
    while IFS='|' read -r words text; do
        # shellcheck disable=SC2086 # words
        run virt-priv-chown add $words
        echo "$words: $status, $output"
        [ "$status" -ne 0 ]
        [[ $output == *"$text"* ]]
        [ -z "$(ls /srv/vm/deep)" ]
        [ ! -e /etc/new ]
    done <<'END'
--name web --disk /srv/vm/deep/a --create 0|--create 0: expected a size, such as 20G
--name web --disk /srv/vm/deep/a --create 1G,x|expected a size
--name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm/web.qcow2|expected PATH,raw or PATH,qcow2; the format is never probed
--name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm/none,raw|cannot reach /srv/vm/none
--name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm,raw|/srv/vm is neither a regular file nor a block device
--name web --disk /srv/vm/deep/a --backing /srv/vm/web.qcow2,qcow2|--backing requires --create
--name web --disk /srv/vm/deep/a,readonly --create 1G|--create cannot be used with ,readonly or ,shared
--name web --disk /srv/vm/deep/a --disk /srv/vm/deep/b --create 1G|--create requires a single --disk
--name other --disk /srv/vm/deep/a --create 1G|VM 'other' has no claim
--name web --disk /srv/vm/bob/way/new --create 1G|/srv/vm/bob/way
--name web --device /srv/vm/bob/new.qcow2|it is not a device node
--name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm/bob/roots.raw,raw|/srv/vm/bob/roots.raw is owned by root, but the directory /srv/vm/bob by bob, who can replace it
--name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm/bob/link,raw|/srv/vm/bob/link: /srv/vm is owned by root, but the directory /srv/vm/bob by bob
END
    # The owner of a template that another VM has claimed is its own.
    virt-priv-chown claim --name other --disk /srv/vm/bob/base.raw
    # Root's terminal is not qemu-img's.
    # shellcheck disable=SC2016 # for another shell
    printf '%s\n' '#!/bin/sh' 'cut -d" " -f7 /proc/$$/stat >/mnt/scratch/terminal' 'exec /usr/bin/qemu-img "$@"' >/mnt/qemu-img
    chmod 0755 /mnt/qemu-img
    script -qec "env PATH=/mnt:$PATH virt-priv-chown add --name web --disk /srv/vm/deep/a --create 1G --backing /srv/vm/bob/base.raw,raw" /dev/null </dev/null
    [ "$(cat /mnt/scratch/terminal)" = 0 ]
    virt-priv-chown drop --name web --disk /srv/vm/deep/a
    [ "$(stat -c '%U:%G %a' /srv/vm/deep/a)" = "bob:bob 640" ]
    rm /srv/vm/deep/a
    virt-priv-chown release --name other
    # One that cannot be written completely is not there.
    mount -t tmpfs -o size=64k tmpfs /srv/vm/deep
    head -c 100k /dev/zero >/srv/vm/deep/full || true
    run -1 virt-priv-chown add --name web --disk /srv/vm/deep/a --create 1G
    [[ $output == *"cannot create /srv/vm/deep/a: qemu-img failed, as qemu; see above; nothing was changed" ]]
    [ "$(ls /srv/vm/deep)" = full ]
    umount /srv/vm/deep
    stop_web
}
