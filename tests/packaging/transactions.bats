#!/usr/bin/env bats
# What survives transactions of the packages, whole and interrupted ones, and those
# that are made without a running system: as an installer and a builder of images do.
# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

load roots
load table

setup_file() {
    make_packages
    # As on a machine whose own udevd runs: its socket is there, and nobody must write to it.
    mkdir -p /run/udev
    make_socket /run/udev/control
    host_state >"$all/host"
    earlier_packages "$all/earlier"
    this=$(evr "$package")
    earlier=$(evr "$all"/earlier/virt-privileges-[0-9]*."$arch.rpm")
    export this earlier
    tests/lib/libvirt-rpm 1 "$(tests/lib/distribution-qemu-conf)" "$all/earlier"
    new_repo both "$all"/repo/virt-*.rpm "$all"/earlier/virt-privileges-[0-9]*."$arch.rpm" \
        "$all"/earlier/virt-privileges-libvirt-*.rpm "$all"/earlier/libvirt-*.rpm
    new_root installed
    repo=both dnf_in installed install virt-privileges
    new_root installed-earlier
    repo=both dnf_in installed-earlier install "virt-privileges-$earlier"
    : >"$all/table"
}

setup() {
    export repo=both
}

teardown() {
    [ ! -e "$all/row" ] || drop_root row
}

teardown_file() {
    print_table
}

make_socket() {
    /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"
}

inside() {
    with_proc row "$@"
}

recover_is() {
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-recover.service 2>&1)" = "$1" ]
}

# What every installation must have come to.
is_whole() {
    [ "$(chroot "$all/row" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    [ "$(device_mode row)" = "666, rule" ]
    [ "$(reservations row)" = "${reserved-90000:8192}" ]
    run -0 rpm_in row -V --nodeps virt-privileges
    [ "$output" = "" ]
    [ "$(rpm_in row -q --qf '%{version}-%{release}' virt-privileges)" = "${1-$this}" ]
}

# The bytes of the account files, without the copies that shadow-utils make.
account_files() {
    (cd "$all/row/etc" && sha256sum passwd group shadow gshadow)
}

# A disk that somebody owns and a VM holds, and an admin's own files.
with_a_machine() {
    mkdir -p "$all/row/srv"
    mount -t tmpfs -o mode=0755 tmpfs "$all/row/srv"
    touch "$all/row/srv/disk"
    chown 6001:6001 "$all/row/srv/disk"
    inside virt-priv-chown claim --name vm1 --disk /srv/disk
    mkdir -p "$all/row/etc/virt-privileges/vms"
    echo qemu-system-x86_64 >"$all/row/etc/virt-privileges/vms/vm1.conf"
    systemctl --root="$all/row" --quiet enable virt-priv-vm@vm1.service virt-priv-audit.timer
    account_files >"$BATS_TEST_TMPDIR/accounts"
    # An admin has chosen other ids.
    sed -i 's/^virt-privileges:.*/virt-privileges:70000:64/' "$all"/row/etc/sub[ug]id
    reserved=70000:64
}

machine_is_there() {
    [ "$(stat -c %u "$all/row/srv/disk")" = 107 ]
    [ -s "$all/row/var/lib/virt-privileges/claims/vm1" ]
    [ "$(stat -c %a "$all/row/var/lib/virt-privileges/claims")" = 700 ]
    [ "$(cat "$all/row/etc/virt-privileges/vms/vm1.conf")" = qemu-system-x86_64 ]
    account_files | diff "$BATS_TEST_TMPDIR/accounts" -
}

disk_comes_back() {
    inside virt-priv-chown release --name vm1
    [ "$(stat -c %u:%g "$all/row/srv/disk")" = 6001:6001 ]
    [ ! -e "$all/row/var/lib/virt-privileges/claims/vm1" ]
}

units_are_enabled() {
    [ -L "$all/row/etc/systemd/system/multi-user.target.wants/virt-priv-vm@vm1.service" ]
    [ -L "$all/row/etc/systemd/system/timers.target.wants/virt-priv-audit.timer" ]
}

@test "installed: the recovery at boot is enabled, no machine is" {
    new_root row installed
    is_whole
    recover_is enabled
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-vm@.service 2>&1)" = disabled ]
    [ "$(find "$all/row/etc/systemd" -name 'virt-priv-*' -printf '%P\n')" = system/multi-user.target.wants/virt-priv-recover.service ]
    table_row "installed" row -
}

