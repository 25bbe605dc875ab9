# Isolated VMs on a running system: the unit's and one by hand, beside one of libvirt's, with the kernel of each
# release: what the kernel says of their processes, what an attacker reaches, a reboot, and the loss of power.
# releases: sid
# from: installed
# timeout: 900

images=/srv/images
unit=virt-priv-vm@unit.service

phase_isolated() {
    # What systemd-tmpfiles does at boot, and on Fedora right after the installation.
    systemd-tmpfiles --create virt-privileges.conf
    is "$(grep -h ^virt /etc/subuid /etc/subgid | sort -u)" virt-privileges:90000:8192 "their ids are reserved"
    make_images
    start_libvirts
    start_both unit hand
    disturb_nobody
    each_has_what_it_is_to_have
    attacked
    both_end
    turned_off
    # It runs when the machine is stopped, and is to run when it is back.
    rm -f /srv/unit.serial
    succeeds "the unit is enabled and started" systemctl enable --now $unit
}

make_images() {
    mkdir -p $images
    local name
    for name in libvirts unit hand bait; do
        install -o alice -g alice -m 0640 /run/vm/disk.img $images/$name.img
    done
    # Its guest has no ear for a power button: not a minute of it.
    mkdir -p /etc/systemd/system/virt-priv-vm@.service.d
    printf '%s\n' '[Service]' ExecStop= 'ExecStop=-/usr/bin/virt-priv-run --stop %i --timeout 2' \
        >/etc/systemd/system/virt-priv-vm@.service.d/short.conf
    systemctl daemon-reload
    printf '%s\n' -accel kvm -m 64 -nodefaults -no-user-config -display none >/srv/machine
    { echo qemu-system-x86_64 && cat /srv/machine && printf '%s\n' -drive "file=$images/unit.img,format=raw,if=floppy" \
        -serial file:/srv/unit.serial; } >/etc/virt-privileges/vms/unit.conf
}

# speaks NAME: its guest has written to its disk, and said so.
speaks() {
    within 90 "$1: its guest writes to its disk" grep -q written "/srv/$1.serial" ||
        detail "$(cat /run/hand.out; systemctl status $unit; tail -n 20 /var/log/libvirt/qemu/libvirts.log)"
}

start_libvirts() {
    cat >/srv/domain.xml <<XML
<domain type='kvm'>
  <name>libvirts</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='floppy'>
      <driver name='qemu' type='raw'/>
      <source file='$images/libvirts.img'/>
      <target dev='fda' bus='fdc'/>
    </disk>
    <serial type='file'><source path='/srv/libvirts.serial'/></serial>
  </devices>
</domain>
XML
    succeeds "libvirt starts a VM" timeout 120 virsh -q -c qemu:///system create /srv/domain.xml
    speaks libvirts
    libvirts=$(cat /run/libvirt/qemu/libvirts.pid)
    libvirts_disk=$(stat -c '%a %u:%g' $images/libvirts.img)
}

# start_both: with a temporary file of QEMU's on the disk.
start_both() {
    local machine
    mapfile -t machine </srv/machine
    rm -f /srv/unit.serial /srv/hand.serial
    succeeds "systemctl starts a VM" systemctl start $unit
    virt-priv-run --isolate=full --name hand qemu-system-x86_64 "${machine[@]}" -serial file:/srv/hand.serial \
        -drive file=$images/hand.img,format=raw,if=floppy -drive file=/run/vm/hello.img,format=raw,if=none,snapshot=on \
        </dev/null >/run/hand.out 2>&1 3>&- &
    runner=$!
    speaks unit
    speaks hand
    unit_pid=$(pgrep -f '^qemu-system-x86_64.*unit.serial')
    hand_pid=$(pgrep -f '^qemu-system-x86_64.*hand.serial')
}

# id_of NAME: whose its disk is.
id_of() {
    stat -c %u "$images/$1.img"
}

