# The manual of virt-priv-run agrees with --help, and each of its examples can be started: on a
# host of stand-ins, what would be done about it is what the manual says.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup_file() {
    make_host
    mkdir -p /mnt/share/upper/OVMF /mnt/share/work
    mount -t overlay -o lowerdir=/usr/share,upperdir=/mnt/share/upper,workdir=/mnt/share/work overlay /usr/share
}

teardown_file() {
    umount /usr/share
    unmake_host
}

setup() {
    clean_host
    stand_ins
}

teardown() {
    end_all
    umount -l /sys/bus/pci/devices /dev /srv /boot 2>/dev/null || true
    rm -rf /run/swtpm /run/*.sock
}

# What the examples name, with the owners that an admin would have given, in directories that hide the
# machine's own. Each disk starts the guest.
stand_ins() {
    mount -t tmpfs -o mode=0755 tmpfs /srv
    mount -t tmpfs -o mode=0755 tmpfs /boot
    mkdir -p /srv/vm /srv/share /etc/vm /etc/ci /run/swtpm
    local name
    for name in desktop windows base; do
        make qcow2 root:root 0644 "/srv/vm/$name.qcow2"
    done
    make overlay=/srv/vm/base.qcow2,qcow2 root:root 0644 /srv/vm/cloud.qcow2
    for name in server ci; do
        make guest root:root 0600 "/srv/vm/$name.raw"
    done
    for name in seed.iso virtio-win.iso windows_VARS.fd; do
        make blank root:root 0644 "/srv/vm/$name"
    done
    chown qemu:qemu /srv/share
    make script=true root:root 0755 /etc/vm/dmz-up
    make text=token root:root 0600 /etc/ci/token
    make firmware root:root 0644 /usr/share/OVMF/OVMF_CODE.fd
    make kernel root:root 0600 /boot/vmlinuz-vm
    make text=initrd root:root 0600 /boot/initrd-vm
    server /run/virtiofsd.sock
    server /run/swtpm/windows.sock
    # A graphics card and its sound, bound to vfio-pci; and a volume.
    mount -t tmpfs -o mode=0755 tmpfs /sys/bus/pci/devices
    for name in 0 1; do
        mkdir "/sys/bus/pci/devices/0000:01:00.$name"
        ln -s /sys/kernel/iommu_groups/7 "/sys/bus/pci/devices/0000:01:00.$name/iommu_group"
        ln -s /sys/bus/pci/drivers/vfio-pci "/sys/bus/pci/devices/0000:01:00.$name/driver"
    done
    private_dev
    mkdir /dev/vfio /dev/vg0
    mknod -m 0600 /dev/vfio/7 c 241 0
    mknod -m 0666 /dev/vfio/vfio c 10 196
    make block root:disk 0660 /dev/vg0/web1
}

# examples: each on a line, without its prompt.
examples() {
    mandoc -T ascii tools/man/virt-priv-run.8 | sed 's/.\x08//g' | sed -n '/^EXAMPLES/,/^SEE ALSO/p' |
        sed -n '/^ *# virt-priv-run/,/[^\\]$/p' | sed -z 's/\\\n */ /g' | sed -n 's/^ *# //p'
}

@test "the manual's synopsis is that of --help" {
    diff <(mandoc -T ascii tools/man/virt-priv-run.8 | sed 's/.\x08//g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
        grep -oE -- '--[a-z-]+|\b(claim|pass|leave)\b' | sort -u) \
        <(virt-priv-run --help | grep -oE -- '--[a-z-]+|\b(claim|pass|leave):' | tr -d : | sort -u)
}

@test "there are ten examples, and each can be started" {
    local n=0 line words
    in_net ip link add br0 type bridge
    examples >"$BATS_TEST_TMPDIR/examples"
    while IFS= read -r line; do
        n=$((n + 1))
        eval "words=($line)"
        # The program's own name is left to its options.
        in_net virt-priv-run --dry-run --json "${words[@]:1}" >"$BATS_TEST_TMPDIR/plan" || {
            # A root without CAP_SYS_RESOURCE can't have memory locked; nothing else may be in the way.
            in_net virt-priv-run --check "${words[@]:1}" >"$BATS_TEST_TMPDIR/obstacles" || true
            cat "$BATS_TEST_TMPDIR/obstacles"
            [ "$(cat "$BATS_TEST_TMPDIR/obstacles" | wc -l)" -eq 1 ] &&
                grep -q "^- (locked memory): " "$BATS_TEST_TMPDIR/obstacles" || { echo "$line" && false; }
        }
        tests/lib/validate-json tests/schema/virt-priv-run.json <"$BATS_TEST_TMPDIR/plan" >/dev/null
        /usr/bin/python3 -c 'import json, sys
for r in json.load(open(sys.argv[1]))["resources"]:
    if r["source"] != "locked memory": print(sys.argv[2], r["action"], r["path"])' "$BATS_TEST_TMPDIR/plan" "$n" >>"$BATS_TEST_TMPDIR/plans"
    done <"$BATS_TEST_TMPDIR/examples"
    echo "$n examples"
    in_net ip link delete br0
    [ "$n" -eq 10 ]
    diff "$BATS_TEST_TMPDIR/plans" tests/run/examples.expected
}

