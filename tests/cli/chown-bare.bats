# Objects that have no handle, no trusted attributes or no life beyond a boot, and what is said of them.

load chown.bash

setup() {
    umask 022
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges /run/libvirt
    # Neither file handles nor extended attributes.
    bare=/mnt/bare
    mkdir -p $bare
    mount -t ramfs -o mode=0755 ramfs $bare
    mkdir $bare/dir
    disk $bare/dir/a alice:alice 0640
}

teardown() {
    while umount -q $bare /proc/sys/kernel/random/boot_id; do :; done
    rm -rf /mnt/node
}

claim() {
    run -0 virt-priv-chown claim --name v --disk "$1"
    [ "$(owner "$1")" = qemu:qemu ]
}

@test "a file system without attributes: its owner is recorded in the journal only, which is said" {
    claim $bare/dir/a
    [[ $output == *"$bare/dir/a: its file system does not support trusted.* attributes; its owner is recorded only in the journal"* ]]
    [ "$(journals)" = v ]
    run -0 virt-priv-chown release --name v
    [ "$(owner $bare/dir/a)" = alice:alice ]
    [ -z "$(journals)" ]
}

@test "a file system without handles: another file of the name is left as it is" {
    claim $bare/dir/a
    rm $bare/dir/a
    disk $bare/dir/a qemu:qemu 0600
    run -1 virt-priv-chown release --name v
    [[ $output == *"$bare/dir/a: another file has its name now, and its file system has no file handles by which to find it; it stays claimed"* ]]
    [ "$(owner $bare/dir/a)" = qemu:qemu ]
    settled $bare/dir/a
    [ "$(owner $bare/dir/a)" = qemu:qemu ]
}

@test "a file system without handles: a file that is gone, with its directory there" {
    claim $bare/dir/a
    rm $bare/dir/a
    run -1 virt-priv-chown release --name v
    [[ $output == *"$bare/dir/a: it is no longer at its path"* ]]
    settled $bare/dir/a
}

@test "a file system without handles that is not mounted, or another one: it stays claimed" {
    claim $bare/dir/a
    mount -t ramfs -o mode=0755 ramfs $bare
    run -1 virt-priv-chown release --name v
    [[ $output == *"$bare/dir/a: its file system is not mounted; it stays claimed"* ]]
    mkdir $bare/dir
    disk $bare/dir/a qemu:qemu 0640
    run -1 virt-priv-chown release --name v
    [[ $output == *"its file system is not mounted; it stays claimed"* ]]
    [ "$(owner $bare/dir/a) $(journals)" = "qemu:qemu v" ]
    umount $bare
    run -0 virt-priv-chown release --name v
    [ "$(owner $bare/dir/a)" = alice:alice ]
    [ -z "$(journals)" ]
}

@test "after a reboot, what does not outlive a boot has ended" {
    claim $bare/dir/a
    boot_again
    run -0 virt-priv-chown recover
    [ -z "$output" ]
    [ "$(owner $bare/dir/a)" = qemu:qemu ]
    [ -z "$(journals)" ]
}

@test "a device is not opened to give its node back" {
    # Of a major number that no driver has.
    mknod -m 0660 /mnt/node b 511 1
    chown root:disk /mnt/node
    run -1 cat /mnt/node
    claim /mnt/node
    run -0 virt-priv-chown release --name v
    [ "$(owner /mnt/node)$(journals)" = root:disk ]
}

@test "after a reboot, a device node is a new one, and nobody's claim" {
    mknod -m 0660 /mnt/node b 511 1
    chown root:disk /mnt/node
    claim /mnt/node
    boot_again
    run -0 virt-priv-chown recover
    [ -z "$output" ]
    [ "$(owner /mnt/node)" = qemu:qemu ]
    [ -z "$(journals)" ]
}

@test "a device node that somebody else has got meanwhile stays his" {
    mknod -m 0660 /mnt/node b 511 1
    chown root:disk /mnt/node
    claim /mnt/node
    chown bob:bob /mnt/node
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/node: owner changed while claimed; not restored"* ]]
    [ "$(owner /mnt/node)" = bob:bob ]
    [ -z "$(journals)" ]
}

