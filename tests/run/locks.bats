# A disk that somebody else has locked: its VM waits, and no other one does.
# shellcheck disable=SC2034,SC2054 # start() reads the variables; words of QEMU have commas

load host.bash

setup() {
    clean_host
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
    truncate -s 1M "$fs/other.raw"
    chown bob:bob "$fs/other.raw"
}

# lock USER: a process of the user has libvirt's metadata lock of the disk.
lock() {
    rm -f /mnt/locked
    setpriv --reuid "$1" --regid "$1" --clear-groups tests/lib/escaped-qemu "$fs/a.raw" "lock write" >/mnt/locked 3>&- &
    locker=$!
    helpers_started+=("$locker")
    eventually test -s /mnt/locked
}

# waits: one of the runner's processes looks at the lock again and again, and sleeps between
# (clock_nanosleep, 230).
waits() {
    local pid
    for pid in $(processes); do
        ! grep -q '^230 ' "/proc/$pid/syscall" 2>/dev/null || return 0
    done
    return 1
}

other_vm_comes_and_goes() {
    timeout 4 virt-priv-chown claim --name other --disk "$fs/other.raw" >/dev/null
    [ "$(owner "$fs/other.raw")" = qemu:qemu ]
    timeout 4 virt-priv-chown release --name other
}

@test "at the start: other VMs go on, and this one does as soon as the lock is free" {
    lock alice
    start
    eventually waits
    other_vm_comes_and_goes
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    kill "$locker"
    runs
    leave
    [ "$(owner "$fs/a.raw") $status" = "alice:alice $status_expected" ]
    nothing_left
}

@test "at the end: other VMs go on, and the disk is given back as soon as the lock is free" {
    start
    runs
    lock qemu
    echo >&"$in"
    eventually waits
    other_vm_comes_and_goes
    kill "$locker"
    finish
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    nothing_left
}

@test "at the start, for good: nothing is started, and who has it is named" {
    lock alice
    start
    finish
    cat "$err"
    [ "$status" -eq 125 ]
    grep -qF "$fs/a.raw: process $locker ($(readlink -f /usr/bin/python3)) has held libvirt's metadata lock on it" "$err"
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    nothing_left
}