disturb_nobody() {
    is "$(timeout 60 virsh -q -c qemu:///system domstate libvirts)" running "libvirt's VM runs on"
    is "$(stat -c '%a %u:%g' $images/libvirts.img)" "$libvirts_disk" "it has its disk"
    is "$(id_of unit && id_of hand)" "$(threads "$unit_pid" Uid | cut -d' ' -f1)
$(threads "$hand_pid" Uid | cut -d' ' -f1)" "each disk is the id's that its QEMU has"
    is "$([ "$(id_of unit)" != "$(id_of hand)" ] && echo differ)" differ "no two VMs have one id"
}

each_has_what_it_is_to_have() {
    has_layers unit "$unit_pid"
    has_layers hand "$hand_pid"
    is "$(find "/proc/$unit_pid/root$images" -type f) $(find "/proc/$hand_pid/root$images" -type f)" \
        "/proc/$unit_pid/root$images/unit.img /proc/$hand_pid/root$images/hand.img" "each sees its own disk alone"
}

# has_layers NAME PID: as the kernel says it of each thread.
has_layers() {
    local set name=$1 pid=$2 namespace id
    id=$(id_of "$name")
    is "$([ "$id" -ge 90000 ] && [ "$id" -lt 98192 ] && echo reserved)" reserved "$name: its id is a reserved one"
    is "$(threads "$pid" Uid) $(threads "$pid" Gid) $(threads "$pid" Groups)" "$id $id $id $id $id $id $id $id " \
        "$name: it has no other user id and no group"
    for set in CapInh CapPrm CapEff CapBnd CapAmb; do
        is "$(threads "$pid" $set)" 0000000000000000 "$name: each thread's $set is empty"
    done
    # QEMU's own filter is one, and there was one before only under systemd.
    is "$(threads "$pid" NoNewPrivs) $(threads "$pid" Seccomp)" "1 2" "$name: no_new_privs, and filters of system calls"
    is "$([ "$(threads "$pid" Seccomp_filters)" -gt "$(threads "$(pid_of_runner "$name")" Seccomp_filters)" ] && echo more)" \
        more "$name: it has more filters than what started it"
    for namespace in mnt ipc uts cgroup net; do
        is "$([ "$(readlink "/proc/$pid/ns/$namespace")" != "$(readlink "/proc/1/ns/$namespace")" ] && echo own)" own \
            "$name: it has a namespace of its own: $namespace"
    done
    is "$(awk '$5 == "/" { print $6, $(NF - 2) }' "/proc/$pid/mountinfo") $(stat -c "%a %u:%g" "/proc/$pid/root/.")" \
        "rw,nosuid,nodev,noexec,relatime tmpfs 755 0:0" "$name: its root directory is made for it, and it cannot write there" ||
        detail "$(cat "/proc/$pid/mountinfo")"
    is "$(find "/proc/$pid/root/run" "/proc/$pid/root/tmp" | grep -E 'dbus|systemd|libvirt')" "" \
        "$name: nothing of the host's /run is there"
}

pid_of_runner() {
    if [ "$1" = unit ]; then
        shown $unit MainPID
    else
        echo "$runner"
    fi
}

# What takes QEMU's place reaches nothing of libvirt's VM, of another one, or of the host; with Landlock as
# far as this kernel has it.
attacked() {
    install -m 0755 /run/vm/attack /usr/local/bin/qemu-system-attack
    echo "for everybody" >/srv/notes
    virt-priv-run --isolate=full --name bait qemu-system-attack -nodefaults -drive file=$images/bait.img,format=raw \
        -append bait </dev/null >/run/bait.out 2>&1 3>&- &
    local bait=$!
    within 60 "another VM is there to be attacked" grep -q '^bait 1' /run/bait.out || detail "$(cat /run/bait.out)"
    capture timeout 120 virt-priv-run --isolate=full --name attacker qemu-system-attack -nodefaults \
        -drive file=/run/vm/hello.img,format=raw,readonly=on -append "pid=$libvirts disk=$images/bait.img
memory=/dev/shm/nothing home=/run/virt-privileges/bait base=/run/vm/wait.img file=/srv/notes
service=/run/dbus/system_bus_socket name=$(uname -n)"
    is "$status $(grep -c -E ' (reached|denied|absent)$' <<<"$output")" "0 $(sed -n 's/^done //p' <<<"$output")" \
        "all attempts are made"
    is "$(grep ' reached$' <<<"$output")" "" "an attacker in QEMU's place reaches nothing: Landlock and all"
    detail "$(uname -r): $(grep -c ' denied$' <<<"$output") denied, $(grep -c ' absent$' <<<"$output") absent"
    kill "$bait"
    wait "$bait"
}

