# What qemu.conf says about a VM that virt-priv-run starts.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

teardown() {
    end_all
    rm -f /etc/libvirt/qemu.conf
}

# configure LINE...: qemu.conf.
configure() {
    printf '%s\n' "$@" >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
}

# limit NAME: QEMU's.
limit() {
    sed -n "s/^Max $1  *\([^ ]*\) .*/\1/p" "/proc/$pid/limits"
}

ends_well() {
    leave
    [ "$status" -eq 33 ]
    said_nothing ""
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_left
}

@test "user and group: another account" {
    configure 'user = "bob"' 'group = "team"'
    start
    runs
    [ "$(owner "$fs/a.raw")" = bob:team ]
    [ "$(stat -c '%U:%G %a' "/run/virt-privileges/qemu-$runner")" = "bob:team 700" ]
    awk '$1 == "Uid:" || $1 == "Gid:" { print $2, $3, $4, $5 }' "/proc/$pid/status" |
        diff - <(printf '%s\n' "6002 6002 6002 6002" "6100 6100 6100 6100")
    [ "$(grep -c '^Cap.*0000000000000000$' "/proc/$pid/status")" -eq 5 ]
    ends_well
}

@test "--config: settings of one VM" {
    printf 'user = "bob"\n' >"$fs/qemu.conf"
    own=(--config "$fs/qemu.conf")
    start
    runs
    [ "$(owner "$fs/a.raw")" = bob:qemu ]
    ends_well
    chmod 0666 "$fs/qemu.conf"
    run -125 virt-priv-run -c "$fs/qemu.conf" qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"$fs/qemu.conf"* ]]
    configure 'user = bob'
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"/etc/libvirt/qemu.conf:1:"* ]]
    nothing_left
}

@test "dynamic_ownership = 0: what QEMU may use is used, and nothing changes owner" {
    configure 'dynamic_ownership = 0'
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"$fs/a.raw is 0640 alice:alice: qemu may not read or write it"* ]]
    chown alice:qemu "$fs/a.raw"
    chmod 0660 "$fs/a.raw"
    start
    runs
    [ "$(owner "$fs/a.raw")" = alice:qemu ]
    leave
    [ "$status" -eq 33 ]
    [ "$(sector "$fs/a.raw" raw)" = 1 ]
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:qemu 660" ]
    nothing_left
}

@test "dynamic_ownership = 0 and --disks=pass: root opens the disk" {
    configure 'dynamic_ownership = 0'
    mode=pass
    start
    runs
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    leave
    [ "$status" -eq 33 ]
    [ "$(sector "$fs/a.raw" raw)" = 1 ]
    nothing_left
}

@test "remember_owner = 0: no attribute is written, and the owner comes back" {
    configure 'remember_owner = 0'
    start
    runs
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    [ "$(/usr/bin/python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$fs/a.raw")" = "[]" ]
    ends_well
}

@test "seccomp_sandbox: 0 adds nothing, 1 and the default add a filter" {
    local setting
    for setting in 0 1 -1; do
        configure "seccomp_sandbox = $setting"
        start
        runs
        if [ "$setting" = 0 ]; then
            argument_gone -sandbox
            [ "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$pid/status")" = 0 ]
        else
            argument_there -sandbox
            filters 1
        fi
        ends_well
    done
}

@test "max_files, max_processes and max_core" {
    configure 'max_files = 2048' 'max_processes = 777' 'max_core = 0'
    start
    runs
    [ "$(limit "open files")" = 2048 ]
    [ "$(limit processes)" = 777 ]
    [ "$(limit "core file size")" = 0 ]
    ends_well
}
