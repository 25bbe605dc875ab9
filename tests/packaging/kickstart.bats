#!/usr/bin/env bats
# The kickstart file, played without the installer: its packages by dnf --installroot,
# then its %post in the root, as the installer does. What is of the distribution is
# stood for by packages without files, and by libvirt's settings.
# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

load roots
load table

ks=conf/kickstart/virt-privileges.ks

setup_file() {
    make_packages
    host_state >"$all/host"
    mkdir "$all/stand-ins"
    tests/lib/libvirt-rpm 1 "$(tests/lib/distribution-qemu-conf)" "$all/stand-ins"
    empty_rpm qemu-kvm
    empty_rpm libvirt-daemon-kvm 'Requires: libvirt-daemon-driver-qemu'
    empty_rpm core-of-all
    new_repo distribution "$all"/repo/virt-*.rpm "$all"/stand-ins/*.rpm
    cat >"$all/comps.xml" <<'XML'
<comps><group><id>core</id><name>core</name><packagelist>
<packagereq type="mandatory">core-of-all</packagereq></packagelist></group></comps>
XML
    createrepo_c --quiet --groupfile "$all/comps.xml" "$all/distribution"
    new_root installed
    rm -rf "$all"/installed/{dev,proc,sys,run}/{*,.[!.]*}
    install_packages
    : >"$all/table"
}

teardown_file() {
    print_table
}

teardown() {
    [ ! -e "$all/row" ] || drop_root row
}

# empty_rpm NAME [LINE]
empty_rpm() {
    printf '%s\n' "Name: $1" 'Version: 1' 'Release: 1' 'Summary: Stands for it' 'License: Public-Domain' \
        'BuildArch: noarch' "${2-}" %description %files >"$all/$1.spec"
    rpmbuild -bb --quiet --define "_topdir $all/top" --define "_rpmdir $all/stand-ins" \
        --define '_rpmfilename %{NAME}.rpm' "$all/$1.spec"
}

# section NAME: what is between the line that begins so and %end.
section() {
    awk -v name="$1" '$1 == name { inside = 1; next } $1 == "%end" { inside = 0 } inside' "$ks"
}

# install_packages: what the file names, by dnf. With Debian 13's libcomps, dnf 4 dies of a segmentation fault on any
# group: there it is given the group's package, and $all/no-groups says so.
install_packages() {
    local packages status=0
    mapfile -t packages < <(section %packages | sed '/^#/d; /^$/d')
    repo=distribution dnf_in installed install "${packages[@]}" || status=$?
    if [ $status -eq 139 ]; then
        touch "$all/no-groups"
        status=0
        repo=distribution dnf_in installed install "${packages[@]/#@core/core-of-all}" || status=$?
    fi
    return $status
}

# play_post [SED]: as the installer does, with a line of it changed.
play_post() {
    section %post | sed "${1-}" >"$all/row/post"
    run -0 chroot "$all/row" /bin/sh -e /post
    echo "$output"
    rm "$all/row/post"
}

user_in_force() {
    chroot "$all/row" virt-priv-conf get user
}

@test "the file is packaged, and every section ends" {
    cmp "$ks" "$all/installed/usr/share/virt-privileges/virt-privileges.ks"
    [ "$(grep -c '^%end$' "$ks")" -eq "$(grep -cE '^%(packages|post)' "$ks")" ]
    # The installer writes nothing over what it was not told to.
    [ "$(grep -E '^(clearpart|zerombr|ignoredisk)' "$ks")" = "clearpart --none" ]
}

@test "the group that it begins with" {
    [ ! -e "$all/no-groups" ] || skip "this dnf's libcomps dies on any group"
    rpm_in installed -q core-of-all
}

@test "its packages: the account, the device, libvirt's settings and the recovery at boot" {
    new_root row installed
    rpm_in row -q virt-privileges virt-privileges-libvirt libvirt-daemon-driver-qemu qemu-kvm core-of-all
    [ "$(chroot "$all/row" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-recover.service)" = enabled ]
    [ "$(device_mode row)" = "666, rule" ]
    [ "$(user_in_force)" = qemu ]
    [ "$(reservations row)" = 90000:8192 ]
    table_row "kickstart: packages" row adopted
}

@test "its %post as it is: the auditor's timer is enabled, and nothing else changes" {
    new_root row installed
    cp -a "$all/row/etc" "$BATS_TEST_TMPDIR/etc"
    play_post
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-audit.timer)" = enabled ]
    rm "$all/row/etc/systemd/system/timers.target.wants/virt-priv-audit.timer"
    diff -r --no-dereference "$BATS_TEST_TMPDIR/etc" "$all/row/etc"
    [ "$(user_in_force)" = qemu ]
    table_row "kickstart: %post" row adopted
}

@test "its %post with the way back to root" {
    new_root row installed
    play_post 's/^#virt-priv-conf/virt-priv-conf/'
    [ "$(user_in_force)" = root ]
    [ "$(chroot "$all/row" virt-priv-conf get group)" = root ]
    table_row "kickstart: %post, back to root" row reverted
    # And forth.
    chroot "$all/row" virt-priv-conf restore-default
    [ "$(user_in_force)" = qemu ]
}

@test "the lines that README shows install the same" {
    new_root row
    mapfile -t packages < <(awk '$1 == "%packages" { inside = 1; next } $1 == "%end" { inside = 0 } inside' README.md)
    [ "${packages[*]}" = virt-privileges ]
    repo=distribution dnf_in row install libvirt-daemon-kvm "${packages[@]}"
    rpm_in row -q virt-privileges-libvirt
    [ "$(user_in_force)" = qemu ]
}

@test "nothing of the machine around was changed" {
    host_state | diff -u "$all/host" -
}