both_end() {
    succeeds "systemctl stops the VM" systemctl stop $unit
    kill "$runner"
    wait "$runner"
    nothing_is_left "both have ended"
    is "$(stat -c '%a %u:%g' $images/libvirts.img)" "$libvirts_disk" "libvirt's VM still has its disk"
    succeeds "libvirt ends its VM" timeout 60 virsh -q -c qemu:///system destroy libvirts
    is "$(access_of $images/libvirts.img)" "640 alice:alice" "and gives its disk back"
}

# nothing_is_left WHEN
nothing_is_left() {
    is "$(stat -c '%a %U:%G' $images/{unit,hand,bait}.img | sort -u)" "640 alice:alice" "$1: the disks are their owner's"
    is "$(find /var/lib/virt-privileges/claims -type f -name '[a-z]*')" "" "$1: no claim is left"
    is "$(find /run/virt-privileges -mindepth 1 ! -name .boot-time)" "" "$1: no lock, and nothing else below /run"
    is "$(find /var/lib/virt-privileges/tmp -mindepth 1 2>/dev/null)" "" "$1: no temporary directory is left"
    is "$(ps -eo uid= | awk '$1 >= 90000 && $1 < 98192')" "" "$1: no process has an id of theirs"
}

# As the manual says it.
turned_off() {
    cp /etc/virt-privileges/vms/unit.conf /srv/unit.conf
    sed -i '1i--isolate=none' /etc/virt-privileges/vms/unit.conf
    rm -f /srv/unit.serial
    succeeds "with --isolate=none in its file, the VM starts" systemctl start $unit
    speaks unit
    unit_pid=$(pgrep -f '^qemu-system-x86_64.*unit.serial')
    is "$(threads "$unit_pid" Uid) $(readlink "/proc/$unit_pid/ns/ipc")" "107 107 107 107 $(readlink /proc/1/ns/ipc)" \
        "it is the account's, and not isolated"
    succeeds "it is stopped" systemctl stop $unit
    cp /srv/unit.conf /etc/virt-privileges/vms/unit.conf
}

# After a reboot while it ran.
phase_power_cut() {
    local boot=(journalctl --boot=-1 --quiet --output=cat)
    is "$("${boot[@]}" --unit $unit --grep='Main process exited|[Ff]ailed|timed out' | wc -l)" 0 \
        "at the reboot the VM was stopped in time" || detail "$("${boot[@]}" --unit $unit | tail -n 20)"
    is "$(journalctl --boot --quiet --output=cat --identifier virt-priv-chown --unit virt-priv-recover.service | wc -l)" 0 \
        "there was nothing to recover" || detail "$(journalctl --boot --unit virt-priv-recover.service)"
    within 60 "it has started by itself" systemctl is-active --quiet $unit
    systemctl disable --now $unit
    nothing_is_left "stopped"
    start_both
    has_layers unit "$unit_pid"
    is "$(ls /var/lib/virt-privileges/tmp)" hand "one has a temporary directory on the disk"
    sync
    lose_power
    sleep 60
}

phase_last() {
    nothing_is_left "after the power was lost"
    is "$(journalctl --boot --quiet --output=cat --unit virt-priv-recover.service --grep='unit|hand' | grep -c .)" 2 \
        "the journal tells whose disks they were" || detail "$(journalctl --boot --unit virt-priv-recover.service)"
    capture virt-priv-chown recover
    is "$status$output" 0 "another recovery has nothing to do and to say"
}
