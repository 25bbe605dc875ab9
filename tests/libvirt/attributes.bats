# The attributes that libvirt writes: shown, and put right when libvirt can't.

load host.bash

setup() {
    make_images
    define
    snapshot >"$BATS_TEST_TMPDIR/before"
    virsh -q start vm1 --paused
    held 1
    snapshot >"$BATS_TEST_TMPDIR/started"
}

# crash: libvirtd and QEMU die; the disk stays the account's.
crash() {
    tests/lib/private-libvirtd kill
    held 1
}

# earlier_boot: as if the crash had been in a boot of long ago.
earlier_boot() {
    set_attribute "$disk" timestamp_dac $(($(timestamp "$disk") - 1000000))
}

@test "status shows who holds a file, and whose it was" {
    run -0 virt-priv-chown status "$disk"
    echo "$output"
    [[ $output == *"$disk"* && $output == *6001:6001* ]]
    run -0 --separate-stderr virt-priv-chown status --json "$disk"
    echo "$output"
    /usr/bin/python3 -c '
import json, sys
document = json.load(sys.stdin)
assert document["version"] == 1
assert sys.argv[1] in str(document)
assert "6001" in str(document)' "$disk" <<<"$output"
    diff "$BATS_TEST_TMPDIR/started" <(snapshot)
}

@test "status of a file that nobody holds" {
    run -0 virt-priv-chown status "$images/base.qcow2"
    [[ $output != *alice* ]]
}

@test "recover gives it back to the owner that the attributes name" {
    crash
    run -0 virt-priv-chown recover --libvirt "$disk"
    echo "$output"
    free
    # And nobody asked about the others.
    diff <(tail -n +2 "$BATS_TEST_TMPDIR/started") <(snapshot | tail -n +2)
}

@test "recover of attributes of an earlier boot" {
    crash
    earlier_boot
    virt-priv-chown recover --libvirt "$disk"
    free
}

@test "recover: libvirt itself would have forgotten the owner" {
    crash
    earlier_boot
    tests/lib/private-libvirtd start
    virsh -q start vm1 --paused
    virsh -q destroy vm1
    echo "# after a crash and another boot, libvirt alone leaves the disk to $(owner "$disk")" >&3
    [ "$(owner "$disk")" != "alice:alice 640" ]
}

@test "recover with a dry run changes nothing" {
    crash
    run -0 virt-priv-chown recover --libvirt "$disk" --dry-run
    echo "$output"
    [[ $output == *"$disk"* ]]
    held 1
}

@test "recover leaves a file alone that a running domain has open" {
    run -1 virt-priv-chown recover --libvirt "$disk"
    echo "$output"
    [[ $output == *"$disk"* && $output == *"process $(</run/libvirt/qemu/vm1.pid)"* ]]
    held 1
    # Not even with libvirtd gone, or the attributes of an earlier boot.
    kill -9 "$(tests/lib/private-libvirtd pid)"
    run -1 virt-priv-chown recover --libvirt "$disk"
    held 1
    earlier_boot
    run -1 virt-priv-chown recover --libvirt "$disk"
    held 1
    tests/lib/private-libvirtd kill
    virt-priv-chown recover --libvirt "$disk"
    free
}

@test "recover leaves a file alone that any process has open, and names it" {
    crash
    earlier_boot
    # A second name of it is the same file.
    ln "$disk" "$images/second"
    sleep 600 9<"$images/second" 3>&- &
    local pid=$!
    run -1 virt-priv-chown recover --libvirt "$disk"
    echo "$output"
    [[ $output == *"$pid"* ]]
    held 1
    kill "$pid"
    wait "$pid" || true
    rm "$images/second"
    virt-priv-chown recover --libvirt "$disk"
    free
}

@test "recover of many, one of them open: the others are given back" {
    local i others=()
    crash
    for i in 1 2 3; do
        cp "$disk" "$images/$i.qcow2"
        chown qemu:qemu "$images/$i.qcow2"
        set_attribute "$images/$i.qcow2" dac +6002:+6100
        set_attribute "$images/$i.qcow2" ref_dac 1
        set_attribute "$images/$i.qcow2" timestamp_dac "$(timestamp "$disk")"
        others+=("$images/$i.qcow2")
    done
    sleep 600 9<"$images/2.qcow2" 3>&- &
    eventually [ -e "/proc/$!/fd/9" ]
    run -1 virt-priv-chown recover --libvirt "$disk" "${others[@]}"
    kill $!
    echo "$output"
    [[ $output == *"$images/2.qcow2"* ]]
    free
    [ "$(owner "$images/1.qcow2")" = "bob:team 640" ]
    [ "$(owner "$images/2.qcow2")" = "qemu:qemu 640" ]
    [ "$(owner "$images/3.qcow2")" = "bob:team 640" ]
    [ -z "$(attributes "$images/3.qcow2")" ]
}

@test "recover of a file without attributes: nothing to do, nothing changed" {
    run virt-priv-chown recover --libvirt "$images/cd.iso"
    echo "$status: $output"
    diff "$BATS_TEST_TMPDIR/started" <(snapshot)
}

@test "recover of attributes that nobody can have written: an error, nothing changed" {
    local name value
    crash
    while read -r name value; do
        /usr/bin/python3 -c '
import os, sys
for name, value in ("dac", "+6001:+6001"), ("ref_dac", "1"):
    os.setxattr(sys.argv[1], "trusted.libvirt.security." + name, value.encode())' "$disk"
        set_attribute "$disk" "$name" "$value"
        attributes "$disk" >"$BATS_TEST_TMPDIR/attributes"
        run -1 virt-priv-chown recover --libvirt "$disk"
        echo "$name=$value: $output"
        [[ $output == *"$disk"* ]]
        [ "$(owner "$disk")" = "qemu:qemu 640" ]
        attributes "$disk" | diff "$BATS_TEST_TMPDIR/attributes" -
    done <<'EOT'
dac alice
dac +6001
dac +6001:+4294967295
dac +6001:+99999999999999999999
dac +6001:+6001 and more
dac -1:-1
ref_dac 0
ref_dac many
ref_dac -1
EOT
}

@test "a claim of a disk that a crash left behind remembers the true owner" {
    crash
    earlier_boot
    virt-priv-chown claim --name vm1 --disk "$disk"
    [ "$(owner "$disk")" = "qemu:qemu 640" ]
    virt-priv-chown release --name vm1
    free
}

@test "libvirtd dies while both hold the disk: release and recover give it back" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    held 2
    tests/lib/private-libvirtd kill
    run virt-priv-chown release --name vm1
    echo "release: $status: $output"
    run virt-priv-chown recover --libvirt "$disk"
    echo "recover: $status: $output"
    free
}
