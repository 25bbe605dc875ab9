# virt-priv-run --list: which VMs there are, whatever has become of their runners; and --stop of those
# that are no units.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash
load one-disk.bash

machine=(-accel tcg -m 16 -nodefaults -no-user-config -display none)
console=()

# listed [FILTER]: the list, valid, as a line of JSON; and what Python makes of its VMs, v.
listed() {
    virt-priv-run --list --json | tests/lib/validate-json tests/schema/virt-priv-run-list.json >"$BATS_TEST_TMPDIR/list"
    /usr/bin/python3 -c 'import json, sys
vms = {v["name"]: v for v in json.load(open(sys.argv[1]))["vms"]}
print(eval(sys.argv[2]))' "$BATS_TEST_TMPDIR/list" "${1:-list(vms)}"
}

# is NAME STATE: it is listed so.
is() {
    [ "$(listed "vms.get('$1', {}).get('state')")" = "$2" ]
}

qemu_pid() {
    listed "vms['$1']['pid']"
}

ended_runner() {
    eventually ended "$runner"
    status=0
    wait "$runner" || status=$?
    exec {in}>&-
}

# has_ended PID: it runs no more; whose child it is may not have waited for it yet.
has_ended() {
    ! grep -sq '^State:.[^ZX]' "/proc/$1/status"
}

@test "what runs in the foreground: disks, sockets, user, isolation; nothing when it has ended" {
    run -0 virt-priv-run --list
    [ -z "$output" ]
    [ "$(listed)" = "[]" ]
    make guest root:root 0644 "$fs/cd, second.iso"
    args+=(-S -drive "file=$fs/cd,, second.iso,format=raw,media=cdrom" -qmp "unix:$fs/qmp,server=on,wait=off"
        -chardev "socket,id=m,path=$fs/monitor,server=on,wait=off" -mon chardev=m -vnc "unix:$fs/vnc"
        -chardev "socket,id=c,path=$fs/serial,server=on,wait=off" -serial chardev:c)
    own=(--name web)
    local before
    before=$(date +%s)
    start
    eventually is web running
    pid=$(qemu_pid web)
    unprivileged "$pid"
    [ "$(qemu_of "$runner")" = "$pid" ]
    [ "$(listed "[vms['web'][k] for k in ('runner', 'user', 'uid', 'isolation', 'started', 'unit')]")" = \
        "[$runner, 'qemu', $(id -u qemu), 'default', 'foreground', None]" ]
    [ "$(listed "$before <= vms['web']['since'] <= $(date +%s)")" = True ]
    [ "$(listed "[(d['action'], d['path']) for d in vms['web']['disks']]")" = \
        "[('claim', '$fs/a.raw'), ('check', '$fs/cd, second.iso')]" ]
    [ "$(listed "sorted((s['kind'], s['path']) for s in vms['web']['sockets'])")" = \
        "[('chardev', '$fs/serial'), ('monitor', '$fs/monitor'), ('qmp', '$fs/qmp'), ('vnc', '$fs/vnc')]" ]
    run -0 virt-priv-run --list
    echo "$output"
    [ "$(xargs <<<"${lines[0]}")" = "NAME STATE PID USER ISOLATION SINCE STARTED BY DISKS SOCKETS" ]
    [[ $(xargs <<<"${lines[1]}") == "web running $pid qemu default 20"*" foreground claim $fs/a.raw "* ]]
    [[ ${lines[2]} == *"check $fs/cd, second.iso"* ]]
    # Only root reads what is noted.
    [ "$(stat -c '%U:%G %a' /run/virt-privileges/.web.vm)" = "root:root 600" ]
    # What is added and dropped meanwhile is told.
    make blank bob:bob 0600 "$fs/b.raw"
    virt-priv-chown add --name web --disk "$fs/b.raw"
    [ "$(listed "[d['path'] for d in vms['web']['disks']]")" = "['$fs/a.raw', '$fs/cd, second.iso', '$fs/b.raw']" ]
    virt-priv-chown drop --name web --disk "$fs/b.raw"
    [ "$(listed "[d['path'] for d in vms['web']['disks']]")" = "['$fs/a.raw', '$fs/cd, second.iso']" ]
    # Its guest has no power button to hear: it goes on, until it is killed.
    run -1 virt-priv-run --stop web --timeout 1
    [[ $output == *"VM 'web' has not exited within 1 s; to kill it: virt-priv-run --stop web --kill --timeout 0" ]]
    is web running
    run -0 virt-priv-run --stop web --kill --timeout 0 --dry-run
    [ "${lines[0]}" = "kill web (process $pid)" ]
    run -0 virt-priv-run --stop web --kill --timeout 0
    [ -z "$output" ]
    ended_runner
    [ "$status" -eq $((128 + 9)) ]
    [ "$(listed)" = "[]" ]
    given_back
}

