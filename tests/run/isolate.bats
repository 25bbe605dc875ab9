# --isolate: what the kernel says of an isolated QEMU, that there is no weaker isolation in the place of one that
# was asked for, and what the command line asks for. Its id: isolate-ids.bats; disks that come and go, and migration:
# isolate-running.bats; its end: isolate-end.bats. What the guests of all kinds of VMs do: isolated.bats; many VMs:
# pool.bats.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolate.bash

@test "full: ids, namespaces, filters, limits and mounts, as the kernel has them" {
    plain
    echo secret >"$fs/other"
    chmod 644 "$fs/other"
    start
    runs
    unprivileged "$pid"
    local kind
    for kind in mnt ipc uts cgroup net; do
        [ "$(ns "$pid" $kind)" != "$(ns self $kind)" ]
    done
    for kind in pid user; do
        [ "$(ns "$pid" $kind)" = "$(ns self $kind)" ]
    done
    # Ours, and QEMU's own.
    [ "$(sed -n 's/^Seccomp_filters:\t//p' "/proc/$pid/status")" = 2 ]
    [ "$(awk '/^Max processes/ { print $3, $4 }' "/proc/$pid/limits")" = "1025 1025" ]
    [ "$(nsenter --uts="/proc/$pid/ns/uts" uname -n)" = iso ]
    diff <(mounts | cut -d, -f1,2,3,4 | sed -e 's/,relatime.*//' | grep -v '^/etc/\|^/usr/.* ro,nosuid,nodev,noexec') - <<END
/ rw,nosuid,nodev,noexec
/dev rw,nosuid,noexec
/dev/full rw,nosuid,noexec
/dev/null rw,nosuid,noexec
/dev/random rw,nosuid,noexec
/dev/shm rw,nosuid,nodev,noexec
/dev/urandom rw,nosuid,noexec
/dev/zero rw,nosuid,noexec
$fs/a.raw rw,nosuid,nodev,noexec
/proc rw,nosuid,nodev,noexec
/run/virt-privileges/iso rw,nosuid,nodev,noexec
/tmp rw,nosuid,nodev,noexec
/usr ro,nosuid,nodev
END
    run ! grep -E '^/etc/(shadow|fstab|machine-id|hostname|libvirt)' <(mounts)
    run ! awk '$1 ~ "^/etc/" && $2 !~ "^ro,nosuid,nodev,noexec" { print; bad = 1 } END { exit !bad }' <(mounts)
    [ ! -e "/proc/$pid/root$fs/other" ]
    [ -e "/proc/$pid/root$fs/a.raw" ]
    [ "$(grep -c . "/proc/$pid/root/etc/passwd")" = 2 ]
    # No descriptor of a directory, which would be a way out.
    local fd
    for fd in "/proc/$pid/fd"/*; do
        [ ! -d "$fd" ]
    done
    leave
    [ "$status" -eq 33 ]
    [ "$(stat -c %u:%g:%a "$fs/a.raw")" = 0:0:600 ]
    nothing_left
}

# usual own|hosts FILTERS: whose namespaces QEMU has, and how many filters.
usual() {
    local kind whose
    for kind in ipc uts cgroup; do
        whose=own
        [ "$(ns "$pid" $kind)" != "$(ns self $kind)" ] || whose=hosts
        [ "$whose" = "$1" ]
    done
    for kind in mnt net pid user; do
        [ "$(ns "$pid" $kind)" = "$(ns self $kind)" ]
    done
    [ "$(sed -n 's/^Seccomp_filters:\t//p' "/proc/$pid/status")" = "$2" ]
}

# limited N: QEMU's limit of processes, and what --dry-run says of it.
limited() {
    "${wrapper[@]}" virt-priv-run --isolate=full --dry-run qemu-system-x86_64 "${args[@]}" |
        grep -qx "isolate limits ($1 processes and threads)"
    start
    runs
    [ "$(awk '/^Max processes/ { print $3, $4 }' "/proc/$pid/limits")" = "$1 $1" ]
    leave
    nothing_left
}

@test "a limit of processes that is smaller, qemu.conf's or the caller's, stays" {
    plain
    settings 'max_processes = 200'
    limited 200
    settings 'max_processes = 5000'
    limited 1025
    rm /etc/libvirt/qemu.conf
    wrapper=(prlimit --nproc=300:4000)
    limited 300
    settings 'max_processes = 4000'
    limited 1025
}

# Who can read a database of packages can lock it.
@test "full: the databases of packages below /usr are not visible, unless they are shared" {
    plain
    mkdir "$fs"/{upper,work}
    mount -t overlay overlay -o "lowerdir=/usr/lib,upperdir=$fs/upper,workdir=$fs/work" /usr/lib
    mkdir -p /usr/lib/sysimage/rpm
    echo packages >/usr/lib/sysimage/rpm/rpmdb
    start
    runs
    [ "$(cat "/proc/$pid/root/usr/lib/os-release")" = "$(cat /usr/lib/os-release)" ]
    [ -d "/proc/$pid/root/usr/lib/sysimage" ]
    [ -z "$(ls -A "/proc/$pid/root/usr/lib/sysimage")" ]
    leave
    own+=(--share /usr/lib/sysimage/rpm,ro)
    start
    runs
    [ "$(cat "/proc/$pid/root/usr/lib/sysimage/rpm/rpmdb")" = packages ]
    leave
    nothing_left
}

@test "user: an id, a limit of processes, and what there is by default" {
    plain
    own=(--isolate=user)
    start
    runs
    unprivileged "$pid"
    usual own 2
    [ "$(awk '/^Max processes/ { print $3, $4 }' "/proc/$pid/limits")" = "1025 1025" ]
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    leave
    [ "$status" -eq 33 ]
    nothing_left
}

@test "by default: namespaces, a filter and Landlock, which --isolate=none turns off" {
    plain
    own=()
    start
    runs
    usual own 2
    [ "$(nsenter --uts="/proc/$pid/ns/uts" uname -n)" = iso ]
    grep '^Max processes' "/proc/$pid/limits" | diff - <(grep '^Max processes' /proc/self/limits)
    [ ! -s "$err" ]
    leave
    nothing_left
    own=(--isolate=none)
    start
    runs
    usual hosts 1
    leave
    nothing_left
}

@test "by default, an abstract socket that the command line names can be connected to, and Landlock is there" {
    plain
    own=()
    args+=(-chardev socket,id=c,path=vp-isolate,abstract=on,server=on,wait=off)
    start
    runs
    usual own 2
    grep -q '@vp-isolate$' "/proc/$pid/net/unix"
    leave
    [ "$status" -eq 33 ]
    [ ! -s "$err" ]
    nothing_left
}

@test "by default, qemu.conf turns layers off without a word" {
    plain
    own=()
    local setting whose filters
    while IFS='|' read -r setting whose filters; do
        settings 'user = "qemu"' "$setting"
        start
        runs
        usual "$whose" "$filters"
        [ ! -s "$err" ]
        leave
        nothing_left
    done <<'END'
namespaces = [ ]|hosts|2
seccomp_sandbox = 0|own|0
END
}

@test "a default layer that this host cannot give is left out with a warning, one that is asked for is not" {
    plain
    local command=(setpriv "--bounding-set=-sys_admin" virt-priv-run)
    wrapper=(setpriv --bounding-set=-sys_admin)
    own=()
    start
    runs
    usual hosts 2
    # And of what else needs that capability.
    grep -q "warning: VM 'iso' runs without the isolation layer namespaces: .*CAP_SYS_ADMIN.*namespaces = \[ \] in qemu.conf" "$err"
    leave
    nothing_left
    "${command[@]}" --dry-run qemu-system-x86_64 "${args[@]}" | grep -q '^without namespaces (.*CAP_SYS_ADMIN'
    "${command[@]}" --dry-run --json qemu-system-x86_64 "${args[@]}" >"$BATS_TEST_TMPDIR/json"
    tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/json"
    grep -q '"layer": *"namespaces"' "$BATS_TEST_TMPDIR/json"
    run -0 "${command[@]}" --check qemu-system-x86_64 "${args[@]}"
    [[ $output == "virt-priv-run: warning: VM 'iso' runs without the isolation layer namespaces: "* ]]
    run -125 "${command[@]}" --isolate=full qemu-system-x86_64 "${args[@]}"
    [[ $output == *CAP_SYS_ADMIN* ]]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
}

@test "a default layer that a filter around virt-priv-run refuses is left out with a warning" {
    plain
    own=()
    local call layer whose filters
    while read -r call layer whose filters; do
        wrapper=(tests/lib/without-call "$call")
        start
        runs
        usual "$whose" "$filters"
        grep -q "warning: VM 'iso' runs without the isolation layer $layer: .*Operation not permitted" "$err"
        [ "$(wc -l <"$err")" -eq 1 ]
        leave
        nothing_left
        run -125 "${wrapper[@]}" virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}"
        [[ $output == *"Operation not permitted"* ]]
    done <<'END'
unshare namespaces hosts 3
prctl=22 filter own 2
END
    # Many kernels are booted without it: it is said with -v.
    wrapper=(tests/lib/without-call landlock_create_ruleset)
    start
    runs
    usual own 3
    [ ! -s "$err" ]
    leave
    own=(-v)
    start
    runs
    grep -q "runs without the isolation layer landlock: " "$err"
    leave
    nothing_left
    run -125 "${wrapper[@]}" virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}"
}

@test "--dry-run lists every layer and what is visible, as text and JSON, and makes nothing" {
    plain
    local command=(virt-priv-run --isolate=full --share "$fs,ro" --dry-run)
    "${command[@]}" qemu-system-x86_64 -nodefaults "${args[@]}" >"$BATS_TEST_TMPDIR/text"
    local layer
    for layer in id root namespaces network landlock filter limits; do
        grep -q "^isolate $layer (" "$BATS_TEST_TMPDIR/text"
    done
    grep -qxF "visible $fs/a.raw (-drive: rw)" "$BATS_TEST_TMPDIR/text"
    grep -qxF "visible $fs (--share: ro)" "$BATS_TEST_TMPDIR/text"
    grep -qxF "visible /usr (QEMU: ro, with programs)" "$BATS_TEST_TMPDIR/text"
    "${command[@]}" --json qemu-system-x86_64 -nodefaults "${args[@]}" >"$BATS_TEST_TMPDIR/json"
    tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/json"
    /usr/bin/python3 - "$BATS_TEST_TMPDIR/json" "$fs" <<'PYTHON'
import json, sys
isolation = json.load(open(sys.argv[1]))["isolation"]
assert isolation["mode"] == "full" and isolation["network"] == "private" and isolation["uid"] == isolation["gid"]
seen = {p["path"]: p["access"] for p in isolation["visible"]}
assert seen[sys.argv[2] + "/a.raw"] == "rw" and seen[sys.argv[2]] == "ro" and seen["/usr"] == "ro", seen
PYTHON
    "${command[@]}" qemu-system-x86_64 -nic user,hostfwd=tcp::2222-:22 "${args[@]}" |
        grep -qxF "isolate network (the host's, since -nic needs it; TCP ports: listens on 2222, connects to any)"
    "${command[@]}" --json qemu-system-x86_64 -nodefaults -vnc :1 "${args[@]}" >"$BATS_TEST_TMPDIR/json"
    tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/json" |
        grep -q '"network": "host", .*"listens": \["5901"\], "connects": \[\]'
    [ ! -e /run/virt-privileges ] || [ -z "$(ls -A /run/virt-privileges)" ]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
}

@test "qemu.conf turns layers off, which --dry-run shows" {
    plain
    local lines
    layers() {
        settings "$@"
        virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults "${args[@]}" |
            sed -n 's/^isolate \([a-z]*\) .*/\1/p' | paste -sd ' '
    }
    [ "$(layers 'user = "qemu"')" = "id root namespaces network landlock filter limits" ]
    [ "$(layers 'namespaces = [ ]')" = "id landlock filter limits" ]
    [ "$(layers 'seccomp_sandbox = 0')" = "id root namespaces network landlock limits" ]
    [ "$(layers 'user = "root"' 'group = "root"')" = "root namespaces network landlock filter" ]
    settings 'namespaces = [ ]' 'dynamic_ownership = 0'
    virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults |
        grep -qx 'without id, root, namespaces, network, limits (turned off in qemu.conf)'
    virt-priv-run --isolate=full --dry-run --json qemu-system-x86_64 -nodefaults >"$BATS_TEST_TMPDIR/json"
    tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/json"
    /usr/bin/python3 -c 'import json, sys
