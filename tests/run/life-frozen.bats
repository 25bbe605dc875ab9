# What QEMU's user can do to the process that becomes QEMU, and to what is to end: stop it, trace it, keep
# something of it. Nobody else waits for that.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    rm -f /mnt/trace
    attacker=$PWD/tests/run/attacker
    make guest alice:alice 0640 "$fs/a.raw"
    make guest bob:bob 0600 "$fs/b.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

teardown() {
    chattr -i "$fs/a.raw" 2>/dev/null || true
    end_all
}

as_qemu() {
    setpriv --reuid qemu --regid qemu --clear-groups "$@"
}

# frozen: sets frozen, the process that is the QEMU user's, stopped for good, as strace says, and not yet QEMU.
frozen() {
    frozen=$(sed -n 's/^\([0-9]*\) *--- stopped by SIGSTOP ---$/\1/p' /mnt/trace 2>/dev/null)
    [ -n "$frozen" ] && grep -q '^Name:.virt-priv-run' "/proc/$frozen/status" && grep -q "^Uid:.$(id -u qemu)" "/proc/$frozen/status"
}

# Where it has become the QEMU user, it is stopped; the QEMU user keeps it so.
freezes() {
    wrapper=(strace -f -qq -o /mnt/trace -e trace=capset -e inject=capset:signal=SIGSTOP:when=1)
}

@test "what becomes QEMU is stopped by QEMU's user: another VM starts, is stopped, and its disk given back meanwhile" {
    local first first_in
    freezes
    own=(--name frozen)
    start frozen
    eventually frozen
    as_qemu kill -s STOP "$frozen"
    first=$runner first_in=$in
    wrapper=() own=(--name other) args=(-drive "file=$fs/b.raw,format=raw")
    local began=$SECONDS
    start other
    runs
    [ "$(owner "$fs/b.raw")" = qemu:qemu ]
    leave
    [ "$status" -eq 33 ]
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    run -0 virt-priv-chown status
    run -0 virt-priv-chown recover
    [ $((SECONDS - began)) -lt 60 ]
    # It goes on as if nothing had been.
    as_qemu kill -s CONT "$frozen"
    out=/mnt/vmfrozen.out err=/mnt/vmfrozen.err
    eventually said "$wrote"
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    runner=$first in=$first_in
    leave
    [ "$status" -eq 33 ]
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    nothing_left
}

@test "it has no lock, and no pipe that others wait for: the name, and the caller of -daemonize" {
    local caller monitor
    strace -f -qq -o /mnt/trace -e trace=capset -e inject=capset:signal=SIGSTOP:when=1 \
        virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" "${args[@]}" -daemonize 3>&- &
    caller=$!
    eventually frozen
    monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$frozen/status")
    # Of root's it has its standard descriptors, what QEMU gets, and nothing that somebody waits for.
    run find "/proc/$frozen/fd" -lname "*.lock"
    [ -z "$output" ]
    run find "/proc/$frozen/fd" -lname "pipe:*" -newermt 1970-01-01
    ls -l "/proc/$frozen/fd"
    kill -s KILL "$monitor"
    # Its name is free as soon as it has ended.
    eventually flock -n /run/virt-privileges/.daemon.lock true
    local children
    eventually caller_ended "$monitor"
    kill -s KILL "$frozen"
    eventually ended "$caller"
    wait "$caller" || true
    virt-priv-chown recover
    [ "$(owner "$fs/a.raw")" = alice:alice ]
}

# holder_of NAME: the process that has the claim.
holder_of() {
    awk '$1 == "holder" { print $2 }' "/var/lib/virt-privileges/claims/$1"
}

# held_by_qemu NAME: it is QEMU already, which waits for who connects to its socket.
held_by_qemu() {
    [[ $(readlink "/proc/$(holder_of "$1")/exe") == */qemu-system-* ]] && [ -S "$fs/wait" ]
}

