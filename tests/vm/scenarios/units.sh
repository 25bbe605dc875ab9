# The units under the systemd of a running machine: what they say is found, and a VM's tells how its start went.
# releases: sid
# from: installed

audit=virt-priv-audit.service

phase_units() {
    systemd-tmpfiles --create virt-privileges.conf
    succeeds "systemd-analyze has nothing to say of the units" said_nothing systemd-analyze verify --man=no \
        virt-priv-audit.service virt-priv-audit.timer virt-priv-recover.service virt-priv-vm@web1.service
    succeeds "the recovery does its work" systemctl restart virt-priv-recover.service
    the_audit_sees_all
    records_are_found
    a_name_without_a_file
    a_vm_that_is_refused
    a_qemu_that_fails
    a_vm_is_ready
    is "$(journalctl --boot --quiet --output=cat --grep='Unknown key|[Ff]ailed to parse|ignoring' | grep virt-priv)" "" \
        "systemd has nothing against a setting of the units"
}

said_nothing() {
    local said
    said=$("$@" 2>&1) && [ -z "$said" ] || { echo "$said" && return 1; }
}

# Its unit hides nothing from it.
the_audit_sees_all() {
    local unit
    unit=$(systemctl cat $audit | sed -n 's/^ExecStart=\(.*\) --summary$/\1/p')
    mkdir -p /run/systemd/system/$audit.d
    printf '%s\n' '[Service]' ExecStart= "ExecStart=$unit -v" StandardOutput=file:/run/audit.unit >/run/systemd/system/$audit.d/v.conf
    systemctl daemon-reload
    setpriv --reuid qemu --regid qemu --clear-groups bash -c 'exec -a x sleep 600 <>/dev/kvm' 3>&- &
    local user=$!
    # The same for both audits.
    until [ "$(cat /proc/$user/comm)" = sleep ]; do sleep 0.1; done
    systemctl start $audit
    virt-priv-audit -v >/run/audit.root
    kill $user
    is "$(grep -c ' H02 \|^H02' /run/audit.unit)" 1 "the audit of the unit has tried KVM"
    is "$(diff /run/audit.root /run/audit.unit)" "" "the audit of the unit sees what root's sees"
    rm -r /run/systemd/system/$audit.d
    systemctl daemon-reload
    systemctl reset-failed $audit 2>/dev/null
}

# records: how many the journal finds by their unit.
records() {
    journalctl --boot --quiet --unit $audit --output=json | grep -c VIRT_PRIV_CHECK
}

# findings_of PID
findings_of() {
    virt-priv-audit --check P01 -v | grep -q "^P01 *critical *$1 "
}

# Also where the audit has ended before the journal, which looks for the unit in /proc, has come to it.
records_are_found() {
    local journald findings before run
    # What would be found of /dev/kvm itself does not last: udev sets its mode anew with each VM that is made.
    qemu-system-x86_64 -machine none -nodefaults -no-user-config -display none 3>&- &
    local qemu=$!
    within 30 "there is a QEMU that runs as root" findings_of $qemu
    findings=$(virt-priv-audit --json | grep -cE '"status": "(fail|unknown)"')
    before=$(records)
    journald=$(shown systemd-journald.service MainPID)
    for run in 1 2 3; do
        kill -s STOP "$journald"
        systemctl start $audit
        kill -s CONT "$journald"
        journalctl --sync
    done
    kill $qemu
    is "$(($(records) - before))" $((3 * findings)) "journalctl -u finds each finding of $findings in each of $run runs" ||
        detail "$(journalctl --boot --output=verbose SYSLOG_IDENTIFIER=virt-priv-audit | tail -n 60)"
    systemctl reset-failed $audit 2>/dev/null
    # What goes wrong is there as well.
    echo 'user = 5' >/etc/libvirt/qemu.conf
    capture systemctl start $audit
    rm /etc/libvirt/qemu.conf
    journalctl --sync
    is "$(journalctl --boot --quiet --output=cat --unit $audit --grep='qemu.conf:1' | grep -c .)" 1 \
        "an error of the audit itself is in the journal"
    systemctl reset-failed $audit 2>/dev/null
}

# vm NAME WORD...: its file. What is isolated is in isolated.sh.
vm() {
    printf '%s\n' --isolate=none qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none "${@:2}" \
        >"/etc/virt-privileges/vms/$1.conf"
}

