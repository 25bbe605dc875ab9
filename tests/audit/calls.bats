#!/usr/bin/env bats
# What an audit costs, in system calls: they can be counted, and do not depend on the machine.

load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
}

# calls COMMAND...: how many system calls it makes.
calls() {
    strace -f -c -o "$BATS_TEST_TMPDIR/calls" "$@" >"$BATS_TEST_TMPDIR/said" || [ $? -eq 1 ]
    awk '$NF == "total" { print ($(NF - 2) ~ /^[0-9]+$/ ? $(NF - 2) : $(NF - 1)) }' "$BATS_TEST_TMPDIR/calls"
}

# sleepers N: that many more processes, which are not QEMU, with three descriptors each.
sleepers() {
    local i
    for ((i = 0; i < $1; i++)); do
        # shellcheck disable=SC2217 # the same descriptors for all of them
        sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
        started+=("$!")
    done
    # Each of them is what it is to be before it is counted.
    for i in "${started[@]: -$1}"; do
        eventually is_sleep "$i"
    done
}

is_sleep() {
    [[ $(readlink "/proc/$1/exe") == */sleep ]]
}

# per_process OPTION...: $cost is the calls that one more process costs, rounded up.
per_process() {
    local before after
    before=$(calls virt-priv-audit "$@" --check P01 processes)
    sleepers 100
    after=$(calls virt-priv-audit "$@" --check P01 processes)
    cost=$(((after - before + 99) / 100))
}

@test "a process that is something else costs at most three system calls" {
    per_process --no-bpf --no-kvm-scan
    echo "$cost"
    [ "$cost" -ge 1 ] && [ "$cost" -le 3 ]
}

@test "to look for users of KVM costs five more, and one for each descriptor" {
    per_process --no-bpf --no-kvm-scan
    find=$cost
    # bats keeps descriptors of its own open.
    descriptors=$(find "/proc/${started[-1]}/fd" -type l | wc -l)
    per_process --no-bpf
    echo "$cost with $descriptors descriptors, $find without"
    [ "$cost" -ge $((find + descriptors)) ]
    [ "$cost" -le $((find + 5 + descriptors)) ]
}

@test "one more thread of a QEMU costs five system calls" {
    qemu=$BATS_TEST_TMPDIR/qemu-system-threads
    cp "$helpers/many-threads" "$qemu"
    start "$qemu" 10
    eventually grep -q ready "$said"
    before=$(calls virt-priv-audit --no-bpf --pid "$pid" --check P01)
    start "$qemu" 1010
    eventually grep -q ready "$said"
    after=$(calls virt-priv-audit --no-bpf --pid "$pid" --check P01)
    echo "$before, $after"
    # The list of them takes a few more calls.
    [ $((after - before)) -ge 1000 ] && [ $((after - before)) -le 5200 ]
}

@test "through BPF, a process that is something else costs nothing, and a thread next to nothing" {
    has_bpf || skip "no BPF program can be loaded here"
    per_process
    echo "$cost for a process"
    [ "$cost" -eq 0 ] || [ "$cost" -eq 1 ]
    qemu=$BATS_TEST_TMPDIR/qemu-system-threads
    cp "$helpers/many-threads" "$qemu"
    start "$qemu" 10
    eventually grep -q ready "$said"
    before=$(calls virt-priv-audit --pid "$pid" --check P01)
    start "$qemu" 1010
    eventually grep -q ready "$said"
    after=$(calls virt-priv-audit --pid "$pid" --check P01)
    echo "$before, $after"
    # Records of some hundred threads come with one call, and tell which of them share their descriptors.
    [ $((after - before)) -le 100 ]
}
