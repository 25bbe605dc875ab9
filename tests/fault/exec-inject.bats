# virt-priv-exec with a kernel that lies to it, or refuses.

bats_require_minimum_version 1.5.0

# A state in which each step has something to take away.
state="setpriv --groups 6,36,4242 --inh-caps +net_admin,+kill --ambient-caps +net_admin,+kill"

@test "each credential system call, unanswered or refused: 125, or exactly the undisturbed outcome" {
    run -0 tests/fault/refuse-calls credentials unanswered,EPERM --before "$state" -- "$VP_BUILD/virt-priv-exec" \
        grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs):' /proc/self/status
    echo "$output"
    # Sanity: most calls change something, so most disturbances are refused.
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong:\ .*\ ([0-9]+)\ refused ]]
    [ "${BASH_REMATCH[1]}" -eq $((BASH_REMATCH[2] * 2)) ]
    [ "${BASH_REMATCH[2]}" -ge 50 ]
    [ "${BASH_REMATCH[3]}" -gt "${BASH_REMATCH[2]}" ]
    echo "# ${lines[-1]}" >&3
}

# The number of the prctl(2) that installs the filter, from one trace of it.
filter_call() {
    tests/lib/terminal trace "$VP_BUILD/virt-priv-exec" strace -qq -o /mnt/scratch/trace -e trace=prctl >/dev/null
    grep -n 'PR_SET_SECCOMP' /mnt/scratch/trace | head -n 1 | cut -d: -f1
}

@test "the terminal's filter, unanswered or refused: 125" {
    for answer in retval=0 error=EPERM error=EINVAL; do
        tests/lib/terminal filter-missing "$VP_BUILD/virt-priv-exec" \
            strace -qq -o /dev/null -e trace=prctl -e "inject=prctl:$answer:when=$(filter_call)"
    done
}
