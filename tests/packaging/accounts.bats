#!/usr/bin/env bats
# The accounts, as the real systemd-sysusers makes them below a directory.
#
# accounts.d/CASE/before and after hold the account files of a machine; one that
# is missing is not there. sysusers.d holds the lines that other packages of a
# Fedora machine declare for the same accounts: setup's, libvirt's and qemu's.

here=tests/packaging

setup() {
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/etc" "$root/usr/lib/sysusers.d"
    cp sysusers.d/*.conf "$root/usr/lib/sysusers.d/"
}

# quiet LEVEL: runs systemd-sysusers, which must have nothing to say at LEVEL or above.
quiet() {
    SYSTEMD_LOG_LEVEL=$1 SYSTEMD_LOG_TARGET=console systemd-sysusers --root="$root" >"$root/said" 2>&1 ||
        echo "status $?" >>"$root/said"
    cat "$root/said"
    [ ! -s "$root/said" ]
}

# values FILE KEY VALUE N: the Nth field of those lines whose field KEY is VALUE.
values() {
    awk -F: -v key="$2" -v value="$3" -v n="$4" '$key == value { print $n }' "$root/etc/$1"
}

# What holds whatever was there before.
check_account() {
    local uid gid
    uid=$(values passwd 1 qemu 3)
    gid=$(values passwd 1 qemu 4)
    [[ $uid =~ ^[1-9][0-9]*$ ]]
    [ "$(values passwd 3 "$uid" 1)" = qemu ]
    [ "$(values group 3 "$gid" 1)" = qemu ]
    [ "$(values group 1 qemu 3)" = "$gid" ]
    [[ ,$(values group 1 kvm 4), == *,qemu,* ]]
    [[ $(values passwd 1 qemu 7) == /*/nologin ]]
    [ "$(values passwd 1 qemu 2)" = x ]
    [[ $(values shadow 1 qemu 2) =~ ^[!*] ]]
}

# accounts_are CASE: neither the order of lines nor where the distribution keeps
# nologin makes a difference.
accounts_are() {
    local file
    for file in passwd group; do
        sed 's,:/sbin/nologin$,:/usr/sbin/nologin,' "$root/etc/$file" | sort >"$root/$file"
        sort "$here/accounts.d/$1/after/$file" | diff -u - "$root/$file"
    done
}

# Nothing is done twice: not a byte changes, not a word is said.
check_settled() {
    cp -a "$root/etc" "$root/once"
    quiet info
    diff -r "$root/once" "$root/etc"
}

accounts_case() {
    if [ -d "$here/accounts.d/$1/before" ]; then
        cp "$here/accounts.d/$1/before"/* "$root/etc/"
    fi
    quiet notice
    accounts_are "$1"
    check_account
    check_settled
}

@test "on an empty root: 107:107 and 36" {
    accounts_case empty-root
}

@test "uid 107 is somebody else's" {
    accounts_case uid-107-taken
}

@test "gid 107 is kvm's, as on Debian" {
    accounts_case gid-107-is-kvm
}

@test "gid 36 is somebody else's" {
    accounts_case gid-36-taken
}

@test "all three ids are somebody else's" {
    accounts_case all-ids-taken
}

@test "qemu and kvm are there with other ids: they are kept, and qemu joins kvm" {
    accounts_case qemu-with-other-ids
}

@test "the groups are there without the user" {
    accounts_case group-without-user
}

@test "every case has its test" {
    for dir in "$here"/accounts.d/*/; do
        grep -x "    accounts_case $(basename "$dir")" "$BATS_TEST_FILENAME"
    done
}

# together PREFIX: with the lines of the other packages in files of such names.
# Files are read in the order of their names, and a user's first line counts.
together() {
    local file
    for file in "$here"/sysusers.d/*.conf; do
        cp "$file" "$root/usr/lib/sysusers.d/$1-${file##*/}"
    done
    accounts_case empty-root
}

@test "with the lines of setup, libvirt and qemu read before ours: no warning" {
    together 00
}

@test "with the lines of setup, libvirt and qemu read after ours: no warning" {
    together zz
}

@test "a line that does contradict ours is seen by these tests" {
    echo 'u qemu 107:qemu "QEMU" - -' >"$root/usr/lib/sysusers.d/zz.conf"
    run quiet notice
    [ "$status" -ne 0 ]
    [[ $output == *onflict* ]]
}
