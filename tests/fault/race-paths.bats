# Root's tools, and a user who swaps what they are told to read, all the time.

bats_require_minimum_version 1.5.0

@test "settings, a domain, a file of options and a kernel in a user's directory" {
    run -0 tests/fault/race-paths "${VP_RACE_SECONDS:-3}"
    echo "$output"
    sed 's/^/# /' <<<"$output" >&3
    [ "$(grep -c ' 0 wins$' <<<"$output")" -eq 4 ]
}
