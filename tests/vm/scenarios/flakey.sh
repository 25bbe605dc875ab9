# The power is lost right after each call that changes a file, and what the file system had not yet
# written by then is gone: a device of dm-flakey drops it.
# kernel: vm.bare
# timeout: 900

calls=(fchown fchownat fsetxattr fremovexattr renameat unlinkat fsync syncfs write pwrite64)

phase_drop() {
    succeeds "dnf installs the package" dnf -y install virt-privileges
    succeeds "the kernel has dm-flakey" modprobe dm-flakey
    modprobe loop
    # No udevd makes its nodes.
    export DM_DISABLE_UDEV=1
    truncate -s 32M /srv/disk
    device=$(losetup --find --show /srv/disk)
    sectors=$(blockdev --getsz "$device")
    dmsetup create flakey --table "$(table)"
    mkfs.ext4 -q /dev/mapper/flakey
    mkdir -p /mnt/flakey /var/lib/virt-privileges
    up
    mkdir -p /mnt/flakey/images
    for i in 1 2; do
        echo data >"/mnt/flakey/images/$i"
        chown "$((6000 + i)):6000" "/mnt/flakey/images/$i"
        chmod 0640 "/mnt/flakey/images/$i"
    done
    owners=$(owners_now)
    down
    local points=0 wrong=0
    each_point claim
    each_point release
    is "$wrong" 0 "after each of the losses a recovery gives every disk back"
    is "$([ $points -ge 20 ] && echo yes)" yes "there are 20 places for it at least"
    detail "$points losses of power"
}

# The table of the device: all is written, or (drop_writes) nothing any more.
table() {
    if [ "${1-}" = drop ]; then
        echo "0 $sectors flakey $device 0 0 3600 1 drop_writes"
    else
        echo "0 $sectors linear $device 0"
    fi
}

# What is on its way to the device stays there; nothing of the file system is flushed for this.
switch_to() {
    dmsetup suspend --noflush --nolockfs flakey
    dmsetup load flakey --table "$1"
    dmsetup resume flakey
}

up() {
    mount -o commit=300 /dev/mapper/flakey /mnt/flakey
    mkdir -p /mnt/flakey/state
    mount --bind /mnt/flakey/state /var/lib/virt-privileges
}

down() {
    umount /var/lib/virt-privileges
    umount /mnt/flakey
}

owners_now() {
    stat -c '%n %u:%g %a' /mnt/flakey/images/*
    /usr/bin/python3 -c 'import os
for n in "12":
    print(n, os.listxattr("/mnt/flakey/images/" + n))'
}

command_of() {
    if [ "$1" = claim ]; then
        echo virt-priv-chown claim --name one --pid "$holder" $(printf -- '--disk /mnt/flakey/images/%d ' 1 2)
    else
        echo virt-priv-chown release --name one --force
    fi
}

# each_point claim|release: killed and without power after its first fchown(2), its second one, ...
each_point() {
    local call n ended
    for call in "${calls[@]}"; do
        n=0 ended=
        while [ -z "$ended" ]; do
            n=$((n + 1))
            one_point "$1" "$call" $n || ended=yes
        done
    done
}

# one_point claim|release CALL N: false if there is no such call, and no loss either.
one_point() {
    local holder
    up
    sleep 3600 &
    holder=$!
    if [ "$1" = release ]; then
        $(command_of claim) >/dev/null 2>&1
        sync -f /mnt/flakey
    fi
    if strace -f -o /dev/null -e "trace=$2" -e "inject=$2:signal=KILL:when=$3" $(command_of "$1") >/dev/null 2>&1; then
        kill "$holder"
        virt-priv-chown recover >/dev/null 2>&1
        down
        return 1
    fi
    switch_to "$(table drop)"
    down
    switch_to "$(table)"
    up
    { kill "$holder" && wait "$holder"; } 2>/dev/null
    virt-priv-chown recover >/run/said 2>&1
    if [ "$(owners_now)" != "$owners" ] || [ -e /var/lib/virt-privileges/claims/one ]; then
        wrong=$((wrong + 1))
        detail "$1, after $2 $3: $(owners_now | xargs); $(cat /run/said)"
    fi
    down
    points=$((points + 1))
}