i = json.load(open(sys.argv[1]))["isolation"]
assert i["layers"] == ["landlock", "filter"], i
assert [w["layer"] for w in i["without"]] == ["id", "root", "namespaces", "network", "limits"], i' "$BATS_TEST_TMPDIR/json"
    settings 'namespaces = [ ]'
    start
    runs
    unprivileged "$pid"
    [ "$(ns "$pid" mnt)" = "$(ns self mnt)" ]
    grep -q 'warning: --isolate=full: root, namespaces, network: turned off in /etc/libvirt/qemu.conf' "$err"
    leave
    nothing_left
}

@test "devices of cgroup_device_acl, and the directory of a VDE switch, are visible" {
    plain
    make null root:root 0666 "$BATS_TEST_TMPDIR/node"
    mount --bind "$BATS_TEST_TMPDIR/node" /dev/hwrng
    mkdir "$fs/switch"
    settings 'user = "qemu"' 'cgroup_device_acl = [ "/dev/null", "/dev/ptmx", "/dev/hwrng", "/dev/none", "/etc/shadow" ]'
    virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults -netdev "vde,id=n,sock=$fs/switch" "${args[@]}" \
        >"$BATS_TEST_TMPDIR/text"
    diff - <(grep -E '^(isolate network|visible .*(cgroup_device_acl|netdev))' "$BATS_TEST_TMPDIR/text" | grep -v /dev/null) <<END
isolate network (a network namespace without interfaces; for migration by TCP, add --share-network)
visible /dev/hwrng (cgroup_device_acl: rw)
visible $fs/switch (-netdev: rw)
END
    start
    runs
    [ "$(ls "/proc/$pid/root/dev")" = "$(printf '%s\n' fd full hwrng null random shm stderr stdin stdout urandom zero)" ]
    [ "$(mounts | awk '$1 == "/dev/hwrng" { print $2 }' | cut -d, -f1-3)" = rw,nosuid,noexec ]
    leave
    nothing_left
    umount /dev/hwrng
}

