# What the tests beside a real libvirtd share.
# shellcheck shell=bash disable=SC2034,SC2154

PATH=$VP_BUILD:$PATH
export LIBVIRT_DEFAULT_URI=qemu:///system
images=/mnt/images
disk=$images/disk.qcow2
files=("$disk" "$images"/{base.qcow2,cd.iso,shared.raw})
hold=tests/lib/hold-metadata-lock

# A libvirtd, and a file system of its own for what its domains use.
start_host() {
    nasm -f bin -o /mnt/guest.raw tests/guest/hello.asm
    mkdir -p "$images"
    truncate -s 64M /mnt/images.ext4
    mkfs.ext4 -q -F /mnt/images.ext4
    mount -o loop /mnt/images.ext4 "$images"
    utmp "$(booted)"
    tests/lib/private-libvirtd start
}

stop_host() {
    tests/lib/private-libvirtd stop
}

# When the kernel says that the host was booted, in seconds since the epoch.
booted() {
    awk '$1 == "btime" { print $2 }' /proc/stat
}

# utmp SECONDS: the only record of /run/utmp says that the host was booted then.
utmp() {
    /usr/bin/python3 -c '
import struct, sys
# struct utmp of utmp(5): type (BOOT_TIME is 2), pid, line, id, user, host, exit, session, time, address.
sys.stdout.buffer.write(struct.pack("hxxi32s4s32s256shhiii4i20x", 2, 0, b"~", b"~~", b"reboot", b"", 0, 0, 0, int(sys.argv[1]), 0, *4 * [0]))
' "$1" >/run/utmp
    [ "$(stat -c %s /run/utmp)" -eq 384 ]
}

# A disk on a backing file that starts the guest, a CD and a disk for several,
# each of another owner. What is not to be chowned can be used by everybody.
make_images() {
    rm -rf "${images:?}"/*
    qemu-img convert -q -f raw -O qcow2 /mnt/guest.raw "$images/base.qcow2"
    qemu-img create -q -f qcow2 -F qcow2 -b "$images/base.qcow2" "$disk" 1M
    truncate -s 1M "$images/cd.iso" "$images/shared.raw"
    owners_before
}

owners_before() {
    chown alice:alice "$disk"
    chown bob:bob "$images/base.qcow2"
    chown alice:team "$images/cd.iso"
    chown bob:team "$images/shared.raw"
    chmod 0640 "$disk"
    chmod 0644 "$images/base.qcow2" "$images/cd.iso"
    chmod 0666 "$images/shared.raw"
}

# define [NAME [XML]]: a domain with those files; XML goes in before its devices.
define() {
    cat >"$BATS_TEST_TMPDIR/domain.xml" <<XML
<domain type='qemu'>
  <name>${1-vm1}</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  ${2-}
  <devices>
    <emulator>$(type -P qemu-system-x86_64)</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='$disk'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='$images/cd.iso'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='$images/shared.raw'/>
      <target dev='vdb' bus='virtio'/>
      <shareable/>
    </disk>
    <serial type='file'><source path='/var/log/libvirt/serial.log'/></serial>
  </devices>
</domain>
XML
    virsh -q define "$BATS_TEST_TMPDIR/domain.xml"
}

# No domain, no claim, and nothing remembered of either.
clean_up() {
    local name
    tests/lib/private-libvirtd start
    for name in $(virsh -q list --name); do
        virsh -q destroy "$name"
    done
    for name in $(virsh -q list --all --name); do
        virsh -q undefine "$name"
    done
    rm -rf /var/lib/virt-privileges /run/virt-privileges
}

# libvirt's attributes of a file, a line each, without what their names share.
attributes() {
    /usr/bin/python3 -c '
import os, sys
prefix = "trusted.libvirt.security."
for name in sorted(os.listxattr(sys.argv[1])):
    if name.startswith(prefix):
        print(name.removeprefix(prefix) + "=" + os.getxattr(sys.argv[1], name).decode().rstrip("\0"))' "$1"
}

# set_attribute FILE NAME VALUE
set_attribute() {
    /usr/bin/python3 -c '
import os, sys
os.setxattr(sys.argv[1], "trusted.libvirt.security." + sys.argv[2], sys.argv[3].encode())' "$@"
}

timestamp() {
    attributes "$1" | sed -n 's/^timestamp_dac=//p'
}

owner() {
    stat -c '%U:%G %a' "$1"
}

# All that a claim or a domain changes of the files: to be compared.
snapshot() {
    local file
    for file in "${files[@]}"; do
        echo "${file##*/} $(owner "$file") $(attributes "$file" | grep -v timestamp | paste -sd ' ')"
    done
}

# kept: the disk is still the account's after a domain on it was stopped. libvirt
# does not only count down then, it removes its attributes whoever else holds the
# file (qemuProcessStop() in its src/qemu/qemu_process.c), up to now.
kept() {
    [ -n "$(attributes "$disk")" ] || [ "$(owner "$disk")" != "qemu:qemu 640" ] || return 0
    held 1
}

# held REFS [IDS]: the disk is the account's, REFS hold it, and it was IDS'.
held() {
    echo "$(owner "$disk"), $(attributes "$disk" | paste -sd ' ')"
    [ "$(owner "$disk")" = "qemu:qemu 640" ] &&
        [ "$(attributes "$disk" | grep -v timestamp)" = "$(printf 'dac=%s\nref_dac=%s' "${2-+6001:+6001}" "$1")" ]
}

# free: the disk is alice's again, and nobody remembers anything.
free() {
    echo "$(owner "$disk"), $(attributes "$disk" | paste -sd ' ')"
    [ "$(owner "$disk")" = "alice:alice 640" ] && [ -z "$(attributes "$disk")" ]
}

# eventually COMMAND...: succeeds within a minute or so.
eventually() {
    local i
    for ((i = 0; i < 600; i++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

# milliseconds: of a clock that nobody sets.
milliseconds() {
    awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}
