# SELinux enforcing, with the distribution's policy.
# kernel: security=selinux selinux=1 enforcing=1

phase_selinux() {
    is "$(getenforce)" Enforcing "SELinux enforces"
    is "$(id -Z | cut -d: -f1-3)" unconfined_u:unconfined_r:unconfined_t "this runs as an administrator's session does"
    denials_are_seen

    succeeds "dnf installs the package" dnf -y install virt-privileges
    capture rpm -V virt-privileges
    is "$status:$output" "0:" "rpm finds nothing changed"
    is "$(access_of /dev/kvm)" "666 root:kvm" "/dev/kvm is for everybody"
    labels

    start_guest /run/guest virt-priv-exec
    guest_spoke /run/guest "virt-priv-exec starts QEMU: the guest's line is on the serial port"
    is "$(threads "$guest" Uid)" "107 107 107 107" "QEMU has the account's user id"
    is "$(threads "$guest" CapEff) $(threads "$guest" CapBnd)" "0000000000000000 0000000000000000" "QEMU has no capability"
    is "$(tr -d '\0' <"/proc/$guest/attr/current" | cut -d: -f3)" unconfined_t "QEMU has the context of the session"
    end_guest /run/guest "QEMU ends with the guest's status"

    is "$(denials | grep -E 'virt-priv|qemu|kvm')" "" "no denial names the tools, QEMU or KVM"
}

denials() {
    journalctl --boot --quiet --output=cat --grep='avc: +denied'
}

# Else the absence of denials would say nothing.
denials_are_seen() {
    runcon -u system_u -r system_r -t getty_t -- cat /etc/shadow
    within 10 "a denial can be seen in the journal" denials
}

labels() {
    local files
    mapfile -t files < <(rpm -ql virt-privileges)
    capture matchpathcon -V "${files[@]}" /dev/kvm /etc/passwd /etc/group /etc/shadow /etc/gshadow
    is "$(grep -c verified. <<<"$output") $(grep -v verified. <<<"$output")" "$((${#files[@]} + 5)) " \
        "the package's files, /dev/kvm and the account database have the policy's labels"
}
