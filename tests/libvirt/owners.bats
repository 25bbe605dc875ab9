# Who owns what before, during and after: libvirt alone, and virt-priv-chown alone.

load host.bash

setup() {
    make_images
    define
    owners >"$BATS_TEST_TMPDIR/before"
}

owners() {
    local file
    for file in "${files[@]}"; do
        echo "${file##*/} $(owner "$file")"
    done
}

# table WHO: prints the three lists side by side, and the files that are not as they were.
table() {
    echo "# $1" >&3
    {
        echo "file before - during - after -"
        join "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/during" | join - "$BATS_TEST_TMPDIR/after"
    } | sed 's/-/mode/g' | column -t | sed 's/^/#   /' >&3
    changed=$(diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" | sed -n 's/^> \([^ ]*\).*/\1/p' | paste -sd ' ')
    echo "#   left changed: ${changed:-none}" >&3
}

@test "libvirt's start and destroy leave files changed" {
    virsh -q start vm1 --paused
    owners >"$BATS_TEST_TMPDIR/during"
    virsh -q destroy vm1
    owners >"$BATS_TEST_TMPDIR/after"
    table "virsh start, virsh destroy"
    # It gives back what one domain alone writes, and nothing else.
    grep -qx "disk.qcow2 alice:alice 640" "$BATS_TEST_TMPDIR/after"
    [[ $changed == *base.qcow2* ]]
}

@test "claim and release leave none" {
    virsh dumpxml vm1 | virt-priv-chown claim --name vm1 --domain -
    owners >"$BATS_TEST_TMPDIR/during"
    virt-priv-chown release --name vm1
    owners >"$BATS_TEST_TMPDIR/after"
    table "virt-priv-chown claim, virt-priv-chown release"
    [ -z "$changed" ]
    diff "$BATS_TEST_TMPDIR/during" - <<EOT
disk.qcow2 qemu:qemu 640
base.qcow2 bob:bob 644
cd.iso alice:team 644
shared.raw bob:team 666
EOT
}
