# shellcheck shell=bash
# The time that tests may take, where somebody ends them after it: VP_UNTIL, in seconds since the epoch. What has no time
# left is not begun, and is a test that is skipped. None: all of them run.

# has_time SECONDS: whether that much is left, SECONDS being what tests/seconds says. VP_PACE is what this machine takes
# for a hundred of those seconds.
has_time() {
    [ -z "${VP_UNTIL-}" ] || [ $((EPOCHSECONDS + $1 * ${VP_PACE:-100} / 100)) -lt "$VP_UNTIL" ]
}

# in_turn: lines of the standard input. Where the time may end before all of them had their turn, in an order that
# VP_TURN gives, so that it is not always the same ones that have none.
in_turn() {
    if [ -n "${VP_UNTIL-}" ] && [ -n "${VP_TURN-}" ]; then
        sort -R --random-source=<(yes "$VP_TURN" 2>/dev/null)
    else
        cat
    fi
}
