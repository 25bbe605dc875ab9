# Stand-ins for devices of the host: few machines that test have them.
# shellcheck shell=bash disable=SC2034,SC2054,SC2154

# device_host: a /dev of the test's, and a disk for the VM.
device_host() {
    private_dev
    mkdir -p /dev/vfio /dev/bus/usb/001 /dev/input
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

teardown() {
    end_all
    umount -l /sys/bus 2>/dev/null || true
    umount -l /sys/class 2>/dev/null || true
    umount -l /dev 2>/dev/null || true
}

# node PATH: a device of root's, which knows none of the real one's requests.
node() {
    rm -f "$1"
    mknod -m 0600 "$1" c 1 3
}

# tried: QEMU, traced, was started and has complained, or virt-priv-run has.
tried() {
    wrapper+=(strace -f -qq -y -o "$BATS_TEST_TMPDIR/trace" -e trace=execve,openat,fchownat)
    start
    finish
    echo "exit status $status"
    cat "$err"
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_left
}

# opens NODE: QEMU does, behind its execve(2).
opens() {
    sed '1,/execve.*qemu-system/d' "$BATS_TEST_TMPDIR/trace" | grep -E "openat\(AT_FDCWD<.*>, \"$1\", O_RDWR.*\) = [0-9]+<$1>"
}

# up_to_open NODE COMPLAINT: the node was QEMU's to open, and is root's again.
up_to_open() {
    tried
    [ "$status" -eq 1 ]
    grep -qF -- "$2" "$err"
    opens "$1"
    [ "$(stat -c '%U:%G %a' "$1")" = "root:root 600" ]
}

# passed NODE COMPLAINT: root has opened the node, and QEMU got that.
passed() {
    tried
    [ "$status" -eq 1 ]
    grep -qE -- "$2" "$err"
    run -1 opens "$1"
    run -1 grep "fchownat.*<$1>" "$BATS_TEST_TMPDIR/trace"
    [ "$(stat -c '%U:%G %a' "$1")" = "root:root 600" ]
}

# may_lock: whether root may raise its limits here. In many containers it may not.
may_lock() {
    local capabilities
    capabilities=$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)
    (((0x$capabilities >> 24 & 1) == 1))
}

# What needs more of it than the limit allows is refused, before anything is changed; and is the only obstacle.
locked_memory_refused() {
    tried
    [ "$status" -eq 125 ]
    run -1 grep fchownat "$BATS_TEST_TMPDIR/trace"
    run -1 virt-priv-run --check qemu-system-x86_64 "${args[@]}"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"locked memory"*"ulimit -l unlimited"* ]]
}

# bus_device PATH [GROUP] [DRIVER]: "-" for none.
bus_device() {
    mountpoint -q /sys/bus || mount -t tmpfs -o mode=0755 tmpfs /sys/bus
    mkdir -p "/sys/bus/$1"
    [ "${2--}" = - ] || ln -s "/sys/kernel/iommu_groups/$2" "/sys/bus/$1/iommu_group"
    [ "${3--}" = - ] || ln -s "/sys/bus/pci/drivers/$3" "/sys/bus/$1/driver"
}

# pci_device ADDRESS GROUP DRIVER
pci_device() {
    bus_device "pci/devices/0000:$1" "$2" "$3"
}

# vfio_device PATH NAME: a device of sysfs that one of VFIO's drivers has, with a node if there is one of the name.
vfio_device() {
    mkdir -p "/sys/bus/$1/vfio-dev/$2"
    # As node() makes it.
    echo 1:3 >"/sys/bus/$1/vfio-dev/$2/dev"
}

# usb_device PORT BUS ADDRESS VENDOR PRODUCT
usb_device() {
    bus_device "usb/devices/$1"
    local file values=(busnum "$2" devnum "$3" idVendor "$4" idProduct "$5")
    while [ ${#values[@]} -gt 0 ]; do
        file=/sys/bus/usb/devices/$1/${values[0]}
        echo "${values[1]}" >"$file"
        values=("${values[@]:2}")
    done
}

# group_is_opened: QEMU has that of the device, 7, as its user, as far as there can be one without a device.
group_is_opened() {
    node /dev/vfio/7
    node /dev/vfio/vfio
    chmod 0666 /dev/vfio/vfio
    args+=(-device vfio-pci,host=01:00.0)
    if may_lock; then
        up_to_open /dev/vfio/7 "failed to get group 7 status"
    else
        locked_memory_refused
    fi
}

