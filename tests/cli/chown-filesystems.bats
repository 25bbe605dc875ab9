# What identifies a file, on each kind of file system: after a boot, an unmount, a rollback.

load chown.bash

claims=/var/lib/virt-privileges/claims

teardown() {
    while umount -q /proc/sys/kernel/random/boot_id; do :; done
    umount -R /mnt/x /mnt/y /mnt/fs 2>/dev/null || true
    for image in /mnt/*.img; do
        losetup -n -O NAME -j "$image" | xargs -r -n 1 losetup -d
    done
    rm -f /mnt/*.img /etc/libvirt/qemu.conf
}

# btrfs_of IMAGE...: a new btrfs over loop devices of the images on /mnt/x, with a subvolume sub.
btrfs_of() {
    local devices=() image
    mkdir -p /mnt/x
    for image; do
        rm -f "$image"
        truncate -s 128M "$image"
        devices+=("$(losetup -f --show "$image")")
    done
    mkfs.btrfs -q "${devices[@]}" ${options[@]+"${options[@]}"} >/dev/null
    # Others than systemd's rules have it scanned.
    btrfs device scan "${devices[@]}" >/dev/null
    mount "${devices[0]}" /mnt/x
    btrfs -q subvolume create /mnt/x/sub
    disk /mnt/x/sub/a alice:alice 0640
}

# again IMAGE...: unmounted, without its loop devices, and mounted from others.
again() {
    local image spare
    umount /mnt/x
    losetup -n -O NAME -j "$1" | xargs -r -n 1 losetup -d
    spare=$(losetup -f --show /mnt/fs.img)
    mount -o loop "$1" /mnt/x
    losetup -d "$spare"
}

# as_before [PATH]: alice's again, without attributes, and nothing is claimed.
as_before() {
    [ "$(stat -c '%U:%G %a' "${1-/mnt/x/sub/a}")" = "alice:alice 640" ]
    [ -z "$(remembered "${1-/mnt/x/sub/a}")" ]
    [ -z "$(journals)" ]
}

@test "btrfs: a claim of an earlier boot comes back" {
    btrfs_of /mnt/b.img
    run -0 virt-priv-chown claim --name v --disk /mnt/x/sub/a
    [ "$(owner /mnt/x/sub/a)" = qemu:qemu ]
    grep -Ex 'filesystem btrfs:[0-9a-f]{32}:[0-9a-f]{32}:256' $claims/v
    again /mnt/b.img
    boot_again
    run -0 virt-priv-chown recover
    as_before
}

@test "btrfs: unmounted and mounted within a boot, the whole of it or the subvolume, here or elsewhere" {
    btrfs_of /mnt/b.img
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    umount /mnt/x
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/x/sub/a: its file system is not mounted; it stays claimed"*"virt-priv-chown release --name v --path /mnt/x/sub/a --as-is" ]]
    mkdir -p /mnt/y
    mount -o loop,subvol=sub /mnt/b.img /mnt/y
    run -0 virt-priv-chown release --name v
    as_before /mnt/y/a
    umount /mnt/y
}

@test "btrfs: a subvolume that was renamed, and a file in it" {
    btrfs_of /mnt/b.img
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    mv /mnt/x/sub /mnt/x/other
    mv /mnt/x/other/a /mnt/x/other/b
    run -0 virt-priv-chown release --name v
    as_before /mnt/x/other/b
}

@test "btrfs: RAID 1 over two devices, mounted by the other one, and then without the first" {
    options=(-d raid1 -m raid1)
    btrfs_of /mnt/b.img /mnt/c.img
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    umount /mnt/x
    mount "$(losetup -n -O NAME -j /mnt/c.img)" /mnt/x
    boot_again
    run -0 virt-priv-chown recover
    as_before
}

# rolled_back: v holds the file, and its subvolume was replaced by a snapshot that was made meanwhile.
rolled_back() {
    btrfs_of /mnt/b.img
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    btrfs -q subvolume snapshot /mnt/x/sub /mnt/x/snapshot
    mv /mnt/x/sub /mnt/x/old
    mv /mnt/x/snapshot /mnt/x/sub
}

@test "btrfs: rolled back to a snapshot while held, the old subvolume deleted: put right, said, and kept" {
    rolled_back
    btrfs -q subvolume delete /mnt/x/old
    btrfs -q subvolume sync /mnt/x
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/x/sub/a: the file at its path is now the copy of a snapshot, which the QEMU user owned when the snapshot was made; the claimed file no longer exists; its owner was restored; it stays claimed"* ]]
    [ "$(owner /mnt/x/sub/a)" = alice:alice ]
    [ -z "$(remembered /mnt/x/sub/a)" ]
    run -1 virt-priv-chown release --name v
    settled /mnt/x/sub/a
    as_before
}

@test "btrfs: rolled back to a snapshot while held, the old subvolume kept: both are the owner's" {
    rolled_back
    boot_again
    run -1 virt-priv-chown recover
    [ "$(owner /mnt/x/old/a) $(owner /mnt/x/sub/a)" = "alice:alice alice:alice" ]
    [[ $output == *"/mnt/x/sub/a: "*"is now the copy of a snapshot"* ]]
    settled /mnt/x/sub/a
}

@test "btrfs: a snapshot's copy that another VM holds is left to it" {
    rolled_back
    run -0 virt-priv-chown claim --name w --disk /mnt/x/sub/a
    run -1 virt-priv-chown release --name v
    [ "$(owner /mnt/x/sub/a) $(owner /mnt/x/old/a)" = "qemu:qemu alice:alice" ]
    run -0 virt-priv-chown release --name w
    run -0 virt-priv-chown release --name v --path /mnt/x/sub/a --as-is
    [ -z "$(journals)" ]
}

# of_before: the journals of v as the version before the devices wrote them, of that file.
of_before() {
    local st
    st=$(stat -c 'dev:%Hd:%Ld' "$1")
    sed -i -e '/^device /d; /^disk /d' -e "s/^filesystem btrfs:.*/filesystem $st/; s/^filesystem volatile:/filesystem /; s/^filesystem source:.*/filesystem $st/" $claims/v
}

