# External snapshots, which move what libvirt remembers from the old disk to the overlay.

load host.bash

setup() {
    make_images
    define web
    virsh -q detach-disk web sda --config
    virsh -q detach-disk web vdb --config
}

snapshot_of_web() {
    virsh -q snapshot-create-as web one --disk-only --no-metadata --diskspec "vda,file=$images/one.qcow2"
}

@test "libvirt alone leaves the old disk to the account, and forgets its owner" {
    virsh -q start web
    snapshot_of_web
    virsh -q destroy web
    echo "# libvirt alone: the old disk is $(owner "$disk"), the overlay $(owner "$images/one.qcow2")" >&3
    [ "$(owner "$disk")" = "qemu:qemu 640" ] && [ -z "$(attributes "$disk")" ]
}

@test "with the manual's commands, both are their owner's afterwards" {
    sed -n '/^\.Sh SNAPSHOTS UNDER LIBVIRT$/,/^\.Sh RECOVERY$/p' tools/man/virt-priv-chown.8 |
        sed -n '/^\.Bd/,/^\.Ed/{/^\./d; s/^# //; p}' | sed 's/\\-/-/g; s/\\e$/\\/' |
        sed "s,/images/,$images/," >"$BATS_TEST_TMPDIR/commands"
    cat "$BATS_TEST_TMPDIR/commands"
    [ "$(grep -c . "$BATS_TEST_TMPDIR/commands")" -eq 7 ]
    bash -eu "$BATS_TEST_TMPDIR/commands"
    echo "# with a claim: the old disk is $(owner "$disk"), the overlay $(owner "$images/one.qcow2")" >&3
    free
    [ -z "$(attributes "$images/one.qcow2")" ]
    [ "$(owner "$images/one.qcow2" | cut -d' ' -f1)" != qemu:qemu ]
    [ -z "$(ls /var/lib/virt-privileges/claims)" ]
}

@test "a copy of a disk that a running domain has: claimed and released, beside it" {
    virsh -q start web
    held 1
    cp -a "$disk" "$images/copy.qcow2"
    # The domain that runs may be about to open it.
    run -0 virt-priv-chown claim --name copy --disk "$images/copy.qcow2"
    run -0 virt-priv-chown release --name copy
    echo "$output"
    [[ $output == *"$images/copy.qcow2: libvirt uses it as well, according to its attributes"* ]]
    virsh -q destroy web
    free
    # Now no domain can be.
    run -0 virt-priv-chown claim --name copy --disk "$images/copy.qcow2"
    [[ $output == *"the owner that they name, uid 6001 and gid 6001, is restored"* ]]
    run -0 virt-priv-chown release --name copy
    [ "$(owner "$images/copy.qcow2")" = "alice:alice 640" ]
    [ -z "$(attributes "$images/copy.qcow2")" ]
}
