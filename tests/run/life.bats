# From the start of a VM to its end, however it ends: QEMU is followed, signals reach it, and
# everything is given back.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash
load one-disk.bash

# holder: whose claim it is, as the journal has it.
holder() {
    sed -n 's/^holder \([0-9]*\) .*/\1/p' /var/lib/virt-privileges/claims/*
}

for_each_signal() {
    local signal
    for signal in "$@"; do
        start
        runs
        claimed
        kill -s "$signal" "$runner"
        finish
        echo "$signal: $status"
        # QEMU ends as it does when its user ends it.
        [ "$status" -eq 0 ]
        given_back
    done
}

@test "SIGTERM, SIGINT and SIGHUP reach QEMU, which ends as if it were alone" {
    for_each_signal TERM INT HUP
}

@test "a signal that QEMU does not handle ends it, and is told" {
    start
    runs
    kill -s QUIT "$runner"
    finish
    [ "$status" -eq $((128 + 3)) ]
    given_back
}

@test "Ctrl-C at a terminal ends QEMU, once" {
    mkfifo "$BATS_TEST_TMPDIR/keys"
    "$stand_in" on-terminal virt-priv-run qemu-system-x86_64 "${machine[@]}" -serial "file:$fs/serial" "${args[@]}" \
        <"$BATS_TEST_TMPDIR/keys" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    local terminal=$!
    exec 4>"$BATS_TEST_TMPDIR/keys"
    eventually grep -q "a guest wrote" "$fs/serial"
    claimed
    printf '\003' >&4
    eventually ended "$terminal"
    exec 4>&-
    local status=0
    wait "$terminal" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq 0 ]
    given_back
    rm "$fs/serial"
}

@test "the claim's holder is QEMU itself, and no descriptor of a disk stays in the runner" {
    start
    runs
    [ "$(holder)" = "$pid" ]
    [ -z "$(find "/proc/$runner/fd" -lname "$fs/*")" ]
    find "/proc/$pid/fd" -lname "$fs/a.raw" | grep -q .
    leave
    given_back
}

@test "the runner killed: QEMU goes on, recover leaves its claim alone, and gives it back afterwards" {
    start
    runs
    kill -s KILL "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    virt-priv-chown recover
    claimed
    [ "$(holder)" = "$pid" ]
    # The guest still writes to its disk.
    echo w >&"$in"
    eventually has_sector 2
    echo >&"$in"
    exec {in}>&-
    eventually ended "$pid"
    virt-priv-chown recover
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    [ -z "$(find /var/lib/virt-privileges/claims -mindepth 1 ! -name .lock)" ]
}

has_sector() {
    [ "$(sector "$fs/a.raw" raw)" = "$1" ]
}

@test "the runner killed, and the same VM started again once QEMU has ended" {
    args+=(-name again)
    start
    runs
    kill -s KILL "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    # While QEMU lives, the name and the disk are taken.
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"VM 'again' is running: process $pid is its QEMU, and its virt-priv-run was killed; "* ]]
    kill -s KILL "$pid"
    eventually ended "$pid"
    exec {in}>&-
    start
    runs
    leave
    [ "$status" -eq 33 ]
    given_back
}

@test "QEMU killed: everything is given back at once" {
    start
    runs
    kill -s KILL "$pid"
    finish
    [ "$status" -eq $((128 + 9)) ]
    given_back
}

@test "QEMU's exit status is the runner's" {
    run -1 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}" -device no-such-device
    [[ $output == *no-such-device* ]]
    given_back
    run -0 virt-priv-run qemu-system-x86_64 -version
    [[ $output == *version* ]]
    given_back
}

@test "a disk that QEMU cannot use: its message, and everything given back" {
    make text=no_image alice:alice 0640 "$fs/b.qcow2"
    run -1 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}" -drive "file=$fs/b.qcow2,format=qcow2"
    [[ $output == *"not in qcow2 format"* ]]
    [ "$(owner "$fs/b.qcow2")" = alice:alice ]
    given_back
}

@test "a step that fails in the midst: what was done before is undone" {
    make dir root:root 0755 "$fs/run"
    # Nobody listens on the second one.
    /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$fs/run/dead"
    listing "$fs" >"$BATS_TEST_TMPDIR/before"
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}" -serial "file:$fs/run/log" \
        -monitor "unix:$fs/run/monitor,server,nowait" -chardev "socket,id=c,path=$fs/run/dead"
    [[ $output == *"cannot connect to the socket $fs/run/dead: Connection refused"* ]]
    rm -f "$fs/run/log"
    listing "$fs" | diff "$BATS_TEST_TMPDIR/before" -
    given_back
}

# undone TEXT: it is not started, says so, and leaves nothing; what is there was there before.
undone() {
    listing "$fs" >"$BATS_TEST_TMPDIR/before"
    run -125 "${wrapper[@]}" virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"$1"*"not starting"* ]]
    listing "$fs" | diff "$BATS_TEST_TMPDIR/before" -
    given_back
}

@test "a script that fails: the device is gone, and its other script does not run" {
    make 'script=exit 3' root:root 0755 "$fs/up"
    make "script=touch $fs/down-ran" root:root 0755 "$fs/down"
    on_net
    args+=(-netdev "tap,id=n,ifname=vmtap0,script=$fs/up,downscript=$fs/down")
    undone "$fs/up exited with status 3"
    no_tap
}

@test "a bridge that is not there, and a helper that fails" {
    on_net
    local before=("${args[@]}")
    args+=(-netdev bridge,id=n,br=vmbr7)
    undone "there is no bridge vmbr7; ip link add vmbr7 type bridge && ip link set vmbr7 up"
    make 'script=exit 4' root:root 0755 "$fs/helper"
    args=("${before[@]}" -netdev "tap,id=n,helper=$fs/helper")
    undone "$fs/helper exited with status 4"
    no_tap
}

@test "a monitor that waits for its client: the guest starts with it" {
    make dir root:root 0700 "$fs/run"
    args+=(-monitor "unix:$fs/run/monitor,server")
    start
    eventually test -S "$fs/run/monitor"
    "$stand_in" talk "$fs/run/monitor" "info status" "VM status"
    runs
    leave
    [ "$status" -eq 33 ]
    [ ! -e "$fs/run/monitor" ]
    given_back
}

@test "the runner killed: what it had made makes way for the next start" {
    make dir root:root 0755 "$fs/run"
    on_net
    args+=(-name again -monitor "unix:$fs/run/monitor,server,nowait" -vnc "unix:$fs/run/vnc" -pidfile "$fs/run/pid"
        -serial "file:$fs/run/log" -netdev tap,id=n,ifname=vmtap0,script=no,downscript=no -device virtio-net-pci,netdev=n,romfile=)
    start
    runs
    kill -s KILL "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    kill -s KILL "$pid"
    eventually ended "$pid"
    exec {in}>&-
    start
    runs
    [ "$(cat "$fs/run/pid")" = "$pid" ]
    "$stand_in" talk "$fs/run/monitor" "info status" "VM status: running"
    "$stand_in" talk "$fs/run/vnc" - "RFB 003.008"
    has_taps vmtap0 1
    leave
    [ "$status" -eq 33 ]
    rm "$fs/run/log"
    [ -z "$(ls "$fs/run")" ]
    no_tap
    given_back
}

claims=/var/lib/virt-privileges/claims

# lose_lock: nobody can have that of the journals any more.
lose_lock() {
    mv $claims/.lock /mnt/lock.mine
    ln -s nowhere $claims/.lock
}

# stays_until_mended: the claim of VM "again" is kept, which is said; with the lock back, it is released.
stays_until_mended() {
    claimed
    grep -F "cannot open the lock $claims/.lock: Too many levels of symbolic links; what VM 'again' has claimed stays claimed; once that is mended: virt-priv-chown release --name again" "$err"
    rm $claims/.lock
    mv /mnt/lock.mine $claims/.lock
    virt-priv-chown release --name again
    given_back
}

@test "the lock of the journals cannot be had at the end: all else is undone, and the claim waits for a release" {
    make dir root:root 0755 "$fs/run"
    on_net
    args+=(-name again -monitor "unix:$fs/run/monitor,server,nowait"
        -netdev tap,id=n,ifname=vmtap0,script=no,downscript=no -device virtio-net-pci,netdev=n,romfile=)
    start
    runs
    lose_lock
    leave
    [ "$status" -eq 33 ]
    no_tap
    [ ! -e "$fs/run/monitor" ]
    stays_until_mended
}

@test "the journal cannot be read at the end: the same" {
    args+=(-name again)
    start
    runs
    mv $claims/again /mnt/journal.mine
    mkdir $claims/again
    leave
    [ "$status" -eq 33 ]
    claimed
    grep -F "; what VM 'again' has claimed stays claimed; once that is mended: virt-priv-chown release --name again" "$err"
    rmdir $claims/again
    mv /mnt/journal.mine $claims/again
    virt-priv-chown release --name again
    given_back
}

@test "the lock of the journals is gone when a disk is free at last that was waited for at the end: the same" {
    local holder
    make dir root:root 0755 "$fs/run"
    args+=(-name again -monitor "unix:$fs/run/monitor,server,nowait")
    start
    runs
    setpriv --reuid qemu --regid qemu --clear-groups tests/lib/escaped-qemu "$fs/a.raw" "lock write" >/mnt/vm.holder.out 3>&- &
    holder=$!
    helpers_started+=("$holder")
    eventually grep -qx ok /mnt/vm.holder.out
    echo >&"$in"
    # It looks at the lock of the disk again and again, and sleeps between (clock_nanosleep, 230).
    eventually grep -q '^230 ' "/proc/$runner/syscall"
    lose_lock
    kill "$holder"
    finish
    [ "$status" -eq 33 ]
    [ ! -e "$fs/run/monitor" ]
    stays_until_mended
}

@test "a disk that is plugged in later, and given back with the others" {
    make blank bob:bob 0600 "$fs/b.raw"
    args+=(-name plugged -monitor "unix:$fs/monitor,server,nowait")
    start
    runs
    # QEMU by itself can't open it.
    "$stand_in" talk "$fs/monitor" "drive_add 0 if=none,id=b,format=raw,file=$fs/b.raw" "Permission denied"
    virt-priv-chown add --name plugged --disk "$fs/b.raw"
    "$stand_in" talk "$fs/monitor" "drive_add 0 if=none,id=b,format=raw,file=$fs/b.raw" OK
    [ -n "$(find "/proc/$pid/fd" -lname "$fs/b.raw")" ]
    leave
    [ "$status" -eq 33 ]
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    given_back
}

@test "what the caller has opened, by its name: a file of root's, and a pipe" {
    wrapper=(bash -c 'exec 7>>"$0" 8> >(exec cat >"$0.piped"); exec "$@"' "$fs/log")
    local disk=("${args[@]}") second
    echo before >"$fs/log"
    chmod 0600 "$fs/log"
    for second in "-serial file:/dev/fd/7" "-chardev file,id=c,path=/dev/fd/7,append=on -serial chardev:c" \
        "-chardev file,id=c,path=/proc/self/fd/8 -serial chardev:c"; do
        read -ra second <<<"$second"
        args=("${disk[@]}" "${second[@]}")
        start
        runs
        unprivileged "$pid"
        leave
        [ "$status" -eq 33 ]
        given_back
        [ "$(owner "$fs/log")" = root:root ]
        # As QEMU does of its own, the first one has truncated it; the last one has not written there.
        [[ ${second[*]} == *file:* ]] || [ "$(grep -c '^disk 80 written' "$fs/log")" -eq 2 ]
    done
    run -1 grep before "$fs/log"
    eventually grep -q '^disk 80 written' "$fs/log.piped"
    run -125 "${wrapper[@]}" virt-priv-run qemu-system-x86_64 "${machine[@]}" -kernel /dev/fd/7
    [[ $output == *"QEMU opens it once more, by its name: $fs/log is 0600 root:root: qemu may not read it; name the file itself"* ]]
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" -serial file:/dev/stdout
    [[ $output == *": qemu may not write it; use -chardev file,id=ID,path=/dev/fd/1 and chardev:ID"* ]]
}

@test "a guest that migrates to another VM on the host" {
    local receiver receiver_in
    # Its disk is the first one's until that has let go of it: both may write, as libvirt has it.
    args=(-drive "file=$fs/a.raw,format=raw,if=none,id=d,file.locking=off" -device virtio-blk-pci,drive=d,share-rw=on)
    chmod 0666 "$fs/a.raw"
    local both=("${args[@]}")
    args=("${both[@]}" -name to -incoming "unix:$fs/migrate" -monitor "unix:$fs/to,server,nowait")
    start to
    receiver=$runner receiver_in=$in
    eventually test -S "$fs/migrate"
    args=("${both[@]}" -name from -monitor "unix:$fs/from,server,nowait")
    start from
    runs
    local sender=$pid
    # The link in the receiver's directory is root's, and its end is the account's.
    "$stand_in" talk "$fs/from" "migrate -d unix:$fs/migrate"$'\n'"info migrate" "tatus:"
    eventually migrated
    "$stand_in" talk "$fs/to" "info status" "VM status: running"
    kill -s TERM "$sender"
    finish
    [ "$status" -eq 0 ]
    runner=$receiver in=$receiver_in
    pid=$(qemu_of "$runner")
    unprivileged "$pid"
    leave
    [ "$status" -eq 33 ]
    [ ! -e "$fs/migrate" ]
    [ ! -L "$fs/migrate" ]
    chmod 0640 "$fs/a.raw"
    given_back
}

# "Migration status:" or, since QEMU 10.1, "Status:" and tabulators.
migrated() {
    "$stand_in" talk "$fs/from" "info migrate" "tatus:" | grep 'tatus:[[:space:]]*completed'
}

@test "-daemonize: the caller returns when QEMU is ready, a monitor stays and gives everything back" {
    local daemon i
    virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" "${args[@]}" -daemonize -pidfile "$fs/pid" \
        -serial "file:$fs/serial" -monitor "unix:$fs/monitor,server,nowait" 3>&-
    daemon=$(cat "$fs/pid")
    [ "$(readlink "/proc/$daemon/exe")" = "$(realpath "$(type -P qemu-system-x86_64)")" ]
    claimed
    [ "$(holder)" = "$daemon" ]
    unprivileged "$daemon"
    # As a daemon of root's makes them: os_daemonize() sets a umask of 027.
    [ "$(stat -c %a "$fs/serial") $(stat -c %a "$fs/monitor")" = "640 750" ]
    eventually grep -q "a guest wrote" "$fs/serial"
    # The monitor holds nothing of the caller's, and is the daemon's parent.
    local monitor
    monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$daemon/status")
    [ "$(readlink "/proc/$monitor/exe")" = "$(realpath "$VP_BUILD/virt-priv-run")" ]
    [ "$(readlink "/proc/$monitor/fd/0" "/proc/$monitor/fd/1" "/proc/$monitor/fd/2" | sort -u)" = /dev/null ]
    virt-priv-chown recover
    claimed
    "$stand_in" talk "$fs/monitor" quit "until it ends" || true
    eventually ended "$daemon"
    eventually ended "$monitor"
    [ ! -e "$fs/pid" ]
    [ ! -e "$fs/monitor" ]
    rm "$fs/serial"
    given_back
}

@test "-daemonize: SIGTERM of the monitor ends QEMU" {
    virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" "${args[@]}" -daemonize -pidfile "$fs/pid" 3>&-
    local daemon monitor
    daemon=$(cat "$fs/pid")
    monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$daemon/status")
    kill -s TERM "$monitor"
    eventually ended "$daemon"
    eventually ended "$monitor"
    given_back
}

@test "-daemonize: what fails is told by the caller's exit status, with everything given back" {
    run -1 virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" "${args[@]}" -daemonize -device no-such-device
    [[ $output == *no-such-device* ]]
    given_back
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/nothing,format=raw" -daemonize
    [[ $output == *"cannot reach $fs/nothing"* ]]
    given_back
}

@test "several VMs at once, each with its disks" {
    local runners=() inputs=() n
    make guest bob:bob 0600 "$fs/b.raw"
    make guest root:root 0600 "$fs/c.raw"
    for n in a b c; do
        args=(-drive "file=$fs/$n.raw,format=raw" -name "vm$n")
        start "$n"
        runs
        unprivileged "$pid"
        runners+=("$runner") inputs+=("$in")
    done
    [ "$(find /var/lib/virt-privileges/claims -type f ! -name .lock | wc -l)" -eq 3 ]
    for n in 0 1 2; do
        echo >&"${inputs[n]}"
        runner=${runners[n]} in=${inputs[n]}
        finish
        [ "$status" -eq 33 ]
    done
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    [ "$(owner "$fs/c.raw")" = root:root ]
    given_back
}

@test "VMs that are started at the same moment" {
    local runners=() n left=8
    for ((n = 0; n < left; n++)); do
        make guest bob:bob 0600 "$fs/$n.raw"
        virt-priv-run --name "vm$n" qemu-system-x86_64 "${machine[@]}" -serial "file:$fs/$n.log" -drive "file=$fs/$n.raw,format=raw" \
            </dev/null >"/mnt/vm.$n.out" 2>"/mnt/vm.$n.err" 3>&- &
        runners+=($!)
    done
    for ((n = 0; n < left; n++)); do
        eventually grep -qs "a guest wrote" "$fs/$n.log"
    done
    # All of them stopped at the same moment, too.
    kill -s TERM "${runners[@]}"
    for n in "${runners[@]}"; do
        eventually ended "$n"
        wait "$n"
    done
    [ "$(stat -c %U "$fs"/[0-9].raw | sort | uniq -c | xargs)" = "$left bob" ]
    given_back
}

@test "one disk for which several VMs are started at the same moment is one's" {
    local runners=() n refused=0
    for n in 0 1 2 3; do
        virt-priv-run --name "vm$n" qemu-system-x86_64 "${machine[@]}" -serial "file:$fs/$n.log" "${args[@]}" \
            </dev/null >"/mnt/vm.$n.out" 2>"/mnt/vm.$n.err" 3>&- &
        runners+=($!)
    done
    eventually one_left
    grep -l "claimed by VM" /mnt/vm.[0-9].err | wc -l | grep -qx 3
    eventually grep -qs "a guest wrote" "$fs"/[0-3].log
    claimed
    kill -s TERM "${runners[@]}" 2>/dev/null || true
    for n in "${runners[@]}"; do
        eventually ended "$n"
        status=0
        wait "$n" || status=$?
        case $status in
        0) ;;
        125) refused=$((refused + 1)) ;;
        *) return 1 ;;
        esac
    done
    [ "$refused" -eq 3 ]
    given_back
}

one_left() {
    local n left=0
    for n in "${runners[@]}"; do
        ended "$n" || left=$((left + 1))
    done
    [ "$left" -eq 1 ]
}

@test "a script that takes its time holds no other VM up" {
    local other other_in
    make guest bob:bob 0600 "$fs/b.raw"
    mkfifo "$fs/go"
    make "script=read x <$fs/go" root:root 0755 "$fs/up"
    start b
    runs
    other=$runner other_in=$in
    on_net
    args=(-drive "file=$fs/b.raw,format=raw" -netdev "tap,id=n,ifname=vmtap0,script=$fs/up,downscript=no")
    start
    eventually in_net grep -q vmtap0 /proc/self/net/dev
    echo >&"$other_in"
    eventually ended "$other"
    wait "$other" || [ $? -eq 33 ]
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    echo >"$fs/go"
    runs
    leave
    [ "$status" -eq 33 ]
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    given_back
}

@test "two VMs cannot have one disk, shared ones excepted" {
    start
    runs
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw"
    [[ $output == *"claimed by VM 'qemu-$runner'"* ]]
    leave
    given_back
}

@test "a disk that libvirt's tools look at meanwhile is claimed with libvirt's attributes" {
    start
    runs
    virt-priv-chown status "$fs/a.raw" | grep -q a.raw
    /usr/bin/python3 -c 'import os, sys
assert os.getxattr(sys.argv[1], "trusted.libvirt.security.dac").rstrip(b"\0") == b"+6001:+6001"' "$fs/a.raw"
    leave
    given_back
}

@test "QEMU's environment has nothing of root's, and its home is its own directory" {
    wrapper=(env SECRET=of-root XDG_RUNTIME_DIR=/run/user/0)
    args+=(-name home)
    start
    runs
    tr '\0' '\n' <"/proc/$pid/environ" >"$BATS_TEST_TMPDIR/environment"
    run -1 grep -E '^(SECRET|XDG)' "$BATS_TEST_TMPDIR/environment"
    grep -qx HOME=/run/virt-privileges/home "$BATS_TEST_TMPDIR/environment"
    [ "$(stat -c '%U:%G %a' /run/virt-privileges/home)" = "qemu:qemu 700" ]
    # What QEMU leaves there, however deep, goes with it; what a link leads to does not.
    setpriv --reuid qemu --regid qemu --clear-groups mkdir -p /run/virt-privileges/home/.cache/deep
    setpriv --reuid qemu --regid qemu --clear-groups ln -s "$fs" /run/virt-privileges/home/.cache/link
    leave
    [ -e "$fs/a.raw" ]
    given_back
}
