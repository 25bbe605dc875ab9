# The same bytes under two names: never two VMs', whichever of the names comes first, and never twice one's.

load chown.bash
load loops.bash

bytes=/mnt/bytes

# Loop devices and partitions of this machine, by nodes of our own in $bytes.
setup() {
    umask 022
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges $bytes
    mkdir -p $bytes/other
    no_loops
    server=''
    truncate -s 32M $bytes/a.img
    chown alice:alice $bytes/a.img
}

teardown() {
    [ -z "$server" ] || kill -CONT "$server" 2>/dev/null || true
    drop_loops $bytes/m
    rm -rf $bytes
}

claim() {
    run virt-priv-chown claim --name "$1" "${@:2}"
}

# excludes FIRST SECOND RELATION BACK: the one VM has the first, the other VM can't have the second, for that
# reason; the other way round for the other one; and no VM has both.
excludes() {
    local before
    before=$(stat -c '%n %U:%G' "$1" "$2")
    claim web --disk "$1"
    [ "$status" -eq 0 ] || { echo "$output" && return 1; }
    claim db --disk "$2"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"$2 (--disk): $3; if it is not running: virt-priv-chown release --name web"* ]]
    run -1 virt-priv-chown add --name web --disk "$2"
    [[ $output == *"this VM has claimed as well"*"the same data under two names"* ]]
    virt-priv-chown release --name web
    claim db --disk "$2"
    [ "$status" -eq 0 ]
    claim web --disk "$1"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"$1 (--disk): $4; if it is not running: virt-priv-chown release --name db"* ]]
    virt-priv-chown release --name db
    claim web --disk "$1" --disk "$2"
    [ "$status" -eq 1 ]
    [[ $output == *"this VM has claimed as well"* ]]
    [ "$(stat -c '%n %U:%G' "$1" "$2")" = "$before" ]
    [ -z "$(journals)" ]
}

# together FIRST SECOND: two VMs have them at once.
together() {
    claim web --disk "$1"
    [ "$status" -eq 0 ]
    claim db --disk "$2"
    [ "$status" -eq 0 ] || { echo "$output" && return 1; }
    virt-priv-chown release --name web
    virt-priv-chown release --name db
}

@test "a loop device and the file behind it" {
    loop loop $bytes/a.img
    excludes $bytes/a.img $bytes/loop "it is on $bytes/a.img, which VM 'web' has claimed" \
        "$bytes/loop, which VM 'db' has claimed, is on it"
}

@test "a loop device whose file got another name, and one of the old name that is another file" {
    loop loop $bytes/a.img
    mv $bytes/a.img $bytes/other/b.img
    truncate -s 1M $bytes/a.img
    excludes $bytes/other/b.img $bytes/loop "it is on $bytes/other/b.img, which VM 'web' has claimed" \
        "$bytes/loop, which VM 'db' has claimed, is on it"
    together $bytes/a.img $bytes/loop
}

@test "two loop devices over one file, where they overlap" {
    loop one $bytes/a.img --offset 1M --sizelimit 8M
    loop two $bytes/a.img --offset 4M --sizelimit 8M
    loop three $bytes/a.img --offset 12M --sizelimit 8M
    excludes $bytes/one $bytes/two "it and $bytes/one, which VM 'web' has claimed, are both on $bytes/a.img" \
        "it and $bytes/two, which VM 'db' has claimed, are both on $bytes/a.img"
    together $bytes/one $bytes/three
    together $bytes/two $bytes/three
}

@test "a loop device over a loop device over a file" {
    loop one $bytes/a.img
    loop two "$node" --offset 1M
    excludes $bytes/one $bytes/two "it is on $bytes/one, which VM 'web' has claimed" \
        "$bytes/two, which VM 'db' has claimed, is on it"
    excludes $bytes/a.img $bytes/two "it is on $bytes/a.img, which VM 'web' has claimed" \
        "$bytes/two, which VM 'db' has claimed, is on it"
}

@test "a disk and its partitions; two partitions are two disks" {
    loop disk $bytes/a.img
    part p1 "$node" 1 2048 16384
    part p2 "$node" 2 18432 16384
    excludes $bytes/disk $bytes/p1 "it is on $bytes/disk, which VM 'web' has claimed" \
        "$bytes/p1, which VM 'db' has claimed, is on it"
    excludes $bytes/p2 $bytes/a.img "$bytes/p2, which VM 'web' has claimed, is on it" \
        "it is on $bytes/a.img, which VM 'db' has claimed"
    together $bytes/p1 $bytes/p2
    # And a loop device over the range of one of them.
    loop range $bytes/a.img --offset $((2048 * 512)) --sizelimit $((16384 * 512))
    claim web --disk $bytes/p1
    claim db --disk $bytes/range
    [ "$status" -eq 1 ]
    virt-priv-chown release --name web
    together $bytes/p2 $bytes/range
}

@test "two nodes of one device" {
    loop one $bytes/a.img
    cp -a $bytes/one $bytes/other/two
    excludes $bytes/one $bytes/other/two "it is $bytes/one, which VM 'web' has claimed, under another name" \
        "it is $bytes/other/two, which VM 'db' has claimed, under another name"
}

