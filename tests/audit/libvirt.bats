#!/usr/bin/env bats
# A domain that a real libvirtd has started.

load audit.bash
load ../libvirt/libvirt.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    start_host
}

teardown_file() {
    stop_host
    umount "$images"
}

setup() {
    make_images
    touch -d '1 hour ago' /etc/libvirt/qemu.conf
}

teardown() {
    clean_up
}

@test "a libvirt domain: found, told to be libvirt's, and judged" {
    define
    virsh -q start vm1
    pid=$(cat /run/libvirt/qemu/vm1.pid)
    local document=$BATS_TEST_TMPDIR/document status=0
    audit --json processes >"$document" || status=$?
    tests/lib/validate-json tests/schema/virt-priv-audit.json <"$document" >/dev/null
    compare "$document" tests/audit/libvirt-domain
    [ "$status" -eq 0 ]
    /usr/bin/python3 -c 'import json, sys
document = json.load(open(sys.argv[1]))
process, = document["processes"]
assert process["pid"] == int(sys.argv[2]) and process["libvirt"] and process["qemu"], process
assert document["host"]["user"]["value"] == "qemu" and document["host"]["user"]["line"] == 1' "$document" "$pid"
}

@test "the same domain where core dumps are allowed: a finding only with guest memory in them" {
    local dump
    for dump in 0 1; do
        printf '%s\n' 'max_core = "unlimited"' "dump_guest_core = $dump" >>/etc/libvirt/qemu.conf
        tests/lib/private-libvirtd stop
        tests/lib/private-libvirtd start
        define
        virsh -q start vm1
        grep -E '^Max core file size +unlimited' "/proc/$(cat /run/libvirt/qemu/vm1.pid)/limits"
        run -0 audit --check P19
        virsh -q destroy vm1
        virsh -q undefine vm1
        sed -i '/^max_core\|^dump_guest_core/d' /etc/libvirt/qemu.conf
        echo "dump_guest_core = $dump: $output"
        if [ "$dump" = 0 ]; then
            [[ $output != *P19* ]]
        else
            [[ $output == *" low "*" P19 RLIMIT_CORE allows core dumps of any size"* ]]
        fi
    done
}

@test "the same domain without the seccomp filter: more severe than for others" {
    sed -i '$aseccomp_sandbox = 0' /etc/libvirt/qemu.conf
    touch -d '1 hour ago' /etc/libvirt/qemu.conf
    tests/lib/private-libvirtd stop
    tests/lib/private-libvirtd start
    define
    virsh -q start vm1
    run -1 audit --check P10
    sed -i '/seccomp_sandbox/d' /etc/libvirt/qemu.conf
    [[ $output == *" medium "*" P10 no seccomp filter is active"* ]]
}

# start_domain NAME [XML]: one without disks.
start_domain() {
    cat >"$BATS_TEST_TMPDIR/$1.xml" <<XML
<domain type='qemu'>
  <name>$1</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
  ${2-}
  <devices><emulator>$(type -P qemu-system-x86_64)</emulator></devices>
</domain>
XML
    virsh -q create "$BATS_TEST_TMPDIR/$1.xml" --paused
}

@test "two domains of one account, and the same with the label that the finding names" {
    local label id
    start_domain vm2
    start_domain vm3
    run -0 audit --check P02,P21,P22,P23 --json
    echo "$output"
    [ "$(grep -c '"message": "has the user id qemu (107) of 1 other VM too' <<<"$output")" -eq 2 ]
    label=$(sed -n 's/.*"message": ".*in its domain XML: \(.*\)".*/\1/p' <<<"$output" | head -1)
    for id in 2 3; do
        virsh -q destroy "vm$id"
        start_domain "vm$id" "${label//+?ID/+9819$id}"
        # The kernel's word.
        [ "$(stat -c %u:%g "/proc/$(cat "/run/libvirt/qemu/vm$id.pid")")" = "9819$id:9819$id" ]
    done
    run -0 audit --check P02,P21,P24 -v
    virsh -q destroy vm2
    virsh -q destroy vm3
    echo "$output"
    [ "$(grep -c '^P21   pass' <<<"$output")" -eq 2 ]
    [ "$(grep -c '^P02   pass' <<<"$output")" -eq 2 ]
    [ "$(grep -c '^P24   not-applicable' <<<"$output")" -eq 2 ]
    # Its disk is lent to those ids, and comes back.
    define vm1 "${label//+?ID/+98194}"
    virsh -q start vm1 --paused
    [ "$(stat -c %u:%g "$disk")" = 98194:98194 ]
    run -0 audit --check P02,P13,P21
    virsh -q destroy vm1
    virsh -q undefine vm1
    [ "$(stat -c %U:%G "$disk")" = alice:alice ]
}
