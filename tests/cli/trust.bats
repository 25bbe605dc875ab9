# What an ACL lets a user write is not root's alone: what lies there, and what it says, is not
# believed. What decides that is tested beside the kernel in tests/unit/test_trust.c.

load chown.bash

as() {
    setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"
}

# fails STATUS TEXT COMMAND...: with that text, and nothing below $fs is changed by it.
fails() {
    local wanted=$1 text=$2 before
    shift 2
    before=$(state $fs $fs/*)
    run "$@"
    echo "status $status: $output"
    [ "$status" -eq "$wanted" ] && [[ $output == *"$text"* ]] && [ "$(state $fs $fs/*)" = "$before" ]
}

# helped: the command that the message ends with is done.
helped() {
    local command
    command=$(grep -o 'setfacl -[xk] .*' <<<"$output" | tail -n 1)
    command=${command%%[;)]*}
    echo "helps: $command"
    [ -n "$command" ] && $command
}

# Answers on each kind of file system agree with the kernel's.
@test "ext4, xfs, btrfs and tmpfs: never root's alone where the kernel lets another write" {
    local type
    for type in ext4 xfs btrfs tmpfs; do
        mkdir -p /mnt/one
        if [ "$type" = tmpfs ]; then
            mount -t tmpfs -o mode=0755 tmpfs /mnt/one
        else
            rm -f /mnt/one.img
            truncate -s 512M /mnt/one.img
            "mkfs.$type" -q /mnt/one.img >/dev/null
            mount -o loop /mnt/one.img /mnt/one
        fi
        VP_TRUST_DIR=/mnt/one "$VP_BUILD/tests/test_trust" >/mnt/said 2>&1 || {
            echo "$type:" && grep -v '^#   ' /mnt/said && umount /mnt/one && return 1
        }
        umount /mnt/one
        rm -f /mnt/one.img /mnt/said
    done
}

@test "a disk of root's that a user moved there by a directory's ACL is not claimed, until the command that helps" {
    local entry id
    for entry in u:alice:user:6001 g:team:group:6100; do
        IFS=: read -r tag name kind id <<<"$entry"
        rm -rf ${fs:?}/*
        mkdir -m 0755 $fs/images $fs/private
        disk $fs/private/other root:root 0600
        setfacl -m "$tag:$name:rwx" $fs/images $fs/private
        as alice mv $fs/private/other $fs/images/a
        fails 1 "$kind $name may write by its ACL ($kind:$id:rwx)" virt-priv-chown claim --name v --disk $fs/images/a
        [[ $output == *"or: setfacl -x $tag:$id $fs/images"* ]]
        [ -z "$(journals)" ]
        helped
        run -0 virt-priv-chown claim --name v --disk $fs/images/a
        run -0 virt-priv-chown release --name v
    done
}

@test "two levels up, the directory that holds it counts as well" {
    mkdir -m 0755 $fs/pool $fs/pool/images
    disk $fs/pool/images/a root:root 0600
    setfacl -m u:alice:rwx $fs/pool
    as alice mv $fs/pool/images $fs/pool/moved
    fails 1 "the directory $fs/pool (mode 0775; user alice may write by its ACL (user:6001:rwx)) is writable by users other than its owner" \
        virt-priv-chown claim --name v --disk $fs/pool/moved/a
}

@test "what the mask takes away, what is root's, and what its own owner may: no obstacle" {
    local acl n=0
    for acl in u:alice:rwx,m::r-x u:alice:r-x,m::rwx u:0:rwx,m::rwx g:0:rwx,m::rwx g:team:rwx,m::r-x u:bob:rwx,m::rwx; do
        rm -rf ${fs:?}/*
        mkdir -m 0755 $fs/images
        setfacl -n -m "$acl" $fs/images
        disk $fs/images/a root:root 0600
        # Of bob's entry, a disk of bob's.
        [[ $acl != u:bob* ]] || chown bob:bob $fs/images/a
        run -0 virt-priv-chown claim --name v --disk $fs/images/a
        run -0 virt-priv-chown release --name v
        n=$((n + 1))
    done
    [ "$n" = 6 ]
    # Not one of alice's.
    chown alice:alice $fs/images/a
    fails 1 "user bob may write by its ACL (user:6002:rwx)" virt-priv-chown claim --name v --disk $fs/images/a
}

@test "sticky: a file may have been moved there, a directory of root's may not" {
    mkdir -m 1755 $fs/images
    setfacl -m u:alice:rwx $fs/images
    disk $fs/images/a root:root 0600
    fails 1 "user alice may write by its ACL (user:6001:rwx)" virt-priv-chown claim --name v --disk $fs/images/a
    mkdir -m 0755 $fs/images/vm
    disk $fs/images/vm/a root:root 0600
    run -0 virt-priv-chown claim --name v --disk $fs/images/vm/a
    run -0 virt-priv-chown release --name v
}

@test "a domain XML: with such an ACL, and in such a directory" {
    disk $fs/a root:root 0600
    mkdir -m 0755 $fs/xml
    echo "<domain><name>v</name><devices><disk type='file'><source file='$fs/a'/><target dev='a'/></disk></devices></domain>" >$fs/xml/other
    cp $fs/xml/other $fs/v.xml
    setfacl -m u:alice:rw $fs/v.xml
    fails 2 "cannot trust the domain XML $fs/v.xml: not owned by root, or writable by others (mode 0664, uid 0): user alice may write by its ACL (user:6001:rw-)" \
        virt-priv-chown claim --domain $fs/v.xml
    helped
    run -0 virt-priv-chown claim --domain $fs/v.xml --dry-run
    setfacl -m u:alice:rwx $fs/xml
    as alice mv $fs/xml/other $fs/xml/v.xml
    fails 2 "cannot trust the domain XML $fs/xml/v.xml: the directory $fs/xml (mode " \
        virt-priv-chown claim --domain $fs/xml/v.xml
}

@test "settings: with such an ACL, and in such a directory, named or not" {
    local tool=(virt-priv-exec --dry-run true)
    mkdir -p $fs/etc /etc/libvirt
    echo 'user = "root"' >$fs/etc/other
    setfacl -m u:alice:rwx $fs/etc
    as alice mv $fs/etc/other $fs/etc/qemu.conf
    fails 125 "cannot trust the settings in $fs/etc/qemu.conf: the directory $fs/etc (mode " \
        virt-priv-exec --config $fs/etc/qemu.conf --dry-run true
    # Root's copy of yesterday's settings, moved to where today's are.
    echo 'user = "root"' >/etc/libvirt/old.conf
    setfacl -m u:alice:rwx /etc/libvirt
    as alice mv /etc/libvirt/old.conf /etc/libvirt/qemu.conf
    fails 125 "cannot trust the settings in /etc/libvirt/qemu.conf: the directory /etc/libvirt (mode 0775; user alice may write by its ACL (user:6001:rwx)) is writable by users other than its owner" \
        "${tool[@]}"
    fails 2 "cannot trust the settings in /etc/libvirt/qemu.conf: " virt-priv-conf get user
    fails 2 "cannot edit /etc/libvirt/qemu.conf: the directory /etc/libvirt (mode " \
        virt-priv-conf set user bob
    setfacl -b /etc/libvirt
    run -0 "${tool[@]}"
    setfacl -m g:team:rw /etc/libvirt/qemu.conf
    fails 125 "group team may write by its ACL (group:6100:rw-); check its content, then: setfacl -x g:6100 /etc/libvirt/qemu.conf" "${tool[@]}"
    fails 2 "group team may write by its ACL (group:6100:rw-)" virt-priv-conf get user
    helped
    run -0 "${tool[@]}"
    rm /etc/libvirt/qemu.conf
}

@test "journals: their directories, what is made in them, and each of them" {
    local claims=/var/lib/virt-privileges/claims directory command
    disk $fs/a alice:alice 0600
    mkdir -p $claims
    for directory in ${claims%/*} $claims; do
        for command in "-m u:alice:rwx" "-m g:team:rwx" "-d -m u:alice:rwx"; do
            # shellcheck disable=SC2086 # words
            setfacl $command $directory
            fails 2 "cannot trust the directory $directory: writable by users other than root: " virt-priv-chown claim --name v --disk $fs/a
            fails 2 "cannot trust the directory $directory" virt-priv-chown recover
            helped
        done
    done
    run -0 virt-priv-chown claim --name v --disk $fs/a
    # Whom root has let look into the directory, and write to the file, would say whose the disk is.
    setfacl -m u:bob:x $claims
    setfacl -m u:bob:rw $claims/v
    cp $claims/v /mnt/journal
    as bob sh -c "changed=\$(sed 's/^owner .*/owner 6002:6002/' $claims/v) && echo \"\$changed\" >$claims/v"
    grep -q '^owner 6002:6002$' $claims/v
    fails 1 "cannot trust the journal $claims/v: user bob may write by its ACL (user:6002:rw-)" virt-priv-chown release --name v
    fails 1 "cannot trust the journal $claims/v" virt-priv-chown recover
    [ "$(owner $fs/a)" = qemu:qemu ]
    cat /mnt/journal >$claims/v
    setfacl -x u:6002 $claims/v
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)" = alice:alice ]
}

