# Programs that QEMU starts, and passt, which is started for it.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash
load one-disk.bash

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

# --- passt ---

# With a network that leads somewhere.
with_passt() {
    routed
    args+=(-netdev "passt,id=n,ipv6=off${1-}" -device "virtio-net-pci,netdev=n,romfile=")
}

no_passt() {
    [ -z "$(passts)" ]
}

unrouted() {
    in_net ip link delete vmout0
}

# refused_because REGEX: it does not start, and says why.
refused_because() {
    start
    finish
    cat "$err"
    [ "$status" -eq 125 ]
    grep -qE -- "$1" "$err"
    given_back
    [ -z "$(passts)" ]
}

@test "passt that fails is named with what it says, and nothing is started" {
    make 'script=echo cannot do it >&2; exit 3' root:root 0755 "$fs/passt"
    args+=(-netdev "passt,id=n,path=$fs/passt")
    refused_because "$fs/passt \(-netdev\) cannot be started: exited with status 3: cannot do it; not starting"
    # As the account, not as root.
    make 'script=id -un >&2; exit 3' root:root 0755 "$fs/passt"
    refused_because "exited with status 3: qemu; not starting"
    make 'script=id -u >&2; exit 3' root:root 0755 "$fs/passt"
    own=(--isolate=full)
    refused_because "exited with status 3: 9[0-9]{4}; not starting"
}

@test "passt of a VM that has an id of its own has that id, and ends with it" {
    with_passt
    local how
    for how in user full; do
        own=("--isolate=$how")
        start
        runs
        passt=$(passt_of "$runner")
        [ "$(awk '$1 == "Uid:" { print $2 }' "/proc/$passt/status")" -ge 90000 ]
        unprivileged_passt
        leave
        [ "$status" -eq 33 ]
        [ ! -s "$err" ]
        no_passt
        given_back
    done
    # One that cannot end by itself, and has nobody any more who ends it.
    start
    runs
    passt=$(passt_of "$runner")
    kill -s STOP "$passt"
    kill -s KILL "$runner" "$pid"
    wait "$runner" || true
    eventually ended "$pid"
    virt-priv-chown recover
    eventually ended "$passt"
    given_back
    unrouted
}

@test "passt that is no daemon is not waited for" {
    make 'script=exec sleep 600' root:root 0755 "$fs/passt"
    args+=(-netdev "passt,id=n,path=$fs/passt")
    refused_because "not ready within 10 s"
    make 'script=exit 0' root:root 0755 "$fs/passt"
    refused_because "left no daemon"
}

@test "passt's own complaint is told" {
    with_passt ,param=--no-such-option
    refused_because "passt \(-netdev\) cannot be started: exited with status [0-9]+: .*no-such-option"
    unrouted
}

@test "passt gets what QEMU would give it" {
    # shellcheck disable=SC2016
    make 'script=for word; do echo "$word" >&2; done; exit 1' root:root 0755 "$fs/passt"
    args+=(-netdev "passt,id=n,path=$fs/passt,quiet=off,mtu=1400,address=10.0.0.2,dhcp=off,ipv6=off,tcp-ports=2022:22,tcp-ports=2080:80,search=a,search=b,param=--one,param=--two")
    refused_because ": --mtu; 1400; --address; 10.0.0.2; --no-dhcp; --ipv4-only; --search; a b; --tcp-ports; 2022:22,2080:80; --one; --two; --fd; [0-9]+; not starting"
    args=("${args[@]:0:2}" -netdev "{\"type\":\"passt\",\"id\":\"n\",\"path\":\"$fs/passt\",\"tcp-ports\":[{\"str\":\"2022:22\"},{\"str\":\"2080:80\"}],\"freebind\":true}")
    refused_because ": --quiet; --freebind; --tcp-ports; 2022:22,2080:80; --fd; [0-9]+; not starting"
}

@test "passt ends with QEMU, also where virt-priv-run is killed" {
    with_passt
    start
    runs
    passt=$(passt_of "$runner")
    kill -s KILL "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    ! ended "$passt" || false
    echo >&"$in"
    exec {in}>&-
    eventually ended "$pid"
    eventually ended "$passt"
    virt-priv-chown recover
    awk '$2 ~ "^/run/virt-privileges/" { print $2 }' /proc/mounts | xargs -r umount -l
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    unrouted
}

@test "passt that ends before QEMU is told of, once" {
    with_passt
    start
    runs
    kill -s KILL "$(passt_of "$runner")"
    eventually grep -q "passt (-netdev) was killed by signal 9; the VM has no network there" "$err"
    leave
    [ "$status" -eq 33 ]
    [ "$(grep -c "passt" "$err")" = 1 ]
    given_back
    unrouted
}

@test "passt of two network devices, beside a daemon of QEMU's" {
    with_passt ,tcp-ports=127.0.0.1/20022:22
    args+=(-netdev passt,id=m,ipv6=off,udp=off -device virtio-net-pci,netdev=m,romfile=)
    in_net env PATH="$PATH" virt-priv-run --name daemon qemu-system-x86_64 "${machine[@]}" "${args[@]}" -daemonize -pidfile "$fs/pid" \
        -monitor "unix:$fs/monitor,server,nowait" 3>&-
    local daemon monitor
    daemon=$(cat "$fs/pid")
    [ "$(readlink "/proc/$daemon/exe")" = "$(realpath "$(type -P qemu-system-x86_64)")" ]
    monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$daemon/status")
    [ "$(passts | wc -l)" = 2 ]
    passt_of "$monitor"
    listens_on 20022
    "$stand_in" talk "$fs/monitor" quit "until it ends" || true
    eventually ended "$daemon"
    eventually ended "$monitor"
    [ -z "$(passts)" ]
    given_back
    unrouted
}

@test "vhost-user: QEMU connects itself, as its user" {
    routed
    passt --help 2>&1 | grep -q -- --vhost-user || skip "this passt has no --vhost-user"
    make dir qemu:qemu 0700 "$fs/run"
    helper nsenter --net=/run/vm.net setpriv --reuid qemu --regid qemu --init-groups \
        passt --vhost-user --foreground --one-off --ipv4-only --socket "$fs/run/passt" 2>"$BATS_TEST_TMPDIR/passt"
    eventually test -S "$fs/run/passt"
    args+=(-object memory-backend-memfd,id=m,size=16M,share=on -machine memory-backend=m
        -chardev "socket,id=c,path=$fs/run/passt" -netdev vhost-user,id=n,chardev=c -device virtio-net-pci,netdev=n,romfile=)
    start
    runs
    argument_there "path=$fs/run/passt"
    leave
    [ "$status" -eq 33 ]
    [ ! -s "$err" ]
    given_back
    eventually no_passt
    # Whom the server does not let connect.
    chown -R root:root "$fs/run"
    run -1 virt-priv-run --check qemu-system-x86_64 "${args[@]}"
    [[ $output == *"QEMU connects to it by itself, which qemu cannot"* ]]
    unrouted
}
