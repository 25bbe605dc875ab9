# The package comes to a running host, stays over a reboot, and goes.
# releases: sid
# timeout: 600

phase_install() {
    local boot
    boot=$(cat /proc/sys/kernel/random/boot_id)
    is "$(grep -c '^kvm_amd ' /proc/modules)" 1 "before: kvm_amd is loaded"
    is "$(access_of /dev/kvm)" "660 root:kvm" "before: /dev/kvm has the distribution's mode"
    is "$(getent passwd qemu; getent group qemu)" "" "before: there is no account"

    succeeds "dnf installs the package" dnf -y install virt-privileges
    is "$(access_of /dev/kvm)" "666 root:kvm" "/dev/kvm is for everybody at once"
    is "$(stat -c '%F %t:%T' /dev/kvm)" "character special file a:e8" "/dev/kvm is KVM's device"
    is "$(getfacl -cp /dev/kvm | grep -v '^$' | tr '\n' ' ')" "user::rw- group::rw- other::rw- " "/dev/kvm has no ACL beside its mode"
    is "$(id qemu)" "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" "the account is there"
    is "$(getent passwd qemu | cut -d: -f5-6)" "qemu user:/" "it has its description and its home directory"
    is "$(realpath "$(getent passwd qemu | cut -d: -f7)")" "$(realpath /sbin/nologin)" "nobody logs in as the account"
    is "$(getent shadow qemu | cut -d: -f2 | cut -c1)" "!" "the account has no password"
    is "$(systemctl is-enabled virt-priv-recover.service)" enabled "the recovery at boot is enabled"
    capture rpm -V virt-privileges
    is "$status:$output" "0:" "rpm finds nothing changed"

    reload_kvm
    is "$(access_of /dev/kvm)" "666 root:kvm" "/dev/kvm is for everybody after the module was loaded again"
    capture systemd-tmpfiles --create
    is "$status $(access_of /dev/kvm)" "0 666 root:kvm" "... and after systemd-tmpfiles --create"
    capture udevadm trigger --settle
    is "$(access_of /dev/kvm)" "666 root:kvm" "... and after udevadm trigger"
    is "$(cat /proc/sys/kernel/random/boot_id)" "$boot" "all of it without a reboot"
    is "$(complaints)" "" "neither udev nor systemd complains about the package's files"
}

phase_reboot() {
    is "$(rpm -q --qf '%{NAME}' virt-privileges)" virt-privileges "after a reboot: the package is installed"
    is "$(access_of /dev/kvm)" "666 root:kvm" "after a reboot: /dev/kvm is for everybody"
    is "$(id -u qemu)" 107 "after a reboot: the account is there"
    is "$(complaints)" "" "after a reboot: neither udev nor systemd complains about the package's files"

    local files
    files=$(rpm -ql virt-privileges | grep -c .)
    rpm -ql virt-privileges >/run/files
    succeeds "dnf removes the package" dnf -y remove virt-privileges
    is "$(access_of /dev/kvm)" "660 root:kvm" "removed: /dev/kvm has the distribution's mode again"
    is "$(id qemu)" "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" "removed: the account stays"
    is "$files $(grep virt-priv /run/files | xargs ls -d 2>/dev/null)" "$files " "removed: none of its files is left"
    reload_kvm
    is "$(access_of /dev/kvm)" "660 root:kvm" "removed: ... also after the module was loaded again"
    capture systemd-tmpfiles --create --prefix=/dev
    is "$(access_of /dev/kvm)" "660 root:kvm" "removed: ... and after systemd-tmpfiles --create"
}

# What the journal of this boot has against the package. A kernel that was slow names the machine, a QEMU.
complaints() {
    journalctl --boot --quiet --no-hostname --priority=warning --grep='virt-priv|/dev/kvm|\bqemu\b' |
        grep -v ' kernel: Hardware name: '
}
