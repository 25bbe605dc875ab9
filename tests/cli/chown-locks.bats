# Locks and leases that others have on a disk: waited for within limits, and nobody waits for that.

load chown.bash

teardown() {
    end_holders
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /etc/libvirt/qemu.conf
}

@test "three disks that a leftover process has locked: another VM's claim and release do not wait" {
    local i words=()
    disk $fs/other alice:alice 0640
    for i in 1 2 3; do
        disk $fs/$i alice:alice 0640
        words+=(--disk "$fs/$i")
    done
    disk $fs/free alice:alice 0640
    run -0 virt-priv-chown claim --name v "${words[@]}" --disk $fs/free
    local named=()
    for i in 1 2 3; do
        hold qemu $fs/$i "lock write"
        named+=("$holder")
    done
    in_background virt-priv-chown release --name v --force
    waits
    # What is not locked is given back already, and another VM starts and ends meanwhile.
    run -0 virt-priv-chown claim --name w --disk $fs/other
    run -0 virt-priv-chown release --name w
    kill -0 $waiter
    [ "$(owner $fs/free) $(owner $fs/1) $(owner $fs/other)" = "alice:alice qemu:qemu alice:alice" ]
    ends_with 1
    cat "$BATS_TEST_TMPDIR/said"
    for i in 1 2 3; do
        grep -qF "$fs/$i: process ${named[i - 1]} ($(readlink -f /usr/bin/python3)) has held libvirt's metadata lock on it for more than 5 s; terminate it (kill ${named[i - 1]}), or wait until it is released, then try again" "$BATS_TEST_TMPDIR/said"
    done
    [ "$(journals)" = v ]
    # What helps does.
    kill "${named[@]}"
    wait "${named[@]}" || true
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/1) $(owner $fs/2) $(owner $fs/3)$(journals)" = "alice:alice alice:alice alice:alice" ]
}

@test "the waiting of a call is limited as a whole" {
    local i begin words=()
    for i in 1 2 3 4; do
        disk $fs/$i alice:alice 0640
        words+=(--disk "$fs/$i")
    done
    run -0 virt-priv-chown claim --name v "${words[@]}"
    for i in 1 2 3 4; do hold qemu $fs/$i "lock write"; done
    begin=$(awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime)
    run -1 virt-priv-chown release --name v --force
    took=$(($(awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime) - begin))
    echo "# $took ms with four locks" >&3
    [ "$took" -ge 5000 ] && [ "$took" -lt 15000 ]
}

@test "a lock that goes while it is waited for: claim, drop, recover and release go on" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    go_on() {
        in_background "$@"
        waits
        kill "$holder"
        wait $waiter
        [ ! -s "$BATS_TEST_TMPDIR/said" ] || [[ $* == *claim* ]]
    }
    hold alice $fs/a "lock write"
    go_on virt-priv-chown claim --name v --disk $fs/a
    # What is claimed is said once.
    [ "$(grep -c "^claim" "$BATS_TEST_TMPDIR/said")" = 1 ]
    [ "$(owner $fs/a) $(remembered $fs/a)" = "qemu:qemu +6001:+6001 1" ]
    run -0 virt-priv-chown add --name v --disk $fs/b
    hold qemu $fs/a "lock write"
    go_on virt-priv-chown drop --name v --force --disk $fs/a --disk $fs/b
    [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "alice:alice alice:alice v" ]
    run -0 virt-priv-chown release --name v
    sleep 600 3>&- &
    local pid=$!
    run -0 virt-priv-chown claim --name v --disk $fs/a --pid $pid
    kill $pid
    wait $pid || true
    # What a process of the account has open stays claimed; this is another one's.
    hold root $fs/a "lock write"
    go_on virt-priv-chown recover
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a claim that waits takes nothing meanwhile, and sees what came between" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    hold alice $fs/b "lock write"
    in_background virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    waits
    [ "$(owner $fs/a) $(owner $fs/b)$(remembered $fs/a)" = "alice:alice alice:alice" ]
    # Another VM takes one of them.
    run -0 virt-priv-chown claim --name w --disk $fs/a
    kill "$holder"
    ends_with 1
    cat "$BATS_TEST_TMPDIR/said"
    grep -qF "$fs/a (--disk): claimed by VM 'w'" "$BATS_TEST_TMPDIR/said"
    [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "qemu:qemu alice:alice w" ]
}

