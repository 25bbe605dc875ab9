# A claim that nobody released before a reboot: the unit gives the disk back at boot. The clock is set
# meanwhile, by a year to either side, and goes back by another at the reboot.
# from: installed

disk=/srv/images/disk.img
held=/srv/images/held.img
later=/srv/images/later.img

phase_claim() {
    mkdir -p /srv/images
    echo data >"$disk"
    chown alice:alice "$disk"
    chmod 0640 "$disk"
    succeeds "the disk is claimed" virt-priv-chown claim --name vm1 --disk "$disk"
    is "$(access_of "$disk")" "640 qemu:qemu" "it is the account's"
    is "$(remembered)" "+6001:+6001 1" "libvirt's attributes remember its owner"
    set_clock
    other_filesystems
    sync
}

# Fedora's file system, whose device numbers are made up at each mount; and one that ends with the boot.
other_filesystems() {
    mkdir -p /srv/btrfs /srv/tmp
    truncate -s 256M /srv/btrfs.img
    mkfs.btrfs -q /srv/btrfs.img
    mount -o loop /srv/btrfs.img /srv/btrfs
    btrfs subvolume create /srv/btrfs/images
    umount /srv/btrfs
    cat >/etc/systemd/system/srv-disks.service <<'UNIT'
[Unit]
Before=virt-priv-recover.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount -t btrfs -o loop,subvol=images /srv/btrfs.img /srv/btrfs
ExecStart=/bin/mount -t tmpfs -o mode=0755 tmpfs /srv/tmp
[Install]
RequiredBy=virt-priv-recover.service
UNIT
    systemctl daemon-reload
    systemctl enable srv-disks.service
    succeeds "a subvolume and a tmpfs are mounted" systemctl start srv-disks.service
    for name in btrfs tmp; do
        echo data >/srv/$name/disk.img
        chown alice:alice /srv/$name/disk.img
        chmod 0640 /srv/$name/disk.img
        succeeds "a disk on a $name is claimed" virt-priv-chown claim --name "$name" --disk /srv/$name/disk.img
    done
    is "$(access_of /srv/btrfs/disk.img)" "640 qemu:qemu" "the one on btrfs is the account's"
    # On this kernel, which has no FS_IOC_GETFSUUID, too.
    is "$(grep -cE '^filesystem btrfs:[0-9a-f]{32}:[0-9a-f]{32}:[0-9]+$' /var/lib/virt-privileges/claims/btrfs)" 1 \
        "it is known by file system and subvolume"
}

# Without utmp, the boot's time is known by the clock alone.
set_clock() {
    local by holder
    rm -f /run/utmp
    echo data | tee "$held" "$later" >/dev/null
    chown alice:alice "$held" "$later"
    chmod 0640 "$held" "$later"
    sleep infinity &
    holder=$!
    succeeds "a disk is claimed for a process" virt-priv-chown claim --name vm2 --pid "$holder" --disk "$held"
    for by in "1 second ago" "1 year ago" "2 years"; do
        capture date -s "$by"
        capture virt-priv-chown recover
        is "$status $(access_of "$held") $(access_of "$disk")" "0 640 qemu:qemu 640 qemu:qemu" \
            "the clock set to $by: recover leaves what is held"
        capture virt-priv-chown claim --name vm3 --disk "$held"
        is "$status $(access_of "$held")" "1 640 qemu:qemu" "and another VM cannot have it"
    done
    succeeds "on the new clock, another disk is claimed" virt-priv-chown claim --name vm3 --disk "$later"
    kill "$holder"
    wait "$holder"
    capture virt-priv-chown recover
    is "$status $(access_of "$held") $(access_of "$later")" "0 640 alice:alice 640 qemu:qemu" \
        "once the process has ended, its disk is its owner's, and no other"
}

phase_recovered() {
    is "$(shown virt-priv-recover.service Result ExecMainStatus ActiveState)" \
        "success 0 inactive" "after a reboot: the unit has run" ||
        detail "$(systemctl status virt-priv-recover.service; journalctl --boot --unit virt-priv-recover.service)"
    is "$(access_of "$disk") $(access_of "$later")" "640 alice:alice 640 alice:alice" "the disks are their owner's again"
    is "$(remembered)" "" "no attribute is left"
    is "$(access_of /srv/btrfs/disk.img)" "640 alice:alice" "the disk on btrfs is its owner's again"
    echo data >/srv/tmp/disk.img
    succeeds "a VM whose disk was on a tmpfs can claim another" \
        virt-priv-chown claim --name tmp --disk /srv/tmp/disk.img
    virt-priv-chown release --name tmp
    is "$(ls /var/lib/virt-privileges/claims)" "" "no claim is left"
    is "$(journalctl --boot --quiet --output=cat --unit virt-priv-recover.service --grep=vm1 | wc -l)" 1 \
        "the journal tells whose claim it was"
    is "$(shown virt-priv-recover.service Before | tr ' ' '\n' | grep -x libvirtd.service)" libvirtd.service \
        "it runs before libvirtd"
}

remembered() {
    /usr/bin/python3 -c 'import os, sys
try:
    print(*(os.getxattr(sys.argv[1], "trusted.libvirt.security." + name).decode() for name in ("dac", "ref_dac")))
except OSError:
    pass' "$disk"
}
