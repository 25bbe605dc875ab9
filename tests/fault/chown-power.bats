# The power goes while virt-priv-chown is at work: what a disk had not been made
# to keep is lost, and the next boot finds the disk so.

bats_require_minimum_version 1.5.0

setup() {
    chown=$VP_BUILD/virt-priv-chown
    export -f make_files
}

# A claimed disk, one with an ACL, a base image to be granted, and a bystander.
make_files() {
    mkdir -m 0700 private
    for file in plain.img acl.img private/base.img beside; do
        echo "$file" >"$file"
    done
    chown alice:alice plain.img private private/base.img
    chown bob:team acl.img beside
    chmod 0600 plain.img private/base.img
    chmod 0640 acl.img
    setfacl -m u:bob:rw,g:alice:r,m::r acl.img
}

claim() {
    local files=/mnt/device/files
    printf '%s ' "$chown" claim --name vm1 --pid '{holder}' --grant-read --disk "$files/plain.img" \
        --disk "$files/acl.img" --disk "$files/private/base.img,readonly"
}

# cut FS OPTION...: every disk that can be found after it comes right.
cut() {
    local fs=$1 reason
    reason=$(tests/lib/sweep probe --fs "$fs") || skip "$reason"
    run tests/lib/sweep cut --fs "$fs" --state /var/lib/virt-privileges --prepare make_files \
        --recover "$chown recover" "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    local summary=${lines[-1]}
    [[ $summary =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt 10 ]
    echo "# $BATS_TEST_DESCRIPTION: $summary" >&3
}

@test "ext4, claim cut at each change: all as before after recover" {
    # shellcheck disable=SC2046 # words
    cut ext4 -- $(claim)
}

@test "ext4, release cut at each change: all as before after recover" {
    cut ext4 --begin "$(claim)" -- "$chown" release --name vm1
}

@test "ext4, recover cut at each change: all as before after recover" {
    cut ext4 --begin "$(claim)" -- "$chown" recover
}

@test "xfs, claim cut at each change: all as before after recover" {
    # shellcheck disable=SC2046 # words
    cut xfs -- $(claim)
}

@test "xfs, release cut at each change: all as before after recover" {
    cut xfs --begin "$(claim)" -- "$chown" release --name vm1
}

@test "xfs, recover cut at each change: all as before after recover" {
    cut xfs --begin "$(claim)" -- "$chown" recover
}

@test "a record that was not made to last before the change is noticed" {
    reason=$(tests/lib/sweep probe) || skip "$reason"
    cat >"$BATS_TEST_TMPDIR/careless" <<'END'
import os
os.chdir("/mnt/device/files")
with open("../state/owner", "w") as record:
    record.write(str(os.stat("plain.img").st_uid))
os.chown("plain.img", 107, 107)
os.fsync(os.open("plain.img", os.O_RDONLY))
END
    cat >"$BATS_TEST_TMPDIR/recover" <<'END'
cd /mnt/device/files
[ ! -s ../state/owner ] || chown "$(cat ../state/owner)" plain.img
rm -f ../state/owner
END
    run -1 tests/lib/sweep cut --prepare make_files --recover "bash $BATS_TEST_TMPDIR/recover" -- \
        /usr/bin/python3 -B "$BATS_TEST_TMPDIR/careless"
    echo "$output"
    [[ $output == *"WRONG: cut, lost"*"owner (6001, 6001) is (107, "* ]]
}