# survives SITUATION FROM COMMAND... -- EVR: with a machine that holds a disk, and an
# admin who has disabled the recovery.
survives() {
    local situation=$1 evr=${*: -1}
    new_root row "$2"
    with_a_machine
    systemctl --root="$all/row" --quiet disable virt-priv-recover.service
    dnf_in row "${@:3:$#-4}"
    is_whole "$evr"
    machine_is_there
    units_are_enabled
    recover_is disabled
    table_row "$situation" row -
    disk_comes_back
}

@test "reinstalled: accounts, claims, and what an admin has enabled and disabled are as they were" {
    survives reinstalled installed reinstall virt-privileges -- "$this"
}

@test "upgraded: accounts, claims, and what an admin has enabled and disabled are as they were" {
    survives upgraded installed-earlier upgrade virt-privileges -- "$this"
}

@test "downgraded: accounts, claims, and what an admin has enabled and disabled are as they were" {
    survives downgraded installed downgrade virt-privileges -- "$earlier"
}

@test "removed while a machine holds a disk: that is said, and the disk comes back after another installation" {
    new_root row installed
    with_a_machine
    run -0 dnf_in row remove virt-privileges
    echo "$output"
    grep -xF "virt-privileges: files are still claimed by vm1, and recorded in /var/lib/virt-privileges; if their owners are not restored when the virtual machine stops, install virt-privileges again and run: virt-priv-chown release --name vm1" <(scriptlets_said <<<"$output")
    machine_is_there
    [ "$(find "$all/row/etc/systemd" -name 'virt-priv-*')" = "" ]
    table_row "removed while a machine holds a disk" row -
    dnf_in row install virt-privileges
    is_whole
    machine_is_there
    recover_is enabled
    table_row "removed and installed again" row -
    disk_comes_back
}

@test "removed while several machines hold disks: all are named; with none, nothing is said" {
    new_root row installed
    with_a_machine
    touch "$all/row/srv/disk2"
    inside virt-priv-chown claim --name vm2 --disk /srv/disk2
    run -0 rpm_in row -e virt-privileges
    output=$(scriptlets_said <<<"$output")
    [[ $output == "virt-privileges: files are still claimed by vm1, vm2, and "*" release --name vm1" ]]
    drop_root row
    new_root row installed
    run -0 rpm_in row -e virt-privileges
    [ "$(scriptlets_said <<<"$output")" = "" ]
    [ "$(reservations row)" = "" ]
    table_row removed row -
}

# others_ids LINE: which somebody has put into both files before.
others_ids() {
    echo "$1" | tee "$all/row/etc/subuid" >"$all/row/etc/subgid"
    chmod 0640 "$all/row/etc/subuid"
}

