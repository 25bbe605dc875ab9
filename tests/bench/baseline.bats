# What parsers execute and tools ask of the kernel is what tests/bench/baseline.figures says. No time is
# measured. After a change that is meant to cost something, or that saves it:
#     make BUILD=build/plain all test-programs && tests/lib/private-host tests/bench/baseline --renew

bats_require_minimum_version 1.5.0

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
}

# as_before FIGURE
as_before() {
    run tests/bench/baseline "$1"
    echo "$output"
    [ "$status" -ne 77 ] || skip "$output"
    [ "$status" -eq 0 ]
}

@test "instructions of the reader of qemu.conf" {
    as_before conf
}

@test "instructions of the reader of domain XML" {
    as_before domain
}

@test "instructions of the reader of QEMU's command lines" {
    as_before qemuargs
}

@test "instructions of the reader of the journal" {
    as_before journal
}

@test "instructions of the reader of /proc/PID/status" {
    as_before status
}

@test "system calls of virt-priv-exec true" {
    as_before exec
}

@test "system calls of a claim of one disk" {
    as_before claim-1
}

@test "system calls of its release" {
    as_before release-1
}

@test "system calls of a claim of 100 disks" {
    as_before claim-100
}

@test "system calls of their release" {
    as_before release-100
}

@test "system calls of their release where another holder has them, too" {
    as_before release-shared-100
}

@test "system calls of virt-priv-conf get" {
    as_before conf-get
}

@test "system calls of virt-priv-conf set" {
    as_before conf-set
}

@test "system calls of virt-priv-run --dry-run" {
    as_before run-dry
}

@test "system calls of virt-priv-audit --pid" {
    as_before audit-pid
}

@test "every figure is compared above" {
    diff <(tests/bench/baseline --list) <(sed -n 's/^    as_before //p' "$BATS_TEST_FILENAME")
}

@test "a parser that does a tenth more is noticed" {
    for parser in conf domain qemuargs journal status; do
        run tests/bench/baseline --more 10 "$parser"
        echo "$output"
        [ "$status" -ne 77 ] || skip "$output"
        [ "$status" -eq 1 ]
        [[ $output == *"differs: own "*"(+10.0 %"* ]]
    done
}

@test "one more system call is noticed, and named" {
    sed -E 's/^(calls conf-get .*read=)[0-9]+/\10/' tests/bench/baseline.figures >"$BATS_TEST_TMPDIR/figures"
    run tests/bench/baseline --figures "$BATS_TEST_TMPDIR/figures" conf-get
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"differs: "*" read 0 -> "* ]]
}

@test "with another compiler, instructions are not compared" {
    sed 's/^with x86_64 [^ ]*/with x86_64 another-1.0/' tests/bench/baseline.figures >"$BATS_TEST_TMPDIR/figures"
    run -77 tests/bench/baseline --figures "$BATS_TEST_TMPDIR/figures" conf
    [[ $output == "conf: the baseline holds for x86_64 another-1.0 "*"; here is "* ]]
}