@test "recover leaves a claim alone while a process of the user has the file open" {
    sleep 600 3>&- &
    local holder=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $bare/dir/a
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <$bare/dir/a 3>&- &
    local sleeper=$!
    is $sleeper sleep
    kill $holder
    wait $holder || true
    run -0 virt-priv-chown recover --verbose
    [[ $output == *"$bare/dir/a: process $sleeper has it open, so it stays"* ]]
    [ "$(owner $bare/dir/a) $(journals)" = "qemu:qemu v" ]
    kill $sleeper
    wait $sleeper || true
    run -0 virt-priv-chown recover
    [ "$(owner $bare/dir/a)$(journals)" = alice:alice ]
}

@test "what cannot be claimed, each with its reason" {
    local mode text
    while IFS='|' read -r mode text; do
        chmod "$mode" $bare/dir/a
        run -1 virt-priv-chown claim --name v --disk $bare/dir/a
        echo "$mode: $output"
        [[ $output == *"$text"* ]]
        [ "$(stat -c '%U %04a' $bare/dir/a) $(journals)" = "alice $mode " ]
    done <<'END_OF_MODES'
0440|its mode 0440 does not allow its owner to read and write it; chmod u+rw
0240|its mode 0240 does not allow its owner to read and write it; chmod u+rw
4640|its mode 4640 has a set-user-ID or set-group-ID bit
END_OF_MODES
    mkfifo -m 0600 $bare/fifo
    run -1 virt-priv-chown claim --name v --grant-read --disk $bare/fifo,readonly
    [[ $output == *"$bare/fifo is not a file, block device or directory"* ]]
    run -1 virt-priv-chown claim --name v --disk $bare/dir
    [[ $output == *"it is neither a regular file nor a block device"* ]]
}

@test "recover --libvirt: what libvirt cannot have remembered, and what cannot be trusted" {
    local path text
    mkdir $bare/alices
    chown alice $bare/alices
    echo >$bare/alices/a
    ln -s nowhere $bare/dangling
    while IFS='|' read -r path text; do
        run -1 virt-priv-chown recover --libvirt "$path"
        echo "$path: $output"
        [[ $output == *"$text"* ]]
    done <<END_OF_PATHS
$bare/none|cannot reach $bare/none: No such file or directory
$bare/dir|libvirt's attributes are ignored: not a regular file
/dev/null|libvirt's attributes are ignored: not a regular file
$bare/alices/a|$bare/alices/a is owned by root, but the directory $bare/alices by alice
$bare/dangling|cannot reach $bare/nowhere: No such file or directory
$bare/dir/a|it has no attributes of libvirt that name an owner
END_OF_PATHS
    [ "$(owner $bare/dir/a)" = alice:alice ]
}

@test "recover --libvirt: a daemon of libvirt that runs decides about what it holds in this boot" {
    make_filesystem /mnt/fs
    disk /mnt/fs/a qemu:qemu 0640
    /usr/bin/python3 -c '
import os, struct
with open("/proc/stat") as stat:
    booted = next(line.split()[1] for line in stat if line.startswith("btime"))
for name, value in ("dac", "+6001:+6001"), ("ref_dac", "1"), ("timestamp_dac", booted):
    os.setxattr("/mnt/fs/a", "trusted.libvirt.security." + name, value.encode())'
    cp /usr/bin/sleep /mnt/virtqemud
    /mnt/virtqemud 60 3>&- &
    local daemon=$!
    # Still it, after an update has replaced its file.
    is $daemon virtqemud
    rm /mnt/virtqemud
    run -1 virt-priv-chown recover --libvirt /mnt/fs/a
    kill $daemon
    [[ $output == *"libvirt may use it: its daemon is running (process $daemon)"* ]]
    [ "$(owner /mnt/fs/a) $(remembered /mnt/fs/a)" = "qemu:qemu +6001:+6001 1" ]
    wait $daemon || true
    run -0 virt-priv-chown recover --verbose --libvirt /mnt/fs/a
    [ "$(owner /mnt/fs/a)$(remembered /mnt/fs/a)" = alice:alice ]
    umount /mnt/fs
}

