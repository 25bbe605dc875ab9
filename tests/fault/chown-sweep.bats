# virt-priv-chown killed, and refused, at every single system call.

bats_require_minimum_version 1.5.0

setup() {
    chown=$VP_BUILD/virt-priv-chown
    reason=$(tests/fault/sweep-claims probe) || skip "$reason"
    export -f make_files make_held_files
    files=make_files
}

# Five disks, and beside each what must not be touched.
make_files() {
    mkdir -m 0711 alice
    mkdir -m 0700 private
    for file in plain.img team.img alice/acl.img private/base.img; do
        echo "$file" >"$file"
        echo "beside $file" >"$file.beside"
    done
    chown alice:alice plain.img private private/* alice
    chown bob:team team.img*
    chown alice:team alice/acl.img*
    chmod 0600 plain.img private/base.img
    chmod 0640 team.img* alice/acl.img
    setfacl -m u:bob:rw,g:alice:r,m::r alice/acl.img*
    /usr/bin/python3 -c 'import os; os.setxattr("team.img", "user.note", b"bought")'
    # A disk that is not there to be read or written: that of a major number that no driver has.
    mknod -m 0660 node b 511 1
    mknod -m 0660 node.beside b 511 2
    chown root:disk node node.beside
    ln -s plain.img link
    ln team.img.beside second-name
}

# Disks that a libvirt holds for the same user, one holder so far, and one of ours alone; the
# sweep has --domain with them.
make_held_files() {
    touch held.img second.img plain.img
    chmod 0600 held.img second.img plain.img
    chown alice:alice plain.img
    chown qemu:qemu held.img second.img
    /usr/bin/python3 -c '
import os, struct
with open("/run/utmp", "rb") as utmp:
    booted = struct.unpack_from("i", utmp.read(), 340)[0]
for name, value in ("dac", "+6001:+6001"), ("ref_dac", "1"), ("timestamp_dac", str(booted)):
    for file in "held.img", "second.img":
        os.setxattr(file, "trusted.libvirt.security." + name, value.encode())'
}

claim_held() {
    local files=/mnt/device/files
    printf '%s ' "$chown" claim --name vm1 --pid '{holder}' --disk "$files/held.img" --disk "$files/plain.img" \
        --disk "$files/second.img"
}

# The claim of all five, by a process that is gone when the claim is to be undone.
claim() {
    local files=/mnt/device/files
    printf '%s ' "$chown" claim --name vm1 --pid '{holder}' --grant-read --disk "$files/plain.img" \
        --disk "$files/team.img" --disk "$files/alice/acl.img" --disk "$files/node" \
        --disk "$files/private/base.img,readonly"
}

# sweep MODE OPTION...: every point right, and enough of them to prove something.
sweep() {
    run tests/fault/sweep-claims "$1" --state /var/lib/virt-privileges --prepare "$files" \
        --loose trusted.libvirt.security.timestamp_dac --unchanged 2 "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    local summary=${lines[-1]}
    [[ $summary =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt 100 ]
    echo "# $BATS_TEST_DESCRIPTION: $summary" >&3
}

@test "claim killed at each call, then recover, release, or the same claim and release: all as before" {
    printf '%s\n' "$(claim)" "$chown release --name vm1" >"$BATS_TEST_TMPDIR/again"
    sed -i 's/--pid {holder} //' "$BATS_TEST_TMPDIR/again"
    # shellcheck disable=SC2046 # words
    sweep kill --recover "$chown recover" --recover "$chown release --name vm1" --may-say 'has no claim' \
        --recover "sh $BATS_TEST_TMPDIR/again" -- $(claim)
}

@test "release killed at each call, then recover: all as before" {
    sweep kill --begin "$(claim)" --recover "$chown recover" -- "$chown" release --name vm1
}

@test "recover killed at each call, then recover: all as before" {
    sweep kill --begin "$(claim)" --recover "$chown recover" -- "$chown" recover
}

@test "claim with each call failing: done, or nothing is; all as before after recover" {
    # shellcheck disable=SC2046
    sweep error=EIO,ENOSPC,EINTR --unchanged 1 --recover "$chown recover" -- $(claim)
}

# Where libvirt's attributes are not permitted, the journal alone remembers the owner.
@test "claim with each call not permitted: done, or nothing is; all as before after recover" {
    # shellcheck disable=SC2046
    sweep error=EPERM --loose trusted.libvirt.security.dac --loose trusted.libvirt.security.ref_dac \
        --unchanged 1 --recover "$chown recover" -- $(claim)
}

@test "release with each call failing: done, or all as before after recover, or another release" {
    sweep error=EIO,ENOSPC,EPERM,EINTR --begin "$(claim)" --recover "$chown recover" \
        --recover "$chown release --name vm1" --may-say 'has no claim' -- "$chown" release --name vm1
}

@test "recover with each call failing: done, or all as before after recover" {
    sweep error=EIO --begin "$(claim)" --recover "$chown recover" -- "$chown" recover
}

# What libvirt holds too is never taken from under it: only the count changes, once.

@test "held by libvirt too: claim killed at each call, then recover: all as before, or unclear" {
    files=make_held_files
    # shellcheck disable=SC2046
    sweep kill --domain --recover "$chown recover" --may-say 'restored at the next boot' --may-keep -- $(claim_held)
}

@test "held by libvirt too: release killed at each call, then recover: all as before, or unclear" {
    files=make_held_files
    sweep kill --domain --begin "$(claim_held)" --recover "$chown recover" --may-say 'restored at the next boot' \
        --may-keep -- "$chown" release --name vm1
}

@test "held by libvirt too: claim with each call failing: done, or nothing is" {
    files=make_held_files
    # shellcheck disable=SC2046
    sweep error=EIO,ENOSPC --domain --unchanged 1 --recover "$chown recover" -- $(claim_held)
}

@test "held by libvirt too: release with each call failing: done, or all as before after recover, or unclear" {
    files=make_held_files
    sweep error=EIO,ENOSPC --domain --begin "$(claim_held)" --recover "$chown recover" \
        --may-say 'restored at the next boot' --may-keep -- "$chown" release --name vm1
}