@test "a release that waits leaves a claim alone that was made anew meanwhile" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    hold qemu $fs/a "lock write"
    in_background virt-priv-chown release --name v --force
    waits
    cp /var/lib/virt-privileges/claims/v /var/lib/virt-privileges/claims/.v.copy
    mv /var/lib/virt-privileges/claims/.v.copy /var/lib/virt-privileges/claims/v
    kill "$holder"
    ends_with 1
    cat "$BATS_TEST_TMPDIR/said"
    grep -qF "VM 'v': its claim was changed by another process meanwhile" "$BATS_TEST_TMPDIR/said"
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    run -0 virt-priv-chown release --name v
}

@test "a lock of who may only read the disk keeps nobody waiting" {
    disk $fs/a alice:alice 0644
    hold bob $fs/a "lock read"
    run -0 timeout 4 virt-priv-chown claim --name v --disk $fs/a
    [ "$(owner $fs/a)" = qemu:qemu ]
    hold bob $fs/a "lock read"
    run -0 timeout 4 virt-priv-chown release --name v
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a lock of the POSIX kind is named, too" {
    disk $fs/a alice:alice 0640
    /usr/bin/python3 -c 'import fcntl, signal, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("ok", flush=True)
signal.pause()' $fs/a >"$BATS_TEST_TMPDIR/locked" 3>&- &
    holders+=($!)
    until [ -s "$BATS_TEST_TMPDIR/locked" ]; do sleep 0.02; done
    run -1 virt-priv-chown claim --name v --disk $fs/a
    echo "$output"
    [[ $output == *"$fs/a: process ${holders[0]} ("*"python3"*") has held libvirt's metadata lock"*"nothing was changed"* ]]
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a lease of its owner's at the claim: waited for, and the holder is named" {
    local kind
    for kind in read write; do
        disk $fs/$kind alice:alice 0640
        hold alice $fs/$kind "lease $kind"
        run -1 virt-priv-chown claim --name v --disk $fs/$kind
        echo "$output"
        [[ $output == *"$fs/$kind: process $holder ("*"python3"*") has a lease on it"*"kill $holder"*"nothing was changed"* ]]
        [ "$(owner $fs/$kind)$(remembered $fs/$kind)$(journals)" = alice:alice ]
        kill "$holder"
        wait "$holder" || true
        run -0 virt-priv-chown claim --name v --disk $fs/$kind
        run -0 virt-priv-chown release --name v
    done
}

@test "recover --libvirt waits for all of its files at once" {
    local i begin
    for i in 1 2 3; do
        disk $fs/$i qemu:qemu 0640
        /usr/bin/python3 -c '
import os, sys
for name, value in ("dac", "+6001:+6001"), ("ref_dac", "1"), ("timestamp_dac", "1000"):
    os.setxattr(sys.argv[1], "trusted.libvirt.security." + name, value.encode())' $fs/$i
    done
    hold qemu $fs/1 "lock write"
    hold qemu $fs/2 "lock write"
    begin=$(awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime)
    run -1 virt-priv-chown recover --libvirt $fs/1 $fs/2 $fs/3
    took=$(($(awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime) - begin))
    echo "$took ms: $output"
    [[ $output == *"$fs/1: process ${holders[0]}"*"$fs/2: process ${holders[1]}"* ]]
    [ "$took" -lt 9000 ]
    [ "$(owner $fs/1) $(owner $fs/3)" = "qemu:qemu alice:alice" ]
}
