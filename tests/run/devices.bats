# Devices of the host. Few machines that test have them, so stand-ins take their places: what
# virt-priv-run does is seen up to QEMU's open, which succeeds, and QEMU's complaint about what it
# has opened. Machines that are booted have real ones (tests/vm/scenarios/vms.sh).
# shellcheck disable=SC2030,SC2054,SC2031,SC2034 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash
load devices.bash

setup() {
    clean_host
    device_host
}

@test "input device, assigned to the guest" {
    node /dev/input/event3
    args+=(-device virtio-input-host-pci,evdev=/dev/input/event3)
    up_to_open /dev/input/event3 "/dev/input/event3: is not an evdev device"
}

@test "input device, shared with the guest" {
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
    group_is_opened
    [ "$(stat -c '%U:%G %a' /dev/vfio/vfio)" = "root:root 666" ]
}

@test "a PCI device that is not for VFIO" {
    pci_device 01:00.0 7 nouveau
    args+=(-device vfio-pci,host=01:00.0)
    run -1 virt-priv-run --check qemu-system-x86_64 "${args[@]}"
    [[ ${lines[0]} == *"bound to nouveau, not to vfio-pci; driverctl set-override 0000:01:00.0 vfio-pci" ]]
}

@test "a PCI device of a variant driver" {
    pci_device 01:00.0 7 mlx5_vfio_pci
    vfio_device pci/devices/0000:01:00.0 vfio0
    group_is_opened
}

@test "a PCI device through iommufd" {
    qemu-system-x86_64 -object help | grep -qw iommufd || skip "QEMU has no iommufd before 8.2"
    pci_device 01:00.0 7 vfio-pci
    vfio_device pci/devices/0000:01:00.0 vfio0
    mkdir /dev/vfio/devices
    node /dev/vfio/devices/vfio0
    node /dev/iommu
    args+=(-object iommufd,id=i -device vfio-pci,host=01:00.0,iommufd=i)
    if may_lock; then
        up_to_open /dev/vfio/devices/vfio0 "error bind device fd="
        # Which all VMs share: no one's to own.
        passed /dev/iommu "error bind device fd=[0-9]+ to iommufd=[0-9]+: Inappropriate ioctl"
    else
        locked_memory_refused
    fi
}

