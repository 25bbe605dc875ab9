# A copy of a file system, by a snapshot of the volume below or block by block: it has the same UUID, handles and
# inodes, and is not what was claimed.

load chown.bash

claims=/var/lib/virt-privileges/claims

setup() {
    umask 022
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges /run/virt-privileges
    mkdir -p /mnt/x /mnt/y
}

teardown() {
    while umount -q /proc/sys/kernel/random/boot_id; do :; done
    umount -R /mnt/x /mnt/y 2>/dev/null || true
    for image in /mnt/*.img; do
        losetup -n -O NAME -j "$image" | xargs -r -n 1 losetup -d
    done
    rm -f /mnt/*.img
}

# claim_on TYPE: a disk on it is held, and so it is in its copy; neither is mounted.
claim_on() {
    rm -f /mnt/a.img
    truncate -s 320M /mnt/a.img
    case $1 in
    ext4) mkfs.ext4 -q -F /mnt/a.img ;;
    *) "mkfs.$1" -q /mnt/a.img >/dev/null ;;
    esac
    mount -o loop /mnt/a.img /mnt/x
    disk /mnt/x/a alice:alice 0640
    virt-priv-chown claim --name v --disk /mnt/x/a
    umount /mnt/x
    cp --sparse=always /mnt/a.img /mnt/copy.img
}

# mount_copy DIR, mount_original DIR
mount_copy() {
    mount -o loop"$options" /mnt/copy.img "$1"
}

mount_original() {
    mount -o loop"$options" /mnt/a.img "$1"
}

# each TYPE COMMAND: in the boot of the claim and in a later one; an earlier version's journal too.
each() {
    local boot version
    for boot in same later; do
        for version in this earlier; do
            echo "$1: $boot boot, $version version"
            options=
            [ "$1" != xfs ] || options=,nouuid
            claim_on "$1"
            [ "$version" = this ] || sed -i '/^device /d; /^disk /d' $claims/v
            [ "$boot" = same ] || boot_again
            "$2"
            umount -q /proc/sys/kernel/random/boot_id || true
            umount -qR /mnt/x /mnt/y || true
        done
    done
}

# The copy alone, where the original was: put right, said, and kept; then the original comes.
copy_alone() {
    # What an earlier version did not write can only be told by the disks that are there.
    local spare=
    [ "$version" = this ] || spare=$(losetup -f --show /mnt/a.img)
    mount_copy /mnt/x
    run -0 virt-priv-chown status --json
    [[ $output == *'"object": "copy"'* ]]
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/x/a: "*"may be a copy; its owner was restored; it stays claimed"* ]]
    [ "$(owner /mnt/x/a) $(journals)" = "alice:alice v" ]
    run -0 virt-priv-chown status
    [[ $output == *"v: /mnt/x/a: "*"may be a copy"*"release --name v --path /mnt/x/a --as-is" ]]
    umount /mnt/x
    [ -z "$spare" ] || losetup -d "$spare"
    rm /mnt/copy.img
    mount_original /mnt/y
    [ "$(owner /mnt/y/a)" = qemu:qemu ]
    run -0 virt-priv-chown release --name v
    [ "$(stat -c '%U:%G %a' /mnt/y/a)" = "alice:alice 640" ]
    [ -z "$(remembered /mnt/y/a)" ]
    [ -z "$(journals)" ]
}

@test "ext4: a copy is not taken for the original" {
    each ext4 copy_alone
}

@test "xfs: a copy is not taken for the original" {
    each xfs copy_alone
}

@test "btrfs, which mounts one of both: a copy is not taken for the original" {
    options=
    claim_on btrfs
    boot_again
    btrfs device scan --forget
    mv /mnt/a.img /mnt/away
    mount_copy /mnt/x
    run -1 virt-priv-chown recover
    [[ $output == *"/mnt/x/a: the mounted file system has the UUID of its file system, but is on another disk, so it may be a copy; its owner was restored; it stays claimed"* ]]
    umount /mnt/x
    rm /mnt/copy.img
    mv /mnt/away /mnt/a.img
    btrfs device scan --forget
    mount_original /mnt/x
    [ "$(owner /mnt/x/a)" = qemu:qemu ]
    run -0 virt-priv-chown recover
    [ "$(owner /mnt/x/a) $(journals)" = "alice:alice " ]
}

# Both are mounted, the copy where the original was.
both() {
    mount_copy /mnt/x
    mount_original /mnt/y
    if [ "$version" = this ]; then
        run -0 virt-priv-chown release --name v
        [ "$(owner /mnt/x/a) $(owner /mnt/y/a) $(journals)" = "qemu:qemu alice:alice " ]
    else
        # Nothing tells them apart.
        run -1 virt-priv-chown release --name v
        [[ $output == *"more than one mounted file system has its UUID; it stays claimed"* ]]
        [ "$(owner /mnt/x/a) $(owner /mnt/y/a)" = "qemu:qemu qemu:qemu" ]
        settled /mnt/x/a
    fi
}

@test "a copy and the original, both mounted: the right one is given back, or neither" {
    each ext4 both
    each xfs both
}

# The file is deleted in the copy.
deleted() {
    local spare=
    [ "$version" = this ] || spare=$(losetup -f --show /mnt/a.img)
    mount_copy /mnt/x
    rm /mnt/x/a
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/x/a: it is not on the mounted file system, "*"; it stays claimed"* ]]
    settled /mnt/x/a
    [ -z "$spare" ] || losetup -d "$spare"
}

@test "a file that is deleted in a copy is not gone" {
    each ext4 deleted
}

@test "a disk on a copy is not claimed while the original's is held" {
    options=
    claim_on ext4
    mount_copy /mnt/x
    run -1 virt-priv-chown claim --name w --disk /mnt/x/a
    [[ $output == *"claimed by VM 'v'"* ]]
    [ "$(journals)" = v ]
}
