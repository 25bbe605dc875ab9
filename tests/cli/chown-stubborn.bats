# What keeps a disk from being given back, by QEMU's doing or by bad luck: it is given back all the same, or stays
# claimed and is nobody's but its owner's. And what can't be seen is never taken for nobody.

load chown.bash

teardown() {
    end_holders
    mount -o remount,hidepid=0 /proc
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /mnt/other.img
    [ -z "${loop-}" ] || losetup -d "$loop"
}

# on TYPE [OPTION]: a new file system of that type on $other; again OPTION: the same, mounted with that.
other=/mnt/fs/other
on() {
    mkdir -p $other
    if [ "$1" = tmpfs ]; then
        mount -t tmpfs -o mode=0755 tmpfs $other
        return
    fi
    rm -f /mnt/other.img
    truncate -s 320M /mnt/other.img
    "mkfs.$1" -q /mnt/other.img >/dev/null
    again defaults
    chmod 0755 $other
}
again() {
    ! mountpoint -q $other || umount $other
    mount -o "loop,$1" /mnt/other.img $other
}

as_qemu() {
    setpriv --reuid qemu --regid qemu --clear-groups "$@"
}

# evil FILE COMMAND: the answer of code in QEMU.
evil() {
    as_qemu tests/lib/escaped-qemu "$1" <<<"$2"
}

# without CAPABILITIES COMMAND...: as a root of a container has it.
without() {
    setpriv --bounding-set "$1" "${@:2}"
}

@test "a write lease of QEMU's on each file system: no entry is lost, and the disk comes back" {
    local type
    for type in tmpfs btrfs xfs ext4; do
        on $type
        disk $other/a alice:alice 0640
        run -0 virt-priv-chown claim --name v --disk $other/a
        hold qemu $other/a "lease write"
        run -1 virt-priv-chown release --name v
        [[ $output == *"VM 'v' is running: process $holder (escaped-qemu) has $other/a open"* ]]
        [ "$(owner $other/a) $(journals)" = "qemu:qemu v" ]
        # It can be told from its file system all the same.
        run -1 virt-priv-chown release --name v --force
        [[ $output == *"process $holder still has it open"* ]]
        [ "$(owner $other/a)$(journals)" = alice:alice ]
        kill "$holder"
        wait "$holder" || true
        umount $other
    done
}

@test "a write lease of the owner's at the claim: what is written down is what is found again" {
    local type said=$BATS_TEST_TMPDIR/said
    for type in tmpfs btrfs xfs; do
        on $type
        disk $other/a alice:alice 0640
        run -0 virt-priv-chown claim --name v --disk $other/a
        cp /var/lib/virt-privileges/claims/v "$BATS_TEST_TMPDIR/first"
        run -0 virt-priv-chown release --name v
        hold alice $other/a "lease write"
        virt-priv-chown claim --name v --disk $other/a >"$said" 2>&1 3>&- &
        local waiter=$! i
        for ((i = 0; i < 2000; i++)); do
            # It waits without the journals: clock_nanosleep, 230.
            ! grep -q '^230 ' "/proc/$waiter/syscall" || break
            sleep 0.02
        done
        kill "$holder"
        wait $waiter
        diff <(grep ^filesystem "$BATS_TEST_TMPDIR/first") <(grep ^filesystem /var/lib/virt-privileges/claims/v)
        run -0 virt-priv-chown release --name v
        [ "$(owner $other/a)$(journals)" = alice:alice ]
        umount $other
    done
}

@test "a claim that waits for a lock does not forget --force-in-use" {
    disk $fs/a alice:alice 0640
    truncate -s 8M $fs/image
    mkfs.ext4 -q -F $fs/image
    loop=$(losetup -f --show $fs/image)
    mkdir $fs/m
    mount $loop $fs/m
    mknod -m 0660 $fs/node b "$(stat -c '0x%t' $loop)" "$(stat -c '0x%T' $loop)"
    hold alice $fs/a "lock write"
    virt-priv-chown claim --name v --disk $fs/a --disk $fs/node --force-in-use $fs/node 3>&- &
    local waiter=$! i
    for ((i = 0; i < 2000; i++)); do
        ! grep -q '^230 ' "/proc/$waiter/syscall" || break
        sleep 0.02
    done
    kill "$holder"
    wait $waiter
    [ "$(owner $fs/a) $(owner $fs/node)" = "qemu:qemu qemu:qemu" ]
    run -0 virt-priv-chown release --name v
}

