# The end of isolated VMs: daemons, --stop, runners that were killed, and what recover and status say of them.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolate.bash

ids_of_run() {
    local file
    for file in /run/virt-privileges/.id-*; do
        [ ! -e "$file" ] || echo "${file##*-}"
    done
}

@test "-daemonize: the daemon is isolated, and its id is free when it has ended" {
    plain
    console=()
    args+=(-daemonize -serial "file:$fs/log" -pidfile "$fs/pid")
    virt-priv-run "${own[@]}" -- qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    pid=$(cat "$fs/pid")
    unprivileged "$pid"
    [ "$(ns "$pid" mnt)" != "$(ns self mnt)" ]
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    kill "$pid"
    eventually ended "$pid"
    eventually no_processes
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

# lasting N: so many processes stand in for QEMU; the daemon is the first one. Sets pid to its id.
lasting() {
    local found
    # Of its threads: the first one has ended.
    found=$(find /proc/[0-9]*/task/*/exe -maxdepth 0 -lname '*/qemu-system-first-ends' 2>/dev/null | cut -d/ -f3 | uniq)
    pid=$(head -n 1 <<<"$found")
    [ "$(grep -c . <<<"$found")" = "$1" ]
}

@test "a daemon without its first thread is a VM that runs, and what it has started is ended with it" {
    local mode id
    install -m 0755 "$VP_BUILD/tests/first-ends" /mnt/qemu-system-first-ends
    for mode in user full; do
        make blank bob:bob 600 "$fs/a.raw"
        make blank bob:bob 600 "$fs/b.raw"
        virt-priv-run --isolate=$mode --name iso -- /mnt/qemu-system-first-ends -daemonize \
            -drive "file=$fs/a.raw,format=raw" -nodefaults >"$fs/said" 3>&-
        said_ready() {
            [ "$(grep -cx ready "$fs/said")" = 2 ]
        }
        eventually said_ready
        lasting 2
        id=$(ids_of_run)
        [ "$(stat -c %u "$fs/a.raw")" = "$id" ]
        [ "$(status_of)" = "iso $id running" ]
        virt-priv-chown recover
        [ "$(stat -c %u "$fs/a.raw")" = "$id" ]
        virt-priv-chown add --name iso --disk "$fs/b.raw"
        pid=$pid/task/$(ls "/proc/$pid/task" | tail -n 1)
        [ $mode = user ] || mounts | grep -q "^$fs/b.raw "
        virt-priv-chown drop --name iso --disk "$fs/b.raw"
        run ! grep "$fs/b.raw" <(mounts)
        kill -KILL "${pid%%/*}"
        eventually no_processes
        [ "$(stat -c %U:%G "$fs/a.raw" "$fs/b.raw" | paste -sd ' ')" = "bob:bob bob:bob" ]
        rm "$fs/said"
        nothing_left
    done
}

@test "a runner that is killed: QEMU goes on with its id, and recover leaves nothing" {
    plain
    start
    runs
    local id
    id=$(isolated_id)
    kill -KILL "$runner"
    eventually ended "$runner"
    [ -d "/proc/$pid" ]
    # It is QEMU's, and no other VM gets it.
    settings "isolate_ids = \"$id:1\""
    make blank root:root 600 "$fs/b.raw"
    run -125 virt-priv-run --isolate=user --name two -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/b.raw,format=raw"
    [[ $output == *"no id is free for VM 'two'"* ]]
    kill -KILL "$pid"
    eventually ended "$pid"
    virt-priv-chown recover
    exec {in}>&-
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

# status_of FIELD...: of the isolated VMs that status knows, as JSON; the table has the same.
status_of() {
    virt-priv-chown status --json >"$BATS_TEST_TMPDIR/status"
    tests/lib/validate-json tests/schema/virt-priv-chown-status.json <"$BATS_TEST_TMPDIR/status" >/dev/null
    /usr/bin/python3 -c 'import json, sys
for vm in json.load(open(sys.argv[1]))["isolated"]:
    assert vm["ids"]["uid"] == vm["ids"]["gid"]
    print(vm["name"], vm["ids"]["uid"], vm["state"])' "$BATS_TEST_TMPDIR/status"
}

@test "status says which VM is isolated, with which id, and what a killed runner has left" {
    local id one
    plain
    [ -z "$(status_of)" ]
    start
    runs
    id=$(isolated_id)
    [ "$(status_of)" = "iso $id running" ]
    virt-priv-chown status | grep -qE "^iso +running +$id\$"
    # One that has claimed nothing, and a file that is none of an id.
    virt-priv-run --isolate=user --name bare -- qemu-system-x86_64 "${machine[@]}" -S </dev/null >/dev/null 2>&1 3>&- &
    one=$!
    helpers_started+=("$one")
    echo none >/run/virt-privileges/.id-12
    : >/run/virt-privileges/.id-90999
    two_run() {
        [ "$(status_of | grep -c running)" = 2 ]
    }
    eventually two_run
    [ "$(status_of | sort -n)" = "$(printf '%s\n' "bare $(status_of | awk '$1 == "bare" { print $2 }') running" "iso $id running")" ]
    rm /run/virt-privileges/.id-12 /run/virt-privileges/.id-90999
    kill "$one"
    eventually ended "$one"
    kill -KILL "$runner"
    eventually ended "$runner"
    [ "$(status_of)" = "iso $id left behind" ]
    kill -KILL "$pid"
    eventually ended "$pid"
    virt-priv-chown recover
    [ -z "$(status_of)" ]
    exec {in}>&-
    nothing_left
}

# stopped_vm: that of the file has a guest that hears its power button, in $pid; its runner in $runner.
stopped_vm() {
    nasm -f bin -o "$fs/b.raw" tests/guest/button.asm
    truncate -s 1M "$fs/b.raw"
    chown bob:bob "$fs/b.raw"
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' --isolate=full qemu-system-x86_64 -accel tcg -m 16 -nodefaults -no-user-config -display none \
        -drive "file=$fs/b.raw,format=raw" -serial "file:$fs/serial" >/etc/virt-privileges/vms/web1.conf
    virt-priv-run --vm web1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
    helpers_started+=("$runner")
    eventually grep -q "waits for its power button" "$fs/serial"
    pid=$(qemu_of "$runner")
}

@test "--stop: when it returns, nothing of an isolated VM is left; --dry-run says what it does, and does nothing" {
    local id
    stopped_vm
    id=$(isolated_id)
    # The mount namespace lasts as long as anything in it.
    exec {namespace}<"/proc/$pid/ns/mnt"
    run -125 virt-priv-run --stop web1 --dry-run --json
    run -0 virt-priv-run --stop web1 --timeout 20 --dry-run
    echo "$output"
    [ "$output" = "stop web1 (process $pid, through /run/virt-privileges/web1.qmp, within 20 s)
restore $fs/b.raw (owner $(id -u bob):$(id -g bob), mode 0644)
restore $fs/serial (owner 0:0, mode 0644)
end processes of uid $id
remove /run/virt-privileges/.id-$id" ]
    [ -d "/proc/$pid" ]
    # A process of the VM's that would outlast it.
    setpriv --reuid "$id" --regid "$id" --clear-groups sleep 600 3>&- {namespace}<&- &
    eventually pgrep -x -u "$id" sleep
    run -0 virt-priv-run --stop web1 --timeout 20
    [ ! -e "/run/virt-privileges/.id-$id" ]
    [ ! -e /run/virt-privileges/web1 ]
    [ "$(stat -c %U:%G "$fs/b.raw")" = bob:bob ]
    run ! grep -v Z <(ps -o stat= -u "$id")
    run ! grep web1 /proc/self/mountinfo
    [ "$(find /proc -maxdepth 3 -path '*/ns/mnt' -exec readlink {} + 2>/dev/null | grep -cxF "$(readlink "/proc/self/fd/$namespace")")" = 0 ]
    exec {namespace}<&-
    eventually ended "$runner"
    wait "$runner"
    rm "$fs/serial"
    run -1 virt-priv-run --stop web1 --dry-run
    [[ $output == *"VM 'web1' is not running"* ]]
    rm -r /var/lib/virt-privileges/ids
    nothing_left
}

@test "--stop waits for virt-priv-run, and says where that is late" {
    stopped_vm
    kill -STOP "$runner"
    run -1 virt-priv-run --stop web1 --timeout 3
    [[ $output == *"VM 'web1' has exited, but virt-priv-run has not released its files yet; see virt-priv-chown status"* ]]
    kill -CONT "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    rm "$fs/serial"
    rm -r /var/lib/virt-privileges/ids
    nothing_left
}

@test "recover ends what is left of a VM whose runner was killed, and no VM that runs" {
    plain
    cat >"$fs/qemu-left" <<'END'
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 &
exec sleep 601
END
    chmod 0755 "$fs/qemu-left"
    virt-priv-run --isolate=user --name left -- "$fs/qemu-left" -nodefaults </dev/null >/dev/null 2>&1 3>&- &
    runner=$!
    helpers_started+=("$runner")
    eventually pgrep -x sleep
    sleeping() {
        [ "$(pgrep -cx sleep)" = "$1" ]
    }
    eventually sleeping 2
    local id main
    id=$(ids_of_run)
    eventually pgrep -f '^sleep 601'
    main=$(pgrep -f '^sleep 601')
    kill -KILL $runner
    eventually ended $runner
    # Its QEMU goes on, which has claimed nothing.
    virt-priv-chown recover
    [ "$(pgrep -cx sleep)" = 2 ]
    kill "$main"
    eventually ended "$main"
    # Who has ended may not have been waited for yet.
    eventually sleeping 1
    [ "$(ps -o uid= -C sleep | tr -d ' ')" = "$id" ]
    virt-priv-chown recover
    eventually sleeping 0
    nothing_left
}
