# What a journal says of a file on each type of file system that can be mounted here, and that this is what the
# manual says: the table in ./filesystems.

load chown.bash

table=$BATS_TEST_DIRNAME/filesystems

setup() {
    mkdir -p /mnt/x /mnt/y
}

teardown() {
    unmount_all
    rm -f /mnt/*.img
}

unmount_all() {
    local point
    for point in /mnt/x /mnt/y; do
        while umount -q $point; do :; done
    done
}

# rows: the table's, without blanks around "|".
rows() {
    grep -v '^#' "$table" | sed 's/ *| */|/g'
}

@test "the manual has the table, row for row" {
    diff <(rows | cut -d '|' -f 1-4) \
        <(sed -n '/^\.Sh FILE SYSTEMS/,/^\.El/{ /^\.It Sy/d; s/^\.It //p; }' "$BATS_TEST_DIRNAME/../../tools/man/virt-priv-chown.8" |
            sed 's/ *Ta */|/g')
}

# mount_TYPE: a new file system on /mnt/x, or that of before.
image() {
    [ -e /mnt/x.img ] || {
        truncate -s 320M /mnt/x.img
        "$@" /mnt/x.img >/dev/null 2>&1
    }
}

mount_ext4() {
    image mkfs.ext4 -q -F
    mount -o loop /mnt/x.img /mnt/x
}

mount_xfs() {
    image mkfs.xfs -q
    mount -o loop /mnt/x.img /mnt/x
}

mount_btrfs() {
    image mkfs.btrfs -q
    mount -o loop /mnt/x.img /mnt/x
}

mount_fuseblk() {
    image mkntfs -q -F -Q
    local device
    device=$(losetup -f --show /mnt/x.img)
    ntfs-3g "$device" /mnt/x
    # It goes with the mount.
    losetup -d "$device"
}

mount_overlay() {
    image mkfs.ext4 -q -F
    mount -o loop /mnt/x.img /mnt/y
    mkdir -p /mnt/y/{lower,upper,work}
    mount -t overlay -o lowerdir=/mnt/y/lower,upperdir=/mnt/y/upper,workdir=/mnt/y/work overlay /mnt/x
}

mount_volatile() {
    mount -t "$1" "$1" /mnt/x
}

# lasting TEXT: what lasts over a reboot.
lasting() {
    grep -Ev '^device ' <<<"$1"
}

@test "each type that is tried: the form, what there is of a file, and that it stays or ends with the mount" {
    local type form file how first again
    while IFS='|' read -r type form file _ how; do
        [ "$how" = tried ] || continue
        echo "# $type"
        rm -f /mnt/x.img
        case $type in
        tmpfs | ramfs | devtmpfs | hugetlbfs) mount_volatile "$type" ;;
        *) mount_"$type" ;;
        esac
        [ "$(findmnt -nro FSTYPE --target /mnt/x)" = "$type" ]
        : >/mnt/x/vp-file
        first=$("$VP_BUILD/tests/fileid-dump" /mnt/x/vp-file)
        echo "$first"
        grep -Eq "^filesystem (${form//, /|})." <<<"$first"
        case $file in
        *handle*) run ! grep -x 'handle ' <<<"$first" ;;
        *path*) grep -qx 'handle ' <<<"$first" ;;
        esac
        [[ $file != *birth* ]] || run ! grep '^born -1' <<<"$first"
        if [[ $file == *ends* ]]; then
            rm /mnt/x/vp-file
            unmount_all
            continue
        fi
        unmount_all
        mount_"$type"
        again=$("$VP_BUILD/tests/fileid-dump" /mnt/x/vp-file)
        echo "$again"
        [ "$(lasting "$again")" = "$(lasting "$first")" ]
        unmount_all
    done < <(rows)
}

@test "the device node of a file system that was made by hand is known by that" {
    local type
    for type in ext4 btrfs; do
        rm -f /mnt/x.img
        mount_$type
        # Of a major number that no driver has.
        mknod /mnt/x/node b 511 1
        first=$("$VP_BUILD/tests/fileid-dump" /mnt/x/node)
        unmount_all
        mount_$type
        [ "$(lasting "$("$VP_BUILD/tests/fileid-dump" /mnt/x/node)")" = "$(lasting "$first")" ]
        run ! grep '^filesystem dev:' <<<"$first"
        # After a boot, it is not made anew.
        chown root:disk /mnt/x/node
        rm -rf /var/lib/virt-privileges
        mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
        virt-priv-chown claim --name v --disk /mnt/x/node
        boot_again
        run -0 virt-priv-chown recover
        umount /proc/sys/kernel/random/boot_id
        [ "$(owner /mnt/x/node) $(journals)" = "root:disk " ]
        unmount_all
    done
}

@test "what the disk is called: a loop device, by its file and offset" {
    mount_ext4
    run -0 "$VP_BUILD/tests/fileid-dump" /mnt/x
    [[ $output == *$'\n'"disk loop:0:/mnt/x.img"* ]]
    grep -Eqx 'device 7:[0-9]+ [1-9][0-9]*' <<<"$output"
}

# sysfs ATTRIBUTE=VALUE...: what the loop device below /mnt/x is called, if sysfs says that of it.
sysfs() {
    local device word
    device=$(losetup -n -O NAME -j /mnt/x.img)
    rm -rf /mnt/sysfs
    mkdir -p /mnt/sysfs/block/it/{slaves,holders}
    for word; do
        mkdir -p "$(dirname "/mnt/sysfs/block/${word%%=*}")"
        echo "${word#*=}" >"/mnt/sysfs/block/${word%%=*}"
    done
    [ ! -d /mnt/sysfs/block/below ] || ln -s /mnt/sysfs/block/below /mnt/sysfs/block/it/slaves/below
    mount --bind /mnt/sysfs/block/it "$(realpath "/sys/class/block/${device#/dev/}")"
    "$VP_BUILD/tests/fileid-dump" /mnt/x | sed -n 's/^disk //p'
    umount "$(realpath "/sys/class/block/${device#/dev/}")"
}

@test "what the disk is called: LVM, multipath, LUKS by what is below it, md, and what has a number of its maker" {
    mount_ext4
    [ "$(sysfs it/dm/uuid=LVM-a1b2 it/dm/name=vg-lv)" = dm:LVM-a1b2 ]
    [ "$(sysfs it/dm/uuid=mpath-3600)" = dm:mpath-3600 ]
    [ "$(sysfs it/dm/uuid=part1-mpath-3600)" = dm:part1-mpath-3600 ]
    # LUKS's own UUID is on the copy, too.
    [ "$(sysfs it/dm/uuid=CRYPT-LUKS2-feed-name)" = "" ]
    [ "$(sysfs it/dm/uuid=CRYPT-LUKS2-feed-name below/serial=disk-2)" = serial:disk-2 ]
    [ "$(sysfs it/dm/uuid=CRYPT-LUKS2-feed-name below/dm/uuid=LVM-a1b2)" = dm:LVM-a1b2 ]
    [ "$(sysfs it/md/uuid=1234:5678)" = md:1234:5678 ]
    [ "$(sysfs it/device/wwid=naa.5000)" = wwid:naa.5000 ]
    [ "$(sysfs it/wwid=eui.0001 it/device/serial=s)" = wwid:eui.0001 ]
    [ "$(sysfs it/serial=disk-1)" = serial:disk-1 ]
    [ "$(sysfs it/size=1)" = "" ]
    # What does not fit is no name.
    [ "$(sysfs "it/serial=$(printf '%0200d' 0)")" = "" ]
}
