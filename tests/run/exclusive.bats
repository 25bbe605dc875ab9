# What QEMU is to write alone: not what the host uses, another VM holds or the system runs, claimed or passed.
# shellcheck disable=SC2034 # start() reads them

load host.bash

setup() {
    clean_host
    mkdir -p /mnt/host
}

teardown() {
    umount /mnt/host 2>/dev/null || true
    end_all
}

# refused TEXT WORD...: in both modes, and --check says it; no owner changes.
refused() {
    local mode before
    before=$(listing "$fs")
    for mode in claim pass; do
        run -1 virt-priv-run --disks=$mode --check qemu-system-x86_64 "${@:2}"
        echo "$mode: $output"
        [[ $output == *"$1"* ]]
        run -125 virt-priv-run --disks=$mode qemu-system-x86_64 "${machine[@]}" "${@:2}"
        [[ $output == *"$1"*"not starting; nothing was changed"* ]]
    done
    [ "$(listing "$fs")" = "$before" ]
    no_processes
}

# planned WORD...: in both modes.
planned() {
    local mode
    for mode in claim pass; do
        run -0 virt-priv-run --disks=$mode --dry-run qemu-system-x86_64 "$@"
    done
}

drive() {
    echo "file=$fs/$1,format=raw${2-}"
}

@test "a device that the host has mounted, and the file behind it" {
    make block root:disk 0660 "$fs/disk"
    mkfs.ext4 -q "$fs/disk"
    mount "$fs/disk" /mnt/host
    refused "$fs/disk (-drive): the host uses it: it is mounted on /mnt/host" -drive "$(drive disk)"
    refused "$fs/blocks (-drive): the host uses it: " -drive "$(drive blocks)"
    # It is only read, or root says so.
    run -0 virt-priv-run --disks=pass --dry-run qemu-system-x86_64 -drive "$(drive disk ,readonly=on)"
    for mode in claim pass; do
        run -0 virt-priv-run --disks=$mode --force-in-use "$fs/disk" --dry-run qemu-system-x86_64 -drive "$(drive disk)"
        run -1 virt-priv-run --disks=$mode --force-in-use "$fs/disk" --check qemu-system-x86_64 -drive "$(drive blocks)"
    done
    umount /mnt/host
    planned -drive "$(drive disk)"
}

@test "what another VM holds, under this name or another" {
    make block root:disk 0660 "$fs/disk"
    cp -a "$fs/disk" "$fs/node"
    run -0 virt-priv-chown claim --name other --disk "$fs/disk"
    refused "$fs/disk (-drive): claimed by VM 'other'" -drive "$(drive disk)"
    refused "$fs/node (-drive): it is $fs/disk, which VM 'other' has claimed, under another name" -drive "$(drive node)"
    refused "$fs/blocks (-drive): $fs/disk, which VM 'other' has claimed, is on it" -drive "$(drive blocks)"
    run -0 virt-priv-chown release --name other
    planned -drive "$(drive blocks)"
}

@test "two disks of one VM that are the same bytes" {
    make block root:disk 0660 "$fs/disk"
    refused "which this VM has claimed as well, is on it: the guest would write the same data under two names" \
        -drive "$(drive disk)" -drive "$(drive blocks)"
    refused "it is on $fs/blocks, which this VM has claimed as well" -drive "$(drive blocks)" -drive "$(drive disk)"
    # What is read only, or by one of them, harms nobody.
    run -0 virt-priv-run --disks=pass --dry-run qemu-system-x86_64 -drive "$(drive disk)" -drive "$(drive blocks ,readonly=on)"
}

@test "programs and templates of the system" {
    local firmware qemu
    firmware=$(readlink -f /usr/share/seabios/bios-256k.bin)
    qemu=$(readlink -f "$(type -P qemu-system-x86_64)")
    refused "$firmware (-drive): it is a system file, below /usr, and must not be writable by a guest; if it is a template, use a copy: cp $firmware /var/lib/libvirt/images/" \
        -drive "if=pflash,format=raw,file=$firmware"
    refused "$qemu (argument): it is a system file" "$qemu"
    cp "$qemu" "$fs/qemu"
    refused "$fs/qemu (-hda): it is a program" -hda "$fs/qemu"
    run -0 virt-priv-run --check qemu-system-x86_64 -drive "if=pflash,format=raw,readonly=on,file=$firmware"
    [ "$(stat -c %U "$qemu" "$firmware" | sort -u)" = root ]
}

@test "QEMU runs on a device, and another one does not get the file behind it until it has ended" {
    make block root:disk 0660 "$fs/disk"
    args=(-drive "$(drive disk)" -name first)
    start
    runs
    run -125 virt-priv-run --name second qemu-system-x86_64 "${machine[@]}" -drive "$(drive blocks)"
    [[ $output == *"$fs/disk, which VM 'first' has claimed, is on it; it is running: process $pid (qemu-system-x86"*") holds its claim; stop it first"* ]]
    [[ $output != *"chown release"* ]]
    run -1 virt-priv-chown release --name first
    [[ $output == *"VM 'first' is running: process $pid "* ]]
    [ "$(owner "$fs/disk")" = qemu:qemu ]
    leave
    [ "$status" -eq 33 ]
    nothing_left
    planned -drive "$(drive blocks)"
}