# planned WORDS LINE...: of QEMU with these words, the report's lines of these devices are those. That
# not every root may lock memory is another matter.
planned() {
    local words
    read -ra words <<<"$1"
    shift
    run virt-priv-run --dry-run qemu-system-x86_64 "${words[@]}"
    diff <([ $# -eq 0 ] || printf '%s\n' "$@") <(grep -E '^(claim|check|refuse|leave|pass) ' <<<"$output" | grep -v 'locked memory' |
        sed -E 's/ +/ /; s/ \([^:]*: / /; s/\)$//')
}

@test "PCI and USB devices, by all the names that they have" {
    pci_device 01:00.0 7 vfio-pci
    pci_device 02:00.0 - vfio-pci
    pci_device 03:00.0 8 -
    pci_device 04:00.0 9 vfio-pci
    bus_device mdev/devices/83b8f4f2 7
    usb_device 1-1 1 3 1d6b 0002
    usb_device 1-1.2 1 4 1d6b 0104
    usb_device 2-3 2 11 8086 0b05
    # A hub's interface has no numbers.
    bus_device usb/devices/1-0:1.0
    local node words line lines n=0
    for node in vfio/vfio vfio/7 bus/usb/001/004 input/event1 input/event2; do
        node "/dev/$node"
    done
    mkdir /dev/bus/usb/002
    node /dev/bus/usb/002/011
    chmod 0666 /dev/vfio/vfio /dev/input/event2
    touch /dev/input/event3
    chmod 0600 /dev/input/event3
    while IFS='|' read -ra lines; do
        echo "${lines[0]}"
        planned "-device ${lines[0]}" "${lines[@]:1}"
        n=$((n + 1))
    done <<'EOT'
vfio-pci,host=01:00.0|check /dev/vfio/vfio assigned to the guest|claim /dev/vfio/7 assigned to the guest
vfio-pci,host=0000:01:00.0|check /dev/vfio/vfio assigned to the guest|claim /dev/vfio/7 assigned to the guest
vfio-pci,host=1:0.0|check /dev/vfio/vfio assigned to the guest|claim /dev/vfio/7 assigned to the guest
vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2|check /dev/vfio/vfio assigned to the guest|claim /dev/vfio/7 assigned to the guest
vfio-pci,sysfsdev=/sys/bus/../../etc|refuse /sys/bus/../../etc /sys/bus/../../etc is not a PCI address
vfio-pci,sysfsdev=/etc|refuse /etc /etc is not a PCI address
vfio-pci,host=01:00|refuse 01:00 01:00 is not a PCI address
vfio-pci,host=01:00.0/../x|refuse 01:00.0/../x 01:00.0/../x is not a PCI address
vhost-scsi-pci,wwpn=naa.5001405|refuse /dev/vhost-scsi no such device: /dev/vhost-scsi; modprobe vhost_scsi
vfio-pci,host=01:00.1|refuse 01:00.1 no such PCI device: /sys/bus/pci/devices/0000:01:00.1
vfio-pci,host=02:00.0|refuse 02:00.0 the device has no IOMMU group: no IOMMU, or it is disabled; boot with intel_iommu=on or amd_iommu=on
vfio-pci,host=03:00.0|refuse 03:00.0 the device is bound to no driver, not to vfio-pci; driverctl set-override 0000:03:00.0 vfio-pci
vfio-pci,host=04:00.0|check /dev/vfio/vfio assigned to the guest|refuse 04:00.0 cannot reach /dev/vfio/9: No such file or directory
usb-host,hostbus=1,hostaddr=4|claim /dev/bus/usb/001/004 assigned to the guest
usb-host,hostbus=1,hostport=1.2|claim /dev/bus/usb/001/004 assigned to the guest
usb-host,vendorid=0x8086,productid=0x0b05|claim /dev/bus/usb/002/011 assigned to the guest
usb-host,hostbus=1,hostaddr=9|leave bus 1:9 no such device; one that is plugged in later will not belong to the QEMU user
usb-host,hostbus=1,hostport=7|leave port 1-7 no such device; one that is plugged in later will not belong to the QEMU user
usb-host,hostbus=1,hostport=1/../1-1.2|leave port 1-1/../1-1.2 no such device; one that is plugged in later will not belong to the QEMU user
usb-host,vendorid=0x8086,productid=0x0104|leave id 0x8086:0x0104 no such device; one that is plugged in later will not belong to the QEMU user
usb-host,vendorid=x,productid=1|leave id x:1 no such device; one that is plugged in later will not belong to the QEMU user
virtio-input-host-pci,evdev=/dev/input/event1|claim /dev/input/event1 input device
virtio-input-host-pci,evdev=/dev/input/event2|check /dev/input/event2 input device
virtio-input-host-pci,evdev=/dev/input/event4|refuse /dev/input/event4 cannot reach /dev/input/event4: No such file or directory
virtio-input-host-pci,evdev=/dev/input/event3|refuse /dev/input/event3 /dev/input/event3 is 0600 root:root: qemu may not read or write it; let user qemu read and write /dev/input/event3; setfacl -m u:qemu:rw /dev/input/event3
EOT
    [ "$n" -eq 25 ]
    [ "$(stat -c '%U %a' /dev/input/event3)" = "root 600" ]
}

@test "VFIO's drivers, and the nodes of its devices" {
    local node words lines n=0
    mkdir /dev/vfio/devices
    for node in vfio/vfio vfio/10 vfio/11 vfio/12 vfio/devices/vfio0 vfio/devices/vfio1 iommu; do
        node "/dev/$node"
    done
    chmod 0666 /dev/vfio/vfio
    pci_device 01:00.0 10 mlx5_vfio_pci
    vfio_device pci/devices/0000:01:00.0 vfio0
    pci_device 02:00.0 11 nvidia
    pci_device 03:00.0 12 vfio-pci
    pci_device 03:00.1 12 snd_hda_intel
    pci_device 03:00.2 12 -
    pci_device 04:00.0 13 vfio-pci
    vfio_device pci/devices/0000:04:00.0 vfio4
    pci_device 05:00.0 13 vfio-pci
    vfio_device pci/devices/0000:05:00.0 noiommu-vfio0
    bus_device mdev/devices/83b8f4f2 10
    vfio_device mdev/devices/83b8f4f2 vfio1
    local check="check /dev/vfio/vfio assigned to the guest" own=/sys/bus/pci/devices/0000
    # A kernel before 6.1 knows of groups alone; there, one of its devices has a driver of VFIO's.
    planned "-device vfio-pci,host=02:00.0" "$check" "claim /dev/vfio/11 assigned to the guest"
    planned "-device vfio-pci,host=03:00.1" "$check" "claim /dev/vfio/12 assigned to the guest"
    pci_device 02:00.1 11 vfio-pci
    vfio_device pci/devices/0000:02:00.1 vfio2
    pci_device 03:00.3 12 mlx5_vfio_pci
    vfio_device pci/devices/0000:03:00.3 vfio3
    while IFS='|' read -ra lines; do
        echo "${lines[0]}"
        planned "${lines[0]}" "${lines[@]:1}"
        n=$((n + 1))
    done <<EOT
-device vfio-pci,host=01:00.0|$check|claim /dev/vfio/10 assigned to the guest
-device vfio-pci,host=02:00.0|refuse 02:00.0 the device is bound to nvidia, not to vfio-pci; driverctl set-override 0000:02:00.0 vfio-pci
-device vfio-pci,host=03:00.0|$check|claim /dev/vfio/12 assigned to the guest
-device vfio-pci,host=03:00.1|refuse 03:00.1 the device is bound to snd_hda_intel, not to vfio-pci; driverctl set-override 0000:03:00.1 vfio-pci
-device vfio-pci,host=03:00.2|refuse 03:00.2 the device is bound to no driver, not to vfio-pci; driverctl set-override 0000:03:00.2 vfio-pci
-device vfio-pci,host=01:00.0,iommufd=i|claim /dev/vfio/devices/vfio0 assigned to the guest
-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2,iommufd=i|claim /dev/vfio/devices/vfio1 assigned to the guest
-device vfio-pci,host=01:00.0 -global vfio-pci.iommufd=i|claim /dev/vfio/devices/vfio0 assigned to the guest
-device vfio-pci,host=01:00.0,iommufd= -global vfio-pci.iommufd=i|$check|claim /dev/vfio/10 assigned to the guest
-device vfio-pci,host=03:00.0,iommufd=i|refuse 03:00.0 iommufd= needs a device node of VFIO, and $own:03:00.0/vfio-dev has none; remove iommufd= to use the IOMMU group
-device vfio-pci,host=04:00.0,iommufd=i|refuse 04:00.0 iommufd= needs /dev/vfio/devices/vfio4: No such file or directory; the kernel must be built with CONFIG_VFIO_DEVICE_CDEV, or remove iommufd= to use the IOMMU group
-device vfio-pci,host=05:00.0,iommufd=i|refuse 05:00.0 iommufd= needs a device node of VFIO, and $own:05:00.0/vfio-dev has none; remove iommufd= to use the IOMMU group
-device vfio-pci,host=03:00.1,iommufd=i|refuse 03:00.1 the device is bound to snd_hda_intel, not to vfio-pci; driverctl set-override 0000:03:00.1 vfio-pci
-device vfio-pci,host=01:00.0,iommufd=i -object iommufd,id=i|claim /dev/vfio/devices/vfio0 assigned to the guest|pass /dev/iommu opened as root, and passed
-object iommufd,id=i|pass /dev/iommu opened as root, and passed
EOT
    [ "$n" -eq 15 ]
    rm /dev/iommu
    planned "-object iommufd,id=i" "refuse /dev/iommu no such device: /dev/iommu; modprobe iommufd"
}

@test "KVM that is asked for alone, and that is not there" {
    local words line n=0
    while IFS='|' read -r words line; do
        echo "$words"
        node /dev/kvm
        chmod 0666 /dev/kvm
        planned "$words" ${line:+"check /dev/kvm hardware acceleration"}
        rm /dev/kvm
        planned "$words" ${line:+"refuse /dev/kvm cannot reach /dev/kvm: No such file or directory; modprobe kvm_intel or kvm_amd, or use -accel tcg"}
        n=$((n + 1))
    done <<'EOT'
-enable-kvm|needed
-accel kvm|needed
-machine q35,accel=kvm|needed
-machine q35,accel=kvm -enable-kvm|needed
-machine q35,accel=kvm:tcg|
-accel kvm -accel tcg|
-accel tcg|
-machine q35|
EOT
    [ "$n" -eq 8 ]
}

@test "KVM by a node of another name" {
    planned "-accel kvm,device=/dev/other" "refuse /dev/other cannot reach /dev/other: No such file or directory"
    planned "-accel kvm,device=/dev/other -accel tcg" "leave /dev/other no such device; QEMU uses the next -accel"
    node /dev/other
    planned "-accel kvm,device=/dev/other" "claim /dev/other hardware acceleration"
    chmod 0666 /dev/other /dev/kvm
    planned "-accel kvm,device=/dev/other" "check /dev/other hardware acceleration"
    planned "-accel kvm,device=/dev/kvm" "check /dev/kvm hardware acceleration"
}

@test "a VM on KVM by a node of another name" {
    since_qemu 9.1
    [ -c /dev/kvm ] || skip "this machine has no KVM"
    rm -f /dev/other
    cp -a /dev/kvm /dev/other
    chmod 0600 /dev/other
    rm /dev/kvm
    machine=("${machine[@]/#tcg/kvm,device=/dev/other}")
    start
    runs
    unprivileged "$pid"
    [ "$(owner /dev/other)" = "qemu:qemu" ]
    has_open /dev/other
    leave
    [ "$status" -eq 33 ]
    [ "$(stat -c '%U %a' /dev/other)" = "root 600" ]
    nothing_left
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
