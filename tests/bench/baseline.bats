# What parsers execute and tools ask of the kernel is no more than tests/bench/baseline.figures says, with the slack
# of tests/bench/baseline. No time is measured. After a change that is meant to cost that much, or that saves it:
#     make BUILD=build/plain all test-programs && tests/lib/private-host tests/bench/baseline --renew

bats_require_minimum_version 1.5.0

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    # What is as it is today, to take something away from.
    export today=$BATS_FILE_TMPDIR/figures
    tests/bench/baseline --figures "$today" --renew
}

# no_more FIGURE
no_more() {
    run tests/bench/baseline "$1"
    echo "$output"
    [ "$status" -ne 77 ] || skip "$output"
    [ "$status" -eq 0 ]
}

@test "instructions of the reader of qemu.conf" {
    no_more conf
}

@test "instructions of the reader of domain XML" {
    no_more domain
}

@test "instructions of the reader of QEMU's command lines" {
    no_more qemuargs
}

@test "instructions of the reader of the journal" {
    no_more journal
}

@test "instructions of the reader of /proc/PID/status" {
    no_more status
}

@test "system calls of virt-priv-exec true" {
    no_more exec
}

@test "system calls of a claim of one disk" {
    no_more claim-1
}

@test "system calls of its release" {
    no_more release-1
}

@test "system calls of a claim of 100 disks" {
    no_more claim-100
}

@test "system calls of their release" {
    no_more release-100
}

@test "system calls of a release where another holder has the disk, too" {
    no_more release-shared-1
}

@test "system calls of their release where another holder has them, too" {
    no_more release-shared-100
}

@test "system calls of virt-priv-conf get" {
    no_more conf-get
}

@test "system calls of virt-priv-conf set" {
    no_more conf-set
}

@test "system calls of virt-priv-run --dry-run" {
    no_more run-dry
}

@test "system calls of virt-priv-run, with the process that becomes QEMU" {
    no_more run
}

@test "system calls of an isolated start" {
    no_more run-isolated
}

@test "system calls of virt-priv-audit --pid" {
    no_more audit-pid
}

@test "every figure is compared above" {
    diff <(tests/bench/baseline --list) <(sed -n 's/^    no_more //p' "$BATS_TEST_FILENAME")
}

@test "a parser that does a tenth more is noticed" {
    for parser in conf domain qemuargs journal status; do
        run -1 tests/bench/baseline --figures "$today" --more 10 "$parser"
        echo "$output"
        [[ $output == *"more: own "*"(+10.0 %"* ]]
    done
}

# noticed FIGURE SED-SCRIPT TEXT: compared with other figures, it is found wanting, for that reason.
noticed() {
    sed -E "$2" "$today" >"$BATS_TEST_TMPDIR/figures"
    run -1 cmp -s "$today" "$BATS_TEST_TMPDIR/figures"
    run tests/bench/baseline --figures "$BATS_TEST_TMPDIR/figures" "$1"
    echo "$output"
    [ "$status" -eq 1 ]
    # shellcheck disable=SC2053 # a pattern
    [[ $output == "$1: more: "*$3* ]]
}

@test "a process more, or a sync more, is noticed" {
    noticed run '/^calls run /s/ clone=[0-9]+//' ' starts more'
    noticed conf-set '/^calls conf-set /s/ fsync=2/ fsync=1/' '1 syncs more'
}

@test "a call more for each disk is noticed, and named" {
    local figure sum statx
    for figure in claim release release-shared; do
        read -r _ _ sum _ < <(grep "^calls $figure-100 " "$today")
        statx=$(sed -n "s/^calls $figure-100 .* statx=\([0-9]*\).*/\1/p" "$today")
        noticed "$figure-100" "/^calls $figure-100 /{s/ $sum / $((sum - 99)) /; s/ statx=$statx/ statx=$((statx - 99))/}" \
            "for a disk*statx $((statx - 99)) -> [1-9]"
    done
}

@test "a job that asks for a tenth more is noticed" {
    noticed exec '/^calls exec /s/ prctl=[0-9]+/ prctl=9/' 'system calls*prctl 9 -> '
    noticed run-dry '/^calls run-dry /s/ openat=[0-9]+/ openat=2/' 'system calls*openat 2 -> '
}

@test "a call more here or there is not" {
    sed -E '/^calls conf-get /s/ read=[0-9]+//; /^calls exec /s/ getuid=1//' "$today" \
        >"$BATS_TEST_TMPDIR/figures"
    run -0 tests/bench/baseline --figures "$BATS_TEST_TMPDIR/figures" conf-get exec
    [[ $output == *"read 0 -> "*"getuid 0 -> 1"* ]]
}

@test "with another compiler, instructions are not compared" {
    sed 's/^with x86_64 [^ ]*/with x86_64 another-1.0/' "$today" >"$BATS_TEST_TMPDIR/figures"
    run -77 tests/bench/baseline --figures "$BATS_TEST_TMPDIR/figures" conf
    [[ $output == "conf: the baseline holds for x86_64 another-1.0 "*"; here is "* ]]
}
