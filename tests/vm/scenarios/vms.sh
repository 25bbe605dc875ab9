# A VM as a unit, isolated, with what only a running system has: a tap device with vhost, a vsock, locked
# memory, and systemd that stops it, kills it and starts it again; and twice
# the power is lost while it runs.
# from: installed
# rounds: 2
# timeout: 600

disk=/srv/vm/web1.img
serial=/srv/vm/serial

phase_vms() {
    # What systemd-tmpfiles does at boot, and on Fedora right after the installation.
    systemd-tmpfiles --create virt-privileges.conf
    mkdir -p /srv/vm
    cp /run/vm/disk.img "$disk"
    chown alice:alice "$disk"
    chmod 0640 "$disk"
    # Its guest has no ear for a power button: not a minute of it.
    mkdir -p /etc/systemd/system/virt-priv-vm@.service.d
    printf '%s\n' '[Service]' ExecStop= 'ExecStop=-/usr/bin/virt-priv-run --stop %i --timeout 2' \
        >/etc/systemd/system/virt-priv-vm@.service.d/short.conf
    systemctl daemon-reload
    for module in tun vhost_net vhost_vsock; do
        succeeds "the kernel has $module" modprobe "$module"
    done
    printf '%s\n' '# A VM.' qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none \
        -drive "file=$disk,format=raw,if=floppy" -serial "file:$serial" -overcommit mem-lock=on \
        -netdev tap,id=n,ifname=vmtap0,script=no,downscript=no,vhost=on -device virtio-net-pci,netdev=n,romfile= \
        -device vhost-vsock-pci,guest-cid=3 -name web1,debug-threads=on \
        >/etc/virt-privileges/vms/web1.conf
    succeeds "nothing stands in the way" virt-priv-run --check --vm web1
    it_runs 01
    limits_and_devices
    it_is_killed
    it_is_stopped
    it_does_not_answer
}

qemu() {
    pgrep -f '^qemu-system-x86_64.*web1'
}

counted() {
    tr -d '\r' <"$serial" 2>/dev/null | grep -q "written $1"
}

# it_runs COUNTER: started, its guest has written to the disk, and QEMU has no privilege.
it_runs() {
    if [ "$1" = 01 ]; then
        succeeds "systemctl starts the VM" systemctl start virt-priv-vm@web1.service
        is "$(shown virt-priv-vm@web1.service StatusText)" "QEMU is running as process $(qemu)" \
            "systemctl returns when QEMU is ready"
    fi
    within 90 "the guest writes to its disk: $1" counted "$1" ||
        detail "$(systemctl status virt-priv-vm@web1.service; journalctl --boot --unit virt-priv-vm@web1.service)"
    pid=$(qemu)
    local id
    id=$(stat -c %u "$disk")
    is "$([ "$id" -ge 90000 ] && [ "$id" -lt 98192 ] && echo reserved)" reserved "$1: the disk is of an isolated VM's id"
    is "$(threads "$pid" Uid) $(stat -c '%a %u:%g' "$disk")" "$id $id $id $id 640 $id:$id" "$1: so is each thread"
    for set in CapPrm CapEff CapInh CapAmb CapBnd; do
        is "$(threads "$pid" $set)" 0000000000000000 "$1: each thread's $set is empty"
    done
    is "$(findmnt -n -o FSTYPE,OPTIONS /run/virt-privileges/web1 | grep -c '^tmpfs .*noexec.*size=65536k')" 1 \
        "$1: its file system is seen on the host"
}

limits_and_devices() {
    is "$(awk '/^Max locked memory/ { print $4 }' "/proc/$pid/limits")" unlimited "it may lock memory"
    is "$([ "$(awk '/^VmLck/ { print $2 }' "/proc/$pid/status")" -gt 60000 ] && echo yes)" yes "it has locked the guest's"
    is "$(find "/proc/$pid/fd" -lname /dev/vhost-net | wc -l)" 1 "it has vhost-net open"
    is "$(find "/proc/$pid/fd" -lname /dev/vhost-vsock | wc -l)" 1 "it has vhost-vsock open"
    is "$(cat "/proc/$pid"/fdinfo/* 2>/dev/null | grep -c $'^iff:\tvmtap0')" 1 "it has the tap device open"
}