# example NUMBER: sets own and args to those of the manual's example, with emulation alone: KVM is slow
# where it is emulated itself.
example() {
    local words word
    eval "words=($(examples | sed -n "$1p"))"
    own=() args=() console=() machine=(-device isa-debug-exit,iobase=0xf4)
    set -- "${words[@]:1}"
    while [ "$1" != qemu-system-x86_64 ]; do
        own+=("$1")
        shift
    done
    for word in "${@:2}"; do
        [ "$word" != kvm ] || word=tcg
        args+=("$word")
    done
    listing /srv /boot /dev/vg0 >"$BATS_TEST_TMPDIR/before"
}

# ends: on these consoles the firmware takes the keys, so the VM is ended by a signal.
ends() {
    unprivileged "$pid"
    kill -s TERM "$runner"
    finish
    [ "$status" -eq 0 ]
    listing /srv /boot /dev/vg0 | diff "$BATS_TEST_TMPDIR/before" -
    nothing_left
}

# written_by_now IMAGE FORMAT: the guest has, into a cluster that was there.
written_by_now() {
    qemu-img convert -U -f "$2" -O raw "$1" "$BATS_TEST_TMPDIR/now" && [ "$(sector "$BATS_TEST_TMPDIR/now" raw)" = 1 ]
}

@test "the desktop runs" {
    example 1
    start
    eventually written_by_now /srv/vm/desktop.qcow2 qcow2
    pid=$(qemu_of "$runner")
    [ "$(owner /srv/vm/desktop.qcow2)" = qemu:qemu ]
    connects /run/desktop.spice
    ends
    [ ! -L /run/desktop.spice ]
}

@test "the server runs, on a bridge and with a device of its own" {
    in_net ip link add br0 type bridge
    on_net
    example 2
    start
    runs
    [ "$(in_net ip -o link show master br0 | wc -l)" = 1 ]
    has_taps dmz0 1
    ends
    in_net ip link delete br0
    no_tap
    [ "$(sector /srv/vm/server.raw raw)" = 1 ]
}

@test "the machine on a volume runs" {
    example 3
    start
    runs
    [ "$(owner /dev/vg0/web1)" = qemu:qemu ]
    ends
    [ "$(sector /dev/vg0/web1 raw)" = 1 ]
}

@test "the cloud image runs" {
    example 5
    on_net
    start
    runs
    in_net grep -qE "^ +[0-9]+: 00000000:$(printf %04X 2222) .* 0A " /proc/self/net/tcp
    ends
    [ "$(sector /srv/vm/cloud.qcow2 qcow2)" = 1 ]
    [ "$(sector /srv/vm/base.qcow2 qcow2)" = none ]
}

@test "the machine for Windows runs, with a TPM" {
    rm /run/swtpm/windows.sock
    swtpm /run/swtpm
    mv /run/swtpm/socket /run/swtpm/windows.sock
    example 6
    start
    eventually written_by_now /srv/vm/windows.qcow2 qcow2
    pid=$(qemu_of "$runner")
    [ "$(owner /srv/vm/windows_VARS.fd)" = qemu:qemu ]
    talks /run/windows.vnc - "RFB~003.008"
    ends
    [ ! -L /run/windows.vnc ]
}

@test "the machine of a CI system runs" {
    example 8
    start
    runs
    ends
    [ "$(sector /srv/vm/ci.raw raw)" = none ]
}

@test "the kernel of the host runs" {
    example 9
    start
    runs "virt-privileges: a kernel runs"
    ends
}

@test "the receiver of a migration runs" {
    example 10
    virt-priv-run "${own[@]}" qemu-system-x86_64 "${args[@]}" 3>&-
    pid=$(cat /run/web1.pid)
    unprivileged "$pid"
    talks /run/web1.monitor info~status "VM~status:~paused~(inmigrate)"
    kill -s TERM "$pid"
    eventually no_processes
    [ -z "$(compgen -G '/run/web1.*')" ]
    listing /srv /boot /dev/vg0 | diff "$BATS_TEST_TMPDIR/before" -
    nothing_left
}
