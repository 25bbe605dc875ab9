# libvirt's metadata lock: who changes what a file remembers does it alone.

load host.bash

# stopped COMMAND...: the command in the background, stopped when it has changed
# an owner; its process id in $pid, that of what runs it in $tracer.
stopped() {
    # shellcheck disable=SC2016
    rm -f "$BATS_TEST_TMPDIR"/{pid,trace}
    strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=fchown,fchownat -e inject=fchown,fchownat:signal=STOP:when=1 \
        bash -c 'echo $$ >"$0"; exec "$@"' "$BATS_TEST_TMPDIR/pid" "$@" 3>&- &
    tracer=$!
    eventually is_stopped
    pid=$(<"$BATS_TEST_TMPDIR/pid")
}

is_stopped() {
    # strace stops it at other calls, too, for a moment.
    grep -qs -e '--- stopped by SIGSTOP ---' "$BATS_TEST_TMPDIR/trace"
}

@test "somebody else has it for good: claim waits five seconds, says so, and changes nothing" {
    local begin took
    begin=$(milliseconds)
    run -1 "$hold" "$disk" virt-priv-chown claim --name vm1 --disk "$disk"
    took=$(($(milliseconds) - begin))
    echo "$took ms: $output"
    [[ $output == *"$disk"* && $output == *lock* ]]
    [ "$took" -ge 5000 ]
    [ "$took" -lt 15000 ]
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
    # And there is nothing to be released.
    run -1 virt-priv-chown release --name vm1
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
}

@test "somebody else has it of one of many: all of them stay as they are" {
    local i others=()
    for i in {1..5}; do
        truncate -s 1M "$images/$i.raw"
        chown bob:bob "$images/$i.raw"
        others+=(--disk "$images/$i.raw")
    done
    run -1 "$hold" "$images/3.raw" virt-priv-chown claim --name vm1 --disk "$disk" "${others[@]}"
    [[ $output == *"$images/3.raw"* ]]
    diff "$BATS_TEST_TMPDIR/before" <(snapshot)
    for i in {1..5}; do
        [ "$(owner "$images/$i.raw")" = "bob:bob 644" ]
        [ -z "$(attributes "$images/$i.raw")" ]
    done
}

@test "somebody else has it for a while: claim waits and succeeds" {
    # shellcheck disable=SC2016
    "$hold" "$disk" sh -c 'touch "$0"; sleep 2; touch "$0.no-more"' "$BATS_TEST_TMPDIR/held" 3>&- &
    eventually test -e "$BATS_TEST_TMPDIR/held"
    virt-priv-chown claim --name vm1 --disk "$disk"
    [ -e "$BATS_TEST_TMPDIR/held.no-more" ]
    held 1
    virt-priv-chown release --name vm1
    free
}

@test "somebody else has it: release waits and succeeds, or says so and can be had again" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    # shellcheck disable=SC2016
    "$hold" "$disk" sh -c 'touch "$0"; sleep 2' "$BATS_TEST_TMPDIR/held" 3>&- &
    eventually test -e "$BATS_TEST_TMPDIR/held"
    virt-priv-chown release --name vm1
    free
    virt-priv-chown claim --name vm1 --disk "$disk"
    run -1 "$hold" "$disk" virt-priv-chown release --name vm1
    [[ $output == *"$disk"* && $output == *lock* ]]
    held 1
    virt-priv-chown release --name vm1
    free
}

@test "claim has it: virsh start waits, and then is the second holder" {
    stopped virt-priv-chown claim --name vm1 --disk "$disk"
    # libvirt's own view of it: nobody else can have the lock now.
    run -75 "$hold" "$disk" true
    virsh -q start vm1 --paused 3>&- &
    local start=$!
    sleep 2
    kill -0 "$start"
    [ "$(attributes "$disk" | grep ref_dac)" = ref_dac=1 ]
    kill -CONT "$pid"
    wait "$tracer"
    wait "$start"
    held 2
    virsh -q destroy vm1
    kept
    virt-priv-chown release --name vm1
    free
}

@test "release has it: virsh start waits, and then remembers the true owner" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    stopped virt-priv-chown release --name vm1
    run -75 "$hold" "$disk" true
    virsh -q start vm1 --paused 3>&- &
    local start=$!
    sleep 2
    kill -0 "$start"
    kill -CONT "$pid"
    wait "$tracer"
    wait "$start"
    held 1
    virsh -q destroy vm1
    free
}

@test "nobody has it after claim, release and status" {
    virt-priv-chown claim --name vm1 --disk "$disk"
    "$hold" "$disk" true
    virt-priv-chown status "$disk"
    "$hold" "$disk" true
    virt-priv-chown release --name vm1
    "$hold" "$disk" true
}

@test "status does not wait for it" {
    local begin
    virt-priv-chown claim --name vm1 --disk "$disk"
    begin=$(milliseconds)
    "$hold" "$disk" virt-priv-chown status "$disk"
    # Who waits for the lock waits five seconds.
    [ $(($(milliseconds) - begin)) -lt 4500 ]
}
