#!/usr/bin/env bats
# Whole qemu.conf files: the distribution's and our own, our reader against
# libvirt's, and which file is in force.

setup() {
    dump=$VP_BUILD/tests/conf-dump
    settings=$VP_BUILD/tests/settings-dump
    vendor=$("$settings" --vendor)
    # Not the machine's: the vendor file may be installed there.
    share=${vendor%/*/*}
    mount -t tmpfs -o mode=0755 tmpfs "$share"
    mkdir -p "${vendor%/*}"
    work=/mnt/conf-files
    mkdir -m 0755 "$work"
    admin=/etc/libvirt/qemu.conf
    cat >"$work/defaults" <<'END'
file none
user qemu 0
group qemu 0
dynamic_ownership 1 0
remember_owner 1 0
clear_emulator_capabilities 1 0
seccomp_sandbox -1 0
isolate_ids 90000:8192 0
namespaces some 0
devices 0
max_core unset 0
max_processes unset 0
max_files unset 0
END
}

teardown() {
    umount "$share"
    rm -rf "$work" "$admin"
}

# A file that says which one it is.
write() {
    printf 'user = "%s"\n' "$2" >"$1"
    chmod 0644 "$1"
}

# refused FILE MESSAGE: the tools end with 125 and that message alone.
refused() {
    run timeout 60 "$settings" "$1"
    [ "$status" -eq 125 ]
    if [ "$output" != "settings-dump: $2" ]; then
        printf 'expected: settings-dump: %s\nbut got:  %s\n' "$2" "$output"
        return 1
    fi
}

samples() {
    grep -cE '^#[a-z][a-z0-9_]* = ' "$1"
}

active() {
    grep -cE '^[a-z]' "$1" || true
}

@test "the distribution's qemu.conf, as shipped" {
    shipped=$(tests/lib/distribution-qemu-conf)
    [ "$("$dump" "$shipped" | wc -l)" -eq "$(active "$shipped")" ]
    "$settings" "$shipped"
}

@test "the distribution's qemu.conf, every sample uncommented" {
    shipped=$(tests/lib/distribution-qemu-conf)
    tests/lib/uncomment-samples "$shipped" >"$work/q.conf"
    # Far more than that are in each libvirt of the last ten years.
    [ "$(samples "$shipped")" -gt 60 ]
    "$dump" "$work/q.conf" >"$work/dump"
    [ "$(wc -l <"$work/dump")" -eq $(($(active "$shipped") + $(samples "$shipped"))) ]
    # The names and the lines that they stand on, as grep finds them.
    grep -nE '^[a-z]' "$work/q.conf" | sed 's/ = .*//' >"$work/expected"
    sed 's/:1 \([a-z0-9_]*\) = .*/:\1/' "$work/dump" | diff "$work/expected" -
    "$settings" "$work/q.conf" | grep '^max_core unlimited [1-9]'
}

@test "our qemu.conf, as shipped: user and group, nothing else" {
    run "$dump" conf/qemu.conf
    [ "$status" -eq 0 ]
    [ ${#lines[@]} -eq 2 ]
    [[ ${lines[0]} =~ ^[0-9]+:1\ user\ =\ [0-9]+:8\ \"qemu\"\  ]]
    [[ ${lines[1]} =~ ^[0-9]+:1\ group\ =\ [0-9]+:9\ \"qemu\"\  ]]
}

@test "our qemu.conf, every sample uncommented: all keys, and the defaults" {
    tests/lib/uncomment-samples conf/qemu.conf >"$work/q.conf"
    "$dump" "$work/q.conf" | sed 's/^[0-9:]* \([a-z_]*\) = .*/\1/' >"$work/keys"
    printf '%s\n' user group dynamic_ownership remember_owner clear_emulator_capabilities seccomp_sandbox \
        isolate_ids max_core max_processes max_files cgroup_device_acl namespaces security_driver | diff - "$work/keys"
    # What the file shows as a default is one; callers take an unset max_core as 0, and unlisted devices as none beside
    # those that each VM has.
    sed "s|^file .*|file $work/q.conf|; s/^max_core .*/max_core 0 0/; s/^devices .*/devices 7/" "$work/defaults" | cut -d' ' -f1,2 >"$work/expected"
    "$settings" "$work/q.conf" | cut -d' ' -f1,2 | diff "$work/expected" -
}

@test "our qemu.conf: the way back to root that it describes" {
    sed 's/^#       //; s/^user = "qemu"/#&/; s/^group = "qemu"/#&/' conf/qemu.conf |
        grep -E '^(user|group) = "root"|^clear_emulator_capabilities = 0$' >"$work/back"
    [ "$(wc -l <"$work/back")" -eq 3 ]
    install -m 0600 "$work/back" "$admin"
    run "$settings"
    [[ $output == *$'\nuser root 1\ngroup root 2\n'*$'\nclear_emulator_capabilities 0 3\n'* ]]
}

@test "libvirt's parser and ours agree on whole files" {
    shipped=$(tests/lib/distribution-qemu-conf)
    for file in "$shipped" conf/qemu.conf; do
        tests/lib/uncomment-samples "$file" >"$work/$(basename "$file").uncommented"
    done
    run "$VP_BUILD/tests/conf-libvirt" "$shipped" conf/qemu.conf "$work"/*.uncommented
    echo "$output"
    [ "$output" = "4 texts accepted by both" ]
}

@test "libvirt's parser and ours agree on the reader's test cases" {
    "$VP_BUILD/tests/conf-libvirt" tests/unit/conf.d/*.conf
}

@test "libvirt's parser and ours agree on some 400,000 mutated texts" {
    tests/lib/uncomment-samples "$(tests/lib/distribution-qemu-conf)" >"$work/q.conf"
    "$VP_BUILD/tests/conf-libvirt" --mutate 1500 1 tests/unit/conf.d/*.conf
    run "$VP_BUILD/tests/conf-libvirt" --mutate 220000 2 "$work/q.conf"
    echo "$output"
    [ "$status" -eq 0 ]
    # Not all refused, which would prove little.
    [ "${output%% *}" -gt 50000 ]
}

@test "in force: built-in defaults where there is no file" {
    "$settings" | diff "$work/defaults" -
}

@test "in force: --config, then /etc/libvirt/qemu.conf, then the vendor file" {
    write "$vendor" from-vendor
    [[ $("$settings") == "file $vendor"$'\nuser from-vendor 1\n'* ]]
    write "$admin" from-admin
    [[ $("$settings") == "file $admin"$'\nuser from-admin 1\n'* ]]
    write "$work/other" from-other
    [[ $("$settings" "$work/other") == "file $work/other"$'\nuser from-other 1\n'* ]]
    # Nothing is merged: what the file in force does not have is at its default.
    printf 'group = "from-admin"\n' >"$admin"
    [[ $("$settings") == *$'\nuser qemu 0\ngroup from-admin 1\n'* ]]
}

@test "in force: /etc/libvirt itself may be missing" {
    write "$vendor" from-vendor
    rmdir /etc/libvirt
    run "$settings"
    mkdir /etc/libvirt
    [[ $output == "file $vendor"$'\nuser from-vendor 1\n'* ]]
}

@test "a bad /etc/libvirt/qemu.conf does not give way to the vendor file" {
    write "$vendor" from-vendor
    write "$admin" from-admin
    chmod 0666 "$admin"
    run "$settings"
    [ "$status" -eq 125 ]
    [[ $output == *"$admin"* ]]
    printf 'user = qemu\n' >"$admin"
    chmod 0644 "$admin"
    run "$settings"
    [ "$status" -eq 125 ]
    [[ $output == "settings-dump: $admin:1:8: "* ]]
    ln -sf "$work/none" "$admin"
    run "$settings"
    [ "$status" -eq 125 ]
    [[ $output == "settings-dump: $admin is a dangling symbolic link: "* ]]
}

@test "a bad vendor file does not give way to the built-in defaults" {
    write "$vendor" from-vendor
    chown alice "$vendor"
    run "$settings"
    [ "$status" -eq 125 ]
    [[ $output == *"chown root $vendor" ]]
}

@test "trusted: modes without write access for others, links to such a file" {
    write "$work/q" me
    for mode in 0600 0400 0644 0640 0444 0755; do
        chmod "$mode" "$work/q"
        "$settings" "$work/q"
    done
    chgrp team "$work/q"
    ln -s q "$work/link"
    [[ $("$settings" "$work/link") == "file $work/link"$'\nuser me 1\n'* ]]
}

@test "not trusted: files that others than root can write" {
    write "$work/q" me
    for mode in 0666 0664 0646 0620 0602; do
        chmod "$mode" "$work/q"
        refused "$work/q" "cannot trust the settings in $work/q: mode $mode makes it writable by users other than root; check its content, then: chmod go-w $work/q"
    done
    chmod 0600 "$work/q"
    chown alice "$work/q"
    refused "$work/q" "cannot trust the settings in $work/q: it is owned by uid 6001, not root; check its content, then: chown root $work/q"
}

@test "not trusted: write access by an access control list, until the command that helps" {
    write "$work/q" me
    setfacl -m u:alice:rw "$work/q"
    setpriv --reuid alice --clear-groups sh -c "echo '# alice was here' >>$work/q"
    refused "$work/q" "cannot trust the settings in $work/q: user alice may write by its ACL (user:6001:rw-); check its content, then: setfacl -x u:6001 $work/q"
    setfacl -x u:6001 "$work/q"
    "$settings" "$work/q"
    run setpriv --reuid alice --clear-groups sh -c "echo '# alice was here' >>$work/q"
    [ "$status" -ne 0 ]
}

@test "not a file: each other kind is refused, and none is waited for" {
    mkdir "$work/directory"
    mkfifo "$work/fifo"
    ln -s /dev/null "$work/device"
    for kind in directory fifo device; do
        refused "$work/$kind" "cannot read settings from $work/$kind: not a regular file"
    done
    ln -s loop "$work/loop"
    refused "$work/loop" "--config $work/loop: cannot reach $work/loop: Too many levels of symbolic links"
    refused "$work/none" "settings file $work/none does not exist"
    refused /etc/passwd/none "--config /etc/passwd/none: cannot reach /etc/passwd: Not a directory"
}

@test "size: 10 MiB are read, a byte more is refused" {
    { yes '# a comment' || true; } | head -c $((10 * 1024 * 1024 - 11)) >"$work/q"
    printf '\nuser="me"\n' >>"$work/q"
    [ "$(stat -c %s "$work/q")" -eq $((10 * 1024 * 1024)) ]
    "$settings" "$work/q" | grep '^user me '
    echo >>"$work/q"
    refused "$work/q" "cannot read settings from $work/q: larger than 10485760 bytes"
    : >"$work/q"
    "$settings" "$work/q" | grep '^user qemu 0$'
}

@test "size: another length than the file system says is refused" {
    # As of a file that is being written, and files of the kernel are like that at any time.
    [ "$(stat -c %s /proc/version)" -eq 0 ]
    refused /proc/version "cannot read settings from /proc/version: the file changed while it was read; try again"
    [ "$(stat -c %s /sys/kernel/uevent_seqnum)" -eq 4096 ]
    refused /sys/kernel/uevent_seqnum \
        "cannot read settings from /sys/kernel/uevent_seqnum: the file changed while it was read; try again"
}

@test "messages: the place, and no byte that steers a terminal" {
    printf 'group = "kvm"\nuser = "qe\033[31mmu"\n' >"$work/q"
    refused "$work/q" "$work/q:2:8: user: \"qe\\x1b[31mmu\" cannot be a user or group: names do not contain control characters"
    printf 'clear_emulator_capabilities = "invalid"\n' >"$work/q"
    refused "$work/q" "$work/q:1:31: clear_emulator_capabilities: expected 0 or 1, found the string \"invalid\""
    printf 'user = "root"\nacl = [\n  1 # one\n]\n' >"$work/q"
    refused "$work/q" "$work/q:3:5: expected the list's next value or ]: comments are not allowed inside a list"
}
