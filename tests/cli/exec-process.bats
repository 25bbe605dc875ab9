# virt-priv-exec: descriptors, environment, signals, limits, and its own exit statuses.

bats_require_minimum_version 1.5.0

setup() {
    load exec.bash
    rm -rf "$conf"
}

@test "descriptors: only the standard ones, and those that are named" {
    ulimit -n 4096
    run -0 "$exec" -- ls /proc/self/fd 33</etc/shadow 2000</etc/shadow
    [[ $output != *33* && $output != *2000* ]]
    run -0 "$exec" --keep-fd 33 -- ls /proc/self/fd 33</etc/shadow 2000</etc/shadow
    [[ $output == *33* && $output != *2000* ]]
    run -0 "$exec" --keep-fd 2000,0 --keep-fd 33 -- ls /proc/self/fd 33</etc/shadow 34</etc/shadow 2000</etc/shadow
    [[ $output == *33* && $output == *2000* && $output != *34* ]]
}

@test "descriptors: one that is not open, or is no number, is refused" {
    refuses "--keep-fd 34" "$exec" --keep-fd 34
    refuses "--keep-fd 3x" "$exec" --keep-fd 3x
    refuses "--keep-fd 5,," "$exec" --keep-fd 5,, 5</dev/null
    refuses "--keep-fd -1" "$exec" --keep-fd -1
    refuses "--keep-fd 99999999999" "$exec" --keep-fd 99999999999
}

@test "descriptors: closed standard ones are /dev/null in the command" {
    "$exec" /usr/bin/python3 -c '
import os
with open("/mnt/scratch/links", "w") as out:
    for fd in 0, 1, 2:
        print(os.readlink(f"/proc/self/fd/{fd}"), file=out)' <&- >&- 2>&-
    diff /mnt/scratch/links <(printf '/dev/null\n/dev/null\n/dev/null\n')
}

@test "descriptors: nothing but the null device comes in the place of a closed one" {
    touch /mnt/scratch/null
    refuses "/dev/null is not the null device" unshare -m bash -c 'mount --bind /mnt/scratch/null /dev/null && exec "$@" <&-' - "$exec"
    refuses "cannot open /dev/null" unshare -m bash -c 'mount -t tmpfs tmpfs /dev && exec "$@" <&-' - "$exec"
}

@test "environment: the allow-list only, with the account's HOME and USER" {
    run -0 env -i SECRET=1 LD_PRELOAD= LANG=C.UTF-8 LC_TIME=C TERM=dumb TZ=UTC BASH_ENV=/x PATH="$PATH" HOME=/root USER=root "$exec" -- env
    diff <(echo "$output" | sort) - <<EOT
HOME=$(getent passwd qemu | cut -d: -f6)
LANG=C.UTF-8
LC_TIME=C
LOGNAME=qemu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SHELL=$(getent passwd qemu | cut -d: -f7)
TERM=dumb
TZ=UTC
USER=qemu
EOT
}

@test "environment: --keep-env keeps what it names" {
    run -0 env -i A=1 B=2 HOME=/root PATH=/bin:/usr/bin "$exec" --keep-env A --keep-env HOME --keep-env PATH --keep-env NOTHERE env
    echo "$output" | grep -x A=1
    echo "$output" | grep -x HOME=/root
    echo "$output" | grep -x PATH=/bin:/usr/bin
    [[ ! $output =~ (^|$'\n')(B|NOTHERE)= ]]
    refuses "invalid name of an environment variable" "$exec" --keep-env A=1
    refuses "invalid name of an environment variable" "$exec" --keep-env ""
}

@test "environment: TMPDIR stays where the account can write" {
    mkdir -p /mnt/open /mnt/rootonly
    chmod 1777 /mnt/open
    chmod 0700 /mnt/rootonly
    TMPDIR=/mnt/open run -0 "$exec" env
    echo "$output" | grep -x TMPDIR=/mnt/open
    TMPDIR=/mnt/rootonly run -0 "$exec" env
    [[ $output != *TMPDIR* ]]
}

