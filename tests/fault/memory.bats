# Memory that runs out, at each allocation of each tool.

bats_require_minimum_version 1.5.0

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    disk=(--disk /mnt/files/a.img)
}

teardown() {
    rm -rf /mnt/files /etc/libvirt/*
}

# starve OPTION-OF-STARVE... -- COMMAND...
starve() {
    cd /mnt || return
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    run "$BATS_TEST_DIRNAME/starve" "${options[@]}" -- "$VP_BUILD/$2" "${@:3}"
    echo "$output"
    [ "$status" -eq 0 ]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

# getgrouplist(3) of glibc leaves out groups that it has no memory for, and does not say so:
# the command then has fewer of them.

@test "virt-priv-exec: 125, or the command runs as without the disturbance" {
    starve 125 --loose 'Groups:.*\n' -- virt-priv-exec grep -E '^(Uid|Gid|Groups|Cap.*|NoNewPrivs):' /proc/self/status
}

@test "virt-priv-exec --dry-run --json" {
    starve 125 --step 5 --loose ' *36,\n' -- virt-priv-exec --dry-run --json true
}

@test "virt-priv-chown claim: done, or all as before after release" {
    starve 1,2 --step 3 "${disk[@]}" --undo "$VP_BUILD/virt-priv-chown release --name v" -- virt-priv-chown claim --name v \
        "${disk[@]}"
}

@test "virt-priv-chown release: done, or all as before after another release" {
    # As before is: claimed. A release that was refused has changed nothing, or another one and a new claim does.
    printf '%s\n' "$VP_BUILD/virt-priv-chown release --name v" "$VP_BUILD/virt-priv-chown claim --name v ${disk[*]}" >"$BATS_TEST_TMPDIR/again"
    starve 1,2 --step 3 "${disk[@]}" --begin "$VP_BUILD/virt-priv-chown claim --name v ${disk[*]}" \
        --undo "sh $BATS_TEST_TMPDIR/again" -- virt-priv-chown release --name v
}

@test "virt-priv-chown status --json" {
    starve 1,2 --step 3 "${disk[@]}" -- virt-priv-chown status --json /mnt/files/a.img
}

@test "virt-priv-conf set: the new file, or the old one" {
    starve 2 --step 5 --conf $'a = 1\n#user = 1\n' -- virt-priv-conf set user alice
}

@test "virt-priv-run --dry-run" {
    starve 125 --step 9 "${disk[@]}" -- virt-priv-run --dry-run qemu-system-x86_64 -drive file=/mnt/files/a.img,format=raw \
        -serial file:/mnt/files/log
}
