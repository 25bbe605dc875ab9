# shellcheck shell=bash
# Loop devices of the machine and partitions of them, by nodes of a test's own in $bytes. setup() empties loops and
# parts, teardown() calls drop_loops when nothing of them is mounted any more.

# loop NAME FILE [OPTION]...: $bytes/NAME is a loop device over the file, $node the machine's own node.
loop() {
    node=$(losetup -f --show "${@:3}" "$2")
    loops+=("$node")
    mknod -m 0660 "$bytes/$1" b $((0x$(stat -c %t "$node"))) $((0x$(stat -c %T "$node")))
}

# part NAME DEVICE NUMBER START SECTORS: $bytes/NAME is a partition of a loop device.
part() {
    addpart "$2" "$3" "$4" "$5"
    local number dir
    dir=$(readlink -f "/sys/dev/block/$((0x$(stat -c %t "$2"))):$((0x$(stat -c %T "$2")))")
    dir=$dir/${dir##*/}p$3
    parts+=("$2 $3 $dir")
    number=$(cat "$dir/dev")
    mknod -m 0660 "$bytes/$1" b "${number%:*}" "${number#*:}"
}

# drop_loops: a partition that stays behind would be the next user's of the device; and one that another process of the
# machine looks at just now can't be taken away.
drop_loops() {
    local part device number dir node deadline=$((SECONDS + 30))
    for part in "${parts[@]}"; do
        read -r device number dir <<<"$part"
        until delpart "$device" "$number" 2>/dev/null || [ ! -e "$dir" ] || [ $SECONDS -gt $deadline ]; do
            sleep 0.05
        done
    done
    for node in "${loops[@]}"; do losetup -d "$node" 2>/dev/null || true; done
}
