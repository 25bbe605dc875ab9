# virt-priv-exec refused, and killed, at each of its system calls.
#
# EIO is what nothing expects, and EPERM what containers and their filters say, which code can
# take for an answer: at each call. ENOMEM and EINTR can come from nearly all calls: at some.
# The credential calls, answered wrongly too, are in exec-inject.bats; a /proc that is not
# there, or files that are missing, in exec-states.bats.

bats_require_minimum_version 1.5.0

setup() {
    printf '%s\n' 'user = "qemu"' 'group = "qemu"' 'max_files = 1000' >/etc/libvirt/qemu.conf
    exec="$VP_BUILD/virt-priv-exec"
    shown="$VP_BUILD/tests/what-i-am"
    export TMPDIR=/mnt/scratch SECRET=of-the-caller KEPT=too
    # Beside what bats itself has open.
    exec 7</etc/shadow 8</etc/group
}

teardown() {
    exec 7<&- 8<&-
    rm -f /etc/libvirt/qemu.conf
}

# A state in which each step has something to take away.
privileged=(setpriv --groups "6,36,4242" --inh-caps "+net_admin,+kill" --ambient-caps "+net_admin,+kill")

# refuse [WRAPPER...] -- ARGUMENT-OF-REFUSE-CALLS...
refuse() {
    local wrapper=()
    while [ "$1" != -- ]; do
        wrapper+=("$1")
        shift
    done
    run "${wrapper[@]}" tests/fault/refuse-calls "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt "${calls:-150}" ]
    [[ ${lines[-1]} == *" ${failed:-refused}"* ]]
    # virt-priv-exec's own filter refuses that one first.
    [[ ! $(grep '^not reached' <<<"$output" | grep -v TIOCSTI) ]]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

@test "each call failing: 125, or exactly what an undisturbed start gives" {
    refuse "${privileged[@]}" -- exec EIO,EPERM,ENOMEM/3,EINTR/3 -- "$exec" --keep-fd 8 --keep-env KEPT "$shown"
}

@test "each call failing, and a capability and new privileges are left" {
    refuse "${privileged[@]}" -- exec EIO/2,EPERM/2 -- "$exec" --keep-cap net_admin --allow-new-privs "$shown"
}

@test "killed at each call: nothing runs" {
    failed=killed refuse "${privileged[@]}" -- exec kill -- "$exec" "$shown"
}

@test "each call failing, with --dry-run --json" {
    refuse "${privileged[@]}" -- report EIO,EPERM/3,ENOMEM/3,EINTR/3 -- "$exec" --dry-run --json true
}

# at-call's filter needs root, so that setpriv comes after it.
alice=(/usr/bin/setpriv --reuid alice --regid alice --clear-groups)

@test "each call failing, started by an ordinary user" {
    calls=60 refuse -- exec EIO,EPERM,ENOMEM/3,EINTR/3 --after 2 -- "${alice[@]}" "$exec" --keep-fd 8 "$shown"
}

@test "killed at each call, started by an ordinary user" {
    calls=60 failed=killed refuse -- exec kill --after 2 -- "${alice[@]}" "$exec" "$shown"
}
