# What the tests of virt-priv-exec share. "$exec" is the program under test.
# shellcheck shell=bash disable=SC2034,SC2154

exec=$VP_BUILD/virt-priv-exec
helpers=$VP_BUILD/tests
conf=/etc/libvirt/qemu.conf

# What a process may do, in the kernel's own words: the command under test
# prints its own status file.
credentials=(grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/self/status)
none=0000000000000000

# expected UID GID GROUPS MASK: those lines, with the ids in all four places
# and the mask in all five sets.
expected() {
    printf 'Uid:\t%s\t%s\t%s\t%s\n' "$1" "$1" "$1" "$1"
    printf 'Gid:\t%s\t%s\t%s\t%s\n' "$2" "$2" "$2" "$2"
    printf 'Groups:\t%s \n' "$3"
    printf 'Cap%s:\t%s\n' Inh "$4" Prm "$4" Eff "$4" Bnd "$4" Amb "$4"
    printf 'NoNewPrivs:\t1\n'
}

# groups_of USER: its groups as id(1) finds them, sorted as the kernel does.
groups_of() {
    id -G "$1" | tr ' ' '\n' | sort -n | paste -sd ' '
}

expected_of() {
    expected "$(id -u "$1")" "$(id -g "$1")" "$(groups_of "$1")" "${2-$none}"
}

# becomes USER COMMAND...: the command, which wraps the one that prints its
# credentials, ends with exactly USER's ids and five empty sets.
becomes() {
    local user=$1
    shift
    "$@" "${credentials[@]}" >"$BATS_TEST_TMPDIR/credentials"
    diff "$BATS_TEST_TMPDIR/credentials" <(expected_of "$user")
}

# refuses TEXT COMMAND...: exit status 125, the text in the message, and what
# the command wraps, a program that would leave a file behind, was not run.
refuses() {
    local text=$1
    shift
    rm -f /mnt/scratch/ran
    run "$@" touch /mnt/scratch/ran
    echo "status $status: $output"
    [ "$status" -eq 125 ] && [ ! -e /mnt/scratch/ran ] && [[ $output == *"$text"* ]]
}

# settings LINE...: writes the lines as the admin's qemu.conf.
settings() {
    printf '%s\n' "$@" >"$conf"
    chmod 0600 "$conf"
}