@test "the ids of isolated VMs: others' lines stay, and ids that others have are not reserved, which is said" {
    new_root row
    others_ids alice:100000:65536
    run -0 rpm_in row -i --nodeps "$package"
    [ "$(scriptlets_said <<<"$output")" = "" ]
    is_whole
    [ "$(cat "$all/row/etc/subuid")" = $'alice:100000:65536\nvirt-privileges:90000:8192' ]
    [ "$(stat -c '%a %u:%g' "$all/row/etc/subuid")" = "640 0:0" ]
    table_row "others have subordinate ids" row -
    rpm_in row -e virt-privileges
    [ "$(cat "$all/row/etc/subuid" "$all/row/etc/subgid" | sort -u)" = alice:100000:65536 ]
    drop_root row
    new_root row
    others_ids alice:98000:65536
    run -0 rpm_in row -i --nodeps "$package"
    [ "$(scriptlets_said <<<"$output")" = "virt-priv-conf: /etc/subuid:1: 'alice:98000:65536' has some of the ids 90000:8192 of isolated VMs (isolate_ids in qemu.conf); nothing is reserved; choose others: virt-priv-conf set isolate_ids FIRST:COUNT, then virt-priv-conf reserve-ids" ]
    reserved='' is_whole
    recover_is enabled
    table_row "others have ids of isolated VMs" row -
    # As it says.
    inside virt-priv-conf set isolate_ids 80000:4096
    inside virt-priv-conf reserve-ids
    [ "$(cat "$all/row/etc/subuid")" = $'alice:98000:65536\nvirt-privileges:80000:4096' ]
    reserved=80000:4096 is_whole
    table_row "... and others are chosen" row -
    rpm_in row -e virt-privileges
    [ "$(cat "$all/row/etc/subuid" "$all/row/etc/subgid" | sort -u)" = alice:98000:65536 ]
}

@test "a root without /etc/subuid and /etc/subgid does not get them" {
    new_root row
    rm "$all/row/etc/subuid" "$all/row/etc/subgid"
    run -0 rpm_in row -i --nodeps "$package"
    [ "$(scriptlets_said <<<"$output")" = "" ]
    rpm_in row -e virt-privileges
    [ "$(find "$all/row/etc" -name 'sub[ug]id*')" = "" ]
}

@test "history undo: of an installation, of an upgrade, of a removal" {
    new_root row
    dnf_in row install "virt-privileges-$earlier"
    is_whole "$earlier"
    dnf_in row history undo last
    run -1 rpm_in row -q virt-privileges
    [ ! -e "$all/row/usr/bin/virt-priv-exec" ]
    recover_is disabled || recover_is not-found || recover_is "Failed to get unit file state for virt-priv-recover.service: No such file or directory"
    dnf_in row install "virt-privileges-$earlier"
    with_a_machine
    dnf_in row upgrade virt-privileges
    is_whole
    dnf_in row history undo last
    is_whole "$earlier"
    machine_is_there
    table_row "history undo of an upgrade" row -
    dnf_in row remove virt-privileges
    dnf_in row history undo last
    is_whole "$earlier"
    machine_is_there
    recover_is enabled
    table_row "history undo of a removal" row -
    disk_comes_back
}

# --- Interrupted ---

