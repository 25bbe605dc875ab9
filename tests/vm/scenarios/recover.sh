# A claim that nobody released before a reboot: the unit gives the disk back at boot.
# from: installed

disk=/srv/images/disk.img

phase_claim() {
    mkdir -p /srv/images
    echo data >"$disk"
    chown alice:alice "$disk"
    chmod 0640 "$disk"
    succeeds "the disk is claimed" virt-priv-chown claim --name vm1 --disk "$disk"
    is "$(access_of "$disk")" "640 qemu:qemu" "it is the account's"
    is "$(remembered)" "+6001:+6001 1" "libvirt's attributes remember its owner"
    sync
}

phase_recovered() {
    is "$(systemctl show -P Result -P ExecMainStatus -P ActiveState virt-priv-recover.service | xargs)" \
        "success 0 inactive" "after a reboot: the unit has run" ||
        detail "$(systemctl status virt-priv-recover.service; journalctl --boot --unit virt-priv-recover.service)"
    is "$(access_of "$disk")" "640 alice:alice" "the disk is its owner's again"
    is "$(remembered)" "" "no attribute is left"
    is "$(ls /var/lib/virt-privileges/claims)" "" "no claim is left"
    is "$(journalctl --boot --quiet --output=cat --unit virt-priv-recover.service --grep=vm1 | wc -l)" 1 \
        "the journal tells whose claim it was"
    is "$(systemctl show -P Before virt-priv-recover.service | tr ' ' '\n' | grep -x libvirtd.service)" libvirtd.service \
        "it runs before libvirtd"
}

remembered() {
    /usr/bin/python3 -c 'import os, sys
try:
    print(*(os.getxattr(sys.argv[1], "trusted.libvirt.security." + name).decode() for name in ("dac", "ref_dac")))
except OSError:
    pass' "$disk"
}