@test "nothing of root's session is passed to QEMU but its standard descriptors" {
    local place=/mnt/given
    mkdir -p $place
    install -m 0755 "$VP_BUILD/tests/what-i-am" $place/qemu-system-tells
    # With a key of root's, a timer, descriptors, and variables that name what is root's.
    env DBUS_SESSION_BUS_ADDRESS=unix:path=/run/bus XDG_RUNTIME_DIR=/run/user/0 SSH_AUTH_SOCK=/run/agent \
        LD_PRELOAD= LD_LIBRARY_PATH=/tmp HOME=/root MAIL=x TZ=UTC /usr/bin/python3 -c 'import os, signal, sys
os.umask(0o77)
signal.setitimer(signal.ITIMER_REAL, 600)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.dup2(os.open("/", os.O_RDONLY), 7)
os.dup2(os.open("/etc/shadow", os.O_RDONLY), 8)
os.execvp(sys.argv[1], sys.argv[1:])' virt-priv-run --isolate=full --name iso -- $place/qemu-system-tells -nodefaults </dev/null >"$BATS_TEST_TMPDIR/given" 2>&1
    cat "$BATS_TEST_TMPDIR/given"
    given() {
        sed -n "s/^$1//p" "$BATS_TEST_TMPDIR/given"
    }
    diff <(given 'descriptor ' | cut -d' ' -f1) <(printf '%s\n' 0 1 2)
    diff <(given 'environment: ' | cut -d= -f1 | grep -vE '^(LANG|LC_.*|TERM|TMPDIR)$' | sort) <(printf '%s\n' HOME LOGNAME PATH SHELL TZ USER)
    [ "$(given 'environment: HOME=')" = /run/virt-privileges/iso ]
    [ "$(given 'keyring: ')" = none ]
    given 'securebits: ' | grep -qx "[0-9]*, signal at the parent's death: 0, umask: 77"
    [ "$(given 'Sig\(Blk\|Ign\):.*\([1-9a-f]\).*')" = "" ]
    given 'Max core file size' | grep -qE '^ +0 +0 '
    given 'Max processes' | grep -qE '^ +1025 +1025 '
    nothing_left
}

