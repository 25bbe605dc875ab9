# A clock that is set, forward or back, by a second or a year, between any two steps: what is claimed stays so
# while its VM lives, and goes back to its owner afterwards.

load ../cli/chown.bash

offsets="-31557600 -1 1 31557600"

# at OFFSET COMMAND...: the command under a clock that was set by so many seconds.
at() {
    OTHER_CLOCK=$1 LD_PRELOAD=$VP_BUILD/tests/other-clock.so "${@:2}"
}

# each_way: calls the test's function for each offset, on a host with utmp and on one without it.
each_way() {
    local offset with
    for with in without with; do
        for offset in $offsets; do
            echo "$with utmp, the clock set by $offset s"
            rm -rf /run/utmp /run/virt-privileges /var/lib/virt-privileges "${fs:?}"/*
            [ "$with" = without ] || utmp "$(booted)"
            disk $fs/a alice:alice 0640
            disk $fs/b bob:team 0600
            before=$(state $fs/a $fs/b)
            "$1" "$offset"
            [ "$(state $fs/a $fs/b)" = "$before" ]
            [ -z "$(journals)" ]
        done
    done
    rm -f /run/utmp
}

# What is said of boots is that of the tests beside libvirt.
eval "$(sed -n '/^booted()/,/^}/p; /^utmp()/,/^}/p' "$BATS_TEST_DIRNAME/../libvirt/libvirt.bash")"

given() {
    [ "$(owner $fs/a)" = qemu:qemu ]
}

@test "the clock that is faked is the tools' clock" {
    [ "$(at -31557600 date +%Y)" -lt "$(date +%Y)" ]
    at 100000 virt-priv-chown claim --name v --disk $fs/a 2>/dev/null || true
    disk $fs/a alice:alice 0640
    at -31557600 virt-priv-chown claim --name v --disk $fs/a
    local booted
    booted=$(sed -n 's/^booted //p' /var/lib/virt-privileges/claims/v)
    [ $((booted + 31557600 - $(booted))) -le 2 ]
    virt-priv-chown release --name v
}

claim_release() {
    virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    given
    at "$1" virt-priv-chown release --name v
}

@test "claim, the clock is set, release" {
    each_way claim_release
}

claim_others() {
    virt-priv-chown claim --name v --disk $fs/a
    # Another VM's claim is refused, its own further disk is not, and status knows it as held.
    run -1 at "$1" virt-priv-chown claim --name w --disk $fs/a
    [[ $output == *"claimed by VM 'v'"* ]]
    given
    at "$1" virt-priv-chown add --name v --disk $fs/b
    at "$1" virt-priv-chown status | grep -q "^v *held"
    at "$1" virt-priv-chown drop --name v --disk $fs/a
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice qemu:qemu" ]
    virt-priv-chown add --name v --disk $fs/a
    at "$1" virt-priv-chown release --name v
}

@test "claim, the clock is set, another VM's claim, add, drop, release" {
    each_way claim_others
}

claim_recover() {
    sleep 60 3>&- &
    local holder=$!
    virt-priv-chown claim --name v --pid $holder --disk $fs/a
    at "$1" virt-priv-chown claim --name w --pid $holder --disk $fs/b
    # While it lives, on either clock.
    virt-priv-chown recover
    at "$1" virt-priv-chown recover
    [ "$(journals | xargs)" = "v w" ]
    given
    kill $holder
    wait $holder || true
    at "$1" virt-priv-chown recover
}

@test "claim, the clock is set, recover: not while the holder lives, and all as soon as it is gone" {
    each_way claim_recover
}

claim_reboot() {
    sleep 60 3>&- &
    local holder=$!
    virt-priv-chown claim --name v --disk $fs/a
    # So does a claim whose holder's process id and start time come up again.
    at "$1" virt-priv-chown claim --name w --pid $holder --disk $fs/b
    cat /proc/sys/kernel/random/uuid >/mnt/boot-id
    mount --bind /mnt/boot-id /proc/sys/kernel/random/boot_id
    rm -rf /run/virt-privileges
    at "$1" virt-priv-chown recover
    umount /proc/sys/kernel/random/boot_id
    kill $holder
}

@test "claim, a reboot with the clock set, recover" {
    each_way claim_reboot
}

# A time that is before this one of its own, as on a host without a clock that keeps it.
claim_epoch() {
    virt-priv-chown claim --name v --disk $fs/a
    at "-$(date +%s)" virt-priv-chown claim --name w --disk $fs/b
    at "-$(date +%s)" virt-priv-chown status | grep -q "^w *held"
    virt-priv-chown release --name w
    at "-$(date +%s)" virt-priv-chown release --name v
}

@test "a host that thinks that it was booted before 1970" {
    each_way claim_epoch
}

@test "whoever waits for the journals gives up when its alarm comes, whatever the clock says" {
    disk $fs/a alice:alice 0640
    virt-priv-chown claim --name v --disk $fs/a
    mkfifo "$BATS_TEST_TMPDIR/go"
    flock /var/lib/virt-privileges/claims/.lock cat "$BATS_TEST_TMPDIR/go" 3>&- &
    local holder=$! i
    until ! flock -n /var/lib/virt-privileges/claims/.lock true; do sleep 0.02; done
    OTHER_CLOCK=-31557600 LD_PRELOAD=$VP_BUILD/tests/other-clock.so virt-priv-chown release --name v \
        >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    local waiting=$!
    until grep -qE -- "-> FLOCK .* $waiting " /proc/locks; do sleep 0.02; done
    kill -ALRM "$waiting"
    for ((i = 0; i < 3000; i++)); do
        [ -e "/proc/$waiting" ] && ! grep -qs '^State:.Z' "/proc/$waiting/status" || break
        sleep 0.02
    done
    kill -KILL "$waiting" 2>/dev/null || true
    echo >"$BATS_TEST_TMPDIR/go"
    wait "$holder"
    grep "another virt-priv-chown process has held the lock" "$BATS_TEST_TMPDIR/said"
    virt-priv-chown release --name v
}
