# What is different for a VM that --isolate=full has: it has an id of its own, which no account has.
# shellcheck shell=bash disable=SC2034,SC2154

setup() {
    clean_host
    own=(--isolate=full)
}

# make KIND OWNER MODE PATH: as that of run.bash, but what is meant to be usable by the QEMU user has to be usable by
# everybody.
eval "make_as_asked() $(declare -f make | sed 1d)"
make() {
    case $2 in
    *qemu*) make_as_asked "$1" "$2" "$(printf '%o' $((0$3 | (0$3 & 0700) >> 3 | (0$3 & 0700) >> 6)))" "$4" ;;
    *) make_as_asked "$@" ;;
    esac
}

# The id of the QEMU that runs, or ran last.
isolated_id() {
    [ ! -e "/proc/$pid/status" ] || awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status" >"$BATS_TEST_TMPDIR/id"
    cat "$BATS_TEST_TMPDIR/id"
}

# unprivileged PID: as that of run.bash, with an id of the pool, and no group beside its own.
unprivileged() {
    local id task
    id=$(isolated_id)
    [ "$id" -ge 90000 ] && [ "$id" -lt 98192 ]
    for task in "/proc/$1"/task/*; do
        diff <(grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' "$task/status") \
            <(expected "$id" "$id" "" "$none")
    done
}

# owner PATH: of what is the VM's, as if it were the QEMU user's.
owner() {
    local found
    found=$(stat -c %u:%g "$1")
    [ "$found" = "$(isolated_id):$(isolated_id)" ] && echo "$identity:$(id -gn "$identity")" || stat -c %U:%G "$1"
}

# terminal_owned: the device that the command line names is QEMU's.
terminal_owned() {
    [ "$(stat -c %u "${put[terminal]}")" = "$(isolated_id)" ]
}

# terminal_linked PATH: a terminal of QEMU's, on which the guest has written.
terminal_linked() {
    eventually test -L "$1" &&
        [[ $(readlink "$1") == /dev/pts/* ]] &&
        [ "$(stat -c %u "$1") $(stat -L -c %u "$1")" = "0 $(isolated_id)" ] &&
        [ -n "$(find "/proc/$pid/fd" -lname '*/ptmx')" ]
}

# usable_terminals: always, as the node /dev/ptmx is the VM's own.
usable_terminals() {
    :
}
