# --isolate: what the kernel says of an isolated QEMU, ids of VMs, and that there is no weaker isolation in the
# place of one that was asked for. What the guests of all kinds of VMs do: isolated.bats; many VMs: pool.bats.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolated.bash

# What a VM has beside its disk: nothing that needs the host.
plain() {
    make guest root:root 600 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw,if=virtio,cache=writethrough" -name iso)
}

ns() {
    readlink "/proc/$1/ns/$2"
}

# mounts: "POINT FLAGS" of QEMU's, the flags of each mount.
mounts() {
    awk '{ print $5, $6 }' "/proc/$pid/mountinfo" | sort
}

ids_of_run() {
    local file
    for file in /run/virt-privileges/.id-*; do
        [ ! -e "$file" ] || echo "${file##*-}"
    done
}

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
    [ ! -e "/proc/$pid/root$fs/other" ] && [ -e "/proc/$pid/root$fs/a.raw" ]
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
    [ -d "/proc/$pid/root/usr/lib/sysimage" ] && [ -z "$(ls -A "/proc/$pid/root/usr/lib/sysimage")" ]
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

# --- Ids ---

# gets ID: the VM that is started next would get it; else the message.
gets() {
    run virt-priv-run --isolate=user --dry-run qemu-system-x86_64 -nodefaults "${args[@]}"
    echo "$output"
    [[ $output == *"isolate id (uid $1, gid $1,"* ]]
}

@test "ids that an account, a group, a process, a line of subuid, a claim or a kept name has are not given" {
    plain
    settings 'isolate_ids = "90000:2"'
    gets 90000 || gets 90001
    # Whatever the name's place in the range is: one is taken, and the other is given.
    echo "vmuser:x:90000:1::/:/bin/false" >>/etc/passwd
    gets 90001
    sed -i '/^vmuser:/d' /etc/passwd
    echo "vmgroup:x:90001:" >>/etc/group
    gets 90000
    sed -i '/^vmgroup:/d' /etc/group
    local file
    for file in /etc/subuid /etc/subgid; do
        cp -a "$file" "$BATS_TEST_TMPDIR/sub" || : >"$BATS_TEST_TMPDIR/sub"
        printf 'virt-privileges:90000:2\nsomebody:90001:1\n' >"$file"
        gets 90000
        cp "$BATS_TEST_TMPDIR/sub" "$file"
    done
    setpriv --reuid 90000 --clear-groups sleep 60 &
    helpers_started+=($!)
    eventually gets 90001
    kill $! && wait $! || true
    mkdir -p /var/lib/virt-privileges/ids
    echo another >/var/lib/virt-privileges/ids/90001
    gets 90000
    echo iso >/var/lib/virt-privileges/ids/90001
    gets 90001
    rm -r /var/lib/virt-privileges/ids
    make blank root:root 600 "$fs/b.raw"
    settings 'user = "+90001"' 'group = "+90001"' 'isolate_ids = "90000:2"'
    virt-priv-chown claim --name other --disk "$fs/b.raw"
    gets 90000
    virt-priv-chown release --name other
    settings 'isolate_ids = "90000:2"'
    mkdir -p /run/virt-privileges
    exec {held}>/run/virt-privileges/.id-90000
    flock "$held"
    gets 90001
    exec {held}>&-
    rm /run/virt-privileges/.id-90000
}

@test "a VM that can leave files of its id, or has a file, keeps its id" {
    plain
    settings 'isolate_ids = "90000:2"'
    mkdir "$fs/share"
    local kept=/var/lib/virt-privileges/ids id
    own+=(--share "$fs/share,ro")
    start
    runs
    leave
    [ ! -e $kept ]
    own=(--isolate=full --share "$fs/share")
    start
    runs
    id=$(isolated_id)
    leave
    [ "$(ls -A $kept)" = "$id" ] && [ "$(cat "$kept/$id")" = iso ]
    gets "$id"
    # Nobody else gets it, whatever name that is.
    local name
    for name in a b c d e f; do
        run -0 virt-priv-run --isolate=user --name $name --dry-run qemu-system-x86_64 -nodefaults "${args[@]}"
        run ! grep -q "uid $id," <<<"$output"
    done
    rm -r $kept
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "--isolate=full" qemu-system-x86_64 "${machine[@]}" -S "${args[@]:0:2}" >/etc/virt-privileges/vms/web.conf
    virt-priv-run --vm web </dev/null >/mnt/vm.out 2>&1 3>&- &
    helpers_started+=($!)
    eventually grep -qsrx web $kept
    eventually test -S /run/virt-privileges/web.qmp
    kill $!
    wait $! || true
    grep -qsrx web $kept
    rm -r $kept
    nothing_left
}