@test "signals: mask cleared, ignored ones reset, SIGHUP's ignoring kept" {
    run -0 /usr/bin/python3 -c '
import ctypes, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for sig in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(sig, signal.SIG_IGN)
# The two that glibc keeps to itself: rt_sigaction(2) with SIG_IGN and nothing else.
for sig in 32, 33:
    ctypes.CDLL(None).syscall(13, sig, (ctypes.c_ulong * 4)(1), None, 8)
os.execv(sys.argv[1], sys.argv[1:])' "$exec" grep -E '^Sig(Blk|Ign)' /proc/self/status
    diff <(echo "$output") <(printf 'SigBlk:\t%s\nSigIgn:\t%s\n' 0000000000000000 0000000000000001)
}

@test "umask and working directory stay" {
    mkdir -p /mnt/here
    cd /mnt/here
    umask 0027
    [ "$("$exec" sh -c 'umask; pwd')" = $'0027\n/mnt/here' ]
}

@test "session keyring: a new one" {
    # The serial numbers, in hexadecimal, of the keyrings that the kernel shows as ours.
    keyring='import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))'
    before=$(/usr/bin/python3 -c "$keyring")
    after=$("$exec" /usr/bin/python3 -c "$keyring")
    [ "$after" -gt 0 ]
    [ "$before" != "$after" ]
}

@test "limits: core dumps off by default, else as qemu.conf says" {
    ulimit -c unlimited || ulimit -c "$(ulimit -H -c)"
    [ "$("$exec" sh -c 'ulimit -H -c; ulimit -S -c')" = $'0\n0' ]
    settings 'max_core = 1024000' 'max_files = 77' 'max_processes = 4000'
    [ "$("$exec" sh -c 'ulimit -H -c; ulimit -H -n; cat /proc/self/limits' | grep -cE '^(2000|1000|77)$|^Max processes +4000 +4000')" -ge 2 ]
    "$exec" cat /proc/self/limits | grep -E '^Max core file size +1024000 +1024000 '
    "$exec" cat /proc/self/limits | grep -E '^Max open files +77 +77 '
    "$exec" cat /proc/self/limits | grep -E '^Max processes +4000 +4000 '
}

@test "limits: one that cannot be raised is refused with the setting's place" {
    settings '# first line' 'max_files = 500'
    refuses "$conf:2: max_files" bash -c 'ulimit -n 200 && exec setpriv --bounding-set=-sys_resource "$@"' bash "$exec"
}

@test "same process, and the command's own exit status" {
    [ "$(sh -c 'echo $$; exec "$0" sh -c "echo \$\$"' "$exec" | sort -u | wc -l)" -eq 1 ]
    run "$exec" sh -c 'exit 37'
    [ "$status" -eq 37 ]
}

@test "kill -TERM gives 143 to the caller's shell" {
    run "$exec" sh -c 'kill -TERM $$; sleep 5'
    [ "$status" -eq 143 ]
}

@test "the parent-death signal survives the change of uid" {
    run -0 /usr/bin/python3 -c '
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGUSR1)
os.execv(sys.argv[1], sys.argv[1:])' "$exec" /usr/bin/python3 -c '
import ctypes
signal = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(signal))
print(signal.value)'
    [ "$output" = 10 ]
}

@test "command: looked up in the caller's PATH, before anything is dropped" {
    mkdir -p /mnt/bin /mnt/other
    printf '#!/bin/sh\necho found it\n' >/mnt/bin/vp-command
    chmod 0755 /mnt/bin/vp-command
    [ "$(PATH=/mnt/other:/mnt/bin:$PATH "$exec" vp-command)" = "found it" ]
    cd /mnt/bin
    [ "$("$exec" ./vp-command)" = "found it" ]
}