# ends_at "COMMAND [ARGUMENT]": the transaction, scriptlet and all, ends as at a power failure when that is called.
# sysusers is the program by which rpm itself makes accounts, outside of the root.
ends_at() {
    local real root='' argument=${1#"${1%% *}"}
    set -- "${1%% *}"
    mkdir -p "$all/row/run/udev"
    [ -S "$all/row/run/udev/control" ] || make_socket "$all/row/run/udev/control"
    real=$all/row/usr/sbin/$1
    if [ "$1" = sysusers ]; then
        real=$all/sysusers root=$all/row
        cp "$HOME/.rpmmacros" "$all/rpmmacros"
        echo "%__systemd_sysusers $real" >>"$HOME/.rpmmacros"
    fi
    [ ! -e "$real" ] || mv "$real" "$real.real"
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/sh' "${argument:+[ \"\$1\" = $argument ] || exec /usr/bin/$1 \"\$@\"}" 'echo ended at "${0##*/}" >'"$root/ended" "read -r group <$root/transaction" 'kill -KILL "-$group"' >"$real"
    chmod +x "$real"
}

works_again() {
    set -- "${1%% *}"
    if [ "$1" = sysusers ]; then
        rm "$all/sysusers"
        mv "$all/rpmmacros" "$HOME/.rpmmacros"
        return
    fi
    rm "$all/row/usr/sbin/$1"
    [ ! -e "$all/row/usr/sbin/$1.real" ] || mv "$all/row/usr/sbin/$1.real" "$all/row/usr/sbin/$1"
    rm -rf "$all/row/run/udev"
}

# interrupted "COMMAND [ARGUMENT]" WORD...: a transaction of dnf's that ends there.
interrupted() {
    ends_at "$1"
    export -f dnf_in
    # shellcheck disable=SC2016
    run setsid --wait bash -c 'echo $$ >"$all/row/transaction"; dnf_in row "$@"' bash "${@:2}"
    echo "$output"
    [ "$status" -ne 0 ]
    [[ $output != *Complete!* ]]
    [ "$(cat "$all/row/ended")" = "ended at ${1%% *}" ]
    rm "$all/row/ended" "$all/row/transaction"
    works_again "$1"
}

# account_commands: those by which accounts are made: of %pre, or rpm's one.
account_commands() {
    if rpm_makes_accounts; then
        echo sysusers
    else
        printf '%s\n' groupadd useradd usermod
    fi
}

@test "an installation that ends where its accounts are made is repeated" {
    for command in $(account_commands); do
        new_root row
        interrupted "$command" install virt-privileges
        run -1 rpm_in row -q virt-privileges
        [ ! -e "$all/row/usr/bin/virt-priv-exec" ]
        dnf_in row install virt-privileges
        is_whole
        recover_is enabled
        table_row "ended at $command, repeated" row -
        drop_root row
    done
}

@test "an installation that ends at %post is there but for what it enables and reserves; installed again it is whole" {
    new_root row
    interrupted systemctl install virt-privileges
    reserved='' is_whole
    recover_is disabled
    dnf_in row reinstall virt-privileges
    is_whole
    dnf_in row remove virt-privileges
    dnf_in row install virt-privileges
    is_whole
    recover_is enabled
    table_row "ended at %post, removed, repeated" row -
}

@test "an installation that ends where ids are reserved, and a removal where they are released, are repeated" {
    new_root row
    interrupted "virt-priv-conf reserve-ids" install virt-privileges
    reserved='' is_whole
    recover_is enabled
    dnf_in row reinstall virt-privileges
    is_whole
    table_row "ended at reserve-ids, repeated" row -
    interrupted "virt-priv-conf release-ids" remove virt-privileges
    is_whole
    dnf_in row remove virt-privileges
    run -1 rpm_in row -q virt-privileges
    [ "$(reservations row)" = "" ]
    table_row "removal ended at release-ids, repeated" row -
}

@test "an installation that ends at %posttrans is repeated" {
    new_root row
    interrupted udevadm install virt-privileges
    is_whole
    recover_is enabled
    dnf_in row reinstall virt-privileges
    is_whole
    recover_is enabled
    table_row "ended at %posttrans, repeated" row -
}

@test "an installation that ends where libvirt's settings are adapted is repeated" {
    new_root row
    interrupted "virt-priv-conf adopt" install virt-privileges libvirt-daemon-driver-qemu
    is_whole
    cmp "$all/row/etc/libvirt/qemu.conf" "$(tests/lib/distribution-qemu-conf)"
    dnf_in row reinstall virt-privileges-libvirt
    [ "$(inside virt-priv-conf get user)" = qemu ]
    is_whole
    table_row "ended at the trigger, repeated" row adopted
}

@test "an upgrade that ends where accounts are made, or at %posttrans, is repeated" {
    local first=getent
    ! rpm_makes_accounts || first=sysusers
    for command in "$first" udevadm; do
        new_root row installed-earlier
        with_a_machine
        # Not in /usr/sbin on this system.
        [ "$command" != getent ] || mv "$all/row/usr/bin/getent" "$all/row/usr/sbin/getent"
        interrupted "$command" upgrade virt-privileges
        machine_is_there
        [ "$(rpm_in row -q virt-privileges | wc -l)" -eq 1 ]
        if [ "$command" = "$first" ]; then
            [ "$command" != getent ] || mv "$all/row/usr/sbin/getent" "$all/row/usr/bin/getent"
            dnf_in row upgrade virt-privileges
        else
            dnf_in row reinstall virt-privileges
        fi
        is_whole
        machine_is_there
        units_are_enabled
        recover_is enabled
        table_row "upgrade ended at $command, repeated" row -
        drop_root row
    done
}

@test "a removal that ends at %preun or %postun is repeated" {
    for command in systemctl udevadm; do
        new_root row installed
        with_a_machine
        interrupted "$command" remove virt-privileges
        machine_is_there
        dnf_in row remove virt-privileges
        run -1 rpm_in row -q virt-privileges
        [ "$(find "$all/row/etc/systemd" "$all/row/usr" -name '*virt-priv*')" = "" ]
        [ ! -e "$all/row/usr/bin/virt-priv-exec" ]
        machine_is_there
        table_row "removal ended at $command, repeated" row -
        drop_root row
    done
}

# --- Without a running system ---

@test "an installer's root with nothing in /dev, /proc, /sys and /run" {
    new_root row
    rm -rf "$all"/row/{dev,proc,sys,run}/{*,.[!.]*}
    run -0 dnf_in row install virt-privileges libvirt-daemon-driver-qemu
    run ! grep -iE 'warning|error|failed|not found|cannot|No such' <(scriptlets_said <<<"$output")
    # dnf itself keeps its lock below /run.
    [ "$(find "$all"/row/{dev,proc,sys,run} -mindepth 1 ! -path '*/run/dnf*' ! -path '*/run/user*')" = "" ]
    recover_is enabled
    is_whole
    [ "$(inside virt-priv-conf get user)" = qemu ]
    table_row "nothing in /dev, /proc, /sys, /run" row adopted
    run -0 dnf_in row remove virt-privileges
    run ! grep -iE 'warning|error|failed|not found|cannot|No such' <(scriptlets_said <<<"$output")
}

@test "a root without systemd, and without udev" {
    new_root row
    rm -rf "$all"/row/usr/bin/{udevadm,systemctl,systemd-*}
    run -0 rpm_in row -i --nodeps "$package"
    [ "$(scriptlets_said <<<"$output")" = "" ]
    is_whole
    table_row "neither systemd nor udev" row -
    run -0 rpm_in row -e virt-privileges
    [ "$(scriptlets_said <<<"$output")" = "" ]
}

@test "an image whose /var cannot be written: nothing fails, and a word about what could not be noted" {
    new_root row
    # rpm keeps its scripts in /tmp then, and its database below /usr.
    mount --bind "$all/row/var" "$all/row/var"
    mount -o remount,bind,ro "$all/row/var"
    run -0 rpm_in row --define '_tmppath /tmp' -i --nodeps "$package" "$rpms"/virt-privileges-libvirt-*.rpm "$all"/earlier/libvirt-*.rpm
    echo "$output"
    [ "$(scriptlets_said <<<"$output" | grep -v '^/etc/libvirt/qemu.conf:\|^libvirt reads the file\|^Running virtual machines')" = "virt-priv-conf: warning: cannot create the directory /var/lib/virt-privileges: Read-only file system" ]
    is_whole
    recover_is enabled
    [ "$(inside virt-priv-conf get user)" = qemu ]
    table_row "/var cannot be written" row adopted
    rpm_in row --define '_tmppath /tmp' -e virt-privileges virt-privileges-libvirt
    cmp "$all/row/etc/libvirt/qemu.conf" "$(tests/lib/distribution-qemu-conf)"
}

@test "nothing of the machine around was changed" {
    host_state | diff -u "$all/host" -
}
