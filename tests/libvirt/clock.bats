# The clock is set while libvirt and this package hold the same disk: without utmp, each computes the boot's time
# from the clock, so that what the other has written seems to be an earlier boot's.

load host.bash

year=31557600

setup() {
    tests/lib/private-libvirtd kill
    rm -f /run/utmp
    tests/lib/private-libvirtd start
    make_images
    define
}

# at OFFSET COMMAND...: the command under a clock that was set by so many seconds.
at() {
    OTHER_CLOCK=$1 LD_PRELOAD=$VP_BUILD/tests/other-clock.so "${@:2}"
}

# each_way: calls a function for each way to set the clock.
each_way() {
    local offset
    for offset in -$year -1 1 $year; do
        echo "the clock set by $offset s"
        rm -rf /run/virt-privileges
        "$1" "$offset"
        free
        [ -z "$(ls /var/lib/virt-privileges/claims)" ]
    done
}

# account: the disk is the account's, whoever counts it.
account() {
    [ "$(owner "$disk")" = "qemu:qemu 640" ] || { owner "$disk" && return 1; }
}

claim_set_start() {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    account
    # The domain runs, so the disk stays the account's.
    at "$1" virt-priv-chown release --name vm1
    account
    virsh -q destroy vm1
}

@test "claim, libvirt's start, the clock is set, release, libvirt's end" {
    each_way claim_set_start
}

set_claim_start() {
    at "$1" virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    account
    at "$1" virt-priv-chown release --name vm1
    account
    virsh -q destroy vm1
}

@test "the clock is set, claim, libvirt's start, release, libvirt's end" {
    each_way set_claim_start
}

start_set_claim() {
    virsh -q start vm1 --paused
    at "$1" virt-priv-chown claim --name vm1 --disk "$disk"
    account
    at "$1" virt-priv-chown release --name vm1
    account
    virsh -q destroy vm1
}

@test "libvirt's start, the clock is set, claim, release, libvirt's end" {
    each_way start_set_claim
}

end_first() {
    virsh -q start vm1 --paused
    at "$1" virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q destroy vm1
    kept
    at "$1" virt-priv-chown release --name vm1
}

@test "libvirt's start, the clock is set, claim, libvirt's end, release" {
    each_way end_first
}

end_first_of_claimed() {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    virsh -q destroy vm1
    kept
    at "$1" virt-priv-chown release --name vm1
}

@test "claim, libvirt's start and end, the clock is set, release" {
    each_way end_first_of_claimed
}

recover_beside() {
    sleep 600 3>&- &
    local holder=$!
    at "$1" virt-priv-chown claim --name vm1 --pid $holder --disk "$disk"
    virsh -q start vm1 --paused
    kill $holder
    wait $holder || true
    # What QEMU has open stays.
    at "$1" virt-priv-chown recover
    virt-priv-chown recover
    account
    virsh -q destroy vm1
    at "$1" virt-priv-chown recover
}

@test "the clock is set, claim, libvirt's start, recover, libvirt's end, recover" {
    each_way recover_beside
}

@test "once libvirt's time was seen, it is used whatever the clock says" {
    local time
    virsh -q start vm1 --paused
    time=$(timestamp "$disk")
    at $year virt-priv-chown claim --name vm1 --disk "$disk"
    at $year virt-priv-chown release --name vm1
    virsh -q destroy vm1
    free
    at -$year virt-priv-chown claim --name vm1 --disk "$disk"
    [ "$(timestamp "$disk")" = "$time" ]
    virsh -q start vm1 --paused
    held 2
    virsh -q destroy vm1
    virt-priv-chown release --name vm1
    free
}

