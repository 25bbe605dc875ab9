# Programs that QEMU starts.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

given_back() {
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_left
}

# saved_state FILE: that of such a VM, before its guest runs.
saved_state() {
    printf 'migrate "exec:cat >%s"\nquit\n' "$1" |
        qemu-system-x86_64 "${machine[@]}" -S "${args[@]}" -serial null -monitor stdio >"$BATS_TEST_TMPDIR/saved" 2>&1
    [ -s "$1" ] || { cat "$BATS_TEST_TMPDIR/saved" && return 1; }
    chmod 0644 "$1"
}

status_is() {
    "$stand_in" talk "$fs/monitor" "info status" "VM status:" | grep -q "$1"
}

# comes_by ADDRESS: the VM whose state that command gives.
comes_by() {
    saved_state "$fs/state"
    args+=(-monitor "unix:$fs/monitor,server,nowait" -incoming "$1")
    start
    eventually status_is prelaunch
    pid=$(qemu_of "$runner")
    unprivileged "$pid"
    # It may start programs, and nothing else that a filter denies.
    argument_there on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny
    kill -s TERM "$runner"
    finish
    [ "$status" -eq 0 ]
    given_back
}

@test "an incoming migration from a command" {
    comes_by "exec:cat $fs/state"
}

@test "an incoming migration from a command, as a channel" {
    since_qemu 8.2
    comes_by "{\"channel-type\":\"main\",\"addr\":{\"transport\":\"exec\",\"args\":[\"/bin/cat\",\"$fs/state\"]}}"
}