# --- Nothing weaker ---

# A call that QEMU's process makes, and what strace has the kernel answer: an error, or a lie.
failing() {
    local inject=$1
    run strace -f -qq -o /dev/null -e "trace=${inject%%:*}" -e "inject=$inject" \
        virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}" </dev/null
    echo "$inject: status $status: $output"
    [ "$status" -eq 125 ] && [[ $output == virt-priv-run:* ]] && [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ] && no_processes
}

@test "a layer that cannot be had, or only seems to be: 125, and all is as it was" {
    plain
    local call
    for call in unshare open_tree fsopen fsmount move_mount mount_setattr pivot_root umount2 \
        landlock_create_ruleset landlock_add_rule landlock_restrict_self; do
        failing "$call:error=EPERM"
        # The VM's directory is unmounted by the same call.
        [ "$call" = umount2 ] && clean_host && plain && own=() || nothing_left
    done
    for call in unshare landlock_restrict_self pivot_root; do
        failing "$call:retval=0"
        nothing_left
    done
}

@test "without CAP_SYS_ADMIN there is no namespace: 125" {
    plain
    run -125 setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
        virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"CAP_SYS_ADMIN"* || $output == *"clone a mount"* ]]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
}

@test "no descriptor of a directory is passed: 125" {
    plain
    run -125 timeout 30 virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}" -add-fd fd=7,set=9 7<"$fs"
    [[ $output == *"descriptor 7 is a directory, which leads out of the VM's root directory"* ]]
    run -125 timeout 30 virt-priv-run --isolate=full -- qemu-system-x86_64 "${machine[@]}" "${args[@]}" <"$fs"
    [[ $output == *"descriptor 0 is a directory"* ]]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "--check: a kernel without Landlock, a container, and an image whose backing file is not seen" {
    plain
    local check=(virt-priv-run --isolate=full --check qemu-system-x86_64 -nodefaults)
    run -0 "${check[@]}" "${args[@]}"
    run -1 strace -f -qq -o /dev/null -e trace=landlock_create_ruleset -e inject=landlock_create_ruleset:error=ENOSYS \
        "${check[@]}" "${args[@]}"
    [[ $output == *"- (--isolate=full): cannot use Landlock: Function not implemented; boot with a list lsm="* ]]
    run -1 setpriv --bounding-set -sys_admin --inh-caps -sys_admin "${check[@]}" "${args[@]}"
    [[ $output == *"(--isolate=full): namespaces and mounts of the VM's own require CAP_SYS_ADMIN"* ]]
    make "overlay=$fs/a.raw,raw" root:root 600 "$fs/o.qcow2"
    run -1 "${check[@]}" -drive "file=$fs/o.qcow2"
    [[ $output == *"add format=qcow2"* ]]
    chmod 0600 "$fs/a.raw"
    run -1 "${check[@]}" -drive "file=$fs/a.raw,format=raw,readonly=on"
    [[ $output == *"chmod o+r $fs/a.raw"* && $output != *setfacl* ]]
}

