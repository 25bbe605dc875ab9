# --check of the QEMUs that run as root: as if each of them had ended, and were started by virt-priv-run.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054,SC2164 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    quiet=(-S -accel tcg -m 16 -nodefaults -no-user-config -display none)
    mkdir "$fs/vm"
    make guest root:root 0600 "$fs/vm/b.raw"
    make guest root:root 0600 "$fs/vm/a.raw"
}

# in_background COMMAND... WORD...: a QEMU as a daemon, which has opened everything. Sets pid.
in_background() {
    rm -f "$fs/pid"
    "$@" "${quiet[@]}" -daemonize -pidfile "$fs/pid" 3>&-
    pid=$(cat "$fs/pid")
}

# root_qemu WORD...: one of root's, in the network of the test's.
root_qemu() {
    in_background nsenter --net=/run/vm.net qemu-system-x86_64 "$@"
}

check_running() {
    run nsenter --net=/run/vm.net virt-priv-run --check "$@"
    echo "$output"
}

json() {
    tests/lib/validate-json tests/schema/virt-priv-run-check.json <<<"$output" >"$BATS_TEST_TMPDIR/document"
    /usr/bin/python3 -c 'import json, sys; document = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$BATS_TEST_TMPDIR/document" "$1"
}

@test "what a QEMU uses itself is no obstacle: disk, sockets, pid file, tap device; nothing is changed" {
    pushd "$fs/vm" >/dev/null
    root_qemu -name web -drive file=a.raw,format=raw -netdev tap,id=n,ifname=vmtap0,script=no,downscript=no -device virtio-net-pci,netdev=n \
        -qmp unix:web.qmp,server=on,wait=off -vnc unix:web.vnc -serial file:log -monitor tcp:127.0.0.1:5907,server=on,wait=off
    popd >/dev/null
    listing times "$fs" >"$BATS_TEST_TMPDIR/before"
    check_running --all-running
    [ "$status" -eq 0 ]
    [ "$output" = "web (pid $pid): no obstacles" ]
    # So with descriptors.
    check_running --disks=pass --pid "$pid" --json
    [ "$status" -eq 0 ]
    [ "$(json 'document["vms"]')" = "[{'pid': $pid, 'not_checked': None, 'name': 'web', 'obstacles': []}]" ]
    listing times "$fs" | diff "$BATS_TEST_TMPDIR/before" -
    [ -e "/proc/$pid" ]
}

@test "a verdict for each QEMU of root's, and why one is not checked" {
    local web mail other user foreign
    root_qemu -name web -drive "file=$fs/vm/a.raw,format=raw"
    web=$pid
    make dir root:root 0700 "$fs/closed"
    root_qemu -virtfs "local,path=$fs/closed,mount_tag=t,security_model=none" -audiodev none,id=a -display vnc=unix:"$fs/vnc"
    mail=$pid
    # In a directory that nobody names any more.
    pushd "$fs/vm" >/dev/null
    in_background env -u PWD nsenter --net=/run/vm.net qemu-system-x86_64 -snapshot -drive file=b.raw,format=raw
    popd >/dev/null
    other=$pid
    in_background unshare --mount nsenter --net=/run/vm.net qemu-system-x86_64
    foreign=$pid
    chown alice "$fs"
    in_background nsenter --net=/run/vm.net setpriv --reuid alice --regid alice --clear-groups qemu-system-x86_64
    user=$pid
    chown root "$fs"

    check_running --all-running
    [ "$status" -eq 1 ]
    diff - <(echo "$output") <<EOT
web (pid $web): no obstacles
qemu-$mail (pid $mail): 1 obstacle
  $fs/closed (-virtfs): $fs/closed is 0700 root:root: qemu may not read, write or search it; let user qemu read, write to and search $fs/closed; setfacl -m u:qemu:rwx $fs/closed
QEMU (pid $other): not checked: b.raw is relative to the directory in which it was started, which a daemon leaves; check the script that starts it: virt-priv-run --check
QEMU (pid $foreign): not checked: it has another mount namespace, as in a container: run it there
EOT
    check_running --all-running --json
    [ "$status" -eq 1 ]
    [ "$(json '[vm["pid"] for vm in document["vms"]]')" = "[$web, $mail, $other, $foreign]" ]
    [ "$(json '[len(vm["obstacles"]) for vm in document["vms"]]')" = "[0, 1, 0, 0]" ]
    [ "$(json 'document["vms"][1]["obstacles"][0]["help"]')" = "setfacl -m u:qemu:rwx $fs/closed" ]
    [ "$(json 'document["vms"][1]["obstacles"][0]["refuses"]')" = True ]
    check_running --pid "$web" --pid "$user" --pid 4000000
    [ "$status" -eq 1 ]
    diff - <(echo "$output") <<EOT
web (pid $web): no obstacles
QEMU (pid $user): not checked: it does not run as root, but as uid 6001
QEMU (pid 4000000): not checked: there is no such process
EOT
}