@test "no claims, an id of its own, disks that are passed, a daemon: each is listed, and stopped by SIGTERM without a monitor" {
    own=(--name pass --isolate=user --disks=pass)
    args+=(-S)
    start
    eventually is pass running
    pid=$(qemu_pid pass)
    [ "$(listed "[vms['pass']['isolation'], vms['pass']['uid'], vms['pass']['disks'][0]['action']]")" = \
        "['user', $(stat -c %u "/proc/$pid"), 'pass']" ]
    run -0 virt-priv-run --stop pass --timeout 30 --dry-run
    [ "${lines[0]}" = "stop pass (process $pid, by SIGTERM, within 30 s)" ]
    run -0 virt-priv-run --stop pass --timeout 30
    [[ $output == *"warning: VM 'pass' has no monitor by which its guest could be asked"*SIGTERM* ]]
    ended_runner
    [ "$status" -eq 0 ]
    given_back
    virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" -S -daemonize </dev/null 3>&-
    is daemon running
    [ "$(listed "[vms['daemon']['started'], vms['daemon']['disks']]")" = "['daemonize', []]" ]
    pid=$(qemu_pid daemon)
    [ "$(readlink "/proc/$pid/exe")" = "$(realpath "$(type -P qemu-system-x86_64)")" ]
    run -0 virt-priv-run --stop daemon --timeout 30
    has_ended "$pid"
    eventually no_processes
    given_back
}

@test "--stop asks a guest by the monitor that the command line has, QMP or not" {
    local option
    nasm -f bin -o "$fs/b.raw" tests/guest/button.asm
    truncate -s 1M "$fs/b.raw"
    for option in -qmp -monitor; do
        args=(-drive "file=$fs/b.raw,format=raw" -serial "file:$fs/serial" "$option" "unix:$fs/monitor,server=on,wait=off")
        own=(--name button)
        start
        eventually grep -qs "waits for its power button" "$fs/serial"
        run -0 virt-priv-run --stop button --timeout 30
        [ -z "$output" ]
        ended_runner
        [ "$status" -eq 0 ]
        grep -q "a guest powers down" "$fs/serial"
        rm "$fs/serial"
        nothing_left
    done
}

# start_orphan: a VM of the name web, whose virt-priv-run is killed; pid is its QEMU.
start_orphan() {
    start
    eventually is web running
    pid=$(qemu_pid web)
    kill -s KILL "$runner"
    ended_runner
    is web orphaned
}

@test "the runner killed: orphaned, then abandoned until recover; --stop ends QEMU, and says what is left" {
    own=(--name web)
    args+=(-S)
    start_orphan
    # Somebody who starts it again is refused, and what is noted stays.
    run -125 virt-priv-run --name web qemu-system-x86_64 "${machine[@]}"
    virt-priv-chown recover
    [ "$(listed "[vms['web'][k] for k in ('state', 'pid')]")" = "['orphaned', $pid]" ]
    run -1 virt-priv-run --stop web --timeout 30
    [[ $output == *"VM 'web' has exited, but its files are still claimed; to release them: virt-priv-chown recover" ]]
    has_ended "$pid"
    [ "$(listed "[vms['web']['state'], 'pid' in vms['web'], vms['web']['disks'][0]['path']]")" = "['abandoned', False, '$fs/a.raw']" ]
    run -1 virt-priv-run --stop web
    [[ $output == *"VM 'web' is not running; to release what it has left: virt-priv-chown recover" ]]
    # A daemon that had ended before its time could be noted has none.
    sed -i "s/^qemu .*/qemu $pid 0/" /run/virt-privileges/.web.vm
    is web abandoned
    # Another process that has the number now is not it.
    sed -i "s/^qemu .*/qemu $$ 1/" /run/virt-privileges/.web.vm
    is web abandoned
    run -0 virt-priv-chown recover --dry-run
    virt-priv-chown recover
    [ "$(listed)" = "[]" ]
    given_back
    # One that had nothing is left by nothing but its note.
    args=()
    start
    eventually is web running
    pid=$(qemu_pid web)
    kill -s KILL "$runner" "$pid"
    ended_runner
    eventually ended "$pid"
    is web abandoned
    virt-priv-chown recover
    given_back
}

