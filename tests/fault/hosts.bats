# Hosts that lack what a tool needs: nothing runs, and nothing is changed, or all is as before after release.

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mkdir -p /mnt/files
    rm -rf /mnt/files/* /var/lib/virt-privileges /mnt/scratch/ran
    echo a >/mnt/files/a.img
    chown alice:alice /mnt/files/a.img
    before=$(state)
    claim=("$VP_BUILD/virt-priv-chown" claim --name v --disk /mnt/files/a.img)
    exec=("$VP_BUILD/virt-priv-exec" touch /mnt/scratch/ran)
}

state() {
    stat -c '%U %G %a' /mnt/files/a.img
    getfattr -d -m - /mnt/files/a.img 2>&1 || true
}

# Whatever has happened: a message, no success, and all as before.
nothing_done() {
    echo "status $status: $output"
    [ "$status" -ne 0 ] && [ "$status" -lt 128 ] && [ -n "$output" ]
    [ ! -e /mnt/scratch/ran ]
    [ "$(state)" = "$before" ]
}

# without COMMAND: the exec and the claim on a host that COMMAND has changed, for them alone.
without() {
    run unshare --mount bash -c "$1"' || exit 0; exec "$@"' - "${exec[@]}"
    nothing_done
    [ "$status" -eq 125 ]
    run unshare --mount bash -c "$1"' || exit 0; exec "$@"' - "${claim[@]}"
    nothing_done
}

@test "no /proc" {
    without 'while umount -l /proc 2>/dev/null; do :; done; [ ! -e /proc/self ]'
}

@test "a /proc that is not the kernel's" {
    without 'mount -t tmpfs tmpfs /proc'
}

@test "no accounts" {
    without 'mount --bind /dev/null /etc/passwd'
}

@test "accounts that can't be read: a name service that is not there" {
    without 'sed "s/^passwd:.*/passwd: nowhere/" /etc/nsswitch.conf >/mnt/nss && mount --bind /mnt/nss /etc/nsswitch.conf'
}

@test "journals on a read-only file system" {
    run unshare --mount bash -c 'mount -t tmpfs -o ro tmpfs /var/lib && exec "$@"' - "${claim[@]}"
    nothing_done
}

@test "journals on a full file system" {
    run unshare --mount bash -c 'mount -t tmpfs -o size=64k tmpfs /var/lib && mkdir -p -m 0700 /var/lib/virt-privileges/claims &&
        { cat /dev/zero >/var/lib/all 2>/dev/null; true; } && exec "$@"' - "${claim[@]}"
    nothing_done
}

@test "disks on a read-only file system" {
    run unshare --mount bash -c 'mount --bind /mnt/files /mnt/files && mount -o remount,bind,ro /mnt/files && exec "$@"' - \
        "${claim[@]}"
    nothing_done
}

@test "descriptors that run out, at each number of them" {
    for number in {3..24}; do
        run prlimit --nofile="$number" "${claim[@]}"
        echo "$number: $status: $output"
        # 127: the loader had none for the libraries.
        [ "$status" -le 2 ] || [ "$status" -eq 127 ]
        [ "$status" -eq 0 ] || [ "$(state)" = "$before" ]
        "$VP_BUILD/virt-priv-chown" release --name v || true
        [ "$(state)" = "$before" ]
        rm -f /mnt/scratch/ran
        run prlimit --nofile="$number" "${exec[@]}"
        # Without any left, it is the command that has none.
        [ "$status" -le 1 ] || [ ! -e /mnt/scratch/ran ]
        [[ " 0 1 125 127 " == *" $status "* ]]
    done
}