@test "command: 127 when it is not there, 126 when it cannot be executed" {
    run -127 "$exec" vp-no-such-command
    run -127 "$exec" /mnt/no/such/file
    run -127 "$exec" ""
    run -126 "$exec" /etc/passwd
    run -126 "$exec" /etc
    mkdir -p /mnt/deny
    echo 'echo ran' >/mnt/deny/vp-denied
    PATH=/mnt/deny:$PATH run -126 "$exec" vp-denied
    mkdir -p /mnt/rootonly
    chmod 0700 /mnt/rootonly
    cp /bin/true /mnt/rootonly/true
    run -126 "$exec" /mnt/rootonly/true
    [[ $output == *"as uid $(id -u qemu)"* ]]
}

@test "usage errors end with 125 and change nothing" {
    refuses "--help" "$exec" --no-such-option
    run -125 "$exec"
    [[ $output == *"missing COMMAND"* ]]
    refuses "requires --dry-run" "$exec" --json
}

@test "an ordinary user: environment and terminal stay, four sets empty, no_new_privs" {
    settings 'user = "root"'
    run -0 setpriv --reuid alice --regid alice --init-groups "$exec" "${credentials[@]}"
    bounding=$(setpriv --reuid alice --regid alice --init-groups grep CapBnd /proc/self/status)
    diff <(echo "$output") <(expected_of alice | sed "s/^CapBnd.*/$bounding/")
    SECRET=1 run -0 setpriv --reuid alice --regid alice --init-groups "$exec" env
    echo "$output" | grep -x SECRET=1
}

@test "an ordinary user: ambient and inheritable capabilities are dropped" {
    run -0 setpriv --reuid alice --regid alice --init-groups --inh-caps +net_admin --ambient-caps +net_admin "$exec" "${credentials[@]}"
    bounding=$(grep CapBnd /proc/self/status)
    diff <(echo "$output") <(expected_of alice | sed "s/^CapBnd.*/$bounding/")
}

@test "an ordinary user: reads no qemu.conf, whatever is in it" {
    settings 'this is no qemu.conf'
    chown root:root "$conf"
    becomes_alice=$(setpriv --reuid alice --regid alice --init-groups "$exec" id -u)
    [ "$becomes_alice" = 6001 ]
    run setpriv --reuid alice --regid alice --init-groups strace -e trace=open,openat "$exec" true
    [[ $output != *qemu.conf* ]]
}

@test "an ordinary user: another identity is refused, his own is not" {
    local alice=(setpriv --reuid alice --regid alice --init-groups)
    refuses "requires root" "${alice[@]}" "$exec" -u root
    refuses "requires root" "${alice[@]}" "$exec" -u bob
    refuses "require" "${alice[@]}" "$exec" -g team
    refuses "require" "${alice[@]}" "$exec" --keep-cap kill
    refuses "no setting applies to ordinary users" "${alice[@]}" "$exec" --config "$conf"
    run -0 "${alice[@]}" "$exec" -u alice id -u
    [ "$output" = 6001 ]
}

@test "--dry-run prints the plan and changes nothing" {
    run -0 "$exec" --dry-run touch "/mnt/scratch/ran"
    [ ! -e "/mnt/scratch/ran" ]
    echo "$output" | grep -E "^user +qemu \($(id -u qemu)\)$"
}

@test "--dry-run --json fits the schema and says what a run does" {
    local bytes=$'a\xff"\\\n'
    settings '#' 'user = "alice"' 'group = "team"'
    A=$'\x80' "$exec" --keep-env A --keep-fd 9 --keep-cap kill --dry-run --json ls "$bytes" 9</dev/null >"$BATS_TEST_TMPDIR/plan"
    tests/lib/validate-json tests/schema/virt-priv-exec.json <"$BATS_TEST_TMPDIR/plan" >"$BATS_TEST_TMPDIR/checked"
    /usr/bin/python3 - "$BATS_TEST_TMPDIR/checked" "$conf" <<'EOT'
import base64, json, sys
plan = json.load(open(sys.argv[1]))
assert plan["user"] == {"name": "alice", "uid": 6001}, plan
assert plan["group"] == {"name": "team", "gid": 6100}, plan
assert plan["groups"] == [6100], plan
assert set(map(tuple, plan["capabilities"].values())) == {("CAP_KILL",)}, plan
assert plan["config"] == {"file": sys.argv[2], "user": {"value": "alice", "line": 2}, "group": {"value": "team", "line": 3}}, plan
assert plan["fds"] == [0, 1, 2, 9], plan
assert plan["command"] == ["ls", 'a\\xff"\\\n'], plan
assert [base64.b64decode(x) for x in plan["command_raw"]] == [b"ls", b'a\xff"\\\n'], plan
assert plan["environment"]["A"] == "\\x80" and base64.b64decode(plan["environment"]["A_raw"]) == b"\x80", plan
EOT
    "$exec" --keep-cap kill "${credentials[@]}" >"$BATS_TEST_TMPDIR/out"
    diff "$BATS_TEST_TMPDIR/out" <(expected 6001 6100 6100 0000000000000020)
}

