# A disk that libvirtd and virt-priv-chown hold at the same time.

load host.bash

# as_user NAME: a domain of that name and account on the same files.
as_user() {
    local ids
    ids="+$(id -u "$1"):+$(id -g "$1")"
    define "$1" "<seclabel type='static' model='dac' relabel='yes'><label>$ids</label></seclabel>"
}

@test "claim, start, destroy, release" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    held 1
    virsh -q start vm1 --paused
    held 2
    virsh -q destroy vm1
    kept
    virt-priv-chown release --name vm1
    free
}

@test "start, claim, destroy, release" {
    virsh -q start vm1 --paused
    held 1
    virt-priv-chown claim --name vm1 --disk "$disk"
    held 2
    virsh -q destroy vm1
    kept
    virt-priv-chown release --name vm1
    free
}

@test "start, claim, release, destroy" {
    virsh -q start vm1 --paused
    virt-priv-chown claim --name vm1 --disk "$disk"
    held 2
    # The guest runs on: that its disk is in use is no failure of the release.
    virt-priv-chown release --name vm1
    held 1
    virsh -q destroy vm1
    free
}

@test "claim, start, release, destroy" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    held 2
    virt-priv-chown release --name vm1
    held 1
    virsh -q destroy vm1
    free
}

# in_order STEP...: with the disk the account's for as long as anybody holds it. If
# $unclear is set, a release may end with 1: it can be unknowable whose the count is.
in_order() {
    local step claims=0 domains=0
    for step; do
        case $step in
        claim) virt-priv-chown claim --name vm1 --disk "$disk" >/dev/null && claims=1 ;;
        release) { virt-priv-chown release --name vm1 || [ -n "${unclear-}" ]; } && claims=0 ;;
        start) virsh -q start vm1 --paused && domains=1 ;;
        destroy) virsh -q destroy vm1 && domains=0 ;;
        esac || return
        echo "$*: after $step: $(owner "$disk"), $(attributes "$disk" | paste -sd ' ')"
        [ $((claims + domains)) -eq 0 ] || [ "$(owner "$disk")" = "qemu:qemu 640" ] || return
    done
}

# Where libvirt removed the attributes when a domain was stopped, it takes the account
# for the owner when it starts the next one.
@test "claim, start, destroy, start, release, destroy" {
    in_order claim start destroy start release destroy
    free
}

@test "claim, start, destroy, start, destroy, release" {
    in_order claim start destroy start destroy release
    free
}

@test "start, claim, destroy, start, release, destroy" {
    in_order start claim destroy start release destroy
    free
}

@test "a disk that was the account's before stays so, whatever the order" {
    local order
    for order in "claim start destroy release" "start claim release destroy" "claim start release destroy" \
        "claim start destroy start release destroy" "start claim destroy start release destroy"; do
        chown qemu:qemu "$disk"
        # shellcheck disable=SC2086
        unclear=yes in_order $order
        # What was unclear while the domain ran is clear now.
        [ ! -e /var/lib/virt-privileges/claims/vm1 ] || virt-priv-chown release --name vm1
        [ "$(owner "$disk")" = "qemu:qemu 640" ]
        [ -z "$(attributes "$disk")" ]
    done
}

@test "libvirt uses it for another account: claim is refused, nothing changes" {
    as_user bob
    virsh -q start bob --paused
    [ "$(owner "$disk")" = "bob:bob 640" ]
    snapshot >"$BATS_TEST_TMPDIR/started"
    run -1 virt-priv-chown claim --name vm1 --disk "$disk"
    echo "$output"
    [[ $output == *"$disk"* && $output == *libvirt* && $output == *6002* ]]
    diff "$BATS_TEST_TMPDIR/started" <(snapshot)
    virsh -q destroy bob
    free
}

@test "claimed for another account: libvirt refuses to start, nothing changes" {
    as_user bob
    virsh dumpxml bob | virt-priv-chown claim --name bob --domain -
    [ "$(owner "$disk")" = "bob:bob 640" ]
    [ "$(attributes "$disk" | head -n 2 | paste -sd ' ')" = "dac=+6001:+6001 ref_dac=1" ]
    run -1 virsh -q start vm1 --paused
    echo "$output"
    [[ $output == *"already in use"* ]]
    [ "$(owner "$disk")" = "bob:bob 640" ]
    virsh -q start bob --paused
    [ "$(attributes "$disk" | grep ref_dac)" = ref_dac=2 ]
    virsh -q destroy bob
    virt-priv-chown release --name bob
    free
}

@test "a snapshot of a running domain: the overlay is added, the old disk is dropped" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    virsh -q snapshot-create-as vm1 one --disk-only --no-metadata --diskspec "vda,file=$images/one.qcow2" \
        --diskspec sda,snapshot=no --diskspec vdb,snapshot=no
    virt-priv-chown add --name vm1 --disk "$images/one.qcow2"
    # It is below the overlay now, and QEMU has it open.
    run -1 virt-priv-chown drop --name vm1 --disk "$disk"
    echo "$output"
    [[ $output == *"$disk"* && $output == *"process $(</run/libvirt/qemu/vm1.pid)"* ]]
    [ "$(owner "$disk")" = "alice:alice 640" ]
    [ "$(owner "$images/one.qcow2" | cut -d' ' -f1)" = qemu:qemu ]
    virsh -q destroy vm1
    virt-priv-chown release --name vm1
    echo "$(owner "$disk") $(attributes "$disk" | paste -sd ' '), $(owner "$images/one.qcow2") $(attributes "$images/one.qcow2" | paste -sd ' ')"
    [ -z "$(attributes "$images/one.qcow2")" ]
    [ -z "$(attributes "$disk")" ]
    [ "$(owner "$disk")" = "alice:alice 640" ]
}

@test "a disk that is attached to a running domain" {
    truncate -s 1M "$images/hot.raw"
    chown bob:team "$images/hot.raw"
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    virt-priv-chown add --name vm1 --disk "$images/hot.raw"
    virsh -q attach-disk vm1 "$images/hot.raw" vdc --targetbus virtio --driver qemu --subdriver raw
    [ "$(attributes "$images/hot.raw" | head -n 2 | paste -sd ' ')" = "dac=+6002:+6100 ref_dac=2" ]
    virsh -q destroy vm1
    [ "$(owner "$images/hot.raw")" = "qemu:qemu 644" ]
    virt-priv-chown release --name vm1
    [ "$(owner "$images/hot.raw")" = "bob:team 644" ]
    [ -z "$(attributes "$images/hot.raw")" ]
    free
}

@test "many rounds of both at once end in the owner that was before" {
    local i
    for ((i = 0; i < 10; i++)); do
        virsh -q start vm1 --paused 3>&- &
        local start=$!
        virt-priv-chown claim --name vm1 --disk "$disk"
        wait "$start"
        held 2
        virsh -q destroy vm1 3>&- &
        local destroy=$!
        # While QEMU goes down, its disk may still be open.
        run virt-priv-chown release --name vm1
        wait "$destroy"
        echo "$output"
        free
    done
}