@test "attributes that take the room of the ACL that QEMU has removed: all comes back" {
    local before
    # Inodes without room of their own: one block for all attributes.
    mkdir $other
    truncate -s 8M /mnt/other.img
    mkfs.ext4 -q -F -I 128 /mnt/other.img 2>/dev/null
    again defaults
    disk $other/a alice:alice 0640
    setfacl -m u:bob:r $other/a
    before=$(state $other/a)
    run -0 virt-priv-chown claim --name v --disk $other/a
    as_qemu setfacl -b $other/a
    as_qemu chmod 0666 $other/a
    as_qemu /usr/bin/python3 -c 'import os, sys
for size in 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 1:
    try:
        for n in range(100):
            os.setxattr(sys.argv[1], f"user.{size}.{n}", b"x" * size)
    except OSError:
        pass' $other/a
    run -1 virt-priv-chown release --name v
    echo "$output"
    diff <(echo "$before") <(echo "$(state $other/a)")
    [ "$(evil $other/a open)$(journals)" = EACCES ]
}

@test "an ACL that cannot be put back: the mode is not left as QEMU made it, and the entry stays" {
    local before
    on btrfs
    disk $other/a alice:alice 0640
    setfacl -m u:bob:r $other/a
    before=$(state $other/a)
    run -0 virt-priv-chown claim --name v --disk $other/a
    [ "$(evil $other/a "acl $(id -u qemu)") $(as_qemu chmod 0666 $other/a)" = "ok " ]
    again noacl
    run -1 virt-priv-chown release --name v
    [[ $output == *"$other/a: cannot read its ACL: Operation not supported; until then, only its owner has access (mode 0600); it stays claimed"* ]]
    [ "$(stat -c %U:%a $other/a) $(journals)" = "alice:600 v" ]
    [ "$(evil $other/a open)" = EACCES ]
    again acl
    [ "$(evil $other/a open)" = EACCES ]
    run -1 virt-priv-chown release --name v
    diff <(echo "$before") <(echo "$(state $other/a)")
    [ "$(evil $other/a open)$(journals)" = EACCES ]
}

@test "more attributes than the kernel lists: said, and all the rest comes back" {
    local type
    for type in xfs btrfs; do
        on $type
        disk $other/a alice:alice 0640
        run -0 virt-priv-chown claim --name v --disk $other/a
        as_qemu chmod 0666 $other/a
        as_qemu /usr/bin/python3 -c 'import os, sys
for n in range(400):
    os.setxattr(sys.argv[1], "user.%03d" % n + "x" * 200, b"x")' $other/a
        run -1 virt-priv-chown release --name v
        echo "$output"
        [[ $output == *"$other/a: it has so many attributes that their names are more than the kernel lists (64 KiB), so they cannot be compared; copy its content to a new file: cp --sparse=always; its mode was changed to 0666; restored to 0640"* ]]
        [ "$(stat -c %U:%a $other/a)$(journals)" = alice:640 ]
        [ "$(evil $other/a open)" = EACCES ]
        # Nothing of it can be remembered, so it is not claimed, with the same help.
        run -1 virt-priv-chown claim --name v --disk $other/a
        [[ $output == *"copy its content to a new file: cp --sparse=always"* ]]
        cp --sparse=always $other/a $other/b
        run -0 virt-priv-chown claim --name v --disk $other/b
        run -0 virt-priv-chown release --name v
        umount $other
    done
}

