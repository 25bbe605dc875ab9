# Copies that were made while a disk was held, with libvirt's attributes of it, and the manual's
# chapter on backups.

load chown.bash

# held: alice's disk a, claimed for the VM v.
held() {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
}

# copied HOW: $fs/copy is a copy of the claimed disk, with all of its attributes.
copied() {
    held
    case $1 in
    cp) cp -a $fs/a $fs/copy ;;
    rsync) rsync -aX $fs/a $fs/copy ;;
    tar)
        tar --xattrs --xattrs-include='*' -C $fs -cf /mnt/backup.tar a
        mkdir $fs/restored
        tar --xattrs --xattrs-include='*' -C $fs/restored -xf /mnt/backup.tar
        mv $fs/restored/a $fs/copy
        rm /mnt/backup.tar
        ;;
    esac
    [ "$(owner $fs/copy) $(remembered $fs/copy)" = "qemu:qemu +6001:+6001 1" ]
}

# has TOOL: skips the case, saying so, where the machine does not have it.
has() {
    type -P "$1" >/dev/null || { echo "# without $1" >&3 && return 1; }
}

@test "a copy that is claimed as it is goes to its true owner, which is said" {
    local how
    for how in cp rsync tar; do
        has $how || continue
        copied $how
        run -0 virt-priv-chown claim --name c --disk $fs/copy
        echo "$how: $output"
        [[ $output == *"$fs/copy: libvirt's attributes are stale: no domain uses it, so it is a copy, or was left behind; the owner that they name, uid 6001 and gid 6001, is restored when it is released"* ]]
        [ "$(owner $fs/copy) $(remembered $fs/copy)" = "qemu:qemu +6001:+6001 1" ]
        run -0 virt-priv-chown release --name c
        [ "$(owner $fs/copy)$(remembered $fs/copy)" = alice:alice ]
        # And the original is what it was.
        [ "$(owner $fs/a) $(remembered $fs/a)" = "qemu:qemu +6001:+6001 1" ]
        run -0 virt-priv-chown release --name v
        [ "$(owner $fs/a)$(remembered $fs/a)$(journals)" = alice:alice ]
        rm -f $fs/copy
    done
}

@test "a copy that was given to its user first is claimed, and comes back to him" {
    local user
    for user in alice bob; do
        copied cp
        chown $user:$user $fs/copy
        run -0 virt-priv-chown claim --name c --disk $fs/copy
        echo "$user: $output"
        if [ $user = bob ]; then
            [[ $output == *"$fs/copy: libvirt's attributes are stale: no domain uses it, so it is a copy, or was left behind; they are removed, and it keeps its owner, uid 6002 and gid 6002"* ]]
        fi
        run -0 virt-priv-chown release --name c
        [ "$(owner $fs/copy)$(remembered $fs/copy)" = $user:$user ]
        run -0 virt-priv-chown release --name v
        rm $fs/a $fs/copy
    done
}

@test "with remember_owner = 0, a copy's attributes go at the claim" {
    copied cp
    echo 'remember_owner = 0' >/etc/libvirt/qemu.conf
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    [ "$(owner $fs/copy)$(remembered $fs/copy)" = qemu:qemu ]
    run -0 virt-priv-chown release --name c
    [ "$(owner $fs/copy)$(remembered $fs/copy)" = alice:alice ]
}

@test "while a domain of libvirt's may hold it, it is not taken for a copy" {
    copied cp
    libvirt_domain
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    [ "$(remembered $fs/copy)" = "+6001:+6001 2" ]
    run -0 virt-priv-chown release --name c
    [ "$(owner $fs/copy) $(remembered $fs/copy)" = "qemu:qemu +6001:+6001 1" ]
    # That it stays is said.
    [[ $output == *"$fs/copy: libvirt uses it as well, according to its attributes, so the QEMU user owns it until libvirt restores its owner; no process has it open; if it is a copy: virt-priv-chown recover --libvirt $fs/copy"* ]]
    chown alice:alice $fs/copy
    run -1 virt-priv-chown claim --name c --disk $fs/copy
    [[ $output == *"libvirt uses it for uid 6001 and gid 6001, or it is a copy of such a file, since no process has it open"* ]]
    # What the message names helps.
    [[ $output == *"setfattr -x trusted.libvirt.security.ref_dac"* ]]
    /usr/bin/python3 -c 'import os, sys
for name in "ref_dac", "dac", "timestamp_dac":
    os.removexattr(sys.argv[1], "trusted.libvirt.security." + name)' $fs/copy
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    run -0 virt-priv-chown release --name c
    [ "$(owner $fs/copy)" = alice:alice ]
}

@test "while a process has it open, it is not taken for a copy" {
    copied cp
    chown alice:alice $fs/copy
    exec 5<$fs/copy
    run -1 virt-priv-chown claim --name c --disk $fs/copy
    [[ $output == *"libvirt uses it for uid 6001 and gid 6001"* && $output != *copy\ of* ]]
    exec 5<&-
    run -0 virt-priv-chown claim --name c --disk $fs/copy
}

@test "the daemon of libvirt in another mount namespace may have domains that are not seen here" {
    copied cp
    cp /usr/bin/sleep /mnt/virtqemud
    unshare --mount /mnt/virtqemud 60 3>&- &
    local daemon=$!
    is $daemon virtqemud
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    kill $daemon
    wait $daemon || true
    [ "$(remembered $fs/copy)" = "+6001:+6001 2" ]
    # It has ended: nobody is left who would give the copy back.
    run -0 virt-priv-chown release --name c
    [ "$(owner $fs/copy)$(remembered $fs/copy)" = alice:alice ]
    rm /mnt/virtqemud
}

@test "a claim of an earlier version that counted a copy's holder: given back all the same" {
    copied cp
    libvirt_domain
    run -0 virt-priv-chown claim --name c --disk $fs/copy
    rm -r /run/libvirt
    run -0 virt-priv-chown release --name c
    [ "$(owner $fs/copy)$(remembered $fs/copy)$(journals)" = alice:alicev ]
}

# manual HEADING: the commands of a display of that subsection, as the page shows them.
manual() {
    sed -n "/^\.S[hs] $1\$/,/^\.S[hs] /p" tools/man/virt-priv-chown.8 |
        sed -n '/^\.Bd/,/^\.Ed/s/^# //p' | sed 's/\\-/-/g; s/\\e$/\\/'
}

@test "the manual's backup and restore of a disk that is held" {
    mkdir -p /images /backup
    mount --bind $fs /images
    disk /images/mail.img alice:alice 0640
    run -0 virt-priv-chown claim --name mail --disk /images/mail.img
    manual BACKUPS >"$BATS_TEST_TMPDIR/commands"
    cat "$BATS_TEST_TMPDIR/commands"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -ge 3 ]
    bash -eu "$BATS_TEST_TMPDIR/commands"
    umount /images
    rmdir /images
    [ "$(owner $fs/restored.img)$(remembered $fs/restored.img)" = alice:alice ]
    [ "$(cat $fs/restored.img)" = "data of /images/mail.img" ]
    rm -r /backup
}
