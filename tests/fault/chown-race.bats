# virt-priv-chown and a user who puts other files under the names, all the time.

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    # A file system of its own, in memory: nothing has to wait for a disk.
    mkdir -p /mnt/race
    mount -t tmpfs -o mode=0755 tmpfs /mnt/race
    # Each attempt looks accounts up, and other services than files take most of its time.
    sed -Ei 's/^(passwd|group|initgroups):.*/\1: files/' /etc/nsswitch.conf
}

teardown() {
    umount /mnt/race
    rm -rf /var/lib/virt-privileges
}

# race ARG...: no win, all given back, and both claims and refusals.
race() {
    echo "# fs.protected_hardlinks=$(sysctl -n fs.protected_hardlinks)" \
        "fs.protected_symlinks=$(sysctl -n fs.protected_symlinks)" >&3
    run "$VP_BUILD/tests/race-claims" /mnt/race "$@"
    grep '^# ' <<<"$output" >&3
    [ "$status" -eq 0 ]
    [[ $output =~ '# all: '([0-9]+)' attempts, '[0-9]+' claimed, '.*' 0 wins;' ]]
}

@test "100,000 claims and releases against a user who swaps what they name" {
    race attempts 100000
    [ "${BASH_REMATCH[1]}" -ge 100000 ]
}

@test "the program against a user who swaps what it names" {
    race seconds "${VP_RACE_SECONDS:-10}" "$VP_BUILD/virt-priv-chown"
}
