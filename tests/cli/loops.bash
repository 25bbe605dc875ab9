# shellcheck shell=bash
# Loop devices of the machine and partitions of them, by nodes of a test's own in $bytes. setup() calls no_loops, and
# teardown() drop_loops.

load ../lib/attach.bash

# Some tests leave the directory of the checkout.
partition=$PWD/tests/lib/partition

no_loops() {
    parts=()
}

# loop NAME FILE [OPTION]...: $bytes/NAME is a loop device over the file, $node the machine's own node.
loop() {
    local part
    attach "${@:2}"
    # Partitions that a former user has left on it.
    for part in /sys/block/"${node##*/}"/loop*p*; do
        [ ! -e "$part" ] || "$partition" delete "$node" "$(cat "$part/partition")"
    done
    mknod -m 0660 "$bytes/$1" b $((0x$(stat -c %t "$node"))) $((0x$(stat -c %T "$node")))
}

# part NAME DEVICE NUMBER START SECTORS: $bytes/NAME is a partition of a loop device.
part() {
    "$partition" add "$2" "$3" "$4" "$5"
    local number dir
    dir=$(readlink -f "/sys/dev/block/$((0x$(stat -c %t "$2"))):$((0x$(stat -c %T "$2")))")
    dir=$dir/${dir##*/}p$3
    parts+=("$2 $3 $dir")
    number=$(cat "$dir/dev")
    mknod -m 0660 "$bytes/$1" b "${number%:*}" "${number#*:}"
}

# drop_loops MOUNT: those over files on MOUNT, then what is mounted there, then partitions and the other ones. One that
# another process of the machine looks at just now can't be deleted, and would be the next user's of the device.
drop_loops() {
    local node part device number dir deadline=$((SECONDS + 30))
    for node in "${!attachments[@]}"; do
        [[ $(cat "/sys/block/${node##*/}/loop/backing_file" 2>/dev/null) != "$1"/* ]] || detach "$node"
    done
    umount -R "$1" 2>/dev/null || true
    for part in "${parts[@]}"; do
        read -r device number dir <<<"$part"
        until "$partition" delete "$device" "$number" 2>/dev/null || [ ! -e "$dir" ] || [ $SECONDS -gt $deadline ]; do
            sleep 0.05
        done
    done
    detach_all
}
