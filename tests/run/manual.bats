# The manual of virt-priv-run agrees with --help, and each of its examples can be started: on a
# host of stand-ins, what would be done about it is what the manual says.
# shellcheck disable=SC2034,SC2054 # start() reads them, and words of QEMU have commas

setup_file() {
    load run.bash
    make_host
}

teardown_file() {
    load run.bash
    unmake_host
}

setup() {
    load run.bash
    load rows.bash
    clean_host
    stand_ins
}

teardown() {
    end_all
    umount -l /dev/vfio /sys/bus/pci/devices /usr/share/OVMF /boot 2>/dev/null || true
    rm -rf /srv/vm /srv/share
}

# What the examples name, with the owners that an admin would have given.
stand_ins() {
    mkdir -p /srv/vm /srv/share /etc/vm /etc/ci /run/swtpm
    local name
    for name in desktop windows; do
        qemu-img create -q -f qcow2 "/srv/vm/$name.qcow2" 1M
    done
    truncate -s 1M /srv/vm/{server.raw,ci.raw,windows_VARS.fd,seed.iso,virtio-win.iso,base.qcow2}
    qemu-img create -q -f qcow2 /srv/vm/base.qcow2 1M
    qemu-img create -q -f qcow2 -F qcow2 -b /srv/vm/base.qcow2 /srv/vm/cloud.qcow2 1M
    chmod 0600 /srv/vm/{ci.raw,server.raw}
    chown qemu:qemu /srv/share
    printf '#!/bin/sh\n' >/etc/vm/dmz-up
    chmod 0755 /etc/vm/dmz-up
    echo token >/etc/ci/token
    chmod 0600 /etc/ci/token
    mkdir -p /usr/share/OVMF
    mount -t tmpfs -o mode=0755 tmpfs /usr/share/OVMF
    truncate -s 1M /usr/share/OVMF/OVMF_CODE.fd
    mount -t tmpfs -o mode=0755 tmpfs /boot
    cp "$guests/kernel" /boot/vmlinuz-vm
    echo initrd >/boot/initrd-vm
    chmod 0600 /boot/*
    rm -f /run/virtiofsd.sock /run/swtpm/windows.sock
    server /run/virtiofsd.sock
    server /run/swtpm/windows.sock
    # A graphics card and its sound, bound to vfio-pci; and a volume.
    mount -t tmpfs -o mode=0755 tmpfs /sys/bus/pci/devices
    for name in 0 1; do
        mkdir "/sys/bus/pci/devices/0000:01:00.$name"
        ln -s /sys/kernel/iommu_groups/7 "/sys/bus/pci/devices/0000:01:00.$name/iommu_group"
        ln -s /sys/bus/pci/drivers/vfio-pci "/sys/bus/pci/devices/0000:01:00.$name/driver"
    done
    private_dev
    mkdir /dev/vfio /dev/vg0
    mknod -m 0600 /dev/vfio/7 c 241 0
    mknod -m 0666 /dev/vfio/vfio c 10 196
    mknod -m 0660 /dev/vg0/web1 b 7 250
}

# examples: each on a line, without its prompt.
examples() {
    mandoc -T ascii tools/man/virt-priv-run.8 | sed 's/.\x08//g' | sed -n '/^EXAMPLES/,/^SEE ALSO/p' |
        sed -n '/^ *# virt-priv-run/,/[^\\]$/p' | sed -z 's/\\\n */ /g' | sed -n 's/^ *# //p'
}

@test "the manual's synopsis is that of --help" {
    diff <(mandoc -T ascii tools/man/virt-priv-run.8 | sed 's/.\x08//g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
        grep -oE -- '--[a-z-]+|\b(claim|pass|leave)\b' | sort -u) \
        <(virt-priv-run --help | grep -oE -- '--[a-z-]+|=(claim|pass|leave)' | tr -d = | sort -u)
}

@test "there are ten examples, and each can be started" {
    local n=0 line words
    examples >"$BATS_TEST_TMPDIR/examples"
    while IFS= read -r line; do
        n=$((n + 1))
        eval "words=($line)"
        # The program's own name is left to its options.
        virt-priv-run --dry-run --json "${words[@]:1}" >"$BATS_TEST_TMPDIR/plan" || {
            # A root without CAP_SYS_RESOURCE can't have memory locked; nothing else may be in the way.
            virt-priv-run --check "${words[@]:1}" >"$BATS_TEST_TMPDIR/obstacles" || true
            cat "$BATS_TEST_TMPDIR/obstacles"
            [ "$(cat "$BATS_TEST_TMPDIR/obstacles" | wc -l)" -eq 1 ] &&
                grep -q "^- (locked memory): " "$BATS_TEST_TMPDIR/obstacles" || { echo "$line" && false; }
        }
        tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/plan" >/dev/null
        /usr/bin/python3 -c 'import json, sys
for r in json.load(open(sys.argv[1]))["resources"]:
    if r["source"] != "locked memory": print(sys.argv[2], r["action"], r["path"])' "$BATS_TEST_TMPDIR/plan" "$n" >>"$BATS_TEST_TMPDIR/plans"
    done <"$BATS_TEST_TMPDIR/examples"
    echo "$n examples"
    [ "$n" -eq 10 ]
    diff "$BATS_TEST_TMPDIR/plans" tests/run/examples.expected
}

@test "the examples that this machine can run, run" {
    # Without a bridge, a graphics card and a volume, and with emulation alone.
    examples >"$BATS_TEST_TMPDIR/examples"
    local line words n=0
    for name in server ci; do cp "$guests/disk" "/srv/vm/$name.raw" && chmod 0600 "/srv/vm/$name.raw"; done
    while IFS= read -r line; do
        case $line in
        *-snapshot*) ;;
        *-kernel*) ;;
        *) continue ;;
        esac
        n=$((n + 1))
        eval "words=($line)"
        local own_words=() rest=()
        while [ "${words[1]}" != qemu-system-x86_64 ]; do
            own_words+=("${words[1]}")
            words=("${words[0]}" "${words[@]:2}")
        done
        rest=("${words[@]:2}")
        own=("${own_words[@]}") machine=(-device isa-debug-exit,iobase=0xf4) console=() args=()
        for word in "${rest[@]}"; do
            # KVM is slow where it is emulated itself.
            [ "$word" = kvm ] && word=tcg
            args+=("$word")
        done
        last_line="virt-privileges: a kernel runs"
        [[ $line == *-kernel* ]] || last_line=$wrote
        start
        runs
        unprivileged "$pid"
        # On this console the firmware takes the keys.
        kill -s TERM "$runner"
        finish
        [ "$status" -eq 0 ]
        [ "$(stat -c '%U %a' /srv/vm/server.raw /srv/vm/ci.raw | sort -u)" = "root 600" ]
        nothing_left
    done <"$BATS_TEST_TMPDIR/examples"
    [ "$n" -eq 2 ]
}
