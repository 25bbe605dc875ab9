# Devices of the host that an isolated QEMU has: their nodes, and where it looks them up. As in devices.bats, stand-ins
# take their places, up to QEMU's open.
# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas

load host.bash
load isolated.bash
load devices.bash

setup() {
    clean_host
    own=(--isolate=full)
    device_host
}

# sees PATH...: what of these is visible, beside what each VM has.
sees() {
    local visible
    visible=$(virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults "${args[@]}" | sed -n 's/^visible \([^ ]*\) .*/\1/p')
    diff <(printf '%s\n' "$@" | sort) <(grep -E '^/(sys|run/udev|dev/(bus|input|vfio|tpm|hidraw|iommu))' <<<"$visible" | sort)
}

@test "a USB device: its node, sysfs, and udev's events" {
    node /dev/bus/usb/001/004
    args+=(-usb -device usb-host,hostdevice=/dev/bus/usb/001/004)
    up_to_open /dev/bus/usb/001/004 "failed to open host usb device /dev/bus/usb/001/004"
    usb_device 1-1.2 1 4 1d6b 0104
    args=(-usb -device usb-host,vendorid=0x1d6b,productid=0x0104)
    mkdir -p /run/udev
    sees /dev/bus/usb/001/004 /run/udev /sys
}

@test "an input device" {
    node /dev/input/event3
    args+=(-device virtio-input-host-pci,evdev=/dev/input/event3)
    sees /dev/input/event3
    up_to_open /dev/input/event3 "/dev/input/event3: is not an evdev device"
}

@test "a TPM of the host's" {
    node /dev/tpm7
    make text=x root:root 0666 "$fs/cancel"
    args+=(-tpmdev "passthrough,id=t,path=/dev/tpm7,cancel-path=$fs/cancel" -device tpm-tis,tpmdev=t)
    up_to_open /dev/tpm7 "'/dev/tpm7' is not a TPM device."
}

@test "a vsock, and a tap device with vhost: by descriptors" {
    node /dev/vhost-vsock
    node /dev/vhost-net
    args+=(-device vhost-vsock-pci,guest-cid=3)
    passed /dev/vhost-vsock 'vhostfd=[0-9]+: vhost_set_owner failed: Inappropriate ioctl'
    args=(-netdev tap,id=n,ifname=vmtap0,script=no,downscript=no,vhost=on,vhostforce=on)
    on_net
    passed /dev/vhost-net 'vhostfd=[0-9]+: vhost_set_owner failed: Inappropriate ioctl'
    no_tap
}

@test "a PCI device: its group, and sysfs" {
    pci_device 01:00.0 7 vfio-pci
    group_is_opened
    mkdir -p /run/udev
    ! may_lock || sees /dev/vfio/7 /dev/vfio/vfio /run/udev /sys
}
