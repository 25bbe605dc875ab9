# Readers beside those that they must agree with, on inputs that nobody wrote.

bats_require_minimum_version 1.5.0

# The same inputs each time, or nobody could tell what a change has done; VP_SEED has others.
setup() {
    seed=${VP_SEED:-1}
    echo "# seed $seed" >&3
}

@test "qemu.conf: libvirt's own parser takes and refuses the same, over mutants of every sample" {
    run -0 timeout 120 "$VP_BUILD/tests/conf-libvirt" --mutate "${VP_MUTANTS:-300}" "$seed" conf/qemu.conf tests/unit/conf.d/*.conf \
        tests/unit/confedit.d/*.before
    echo "$output"
    [[ $output =~ ^([0-9]+)\ texts\ accepted\ by\ both ]]
    [ "${BASH_REMATCH[1]}" -gt 1000 ]
    echo "# ${lines[0]}" >&3
}

@test "command lines that nobody wrote: QEMU refuses what the reader refuses, and opens what it finds" {
    run -0 timeout 300 tests/fuzz/command-lines.py "$VP_BUILD/tests/qemuargs-dump" "${VP_LINES:-50}" "$seed"
    echo "$output"
    [[ ${lines[-1]} =~ \ ([0-9]+)\ equal ]]
    [ $((BASH_REMATCH[1] * 2)) -gt "${VP_LINES:-50}" ]
    echo "# ${lines[-1]}" >&3
}
