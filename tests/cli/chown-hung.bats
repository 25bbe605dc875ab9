#!/usr/bin/env bats
# File systems that stop answering, and users who serve one: nobody waits for them but who has to.

load chown.bash
load ../lib/hung.bash

teardown() {
    end_hung
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img"
}

# hang: a server of root's for a disk of alice's, $hung/file, which is claimed as "a" beside others, and
# silent afterwards.
hang() {
    hung=/mnt/hung
    disk /mnt/image alice:alice 0600
    serve $hung /mnt/image uid=6001 gid=6001 mode=600 mount=user_id=0,allow_other
    disk $fs/mine alice:alice 0640
    disk $fs/other bob:bob 0640
    run -0 virt-priv-chown claim --name a --disk $fs/mine --disk $hung/file
    run -0 virt-priv-chown claim --name b --disk $fs/other
    [ "$(owner $hung/file) $(owner $fs/other)" = "qemu:qemu qemu:qemu" ]
    silence
}

# ending: "v" has a claim whose holder was killed, and takes its time to end.
ending() {
    serve /mnt/hung /bin/sleep
    disk $fs/a alice:alice 0640
    silence
    # It waits for an answer to its read, which nothing interrupts once the server has heard of it.
    cat /mnt/hung/file >/dev/null 3>&- &
    holder=$!
    until is_unanswered $holder && grep -q '^State:.S' /proc/$server/status; do
        kill -0 $holder
        sleep 0.02
    done
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a
    kill -KILL $holder
}

@test "recover: a holder that was killed, and takes its time to end, is waited for" {
    ending
    run -0 virt-priv-chown recover --dry-run
    [ "$output" = "" ]
    (sleep 2 && kill -KILL "$server") 3>&- &
    within 30 virt-priv-chown recover
    [ "$status" -eq 0 ]
    [ "$(owner $fs/a) $(journals)" = "alice:alice " ]
}

@test "recover: behind that wait, what was told of other VMs is not told again" {
    ending
    disk $fs/b alice:alice 0640
    sleep 600 3>&- &
    other=$!
    holders+=("$other")
    run -0 virt-priv-chown claim --name w --pid $other --disk $fs/b
    # Another PID namespace than this one.
    sed -i 's/^\(holder [0-9]* [0-9]*\) [0-9]*$/\1 1/' /var/lib/virt-privileges/claims/w
    (sleep 2 && kill -KILL "$server") 3>&- &
    within 30 virt-priv-chown recover
    [ "$status" -eq 1 ]
    [ "$(grep -c "VM 'w': .*; not released" <<<"$output")" -eq 1 ]
    [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "alice:alice qemu:qemu w" ]
}

@test "recover: a holder that was killed and does not end is told of" {
    ending
    within 30 virt-priv-chown recover
    [ "$status" -eq 1 ]
    [[ $output == *"VM 'v': its process $holder is ending, but has not ended within 20 s; not released; once it has ended: virt-priv-chown recover"* ]]
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
}

@test "a user's descriptor of an overlay on a FUSE mount of hers that does not answer" {
    disk $fs/a bob:bob 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    attack /bin/sleep '
        sleep 1000 7</mnt/attack/merged/file & holder=$!
        until [ -L /proc/$holder/fd/7 ]; do sleep 0.05; done
        wait_here'
    [ "$(readlink "/proc/$holder/fd/7")" = /mnt/attack/merged/file ]
    within 4 virt-priv-chown release --name v
    [ "$status" -eq 0 ]
    [ "$(owner $fs/a)" = bob:bob ]
}

@test "who has a file open is told by device and inode number, on each file system" {
    local type what
    mkdir -p /mnt/on
    for type in ext4 xfs btrfs tmpfs overlay block; do
        rm -f /mnt/on.img
        truncate -s 320M /mnt/on.img
        case $type in
        tmpfs) mount -t tmpfs -o mode=0755 tmpfs /mnt/on ;;
        overlay)
            mkdir -p /mnt/over/{lower,upper,work}
            mount -t tmpfs -o mode=0755 tmpfs /mnt/over/lower
            mount -t overlay -o lowerdir=/mnt/over/lower,upperdir=/mnt/over/upper,workdir=/mnt/over/work overlay /mnt/on
            ;;
        block) mount -t tmpfs -o mode=0755 tmpfs /mnt/on ;;
        *)
            "mkfs.$type" -q /mnt/on.img
            mount -o loop /mnt/on.img /mnt/on
            ;;
        esac
        what=/mnt/on/a
        [ "$type" != btrfs ] || btrfs -q subvolume create /mnt/on/sub 2>/dev/null || true
        [ ! -d /mnt/on/sub ] || what=/mnt/on/sub/a
        if [ "$type" = block ]; then
            loop=$(losetup -f --show /mnt/on.img)
            cp -a "$loop" $what
            chown alice $what
        else
            disk $what alice:alice 0600
        fi
        run -0 virt-priv-chown claim --name v --disk $what
        setpriv --reuid qemu --regid qemu --clear-groups bash -c "exec 7<>$what; echo ready; exec sleep 1000" >/mnt/said 3>&- &
        helper=$!
        says /mnt/said ready
        run virt-priv-chown release --name v --force
        kill -KILL $helper
        wait $helper || true
        [ "$type" != block ] || losetup -d "$loop"
        umount -R /mnt/on
        umount /mnt/over/lower 2>/dev/null || true
        echo "$type: $status $output"
        [ "$status" -eq 1 ]
        [[ $output == *"$what: process $helper still has it open"* ]]
    done
}

