# virt-priv-run killed, and refused, at every single system call.

bats_require_minimum_version 1.5.0

setup() {
    [ -e /proc/sys/kernel/yama/ptrace_scope ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope)" = 3 ] &&
        skip "this machine lets nobody trace"
    # The sweep mounts its own over it, and it must exist.
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    # The sweep has a /mnt of its own, too.
    guest=$BATS_TEST_TMPDIR/guest
    nasm -f bin -o "$guest" tests/guest/disk.asm
    truncate -s 1M "$guest"
}

# sweep MODE POINTS: every command line's are right, and of the first one there are as many at least.
sweep() {
    local line variants=0
    run tests/fault/sweep-run "$VP_BUILD/virt-priv-run" "$VP_BUILD/virt-priv-chown" "$guest" "$1"
    # What is wrong comes first.
    [ "$status" -eq 0 ] || grep -v ', 0 wrong: ' <<<"$output"
    [ "$status" -eq 0 ]
    for line in "${lines[@]}"; do
        [[ $line =~ ^([a-z]+):\ ([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
        [ "${BASH_REMATCH[1]}" != first ] || [ "${BASH_REMATCH[2]}" -ge "$2" ]
        [ "${BASH_REMATCH[2]}" -ge 10 ]
        variants=$((variants + 1))
        echo "# $1: $line" >&3
    done
    [ "$variants" -eq 9 ]
}

@test "killed in place of any call: QEMU ends by itself, and recover gives everything back" {
    sweep kill 800
}

@test "each call failing: QEMU runs as without it, or a message says why not, and nothing is left" {
    sweep error=EIO 600
}

@test "calls that are not permitted, not there, interrupted, or without memory or room: the same" {
    sweep further 400
}
