# virt-priv-chown claim --domain -: what a real libvirt says about its domains.

load host.bash

# only_disk FILE: in this snapshot nothing but the disk differs from the one before.
only_disk() {
    diff <(tail -n +2 "$BATS_TEST_TMPDIR/before") <(tail -n +2 "$1")
}

@test "inactive domain: its disk and nothing else is claimed and released" {
    virsh dumpxml vm1 | virt-priv-chown claim --name vm1 --domain -
    held 1
    snapshot >"$BATS_TEST_TMPDIR/during"
    only_disk "$BATS_TEST_TMPDIR/during"
    virt-priv-chown release --name vm1
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
}

@test "active domain: its description has the backing file, which stays as it is" {
    virsh -q start vm1 --paused
    virsh dumpxml vm1 >"$BATS_TEST_TMPDIR/active.xml"
    grep -q '<backingStore' "$BATS_TEST_TMPDIR/active.xml"
    grep -q base.qcow2 "$BATS_TEST_TMPDIR/active.xml"
    snapshot >"$BATS_TEST_TMPDIR/started"
    virt-priv-chown claim --name vm1 --domain - <"$BATS_TEST_TMPDIR/active.xml"
    held 2
    snapshot >"$BATS_TEST_TMPDIR/both"
    diff <(tail -n +2 "$BATS_TEST_TMPDIR/started") <(tail -n +2 "$BATS_TEST_TMPDIR/both")
    virsh -q destroy vm1
    kept
    virt-priv-chown release --name vm1
    free
}

@test "active domain's description, once the domain is off" {
    virsh -q start vm1 --paused
    virsh dumpxml vm1 >"$BATS_TEST_TMPDIR/active.xml"
    virsh -q destroy vm1
    owners_before
    virt-priv-chown claim --name vm1 --domain "$BATS_TEST_TMPDIR/active.xml"
    held 1
    snapshot >"$BATS_TEST_TMPDIR/during"
    only_disk "$BATS_TEST_TMPDIR/during"
    virt-priv-chown release --name vm1
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
}

@test "dry run: lists all four, and changes nothing" {
    virsh -q start vm1 --paused
    virsh dumpxml vm1 >"$BATS_TEST_TMPDIR/active.xml"
    virsh -q destroy vm1
    owners_before
    run -0 --separate-stderr virt-priv-chown claim --name vm1 --domain "$BATS_TEST_TMPDIR/active.xml" --dry-run --json
    diff - <(/usr/bin/python3 -c '
import json, sys
for resource in json.load(sys.stdin)["resources"]:
    print(resource["path"], resource["access"], resource["action"])' <<<"$output" | sort) <<EOT
$images/base.qcow2 ro check
$images/cd.iso ro check
$disk rw claim
$images/shared.raw rw check
EOT
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
}

@test "a claimed domain really runs, as the account" {
    virsh dumpxml vm1 | virt-priv-chown claim --name vm1 --domain -
    virsh -q start vm1
    eventually grep -q "a guest runs" /var/log/libvirt/serial.log
    [ "$(stat -c %U "/proc/$(cat /run/libvirt/qemu/vm1.pid)")" = qemu ]
    held 2
    virsh -q destroy vm1
    virt-priv-chown release --name vm1
    free
}

@test "another name in the description: --name names the claim" {
    virsh dumpxml vm1 | virt-priv-chown claim --name other --domain -
    run -1 virt-priv-chown release --name vm1
    held 1
    virt-priv-chown release --name other
    free
}