@test "a journal of before that says nothing of device numbers" {
    loop one $bytes/a.img
    cp -a $bytes/one $bytes/other/two
    claim web --disk $bytes/one
    grep -qx "rdev $((0x$(stat -c %t $bytes/one))):$((0x$(stat -c %T $bytes/one)))" /var/lib/virt-privileges/claims/web
    sed -i /^rdev/d /var/lib/virt-privileges/claims/web
    for path in $bytes/other/two $bytes/a.img; do
        claim db --disk "$path"
        [ "$status" -eq 1 ]
        [[ $output == *"which VM 'web' has claimed"* ]]
    done
    virt-priv-chown release --name web
}

@test "a device that somebody mounts while a VM has it, and the files on it, also in a file on it" {
    loop one $bytes/a.img
    mkfs.ext4 -q "$node"
    mkdir $bytes/m
    claim web --disk $bytes/one
    [ "$status" -eq 0 ]
    mount "$node" $bytes/m
    truncate -s 4M $bytes/m/inner.img
    claim db --disk $bytes/m/inner.img
    [ "$status" -eq 1 ]
    [[ $output == *"it is on "*", which VM 'web' has claimed"* ]]
    loop inner $bytes/m/inner.img
    claim db --disk $bytes/inner
    [ "$status" -eq 1 ]
    [[ $output == *"it is on "*", which VM 'web' has claimed"* ]]
    virt-priv-chown release --name web
    # The other way round, where the host's own use would not stand in the way.
    claim db --disk $bytes/inner
    [ "$status" -eq 0 ]
    claim web --disk $bytes/one --force-in-use $bytes/one
    [ "$status" -eq 1 ]
    [[ $output == *"$bytes/inner, which VM 'db' has claimed, is on it"* ]]
    virt-priv-chown release --name db
    claim db --disk $bytes/m/inner.img
    claim web --disk $bytes/one --force-in-use $bytes/one
    [ "$status" -eq 1 ]
    [[ $output == *"$bytes/m/inner.img, which VM 'db' has claimed, is on it"* ]]
    virt-priv-chown release --name db
    # Two files of one file system are two disks.
    truncate -s 1M $bytes/m/second.img
    together $bytes/m/inner.img $bytes/m/second.img
}

@test "btrfs of two devices: a file on it lies on both" {
    truncate -s 128M $bytes/b1 $bytes/b2
    loop one $bytes/b1
    local first=$node
    loop two $bytes/b2
    mkfs.btrfs -q "$first" "$node"
    mkdir $bytes/m
    for device in one two; do
        claim web --disk $bytes/$device
        [ "$status" -eq 0 ]
        btrfs device scan "$first" "$node" >/dev/null 2>&1 || true
        mount -o "device=$first,device=$node" "$first" $bytes/m
        truncate -s 1M $bytes/m/a.img
        claim db --disk $bytes/m/a.img
        echo "$output"
        [ "$status" -eq 1 ]
        [[ $output == *", which VM 'web' has claimed"* ]]
        virt-priv-chown release --name web
        claim web --disk $bytes/$device
        [ "$status" -eq 1 ]
        [[ $output == *"the host uses it: "* ]]
        umount $bytes/m
    done
}

@test "a VM that runs is to be stopped, not released" {
    loop one $bytes/a.img
    sleep 600 3>&- &
    local holder=$!
    is $holder sleep
    claim web --pid $holder --disk $bytes/one
    claim db --disk $bytes/a.img
    kill $holder
    [ "$status" -eq 1 ]
    [[ $output == *"$bytes/one, which VM 'web' has claimed, is on it; it is running: process $holder (sleep) holds its claim; stop it first"* ]]
    [[ $output != *"chown release"* ]]
}

# A user's file system behind a loop device, as udisks makes one for him.
@test "a file system that does not answer, behind somebody's loop device, holds nobody up for long" {
    disk $bytes/free alice:alice 0640
    truncate -s 16M $bytes/ext.img
    mkfs.ext4 -q -F $bytes/ext.img
    mkdir $bytes/m
    fuse2fs -f $bytes/ext.img $bytes/m >/mnt/said 2>&1 3>&- &
    server=$!
    until mountpoint -q $bytes/m; do sleep 0.02; done
    truncate -s 4M $bytes/m/inner.img
    loop hung $bytes/m/inner.img
    kill -STOP $server
    local begin=$SECONDS said='' i
    # Once what the kernel remembers of the file is too old.
    for ((i = 0; i < 20; i++)); do
        timeout 20 virt-priv-chown claim -v --name web --disk $bytes/free >/mnt/said 2>&1
        timeout 20 virt-priv-chown release --name web
        said=$(cat /mnt/said)
        [[ $said != *"not answered in time"* ]] || break
    done
    local took=$((SECONDS - begin))
    # That device itself is not taken for one that can be told.
    run -1 timeout 20 virt-priv-chown claim --name web --disk $bytes/hung
    kill -CONT $server
    echo "$said: $output"
    [[ $said == *"${node}: not answered in time which file backs it; sysfs names $bytes/m/inner.img"* ]]
    [[ $output == *"cannot determine the backing file of $node"* ]]
    [ "$took" -lt 60 ]
    [ "$(owner $bytes/free)$(journals)" = alice:alice ]
}
