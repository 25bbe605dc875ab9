# An ordinary user, in no special group, has a virtual machine of his own with KVM: qemu:///session.
# releases: sid
# from: installed

phase_session() {
    is "$(id -Gn alice)" alice "alice is in no special group"
    install -d -o alice -g alice -m 0700 /run/user/6001
    cat >/home/alice/domain.xml <<'XML'
<domain type='kvm'>
  <name>mine</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='floppy'>
      <driver name='qemu' type='raw'/>
      <source file='/home/alice/disk.img'/>
      <target dev='fda' bus='fdc'/>
    </disk>
    <serial type='file'><source path='/home/alice/serial'/></serial>
  </devices>
</domain>
XML
    install -o alice -g alice -m 0600 /run/vm/disk.img /home/alice/disk.img
    succeeds "the user starts a domain of type kvm" as_alice timeout 120 virsh -q -c qemu:///session create /home/alice/domain.xml
    within 90 "the guest writes to its disk" grep -q 'written 01' /home/alice/serial ||
        detail "$(tail -n 20 /home/alice/.cache/libvirt/qemu/log/mine.log)"
    local qemu
    qemu=$(pgrep -u alice -f '^/usr/bin/qemu-system-x86_64.*mine')
    is "$(find "/proc/$qemu/fd" -lname 'anon_inode:kvm-vcpu:*' | wc -l)" 1 "QEMU has a vCPU of KVM"
    is "$(threads "$qemu" Uid)" "6001 6001 6001 6001" "each thread has the user's ids"
    for set in CapPrm CapEff CapInh CapAmb; do
        is "$(threads "$qemu" $set)" 0000000000000000 "each thread's $set is empty"
    done
    is "$(access_of /home/alice/disk.img)" "600 alice:alice" "the disk stays the user's"
    is "$(find /var/lib/virt-privileges/claims -type f -name '[a-z]*')" "" "nothing is claimed"
    succeeds "the user ends it" as_alice timeout 60 virsh -q -c qemu:///session destroy mine
    within 30 "QEMU has ended" is_gone "$qemu"
}

as_alice() {
    setpriv --reuid alice --regid alice --init-groups \
        env -i PATH=/usr/bin:/bin HOME=/home/alice USER=alice XDG_RUNTIME_DIR=/run/user/6001 "$@"
}