@test "a journal of an earlier version, on btrfs: given back in its boot, or given back and kept" {
    btrfs_of /mnt/b.img
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    of_before /mnt/x/sub/a
    grep -q '^filesystem dev:0:' $claims/v
    # It is held still.
    run -1 virt-priv-chown claim --name w --disk /mnt/x/sub/a
    [[ $output == *"claimed by VM 'v'"* ]]
    cp $claims/v /mnt/journal
    run -0 virt-priv-chown release --name v
    as_before
    virt-priv-chown claim --name v --disk /mnt/x/sub/a
    cp /mnt/journal $claims/v
    boot_again
    again /mnt/b.img
    run -1 virt-priv-chown recover
    [[ $output == *"it was claimed by an earlier version"* ]]
    [ "$(owner /mnt/x/sub/a)" = alice:alice ]
    settled /mnt/x/sub/a
    # Another file there is none of it.
    cp /mnt/journal $claims/v
    mv /mnt/x/sub/a /mnt/x/sub/b
    disk /mnt/x/sub/a qemu:qemu 0640
    run -1 virt-priv-chown recover
    [[ $output == *"its file system cannot be identified after a reboot; it stays claimed"* ]]
    [ "$(owner /mnt/x/sub/a)" = qemu:qemu ]
    settled /mnt/x/sub/a
}

@test "a tmpfs: its claims end with the boot, whoever comes first, and as an earlier version wrote them" {
    local version how
    mkdir -p /mnt/x
    for version in this earlier; do
        for how in "recover" "release --name v" "claim --name v --disk /mnt/x/b" "claim --name v --disk /mnt/fs/c"; do
            echo "$version: $how"
            mount -t tmpfs -o mode=0755 tmpfs /mnt/x
            disk /mnt/x/a alice:alice 0640
            disk /mnt/x/b alice:alice 0640
            disk /mnt/fs/c alice:alice 0640
            virt-priv-chown claim --name v --disk /mnt/x/a
            [ "$version" = this ] || of_before /mnt/x/a
            umount /mnt/x
            mount -t tmpfs -o mode=0755 tmpfs /mnt/x
            disk /mnt/x/a qemu:qemu 0640
            disk /mnt/x/b alice:alice 0640
            boot_again
            # shellcheck disable=SC2086
            run -0 virt-priv-chown $how
            run ! grep -qsx 'path /mnt/x/a' $claims/v
            [ "$(owner /mnt/x/a)" = qemu:qemu ]
            [[ $how != claim* ]] || run -0 virt-priv-chown release --name v
            [ -z "$(journals)" ]
            umount /mnt/x /proc/sys/kernel/random/boot_id
        done
    done
}