@test "recover leaves the claim of a daemon whose runner has not noted it as the holder yet" {
    local how caller monitor first daemon
    for how in claim pass; do
        virt-priv-run --name daemon "--disks=$how" qemu-system-x86_64 "${machine[@]}" "${args[@]}" \
            -chardev "socket,id=c,path=$fs/wait,server=on,wait=on" -daemonize -pidfile "$fs/pid" </dev/null 3>&- &
        caller=$!
        eventually held_by_qemu daemon
        first=$(holder_of daemon)
        monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$first/status")
        kill -s STOP "$monitor"
        # It is there a moment before QEMU listens.
        eventually /usr/bin/python3 -c 'import socket, sys; sys.exit(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))' "$fs/wait"
        eventually ended "$first"
        run -0 virt-priv-chown recover
        [ "$(holder_of daemon)" = "$first" ]
        kill -s CONT "$monitor"
        wait "$caller"
        daemon=$(cat "$fs/pid")
        [ "$(holder_of daemon)" = "$daemon" ]
        [ "$daemon" != "$first" ]
        kill -s TERM "$daemon"
        eventually ended "$monitor"
        [ "$(owner "$fs/a.raw")" = alice:alice ]
        nothing_left
    done
}

# caller_ended MONITOR: no virt-priv-run is left but what is frozen.
caller_ended() {
    local pid
    for pid in $(processes); do
        [ "$pid" = "$frozen" ] || ended "$pid" || return 1
    done
}

@test "nobody can trace it before it is QEMU, or get at its memory and descriptors" {
    # It waits to connect, as the account, in the last call before execve(2).
    make dir root:root 0755 "$fs/servers"
    helper "$attacker" full "$fs/servers/full" "$fs/is-full"
    eventually test -e "$fs/is-full"
    chmod 0666 "$fs/servers/full"
    args+=(-chardev "socket,id=c,path=$fs/servers/full")
    start
    eventually waits_to_connect
    run -0 as_qemu "$attacker" trace "$frozen"
    echo "$output"
    [[ $output != *done* ]]
    [ "$(grep -c "EPERM\|EACCES" <<<"$output")" -eq 7 ]
    # It is its own VM alone that waits.
    kill -s TERM "$runner"
    finish
    [ "$status" -eq $((128 + 15)) ]
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    nothing_left
}

waits_to_connect() {
    local child
    for child in $(cat "/proc/$runner/task/$runner/children"); do
        if grep -q "^Uid:.$(id -u qemu)" "/proc/$child/status" && grep -q '^42 ' "/proc/$child/syscall"; then
            frozen=$child
            return 0
        fi
    done
    return 1
}

@test "it cannot be traced from the moment on that its capabilities go, whatever fs.suid_dumpable says" {
    strace -f -qq -o /mnt/trace -e trace=setresuid,prctl,capset,execve virt-priv-run qemu-system-x86_64 "${machine[@]}" -S "${args[@]}" 3>&- &
    runner=$!
    eventually grep -q 'execve("[^"]*/qemu-system' /mnt/trace
    sed -n '/setresuid([1-9]/,/execve(/p' /mnt/trace
    # setresuid() by SECBIT_NO_SETUID_FIXUP leaves them.
    [ "$(sed -n '/setresuid([1-9]/,/capset/p' /mnt/trace | grep -c 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE) *= 0')" -eq 1 ]
    kill -s TERM "$(pgrep -x virt-priv-run | head -n 1)"
    eventually ended "$runner"
    wait "$runner" || true
    nothing_left
}

@test "what cannot be given back changes the exit status, where QEMU's was 0" {
    own=(--name kept)
    start
    runs
    chattr +i "$fs/a.raw"
    kill -s TERM "$runner"
    finish
    cat "$err"
    [ "$status" -eq 125 ]
    grep -q "$fs/a.raw" "$err"
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    chattr -i "$fs/a.raw"
    virt-priv-chown recover
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    # QEMU's own says more.
    start
    runs
    chattr +i "$fs/a.raw"
    leave
    [ "$status" -eq 33 ]
    chattr -i "$fs/a.raw"
    virt-priv-chown recover
    [ "$(owner "$fs/a.raw")" = alice:alice ]
}
