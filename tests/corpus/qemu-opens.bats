#!/usr/bin/env bats
# What QEMU itself opens, makes, binds and connects to, is what is read in its command line.

@test "every construct of qemu-opens.cases" {
    tests/corpus/qemu-opens.py "$VP_BUILD/tests/qemuargs-dump" tests/corpus/qemu-opens.cases >"$BATS_TEST_TMPDIR/tap" || {
        grep -A 4 '^not ok' "$BATS_TEST_TMPDIR/tap"
        false
    }
    local constructs
    constructs=$(grep -c '^ok ' "$BATS_TEST_TMPDIR/tap")
    [ "$constructs" -ge 100 ]
    echo "# $constructs constructs, each as QEMU itself opens it" >&3
}