@test "thousands of ACL entries and attributes: undone, and said in a few words" {
    local before
    on xfs
    disk $other/a alice:alice 0640
    before=$(state $other/a)
    run -0 virt-priv-chown claim --name v --disk $other/a
    as_qemu /usr/bin/python3 -c 'import os, struct, sys
entries = [(1, 6, 0xffffffff)] + [(2, 6, uid) for uid in range(100000, 105000)] + [(4, 4, 0xffffffff), (16, 6, 0xffffffff), (32, 0, 0xffffffff)]
os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
for n in range(3000):
    os.setxattr(sys.argv[1], "user.%04d" % n, b"")' $other/a
    run -1 virt-priv-chown release --name v
    [[ $output == *"user.0007 and 2992 more; restored"*"its ACL had gained user:100000:rw-,"*" and 4993 more; restored"* ]]
    [ ${#output} -lt 1000 ]
    diff <(echo "$before") <(echo "$(state $other/a)")
}

@test "without CAP_SYS_PTRACE, who has a disk open cannot be seen: nothing is taken away" {
    disk $fs/a alice:alice 0640
    sleep 600 3>&- &
    local vm=$!
    run -0 virt-priv-chown claim --name v --pid $vm --disk $fs/a
    hold qemu $fs/a keep
    local how unseen="cannot determine without CAP_SYS_PTRACE whether process $holder has it open"
    for how in -sys_ptrace -sys_ptrace,-dac_override,-dac_read_search; do
        run -1 without $how virt-priv-chown drop --name v --disk $fs/a
        echo "$output"
        [[ $output == *"$fs/a is not released: $fs/a: $unseen"* ]]
    done
    kill $vm
    wait $vm || true
    run -1 without -sys_ptrace virt-priv-chown recover
    [[ $output == *"$fs/a: $unseen, so it stays"* ]]
    run -1 without -sys_ptrace virt-priv-chown release --name v
    [[ $output == *"VM 'v' is running: $fs/a: $unseen"* ]]
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    # What has nothing open, as a kernel's thread, or has ended, is no reason.
    kill "$holder"
    wait "$holder" || true
    run -0 without -sys_ptrace virt-priv-chown recover
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a /proc that hides processes, without CAP_SYS_PTRACE: the holder has not ended, and nothing is taken away" {
    local hide vm
    disk $fs/a alice:alice 0640
    for hide in 1 2 4; do
        setpriv --reuid qemu --regid qemu --clear-groups sleep 600 3>&- &
        vm=$!
        holders+=("$vm")
        is "$vm" sleep
        run -0 virt-priv-chown claim --name v --pid "$vm" --disk $fs/a
        mount -o remount,hidepid=$hide /proc
        run -0 virt-priv-chown recover
        run without -sys_ptrace virt-priv-chown recover
        # Root is of the group that the others are shown to, and sees that it runs.
        if [ $hide = 4 ]; then
            [ "$status" -eq 1 ]
            [[ $output == *"VM 'v': cannot determine when process $vm was started"*"not released"* ]]
        fi
        mount -o remount,hidepid=0 /proc
        [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
        kill "$vm"
        wait "$vm" || true
        hold qemu $fs/a keep
        mount -o remount,hidepid=$hide /proc
        run -1 without -sys_ptrace virt-priv-chown recover
        [[ $hide != 4 || $output == *"/proc is mounted with hidepid, and CAP_SYS_PTRACE is missing"* ]]
        mount -o remount,hidepid=0 /proc
        [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
        kill "$holder"
        wait "$holder" || true
        run -0 virt-priv-chown recover
        [ "$(owner $fs/a)$(journals)" = alice:alice ]
    done
}

@test "release: where it cannot be seen who has files open, nothing is released that somebody has open" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    hold qemu $fs/a keep
    mount -o remount,hidepid=4 /proc
    run -1 without -sys_ptrace virt-priv-chown release --name v
    mount -o remount,hidepid=0 /proc
    [[ $output == *"$fs/a: cannot determine which processes have files open: /proc is mounted with hidepid"* ]]
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    kill "$holder"
    wait "$holder" || true
    # That nobody has it open the kernel tells.
    mount -o remount,hidepid=4 /proc
    run without -sys_ptrace virt-priv-chown release --name v
    mount -o remount,hidepid=0 /proc
    [ "$status" -eq 0 ]
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

# libvirt_attributes FILE NAME=VALUE...: what libvirt would write there.
libvirt_attributes() {
    python3 -c 'import os, sys
for word in sys.argv[2:]:
    name, value = word.split("=")
    os.setxattr(sys.argv[1], "trusted.libvirt.security." + name, value.encode())' "$@"
}

@test "attributes of libvirt's: where it cannot be seen who has files open, nothing is claimed or forgotten" {
    disk $fs/a qemu:qemu 0640
    libvirt_attributes $fs/a dac=+1000:+1000 ref_dac=1 "timestamp_dac=$(sed -n 's/^btime //p' /proc/stat)"
    mount -o remount,hidepid=4 /proc
    run without -sys_ptrace virt-priv-chown claim --name v --disk $fs/a
    mount -o remount,hidepid=0 /proc
    [ "$status" -ne 0 ]
    [[ $output == *"cannot determine which processes have files open: /proc is mounted with hidepid"* ]]
    [ "$(remembered $fs/a)$(journals)" = "+1000:+1000 1" ]
    # Claimed beside libvirt, it is not forgotten either.
    disk $fs/b alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/b
    libvirt_attributes $fs/b ref_dac=2
    hold qemu $fs/b keep
    mount -o remount,hidepid=4 /proc
    run -1 without -sys_ptrace virt-priv-chown release --name v --path $fs/b --as-is
    mount -o remount,hidepid=0 /proc
    [[ $output == *"/proc is mounted with hidepid"* && $output != *"process -1"* ]]
    [ "$(owner $fs/b) $(journals)" = "qemu:qemu v" ]
    libvirt_attributes $fs/b ref_dac=1
    kill "$holder"
    wait "$holder" || true
    run -0 virt-priv-chown release --name v
}

@test "an entry is not forgotten while QEMU has its disk open, for another VM to claim it" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    hold qemu $fs/a keep
    run -1 virt-priv-chown release --name v --path $fs/a --as-is
    [[ $output == *"$fs/a stays claimed: process $holder (escaped-qemu) has $fs/a open; end that process first, or remove the entry nevertheless: --force"* ]]
    run -1 virt-priv-chown claim --name w --disk $fs/a
    [ "$(journals)" = v ]
    run -0 virt-priv-chown release --name v --path $fs/a --as-is --force
    [ "$(owner $fs/a)$(journals)" = qemu:qemu ]
}

@test "a lock that QEMU has passed to a process of root's: the one that is to be ended is QEMU's" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    # A daemon of root's that takes descriptors of anybody, which began earlier.
    mkfifo "$BATS_TEST_TMPDIR/whose"
    /usr/bin/python3 -c 'import ctypes, signal
pid = int(input())
call = ctypes.CDLL(None).syscall
handle = call(434, pid, 0)
print(sum(call(438, handle, fd, 0) >= 0 for fd in range(3, 20)) > 0, flush=True)
signal.pause()' <"$BATS_TEST_TMPDIR/whose" >"$BATS_TEST_TMPDIR/root" 3>&- &
    local root=$! i
    holders+=("$root")
    exec 7>"$BATS_TEST_TMPDIR/whose"
    hold qemu $fs/a "lock write"
    [ $root -lt "$holder" ]
    echo "$holder" >&7
    exec 7>&-
    for ((i = 0; i < 2000; i++)); do
        ! grep -q True "$BATS_TEST_TMPDIR/root" || break
        sleep 0.02
    done
    grep -q True "$BATS_TEST_TMPDIR/root"
    run -1 virt-priv-chown release --name v --force
    [[ $output == *"process $holder ("*"terminate it (kill $holder)"* ]]
    # When that has ended, it is root's that has it.
    kill "$holder"
    wait "$holder" || true
    run -1 virt-priv-chown release --name v --force
    [[ $output == *"process $root ("*"; terminate it, or wait"* ]]
    kill $root
    wait $root || true
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a descriptor that QEMU has passed to another user's process: named" {
    disk $fs/a alice:alice 0666
    run -0 virt-priv-chown claim --name v --disk $fs/a
    hold bob $fs/a keep
    run -1 virt-priv-chown release --name v
    [[ $output == *"$fs/a: process $holder still has it open"* ]]
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
    kill "$holder"
    wait "$holder" || true
    # Who only reads it, its owner and root are what they were before.
    run -0 virt-priv-chown claim --name v --disk $fs/a
    hold bob $fs/a "lock read"
    hold alice $fs/a keep
    hold root $fs/a keep
    run -0 virt-priv-chown release --name v
}

@test "a hard link that QEMU has made stands in the way of the next claim, which says how to find it" {
    mkdir -m 1777 $fs/tmp
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    as_qemu ln $fs/a $fs/tmp/evil
    run -1 virt-priv-chown release --name v
    [[ $output == *"$fs/a: it now has 2 hard links, and may be accessible under another name; list them: find -xdev -samefile"* ]]
    run -1 virt-priv-chown claim --name v --disk $fs/a
    [[ $output == *"it has 2 hard links, "*": find $fs -xdev -samefile $fs/a"* ]]
    [ "$(find $fs -xdev -samefile $fs/a | sort | xargs)" = "$fs/a $fs/tmp/evil" ]
}

@test "a copy that was made while QEMU held the disk: what QEMU has left of its ACL is said" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    [ "$(evil $fs/a "acl $(id -u qemu)")" = ok ]
    cp -a $fs/a $fs/copy
    run -1 virt-priv-chown release --name v
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    [[ $output == *"the QEMU user may have set its mode and ACL, which give access to others: user::rw-,user:107:rw-,"*"; see getfacl"* ]]
    run -0 virt-priv-chown release --name c
}

@test "a disk of the claim that was given away meanwhile is not taken for claimed, and one named twice is" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/a
    chown alice:alice $fs/a
    run -1 virt-priv-chown add --name v --disk $fs/a --disk $fs/b
    [[ $output == *"$fs/a (--disk): already claimed by this VM, but now owned by uid 6001; to claim it again, first remove its entry: virt-priv-chown release --name v --path $fs/a --as-is"* ]]
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice alice:alice" ]
    run -0 virt-priv-chown release --name v --path $fs/a --as-is
    [ -z "$(journals)" ]
}

