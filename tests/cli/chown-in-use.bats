# What the host itself uses is no VM's disk, unless root says so; and what root runs never is.

load chown.bash
load loops.bash

bytes=/mnt/bytes

setup() {
    umask 022
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges $bytes
    mkdir -p $bytes/m
    no_loops
    helpers=()
    truncate -s 32M $bytes/a.img
    chown alice:alice $bytes/a.img
}

teardown() {
    for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
    drop_loops $bytes/m
    rm -rf $bytes
}

# refused PATH TEXT: as a whole, with nothing changed; a dry run says it too.
refused() {
    local before
    before=$(state "$1")
    for option in --dry-run --grant-read; do
        run -1 virt-priv-chown claim --name v $option --disk "$1"
        echo "$output"
        [[ $output == *"$1 (--disk): $2"* ]]
        [ "$(state "$1")" = "$before" ]
        [ -z "$(journals)" ]
    done
}

# claimed PATH [OPTION]...
claimed() {
    run -0 virt-priv-chown claim --name v --disk "$@"
    [ "$(stat -c %U "$1")" = qemu ]
    run -0 virt-priv-chown release --name v
}

@test "a mounted device, its disk, and the file behind it, not the partition beside it" {
    loop disk $bytes/a.img
    part p1 "$node" 1 2048 32768
    part p2 "$node" 2 34816 16384
    mkfs.ext4 -q $bytes/p1
    mount $bytes/p1 $bytes/m
    refused $bytes/p1 "the host uses it: it is mounted on $bytes/m; end that use, or, if both may write to it: --force-in-use $bytes/p1"
    refused $bytes/disk "the host uses it: $bytes/p1 is mounted on $bytes/m"
    refused $bytes/a.img "the host uses it: $bytes/p1 is mounted on $bytes/m"
    claimed $bytes/p2
    # One that is named lets that one through alone.
    run -1 virt-priv-chown claim --name v --disk $bytes/p1 --disk $bytes/a.img --force-in-use $bytes/a.img
    [[ $output == *"$bytes/p1 (--disk): the host uses it"* && $output != *"a.img (--disk): the host uses it"* ]]
    claimed $bytes/p1 --force-in-use $bytes/p1
    cd $bytes
    claimed $bytes/a.img --force-in-use a.img
    umount $bytes/m
    claimed $bytes/p1
    claimed $bytes/disk
}

@test "add is refused as claim is, and so is a disk that stays its owner's by dynamic_ownership = 0" {
    loop disk $bytes/a.img
    mkfs.ext4 -q "$node"
    mount "$node" $bytes/m
    disk $bytes/base alice:alice 0644
    run -0 virt-priv-chown claim --name v --disk $bytes/base,readonly
    run -1 virt-priv-chown add --name v --disk $bytes/disk
    [[ $output == *"the host uses it: it is mounted on $bytes/m"* ]]
    run -0 virt-priv-chown add --name v --disk $bytes/disk --force-in-use $bytes/disk
    run -0 virt-priv-chown release --name v
    echo 'dynamic_ownership = 0' >/etc/libvirt/qemu.conf
    chown qemu $bytes/disk
    run -1 virt-priv-chown claim --name v --disk $bytes/disk
    rm /etc/libvirt/qemu.conf
    [[ $output == *"the host uses it: it is mounted on $bytes/m"* ]]
}

@test "what is mounted where it cannot be seen, or somebody has open exclusively" {
    loop disk $bytes/a.img
    mkfs.ext4 -q "$node"
    mkfifo $bytes/go
    unshare --mount --propagation private sh -c "mount $node $bytes/m && echo mounted >$bytes/go && read -r x <$bytes/go" 3>&- &
    helpers+=($!)
    read -r _ <$bytes/go
    refused $bytes/disk "the host uses it: it is opened exclusively"
    claimed $bytes/disk --force-in-use $bytes/disk
    echo >$bytes/go
    wait $!
    helpers=()
    claimed $bytes/disk
    /usr/bin/python3 -c "import os, sys
fd = os.open('$node', os.O_RDONLY | os.O_EXCL)
open('$bytes/go', 'w').write('open\n')
open('$bytes/go').read()" 3>&- &
    helpers+=($!)
    read -r _ <$bytes/go
    refused $bytes/disk "the host uses it: it is opened exclusively"
    echo >$bytes/go
    wait $!
    claimed $bytes/disk
}

@test "programs and files of the system, in every place that counts" {
    cp /usr/bin/true $bytes/program
    printf '#!/bin/sh\n' >$bytes/script
    printf '\177ELF, but nothing that could be executed' >$bytes/no-program
    chmod 0755 $bytes/program $bytes/script
    chmod 0644 $bytes/no-program
    refused $bytes/program "it is a program (mode 0755, starts with an ELF header), not a disk; if it is a disk: chmod a-x $bytes/program"
    refused $bytes/script "it is a program (mode 0755, starts with #!), not a disk"
    claimed $bytes/no-program
    # Images have execute bits, too, where a file system knows no modes.
    chmod 0777 $bytes/a.img
    claimed $bytes/a.img
    refused "$(readlink -f "$(type -P qemu-system-x86_64)")" "it is a system file, below /usr"
    refused /etc/passwd "it is a system file, below /etc, and must not be writable by a guest; if it is a template, use a copy: cp /etc/passwd "
    run -1 env "PATH=/usr/bin:$bytes" "$(type -P virt-priv-chown)" claim --name v --disk $bytes/a.img
    [[ $output == *"it is in a directory of root's PATH"* ]]
    # A link to the directory, and a name that only looks so.
    ln -s /etc $bytes/link
    run -1 virt-priv-chown claim --name v --disk $bytes/link/passwd
    [[ $output == *"it is a system file, below /etc"* ]]
    mkdir -p $bytes/usr/bin
    disk $bytes/usr/bin/image alice:alice 0640
    claimed $bytes/usr/bin/image
}

@test "/usr/local: its programs and libraries, not what else an admin keeps there" {
    mount -t tmpfs tmpfs /usr/local
    mkdir -p /usr/local/{bin,lib,libexec,etc,share,images}
    local dir bad=
    for dir in bin lib libexec etc share images; do
        disk /usr/local/$dir/a.img alice:alice 0640
    done
    for dir in bin lib libexec etc; do
        refused /usr/local/$dir/a.img "it is a system file, below /usr/local/$dir" || bad=$dir
    done
    for dir in share images; do
        claimed /usr/local/$dir/a.img || bad=$dir
    done
    umount /usr/local
    [ -z "$bad" ]
}

@test "a program that runs and that has no beginning of one" {
    # binfmt_misc aside, only what is being written to can't be executed, and the other way round.
    cp /usr/bin/sleep $bytes/sleep
    $bytes/sleep 600 3>&- &
    helpers+=($!)
    is $! sleep
    chmod 0755 $bytes/sleep
    refused $bytes/sleep "it is a running program, not a disk"
}
