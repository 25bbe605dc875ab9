# Nobody waits, with the journals locked, for a disk to keep what was written: what waits for that is beside them,
# and comes right after a power cut.

load chown.bash
bats_require_minimum_version 1.5.0

claims=/var/lib/virt-privileges/claims
aside=/var/lib/virt-privileges/unfinished

teardown() {
    [ -z "${slow:-}" ] || end_slow
    while umount -q /proc/sys/kernel/random/boot_id; do :; done
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /etc/libvirt/qemu.conf
}

# eventually COMMAND...: within a minute.
eventually() {
    local i
    for ((i = 0; i < 600; i++)); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

# slowly CALL COMMAND...: in the background; each such call takes an hour before it is made.
slowly() {
    local call=$1
    shift
    rm -f /mnt/trace
    strace -f -qqq -o /mnt/trace -e trace="$call" -e inject="$call":delay_enter=3600s "$@" >/mnt/out 2>&1 3>&- &
    slow=$!
    eventually grep -q "$call(" /mnt/trace
}

# What a kill leaves: of the command, and of those that it has started.
end_slow() {
    local pid
    for pid in $(children "$slow") "$slow"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait "$slow" 2>/dev/null || true
    slow=
}

children() {
    local pid
    for pid in $(pgrep -P "$1" || true); do
        children "$pid"
        echo "$pid"
    done
}

# A program that is started as QEMU is, and ends at once.
stand_in() {
    printf '#!/bin/sh\n' >/mnt/qemu-stand-in
    chmod 0755 /mnt/qemu-stand-in
}

nothing_waits() {
    [ -z "$(find $aside -mindepth 1 2>/dev/null)" ]
}

@test "a start does not wait for the disk that another one waits for, and a kill there leaves nothing" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    stand_in
    virt-priv-chown claim --name other --disk $fs/b
    slowly fsync virt-priv-run -- /mnt/qemu-stand-in -name slow -drive file=$fs/a,format=raw
    # Others go on, with what is theirs.
    run -0 timeout 60 virt-priv-chown status
    run -0 timeout 60 virt-priv-chown release --name other
    run -0 timeout 60 virt-priv-run -- /mnt/qemu-stand-in -name quick -drive file=$fs/b,format=raw
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice alice:alice" ]
    end_slow
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a)" = alice:alice ]
    [ -z "$(journals)" ]
    nothing_waits
}

@test "no start syncs anything with the journals locked" {
    disk $fs/a alice:alice 0640
    stand_in
    virt-priv-run -- /mnt/qemu-stand-in -name first -drive file=$fs/a,format=raw
    strace -f -qqq -y -o /mnt/trace -e trace=flock,fsync,fdatasync,syncfs,close \
        virt-priv-run -- /mnt/qemu-stand-in -name second -drive file=$fs/a,format=raw
    /usr/bin/python3 -I -S - /mnt/trace <<'EOT'
import re, sys
locked, syncs = set(), 0
for line in open(sys.argv[1], encoding="utf-8"):
    pid, call = line.split(None, 1)
    if "<unfinished" in call or "resumed>" in call:
        call = re.sub(r"<unfinished.*", "", call)
    if re.match(r"flock\(\d+</var/lib/virt-privileges/claims/\.lock>, LOCK_EX", call):
        locked.add(pid)
    elif re.match(r"close\(\d+</var/lib/virt-privileges/claims/\.lock>", call):
        locked.discard(pid)
    elif re.match(r"(fsync|fdatasync|syncfs)\(", call):
        syncs += 1
        assert pid not in locked, line
assert syncs >= 3, "the journal, its directory and the disk's file system"
EOT
}

@test "what was given back is free while its disk is waited for" {
    disk $fs/a alice:alice 0640
    virt-priv-chown claim --name slow --disk $fs/a
    slowly syncfs virt-priv-chown release --name slow
    [ "$(owner $fs/a) $(journals)" = "alice:alice " ]
    [ -e $aside/slow.released ]
    run -0 timeout 60 virt-priv-chown claim --name slow --disk $fs/a
    [ "$(owner $fs/a)" = qemu:qemu ]
    # It is another's turn to take away what the kill leaves.
    end_slow
    run -0 virt-priv-chown release --name slow
    [ "$(owner $fs/a)" = alice:alice ]
    nothing_waits
}

@test "where the disk can't keep what was given back, the claim is there still" {
    disk $fs/a alice:alice 0640
    virt-priv-chown claim --name v --disk $fs/a
    run -1 strace -qqq -o /mnt/trace -e inject=syncfs:error=EIO virt-priv-chown release --name v
    [[ $output == *"cannot sync the file system of device "*": Input/output error"* ]]
    [ "$(journals)" = v ]
    nothing_waits
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a) $(journals)" = "alice:alice " ]
}

# left KIND CHANGE: the journal of v, as a power cut leaves it in that place.
left() {
    disk $fs/a alice:alice 0640
    virt-priv-chown claim --name v --disk $fs/a
    mkdir -p $aside
    chmod 0700 $aside
    mv $claims/v $aside/v."$1"
    boot_again
}

@test "after a power cut, what was prepared and what was given back is recovered" {
    local kind
    for kind in prepared released; do
        left $kind
        [ "$(owner $fs/a) $(journals)" = "qemu:qemu " ]
        run -0 virt-priv-chown recover
        [ "$(owner $fs/a) $(journals)" = "alice:alice " ]
        nothing_waits
        umount /proc/sys/kernel/random/boot_id
    done
}

@test "a VM that was started again before the power cut has both of its journals recovered" {
    left released
    umount /proc/sys/kernel/random/boot_id
    disk $fs/b alice:alice 0640
    # As a process that lives has it.
    /usr/bin/python3 -I -S - $aside/v.released >/mnt/locked <<'EOT' 3>&- &
import fcntl, struct, sys, time
with open(sys.argv[1], "r+b") as file:
    fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    print("locked", flush=True)
    time.sleep(3600)
EOT
    local holder=$!
    eventually grep -q locked /mnt/locked
    virt-priv-chown claim --name v --disk $fs/b
    kill -KILL $holder
    wait $holder || true
    boot_again
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "alice:alice alice:alice " ]
    nothing_waits
}

@test "what is torn, of this boot or not root's is no claim" {
    left prepared
    truncate -s -10 $aside/v.prepared
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu " ]
    nothing_waits
    umount /proc/sys/kernel/random/boot_id
    chown alice:alice $fs/a
    left prepared
    umount /proc/sys/kernel/random/boot_id
    run -0 virt-priv-chown recover
    [ -z "$(journals)" ]
    nothing_waits
    chown alice:alice $fs/a
    left prepared
    chown alice $aside/v.prepared
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu " ]
    rm $aside/v.prepared
}