@test "--dry-run --json as an ordinary user and as root that stays root" {
    setpriv --reuid alice --regid alice --init-groups "$exec" --dry-run --json true |
        tests/lib/validate-json tests/schema/virt-priv-exec.json | grep '"config": null'
    settings 'user = "root"' 'group = "root"' 'clear_emulator_capabilities = 0'
    "$exec" --dry-run --json true 2>/dev/null | tests/lib/validate-json tests/schema/virt-priv-exec.json | grep CAP_CHOWN
}

@test "a full standard output is an error of --dry-run, --help and --version" {
    for option in --dry-run "--dry-run --json" --help --version; do
        # shellcheck disable=SC2086
        run "$exec" $option true >/dev/full
        status=0
        # shellcheck disable=SC2086
        "$exec" $option true >/dev/full || status=$?
        [ "$status" -eq 125 ]
    done
}

@test "one record per launch goes to the journal, without the arguments" {
    mkdir -p /run/systemd/journal
    tests/lib/journal-sink /run/systemd/journal/socket "$BATS_TEST_TMPDIR/record" "$exec" true --password=hunter2
    cat "$BATS_TEST_TMPDIR/record"
    grep -x 'MESSAGE=.*true runs as qemu:qemu (107:107), capabilities: none' "$BATS_TEST_TMPDIR/record"
    grep -x 'SYSLOG_IDENTIFIER=virt-priv-exec' "$BATS_TEST_TMPDIR/record"
    grep -x 'PRIORITY=6' "$BATS_TEST_TMPDIR/record"
    grep -xE 'MESSAGE_ID=[0-9a-f]{32}' "$BATS_TEST_TMPDIR/record"
    grep -x 'VIRT_PRIV_UID=107' "$BATS_TEST_TMPDIR/record"
    run -1 grep hunter2 "$BATS_TEST_TMPDIR/record"
    settings 'user = "root"'
    tests/lib/journal-sink /run/systemd/journal/socket "$BATS_TEST_TMPDIR/record" "$exec" true
    grep -x 'PRIORITY=4' "$BATS_TEST_TMPDIR/record"
    grep "MESSAGE=.*runs as root, as set by $conf:1" "$BATS_TEST_TMPDIR/record"
}

@test "without a journal, the record goes to syslog's socket" {
    # A /dev of our own, since the socket's place is there.
    unshare --mount sh -c '
        mkdir /mnt/dev && mount --rbind /dev /mnt/dev && mount -t tmpfs tmpfs /dev &&
        for node in null tty full; do touch /dev/$node; mount --bind /mnt/dev/$node /dev/$node; done &&
        exec tests/lib/journal-sink /dev/log "$0" "$@"' "$BATS_TEST_TMPDIR/record" "$exec" true
    grep -E '^<86>virt-priv-exec\[[0-9]+\]: /.*true runs as qemu:qemu' "$BATS_TEST_TMPDIR/record"
}

@test "hostile names are escaped in messages" {
    run -127 "$exec" $'/mnt/\033[31mred\nline'
    [[ $output == *'\x1b[31mred\x0aline'* && $output != *$'\033'* ]]
}
