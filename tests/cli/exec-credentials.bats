# virt-priv-exec: ids and capability sets, from every state that it can be started in.

bats_require_minimum_version 1.5.0

setup() {
    load exec.bash
    rm -rf "$conf"
}

@test "root becomes qemu with five empty sets" {
    becomes qemu "$exec" --
}

@test "extra groups do not stay" {
    becomes qemu setpriv --groups 6,36,4242 "$exec"
}

@test "inheritable and ambient capabilities do not stay" {
    becomes qemu setpriv --inh-caps +net_admin,+kill --ambient-caps +net_admin,+kill "$exec"
}

@test "securebits of the caller are kept and added to" {
    becomes qemu setpriv --securebits +keep_caps_locked "$exec"
    becomes qemu setpriv --securebits +noroot,+noroot_locked,+no_setuid_fixup \
        --inh-caps +setpcap,+setuid,+setgid --ambient-caps +setpcap,+setuid,+setgid "$exec"
}

@test "a locked securebit that cannot be set right is refused" {
    refuses securebits setpriv --securebits +no_setuid_fixup_locked "$exec"
}

@test "without CAP_SETPCAP: refused while the bounding set is not empty" {
    refuses CAP_SETPCAP capsh --drop=cap_setpcap -- -c '"$0" "$@"' "$exec"
}

@test "root with an empty permitted set: refused, naming CAP_SETUID" {
    refuses CAP_SETUID setpriv --bounding-set=-all --inh-caps=-all "$exec"
}

@test "empty bounding set with a full permitted set" {
    becomes qemu "$helpers/drop-in-process"
}

@test "a kernel that knows more capabilities than the headers" {
    run -0 "$helpers/drop-old-headers" "${credentials[@]}"
    diff <(echo "$output") <(expected 6001 6001 "" "$none")
}

@test "from a multi-threaded parent" {
    becomes qemu /usr/bin/python3 -c '
import subprocess, sys, threading
stop = threading.Event()
for _ in range(8):
    threading.Thread(target=stop.wait, daemon=True).start()
result = subprocess.run(sys.argv[1:])
stop.set()
sys.exit(result.returncode)' "$exec"
}

@test "the securebits are set and locked in the command" {
    # NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, each with its lock.
    run -0 "$exec" /usr/bin/python3 -c '
import ctypes
print(hex(ctypes.CDLL(None).prctl(27)))'
    [ "$output" = 0xef ]
}

@test "--keep-cap: exactly that capability in all five sets, as qemu" {
    "$exec" --keep-cap net_bind_service "${credentials[@]}" >"$BATS_TEST_TMPDIR/out"
    diff "$BATS_TEST_TMPDIR/out" <(expected_of qemu 0000000000000400)
    "$exec" --keep-cap CAP_KILL --keep-cap cap_net_bind_service "${credentials[@]}" >"$BATS_TEST_TMPDIR/out"
    diff "$BATS_TEST_TMPDIR/out" <(expected_of qemu 0000000000000420)
}

@test "--keep-cap: a capability that the caller lacks is refused" {
    refuses CAP_KILL capsh --drop=cap_kill -- -c '"$0" "$@"' "$exec" --keep-cap kill
}

@test "--keep-cap: an unknown name is refused" {
    refuses "unknown capability" "$exec" --keep-cap fly
    refuses "unknown capability" "$exec" --keep-cap ""
}

@test "--user, --group and --groups" {
    becomes alice "$exec" -u alice
    run -0 "$exec" -u alice -g team -G "kvm,+4242,team" "${credentials[@]}"
    diff <(echo "$output") <(expected 6001 6100 "36 4242 6100" "$none")
    run -0 "$exec" -u +70000 -g +70001 "${credentials[@]}"
    diff <(echo "$output" | grep -v Groups) <(expected 70000 70001 "" "$none" | grep -v Groups)
    [[ $(echo "$output" | grep Groups | tr -d '[:space:]') == Groups: ]]
    run -0 "$exec" -G "" "${credentials[@]}"
    [[ $(echo "$output" | grep Groups | tr -d '[:space:]') == Groups: ]]
}

@test "--user: what is no user is refused" {
    refuses nosuch "$exec" -u nosuch
    refuses 4294967295 "$exec" -u +4294967295
    refuses -1 "$exec" -u -1
    refuses "++107" "$exec" -u ++107
    refuses "specify a group with --group" "$exec" -u +70000
    refuses nosuch "$exec" -g nosuch
    refuses nosuch "$exec" -G kvm,nosuch
}

@test "no_new_privs: not set with --allow-new-privs" {
    run -0 "$exec" --allow-new-privs grep NoNewPrivs /proc/self/status
    [ "$output" = $'NoNewPrivs:\t0' ]
}

@test "what would gain privileges by set-id or file capabilities gains none" {
    # A copy of grep that is set-user-id root, and one with capabilities.
    cp /usr/bin/grep /mnt/suid-grep
    chmod 4755 /mnt/suid-grep
    cp /usr/bin/grep /mnt/cap-grep
    setcap cap_net_admin+ep /mnt/cap-grep
    mount -o remount,suid /mnt
    run "$exec" /mnt/suid-grep -E '^(Uid|CapEff)' /proc/self/status
    [ "$status" -eq 0 ]
    [[ $output == *$'Uid:\t107\t107\t107\t107'* && $output == *$none* ]]
    run "$exec" /mnt/cap-grep -E '^(Uid|CapEff)' /proc/self/status
    echo "$output"
    [[ $output != *CapEff* || $output == *$none* ]]
}
