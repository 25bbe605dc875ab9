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
            [[ $output == *"P19   low"*"RLIMIT_CORE allows core dumps of any size"* ]]
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
    [[ $output == *"P10   medium"*"no seccomp filter is active"* ]]
}