# The runner alone is killed: systemd ends QEMU and starts the VM again, which gives back first.
it_is_killed() {
    rm -f "$serial"
    capture systemctl kill --kill-whom=main --signal=KILL virt-priv-vm@web1.service
    it_runs 02
    capture virt-priv-chown status --json
    is "$(sed '/"isolated"/,$d' <<<"$output" | grep -o '"name": "web1"' | wc -l)" 1 "it has one claim"
    is "$(sed '1,/"isolated"/d' <<<"$output" | grep -o '"name": "web1"' | wc -l)" 1 "it has one id"
}

it_is_stopped() {
    succeeds "systemctl stops the VM" systemctl stop virt-priv-vm@web1.service
    is "$(qemu)" "" "QEMU has ended"
    is "$(access_of "$disk")" "640 alice:alice" "the disk is its owner's again"
    is "$(ls /var/lib/virt-privileges/claims)" "" "no claim is left"
    is "$(find /run/virt-privileges -mindepth 1 ! -name .boot-time)" "" "nothing is left in /run/virt-privileges"
    is "$(ls /sys/class/net)" lo "the tap device is gone"
}

# Neither QEMU nor its runner ends when it is asked: systemd kills them, and what follows gives back.
it_does_not_answer() {
    rm -f "$serial"
    systemctl start virt-priv-vm@web1.service
    within 90 "the guest runs once more" grep -q written "$serial"
    kill -s STOP "$(shown virt-priv-vm@web1.service MainPID)" "$(qemu)"
    printf '%s\n' '[Service]' TimeoutStopSec=5 >/etc/systemd/system/virt-priv-vm@.service.d/hang.conf
    systemctl daemon-reload
    capture systemctl stop virt-priv-vm@web1.service
    rm /etc/systemd/system/virt-priv-vm@.service.d/hang.conf
    systemctl daemon-reload
    systemctl reset-failed virt-priv-vm@web1.service
    is "$(qemu)" "" "QEMU was killed"
    is "$(access_of "$disk")" "640 alice:alice" "the disk is its owner's all the same"
    is "$(ls /var/lib/virt-privileges/claims)" "" "no claim is left of it"
    is "$(find /run/virt-privileges -mindepth 1 ! -name .boot-time ! -name '*.qmp')" "" "nothing is left mounted"
}

phase_round_cut() {
    [ ! -e /srv/round ] || power_was_lost
    touch /srv/round
    for module in tun vhost_net vhost_vsock; do
        modprobe $module
    done
    # It is to start by itself, not when it is asked for something.
    systemctl enable libvirtd.service
    rm -f "$serial"
    succeeds "systemctl starts the VM once more" systemctl start virt-priv-vm@web1.service
    within 90 "its guest writes to its disk" grep -q written "$serial"
    is "$(access_of "$disk")" "640 UNKNOWN:UNKNOWN" "the disk is of an id that no account has"
    lose_power
    sleep 60
}

phase_last() {
    power_was_lost
}

power_was_lost() {
    local boot=(journalctl --boot --quiet --output=cat --unit virt-priv-recover.service)
    is "$(access_of "$disk")" "640 alice:alice" "after the power was lost: the disk is its owner's again" ||
        detail "$(systemctl status virt-priv-recover.service)"
    is "$(find /var/lib/virt-privileges/claims -type f -name '[a-z]*')" "" "no claim is left"
    is "$("${boot[@]}" --grep=web1 | wc -l)" 1 "the journal tells whose disk it was" || detail "$("${boot[@]}")"
    within 60 "libvirtd runs" systemctl is-active --quiet libvirtd.service
    is "$([ "$(shown virt-priv-recover.service ExecMainExitTimestampMonotonic)" -lt \
        "$(shown libvirtd.service ExecMainStartTimestampMonotonic)" ] && echo yes)" yes "that was before libvirtd started"
}
