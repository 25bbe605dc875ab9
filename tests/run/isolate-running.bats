# Isolated VMs while they run: disks that are added and dropped, migration, snapshots, screendumps.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolate.bash

# qmp COMMAND...: each is answered without an error; what is said is printed. With "N:" before it, a command
# takes descriptor N along.
qmp() {
    /usr/bin/python3 - "$fs/run/qmp" "$@" <<'PYTHON'
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX)
# It is there a moment before QEMU listens.
end = time.monotonic() + 60
while (error := s.connect_ex(sys.argv[1])) and time.monotonic() < end:
    time.sleep(0.02)
if error:
    sys.exit(f"{sys.argv[1]}: error {error}")
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

# migrate HOW: from the VM of $fs/run/src to that of $fs/run/dst, by TCP or by descriptors of one socket.
migrate() {
    /usr/bin/python3 - "$fs/run" "$1" <<'PYTHON'
import json, socket, sys, time

class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        # It is there a moment before QEMU listens.
        end = time.monotonic() + 60
        while (error := self.socket.connect_ex(path)) and time.monotonic() < end:
            time.sleep(0.02)
        if error:
            sys.exit(f"{path}: error {error}")
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