# in_use: QEMU runs, and its disk is an id's of the pool.
in_use() {
    pid=$(qemu_of "$runner") && [ "$(stat -c %u "$fs/a.raw")" -ge 90000 ]
}

# killed_and_again OPTION...: of virt-priv-run; it is killed with its QEMU, and started again.
killed_and_again() {
    local id ids=() try
    for try in first again; do
        virt-priv-run "$@" </dev/null >/mnt/vm.out 2>/mnt/vm.err 3>&- &
        runner=$!
        eventually in_use
        unprivileged "$pid"
        id=$(stat -c %u "$fs/a.raw")
        ids+=("$id")
        [ "$(isolated_id)" = "$id" ]
        if [ $try = first ]; then
            kill -KILL "$runner" "$pid"
            wait "$runner" || true
            eventually ended "$pid"
            [ "$(stat -c %u "$fs/a.raw")" = "$id" ]
        fi
    done
    [ "${ids[0]}" = "${ids[1]}" ]
    kill "$runner"
    wait "$runner" || true
    awk '$2 ~ "^/run/virt-privileges/" { print $2 }' /proc/mounts | xargs -r umount -l
    [ "$(stat -c %u:%g:%a "$fs/a.raw")" = 0:0:600 ]
    nothing_left
}

@test "a VM that was killed with its runner starts again with the id that its claim names, kept or not" {
    plain
    killed_and_again --isolate=full --name iso -- qemu-system-x86_64 "${machine[@]}" -S "${args[@]}"
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "--isolate=full" qemu-system-x86_64 "${machine[@]}" -S "${args[@]:0:2}" >/etc/virt-privileges/vms/web.conf
    killed_and_again --vm web
    grep -qsrx web /var/lib/virt-privileges/ids
}