# An orphan without a claim: what it was started with is in its note alone.
@test "the runner of a VM without a claim killed: its name is refused, and recover leaves what it has" {
    local note=/run/virt-privileges/.web.vm before text
    text="VM 'web' is running: process %d is its QEMU, and its virt-priv-run was killed; use another name: --name, or stop it: virt-priv-run --stop web --kill"
    printf '%s\n' '#!/bin/sh' >/mnt/down
    chmod 0755 /mnt/down
    own=(--name web)
    args=(-S -netdev tap,id=n,ifname=vmtap0,script=no,downscript=/mnt/down -device virtio-net-pci,netdev=n,romfile=)
    wrapper=(unshare --net)
    start_orphan
    run -0 virt-priv-chown release --name web --force
    before=$(cat "$note")
    # shellcheck disable=SC2059 # it is a format
    text=$(printf "$text" "$pid")
    run -125 virt-priv-run --name web qemu-system-x86_64 "${machine[@]}" -S
    [[ $output == *"$text" ]]
    run -1 virt-priv-run --check --name web qemu-system-x86_64 "${machine[@]}" -S
    [ "$output" = "$text" ]
    [ "$(cat "$note")" = "$before" ]
    for how in --dry-run ""; do
        # shellcheck disable=SC2086 # or none
        run -0 virt-priv-chown recover $how
        [ -z "$output" ]
        [ -d /run/virt-privileges/web ]
    done
    [ "$(cat "$note")" = "$before" ]
    # Of one that cannot be determined, nothing is lost either.
    sed -i 's/^namespace .*/namespace 1/' "$note"
    run -125 virt-priv-run --name web qemu-system-x86_64 "${machine[@]}" -S
    [[ $output == *"cannot determine whether VM 'web' is running: VM 'web': its process $pid is in another PID namespace; "* ]]
    run -1 virt-priv-chown recover
    [ -d /run/virt-privileges/web ]
    [ "${#lines[@]}" -eq 1 ]
    printf '%s\n' "$before" >"$note"
    run -0 virt-priv-run --stop web --kill --timeout 0
    has_ended "$pid"
    run -0 virt-priv-chown recover
    [[ $output == *"/mnt/down vmtap0" ]]
    given_back
}

@test "while a script of its network runs, a VM is starting; a claim of another boot is abandoned; others are none of ours" {
    printf '%s\n' '#!/bin/sh' "while [ ! -e $fs/go ]; do sleep 0.05; done" >/mnt/slow-up
    chmod 0755 /mnt/slow-up
    args=(-S -netdev tap,id=n,ifname=vmtap0,script=/mnt/slow-up,downscript=no -device virtio-net-pci,netdev=n,romfile=)
    own=(--name slow)
    wrapper=(unshare --net)
    start
    eventually is slow starting
    [ "$(listed "'pid' in vms['slow']")" = False ]
    run -1 virt-priv-run --stop slow --kill --timeout 0
    [[ $output == *"VM 'slow' is being started, and has no QEMU yet"*"kill -KILL "*"; virt-priv-chown recover" ]]
    # It is not forgotten that it is to end.
    virt-priv-run --stop slow --timeout 60 3>&- &
    local stop=$!
    eventually pending "$(listed "vms['slow']['runner']")"
    touch "$fs/go"
    wait "$stop"
    ended_runner
    rm "$fs/go"
    # What virt-priv-chown has claimed is in its own list.
    sleep 600 3>&- &
    helpers_started+=($!)
    virt-priv-chown claim --name mine --pid $! --disk "$fs/a.raw"
    [ "$(listed)" = "[]" ]
    sed -i 's/^boot .*/boot 00000000-0000-0000-0000-000000000000/' /var/lib/virt-privileges/claims/mine
    [ "$(listed "[vms['mine']['state'], vms['mine']['disks'][0]['path']]")" = "['abandoned', '$fs/a.raw']" ]
    run -0 virt-priv-run --list
    [ "$(xargs <<<"${lines[1]}")" = "mine abandoned - - - - - claim $fs/a.raw -" ]
    virt-priv-chown recover
    given_back
}

# pending PID: SIGTERM waits for it.
pending() {
    local set
    set=$(sed -n 's/^ShdPnd:\t//p' "/proc/$1/status")
    [ $((16#$set & 1 << 14)) -ne 0 ]
}

@test "a unit, by what systemd tells it" {
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' qemu-system-x86_64 "${machine[@]}" -S >/etc/virt-privileges/vms/web.conf
    sh -c 'SYSTEMD_EXEC_PID=$$ exec virt-priv-run --vm web' </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
    eventually is web running
    [ "$(listed "[vms['web']['started'], vms['web']['sockets']]")" = \
        "['unit', [{'kind': 'control', 'path': '/run/virt-privileges/web.qmp'}]]" ]
    run -0 virt-priv-run --stop web --kill --timeout 1
    [[ $output == *"VM 'web' has not exited within 1 s; it is killed" ]]
    eventually ended "$runner"
    wait "$runner" || true
    given_back
}

@test "a name that is that of a file in the runtime directory is refused, and told by --check" {
    mkdir -p /run/virt-privileges
    touch /run/virt-privileges/web.pid
    run -1 virt-priv-run --check --name web.pid qemu-system-x86_64 "${machine[@]}"
    [ "$output" = "/run/virt-privileges/web.pid (--name): it exists, and is not the runtime directory of VM 'web.pid'; remove it, or use another name: --name" ]
    run -125 virt-priv-run --name web.pid qemu-system-x86_64 "${machine[@]}"
    [[ $output == *"use another name: --name"* ]]
    [ -f /run/virt-privileges/web.pid ]
    rm /run/virt-privileges/web.pid
    run -1 virt-priv-run --check --name web qemu-system-x86_64 "${machine[@]}" -pidfile /run/virt-privileges/web
    [[ $output == "/run/virt-privileges/web (-pidfile): it is the place of the runtime directory of VM 'web'"* ]]
    nothing_left
}
