# What becomes of tests where somebody ends them after a time: see tests/lib/limit.bash.

bats_require_minimum_version 1.5.0
load ../lib/limit.bash

setup() {
    unset VP_UNTIL VP_PACE VP_TURN
}

@test "without a limit there is time for everything, in the order that was given" {
    has_time 1000000
    [ "$(seq 40 | in_turn)" = "$(seq 40)" ]
}

@test "what takes longer than is left is not begun, and a quicker machine has time for more" {
    export VP_UNTIL=$((EPOCHSECONDS + 1000))
    has_time 900
    run ! has_time 1100
    export VP_PACE=25
    has_time 3000
    export VP_UNTIL=$((EPOCHSECONDS - 1))
    run ! has_time 0
}

@test "the order is another one in each turn, and has every line" {
    export VP_UNTIL=$((EPOCHSECONDS + 1000)) VP_TURN=865f3e4
    run -0 in_turn < <(seq 40)
    [ "$output" != "$(seq 40)" ]
    [ "$(sort -n <<<"$output")" = "$(seq 40)" ]
    [ "$(seq 40 | in_turn)" = "$output" ]
    export VP_TURN=0d67eda
    [ "$(seq 40 | in_turn)" != "$output" ]
}

@test "the times that are known are those of tests that there are" {
    local name seconds
    while read -r name seconds; do
        [[ $seconds =~ ^[0-9]+$ ]]
        name=${name/#cli-asan/cli}
        name=${name/#cli-plain/cli}
        [ -e "tests/${name/-//}.bats" ] || { echo "no such tests: $name" && return 1; }
    done < <(grep -v '^#' tests/seconds)
}
