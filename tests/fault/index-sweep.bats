# virt-priv-chown killed, and refused, at each call where it changes journals beside their index: what is left of that
# never hides a claim.

bats_require_minimum_version 1.5.0

# sweep MODE LEAST COMMAND...: each of them with at least so many points.
sweep() {
    local line
    [ "${VP_PRIVATE_HOST-}" = yes ]
    run -0 tests/fault/sweep-index "$1" "${@:3}"
    echo "$output"
    [ ${#lines[@]} -eq $(($# - 2)) ]
    for line in "${lines[@]}"; do
        [[ $line =~ ^[a-z]+:\ ([0-9]+)\ points\ at\ [0-9]+\ calls,\ 0\ wrong: ]]
        [ "${BASH_REMATCH[1]}" -ge "$2" ]
        [[ $line == *"the index in order"* && $line == *"the index out of order"* ]]
        echo "# $line" >&3
    done
}

@test "claim, add, drop and release killed at each change beside the index: it hides nothing" {
    sweep kill 15 claim add drop release
}

# Of add and drop, which write the same way, it takes a minute: tests/fault/sweep-index error=EIO.
@test "release with each call about journals and index failing: it hides nothing" {
    sweep error=EIO 30 release
}
