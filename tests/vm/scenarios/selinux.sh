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
    isolated

    is "$(denials | grep -E 'virt-priv|qemu|kvm')" "" "no denial names the tools, QEMU or KVM"
}

# By hand, in an administrator's session, and as a unit, which is in no session.
isolated() {
    local machine=(qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none
        -drive "file=/srv/disk.img,format=raw,if=floppy" -serial)
    install -o alice -g alice -m 0640 /run/vm/disk.img /srv/disk.img
    systemd-tmpfiles --create virt-privileges.conf
    printf '%s\n' "${machine[@]}" file:/srv/unit.serial >/etc/virt-privileges/vms/unit.conf
    virt-priv-run --isolate=full --name hand "${machine[@]}" file:/srv/hand.serial </dev/null >/run/hand.out 2>&1 3>&- &
    local runner=$!
    is_isolated hand || detail "$(cat /run/hand.out)"
    kill $runner
    wait $runner
    is "$(access_of /srv/disk.img)" "640 alice:alice" "hand: the disk is its owner's again"
    succeeds "systemctl starts an isolated VM" systemctl start virt-priv-vm@unit.service
    is_isolated unit || detail "$(systemctl status virt-priv-vm@unit.service)"
    # Its guest has no ear for a power button.
    succeeds "the unit is ended" systemctl kill --signal=TERM --kill-whom=main virt-priv-vm@unit.service
    within 60 "unit: the disk is its owner's again" is_alices /srv/disk.img
    is "$(ls -Z /etc/subuid /etc/subgid | cut -d: -f3 | sort -u)" "$(matchpathcon -n /etc/subuid | cut -d: -f3)" \
        "what reserves their ids has the policy's label"
}

is_alices() {
    [ "$(access_of "$1")" = "640 alice:alice" ]
}

# is_isolated NAME: its guest writes to its disk, and its QEMU has an id, namespaces and a root of its own.
is_isolated() {
    local pid namespace
    within 90 "$1: the guest writes to its disk" grep -q written "/srv/$1.serial" || return
    pid=$(pgrep -f "^qemu-system-x86_64.*$1.serial")
    is "$(threads "$pid" Uid | cut -d' ' -f4) $(threads "$pid" CapEff) $(threads "$pid" NoNewPrivs)" \
        "$(stat -c %u /srv/disk.img) 0000000000000000 1" "$1: QEMU has the disk's id, and no capability"
    for namespace in mnt ipc uts cgroup net; do
        readlink "/proc/$pid/ns/$namespace" "/proc/1/ns/$namespace"
    done | sort | uniq -d >/run/shared
    is "$(cat /run/shared) $(awk '$5 == "/" { print $(NF - 2) }' "/proc/$pid/mountinfo")" " tmpfs" \
        "$1: it shares no namespace of these, and has a root directory of its own"
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
