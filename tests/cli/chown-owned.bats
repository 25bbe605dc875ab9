# What QEMU, while it owns a disk, can change of it to keep a hold of it: gone after the release.

load chown.bash

teardown() {
    [ -z "${escaped-}" ] || kill "$escaped" 2>/dev/null || true
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /etc/libvirt/qemu.conf
    [ -z "${loop-}" ] || losetup -d "$loop"
}

# attribute FILE NAME VALUE
attribute() {
    /usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], os.fsencode(sys.argv[3]))' "$@"
}

# escape FILE: code that has broken out, as the account; evil COMMAND tells it what to do.
escape() {
    mkfifo "$BATS_TEST_TMPDIR"/{orders,answers}
    setpriv --reuid qemu --regid qemu --clear-groups tests/lib/escaped-qemu "$1" \
        <"$BATS_TEST_TMPDIR/orders" >"$BATS_TEST_TMPDIR/answers" 3>&- &
    escaped=$!
    exec 5>"$BATS_TEST_TMPDIR/orders" 6<"$BATS_TEST_TMPDIR/answers"
}

# evil COMMAND...: its answer on standard output.
evil() {
    local answer
    echo "$*" >&5
    read -r answer <&6
    echo "$answer"
}

# claimed PATH: and escaped there.
claimed() {
    before=$(state "$1")
    run -0 virt-priv-chown claim --name v --disk "$1"
    escape "$1"
}

# as_before PATH: all of it.
as_before() {
    diff <(echo "$before") <(echo "$(state "$1")")
}

acl_attack() {
    claimed "$1"
    [ "$(evil acl "$(id -u qemu)") $(evil open)" = "ok ok" ]
    run -1 virt-priv-chown release --name v
    echo "$output"
    [[ $output == *"$1: its ACL had gained user:107:rw-,mask::rwx; restored"* ]]
    [ -z "$(journals)" ]
    # It has not gone away, and tries again.
    [ "$(evil open) $(evil acl "$(id -u qemu)") $(evil mode 0666)" = "EACCES EPERM EPERM" ]
    as_before "$1"
}

@test "an ACL entry that QEMU gave itself on a 0660 image" {
    disk $fs/a alice:alice 0660
    acl_attack $fs/a
}

@test "an ACL entry that QEMU gave itself on a 0600 image, whose mode its owner widens later" {
    disk $fs/a alice:alice 0600
    acl_attack $fs/a
    # With the entry there, that would have been its mask.
    chmod 0660 $fs/a
    [ "$(evil open)" = EACCES ]
}

@test "an ACL entry that QEMU gave itself on a block node" {
    mkdir -p $fs/dev
    mount -t tmpfs -o mode=0755 tmpfs $fs/dev
    truncate -s 1M $fs/image
    loop=$(losetup -f --show $fs/image)
    mknod -m 0660 $fs/dev/node b "$(stat -c '0x%t' $loop)" "$(stat -c '0x%T' $loop)"
    chgrp disk $fs/dev/node
    acl_attack $fs/dev/node
}

# on TYPE: a file system of that type on $fs/other.
on() {
    mkdir $fs/other
    case $1 in
    tmpfs) mount -t tmpfs -o mode=0755 tmpfs $fs/other ;;
    overlay)
        mount -t tmpfs -o mode=0755 tmpfs $fs/other
        mkdir $fs/other/{lower,upper,work,merged}
        echo lower >$fs/other/lower/a
        mount -t overlay -o lowerdir=$fs/other/lower,upperdir=$fs/other/upper,workdir=$fs/other/work overlay \
            $fs/other/merged
        mount --bind $fs/other/merged $fs/other
        ;;
    *)
        truncate -s 320M /mnt/other.img
        "mkfs.$1" -q /mnt/other.img >/dev/null
        mount -o loop /mnt/other.img $fs/other
        chmod 0755 $fs/other
        ;;
    esac
}

@test "all that its owner can change, on each file system" {
    local type
    for type in ext4 xfs btrfs tmpfs overlay; do
        on $type
        disk $fs/other/a alice:team 0640
        setfacl -m u:bob:r $fs/other/a
        attribute $fs/other/a user.note bought
        attribute $fs/other/a user.gone $'x\001'
        flags=$(lsattr -d $fs/other/a 2>/dev/null || true)
        claimed $fs/other/a
        [ "$(evil acl 107) $(evil mode 0666) $(evil attribute user.virtfs.uid)" = "ok ok ok" ]
        [ "$(evil attribute user.note) $(evil remove user.gone)" = "ok ok" ]
        done=$(evil flags)
        echo "# $type: flags: $done" >&3
        run -1 virt-priv-chown release --name v
        echo "$type: $output"
        [[ $output == *"its ACL had gained user:107:rw-"* ]]
        [[ $output == *"its attributes were changed: user.virtfs.uid, user.gone, user.note; restored"* ]]
        [ "$done" != ok ] || [[ $output == *"its inode flags, project or extent sizes were changed; restored"* ]]
        [ "$(lsattr -d $fs/other/a 2>/dev/null || true)" = "$flags" ]
        as_before $fs/other/a
        [ "$(evil open) $(evil attribute user.virtfs.uid) $(evil mode 0666)" = "EACCES EACCES EPERM" ]
        exec 5>&- 6<&-
        wait "$escaped"
        escaped=
        rm "$BATS_TEST_TMPDIR"/{orders,answers}
        # The overlay is mounted twice.
        while umount -qR $fs/other; do :; done
        rm -rf $fs/other /mnt/other.img
    done
}

