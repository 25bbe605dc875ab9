# virt-priv-exec on a terminal: nothing can be typed on it, and all else stays.

bats_require_minimum_version 1.5.0

setup_file() {
    # Kernels can forbid TIOCSTI altogether, and then nothing would be proven.
    if [ -e /proc/sys/dev/tty/legacy_tiocsti ]; then
        cat /proc/sys/dev/tty/legacy_tiocsti >"$BATS_FILE_TMPDIR/legacy_tiocsti"
        echo 1 >/proc/sys/dev/tty/legacy_tiocsti
    fi
}

teardown_file() {
    if [ -e "$BATS_FILE_TMPDIR/legacy_tiocsti" ]; then
        cat "$BATS_FILE_TMPDIR/legacy_tiocsti" >/proc/sys/dev/tty/legacy_tiocsti
    fi
}

setup() {
    load exec.bash
    rm -rf "$conf"
}

@test "TIOCSTI is refused, and works without the shim" {
    tests/lib/terminal tiocsti "$exec"
}

@test "TIOCLINUX is refused" {
    tests/lib/terminal tioclinux "$exec"
}

@test "TIOCSTI is refused on /dev/tty too, with every standard descriptor elsewhere" {
    tests/lib/terminal dev-tty "$exec"
}

@test "TIOCSTI is refused with --allow-new-privs too" {
    tests/lib/terminal allow-new-privs "$exec"
}

@test "TIOCSTI is refused with other bits set above the 32 that the kernel looks at" {
    tests/lib/terminal high-bits "$exec" "$helpers/other-abi"
}

@test "system calls of other ABIs, in which the filter could be passed, kill" {
    [ "$(uname -m)" = x86_64 ] || skip "this processor has no other ABI"
    [ "$("$helpers/other-abi" i386 2>/dev/null)" = alive ] || skip "this kernel has no i386 system calls"
    tests/lib/terminal other-abi "$exec" "$helpers/other-abi"
}

@test "Ctrl-C ends the command" {
    tests/lib/terminal ctrl-c "$exec"
}

@test "a session leader lives on" {
    tests/lib/terminal session-leader "$exec"
}

@test "in the background, its read of the terminal stops it" {
    tests/lib/terminal background "$exec"
}

@test "same process before and after" {
    tests/lib/terminal same-pid "$exec"
}

@test "without a terminal there is no filter" {
    run -0 setsid -w "$exec" grep Seccomp: /proc/self/status </dev/null
    [[ $output == $(setsid -w grep Seccomp: /proc/self/status </dev/null) ]]
}
