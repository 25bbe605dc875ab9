# A VM as a unit: systemd is told when QEMU answers, and not before; nobody else speaks for it.
# shellcheck disable=SC2030,SC2031,SC2034 # each test has variables of its own

load host.bash

setup() {
    clean_host
    said=$BATS_TEST_TMPDIR/said
    machine=(-accel tcg -m 16 -nodefaults -no-user-config -display none)
}

# listen SOCKET: as systemd would. The abstract namespace is a network's.
listen() {
    rm -f "$said"
    helper nsenter --net=/run/vm.net tests/lib/notify-sink "$1" "$said"
    eventually grep -qsx listening "$said"
}

# start_unit SOCKET WORD...: a VM with this command line, as its unit starts it.
start_unit() {
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "${@:2}" >/etc/virt-privileges/vms/web1.conf
    NOTIFY_SOCKET=$1 nsenter --net=/run/vm.net virt-priv-run --vm web1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
}

is_ready() {
    grep -qx "$runner: READY=1|STATUS=QEMU is running as process [0-9]*" "$said"
}

nothing_said() {
    [ "$(cat "$said")" = listening ]
}

stop_unit() {
    kill -s TERM "$runner"
    unit_ended 0
}

# unit_ended STATUS
unit_ended() {
    eventually ended "$runner"
    local status=0
    wait "$runner" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq "$1" ]
    nothing_left
}

# A program that takes QEMU's options, and becomes it once there is /mnt/go.
slow_qemu() {
    printf '%s\n' '#!/bin/sh' 'until [ -e /mnt/go ]; do sleep 0.02; done' 'exec qemu-system-x86_64 "$@"' >/mnt/slow-qemu
    chmod 0755 /mnt/slow-qemu
    rm -f /mnt/go
}

@test "QEMU answers: that is said once, by the process that systemd has started" {
    local socket
    for socket in /run/notify @virt-privileges-notify; do
        listen "$socket"
        start_unit "$socket" qemu-system-x86_64 "${machine[@]}" -S
        eventually is_ready
        pid=$(qemu_of "$runner")
        grep -qx "$runner: .*STATUS=QEMU is running as process $pid" "$said"
        unprivileged "$pid"
        # Its control socket is free again.
        run -1 virt-priv-run --stop web1 --timeout 1
        [[ $output == *"VM 'web1' has not exited within 1 s"* ]]
        stop_unit
        [ "$(wc -l <"$said")" -eq 2 ]
    done
}

@test "neither QEMU nor a script of its network can speak for the unit" {
    printf '%s\n' '#!/bin/sh' 'env >/mnt/script.env' >/mnt/up
    chmod 0755 /mnt/up
    listen /run/notify
    start_unit /run/notify qemu-system-x86_64 "${machine[@]}" -S \
        -netdev tap,id=n,ifname=vmtap0,script=/mnt/up,downscript=no -device virtio-net-pci,netdev=n,romfile=
    eventually is_ready
    pid=$(qemu_of "$runner")
    grep -q ^PATH= /mnt/script.env
    run -1 grep NOTIFY /mnt/script.env
    run -1 grep -z NOTIFY "/proc/$pid/environ"
    stop_unit
}

@test "nothing is said before QEMU runs, and none of its descriptors is left" {
    slow_qemu
    listen /run/notify
    start_unit /run/notify /mnt/slow-qemu "${machine[@]}" -S
    eventually test -S /run/virt-privileges/web1.qmp
    sleep 1
    nothing_said
    touch /mnt/go
    eventually is_ready
    [ "$(find "/proc/$runner/fd" -lname 'socket:*' | wc -l)" = 0 ]
    stop_unit
}

@test "a QEMU that fails, or is refused, is never ready" {
    listen /run/notify
    start_unit /run/notify qemu-system-x86_64 "${machine[@]}" -device no-such-device
    unit_ended 1
    start_unit /run/notify qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/nothing,format=raw"
    unit_ended 125
    slow_qemu
    start_unit /run/notify /mnt/slow-qemu "${machine[@]}"
    eventually test -S /run/virt-privileges/web1.qmp
    kill -s TERM "$runner"
    unit_ended $((128 + 15))
    nothing_said
}

@test "a VM that has ended well before it could answer was ready" {
    printf '%s\n' '#!/bin/sh' 'exit 0' >/mnt/short-qemu
    chmod 0755 /mnt/short-qemu
    listen /run/notify
    start_unit /run/notify /mnt/short-qemu "${machine[@]}"
    unit_ended 0
    [ "$(tail -n +2 "$said")" = "$runner: READY=1|STATUS=QEMU has exited" ]
}

@test "a service manager that does not listen is warned of, and the VM runs" {
    local socket
    for socket in /run/none vsock:2:1 x; do
        start_unit "$socket" qemu-system-x86_64 "${machine[@]}" -S
        eventually grep -q "warning: cannot notify the service manager" "$BATS_TEST_TMPDIR/out"
        pid=$(qemu_of "$runner")
        unprivileged "$pid"
        stop_unit
        [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -le 2 ]
    done
}

@test "-daemonize is refused for a VM with a file, with the reason" {
    make guest alice:alice 0640 "$fs/a.raw"
    listen /run/notify
    start_unit /run/notify qemu-system-x86_64 "${machine[@]}" -daemonize -drive "file=$fs/a.raw,format=raw"
    unit_ended 125
    grep -q -- "-daemonize.*a unit stays in the foreground" "$BATS_TEST_TMPDIR/out"
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_said
    run -1 virt-priv-run --check --vm web1
    [[ ${#lines[@]} -eq 1 && $output == "- (-daemonize): "*"remove it"* ]]
    # Without a unit it is as before: see life.bats.
}
