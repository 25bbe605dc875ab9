# virt-priv-run killed at every single system call, as a crash of the host's memory would.

bats_require_minimum_version 1.5.0

setup() {
    [ -e /proc/sys/kernel/yama/ptrace_scope ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope)" = 3 ] &&
        skip "this machine lets nobody trace"
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mkdir -p /mnt/kill
    nasm -f bin -o /mnt/guest tests/guest/disk.asm
    truncate -s 1M /mnt/guest
}

@test "killed in place of any call: QEMU ends by itself, and recover gives everything back" {
    run tests/fault/run-kill "$VP_BUILD/virt-priv-run" "$VP_BUILD/virt-priv-chown" /mnt/guest /mnt/kill
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ points ]]
    [ "${BASH_REMATCH[1]}" -ge 300 ]
    echo "# ${lines[-1]}" >&3
}