@test "what it has open after it changed something is named" {
    disk $fs/a alice:alice 0660
    claimed $fs/a
    [ "$(evil mode 0666) $(evil keep)" = "ok ok" ]
    run -1 virt-priv-chown release --name v --force
    [[ $output == *"$fs/a: its mode was changed to 0666; restored to 0660"* ]]
    [[ $output == *"$fs/a: process $escaped still has it open"* ]]
    as_before $fs/a
}

@test "a disk that nobody tampered with is given back without a word" {
    disk $fs/a alice:alice 0640
    setfacl -m u:bob:rw,m::r $fs/a
    attribute $fs/a user.note bought
    before=$(state $fs/a)
    run -0 virt-priv-chown claim --name v --disk $fs/a
    run -0 virt-priv-chown release --name v
    [ -z "$output" ]
    as_before $fs/a
}

@test "a lease that QEMU has left neither delays nor keeps the release" {
    local kind
    for kind in read write; do
        disk $fs/a alice:alice 0640
        claimed $fs/a
        [ "$(evil acl 107) $(evil lease $kind)" = "ok ok" ]
        run -1 timeout 4 virt-priv-chown release --name v --force
        echo "$kind: $output"
        [[ $output == *"its ACL had gained user:107:rw-"* ]]
        [[ $output == *"process $escaped still has it open"* ]]
        [ -z "$(journals)$(remembered $fs/a)" ]
        as_before $fs/a
        exec 5>&- 6<&-
        wait "$escaped"
        escaped=
        rm "$BATS_TEST_TMPDIR"/{orders,answers} $fs/a
    done
}

@test "grants of other VMs outlast a release, and are not brought back by one" {
    disk $fs/a alice:alice 0600
    printf 'user = "bob"\ngroup = "team"\n' >/mnt/bob.conf
    before=$(state $fs/a)
    # Granted before the claim, and taken back before the release.
    run -0 virt-priv-chown claim --name reads --config /mnt/bob.conf --grant-read --disk $fs/a,readonly
    run -0 virt-priv-chown claim --name v --disk $fs/a
    run -0 virt-priv-chown release --name reads
    run -0 virt-priv-chown release --name v
    echo "$output"
    as_before $fs/a
    # Granted before the claim or behind it, and still so after the release.
    for order in "reads v" "v reads"; do
        for name in $order; do
            case $name in
            reads) run -0 virt-priv-chown claim --name reads --config /mnt/bob.conf --grant-read --disk $fs/a,readonly ;;
            v) run -0 virt-priv-chown claim --name v --disk $fs/a ;;
            esac
        done
        escape $fs/a
        [ "$(evil acl 107)" = ok ]
        exec 5>&- 6<&-
        wait "$escaped"
        escaped=
        rm "$BATS_TEST_TMPDIR"/{orders,answers}
        run -1 virt-priv-chown release --name v
        echo "$order: $output"
        [ "$(getfacl -cpn $fs/a | xargs)" = "user::rw- user:6002:r-- group::--- mask::r-- other::---" ]
        run -0 virt-priv-chown release --name reads
        as_before $fs/a
    done
    rm /mnt/bob.conf
}

@test "a journal of an earlier version, which says nothing of it, is read and released as it was" {
    disk $fs/a alice:alice 0640
    setfacl -m u:bob:r $fs/a
    run -0 virt-priv-chown claim --name v --disk $fs/a
    journal=/var/lib/virt-privileges/claims/v
    grep -q '^acl user::rw-,user:6002:r--' $journal
    sed -i -E '/^(acl|flags|user-attributes?) /d' $journal
    setfacl -m u:alice:r $fs/a
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a) $(stat -c %a $fs/a)" = "alice:alice 640" ]
    getfacl -cpn $fs/a | grep -qx user:6001:r--
}

@test "an undone claim leaves them as they were, too" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    setfacl -m u:bob:rw $fs/a
    attribute $fs/a user.note bought
    before=$(state $fs/a $fs/b)
    chattr +i $fs/b
    run -1 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    chattr -i $fs/b
    [ "$(state $fs/a $fs/b)" = "$before" ]
}

@test "more attributes than are remembered: refused, with the reason" {
    mount -t tmpfs -o mode=0755 tmpfs $fs
    disk $fs/a alice:alice 0640
    /usr/bin/python3 -c 'import os, sys
for i in range(3):
    os.setxattr(sys.argv[1], f"user.{i}", bytes(30000))' $fs/a
    run -1 virt-priv-chown claim --name v --disk $fs/a
    [[ $output == *"$fs/a"*"its user.* attributes have "*" bytes, and at most 65536 are recorded"* ]]
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}
