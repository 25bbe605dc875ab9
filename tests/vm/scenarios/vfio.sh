# A PCI device behind an emulated IOMMU is the guest's: its VFIO group is claimed, and what VFIO
# must lock in memory may be locked.
# kernel: intel_iommu=on
# machine: -machine q35,kernel-irqchip=split -device intel-iommu,intremap=on -device edu,addr=10

device=0000:00:10.0

phase_vfio() {
    succeeds "dnf installs the package" dnf -y install virt-privileges
    succeeds "the kernel has vfio-pci" modprobe vfio-pci
    echo vfio-pci >/sys/bus/pci/devices/$device/driver_override
    echo $device >/sys/bus/pci/drivers_probe
    local group
    group=$(basename "$(readlink /sys/bus/pci/devices/$device/iommu_group)")
    is "$(basename "$(readlink /sys/bus/pci/devices/$device/driver)")" vfio-pci "the device is VFIO's"
    is "$(access_of "/dev/vfio/$group")" "600 root:root" "before: its group is root's"

    prlimit --memlock=65536:65536 --pid $$
    virt-priv-run --name vfio qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none \
        -device isa-debug-exit,iobase=0xf4 -device vfio-pci,host=$device -drive file=/run/vm/wait.img,format=raw,if=floppy,readonly=on \
        -serial file:/run/vfio.serial </dev/null 2>/run/vfio.err 3>&- &
    local runner=$! qemu
    within 90 "the guest runs" grep -q 'a guest runs' /run/vfio.serial || detail "$(cat /run/vfio.err)"
    qemu=$(pgrep -P $runner)
    is "$(threads "$qemu" Uid) $(threads "$qemu" CapEff)" "107 107 107 107 0000000000000000" "QEMU has no privilege"
    is "$(find "/proc/$qemu/fd" -lname "/dev/vfio/$group" | wc -l)" 1 "QEMU has the group open"
    is "$(access_of "/dev/vfio/$group")" "600 qemu:qemu" "the group is the account's"
    is "$([ "$(awk '/^VmPin|^VmLck/ { n += $2 } END { print n }' "/proc/$qemu/status")" -ge 65536 ] && echo yes)" yes \
        "the guest's memory is locked" || detail "$(grep '^Vm' "/proc/$qemu/status")"
    kill $runner
    wait $runner
    is "$(access_of "/dev/vfio/$group")" "600 root:root" "the group is root's again"
    as_a_unit "$group"
}

# as_a_unit GROUP: what the unit's settings leave is enough.
as_a_unit() {
    systemd-tmpfiles --create virt-privileges.conf
    printf '%s\n' qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none \
        -device vfio-pci,host=$device -serial file:/run/unit.serial \
        -drive file=/run/vm/wait.img,format=raw,if=floppy,readonly=on >/etc/virt-privileges/vms/unit.conf
    succeeds "a unit starts with the device" systemctl start virt-priv-vm@unit.service
    local qemu
    qemu=$(pgrep -f '^qemu-system-x86_64.*unit.serial')
    is "$(find "/proc/$qemu/fd" -lname "/dev/vfio/$1" | wc -l)" 1 "its QEMU has the group open"
    is "$(awk '/^Max locked memory/ { print $4 }' "/proc/$qemu/limits")" unlimited "it may lock memory"
    capture systemctl kill --signal=TERM --kill-whom=main virt-priv-vm@unit.service
    within 60 "it ends" is_gone "$qemu"
    within 10 "the group is root's once more" is_roots "/dev/vfio/$1"
}

is_roots() {
    [ "$(access_of "$1")" = "600 root:root" ]
}