@test "a disk on a mount that does not answer: other VMs are given back, and start, without waiting for it" {
    hang
    within 4 virt-priv-chown release --name b
    [ "$status" -eq 0 ]
    [ "$(owner $fs/other)" = bob:bob ]
    within 4 virt-priv-chown claim --name c --disk $fs/other
    [ "$status" -eq 0 ]
    # It says why an entry stays, and asks for that, within the limit and without a lock.
    within 8 virt-priv-chown status
    [[ $status -eq 0 && $output == *"/mnt/hung/file"* ]]
}

@test "its own VM: what answers is given back, the rest stays claimed" {
    hang
    within 15 virt-priv-chown release --name a
    [ "$status" -eq 1 ]
    [[ $output == *"/mnt/hung/file: a file system of its parent directories does not answer; it stays claimed"* ]]
    [ "$(owner $fs/mine)" = alice:alice ]
    [ "$(journals)" = $'a\nb' ]
    # While it is waited for, nobody else waits.
    virt-priv-chown release --name a >/mnt/said 2>&1 3>&- &
    local waiting=$!
    until [[ $(cat /proc/[0-9]*/comm 2>/dev/null) == *vp-attempt* ]]; do sleep 0.05; done
    within 4 virt-priv-chown release --name b
    [ "$status" -eq 0 ]
    kill -0 $waiting
    wait $waiting || true
    [ "$(journals)" = a ]
}

@test "recover goes on with other VMs" {
    hang
    sed -i 's/^boot .*/boot 11111111-1111-1111-1111-111111111111/' /var/lib/virt-privileges/claims/{a,b}
    within 15 virt-priv-chown recover
    [ "$status" -eq 1 ]
    [[ $output == *"/mnt/hung/file: a file system of its parent directories does not answer; it stays claimed"* ]]
    [ "$(owner $fs/mine) $(owner $fs/other)" = "alice:alice bob:bob" ]
    [ "$(journals)" = a ]
}

@test "claim, add and drop name what does not answer, and change nothing" {
    hang
    disk $fs/new bob:bob 0640
    within 15 virt-priv-chown claim --name c --disk $fs/new --disk $hung/file
    [ "$status" -eq 1 ]
    [[ $output == *"$hung/file (--disk): cannot reach $hung/file: not answered in 5 s"* ]]
    [ "$(owner $fs/new)" = bob:bob ]
    within 15 virt-priv-chown add --name b --disk $hung/file
    [ "$status" -eq 1 ]
    within 15 virt-priv-chown drop --name a --disk $hung/file
    [ "$status" -eq 1 ]
    within 15 virt-priv-chown status $hung/file $fs/new
    [[ $status -eq 1 && $output == *"not answered in 5 s"* && $output == *"$fs/new"* ]]
    [ "$(journals)" = $'a\nb' ]
}

@test "what lies next to a disk, and leads to what does not answer, is not taken for another one" {
    mkdir -p $fs/next
    serve /mnt/hung /bin/sleep
    ln -s /mnt/hung/file $fs/next/link
    touch $fs/next/bound
    mount --bind /mnt/hung/file $fs/next/bound
    disk $fs/next/new bob:bob 0640
    silence
    within 15 virt-priv-chown claim --name c --disk $fs/next/new --disk $fs/next/link --disk $fs/next/bound
    [ "$status" -eq 1 ]
    [ "$(grep -c '^refuse .*/next/\(link\|bound\) .*not answered in 5 s' <<<"$output")" -eq 2 ]
    [ "$(owner $fs/next/new)" = bob:bob ]
}

@test "many disks on one mount that does not answer are waited for once" {
    hang
    local start=$SECONDS
    within 15 virt-priv-chown claim --name c --disk $hung/file --disk $hung/b --disk $hung/c --disk $hung/d --disk $hung/e
    [ "$status" -eq 1 ]
    # One wait is 5 s.
    [ $((SECONDS - start)) -lt 20 ]
    [ "$(grep -c '^refuse .*not answered' <<<"$output")" -eq 5 ]
}

@test "nothing that is waited for keeps a lock, or the caller's pipes" {
    hang
    # The output is read to its end, though a child still sleeps in the kernel.
    within 15 virt-priv-chown release --name a
    pgrep -x vp-attempt
    flock -n /var/lib/virt-privileges/claims/.lock true
}

@test "whose a file on a user's FUSE mount is said to be does not count" {
    disk /mnt/image root:root 0600
    serve /mnt/theirs /mnt/image uid=0 gid=0 mode=600 mount=user_id=6001,allow_other
    [ "$(owner /mnt/theirs/file)" = root:root ]
    run -1 virt-priv-chown claim --name v --disk /mnt/theirs/file
    echo "$output"
    [[ $output == *"/mnt/theirs is on a FUSE mount of uid 6001, which reports uid 0 as its owner and cannot be trusted"* ]]
    [ -z "$(journals)" ]
    cat >/mnt/image <<<'<domain/>'
    end_hung
    serve /mnt/theirs /mnt/image uid=0 gid=0 mode=600 mount=user_id=6001,allow_other
    run -2 virt-priv-chown claim --domain /mnt/theirs/file
    [[ $output == *"cannot trust the domain XML /mnt/theirs/file"* ]]
    # Her own file is hers, whoever she is mounted by.
    end_hung
    serve /mnt/theirs /mnt/image uid=6001 gid=6001 mode=600 mount=user_id=6001,allow_other
    run -0 virt-priv-chown claim --name v --dry-run --disk /mnt/theirs/file
    # What root serves is as it is said to be.
    end_hung
    serve /mnt/theirs /mnt/image uid=0 gid=0 mode=600 mount=user_id=0,allow_other
    run -0 virt-priv-chown claim --name v --dry-run --disk /mnt/theirs/file
}
