# Access of the QEMU user to what stays its owner's: judged, explained, granted, taken back.

load chown.bash

as_qemu() {
    setpriv --reuid qemu --regid qemu --init-groups "$@"
}

@test "each component that denies is named with the command that helps" {
    mkdir -m 0700 $fs/alice $fs/alice/deep
    chown -R alice:alice $fs/alice
    disk $fs/alice/deep/base alice:alice 0600
    run -1 virt-priv-chown claim --name v --disk $fs/alice/deep/base,readonly
    [[ $output == *"$fs/alice is 0700 alice:alice: qemu may not search it; $fs/alice/deep is 0700 alice:alice: qemu may not search it; $fs/alice/deep/base is 0600 alice:alice: qemu may not read it; use --grant-read, or let user qemu search $fs/alice, $fs/alice/deep and read $fs/alice/deep/base; setfacl -m u:qemu:x $fs/alice && virt-priv-exec -u alice -- setfacl -m u:qemu:x $fs/alice/deep && virt-priv-exec -u alice -- setfacl -m u:qemu:r $fs/alice/deep/base"* ]]
    eval "$(sed -n 's/.*; \(setfacl [^)]*\).*/\1/p' <<<"${lines[0]}")"
    run -0 virt-priv-chown claim --name v --disk $fs/alice/deep/base,readonly
    as_qemu cat $fs/alice/deep/base
}

@test "owners without a name are numbers" {
    mkdir -m 0700 $fs/nobodys
    chown 4242:4343 $fs/nobodys
    disk $fs/nobodys/base 4242:4343 0644
    run -1 virt-priv-chown claim --name v --disk $fs/nobodys/base,readonly
    [[ $output == *"$fs/nobodys is 0700 4242:4343: qemu may not search it"* ]]
}

@test "groups and ACLs of the user count" {
    disk $fs/by-group root:kvm 0640
    disk $fs/by-acl root:root 0600
    setfacl -m u:qemu:r $fs/by-acl
    disk $fs/denied root:kvm 0644
    setfacl -m u:qemu:- $fs/denied
    run -0 virt-priv-chown claim --name a --disk $fs/by-group,readonly --disk $fs/by-acl,readonly
    run -1 virt-priv-chown claim --name b --disk $fs/denied,readonly
    [[ $output == *"$fs/denied is 0644"*"may not read it"* ]]
}

@test "granted access goes with the last holder, and the ACL is as before" {
    mkdir -m 0700 $fs/dir
    disk $fs/dir/plain root:root 0600
    disk $fs/dir/with-acl root:root 0600
    setfacl -m u:bob:r $fs/dir/with-acl
    before=$(state $fs/dir $fs/dir/*)
    run -0 virt-priv-chown claim --name one --grant-read --disk $fs/dir/plain,readonly --disk $fs/dir/with-acl,readonly
    run -0 virt-priv-chown claim --name two --grant-read --disk $fs/dir/plain,readonly
    as_qemu cat $fs/dir/plain $fs/dir/with-acl
    run -0 virt-priv-chown release --name one
    as_qemu cat $fs/dir/plain
    run ! as_qemu cat $fs/dir/with-acl
    run -0 virt-priv-chown release --name two
    [ "$(state $fs/dir $fs/dir/*)" = "$before" ]
}

@test "what the owner changed meanwhile stays" {
    disk $fs/added root:root 0600
    disk $fs/mode root:root 0600
    disk $fs/taken root:root 0600
    run -0 virt-priv-chown claim --name v --grant-read --disk $fs/added,readonly --disk $fs/mode,readonly --disk $fs/taken,readonly
    setfacl -m u:bob:rw $fs/added
    chmod g+x $fs/mode
    setfacl -m u:qemu:rwx $fs/taken
    run -0 virt-priv-chown release --name v
    [ "$(getfacl -cp $fs/added | xargs)" = "user::rw- user:bob:rw- group::--- mask::rw- other::---" ]
    [[ "$(getfacl -cp $fs/mode)" != *user:qemu* ]]
    [[ "$(getfacl -cp $fs/taken)" == *user:qemu:rwx* ]]
}

@test "no grant that gives somebody else more" {
    disk $fs/held-back root:root 0600
    setfacl -m u:bob:r,m::- $fs/held-back
    before=$(state $fs/held-back)
    run -1 virt-priv-chown claim --name v --grant-read --disk $fs/held-back,readonly
    [[ $output == *mask* ]]
    [ "$(state $fs/held-back)" = "$before" ]
}

@test "no grant on root's file through a user's directory or link" {
    mkdir -m 0755 $fs/alice
    disk $fs/secret root:root 0600
    ln -s $fs/secret $fs/alice/link
    disk $fs/alice/roots root:root 0600
    chown -h alice:alice $fs/alice $fs/alice/link
    before=$(state $fs/secret $fs/alice/roots)
    for option in ,readonly ""; do
        run -1 virt-priv-chown claim --name v --grant-read --disk $fs/alice/link$option
        run -1 virt-priv-chown claim --name v --grant-read --disk $fs/alice/roots$option
    done
    [ "$(state $fs/secret $fs/alice/roots)" = "$before" ]
}

@test "a user can give away a file of his own, through his own link too" {
    mkdir -m 0755 $fs/alice
    disk $fs/alice/disk alice:alice 0600
    ln -s $fs/alice/disk $fs/alice/link
    chown -h alice:alice $fs/alice $fs/alice/link
    run -0 virt-priv-chown claim --name v --disk $fs/alice/link
    [ "$(owner $fs/alice/disk)" = qemu:qemu ]
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/alice/disk)" = alice:alice ]
}

@test "unsafe transitions, the QEMU user's own directory included" {
    mkdir -m 0755 $fs/qemu $fs/shared $fs/sticky $fs/root
    chown qemu:qemu $fs/qemu
    chmod 0775 $fs/shared
    chgrp team $fs/shared
    chmod 1777 $fs/sticky
    for dir in qemu shared sticky; do
        disk $fs/$dir/roots root:root 0600
        disk $fs/$dir/alices alice:alice 0600
    done
    mkdir $fs/sticky/roots-own
    disk $fs/sticky/roots-own/a root:root 0600
    refused() {
        run -1 virt-priv-chown claim --name v --disk "$1"
        [ "$(stat -c %U "$1")" != qemu ]
    }
    claimed() {
        run -0 virt-priv-chown claim --name v --disk "$1"
        [ "$(stat -c %U "$1")" = qemu ]
        run -0 virt-priv-chown release --name v
    }
    refused $fs/qemu/roots
    refused $fs/qemu/alices
    refused $fs/shared/roots
    refused $fs/sticky/roots
    # Anybody who can write there can have moved them in.
    refused $fs/shared/alices
    refused $fs/sticky/alices
    mkdir -m 0755 $fs/alice
    disk $fs/alice/own alice:alice 0600
    chown alice:alice $fs/alice
    claimed $fs/alice/own
    claimed $fs/sticky/roots-own/a
    chown -R root:root $fs/alice
    refused $fs/qemu/../alice/own
}
