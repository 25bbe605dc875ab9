# The boot's time in the attributes: libvirt forgets what bears another than its own.

load host.bash

times=300

setup() {
    make_images
    truncate -s 1M "$images/ours.raw"
    define
}

# libvirt asks once in its life.
restart_libvirtd() {
    tests/lib/private-libvirtd kill
    tests/lib/private-libvirtd start
}

# claims EXPECTED [forget]: many claims and releases of another file, each with
# EXPECTED as its time; forget: with nothing remembered of the one before.
claims() {
    local expected=$1 forget=${2-} i wrong=0 found
    for ((i = 0; i < times; i++)); do
        [ -z "$forget" ] || rm -rf /run/virt-privileges
        virt-priv-chown claim --name other --disk "$images/ours.raw" >/dev/null
        found=$(timestamp "$images/ours.raw")
        [ "$found" = "$expected" ] || wrong=$((wrong + 1))
        virt-priv-chown release --name other
    done
    [ -z "$(attributes "$images/ours.raw")" ]
    echo "# $BATS_TEST_DESCRIPTION: $times claims, $wrong other than libvirt's $expected" >&3
    [ "$wrong" -eq 0 ]
}

# accepted: libvirt counts a claim of ours, and so takes its time for its own.
accepted() {
    virt-priv-chown claim --name other --disk "$disk"
    held 1
    virsh -q start vm1 --paused
    held 2
    virsh -q destroy vm1
    kept
    virt-priv-chown release --name other
    free
}

@test "with utmp: the second that libvirt has" {
    # Far from what the uptime says, to be sure of what is read.
    local time=$(($(booted) - 1000))
    utmp "$time"
    restart_libvirtd
    virsh -q start vm1 --paused
    [ "$(timestamp "$disk")" = "$time" ]
    claims "$time" forget
    virsh -q destroy vm1
    accepted
}

@test "without utmp: the second that libvirt has, once it was seen" {
    local time
    rm -f /run/utmp
    restart_libvirtd
    virsh -q start vm1 --paused
    time=$(timestamp "$disk")
    virt-priv-chown claim --name vm1 --disk "$disk"
    held 2
    [ "$(timestamp "$disk")" = "$time" ]
    claims "$time"
    virsh -q destroy vm1
    virt-priv-chown release --name vm1
    free
    accepted
}

@test "without utmp: a second more or less of libvirt's is taken over" {
    local time offset
    rm -f /run/utmp
    time=$(booted)
    for offset in -1 0 1; do
        make_images
        truncate -s 1M "$images/ours.raw"
        virsh -q start vm1 --paused
        set_attribute "$disk" timestamp_dac $((time + offset))
        virt-priv-chown claim --name vm1 --disk "$disk"
        virt-priv-chown claim --name other --disk "$images/ours.raw" >/dev/null
        [ "$(timestamp "$images/ours.raw")" = $((time + offset)) ]
        [ "$(timestamp "$disk")" = $((time + offset)) ]
        virt-priv-chown release --name other
        virt-priv-chown release --name vm1
        virsh -q destroy vm1
    done
}

@test "without utmp, nothing seen: at most a second away from libvirt's" {
    local time i found away=0
    rm -f /run/utmp
    restart_libvirtd
    virsh -q start vm1 --paused
    time=$(timestamp "$disk")
    for ((i = 0; i < times; i++)); do
        rm -rf /run/virt-privileges
        virt-priv-chown claim --name other --disk "$images/ours.raw" >/dev/null
        found=$(timestamp "$images/ours.raw")
        [ $((found - time)) -le 1 ]
        [ $((found - time)) -ge -1 ]
        [ "$found" = "$time" ] || away=$((away + 1))
        virt-priv-chown release --name other
    done
    echo "# $BATS_TEST_DESCRIPTION: $times claims, $away a second away from $time" >&3
}

@test "libvirt has another second, and so forgets a claim: the owner comes back all the same" {
    local time
    rm -f /run/utmp
    restart_libvirtd
    virsh -q start vm1 --paused
    time=$(timestamp "$disk")
    virsh -q destroy vm1
    free
    mkdir -p /run/virt-privileges
    echo "$(cat /proc/sys/kernel/random/boot_id) $((time + 1))" >/run/virt-privileges/.boot-time
    virt-priv-chown claim --name vm1 --disk "$disk"
    [ "$(timestamp "$disk")" = $((time + 1)) ]
    virsh -q start vm1 --paused
    held 1 +107:+107
    run virt-priv-chown release --name vm1
    echo "release: $status: $output"
    held 1
    [ "$status" -eq 0 ]
    virsh -q destroy vm1
    free
}

@test "a remembered time of another boot, or what is none, is not used" {
    local time content boot
    mkdir -p /run/virt-privileges
    boot=$(cat /proc/sys/kernel/random/boot_id)
    for content in "$(cat /proc/sys/kernel/random/uuid) 1000000000" "1000000000" "$boot" "$boot -1000000000" \
        "$boot 1000000000x" "$boot 99999999999999999999"; do
        echo "$content" >/run/virt-privileges/.boot-time
        virt-priv-chown claim --name other --disk "$images/ours.raw" >/dev/null
        time=$(timestamp "$images/ours.raw")
        [ $((time - $(booted))) -le 2 ]
        [ $((time - $(booted))) -ge -2 ]
        virt-priv-chown release --name other
    done
}

@test "a remembered time that somebody else could have written or moved there is not used" {
    local time runtime=/run/virt-privileges entry
    for entry in "u:alice:rw $runtime/boot-time" "u:alice:rwx $runtime" "g:team:rwx $runtime"; do
        rm -rf $runtime
        mkdir -p $runtime
        echo "$(cat /proc/sys/kernel/random/boot_id) 1000000000" >$runtime/boot-time
        # shellcheck disable=SC2086 # words
        setfacl -m $entry
        virt-priv-chown claim --name other --disk "$images/ours.raw" >/dev/null
        time=$(timestamp "$images/ours.raw")
        virt-priv-chown release --name other
        [ $((time - $(booted))) -le 2 ]
        [ $((time - $(booted))) -ge -2 ]
    done
    rm -rf $runtime
}
