# UNIX sockets of a VM: the name that was asked for is the socket itself, whatever QEMU does, and both sides
# see each other as who they are.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    attacker=$PWD/tests/run/attacker
    args=()
}

# up NAME...: the VM of $args, stopped before its guest's first instruction, with a monitor in $fs/monitor.
up() {
    args+=(-S -monitor "unix:$fs/monitor,server,nowait")
    start
    eventually test -S "$fs/monitor"
    "$stand_in" talk "$fs/monitor" "info status" "VM status"
    pid=$(qemu_of "$runner")
}

down() {
    kill -s TERM "$runner"
    finish
    cat "$err"
    [ "$status" -eq 0 ]
    nothing_left
}

as() {
    setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"
}

@test "VNC: the name is the socket, whose mode and group make it reachable" {
    make dir root:root 0755 "$fs/run"
    args=(-vnc "unix:$fs/run/vnc")
    up
    eventually test -S "$fs/run/vnc"
    [ ! -L "$fs/run/vnc" ]
    [ "$(stat -c '%U:%G %a %h %F' "$fs/run/vnc")" = "qemu:qemu 755 1 socket" ]
    # Nothing else of it is left there.
    [ "$(ls -A "$fs/run")" = vnc ]
    "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    run -1 as alice "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    [[ $output == *PermissionError* ]]
    # As in a script of yesterday's.
    chgrp alice "$fs/run/vnc"
    chmod 0660 "$fs/run/vnc"
    as alice "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    run -1 as bob "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    chmod 0666 "$fs/run/vnc"
    as bob "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    down
    [ -z "$(ls -A "$fs/run")" ]
}

@test "VNC in a directory of a user's, and in one that QEMU's user may not search, out of which QEMU does not come" {
    make dir alice:alice 0755 "$fs/alices"
    make dir root:root 0700 "$fs/closed"
    make dir root:root 0755 "$fs/closed/open"
    make text=secret root:root 0644 "$fs/closed/open/secret"
    args=(-vnc "unix:$fs/closed/open/vnc" -spice "unix=on,addr=$fs/alices/spice,disable-ticketing=on")
    up
    eventually test -S "$fs/closed/open/vnc"
    eventually test -S "$fs/alices/spice"
    "$stand_in" talk "$fs/closed/open/vnc" - "RFB 003.008"
    [ "$(ls -A "$fs/closed/open")" = "secret"$'\n'"vnc" ]
    [ "$(ls -A "$fs/alices")" = spice ]
    local fd n=0
    for fd in /proc/"$pid"/fd/*; do
        [ -d "$fd" ] || continue
        run as qemu cat "$fd/../secret" "$fd/../open/secret"
        echo "$fd: $output"
        [[ $output != *secret$'\n'* && $output != secret ]]
        n=$((n + 1))
    done
    [ "$n" -ge 2 ]
    down
}

# taken_over ACT: QEMU does that in the place of binding its socket.
taken_over() {
    printf '#!/bin/sh\nexec %s as-qemu "$@"\n' "$attacker" >"$fs/qemu-system-x86_64"
    chmod 0755 "$fs/qemu-system-x86_64"
    qemu=$fs/qemu-system-x86_64 machine=() console=()
    args=(-name "$1" -vnc "unix:$fs/run/vnc")
    own=(--name v)
    start
    eventually grep -qx "done" "$out"
}

@test "a QEMU that puts something else there: no name leads to it, and chmod of that name changes nothing" {
    local act
    make dir root:root 0755 "$fs/run"
    make text=1 root:root 0600 "$fs/target"
    make dir root:root 0700 "$fs/target.d"
    for act in "link=$fs/target" "link=$fs/target.d" "link=/etc/shadow" file directory swaps other-name; do
        listing "$fs/target" "$fs/target.d" /etc/shadow >"$BATS_TEST_TMPDIR/before"
        taken_over "$act"
        echo "$act"
        # What is there within a moment is all that will be: QEMU has done its part.
        local i
        for ((i = 0; i < 20; i++)); do
            chmod 0666 "$fs/run/vnc" 2>/dev/null || true
            [ ! -L "$fs/run/vnc" ]
            sleep 0.01
        done
        listing "$fs/target" "$fs/target.d" /etc/shadow | diff "$BATS_TEST_TMPDIR/before" -
        [ ! -e "$fs/run/vnc" ] || [ -S "$fs/run/vnc" ]
        leave
        [ "$status" -eq 0 ]
        cat "$err"
        # One message at most for each thing that is said.
        [ "$(wc -l <"$err")" -le 2 ]
        case $act in
        link=* | file | directory) grep -q "is not a socket of its own; not linked there" "$err" ;;
        esac
        listing "$fs/target" "$fs/target.d" /etc/shadow | diff "$BATS_TEST_TMPDIR/before" -
        rm -rf "$fs/run"
        mkdir -m 0755 "$fs/run"
        nothing_left
    done
}

@test "what stands at the name meanwhile is not replaced" {
    make dir root:root 0755 "$fs/run"
    # QEMU is stopped before it has bound: the name is another's by then.
    wrapper=(strace -f -qq -o /mnt/trace -e "trace=execve" -e "inject=bind:delay_enter=2000000")
    args=(-vnc "unix:$fs/run/vnc" -S)
    start
    eventually test -d "$fs/run/.vnc.virt-privileges"
    echo mine >"$fs/run/vnc"
    eventually grep -q "cannot link the socket that QEMU has bound to $fs/run/vnc: File exists" "$err"
    [ "$(cat "$fs/run/vnc")" = mine ]
    kill -s TERM "$(processes | head -n 1)"
    finish
    [ "$(ls -A "$fs/run")" = vnc ]
}

@test "who is at the other end: QEMU, and not root" {
    local ids
    ids="$(id -u qemu) $(id -g qemu)"
    make dir root:root 0755 "$fs/servers"
    local name
    for name in open closed; do
        helper "$attacker" server "$fs/servers/$name" "$fs/$name.log"
        eventually test -S "$fs/servers/$name"
    done
    chmod 0666 "$fs/servers/open"
    chmod 0600 "$fs/servers/closed"
    args=(-vnc "unix:$fs/vnc" -qmp "unix:$fs/qmp,server=on,wait=off" -chardev "socket,id=l,path=$fs/chardev,server=on,wait=off"
        -chardev "socket,id=c,path=$fs/servers/open" -chardev "socket,id=d,path=$fs/servers/closed")
    up
    eventually test -S "$fs/vnc"
    local path
    for path in vnc qmp chardev monitor; do
        echo "$path: $("$attacker" peer "$fs/$path")"
        [ "$("$attacker" peer "$fs/$path")" = "$ids $pid" ]
    done
    [ "$(cat "$fs/open.log")" = "$ids $pid" ]
    # Where the account may not connect, root does.
    [ "$(cat "$fs/closed.log")" = "0 0 $runner" ]
    down
}
