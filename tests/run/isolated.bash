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
    local all line id
    if [ -e "/proc/$pid/status" ]; then
        mapfile -t all <"/proc/$pid/status"
        for line in "${all[@]}"; do
            [[ $line != Uid:* ]] || echo "${line##*$'\t'}" >"$BATS_TEST_TMPDIR/id"
        done
    fi
    read -r id <"$BATS_TEST_TMPDIR/id"
    echo "$id"
}

# unprivileged PID: as that of run.bash, with an id of the pool, and no group beside its own.
unprivileged() {
    local id
    id=$(isolated_id)
    [ "$id" -ge 90000 ]
    [ "$id" -lt 98192 ]
    expected "$id" "$id" "" "$none" >"$BATS_TEST_TMPDIR/wanted"
    has_credentials "$1" "$BATS_TEST_TMPDIR/wanted"
}

# owner PATH: of what is the VM's, as if it were the QEMU user's.
owner() {
    local found id
    found=$(stat -c '%u:%g %U:%G' "$1")
    id=$(isolated_id)
    if [ "${found% *}" = "$id:$id" ]; then echo "$identity:$(id -gn "$identity")"; else echo "${found#* }"; fi
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
