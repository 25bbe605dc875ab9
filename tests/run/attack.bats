# What code can reach that has taken a QEMU over: tests/lib/attack.c, executed in its place, beside another VM
# and a host with services. The figures are those of SECURITY.md.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolated.bash

place=/mnt/attack
qemu=$place/qemu-system-attack

setup_file() {
    make_host
    mkdir -p $place
    install -m 0755 "$VP_BUILD/tests/attack" $qemu
    # What processes share is shared by those of the test alone.
    touch /run/vm.ipc
    unshare --ipc=/run/vm.ipc true
}

teardown_file() {
    umount /run/vm.ipc
    unmake_host
}

setup() {
    clean_host
    machine=(-nodefaults) console=()
    # Its /dev/shm has no bait of an earlier one.
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    wrapper=(nsenter --net=/run/vm.net --ipc=/run/vm.ipc)
}

teardown() {
    [ ! -d /run/private-libvirtd ] || tests/lib/private-libvirtd stop
    end_all
    umount -l /dev/shm
}

# A service with a socket that everybody may connect to, and ports on the loopback interface.
services() {
    rm -f /run/service.sock
    helper nsenter --net=/run/vm.net /usr/bin/python3 -c 'import os, select, socket
os.umask(0)
unix = socket.socket(socket.AF_UNIX); unix.bind("/run/service.sock"); unix.listen(64)
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("127.0.0.1", 5599)); tcp.listen(64)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 5599))
while True:
    for ready in select.select([unix, tcp, udp], [], [])[0]:
        if ready is udp: udp.recvfrom(100)
        else: ready.accept()[0].close()'
    eventually test -S /run/service.sock
}

# files_of NUMBERS NUMBERS: what the two VMs have, with those owners where nobody claims anything.
files_of() {
    make blank "$1" 600 "$fs/a.raw"
    make blank "$2" 600 "$fs/b.raw"
    make blank root:root 644 "$fs/base.raw"
    echo "for everybody" >"$fs/notes"
    chmod 0644 "$fs/notes"
    services
}

# targets HOME: the words that tell the attack what there is.
targets() {
    echo "pid=$bait disk=$fs/b.raw memory=/dev/shm/b-memory home=$1 vnc=$1/vnc base=$fs/base.raw file=$fs/notes" \
        "service=/run/service.sock name=$(uname -n)"
}

# attack OPTION... [-- ARG...]: of virt-priv-run for both VMs, and of the attacker's QEMU; the lines are in $lines_of.
attack() {
    own=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        own+=("$1")
        shift
    done
    files_of root:root root:root
    # With all that a VM can lose.
    args=(-name b -drive "file=$fs/b.raw,format=raw" -append bait
        -object memory-backend-file,id=m,size=1M,share=on,mem-path=/dev/shm/b-memory)
    start b
    runs "bait 1"
    bait=$pid
    lines_of=/mnt/vma.out
    args=(-name a -drive "file=$fs/a.raw,format=raw" -drive "file=$fs/base.raw,format=raw,readonly=on"
        -append "$(targets /run/virt-privileges/b)" "${@:2}")
    start a
}

# bait_of NUMBERS: what QEMU makes by itself.
bait_of() {
    install -m 0700 -o "${1%:*}" -g "${1#*:}" -d /run/b
    install -m 0600 -o "${1%:*}" -g "${1#*:}" /dev/null /dev/shm/b-memory
}

# beside NAME COMMAND...: without virt-priv-run.
beside() {
    out=/mnt/vm$1.out err=/mnt/vm$1.err
    "${wrapper[@]}" "${@:2}" </dev/null >"$out" 2>"$err" 3>&- &
    runner=$!
}

# attack_plainly NUMBERS COMMAND...: behind which QEMU's command line stands, as whoever that is.
attack_plainly() {
    files_of "$1" "$1"
    bait_of "$1"
    beside b "${@:2}" $qemu -append "bait /run/b"
    runs "bait 1"
    bait=$pid
    lines_of=/mnt/vma.out
    beside a "${@:2}" $qemu -append "$(targets /run/b)"
}

# domain NAME WORDS [XML]: libvirt's, whose QEMU is the attack, but where libvirt asks what it can do.
domain() {
    cat >"/mnt/$1.xml" <<XML
<domain type='qemu'><name>$1</name><memory unit='MiB'>16</memory>
  <os><type arch='x86_64'>hvm</type><kernel>$place/kernel-$1</kernel><cmdline>$2</cmdline></os>${3-}
  <devices><emulator>$place/emulator</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$fs/$1.raw'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$fs/base.raw'/><target dev='vdb' bus='virtio'/><readonly/></disk>
  </devices>
</domain>
XML
    helper virsh -q -c qemu:///system create "/mnt/$1.xml"
}