@test "a tmpfs that is unmounted within a boot: gone where that is known, else it stays" {
    mkdir -p /mnt/x /mnt/y
    mount -t tmpfs -o mode=0755 tmpfs /mnt/x
    disk /mnt/x/a alice:alice 0640
    virt-priv-chown claim --name v --disk /mnt/x/a
    # Somebody has it still.
    exec 5</mnt/x/a
    umount -l /mnt/x
    mount -t tmpfs -o mode=0755 tmpfs /mnt/x
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/x/a: its file system is not mounted; it stays claimed"* ]]
    [ "$(stat -Lc %U /proc/self/fd/5) $(journals)" = "qemu v" ]
    mount --bind /proc/self/fd/5 /mnt/x/a 2>/dev/null || true
    umount /mnt/x
    device=$(sed -n 's/^device \(.*\) 0$/\1/p' $claims/v)
    exec 5<&-
    # Its number is given again: then nobody has it any more.
    for ((i = 0; i < 100; i++)); do
        mount -t tmpfs -o mode=0755 tmpfs /mnt/x
        [ "$(mountpoint -d /mnt/x)" != "$device" ] || break
        mkdir /mnt/x/below
        mount --move /mnt/x /mnt/y
    done
    [ "$(mountpoint -d /mnt/x)" = "$device" ]
    run -1 virt-priv-chown release --name v
    umount -R /mnt/y || true
    [[ $output == *"/mnt/x/a: its file system was unmounted, and its files did not outlast that"* ]]
    [ -z "$(journals)" ]
}

@test "an entry is forgotten as it is, alone, by the path that the journal has, and by that only" {
    disk "$fs/it's a" alice:alice 0640
    disk $fs/b alice:alice 0640
    virt-priv-chown claim --name v --disk "$fs/it's a" --disk $fs/b
    umount $fs
    run -1 virt-priv-chown release --name v
    [[ $output == *"virt-priv-chown release --name v --path '$fs/it'\\''s a' --as-is"* ]]
    run -2 virt-priv-chown release --name v --path $fs/b
    run -2 virt-priv-chown release --name v --as-is
    run -2 virt-priv-chown release --path $fs/b --as-is
    run -1 virt-priv-chown release --name w --path $fs/b --as-is
    run -1 virt-priv-chown release --name v --path $fs/c --as-is
    [[ $output == *"$fs/c is not claimed by VM 'v'"* ]]
    eval "$(virt-priv-chown status --json | /usr/bin/python3 -c 'import json, sys
print(json.load(sys.stdin)["claims"][0]["entries"][0]["settle"])')"
    [ "$(grep ^path $claims/v)" = "path $fs/b" ]
    run -0 virt-priv-chown status
    [[ $output == *"v: $fs/b: its file system is not mounted; to remove the entry and leave the file as it is: virt-priv-chown release --name v --path $fs/b --as-is"* ]]
    # Who claims it again, adds to it or runs it is told.
    disk /mnt/scratch/c root:root 0640
    for how in "claim" "add"; do
        run -1 virt-priv-chown $how --name v --disk /mnt/scratch/c
        [[ $how == add || $output == *"--path $fs/b --as-is"* ]]
    done
    run -125 virt-priv-run --name v qemu-system-x86_64 -display none
    [[ $output == *"--path $fs/b --as-is"* ]]
    run -0 virt-priv-chown release --name v --path $fs/b --as-is
    [ -z "$(journals)" ]
    mount -o loop $fs.img $fs
    [ "$(owner $fs/b)" = qemu:qemu ]
}
