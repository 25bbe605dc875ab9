# QEMU under KVM: by root through the shim, by an ordinary user, by fifty at once, by libvirtd.
# from: installed

phase_guests() {
    the_shim
    an_ordinary_user
    fifty_users
    libvirtd
}

none=0000000000000000

# judge NAME GROUPS BOUNDING UID WORD...: starts a guest behind the words and reads from the
# kernel what QEMU is.
judge() {
    local name=$1 uid=$2 groups=$3 bounding=$4 dir=/run/guest-$1 set
    shift 4
    start_guest "$dir" "$@"
    guest_spoke "$dir" "$name: the guest's line is on the serial port"

    is "$(readlink "/proc/$guest/exe")" /usr/bin/qemu-system-x86_64 "$name: QEMU is the process that was started"
    is "$(find "/proc/$guest/fd" -lname 'anon_inode:kvm-vcpu:*' | wc -l)" 1 "$name: it has a vCPU of KVM"
    # One line for all threads, or they differ.
    is "$(grep -l KVM "/proc/$guest"/task/*/comm | wc -l)" 1 "$name: one thread is the vCPU's"
    is "$(threads "$guest" Uid)" "$uid $uid $uid $uid" "$name: each thread has user ids $uid"
    is "$(threads "$guest" Gid)" "$uid $uid $uid $uid" "$name: each thread has group ids $uid"
    is "$(threads "$guest" Groups)" "$groups" "$name: each thread has the groups: ${groups:-none}"
    for set in CapPrm CapEff CapInh CapAmb; do
        is "$(threads "$guest" $set)" $none "$name: each thread's $set is empty"
    done
    [ -z "$bounding" ] || is "$(threads "$guest" CapBnd)" "$bounding" "$name: each thread's CapBnd is empty"
}

the_shim() {
    judge root-shim 107 "36 107" $none virt-priv-exec
    is "$(threads "$guest" NoNewPrivs)" 1 "root-shim: each thread has no_new_privs"
    end_guest /run/guest-root-shim "root-shim: QEMU ends with the guest's status"
}

an_ordinary_user() {
    local alice=(setpriv --reuid alice --regid alice --init-groups --)
    is "$(id -Gn alice)" alice "alice is in no special group"
    judge user-plain 6001 6001 "" "${alice[@]}"
    end_guest /run/guest-user-plain "user-plain: QEMU ends with the guest's status"
    judge user-shim 6001 6001 "" "${alice[@]}" virt-priv-exec
    is "$(threads "$guest" NoNewPrivs)" 1 "user-shim: each thread has no_new_privs"
    end_guest /run/guest-user-shim "user-shim: QEMU ends with the guest's status"
}

# Descriptors of processes of those users that are vCPUs, and the users that have them.
vcpus_of_users() {
    find /proc/[0-9]*/fd -lname 'anon_inode:kvm-vcpu:*' -printf '%h\n' 2>/dev/null |
        xargs -r -n1 dirname | xargs -r stat -c %u | sort -u | awk '$1 >= 7001 && $1 <= 7050'
}

fifty_users() {
    local said
    coproc USERS { exec /run/vm/kvm-users 50 7001 2>/run/kvm-users.err 3>&-; }
    local pid=$USERS_PID
    read -r -t 60 said <&"${USERS[0]}" || said="nothing within 60 s"
    is "$said" "50 users hold a VM and a vCPU" "fifty users at once make a VM and a vCPU each" ||
        detail "$(head -n 5 /run/kvm-users.err)"
    is "$(vcpus_of_users | wc -l)" 50 "the kernel shows a vCPU of each of them"
    eval "exec ${USERS[1]}>&-"
    wait "$pid"
}

# The machine's libvirtd works: other scenarios rely on it.
libvirtd() {
    cat >/run/domain.xml <<'XML'
<domain type='kvm'>
  <name>hello</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='floppy'>
      <driver name='qemu' type='raw'/>
      <source file='/run/vm/hello.img'/>
      <target dev='fda' bus='fdc'/>
      <readonly/>
    </disk>
    <serial type='file'><source path='/run/domain.out'/></serial>
  </devices>
</domain>
XML
    succeeds "libvirtd starts a domain" timeout 60 virsh -q -c qemu:///system create /run/domain.xml
    within 60 "the domain's line is on its serial port" grep -q 'a guest runs' /run/domain.out
    capture timeout 60 virsh -q -c qemu:///system destroy hello
}
