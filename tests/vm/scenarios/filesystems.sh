# Disks on file systems that have no owners, or another machine's: FAT, and NFS with root squashed and not; and
# what identifies a disk where this kernel, which has no FS_IOC_GETFSUUID, can mount it.
# from: installed

phase_filesystems() {
    identities
    fat
    nfs
}

# identity TYPE PATTERN MKFS...: a disk on such a file system comes back after an unmount and a mount elsewhere.
identity() {
    local type=$1 pattern=$2 journal=/var/lib/virt-privileges/claims/vm1
    shift 2
    mkdir -p /mnt/one /mnt/other
    truncate -s 300M "/srv/$type"
    "$@" "/srv/$type" || return
    if ! mount -t "$type" -o loop "/srv/$type" /mnt/one; then
        pass "$type: this kernel cannot mount it # SKIP"
        return
    fi
    install -o alice -g alice -m 0640 /run/vm/disk.img /mnt/one/disk
    succeeds "$type: a disk is claimed" virt-priv-chown claim --name vm1 --disk /mnt/one/disk
    is "$(grep -cE "^filesystem $pattern\$" $journal)" 1 "$type: its file system is known" || detail "$(cat $journal)"
    umount /mnt/one
    capture virt-priv-chown release --name vm1
    is "$status $(claims)" "1 vm1" "$type: unmounted, it stays claimed"
    mount -t "$type" -o loop "/srv/$type" /mnt/other
    succeeds "$type: mounted elsewhere, it is released" virt-priv-chown release --name vm1
    is "$(access_of /mnt/other/disk) $(claims)" "640 alice:alice " "$type: it is its owner's again"
    umount /mnt/other
    rm -f "/srv/$type"
}

identities() {
    identity ext4 'uuid:[0-9a-f]{32}' mkfs.ext4 -q -F
    identity xfs 'uuid:[0-9a-f]{32}' mkfs.xfs -q
    identity btrfs 'btrfs:[0-9a-f]{32}:[0-9a-f]{32}:5' mkfs.btrfs -q
    identity f2fs 'uuid:[0-9a-f]{32}' mkfs.f2fs -q
}

# refused NAME DISK TEXT: a claim ends with 1, says so, and leaves nothing.
refused() {
    local before
    before=$(stat -c '%u:%g %a' "$2")
    capture virt-priv-chown claim --name vm1 --disk "$2"
    is "$status" 1 "$1: a claim is refused"
    # When it is planned, or when it is done.
    is "$(grep -cE -- "virt-priv-chown: $2 (cannot be claimed|\\(--disk\\)): $3" <<<"$output")" 1 "$1: it says why" || detail "$output"
    is "$(stat -c '%u:%g %a' "$2")" "$before" "$1: the disk is as it was"
    is "$(claims)" "" "$1: no claim is left"
}

claims() {
    find /var/lib/virt-privileges/claims -type f -name '[a-z]*' -printf '%f\n' 2>/dev/null
}

fat() {
    truncate -s 8M /srv/fat
    mkfs.fat /srv/fat
    mkdir -p /mnt/fat /mnt/fat-qemu
    succeeds "FAT: it is mounted" mount -o loop,uid=6001,gid=6001,umask=0022 /srv/fat /mnt/fat
    echo data >/mnt/fat/disk
    refused FAT /mnt/fat/disk "cannot change its owner"
    umount /mnt/fat
    mount -o loop,uid=107,gid=107,umask=0027 /srv/fat /mnt/fat-qemu
    succeeds "FAT whose files are the account's: a claim has nothing to change" \
        virt-priv-chown claim --name vm1 --disk /mnt/fat-qemu/disk
    succeeds "FAT whose files are the account's: it is released" virt-priv-chown release --name vm1
    is "$(access_of /mnt/fat-qemu/disk) $(claims)" "750 qemu:qemu " "FAT whose files are the account's: all is as before"
    umount /mnt/fat-qemu
}

nfs() {
    mkdir -p /srv/open /srv/squashed /mnt/open /mnt/squashed
    for dir in /srv/open /srv/squashed; do
        install -o alice -g alice -m 0640 /run/vm/disk.img $dir/disk
    done
    printf '%s\n' '/srv/open 127.0.0.1(rw,sync,no_subtree_check,no_root_squash,fsid=1)' \
        '/srv/squashed 127.0.0.1(rw,sync,no_subtree_check,root_squash,fsid=2)' >/etc/exports
    succeeds "NFS: the server starts" systemctl start nfs-server
    succeeds "NFS: it is mounted" mount -t nfs4 127.0.0.1:/srv/open /mnt/open
    succeeds "NFS with root squashed: it is mounted" mount -t nfs4 127.0.0.1:/srv/squashed /mnt/squashed

    succeeds "NFS: a disk is claimed" virt-priv-chown claim --name vm1 --disk /mnt/open/disk
    is "$(access_of /srv/open/disk)" "640 qemu:qemu" "NFS: at the server it is the account's"
    is "$(grep -cx 'filesystem source:nfs:127.0.0.1:/srv/open' /var/lib/virt-privileges/claims/vm1)" 1 \
        "NFS: it is known by what the mount names"
    umount /mnt/open
    capture virt-priv-chown release --name vm1
    is "$status $(access_of /srv/open/disk)" "1 640 qemu:qemu" "NFS: unmounted, it stays claimed"
    mount -t nfs4 127.0.0.1:/srv/open /mnt/open
    succeeds "NFS: it is released" virt-priv-chown release --name vm1
    is "$(access_of /srv/open/disk) $(claims)" "640 alice:alice " "NFS: it is its owner's again"
    virt-priv-run --name vm2 qemu-system-x86_64 -accel kvm -m 16 -nodefaults -no-user-config -display none \
        -drive file=/mnt/open/disk,format=raw,if=floppy -serial file:/srv/serial </dev/null >/run/out 2>&1 3>&- &
    within 90 "NFS: a guest writes to it" grep -q 'written 01' /srv/serial || detail "$(cat /run/out)"
    is "$(access_of /srv/open/disk)" "640 qemu:qemu" "NFS: meanwhile it is the account's"
    kill $!
    wait $!
    is "$(access_of /srv/open/disk) $(claims)" "640 alice:alice " "NFS: after that it is its owner's again"

    refused "NFS with root squashed" /mnt/squashed/disk "cannot"
    umount /mnt/open /mnt/squashed
    systemctl stop nfs-server
}