@test "--share and --share-network want --isolate=full; a share that is not there is an error" {
    plain
    run -125 virt-priv-run --share "$fs" --dry-run qemu-system-x86_64
    [[ $output == *"--share requires --isolate=full"* ]]
    run -125 virt-priv-run --isolate=user --share-network --dry-run qemu-system-x86_64
    [[ $output == *"--share-network requires --isolate=full"* ]]
    run -125 virt-priv-run --isolate=full --share /none --dry-run qemu-system-x86_64
    [[ $output == *"--share /none: cannot examine /none: No such file or directory"* ]]
    run -125 virt-priv-run --isolate=full --share "$fs,rw" --dry-run qemu-system-x86_64
    [[ $output == *"expected PATH or PATH,ro"* ]]
    local path
    for path in / /run /run/ /run/virt-privileges,ro /run/virt-privileges/iso; do
        run -125 virt-priv-run --isolate=full --share "$path" --name iso --check qemu-system-x86_64
        [[ $output == *"--share $path: the runtime directory of the VM, /run/virt-privileges/iso, is in it"* ]]
    done
    mkdir -p /run/lock
    run -0 virt-priv-run --isolate=full --share /run/lock/ --name iso --check qemu-system-x86_64
}

@test "shares are there under their names, and the network by --share-network" {
    plain
    mkdir "$fs/with,comma" "$fs/ro"
    own+=(--share "$fs/with,,comma" --share "$fs/ro,ro" --share-network)
    start
    runs
    mounts | grep -q "^$fs/with,comma rw,nosuid,nodev,noexec"
    mounts | grep -q "^$fs/ro ro,nosuid,nodev,noexec"
    [ "$(ns "$pid" net)" = "$(ns self net)" ]
    leave
    nothing_left
}

