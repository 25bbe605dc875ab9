# Memory that runs out, at each allocation of each tool.

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mkdir -p /mnt/files
    cd /mnt/files || exit
    state='stat -c "%n %U %G %a" /mnt/files/* /etc/libvirt/* 2>/dev/null; cat /etc/libvirt/* 2>/dev/null
        ls -A /var/lib/virt-privileges/claims 2>/dev/null | grep -v "^\.lock"; getfacl -p /mnt/files/* 2>/dev/null'
    disk='rm -rf /mnt/files/* /var/lib/virt-privileges; echo a >/mnt/files/a.img; chown alice:alice /mnt/files/a.img'
}

teardown() {
    cd / || exit
    rm -rf /mnt/files /etc/libvirt/*
}

# starve FAILURE PREPARE UNDO COMMAND...
starve() {
    run "$BATS_TEST_DIRNAME/starve" "$VP_BUILD/tests/no-memory.so" "$2" "$state" "$1" "$3" -- "$VP_BUILD/$4" "${@:5}"
    echo "$output"
    [ "$status" -eq 0 ]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

# getgrouplist(3) of glibc leaves out groups that it has no memory for, and does not say so:
# the command then has fewer of them.

@test "virt-priv-exec: 125, or the command runs as without the disturbance" {
    VP_LOOSE='Groups:.*\n' starve 125 : : virt-priv-exec grep -E '^(Uid|Gid|Groups|Cap.*|NoNewPrivs):' /proc/self/status
}

@test "virt-priv-exec --dry-run --json" {
    VP_STEP=5 VP_LOOSE=' *36,\n' starve 125 : : virt-priv-exec --dry-run --json true
}

@test "virt-priv-chown claim: done, or all as before after release" {
    VP_STEP=3 starve 1,2 "$disk" "$VP_BUILD/virt-priv-chown release --name v" virt-priv-chown claim --name v \
        --disk /mnt/files/a.img
}

@test "virt-priv-chown release: done, or all as before after another release" {
    VP_STEP=3 starve 1,2 "$disk; $VP_BUILD/virt-priv-chown claim --name v --disk /mnt/files/a.img" \
        "$disk; $VP_BUILD/virt-priv-chown claim --name v --disk /mnt/files/a.img" virt-priv-chown release --name v
}

@test "virt-priv-chown status --json" {
    VP_STEP=3 starve 1,2 "$disk" : virt-priv-chown status --json /mnt/files/a.img
}

@test "virt-priv-conf set: the new file, or the old one" {
    VP_STEP=5 starve 2 'rm -f /etc/libvirt/*; printf "a = 1\n#user = 1\n" >/etc/libvirt/qemu.conf' : \
        virt-priv-conf set user alice
}

@test "virt-priv-run --dry-run" {
    VP_STEP=9 starve 125 "$disk" : virt-priv-run --dry-run qemu-system-x86_64 -drive file=/mnt/files/a.img,format=raw \
        -serial file:/mnt/files/log
}
