# Programs that do wrong are found to: what disturbs, and what judges, is not blind.

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
}

# wrong TEXT COMMAND...: points are found wrong, and one for that reason.
wrong() {
    run -1 "${@:2}"
    echo "$output"
    [[ ${lines[-1]} =~ ^[0-9]+\ points\ at\ [0-9]+\ calls,\ ([0-9]+)\ wrong: ]]
    [ "${BASH_REMATCH[1]}" -gt 0 ]
    # shellcheck disable=SC2053 # a pattern
    [[ $output == *$1* ]]
}

@test "an editor that writes in place, killed and refused" {
    local edit=(--prepare 'printf "old text\n" >/etc/libvirt/a.conf' -- /bin/sh -c 'printf "new\n" >/etc/libvirt/a.conf')
    wrong 'WRONG: kill at write number 1: *neither the old file nor the new one' tests/fault/sweep-edit /etc/libvirt/a.conf kill "${edit[@]}"
    wrong 'WRONG: ENOSPC at write number 1: *neither the old file nor the new one' tests/fault/sweep-edit /etc/libvirt/a.conf ENOSPC "${edit[@]}"
}

@test "a claim without a record, killed and refused; and one whose recovery does not recover" {
    reason=$(tests/fault/sweep-claims probe) || skip "$reason"
    local claim=(/bin/sh -c 'cd /mnt/device/files && chown 107 a && chown 107 b')
    wrong 'after recovery */a: owner (6001, 0) is (107, 0)' tests/fault/sweep-claims kill --prepare 'touch a b; chown 6001 a b' -- "${claim[@]}"
    wrong 'ended with 1, but */a: owner' tests/fault/sweep-claims error=EIO --unchanged 1 --prepare 'touch a b; chown 6001 a b' \
        --recover 'chown 6001 /mnt/device/files/a /mnt/device/files/b' -- "${claim[@]}"
    # Of two recoveries the one.
    wrong 'false ended with 1' tests/fault/sweep-claims kill --prepare 'touch a b; chown 6001 a b' \
        --recover 'chown 6001 /mnt/device/files/a /mnt/device/files/b' --recover false -- "${claim[@]}"
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ ([0-9]+)\ wrong: ]]
    [ "${BASH_REMATCH[1]}" -eq $((2 * BASH_REMATCH[2])) ]
    [ "${BASH_REMATCH[3]}" -eq "${BASH_REMATCH[2]}" ]
    # It finds what the first one, which has put all right, was given.
    [[ $output == *"after recovery /mnt/device/files/a: owner (6001, 0) is (107, 0)"* ]]
}

@test "a program whose output depends on what failed" {
    wrong 'ended with 2' tests/fault/refuse-calls report EIO -- /bin/sh -c 'test -r /etc/passwd || exit 2; echo fine'
    wrong 'setgroups(*was not made' tests/fault/refuse-calls credentials unanswered -- /usr/bin/setpriv --reuid 6001 \
        --clear-groups echo fine
}

@test "a program that forgets what it has no memory for" {
    run -1 tests/fault/starve 2 --conf $'a = 1\n' -- /bin/sh -c 'echo "$(grep . /etc/libvirt/qemu.conf)" >/etc/libvirt/qemu.conf'
    echo "$output"
    [[ $output == *"WRONG: NO_MEMORY_A"* ]]
}
