# qemu:///system: libvirtd runs QEMU without privileges, an admin goes back to root and forth, and
# the auditor sees each of it.
# releases: sid
# timeout: 600
# kernel: apparmor=0

disk=/srv/images/disk.img

phase_system() {
    succeeds "dnf installs the package, beside libvirt's" \
        dnf -y --config=kickstart.conf install libvirt-daemon-driver-qemu virt-privileges
    is "$(rpm -q --qf '%{NAME}' virt-privileges-libvirt)" virt-privileges-libvirt "the part for libvirt comes with it"
    is "$(virt-priv-conf get user) $(virt-priv-conf get group)" "qemu qemu" "libvirt's settings name the account"
    mkdir -p /srv/images
    for name in disk ours; do
        install -o alice -g alice -m 0640 /run/vm/disk.img /srv/images/$name.img
    done
    cat >/srv/domain.xml <<XML
<domain type='kvm'>
  <name>web</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='floppy'>
      <driver name='qemu' type='raw'/>
      <source file='$disk'/>
      <target dev='fda' bus='fdc'/>
    </disk>
    <serial type='file'><source path='/srv/serial'/></serial>
  </devices>
</domain>
XML
    without_privileges
    beside_libvirt
    back_to_root
    forth
    by_an_editor
}

# it_runs DESCRIPTION: the domain is started, and its guest writes to its disk.
it_runs() {
    rm -f /srv/serial
    succeeds "$1: the domain starts" timeout 120 virsh -q -c qemu:///system create /srv/domain.xml
    within 90 "$1: its guest writes to its disk" grep -q 'written' /srv/serial ||
        detail "$(tail -n 20 /var/log/libvirt/qemu/web.log)"
    qemu=$(cat /run/libvirt/qemu/web.pid)
}

it_ends() {
    succeeds "$1: the domain ends" timeout 60 virsh -q -c qemu:///system destroy web
}

# Of all threads of all QEMU processes.
all_threads() {
    for pid in $(pgrep -f '^/usr/bin/qemu-system-x86_64'); do
        threads "$pid" "$1"
    done | sort -u
}

# audited EXIT_STATUS DESCRIPTION
audited() {
    capture virt-priv-audit
    is "$status" "$1" "$2" || detail "$output"
}

without_privileges() {
    it_runs "as qemu"
    is "$(all_threads Uid)" "107 107 107 107" "as qemu: each thread of each QEMU has user ids 107"
    for set in CapPrm CapEff CapInh CapAmb; do
        is "$(all_threads $set)" 0000000000000000 "as qemu: each thread's $set is empty"
    done
    is "$(find "/proc/$qemu/fd" -lname 'anon_inode:kvm-vcpu:*' | wc -l)" 1 "as qemu: it has a vCPU of KVM"
    audited 0 "as qemu: the auditor finds nothing"
    is "$(access_of $disk)" "640 qemu:qemu" "as qemu: libvirt has handed it the disk"
    succeeds "as qemu: the auditor's unit runs" systemctl start virt-priv-audit.service
    is "$(shown virt-priv-audit.service Result)" success "as qemu: the auditor's unit ends well" ||
        detail "$(journalctl --boot --quiet --output=cat --unit virt-priv-audit.service)"
}

# Claims of both kinds at once, and neither takes the other's away.
beside_libvirt() {
    local said
    virt-priv-run --name ours qemu-system-x86_64 -accel kvm -m 16 -nodefaults -no-user-config -display none \
        -drive file=/srv/images/ours.img,format=raw,if=floppy -serial file:/srv/ours.serial </dev/null >/run/ours.out 2>&1 3>&- &
    local runner=$!
    within 90 "both: the guest of virt-priv-run writes to its disk" grep -q written /srv/ours.serial ||
        detail "$(cat /run/ours.out)"
    is "$(access_of $disk) $(access_of /srv/images/ours.img)" "640 qemu:qemu 640 qemu:qemu" "both: each disk is the account's"
    is "$(all_threads Uid) $(all_threads CapEff)" "107 107 107 107 0000000000000000" "both: no QEMU has a privilege"
    audited 0 "both: the auditor finds nothing"
    capture virt-priv-chown claim --name thief --disk /srv/images/ours.img
    is "$status $(grep -c "virt-priv-chown: .*: claimed by VM 'ours'" <<<"$output")" "1 1" "both: what a VM holds is nobody else's" || detail "$output"
    kill $runner
    wait $runner
    is "$(access_of $disk) $(access_of /srv/images/ours.img)" "640 qemu:qemu 640 alice:alice" \
        "both: one ends, and the other keeps its disk"
    it_ends "both"
    is "$(access_of $disk)" "640 alice:alice" "both: libvirt has given its disk back"
}

back_to_root() {
    succeeds "root: virt-priv-conf goes back to root" virt-priv-conf revert-to-root
    systemctl restart libvirtd.service
    it_runs "root"
    is "$(threads "$qemu" Uid)" "0 0 0 0" "root: QEMU runs as root"
    capture virt-priv-audit
    is "$status" 1 "root: the auditor finds it"
    is "$(grep -c P01 <<<"$output")" 1 "root: it says that QEMU runs as root" || detail "$output"
    capture virt-priv-audit --check H04 --json
    local line
    line=/etc/libvirt/qemu.conf:$(grep -n '^user = "root"' /etc/libvirt/qemu.conf | cut -d: -f1)
    is "$(grep -c "$line: .* runs QEMU as root" <<<"$output")" 1 "root: it names the line of qemu.conf" || detail "$output"
    is "$(threads "$qemu" CapEff) $(grep -c "$line: .* gives QEMU that libvirt starts all capabilities" <<<"$output")" \
        "$(threads 1 CapEff) 1" "root: libvirt's QEMU has every capability, and the auditor says so" || detail "$output"
    it_ends "root"
}

forth() {
    succeeds "forth: virt-priv-conf goes back to the account" virt-priv-conf restore-default
    systemctl restart libvirtd.service
    # The auditor tells times apart that are more than a second apart.
    sleep 2
    it_runs "forth"
    is "$(all_threads Uid) $(all_threads CapEff)" "107 107 107 107 0000000000000000" "forth: no QEMU has a privilege"
    audited 0 "forth: the auditor finds nothing"
    it_ends "forth"
}

# As admins do it who know libvirt's file, and not these tools.
by_an_editor() {
    cp -p /etc/libvirt/qemu.conf /srv/qemu.conf
    sed -i -E 's/^#?user = .*/user = "root"/; s/^#?group = .*/group = "root"/' /etc/libvirt/qemu.conf
    systemctl restart libvirtd.service
    it_runs "editor"
    is "$(threads "$qemu" Uid)" "0 0 0 0" "editor: QEMU runs as root"
    capture virt-priv-audit
    is "$status" 1 "editor: the auditor finds it"
    it_ends "editor"
    capture virt-priv-exec id -u
    is "$(tail -n 1 <<<"$output")" 0 "editor: virt-priv-exec heeds it"
    cp -p /srv/qemu.conf /etc/libvirt/qemu.conf
    systemctl restart libvirtd.service
    is "$(virt-priv-exec id -u)" 107 "editor: and back"
}