# libvirt alone, restarted like that, leaves the disk to root: it takes its own attributes for another boot's, and
# knows no other owner then. What was claimed here is known to the journal.
@test "the clock is set, and libvirtd starts anew while its domain runs: release names the owner that libvirt forgets" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    end_libvirtd
    at -$year tests/lib/private-libvirtd start
    # Its waits end at a time that is past under that clock: until it has found the domain again, it is busy.
    eventually is_paused
    eventually has_ended
    if [ "$(owner "$disk")" = "root:root 640" ]; then
        run -1 at -$year virt-priv-chown release --name vm1
        [[ $output == *"owner changed while claimed; not restored (was 6001:6001)"* ]]
        [ "$(owner "$disk")" = "root:root 640" ]
    else
        at -$year virt-priv-chown release --name vm1
        free
    fi
    [ -z "$(ls /var/lib/virt-privileges/claims)" ]
}

# end_libvirtd: as systemctl does, with the domains left running.
end_libvirtd() {
    local pid
    pid=$(tests/lib/private-libvirtd pid)
    kill "$pid"
    eventually ended "$pid"
    rm /run/private-libvirtd/libvirtd.pid
}

is_paused() {
    [ "$(virsh -q domstate vm1)" = paused ]
}

# A destroy that comes while libvirtd still finds the domain again ends it, and can say that it does not run: who
# finds QEMU gone cleans up first.
has_ended() {
    virsh -q destroy vm1 || [ "$(virsh -q domstate vm1)" = "shut off" ]
}

ended() {
    [ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"
}

@test "an earlier boot that had the time of this one: what it left is given back" {
    local time
    virt-priv-chown claim --name vm1 --disk "$disk"
    time=$(timestamp "$disk")
    tests/lib/private-libvirtd stop
    # The claim was added to under another clock, so that its journal tells another time than the disk.
    sed -i "s/^boot .*/boot $(cat /proc/sys/kernel/random/uuid)/; s/^booted .*/booted $((time - 1000))/" \
        /var/lib/virt-privileges/claims/vm1
    virt-priv-chown recover
    free
}

# left_behind FILE: as a crash of an earlier boot left it.
left_behind() {
    chown qemu:qemu "$1"
    chmod 0640 "$1"
    set_attribute "$1" dac +6001:+6001
    set_attribute "$1" ref_dac 1
    set_attribute "$1" timestamp_dac $(($(booted) - 100000))
}

# opened: the account has the disk open, in a process that libvirt has not started: its id is $sleeper.
opened() {
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <"$disk" 3>&- &
    sleeper=$!
    eventually sleeps $sleeper
}

sleeps() {
    [ "$(stat -c %U /proc/$1) $(cat /proc/$1/comm)" = "qemu sleep" ]
}

@test "an earlier boot's, opened by the account without libvirt: its time is not taken for libvirt's" {
    left_behind "$disk"
    left_behind $images/shared.raw
    opened
    virt-priv-chown claim --name vm1 --disk "$disk"
    kill $sleeper
    wait $sleeper || true
    virt-priv-chown claim --name vm2 --disk $images/shared.raw
    virt-priv-chown release --name vm1
    virt-priv-chown release --name vm2
    free
    [ "$(owner $images/shared.raw)" = "alice:alice 640" ]
    [ -z "$(attributes $images/shared.raw)" ]
}

@test "an earlier boot's, and nothing is remembered: given back by force though the account has it open" {
    left_behind "$disk"
    printf '%s\n' 'remember_owner = 0' >$BATS_TEST_TMPDIR/qemu.conf
    virt-priv-chown claim --name vm1 --config $BATS_TEST_TMPDIR/qemu.conf --disk "$disk"
    opened
    run -1 virt-priv-chown release --name vm1
    [[ $output == *"VM 'vm1' is running: process $sleeper"* ]]
    account
    run -1 virt-priv-chown release --name vm1 --force
    kill $sleeper
    [[ $output == *"process $sleeper"* ]]
    free
}

@test "the clock is set, and no libvirtd runs for a while: what its domain has open stays" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    virsh -q start vm1 --paused
    end_libvirtd
    at $year virt-priv-chown release --name vm1
    # What libvirt finds when it starts anew.
    held 1
    tests/lib/private-libvirtd start
    eventually is_paused
    eventually has_ended
}