# held: the lock of the journals is, so that a plan waits for it; checks begins one of all, and waits until it does.
held() {
    mkdir -p /var/lib/virt-privileges/claims
    chmod 0700 /var/lib/virt-privileges/claims
    exec {lock}>/var/lib/virt-privileges/claims/.lock
    flock "$lock"
}
checks() {
    nsenter --net=/run/vm.net virt-priv-run --check --all-running >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- {lock}>&- &
    runner=$!
    eventually plan_waits
}
plan_waits() {
    local child
    child=$(cat "/proc/$runner/task/$runner/children")
    grep -q lock "/proc/${child% }/wchan"
}

# verdict STATUS TEXT
verdict() {
    exec {lock}>&-
    status=0
    wait "$runner" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq "$1" ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "$2" ]
}

@test "one that ends, or becomes another, while it is checked is said to" {
    local lock
    held
    root_qemu -name web
    checks
    kill -KILL "$pid"
    eventually ended "$pid"
    verdict 1 "QEMU (pid $pid): not checked: it has ended meanwhile"

    held
    mkfifo "$fs/go"
    cp "$(readlink -f /bin/bash)" "$fs/qemu-system-shell"
    printf '%s\n' "read -r _ <$fs/go" "exec $fs/qemu-system-shell $fs/second" >"$fs/first"
    echo "read -r _ <$fs/go" >"$fs/second"
    helper nsenter --net=/run/vm.net "$fs/qemu-system-shell" "$fs/first"
    pid=${helpers_started[-1]}
    eventually grep -qz "^$fs/first" "/proc/$pid/cmdline"
    eventually [ "$(readlink "/proc/$pid/exe")" = "$fs/qemu-system-shell" ]
    checks
    echo >"$fs/go"
    eventually grep -qz "^$fs/second" "/proc/$pid/cmdline"
    verdict 1 "QEMU (pid $pid): not checked: it has executed another command line meanwhile; check it again"
}

@test "descriptors that its script has opened count as open; a claim of its own does not count" {
    make guest root:root 0600 "$fs/b.raw"
    chmod 0755 "$fs"
    exec {disk}<>"$fs/b.raw"
    root_qemu -add-fd "fd=$disk,set=2" -drive "file=$fs/vm/a.raw,format=raw"
    check_running --pid "$pid"
    [ "$output" = "qemu-$pid (pid $pid): no obstacles" ]
    kill -KILL "$pid"
    eventually ended "$pid"
    # As root, by qemu.conf: its claim is held as long as it runs.
    printf 'user = "root"\ngroup = "root"\n' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    own=(--isolate=none) args=(-name web -drive "file=$fs/vm/a.raw,format=raw")
    machine=("${quiet[@]}") console=()
    start
    eventually qemu_of "$runner"
    pid=$(qemu_of "$runner")
    run virt-priv-run --check --name web qemu-system-x86_64 "${args[@]}"
    [ "$status" -eq 1 ]
    [[ $output == *"VM 'web' is running"* ]]
    run virt-priv-run --check --pid "$pid"
    [ "$status" -eq 0 ]
    [ "$output" = "web (pid $pid): no obstacles" ]
}

@test "what does not go with it is refused" {
    local words n=0
    while IFS='|' read -ra words; do
        # shellcheck disable=SC2086
        run -125 --separate-stderr virt-priv-run ${words[0]}
        [ "$stderr" = "virt-priv-run: ${words[1]}" ] || { echo "$stderr" && return 1; }
        n=$((n + 1))
    done <<'EOT'
--all-running|--all-running requires --check
--pid 1|--pid requires --check
--check --all-running --pid 1|--all-running cannot be used with --pid
--check --pid 1 --vm web|--vm cannot be used with --pid
--check --pid 1 --name web|--name cannot be used with --pid
--check --all-running --dry-run|--dry-run cannot be used with --all-running
--check --all-running qemu-system-x86_64|extra operand 'qemu-system-x86_64'; try: virt-priv-run --help
EOT
    [ "$n" -eq 7 ]
}