a_name_without_a_file() {
    capture systemctl start virt-priv-vm@wbe1.service
    is "$([ "$status" -ne 0 ] && echo fails)" fails "a name without a file: systemctl start fails"
    is "$(systemctl is-active virt-priv-vm@wbe1.service)" inactive "... and nothing runs"
}

# ends_so NAME EXIT_STATUS REASON DESCRIPTION: systemctl start fails, once, and the journal has the reason.
ends_so() {
    capture systemctl start "virt-priv-vm@$1.service"
    is "$([ "$status" -ne 0 ] && echo fails)" fails "$4: systemctl start fails"
    is "$(shown "virt-priv-vm@$1.service" ExecMainStatus)" "$2" "... with exit status $2"
    # What it said comes to the journal by itself.
    journalctl --sync
    is "$(journalctl --boot --quiet --output=cat --unit "virt-priv-vm@$1.service" --grep="$3" | grep -c .)" 1 \
        "... and the reason is in the journal" || detail "$(journalctl --boot --unit "virt-priv-vm@$1.service")"
}

a_vm_that_is_refused() {
    vm daemon -daemonize
    ends_so daemon 125 'a unit stays in the foreground' "-daemonize"
    sleep 1
    is "$(shown virt-priv-vm@daemon.service NRestarts ActiveState)" "0 failed" "... and is not tried again"
    vm nothing -drive file=/srv/nothing,format=raw
    ends_so nothing 125 '/srv/nothing' "a disk that is not there"
    is "$(shown virt-priv-vm@nothing.service NRestarts)" 0 "... and is not tried again"
}

a_qemu_that_fails() {
    vm fails -device no-such-device
    # Or it would be tried again meanwhile.
    mkdir -p /run/systemd/system/virt-priv-vm@fails.service.d
    printf '%s\n' '[Service]' Restart=no >/run/systemd/system/virt-priv-vm@fails.service.d/once.conf
    systemctl daemon-reload
    ends_so fails 1 'no-such-device' "a QEMU that fails"
}

# has_ended UNIT: its stopping, too.
has_ended() {
    [[ $(shown "$1" ActiveState) == @(inactive|failed) ]]
}

a_vm_is_ready() {
    local qemu
    mkdir -p /srv/share
    chown qemu:qemu /srv/share
    vm ready -drive file=/run/vm/wait.img,format=raw,if=floppy,readonly=on -serial file:/run/ready.serial \
        -netdev tap,id=n,ifname=vmtap1,script=no,downscript=no,vhost=on -device virtio-net-pci,netdev=n,romfile= \
        -virtfs local,path=/srv/share,mount_tag=share,security_model=mapped-xattr -name ready,debug-threads=on
    is "$(grep -c -E '^(tun|vhost_net) ' /proc/modules)" 0 "neither tun nor vhost_net is loaded"
    succeeds "a VM starts" systemctl start virt-priv-vm@ready.service
    qemu=$(pgrep -f '^qemu-system-x86_64.*ready')
    is "$(shown virt-priv-vm@ready.service ActiveState StatusText)" \
        "active QEMU is running as process $qemu" "systemctl start returns when QEMU runs"
    is "$(find "/proc/$qemu/fd" -lname /dev/vhost-net | wc -l)" 1 "the kernel has loaded what it needs"
    is "$(threads "$qemu" Uid) $(threads "$qemu" CapEff)" "107 107 107 107 0000000000000000" "QEMU has no privilege"
    is "$(tr '\0' '\n' <"/proc/$qemu/environ" | grep -c NOTIFY)" 0 "QEMU cannot speak for the unit"
    within 90 "its guest runs" grep -q 'a guest runs' /run/ready.serial
    capture systemctl kill --signal=TERM --kill-whom=main virt-priv-vm@ready.service
    within 60 "it ends when it is asked to" is_gone "$qemu"
    # As where the guest powers off: what stops a unit is run then, too, and finds nobody to ask.
    within 60 "its unit ends" has_ended virt-priv-vm@ready.service
    is "$(shown virt-priv-vm@ready.service ActiveState Result NRestarts)" "inactive success 0" \
        "... without an error, and is not started again"
    is "$(find /run/virt-privileges -mindepth 1 ! -name .boot-time)" "" "nothing is left of it"
}