@test "what QEMU leaves behind is ended, before its disk is given back" {
    plain
    cat >"$fs/qemu-left" <<'END'
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 &
exit 3
END
    chmod 0755 "$fs/qemu-left"
    run -3 virt-priv-run --isolate=user -- "$fs/qemu-left" -nodefaults "${args[@]}"
    run ! grep -lE '^Uid:	9[0-9]{4}' /proc/[0-9]*/status
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

# left_behind FAULT: the same, where virt-priv-run's looks into /proc meanwhile fail so, as strace(1) has it.
left_behind() {
    cat >"$fs/qemu-left" <<END
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 &
echo "$wrote"
read -r line
exit 3
END
    chmod 0755 "$fs/qemu-left"
    own=(--isolate=user)
    qemu=$fs/qemu-left start
    eventually said "$wrote"
    left=$(pgrep -x sleep)
    helpers_started+=("$left")
    [ "$(stat -c %u "/proc/$left")" -ge 90000 ]
    helper strace -f -qq -o /dev/null -p "$runner" -P /proc -e trace=openat -e "inject=openat:$1"
    eventually grep -q '^TracerPid:.*[1-9]' "/proc/$runner/status"
    leave
    cat "$err"
    ended "$left"
}

@test "what QEMU leaves behind is ended, also where a look at the processes fails" {
    plain
    left_behind error=EMFILE:when=1
    [ "$status" -eq 3 ] && [ ! -s "$err" ]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "a disk stays claimed while it cannot be told whether all has ended, and recover gives it back" {
    plain
    left_behind error=ENOMEM
    [ "$status" -eq 3 ]
    grep -q "VM 'iso': processes of uid 9[0-9]* cannot be ended: cannot read the directory /proc: Cannot allocate memory; what it has claimed stays claimed; .*virt-priv-chown recover$" "$err"
    [ "$(stat -c %u "$fs/a.raw")" -ge 90000 ]
    virt-priv-chown recover
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "what a killed VM has left with its disk open is ended by recover, which gives the disk back" {
    plain
    cat >"$fs/qemu-left" <<END
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 3<>$fs/a.raw &
echo "$wrote"
read -r line
END
    chmod 0755 "$fs/qemu-left"
    own=(--isolate=user)
    qemu=$fs/qemu-left start
    eventually said "$wrote"
    local left holder
    left=$(pgrep -x sleep)
    helpers_started+=("$left")
    holder=$(awk '$1 == "PPid:" { print $2 }' "/proc/$left/status")
    kill -KILL "$runner"
    wait "$runner" || true
    echo >&"$in"
    eventually ended "$holder"
    kill -0 "$left"
    virt-priv-chown recover --dry-run | grep -qx 'release iso'
    kill -0 "$left"
    run -0 virt-priv-chown recover
    eventually ended "$left"
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
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

# --- While it runs ---

# qmp COMMAND...: each is answered without an error; what is said is printed. With "N:" before it, a command
# takes descriptor N along.
qmp() {
    /usr/bin/python3 - "$fs/run/qmp" "$@" <<'PYTHON'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
lines = s.makefile("r")
lines.readline()
for command in ['{"execute":"qmp_capabilities"}'] + sys.argv[2:]:
    fd, command = command.split(":", 1) if command[0].isdigit() else (None, command)
    socket.send_fds(s, [command.encode() + b"\n"], [int(fd)] if fd else [])
    while True:
        answer = json.loads(lines.readline())
        if "event" not in answer:
            break
    print(answer)
    if "error" in answer:
        sys.exit(1)
PYTHON
}

opens() {
    qmp "{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"file\",\"node-name\":\"n1\",\"filename\":\"$1\"}}"
}

@test "add: the disk is the VM's, and QEMU opens it by its name; drop takes it away" {
    plain
    make blank alice:alice 600 "$fs/added.raw"
    make dir root:root 700 "$fs/deep"
    make blank root:root 600 "$fs/deep/added"
    mkdir "$fs/run"
    args+=(-qmp "unix:$fs/run/qmp,server=on,wait=off")
    start
    runs
    run -1 opens "$fs/added.raw"
    [[ $output == *"No such file or directory"* ]]
    virt-priv-chown add --name iso --disk "$fs/added.raw" --disk "$fs/deep/added"
    [ "$(owner "$fs/added.raw") $(owner "$fs/deep/added")" = "qemu:qemu qemu:qemu" ]
    mounts | grep -q "^$fs/added.raw rw,nosuid,nodev,noexec"
    mounts | grep -q "^$fs/deep/added rw,nosuid,nodev,noexec"
    opens "$fs/added.raw"
    qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    opens "$fs/deep/added"
    qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    virt-priv-chown drop --name iso --disk "$fs/added.raw" --disk "$fs/deep/added"
    [ "$(owner "$fs/added.raw") $(owner "$fs/deep/added")" = "alice:alice root:root" ]
    run ! grep added <(mounts)
    run -1 opens "$fs/added.raw"
    # The mounts of the host are as they were.
    run ! grep added /proc/self/mountinfo
    leave
    [ "$status" -eq 33 ]
    nothing_left
}

@test "a disk that is plugged in by descriptor, while it runs" {
    plain
    make blank root:root 600 "$fs/b.raw"
    mkdir "$fs/run"
    args+=(-qmp "unix:$fs/run/qmp,server=on,wait=off")
    start
    runs
    local fd
    exec {fd}<>"$fs/b.raw"
    qmp "$fd:{\"execute\":\"add-fd\",\"arguments\":{\"fdset-id\":5}}" \
        '{"execute":"blockdev-add","arguments":{"driver":"raw","node-name":"b","file":{"driver":"file","filename":"/dev/fdset/5"}}}' \
        '{"execute":"device_add","arguments":{"driver":"virtio-blk-pci","drive":"b","id":"plugged"}}'
    has_open "$fs/b.raw"
    [ ! -e "/proc/$pid/root$fs/b.raw" ]
    [ "$(stat -c %u:%g "$fs/b.raw")" = 0:0 ]
    exec {fd}>&-
    leave
    [ "$status" -eq 33 ]
    nothing_left
}

@test "drop takes a disk away by whatever name it was added" {
    plain
    make blank root:root 600 "$fs/target.raw"
    make blank root:root 600 "$fs/other.raw"
    ln -s target.raw "$fs/link.raw"
    ln -s other.raw "$fs/link2.raw"
    start
    runs
    virt-priv-chown add --name iso --disk "$fs/link.raw" --disk "$fs/other.raw"
    mounts | grep -q "^$fs/link.raw "
    # One by the path that the link leads to, one by a link to its path.
    virt-priv-chown drop --name iso --disk "$fs/target.raw"
    run ! grep "$fs/link.raw" <(mounts)
    mounts | grep -q "^$fs/other.raw "
    virt-priv-chown drop --name iso --disk "$fs/link2.raw"
    run ! grep "$fs/other.raw" <(mounts)
    [ "$(stat -c %u:%g "$fs/target.raw" "$fs/other.raw" | paste -sd ' ')" = "0:0 0:0" ]
    # What nobody has dropped is there.
    mounts | grep -q "^$fs/a.raw "
    leave
    nothing_left
}

@test "add: links that QEMU has made in the way lead nowhere" {
    plain
    make blank root:root 600 "$fs/added.raw"
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mkdir /dev/shm/images
    cp "$fs/added.raw" /dev/shm/images/disk
    mkdir "$fs/run"
    args+=(-qmp "unix:$fs/run/qmp,server=on,wait=off")
    start
    runs
    # As QEMU could, if Landlock let it.
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" -S "$(isolated_id)" -G "$(isolated_id)" \
        /usr/bin/ln -s /etc /dev/shm/images
    run -1 virt-priv-chown add --name iso --disk /dev/shm/images/disk
    [[ $output == *"cannot mount /dev/shm/images/disk in the root directory of the VM"* ]]
    run ! grep /etc/disk <(mounts)
    virt-priv-chown drop --name iso --disk /dev/shm/images/disk
    [ "$(stat -c %u:%g /dev/shm/images/disk)" = 0:0 ]
    leave
    umount /dev/shm
    nothing_left
}

@test "add gives a disk to whom the others were given, isolated or not" {
    make blank root:root 600 "$fs/a.raw"
    make blank root:root 600 "$fs/b.raw"
    settings 'user = "alice"' 'group = "alice"'
    virt-priv-chown claim --name v --disk "$fs/a.raw"
    rm /etc/libvirt/qemu.conf
    virt-priv-chown add --name v --disk "$fs/b.raw"
    [ "$(stat -c %U:%G "$fs/a.raw" "$fs/b.raw" | paste -sd ' ')" = "alice:alice alice:alice" ]
    virt-priv-chown release --name v
    [ "$(stat -c %U:%G "$fs/a.raw" "$fs/b.raw" | paste -sd ' ')" = "root:root root:root" ]
}

# waiting [OPTION]...: virt-priv-run with these options and $args, whose QEMU waits at its monitor; sets runner and pid.
waiting() {
    mkdir -p "$fs/run"
    virt-priv-run "$@" -- qemu-system-x86_64 "${machine[@]}" -S -qmp "unix:$fs/run/qmp,server=on,wait=off" "${args[@]}" \
        </dev/null >/mnt/vm.out 2>&1 3>&- &
    runner=$!
    helpers_started+=("$runner")
    eventually test -S "$fs/run/qmp"
    pid=$(qemu_of "$runner")
    rm -f "$BATS_TEST_TMPDIR/id"
}

# gone: what waits ends, and nothing is left of it.
gone() {
    kill "$pid"
    eventually ended "$runner"
    wait "$runner" || true
    nothing_left
}

@test "add gives a disk to the id of an isolated VM of which nothing is claimed" {
    local how
    make blank alice:alice 600 "$fs/added.raw"
    make blank root:root 644 "$fs/a.raw"
    for how in "--isolate=full" "--isolate=user" "--isolate=full --disks=pass -drive" "--isolate=user --disks=pass -drive" \
        "--isolate=full -drive readonly=on" "--isolate=full -drive dropped"; do
        args=()
        [[ $how != *-drive* ]] || args=(-drive "file=$fs/a.raw,format=raw,if=none,id=d")
        [[ $how != *readonly=on ]] || args[1]+=,readonly=on
        # shellcheck disable=SC2086 # words
        waiting --name iso ${how%% -drive*}
        # QEMU has it open, which is said.
        [[ $how != *dropped ]] || virt-priv-chown drop --name iso --disk "$fs/a.raw" --force || true
        run ! grep ^owner /var/lib/virt-privileges/claims/iso
        virt-priv-chown add --name iso --disk "$fs/added.raw"
        [ "$(stat -c %u:%g "$fs/added.raw")" = "$(isolated_id):$(isolated_id)" ]
        opens "$fs/added.raw"
        gone
        [ "$(stat -c %U:%G "$fs/added.raw")" = alice:alice ]
    done
    # Its runner is killed, and it goes on.
    waiting --name iso --isolate=full
    kill -KILL "$runner"
    eventually ended "$runner"
    virt-priv-chown add --name iso --disk "$fs/added.raw"
    [ "$(stat -c %u "$fs/added.raw")" = "$(isolated_id)" ]
    opens "$fs/added.raw"
    kill "$pid"
    eventually ended "$pid"
    virt-priv-chown recover
    [ "$(stat -c %U:%G "$fs/added.raw")" = alice:alice ]
    nothing_left
}

@test "add is refused where it cannot be determined whom a disk is for" {
    local name
    for name in a b c; do
        make blank root:root 600 "$fs/$name.raw"
    done
    cat >"$fs/domain.xml" <<END
<domain type='kvm'><name>v</name><devices>
<disk type='file'><source file='$fs/a.raw'><seclabel model='dac'><label>+6001:+6001</label></seclabel></source><target dev='vda'/></disk>
<disk type='file'><source file='$fs/b.raw'><seclabel model='dac'><label>+6002:+6002</label></seclabel></source><target dev='vdb'/></disk>
</devices></domain>
END
    virt-priv-chown claim --domain "$fs/domain.xml"
    [ "$(stat -c %u "$fs/a.raw" "$fs/b.raw" | paste -sd ' ')" = "6001 6002" ]
    run -2 virt-priv-chown add --name v --disk "$fs/c.raw"
    echo "$output"
    [[ $output == *"VM 'v': cannot determine the owner of a further disk, since $fs/a.raw was given to 6001:6001, and $fs/b.raw to 6002:6002"* ]]
    [ "$(stat -c %u:%g "$fs/c.raw")" = 0:0 ]
    virt-priv-chown drop --name v --disk "$fs/b.raw"
    virt-priv-chown release --name v
}

@test "add: a disk that is read-only or shared is visible, and can be written to only where it is shared" {
    make blank alice:alice 644 "$fs/ro.raw"
    make blank alice:alice 666 "$fs/shared.raw"
    make blank alice:alice 600 "$fs/granted.raw"
    make dir root:root 700 "$fs/deep"
    make blank root:root 644 "$fs/deep/ro"
    plain
    mkdir "$fs/run"
    args+=(-qmp "unix:$fs/run/qmp,server=on,wait=off")
    start
    runs
    run ! opens "$fs/ro.raw"
    virt-priv-chown add --name iso --grant-read --disk "$fs/ro.raw,readonly" --disk "$fs/shared.raw,shared" \
        --disk "$fs/granted.raw,readonly" --disk "$fs/deep/ro,readonly"
    local name
    for name in ro.raw granted.raw deep/ro; do
        mounts | grep -q "^$fs/$name ro,nosuid,nodev,noexec"
        opens "$fs/$name\",\"read-only\":true,\"discard\":\"ignore"
        qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    done
    mounts | grep -q "^$fs/shared.raw rw,nosuid,nodev,noexec"
    opens "$fs/shared.raw"
    qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    run -1 opens "$fs/ro.raw"
    [[ $output == *"Could not open '$fs/ro.raw'"* ]]
    # What is there for writing stays so; what is only read can be added for writing.
    virt-priv-chown add --name iso --disk "$fs/a.raw,readonly" --disk "$fs/granted.raw"
    [ "$(mounts | grep -c "^$fs/a.raw ")" = 1 ]
    opens "$fs/granted.raw"
    qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    virt-priv-chown drop --name iso --disk "$fs/ro.raw" --disk "$fs/shared.raw" --disk "$fs/granted.raw" --disk "$fs/deep/ro"
    run ! grep "ro.raw\|shared.raw\|granted.raw\|deep" <(mounts)
    run -1 virt-priv-chown drop --name iso --disk "$fs/ro.raw"
    [[ $output == *"$fs/ro.raw is not claimed by VM 'iso'"* ]]
    run -1 virt-priv-chown drop --name iso --disk /usr
    mounts | grep -q '^/usr '
    # A link of a user's leads to what the VM could read, and the user could not name.
    users_link
    run -1 virt-priv-chown add --name iso --disk "$fs/users/link,readonly"
    echo "$output"
    [[ $output == *"nothing was changed"* ]]
    run ! grep users <(mounts)
    leave
    nothing_left
}

users_link() {
    make dir alice:alice 755 "$fs/users"
    ln -s "$fs/deep/ro" "$fs/users/link"
    chown -h alice:alice "$fs/users/link"
}

@test "a VM that is started again while add or drop begins: nothing is changed" {
    local command how
    make blank root:root 600 "$fs/added.raw"
    args=()
    waiting --name two --isolate=full
    local other=$runner
    grep ^holder /var/lib/virt-privileges/claims/two >"$BATS_TEST_TMPDIR/holder"
    rm "$fs/run/qmp"
    waiting --name iso --isolate=full
    for how in add drop; do
        [ $how = add ] || virt-priv-chown add --name iso --disk "$fs/added.raw"
        cp /var/lib/virt-privileges/claims/iso "$BATS_TEST_TMPDIR/journal"
        # It has read the claim, and waits for the lock.
        exec {lock}</var/lib/virt-privileges/claims/.lock
        flock -s $lock
        virt-priv-chown $how --name iso --disk "$fs/added.raw" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- {lock}<&- &
        command=$!
        eventually waits_for_lock $command
        sed -i "s/^holder .*/$(cat "$BATS_TEST_TMPDIR/holder")/" /var/lib/virt-privileges/claims/iso
        exec {lock}<&-
        wait $command && false
        cat "$BATS_TEST_TMPDIR/said"
        grep -q "VM 'iso': its claim was changed by another process meanwhile; try again" "$BATS_TEST_TMPDIR/said"
        if [ $how = add ]; then
            [ "$(stat -c %u:%g "$fs/added.raw")" = 0:0 ]
            run ! grep added.raw <(mounts)
        else
            [ "$(stat -c %u "$fs/added.raw")" = "$(isolated_id)" ]
            mounts | grep -q "^$fs/added.raw "
        fi
        cp "$BATS_TEST_TMPDIR/journal" /var/lib/virt-privileges/claims/iso
    done
    kill "$pid"
    eventually ended "$runner"
    pid=$(qemu_of "$other") runner=$other
    gone
    [ "$(stat -c %u:%g "$fs/added.raw")" = 0:0 ]
}

# waits_for_lock PID: in flock(2), with LOCK_EX alone.
waits_for_lock() {
    grep -q '^73 0x[0-9a-f]* 0x2 ' "/proc/$1/syscall"
}

@test "a claim that is another one, of nobody, by the time that add has its lock: nothing is changed" {
    local command name claims=/var/lib/virt-privileges/claims
    for name in a b c; do
        make blank root:root 600 "$fs/$name.raw"
    done
    settings 'user = "alice"' 'group = "alice"'
    virt-priv-chown claim --name v --disk "$fs/a.raw"
    rm /etc/libvirt/qemu.conf
    virt-priv-chown claim --name w --disk "$fs/b.raw"
    cp $claims/v "$BATS_TEST_TMPDIR/v"
    exec {lock}<$claims/.lock
    flock -s $lock
    virt-priv-chown add --name v --disk "$fs/c.raw" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- {lock}<&- &
    command=$!
    eventually waits_for_lock $command
    sed 's/^name w$/name v/' $claims/w >$claims/v
    exec {lock}<&-
    wait $command && false
    grep "VM 'v': its claim was changed by another process meanwhile; try again" "$BATS_TEST_TMPDIR/said"
    [ "$(stat -c %u:%g "$fs/c.raw")" = 0:0 ]
    cat "$BATS_TEST_TMPDIR/v" >$claims/v
    virt-priv-chown release --name v
    virt-priv-chown release --name w
    nothing_left
}

@test "add and drop reach a VM that was started in a chroot" {
    make blank root:root 600 "$fs/added.raw"
    plain
    mkdir -p "$fs/run" /mnt/chroot
    args+=(-qmp "unix:$fs/run/qmp,server=on,wait=off")
    mount --rbind / /mnt/chroot
    mount --make-rprivate /mnt/chroot
    wrapper=(chroot /mnt/chroot)
    start
    runs
    chroot /mnt/chroot "$(command -v virt-priv-chown)" add --name iso --disk "$fs/added.raw"
    run mounts
    [[ $output == *"$fs/added.raw rw,nosuid,nodev,noexec"* ]] || { umount -l /mnt/chroot && false; }
    opens "$fs/added.raw"
    qmp '{"execute":"blockdev-del","arguments":{"node-name":"n1"}}'
    chroot /mnt/chroot "$(command -v virt-priv-chown)" drop --name iso --disk "$fs/added.raw"
    run ! grep added.raw <(mounts)
    [ "$(stat -c %u:%g "$fs/added.raw")" = 0:0 ]
    leave
    umount -l /mnt/chroot
    nothing_left
}

@test "drop follows no link that QEMU has made, and finds a disk that was renamed" {
    plain
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mkdir /dev/shm/images
    make blank root:root 600 /dev/shm/images/passwd
    make blank root:root 600 "$fs/target.raw"
    ln -s target.raw "$fs/link.raw"
    start
    runs
    # A mount that the VM would miss.
    local file
    file=$(mounts | sed -n 's|^/etc/\([^ /]*\) .*|\1|p' | head -n 1)
    mv /dev/shm/images/passwd "/dev/shm/images/$file"
    virt-priv-chown add --name iso --disk "/dev/shm/images/$file" --disk "$fs/link.raw"
    mounts | grep -q "^/dev/shm/images/$file "
    # As QEMU can, in a file system of its own.
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" -S "$(isolated_id)" -G "$(isolated_id)" \
        /usr/bin/mv /dev/shm/images /dev/shm/elsewhere
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" -S "$(isolated_id)" -G "$(isolated_id)" \
        /usr/bin/ln -s /etc /dev/shm/images
    mv "$fs/target.raw" "$fs/renamed.raw"
    virt-priv-chown drop --name iso --disk "/dev/shm/images/$file" --disk "$fs/target.raw"
    mounts | grep -q "^/etc/$file "
    run ! grep "elsewhere\|link.raw" <(mounts)
    [ "$(stat -c %u "/dev/shm/images/$file" "$fs/renamed.raw" | paste -sd ' ')" = "0 0" ]
    leave
    umount /dev/shm
    nothing_left
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
    run -0 virt-priv-run --stop web1 --timeout 20
    [ ! -e "/run/virt-privileges/.id-$id" ] && [ ! -e /run/virt-privileges/web1 ]
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
    main=$(pgrep -f '^sleep 601')
    kill -KILL $runner
    eventually ended $runner
    # Its QEMU goes on, which has claimed nothing.
    virt-priv-chown recover
    [ "$(pgrep -cx sleep)" = 2 ]
    kill "$main"
    eventually ended "$main"
    [ "$(ps -o uid= -C sleep | tr -d ' ')" = "$id" ]
    virt-priv-chown recover
    # Who has ended may not have been waited for yet.
    eventually sleeping 0
    nothing_left
}

# migrate HOW: from the VM of $fs/run/src to that of $fs/run/dst, by TCP or by descriptors of one socket.
migrate() {
    /usr/bin/python3 - "$fs/run" "$1" <<'PYTHON'
import json, socket, sys, time

class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.do("qmp_capabilities")

    def do(self, command, fd=None, **arguments):
        words = json.dumps({"execute": command, "arguments": arguments}).encode()
        socket.send_fds(self.socket, [words], [fd] if fd is not None else [])
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                sys.exit(f"{command}: {answer}")
            if "return" in answer:
                return answer["return"]

src, dst = (Monitor(f"{sys.argv[1]}/{name}") for name in ("src", "dst"))
if sys.argv[2] == "fd":
    ends = socket.socketpair()
    dst.do("getfd", fd=ends[0].fileno(), fdname="m")
    dst.do("migrate-incoming", uri="fd:m")
    src.do("getfd", fd=ends[1].fileno(), fdname="m")
src.do("migrate", uri="fd:m" if sys.argv[2] == "fd" else "tcp:127.0.0.1:4466")
end = time.monotonic() + 60
while (status := src.do("query-migrate")["status"]) != "completed":
    if status == "failed" or time.monotonic() > end:
        sys.exit(f"migration: {status}")
    time.sleep(0.05)
while dst.do("query-status")["status"] != "running":
    if time.monotonic() > end:
        sys.exit("the receiver does not run")
    time.sleep(0.05)
for monitor in (src, dst):
    monitor.do("quit")
PYTHON
}

@test "migration between isolated VMs: by TCP with --share-network, and by descriptors without" {
    mkdir "$fs/run"
    local how incoming more
    for how in tcp fd; do
        incoming=defer more=()
        [ $how = fd ] || incoming=tcp:127.0.0.1:4466 more=(--share-network)
        nsenter --net=/run/vm.net virt-priv-run --isolate=full --name dst -- qemu-system-x86_64 "${machine[@]}" \
            -qmp "unix:$fs/run/dst,server=on,wait=off" -incoming $incoming </dev/null >/mnt/vm.out 2>&1 3>&- &
        helpers_started+=("$!")
        nsenter --net=/run/vm.net virt-priv-run --isolate=full "${more[@]}" --name src -- qemu-system-x86_64 "${machine[@]}" \
            -qmp "unix:$fs/run/src,server=on,wait=off" </dev/null >/mnt/vm1.out 2>&1 3>&- &
        helpers_started+=("$!")
        eventually test -S "$fs/run/src"
        eventually test -S "$fs/run/dst"
        migrate $how
        wait
        nothing_left
    done
}

# monitor COMMAND: of people's monitor, which says nothing if all is well.
monitor() {
    local said
    said=$(qmp "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"$1\"}}")
    [[ $said == *"{'return': ''}"* ]] || { echo "$said" && false; }
}

@test "a screendump, savevm and loadvm, a live snapshot and its commit" {
    make qcow2 root:root 600 "$fs/a.qcow2"
    mkdir "$fs/run"
    args=(-name iso -drive "file=$fs/a.qcow2,format=qcow2,if=none,id=d0" -device virtio-blk-pci,drive=d0 -vga std
        -qmp "unix:$fs/run/qmp,server=on,wait=off")
    start
    runs
    qmp '{"execute":"screendump","arguments":{"filename":"/run/virt-privileges/iso/screen"}}'
    [ "$(head -c 2 /run/virt-privileges/iso/screen)" = P6 ]
    run -1 qmp '{"execute":"screendump","arguments":{"filename":"/srv/screen"}}'
    monitor "savevm one"
    monitor "loadvm one"
    qemu-img create -q -u -f qcow2 -F qcow2 -b "$fs/a.qcow2" "$fs/snapshot" 1M
    virt-priv-chown add --name iso --disk "$fs/snapshot"
    qmp "{\"execute\":\"blockdev-snapshot-sync\",\"arguments\":{\"device\":\"d0\",\"snapshot-file\":\"$fs/snapshot\",\"format\":\"qcow2\",\"mode\":\"existing\"}}"
    has_open "$fs/snapshot"
    qmp '{"execute":"block-commit","arguments":{"device":"d0","job-id":"j"}}'
    eventually ready_to_complete
    qmp '{"execute":"block-job-complete","arguments":{"device":"j"}}'
    eventually lets_go_of "$fs/snapshot"
    virt-priv-chown drop --name iso --disk "$fs/snapshot"
    [ "$(stat -c %u:%g "$fs/snapshot")" = 0:0 ]
    leave
    [ "$status" -eq 33 ]
    qemu-img check -q "$fs/a.qcow2"
    nothing_left
}

ready_to_complete() {
    qmp '{"execute":"query-block-jobs"}' | grep -q "'ready': True"
}

lets_go_of() {
    ! has_open "$1"
}
