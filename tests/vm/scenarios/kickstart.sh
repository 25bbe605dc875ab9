# A machine as an installer leaves it, by the kickstart file that is packaged: all is right from the
# first boot on.
# kernel: vm.install

phase_first_boot() {
    is "$(test -e /var/lib/vm-installed && rpm -q --qf '%{NAME} ' virt-privileges virt-privileges-libvirt)" \
        "virt-privileges virt-privileges-libvirt " "the packages were installed before the first boot" ||
        detail "$(tail -n 30 /var/log/dnf.log)"
    is "$(id qemu)" "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" "the account is there"
    is "$(access_of /dev/kvm)" "666 root:kvm" "/dev/kvm is for everybody"
    is "$(virt-priv-conf get user) $(virt-priv-conf get group)" "qemu qemu" "libvirt's settings name the account"
    is "$(shown virt-priv-recover.service Result ExecMainStatus ConditionResult)" \
        "success 0 yes" "the recovery at boot is enabled, and has run" || detail "$(systemctl status virt-priv-recover.service)"
    is "$(systemctl is-enabled virt-priv-audit.timer) $(systemctl is-active virt-priv-audit.timer)" "enabled active" \
        "the auditor's timer is enabled, as the kickstart file asks for"
    capture rpm -V virt-privileges virt-privileges-libvirt
    is "$status:$output" "0:" "rpm finds nothing changed"
    is "$(journalctl --boot --quiet --no-hostname --priority=warning --grep='virt-priv|/dev/kvm|\bqemu\b')" "" \
        "the journal has no warning about any of it"
    start_guest /run/guest virt-priv-exec
    guest_spoke /run/guest "a guest runs, under KVM"
    is "$(threads "$guest" Uid) $(threads "$guest" CapEff)" "107 107 107 107 0000000000000000" "its QEMU has no privilege"
    end_guest /run/guest "QEMU ends as the guest asks for"
}
