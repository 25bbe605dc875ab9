# The power goes while virt-priv-chown is at work: what a disk had not been made
# to keep is lost, and the next boot finds the disk so.

bats_require_minimum_version 1.5.0

setup() {
    chown=$VP_BUILD/virt-priv-chown
    files=make_files
    export -f make_files make_held_files hold attributes
}

# hold BOOTED: as a libvirt of that boot, which has given alice's disks to the account.
hold() {
    chown qemu:qemu held?.img
    /usr/bin/python3 -c '
import os, sys
for name, value in ("dac", "+6001:+6001"), ("ref_dac", "1"), ("timestamp_dac", sys.argv[1]):
    for file in sys.argv[2:]:
        os.setxattr(file, "trusted.libvirt.security." + name, value.encode())' "$1" held?.img
}

attributes() {
    /usr/bin/python3 -c 'import os, sys; print(*os.listxattr(sys.argv[1]))' "$1"
}

make_held_files() {
    touch held{1,2,3}.img
    chmod 0600 held?.img
    od -An -td4 -j340 -N4 /run/utmp | tr -d ' ' >../booted
    hold "$(<../booted)"
}

# A claimed disk, one with an ACL, a base image to be granted, and a bystander.
make_files() {
    mkdir -m 0700 private
    for file in plain.img acl.img private/base.img beside; do
        echo "$file" >"$file"
    done
    chown alice:alice plain.img private private/base.img
    chown bob:team acl.img beside
    chmod 0600 plain.img private/base.img
    chmod 0640 acl.img
    setfacl -m u:bob:rw,g:alice:r,m::r acl.img
}

claim() {
    local files=/mnt/device/files
    printf '%s ' "$chown" claim --name vm1 --pid '{holder}' --grant-read --disk "$files/plain.img" \
        --disk "$files/acl.img" --disk "$files/private/base.img,readonly"
}

# cut FS OPTION...: every disk that can be found after it comes right.
cut() {
    local fs=$1 reason
    reason=$(tests/fault/sweep-claims probe --fs "$fs") || skip "$reason"
    run tests/fault/sweep-claims cut --fs "$fs" --state /var/lib/virt-privileges --prepare "$files" \
        --recover "${recover-$chown recover}" "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    local summary=${lines[-1]}
    [[ $summary =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt 10 ]
    echo "# $BATS_TEST_DESCRIPTION: $summary" >&3
}

@test "ext4, claim cut at each change: all as before after recover" {
    # shellcheck disable=SC2046 # words
    cut ext4 -- $(claim)
}

@test "ext4, release cut at each change: all as before after recover" {
    cut ext4 --begin "$(claim)" -- "$chown" release --name vm1
}

@test "ext4, recover cut at each change: all as before after recover" {
    cut ext4 --begin "$(claim)" -- "$chown" recover
}

# What virt-priv-chown does not hold any more is libvirt's to give back: its attributes name the owner.
@test "ext4, release of what libvirt holds too cut at each change: alice's at the next boot" {
    files=make_held_files
    cat >"$BATS_TEST_TMPDIR/recover" <<END
cd /mnt/device/files
$chown recover || exit
for file in held?.img; do
    [ "\$(stat -c %U \$file)" = alice ] || $chown recover --libvirt \$file || exit
    [ "\$(stat -c '%U:%G %a' \$file) \$(attributes \$file)" = "alice:alice 600 " ] || exit
done
# And as before.
hold "\$(<../booted)"
END
    recover="bash $BATS_TEST_TMPDIR/recover"
    local held=/mnt/device/files/held
    cut ext4 --begin "$chown claim --name vm1 --pid {holder} --disk ${held}1.img --disk ${held}2.img --disk ${held}3.img" -- "$chown" release --name vm1
}

@test "xfs, claim cut at each change: all as before after recover" {
    # shellcheck disable=SC2046 # words
    cut xfs -- $(claim)
}

@test "xfs, release cut at each change: all as before after recover" {
    cut xfs --begin "$(claim)" -- "$chown" release --name vm1
}

@test "xfs, recover cut at each change: all as before after recover" {
    cut xfs --begin "$(claim)" -- "$chown" recover
}

@test "a record that was not made to last before the change is noticed" {
    reason=$(tests/fault/sweep-claims probe) || skip "$reason"
    cat >"$BATS_TEST_TMPDIR/careless" <<'END'
import os
os.chdir("/mnt/device/files")
with open("../state/owner", "w") as record:
    record.write(str(os.stat("plain.img").st_uid))
os.chown("plain.img", 107, 107)
os.fsync(os.open("plain.img", os.O_RDONLY))
END
    cat >"$BATS_TEST_TMPDIR/recover" <<'END'
cd /mnt/device/files
[ ! -s ../state/owner ] || chown "$(cat ../state/owner)" plain.img
rm -f ../state/owner
END
    run -1 tests/fault/sweep-claims cut --prepare make_files --recover "bash $BATS_TEST_TMPDIR/recover" -- \
        /usr/bin/python3 -B "$BATS_TEST_TMPDIR/careless"
    echo "$output"
    [[ $output == *"WRONG: cut, lost"*"owner (6001, 6001) is (107, "* ]]
}

@test "release: the disk's file system is synced before the claim is forgotten" {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    local disk=/mnt/disk/a calls=$BATS_TEST_TMPDIR/calls
    # The journal is on another file system: what is synced there says nothing of the disk.
    mkdir -p /mnt/disk
    mount -t tmpfs -o mode=0755 tmpfs /mnt/disk
    truncate -s 1M "$disk"
    chown alice:alice "$disk"
    "$chown" claim --name v --disk "$disk"
    strace -f -y -o "$calls" -e trace=fchown,fchownat,syncfs,unlinkat,unlink "$chown" release --name v
    umount /mnt/disk
    cat "$calls"
    # The owner, then the sync of the same file system, then the journal's end.
    awk '/fchown/ && /= 0$/ { owner = NR } /syncfs\(.*\/mnt\/disk\/a.*= 0$/ && owner { synced = NR }
        /unlink.*"v"/ && /= 0$/ { exit !(owner && synced > owner) } END { if (!synced) exit 1 }' "$calls"
}
