# Devices of the host. Few machines that test have them, so stand-ins take their places: what
# virt-priv-run does is seen up to QEMU's open, which succeeds, and QEMU's complaint about what it
# has opened. Machines that are booted have real ones (tests/vm/scenarios/vms.sh).
# shellcheck disable=SC2030,SC2054,SC2031,SC2034 # each test has variables of its own, which start() reads; words of QEMU have commas

setup_file() {
    load run.bash
    make_host
}

teardown_file() {
    load run.bash
    unmake_host
}

setup() {
    load run.bash
    load rows.bash
    clean_host
    private_dev
    mkdir -p /dev/vfio /dev/bus/usb/001 /dev/input
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

teardown() {
    end_all
    umount -l /sys/bus/pci/devices /dev 2>/dev/null || true
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

# pci_device ADDRESS GROUP DRIVER
pci_device() {
    mountpoint -q /sys/bus/pci/devices || mount -t tmpfs -o mode=0755 tmpfs /sys/bus/pci/devices
    mkdir "/sys/bus/pci/devices/0000:$1"
    ln -s "/sys/kernel/iommu_groups/$2" "/sys/bus/pci/devices/0000:$1/iommu_group"
    ln -s "/sys/bus/pci/drivers/$3" "/sys/bus/pci/devices/0000:$1/driver"
}

@test "an input device, given to the guest" {
    node /dev/input/event3
    args+=(-device virtio-input-host-pci,evdev=/dev/input/event3)
    up_to_open /dev/input/event3 "/dev/input/event3: is not an evdev device"
}

@test "an input device, shared with the guest" {
    node /dev/input/event4
    args+=(-object input-linux,id=keys,evdev=/dev/input/event4)
    up_to_open /dev/input/event4 "/dev/input/event4: is not an evdev device"
}

@test "a USB device" {
    node /dev/bus/usb/001/004
    args+=(-usb -device usb-host,hostdevice=/dev/bus/usb/001/004)
    up_to_open /dev/bus/usb/001/004 "failed to open host usb device /dev/bus/usb/001/004"
}

@test "a TPM of the host's" {
    node /dev/tpm7
    make text=x root:root 0666 "$fs/cancel"
    args+=(-tpmdev "passthrough,id=t,path=/dev/tpm7,cancel-path=$fs/cancel" -device tpm-tis,tpmdev=t)
    up_to_open /dev/tpm7 "'/dev/tpm7' is not a TPM device."
}

@test "a vsock" {
    node /dev/vhost-vsock
    args+=(-device vhost-vsock-pci,guest-cid=3)
    passed /dev/vhost-vsock 'vhostfd=[0-9]+: vhost_set_owner failed: Inappropriate ioctl'
}

@test "a tap device with vhost" {
    node /dev/vhost-net
    on_net
    args+=(-netdev tap,id=n,ifname=vmtap0,script=no,downscript=no,vhost=on,vhostforce=on)
    passed /dev/vhost-net 'vhostfd=[0-9]+: vhost_set_owner failed: Inappropriate ioctl'
    no_tap
}

@test "two queues of a tap device with vhost" {
    node /dev/vhost-net
    on_net
    args+=(-netdev tap,id=n,ifname=vmtap0,queues=2,script=no,downscript=no,vhost=on,vhostforce=on)
    passed /dev/vhost-net 'vhostfds=[0-9]+:[0-9]+: vhost_set_owner failed: Inappropriate ioctl'
    no_tap
}

@test "a PCI device" {
    pci_device 01:00.0 7 vfio-pci
    node /dev/vfio/7
    node /dev/vfio/vfio
    chmod 0666 /dev/vfio/vfio
    args+=(-device vfio-pci,host=01:00.0)
    if may_lock; then
        up_to_open /dev/vfio/7 "failed to get group 7 status"
    else
        locked_memory_refused
    fi
    [ "$(stat -c '%U:%G %a' /dev/vfio/vfio)" = "root:root 666" ]
}

@test "a PCI device that is not for VFIO" {
    pci_device 01:00.0 7 nouveau
    args+=(-device vfio-pci,host=01:00.0)
    run -1 virt-priv-run --check qemu-system-x86_64 "${args[@]}"
    [[ ${lines[0]} == *"bound to nouveau, not to vfio-pci; driverctl set-override 0000:01:00.0 vfio-pci" ]]
}

@test "locked memory" {
    args+=(-overcommit mem-lock=on)
    if may_lock; then
        start
        runs
        [ "$(awk '/^Max locked memory/ { print $4 }' "/proc/$pid/limits")" = unlimited ]
        [ "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$pid/status")" -gt 16000 ]
        leave
        [ "$status" -eq 33 ]
    else
        locked_memory_refused
    fi
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_left
}
