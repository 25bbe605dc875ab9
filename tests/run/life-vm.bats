# A VM whose command line is in a file, as a unit has it: its control socket, and how it is stopped.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash
load one-disk.bash

@test "--vm: the command line of a file, the control socket, and --stop" {
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' '# A VM.' '' qemu-system-x86_64 "  -accel" "  tcg" -m 16 -nodefaults -no-user-config -display none \
        -serial "file:$fs/serial" '  # Its disk.' -drive "file=$fs/a.raw,format=raw" | sed 's/^-m 16$/-m\n16/' \
        >/etc/virt-privileges/vms/web1.conf
    virt-priv-run --vm web1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
    eventually grep -q "a guest wrote" "$fs/serial"
    claimed
    [ "$(stat -c '%U:%G %a %F' /run/virt-privileges/web1.qmp)" = "root:root 600 socket" ]
    pid=$(qemu_of "$runner")
    unprivileged "$pid"
    # A guest without ACPI does not hear its power button.
    run -1 virt-priv-run --stop web1 --timeout 1
    [[ $output == *"VM 'web1' has not exited within 1 s"* ]]
    kill -s TERM "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    # QEMU says so where it is given what is to be removed from it.
    run -1 grep -i deprecated "$BATS_TEST_TMPDIR/out"
    rm "$fs/serial"
    given_back
    run -1 virt-priv-run --stop web1
    [[ $output == *"VM 'web1' is not running"* ]]
}

@test "--vm: the control socket beside monitors of the command line's own" {
    start_vm web1 qemu-system-x86_64 -accel tcg -m 16 -nodefaults -no-user-config -display none -S \
        -chardev "socket,id=m,path=$fs/qmp,server=on,wait=off" -mon chardev=m,id=own,mode=control \
        -monitor "unix:$fs/monitor,server=on,wait=off"
    eventually test -S /run/virt-privileges/web1.qmp
    pid=
    eventually has_qemu
    local execute='{"execute":"qmp_capabilities"}{"execute":"query-chardev"}'
    "$BATS_TEST_DIRNAME/stand-in" talk /run/virt-privileges/web1.qmp "$execute" '"label": "virt-privileges-control"'
    "$BATS_TEST_DIRNAME/stand-in" talk "$fs/qmp" "$execute" '"label": "virt-privileges-control"'
    "$BATS_TEST_DIRNAME/stand-in" talk "$fs/monitor" "info status" "VM status: paused"
    # It is not -mon, which QEMU is to lose, that makes the control socket a monitor.
    [ "$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -cx -- -mon)" -eq 1 ]
    kill -s TERM "$runner"
    runner_ended
    nothing_left
}

# start_vm NAME WORD...: by its file.
start_vm() {
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "${@:2}" >"/etc/virt-privileges/vms/$1.conf"
    virt-priv-run --vm "$1" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
}

# The end of the runner, whose exit status is in $status.
runner_ended() {
    eventually ended "$runner"
    status=0
    wait "$runner" || status=$?
}

@test "--stop presses the power button, and returns when the guest has powered down" {
    nasm -f bin -o "$fs/b.raw" tests/guest/button.asm
    truncate -s 1M "$fs/b.raw"
    chown bob:bob "$fs/b.raw"
    start_vm web1 qemu-system-x86_64 -accel tcg -m 16 -nodefaults -no-user-config -display none \
        -drive "file=$fs/b.raw,format=raw" -serial "file:$fs/serial"
    eventually grep -q "waits for its power button" "$fs/serial"
    [ "$(owner "$fs/b.raw")" = qemu:qemu ]
    run -0 virt-priv-run --stop web1 --timeout 20
    [ -z "$output" ]
    runner_ended
    [ "$status" -eq 0 ]
    grep -q "a guest powers down" "$fs/serial"
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    rm "$fs/serial"
    given_back
}

asked_to_power_down() {
    grep -qs system_powerdown "$BATS_TEST_TMPDIR/stop"
}

@test "--stop returns when QEMU has ended otherwise" {
    # Stopped before its first instruction, the guest hears nothing: somebody else ends it meanwhile.
    start_vm web1 qemu-system-x86_64 -nodefaults -display none -S -accel tcg
    eventually test -S /run/virt-privileges/web1.qmp
    pid=
    eventually has_qemu
    strace -s 200 -o "$BATS_TEST_TMPDIR/stop" -e trace=sendto virt-priv-run --stop web1 --timeout 20 3>&- &
    local stop=$!
    eventually asked_to_power_down
    kill -s KILL "$pid"
    wait "$stop"
    runner_ended
    [ "$status" -eq $((128 + 9)) ]
    nothing_left
}

has_qemu() {
    pid=$(qemu_of "$runner") && [ -n "$pid" ]
}

@test "--vm: options of virt-priv-run come before QEMU, blanks around a word are none of it" {
    make guest root:root 0600 "$fs/b.raw"
    start_vm web1 "$(printf '\t--disks=pass ')" '# --name other' "  --backing$(printf '\r')" "  /srv/base of all.raw" "" \
        qemu-system-x86_64 -accel tcg -m 16 -nodefaults -no-user-config -display none -name "  a guest's name" \
        -device isa-debug-exit,iobase=0xf4 -drive "file=$fs/b.raw,format=raw" -serial "file:$fs/serial"
    eventually grep -q "a guest wrote" "$fs/serial"
    pid=$(qemu_of "$runner")
    unprivileged "$pid"
    [ "$(owner "$fs/b.raw")" = root:root ]
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qx "a guest's name"
    # The VM's name is the file's.
    [ -S /run/virt-privileges/web1.qmp ]
    kill -s TERM "$runner"
    runner_ended
    [ "$status" -eq 0 ]
    [ "$(sector "$fs/b.raw" raw)" = 1 ]
    rm "$fs/serial"
    given_back
}

@test "--vm: a file that is not root's, is not there, or has no command in it" {
    mkdir -p /etc/virt-privileges/vms
    run -125 virt-priv-run --vm none
    [[ $output == *"cannot reach /etc/virt-privileges/vms/none.conf"* ]]
    echo '# nothing' >/etc/virt-privileges/vms/empty.conf
    run -125 virt-priv-run --vm empty
    [[ $output == *"missing QEMU command line"* ]]
    echo qemu-system-x86_64 >/etc/virt-privileges/vms/writable.conf
    chmod 0666 /etc/virt-privileges/vms/writable.conf
    run -125 timeout 60 virt-priv-run --vm writable
    [[ $output == *"is not owned by root, or writable by group or others"* ]]
    run -125 virt-priv-run --vm ../../etc/passwd
    [[ $output == *"invalid VM name"*"must match"* ]]
}