# private [COMMAND...]: whether alice's directory of mode 0775 is as good as one of mode 0755, with the
# accounts as the command leaves them.
private() {
    cp -a /etc/passwd /etc/group /etc/nsswitch.conf /mnt/scratch/
    [ ! -e /etc/gshadow ] || cp -a /etc/gshadow /mnt/scratch/
    [ $# -eq 0 ] || eval "$*"
    status=0
    output=$(virt-priv-chown claim --name v --disk $fs/images/a --dry-run 2>&1) || status=$?
    cp -a /mnt/scratch/* /etc/
    rm -rf /mnt/scratch/* /etc/userdb
    echo "${*-}: $status: $output"
    [ "$status" -eq 0 ]
}

@test "a directory of mode 0775 of a user's and the user's private group is the user's alone" {
    mkdir -m 0775 $fs/images
    chown alice:alice $fs/images
    disk $fs/images/a alice:alice 0600
    private
    private "sed -i 's/^alice:x:6001:/&alice/' /etc/group"
    local change
    for change in \
        "sed -i 's/^alice:x:6001:/&bob/' /etc/group" \
        "sed -i 's/^alice:x:6001:/&alice,bob/' /etc/group" \
        "sed -i 's/^bob:x:6002:6002/bob:x:6002:6001/' /etc/passwd" \
        "sed -i 's/^alice:x:6001:/staffers:x:6001:/' /etc/group" \
        "sed -i '/^alice:/d' /etc/group" \
        "echo more:x:6001:bob >>/etc/group" \
        "sed -i 's/^alice:x:6001:/alice:\$1\$x\$y:6001:/' /etc/group" \
        "echo 'alice:\$1\$x\$y::' >>/etc/gshadow" \
        "echo 'alice:!:bob:' >>/etc/gshadow" \
        "sed -i 's/^group:.*/group: files sss/' /etc/nsswitch.conf" \
        "sed -i 's/^passwd:.*/passwd: files ldap [NOTFOUND=return] systemd/' /etc/nsswitch.conf" \
        "printf '%b' '\\0\ninitgroups: files sss\n' >>/etc/nsswitch.conf" \
        "mkdir /etc/userdb; touch /etc/userdb/bob:alice.membership" \
        "chgrp team $fs/images"; do
        run private "$change"
        echo "$output"
        [ "$status" -ne 0 ]
        [[ $output == *"the directory $fs/images (mode 0775) is writable by users other than its owner"*", or: chmod go-w $fs/images"* ]]
    done
    chgrp alice $fs/images
    # It is alice's, and no more.
    chown bob:bob $fs/images/a
    run ! private
}