@test "KVM: its node is there, and no other one" {
    [ -w /dev/kvm ] || skip "this machine has no KVM"
    private_dev
    plain
    machine[1]=kvm
    start
    runs
    find "/proc/$pid/fd" -lname '*kvm-vcpu*' | grep -q .
    local node nodes=()
    for node in "/proc/$pid/root/dev"/*; do
        [ ! -c "$node" ] || [ -L "$node" ] || nodes+=("${node##*/}")
    done
    [ "${nodes[*]}" = "full kvm null random urandom zero" ]
    leave
    [ "$status" -eq 33 ]
    umount -l /dev
    nothing_left
}

@test "VNC on TCP, and io_uring: what the command line asks for is there" {
    make guest root:root 600 "$fs/a.raw"
    wrapper=(nsenter --net=/run/vm.net)
    args=(-name iso -drive "file=$fs/a.raw,format=raw,if=virtio,aio=io_uring,cache.direct=on" -vnc 127.0.0.1:7)
    start
    runs
    in_net /usr/bin/python3 -c 'import socket; s = socket.create_connection(("127.0.0.1", 5907)); assert s.recv(4) == b"RFB "'
    find "/proc/$pid/fd" -lname '*io_uring*' | grep -q .
    leave
    [ "$(sector "$fs/a.raw" raw)" = 1 ]
    nothing_left
}

@test "guest memory in /dev/shm has room, where the command line asks for it" {
    plain
    printf '#!/bin/sh\nexec tail -f /dev/null\n' >"$fs/qemu-sleeps"
    chmod 0755 "$fs/qemu-sleeps"
    # room WORD...: the MiB of /dev/shm with these words.
    room() {
        virt-priv-run --isolate=full --name iso -- "$fs/qemu-sleeps" -nodefaults "$@" </dev/null >/dev/null 2>&1 3>&- &
        helpers_started+=($!)
        eventually pgrep -x tail >/dev/null
        echo $(($(stat -f -c '%b * %S' "/proc/$(pgrep -x tail)/root/dev/shm") >> 20))
        kill "$(pgrep -x tail)"
        wait
    }
    [ "$(room)" = 64 ]
    [ "$(room -object memory-backend-shm,id=m,size=64M)" -gt 1024 ]
}

# --- -snapshot ---

@test "-snapshot: what the guest writes has room on disk, which is taken away, also by recover" {
    make guest alice:alice 0644 "$fs/a.raw"
    args=(-snapshot -drive "file=$fs/a.raw,format=raw" -name iso)
    start
    runs
    mounts | grep -q "^/tmp rw,nosuid,nodev,noexec"
    local scratch=/var/lib/virt-privileges/tmp
    [ "$(stat -c %u:%a $scratch/iso)" = "$(isolated_id):700" ]
    # Of /tmp and of the place on disk, the later one counts.
    [ "$(stat -f -c %b "/proc/$pid/root/tmp")" = "$(stat -f -c %b $scratch)" ]
    leave
    [ "$(sector "$fs/a.raw" raw)" = none ]
    [ -z "$(ls -A $scratch)" ]
    nothing_left
    start
    runs
    kill -KILL "$runner" "$pid"
    eventually ended "$runner"
    eventually ended "$pid"
    [ -d $scratch/iso ]
    virt-priv-chown recover
    [ -z "$(ls -A $scratch)" ]
    exec {in}>&-
    nothing_left
}