# attack_libvirt NUMBERS NUMBERS [LABEL LABEL]: the ids that libvirt gives to the attacker and to the other VM.
attack_libvirt() {
    local name
    type -P virsh >/dev/null || skip "libvirt is not here"
    files_of root:root root:root
    bait_of "$2"
    for name in a b; do
        install -m 0644 "$guests/kernel" $place/kernel-$name
    done
    printf '%s\n' '#!/bin/sh' "case \"\$*\" in *'-machine none'*) exec qemu-system-x86_64 \"\$@\" ;; esac" "exec $qemu \"\$@\"" >$place/emulator
    chmod 0755 $place/emulator
    VP_LIBVIRTD_NET=/run/vm.net "${wrapper[@]}" tests/lib/private-libvirtd start
    rm -f /var/log/libvirt/qemu/*.log
    domain b "bait /run/b" "${4-}"
    eventually grep -qs '^bait 1' /var/log/libvirt/qemu/b.log
    bait=$(processes)
    lines_of=/var/log/libvirt/qemu/a.log
    domain a "$(targets /run/b)" "${3-}"
}

# static_label ID: libvirt's DAC driver runs the domain as that one.
static_label() {
    echo "<seclabel type='static' model='dac' relabel='yes'><label>+$1:+$1</label></seclabel>"
}

# reached ROW: no more attempts did than SECURITY.md says of that row of its table, or by very few other ones, which
# depend on the host; and all were made. Where it says at most one, no other one did.
reached() {
    local table n said
    eventually grep -qs '^done' "$lines_of"
    table=$(sed -n "s/^| $1 | \([0-9]*\).*/\1/p" SECURITY.md)
    n=$(grep -c ' reached$' "$lines_of" || true)
    grep ' reached$' "$lines_of" || true
    said=$(grep -c -E ' (reached|denied|absent)$' "$lines_of")
    echo "# $1: $n of $said" >&3
    [ "$said" = "$(sed -n 's/^done //p' "$lines_of")" ]
    grep -q "^Of $said attempts" SECURITY.md
    [ -n "$table" ]
    if [ "$table" -le 1 ]; then
        [ "$n" -le "$table" ]
    else
        [ "$n" -le $((table + 3)) ] && [ "$n" -ge $((table - 3)) ]
    fi
}

# at_most N
at_most() {
    [ "$(grep -c ' reached$' "$lines_of" || true)" -le "$1" ]
}

# but_for PATTERN: nothing else was reached.
but_for() {
    run ! grep -vE "$1" <(grep ' reached$' "$lines_of")
}

@test "QEMU as root" {
    attack_plainly 0:0
    reached "QEMU as root"
}

@test "libvirt as shipped" {
    attack_libvirt qemu:qemu qemu:qemu
    reached "libvirt, as shipped"
}

@test "libvirt with a static label of the DAC driver per VM" {
    attack_libvirt 90001:90001 90002:90002 "$(static_label 90001)" "$(static_label 90002)"
    reached "libvirt with a static DAC label per VM"
}

# figures FILE...: those that the text has of libvirt's domains, with a static label and without.
figures() {
    cat "$@" | tr -d '\n' | sed -e 's/"[[:space:]]*"//g' -e 's/[[:space:]]\+/ /g' |
        sed -n 's/.*f \([0-9]*\) attempts to reach something outside, \([0-9]*\) succeed in it, *and \([0-9]*\) in a domain.*/\1 \2 \3/p'
}

@test "what the manual and the auditor say of libvirt's domains is what the table says" {
    local of_table
    of_table=$(sed -n 's/^Of \([0-9]*\) attempts.*/\1/p; s/^| libvirt with a static DAC label per VM | \([0-9]*\).*/\1/p' SECURITY.md |
        paste -sd ' ')" $(sed -n 's/^| libvirt, as shipped | \([0-9]*\).*/\1/p' SECURITY.md)"
    [ "$(figures tools/man/virt-privileges.7)" = "$of_table" ]
    [ "$(figures tools/lib/audit/checks.c)" = "$of_table" ]
}

@test "virt-priv-exec" {
    attack_plainly qemu:qemu virt-priv-exec
    reached "virt-priv-exec"
}

@test "none: most of it, so the attempts are good ones" {
    attack --isolate=none
    reached "virt-priv-run --isolate=none"
}

@test "by default: the files of the account and the host's network, but not other processes and few interfaces" {
    attack
    reached "virt-priv-run"
    at_most 30
    run ! grep -E '^(proc-(signal|trace|memory|pidfd|owner|capabilities)|sock-abstract|ipc-.*|kernel-[^a].*|net-families) reached' "$lines_of"
}

@test "user: another VM's files and processes are out of reach" {
    attack --isolate=user
    reached "virt-priv-run --isolate=user"
    run ! grep -E '^(disk-(read|write|mode)|base-write|other-[a-z]*|proc-(trace|memory|files|signal)) reached' "$lines_of"
}

@test "full: nothing" {
    attack --isolate=full
    reached "virt-priv-run --isolate=full"
    at_most 0
}

@test "full, with a tap device: nothing" {
    in_net ip tuntap add dev vmtap0 mode tap
    attack --isolate=full -- -netdev tap,id=n,ifname=vmtap0,script=no,downscript=no
    reached "virt-priv-run --isolate=full"
    at_most 0
    grep -qx 'net-tap denied' "$lines_of"
    end_all
    in_net ip link delete vmtap0
}

@test "full, with passt: nothing" {
    routed
    attack --isolate=full -- -netdev passt,id=n,ipv6=off -device virtio-net-pci,netdev=n,romfile=
    reached "virt-priv-run --isolate=full"
    at_most 0
    end_all
    in_net ip link delete vmout0
}

@test "full, with user networking: the host's network" {
    attack --isolate=full -- -nic user
    reached "virt-priv-run --isolate=full with .-nic user."
    at_most 7
    but_for '^net-'
}

@test "full, with VNC on TCP: of the host's network, neither its services nor another port" {
    attack --isolate=full -- -vnc 127.0.0.1:77
    eventually grep -q '^done' "$lines_of"
    but_for '^net-(udp|connections|devices) '
}

@test "full, as a daemon: a process of its own" {
    touch "$fs/lines"
    attack --isolate=full -- -daemonize -D "$fs/lines"
    lines_of=$fs/lines
    reached "virt-priv-run --isolate=full with .-daemonize."
    at_most 1
    but_for '^exec-fork'
}
