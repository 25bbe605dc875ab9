#!/usr/bin/env bats
# Nothing that the installed QEMU can be given names something of the host without being read in its command line.

bats_require_minimum_version 1.5.0

# examine REVIEWED
examine() {
    tests/corpus/qemu-properties.py "$VP_BUILD/tests/qemuargs-dump" "$1" >"$BATS_TEST_TMPDIR/tap"
}

@test "each option and property that is text is reviewed, and is read as that says" {
    local tap=$BATS_TEST_TMPDIR/tap verdict counts=""
    examine tests/corpus/qemu-properties.reviewed || {
        grep '^not ok' "$tap"
        false
    }
    for verdict in named port warned refused harmless; do
        counts+=", $(grep -c "^ok .*: $verdict\$" "$tap") $verdict"
    done
    [ "$(grep -c '^ok ' "$tap")" -ge 2500 ]
    echo "# $(grep -c '^ok ' "$tap") options and properties$counts" >&3
    sed -n '/^# not examined/p' "$tap" >&3
}

@test "one that is not reviewed, or is read as something else, is an error" {
    local reviewed=$BATS_TEST_TMPDIR/reviewed
    sed '/^fw_cfg *- *file /d; /^tpmdev *- *- /d' tests/corpus/qemu-properties.reviewed >"$reviewed"
    run ! examine "$reviewed"
    grep '^not ok' "$BATS_TEST_TMPDIR/tap" | cut -d: -f1,2 | sort -u | diff - <(printf 'not ok - %s\n' \
        "fw_cfg - file: reviewed as harmless, and read as named" \
        "tpmdev - -: not in qemu-properties.reviewed, and read as harmless")
}
