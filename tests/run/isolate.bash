# What the tests of isolated VMs share that are no rows.
# shellcheck shell=bash disable=SC2034,SC2054,SC2154

load isolated.bash

# What a VM has beside its disk: nothing that needs the host.
plain() {
    make guest root:root 600 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw,if=virtio,cache=writethrough" -name iso)
}

ns() {
    readlink "/proc/$1/ns/$2"
}

# mounts: "POINT FLAGS" of QEMU's, the flags of each mount.
mounts() {
    awk '{ print $5, $6 }' "/proc/$pid/mountinfo" | sort
}