@test "a holder of another pid namespace has not ended" {
    disk $fs/a alice:alice 0640
    sleep 600 3>&- &
    local vm=$!
    holders+=("$vm")
    run -0 virt-priv-chown claim --name v --pid $vm --disk $fs/a
    run -1 unshare --pid --fork --mount-proc virt-priv-chown recover
    [[ $output == *"VM 'v': its process $vm is in another PID namespace; recover it there, or, if the process has ended: virt-priv-chown release --name v --force; not released"* ]]
    run -1 unshare --pid --fork --mount-proc virt-priv-chown release --name v
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    # A journal of before says nothing of it, and is read as before.
    sed -i 's/^\(holder [0-9]* [0-9]*\) [0-9]*$/\1/' /var/lib/virt-privileges/claims/v
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    kill $vm
    wait $vm || true
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "what could not be released as it was is not claimed: CAP_CHOWN and CAP_FOWNER" {
    local capability
    disk $fs/a alice:alice 0640
    for capability in chown fowner; do
        run -1 without -$capability virt-priv-chown claim --name v --disk $fs/a
        [[ $output == *"cannot claim $fs/a without CAP_CHOWN and CAP_FOWNER, which restoring its owner, mode and ACL requires; nothing was changed"* ]]
        [ "$(owner $fs/a)$(journals)" = alice:alice ]
    done
    # A release without it says each thing that it could not do, and keeps the entry.
    run -0 virt-priv-chown claim --name v --disk $fs/a
    [ "$(evil $fs/a "acl $(id -u qemu)")" = ok ]
    run -1 without -fowner virt-priv-chown release --name v
    [[ $output == *"cannot restore its ACL: Operation not permitted; cannot restore its mode: Operation not permitted"*"it stays claimed"* ]]
    run -1 virt-priv-chown release --name v
    [ "$(owner $fs/a) $(evil $fs/a open)$(journals)" = "alice:alice EACCES" ]
}