@test "status of files that nobody holds, that libvirt cannot have held, and that are not there" {
    run -0 virt-priv-chown status $bare/dir/a /dev/null
    [[ $output == *"$bare/dir/a"* && $output == *"/dev/null"* ]]
    run -1 virt-priv-chown status $bare/none $bare/dir/a
    [[ $output == *"cannot reach $bare/none: No such file or directory"* && $output == *"$bare/dir/a"* ]]
    virt-priv-chown status --json $bare/dir/a | tests/lib/validate-json tests/schema/virt-priv-chown-status.json | grep -F "$bare/dir/a"
}

# attributes FILE OWNER: as a libvirt of this boot has written them.
attributes() {
    /usr/bin/python3 -c '
import os, sys
with open("/proc/stat") as stat:
    booted = next(line.split()[1] for line in stat if line.startswith("btime"))
for name, value in ("dac", sys.argv[2]), ("ref_dac", "1"), ("timestamp_dac", booted):
    os.setxattr(sys.argv[1], "trusted.libvirt.security." + name, value.encode())' "$1" "$2"
}

@test "a disk that libvirt has taken from the owner of its directory is his for a claim, too" {
    make_filesystem /mnt/fs
    mkdir /mnt/fs/alices
    disk /mnt/fs/alices/a qemu:qemu 0640
    chown alice:alice /mnt/fs/alices
    run -1 virt-priv-chown claim --name v --disk /mnt/fs/alices/a
    [[ $output == *"is owned by qemu, but the directory /mnt/fs/alices by alice"* ]]
    libvirt_domain
    attributes /mnt/fs/alices/a +6002:+6002
    run -1 virt-priv-chown claim --name v --disk /mnt/fs/alices/a
    attributes /mnt/fs/alices/a +6001:+6001
    run -0 virt-priv-chown claim --name v --disk /mnt/fs/alices/a
    [ "$(owner /mnt/fs/alices/a) $(remembered /mnt/fs/alices/a)" = "qemu:qemu +6001:+6001 2" ]
    run -0 virt-priv-chown release --name v
    [ "$(owner /mnt/fs/alices/a) $(remembered /mnt/fs/alices/a)" = "qemu:qemu +6001:+6001 1" ]
    umount /mnt/fs
}

@test "one image, granted to the users of two VMs: each has an entry of its own" {
    make_filesystem /mnt/fs
    disk /mnt/fs/base alice:alice 0600
    printf 'user = "bob"\n' >/mnt/bob.conf
    local before
    before=$(state /mnt/fs/base)
    run -0 virt-priv-chown claim --name one --grant-read --disk /mnt/fs/base,readonly
    run -0 virt-priv-chown claim --name two --config /mnt/bob.conf --grant-read --disk /mnt/fs/base,readonly
    [ "$(getfacl -cp /mnt/fs/base | grep '^user:[^:]' | xargs)" = "user:qemu:r-- user:bob:r--" ]
    run -0 virt-priv-chown release --name one
    [ "$(getfacl -cp /mnt/fs/base | grep '^user:[^:]' | xargs)" = user:bob:r-- ]
    run -0 virt-priv-chown release --name two
    [ "$(state /mnt/fs/base)" = "$before" ]
    rm /mnt/bob.conf
    umount /mnt/fs
}

@test "a disk that is added twice is held once" {
    claim $bare/dir/a
    cp /var/lib/virt-privileges/claims/v /mnt/journal
    run -0 virt-priv-chown add --name v --disk $bare/dir/a
    cmp /mnt/journal /var/lib/virt-privileges/claims/v
    run -0 virt-priv-chown release --name v
    [ "$(owner $bare/dir/a)$(journals)" = alice:alice ]
}

@test "a disk that is gone can be dropped, by the name that it had" {
    claim $bare/dir/a
    rm $bare/dir/a
    run -1 virt-priv-chown drop --name v --disk $bare/dir/a
    [[ $output == *"$bare/dir/a: it is no longer at its path"* ]]
    [ "$(journals)" = v ]
    settled $bare/dir/a
}

@test "nothing is added to the claim of a machine that has ended" {
    disk $bare/dir/b alice:alice 0640
    sleep 600 3>&- &
    local holder=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $bare/dir/a
    kill $holder
    wait $holder || true
    run -1 virt-priv-chown add --name v --disk $bare/dir/b
    echo "$output"
    [[ $output == *"VM 'v': its claim is from an earlier boot, or its process has ended"* ]]
    [ "$(owner $bare/dir/b)" = alice:alice ]
    run -0 virt-priv-chown release --name v
}
