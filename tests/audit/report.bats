#!/usr/bin/env bats
# How findings are told: to a person, a program, a monitoring system and the journal.

load audit.bash
load tree.bash

# A host with one QEMU that has a finding of each severity, and one that is unknown.
make_findings() {
    t=$scratch/tree
    make_tree "$t"
    field 100 CapEff 0000000000001000
    field 100 CapBnd 0000000000001000
    field 100 NoNewPrivs 0
    field 100 TracerPid 1
    field 100 Seccomp 0
    ln -sfn 'user:[4026532000]' "$t/proc/100/ns/user"
    rm "$t/proc/100/limits"
}

make_good() {
    t=$scratch/tree
    rm -rf "$t"
    make_tree "$t"
}

# A host without QEMU.
make_empty() {
    make_good
    rm -r "$t/proc/100"
}

report() {
    virt-priv-audit --root "$t" "$@"
}

# on_terminal COLUMNS COMMAND: what it writes to a terminal of that width.
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns rows 50; $*" /dev/null </dev/null | tr -d '\r'
}

@test "the table: one line for a VM, with its worst finding and what helps; then the host, and the sum" {
    make_findings
    put proc/100/cgroup '0::/system.slice/vm1.service\n'
    put proc/100/cmdline 'qemu-system-x86_64\0-name\0web\0'
    chmod 0600 "$t/dev/kvm"
    run -1 report
    echo "$output"
    [[ $(tr -s ' ' <<<"${lines[0]}") == "VM PID USER UNIT VERDICT WORST FINDING WHAT HELPS" ]]
    [[ $(tr -s ' ' <<<"${lines[1]}") == "web 100 qemu (107) vm1.service high P16 traced by process 1 (and "*" more) Terminate the tracer, unless it is intended" ]]
    [[ ${lines[2]} == "CHECK SEVERITY PID TID FINDING" && ${lines[3]} == "H01   medium     -   - /dev/kvm "* ]]
    [[ ${lines[4]} == "1 QEMU process and 0 others: "* && ${#lines[@]} -eq 5 && $output != *$'\e'* ]]
}

@test "a QEMU that runs as root: what helps names virt-priv-run, and where to put it" {
    make_good
    put proc/100/cgroup '0::/system.slice/vm1.service\n'
    field 100 Uid '0	0	0	0'
    run -1 report
    echo "$output"
    [[ ${lines[1]} == "[qemu-system-x86] 100 root (0) vm1.service critical P01 runs as root: user id 0 (and 1 more) "* ]]
    [[ ${lines[1]} == *" unit vm1.service: put virt-priv-run before QEMU in ExecStart; what would prevent the start: virt-priv-run --check --pid 100" ]]
    run -1 report -v
    [[ $output == *"P01   critical "*" runs as root: user id 0. unit vm1.service: put virt-priv-run "* ]]
}

@test "names that are hostile: escaped, cut where there is little room, and whole for programs" {
    make_good
    local long name
    long=$(printf '%4096s' '' | tr ' ' x)
    for name in 'a\e[31m\nP01 pass' '<b>"&\\{x="y"}' '\377\376 \303\274' "$long" '| a=1'; do
        put proc/100/cmdline "qemu-system-x86_64\0-name\0guest=$name\0"
        run -0 report
        echo "$output"
        # A line for it, none of them forged, and nothing that steers a terminal.
        [ ${#lines[@]} -eq 3 ]
        [ "$(wc -L <<<"$output")" -lt 300 ]
        run ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' <<<"$output"
        run -0 report -v
        run ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' <<<"$output"
        run -0 report --prometheus "$scratch/audit.prom"
        [ "$(grep -cE '^virt_priv_audit_vm_verdict\{pid="100",vm="([^"\\]|\\.)+",unit="",uid="107",user="qemu"\} 0$' "$scratch/audit.prom")" -eq 1 ]
        ! type -P promtool || promtool check metrics <"$scratch/audit.prom"
        run -0 report --nagios
        [[ ${#lines[@]} -eq 1 && $(tr -cd '|' <<<"$output") == '|' ]]
        report --json >"$BATS_TEST_TMPDIR/document"
        tests/lib/validate-json tests/schema/virt-priv-audit.json <"$BATS_TEST_TMPDIR/document" >/dev/null
        /usr/bin/python3 -c 'import base64, json, sys
process, = json.load(open(sys.argv[1]))["processes"]
raw = base64.b64decode(process["vm_raw"]) if "vm_raw" in process else process["vm"].encode()
wanted = open(sys.argv[2], "rb").read().split(b"\0")[2][len("guest="):]
assert raw == wanted, (raw, wanted)' "$BATS_TEST_TMPDIR/document" "$t/proc/100/cmdline"
    done
}

@test "the details: a line for each finding, the identity of the check and the severity in the first columns" {
    make_findings
    run -1 report -v
    echo "$output"
    [[ $output == *$'\nCHECK SEVERITY '*" PID TID FINDING"$'\n'* ]]
    [[ $output == *"P05   medium         100 100 has CAP_NET_ADMIN"*", only within its user namespace"* ]]
    [[ $output == *"P19   unknown        100   - cannot read the core file size limit"* ]]
    [[ ${lines[-1]} == "1 QEMU process and 0 others: "*" findings of severity medium or above, "*" below, "*" unknown" ]]
    [[ $output != *$'\e'* ]]
    [[ $output == *"P01   pass"* && $output == *"P12   not-applicable"* ]]
    [[ $output == *"P16   high"*". Terminate the tracer, unless it is intended."* ]]
    [[ $output == *"process 100, 1 threads, found by name: /usr/bin/qemu-system-x86_64, in no unit"* ]]
}

@test "--summary: one line of counts" {
    make_findings
    run -1 report --summary
    [[ $output == "1 VM: 1 high; host: 0 findings; claims: 0 held, 0 abandoned; 2 checks unknown" ]]
    make_good
    process 200
    field 200/task/200 NoNewPrivs 0
    process 300
    user 300 6001
    journal web $boot
    journal mail 00000000-0000-0000-0000-000000000000
    put var/lib/virt-privileges/claims/torn 'virt-privileges claims 1\n'
    run -1 report --summary
    [ "$output" = "3 VMs: 1 medium, 1 low, 1 info; host: 1 finding: 1 medium; claims: 1 held, 1 abandoned, 1 unknown; 1 check unknown" ]
    chmod 0777 "$t/var/lib/virt-privileges/claims"
    run -1 report --summary
    [[ $output == *"; claims: unknown; 1 check unknown" ]]
    make_empty
    run -0 report --summary
    [ "$output" = "0 VMs; host: 0 findings; claims: 0 held, 0 abandoned; 0 checks unknown" ]
}

@test "an ordinary user's VM makes no monitoring fail, and one with privileges does" {
    make_good
    user 100 6001
    field 100 NoNewPrivs 0
    rm "$t/proc/100/limits"
    run -0 report --strict
    run -0 report --nagios
    [ "$output" = "VIRT-PRIV-AUDIT OK - 0 findings | findings=0 processes=1 unknown=0 vms=1 claims_held=0 claims_abandoned=0" ]
    run -0 report --prometheus "$scratch/audit.prom"
    run ! grep -E '^virt_priv_audit_(findings.*severity="(low|medium|high|critical)"|unknown).* [1-9]' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_findings{check="P02",severity="info"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_vms{verdict="info"} 1' "$scratch/audit.prom"
    field 100 CapPrm 0000000000001000
    run -2 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT CRITICAL - "*", worst: P05 process 100 has CAP_NET_ADMIN"* ]]
    run -1 report
}

@test "the table on a terminal of 80 columns: nothing is wider, and id and severity are not wrapped" {
    make_findings
    put proc/100/cmdline 'qemu-system-x86_64\0-name\0web-server-of-the-second-floor\0'
    put proc/100/cgroup '0::/system.slice/web-server-of-the-second-floor.service\n'
    on_terminal 80 virt-priv-audit --root "$t" -v | sed 's/\x1b\[[0-9;]*m//g' >"$BATS_TEST_TMPDIR/table"
    cat "$BATS_TEST_TMPDIR/table"
    [ "$(sed '/^CHECK/,$d' "$BATS_TEST_TMPDIR/table" | wc -L)" -le 80 ]
    grep -qE '^web.* 100 qemu \(107\) .* high ' "$BATS_TEST_TMPDIR/table"
    # From the details to the list of processes; a line that goes on begins with blanks.
    sed '1,/^$/d; /^process /,$d; /^$/d' "$BATS_TEST_TMPDIR/table" >"$BATS_TEST_TMPDIR/lines"
    [ "$(wc -L <"$BATS_TEST_TMPDIR/lines")" -le 80 ]
    run ! grep -vE '^(CHECK SEVERITY|[PH][0-9]{2}   (pass|not-applicable|unknown|info|low|medium|high|critical) |      )' "$BATS_TEST_TMPDIR/lines"
    [ "$(grep -cE '^[PH]' "$BATS_TEST_TMPDIR/lines")" -gt 20 ]
}

@test "the table has colours on a terminal, none where NO_COLOR says so, and none elsewhere" {
    make_findings
    on_terminal 100 virt-priv-audit --root "$t" | grep -q $'\e\\['
    run ! grep -q $'\e' <<<"$(NO_COLOR=1 on_terminal 100 virt-priv-audit --root "$t")"
    run ! grep -q $'\e' <<<"$(on_terminal 100 TERM=dumb virt-priv-audit --root "$t")"
    on_terminal 100 NO_COLOR= virt-priv-audit --root "$t" | grep -q $'\e\\['
    run ! grep -q $'\e' <<<"$(report)"
}

@test "a report that cannot be written is an error, whatever its form" {
    make_good
    for option in "" --json --nagios --summary --help --version "--explain all" "--explain P01"; do
        status=0
        # shellcheck disable=SC2086
        virt-priv-audit --root "$t" $option >/dev/full 2>/dev/null || status=$?
        echo "$option: $status"
        [ "$status" -eq 2 ] || [ "$option $status" = "--nagios 3" ]
    done
}

@test "the threshold decides the exit status, and nothing else" {
    make_good
    field 100 NoNewPrivs 0
    report --threshold info >"$BATS_TEST_TMPDIR/info" || [ $? -eq 1 ]
    for severity in info low medium; do
        run -1 report --threshold "$severity"
    done
    for severity in high critical; do
        run -0 report --threshold "$severity"
        [[ $output == *" medium "*"P09 no_new_privs"* ]]
    done
    run -2 report --threshold none
    run -0 report --threshold high
    [[ $output == *"0 findings of severity high or above, 1 below, 0 unknown" ]]
}

@test "checks can be chosen and left out, by ids in any case; one that does not exist is an error" {
    make_findings
    run -1 report --check p05,P16 --json
    [ "$(/usr/bin/python3 -c 'import json, sys; print(*sorted({f["check"] for f in json.load(sys.stdin)["findings"]}))' <<<"$output")" = "P05 P16" ]
    run -1 report --check P05 --check P16 --exclude P16
    [[ $output == *P05* && $output != *P16* ]]
    for ids in P99 "" "P05," "P05 P16"; do
        run -2 report --check "$ids"
        run -2 report --exclude "$ids"
        [[ $output == *"unknown check"* ]]
    done
}

@test "what is unknown makes the exit status 2 where --strict says so" {
    make_good
    rm "$t/proc/100/limits"
    run -0 report
    run -2 report --strict
    field 100 NoNewPrivs 0
    run -1 report
    run -2 report --strict
}

@test "targets: the host, processes, or all" {
    make_findings
    run -0 report host -v
    [[ $output == *H01* && $output != *P01* ]]
    run -1 report processes -v
    [[ $output != *H01* && $output == *P01* ]]
    run -2 report nothing
    run -2 report host processes
    run -2 report host --pid 100
    run -2 report --json --prometheus "$scratch/x"
    run -2 report --summary --json
}

@test "metrics are what promtool accepts" {
    type -P promtool || skip "no promtool"
    make_findings
    run -1 report --prometheus "$scratch/audit.prom"
    promtool check metrics <"$scratch/audit.prom"
}

@test "metrics say what was found" {
    make_findings
    run -1 report --prometheus "$scratch/audit.prom"
    [ "$output" = "" ]
    grep -x 'virt_priv_audit_findings{check="P16",severity="high"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_findings{check="P01",severity="critical"} 0' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_unknown{check="P19"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_processes{found_by="name"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_threads 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_exit_status 1' "$scratch/audit.prom"
    # The worst of each VM, and how many there are of each.
    grep -x 'virt_priv_audit_vms{verdict="high"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_vms{verdict="critical"} 0' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_vm_verdict{pid="100",vm="",unit="",uid="107",user="qemu"} 4' "$scratch/audit.prom"
    local state
    for state in held abandoned unknown; do
        grep -x "virt_priv_audit_claims{state=\"$state\"} 0" "$scratch/audit.prom"
    done
    [ "$(stat -c '%a %U' "$scratch/audit.prom")" = "644 root" ]
    # Every check has a line, found or not.
    [ "$(grep -c '^virt_priv_audit_unknown' "$scratch/audit.prom")" = "$(virt-priv-audit --explain all | wc -l)" ]
}

@test "metrics of claims and names: what cannot be read is unknown, and not none" {
    make_good
    put proc/100/cgroup '0::/system.slice/virt-priv-vm@web.service\n'
    journal web $boot
    journal mail 00000000-0000-0000-0000-000000000000
    put var/lib/virt-privileges/claims/torn 'virt-privileges claims 1\n'
    run -1 report --prometheus "$scratch/audit.prom"
    grep -x 'virt_priv_audit_vm_verdict{pid="100",vm="web",unit="virt-priv-vm@web.service",uid="107",user="qemu"} 0' "$scratch/audit.prom"
    local state
    for state in held abandoned unknown; do
        grep -x "virt_priv_audit_claims{state=\"$state\"} 1" "$scratch/audit.prom"
    done
    grep -x 'virt_priv_audit_findings{check="H08",severity="medium"} 1' "$scratch/audit.prom"
    grep -x 'virt_priv_audit_unknown{check="H08"} 1' "$scratch/audit.prom"
    chmod 0777 "$t/var/lib/virt-privileges/claims"
    run -0 report --prometheus "$scratch/audit.prom"
    for state in held abandoned unknown; do
        grep -x "virt_priv_audit_claims{state=\"$state\"} NaN" "$scratch/audit.prom"
    done
    ! type -P promtool || promtool check metrics <"$scratch/audit.prom"
}

@test "metrics replace the old file in one piece, and never what a link leads to" {
    make_good
    local out=$scratch/metrics
    mkdir "$out"
    echo precious >"$scratch/precious"
    ln -s ../precious "$out/audit.prom"
    run -0 report --prometheus "$out/audit.prom"
    [ "$(cat "$scratch/precious")" = precious ]
    [ ! -L "$out/audit.prom" ]
    ln "$out/audit.prom" "$scratch/old"
    run -0 report --prometheus "$out/audit.prom"
    [ "$(stat -c %i "$scratch/old")" != "$(stat -c %i "$out/audit.prom")" ]
    # Relative, and with the directory as working directory.
    (cd "$out" && virt-priv-audit --root "$t" --prometheus other.prom)
    [ "$(ls -A "$out")" = $'audit.prom\nother.prom' ]
    # A disk that is full leaves the old one, and nothing beside it.
    mount -t tmpfs -o size=16k tmpfs "$out"
    echo old >"$out/audit.prom"
    head -c 12k /dev/zero >"$out/filler" || true
    run -2 report --prometheus "$out/audit.prom"
    ls -lA "$out"
    [ "$(cat "$out/audit.prom")" = old ]
    [ "$(ls -A "$out")" = $'audit.prom\nfiller' ]
    umount "$out"
    run -2 report --prometheus "$scratch/none/audit.prom"
    run -2 report --prometheus "$scratch/"
}

@test "one line for Nagios, with its exit statuses" {
    make_good
    run -0 report --nagios
    [ "$output" = "VIRT-PRIV-AUDIT OK - 0 findings | findings=0 processes=1 unknown=0 vms=1 claims_held=0 claims_abandoned=0" ]
    field 100 NoNewPrivs 0
    run -1 report --nagios
    [ "$output" = "VIRT-PRIV-AUDIT WARNING - 1 finding, worst: P09 process 100 no_new_privs is not set | findings=1 processes=1 unknown=0 vms=1 claims_held=0 claims_abandoned=0" ]
    put proc/100/cmdline 'qemu-system-x86_64\0-name\0web\0'
    run -1 report --nagios
    [[ $output == *", worst: P09 VM web (process 100) no_new_privs is not set | "* ]]
    put proc/100/cmdline ''
    field 100 TracerPid 1
    run -2 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT CRITICAL - 2 findings, worst: P16 process 100 "* ]]
    make_good
    ln -sfn 'user:[4026532999]' "$t/proc/self/ns/user"
    ln -sfn 'user:[4026532999]' "$t/proc/100/ns/user"
    run -3 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT UNKNOWN - 0 findings, but the audit is incomplete | "* ]]
    # Abandoned claims are a warning; what cannot be read has no number.
    make_good
    journal web $boot
    journal mail 00000000-0000-0000-0000-000000000000
    run -1 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT WARNING - 1 finding, worst: H08 1 claim is abandoned (VM mail): "*" claims_held=1 claims_abandoned=1" ]]
    put var/lib/virt-privileges/claims/mail 'virt-privileges claims 1\n'
    run -0 report --nagios
    [[ $output == *" unknown=1 vms=1 claims_held=U claims_abandoned=U" ]]
    # A "|" of a name begins no figures.
    make_good
    cp "$t/usr/bin/qemu-system-x86_64" "$t/usr/bin/qemu-system-a|b"
    chmod 0777 "$t/usr/bin/qemu-system-a|b"
    exe '/usr/bin/qemu-system-a|b'
    run -2 report --nagios
    [[ $output == *"qemu-system-a/b"* && $(tr -cd '|' <<<"$output") == '|' && ${#lines[@]} -eq 1 ]]
    run -3 virt-priv-audit --nagios --root /none
}

@test "one record in the journal for each finding, of a kind that stays the same" {
    make_findings
    mkdir -p /run/systemd/journal
    local one
    for one in P16:bfd0ee6dbb7a44cd9bb5f27d9e0ba0f4:fail:high:3 P19:4b58b2b7fd7c4e0fb0a4eb7e1a1e6d11:unknown:low:5 P17:bfd0ee6dbb7a44cd9bb5f27d9e0ba0f4:fail:info:6; do
        IFS=: read -r check id verdict severity priority <<<"$one"
        tests/lib/journal-sink /run/systemd/journal/socket "$BATS_TEST_TMPDIR/record" \
            virt-priv-audit --root "$t" --check "$check" processes --journal --threshold critical >/dev/null
        cat "$BATS_TEST_TMPDIR/record"
        grep -x "MESSAGE_ID=$id" "$BATS_TEST_TMPDIR/record"
        grep -x "PRIORITY=$priority" "$BATS_TEST_TMPDIR/record"
        grep -x "VIRT_PRIV_CHECK=$check" "$BATS_TEST_TMPDIR/record"
        grep -x "VIRT_PRIV_SEVERITY=$severity" "$BATS_TEST_TMPDIR/record"
        grep -x "VIRT_PRIV_STATUS=$verdict" "$BATS_TEST_TMPDIR/record"
        grep -x "VIRT_PRIV_PID=100" "$BATS_TEST_TMPDIR/record"
        grep "^MESSAGE=$check: process 100: " "$BATS_TEST_TMPDIR/record"
        mandoc -T ascii tools/man/virt-priv-audit.8 | sed 's/.\x08//g' | grep -q "$id"
    done
    # As many records as findings; the sink takes one.
    run -1 tests/lib/journal-sink /run/systemd/journal/socket "$BATS_TEST_TMPDIR/record" \
        virt-priv-audit --root "$t" --check P09,P16,P17,P01 processes --journal --threshold critical
    [[ $output == *"journal-sink: 3 records, exit status 0" ]]
}

# in_unit CGROUP INVOCATION: the record of a finding that comes from such a unit.
in_unit() {
    printf "$1" >"$BATS_TEST_TMPDIR/cgroup"
    # shellcheck disable=SC2016
    tests/lib/journal-sink /run/systemd/journal/socket "$BATS_TEST_TMPDIR/record" \
        unshare --mount sh -c 'mount --bind "$0" "/proc/$$/cgroup" && exec "$@"' "$BATS_TEST_TMPDIR/cgroup" \
        env INVOCATION_ID="$2" virt-priv-audit --root "$t" --check P16 processes --journal --threshold critical
}

@test "a record names the unit that it comes from, so that the journal need not look that up" {
    make_findings
    mkdir -p /run/systemd/journal
    local id=0123456789abcdef0123456789abcdef cgroup invocation unit
    while IFS='|' read -r cgroup invocation unit; do
        echo "$cgroup, $invocation: $unit"
        in_unit "$cgroup" "$invocation" >/dev/null
        grep -x 'VIRT_PRIV_CHECK=P16' "$BATS_TEST_TMPDIR/record"
        [ "$(sed -n '/^OBJECT_/p' "$BATS_TEST_TMPDIR/record" | xargs)" = \
            "${unit:+OBJECT_SYSTEMD_UNIT=$unit OBJECT_SYSTEMD_INVOCATION_ID=$invocation}" ]
    done <<ROWS
0::/system.slice/virt-priv-audit.service\n|$id|virt-priv-audit.service
4:memory:/a.service\n1:name=systemd:/system.slice/b.service\n0::/c.service\n|$id|b.service
0::/user.slice/user-0.slice/session-1.scope\n|$id|session-1.scope
0::/system.slice/virt-priv-audit.service\n||
0::/system.slice/virt-priv-audit.service\n|${id}0|
0::/system.slice/virt-priv-audit.service\n|${id/0/Z}|
0::/\n|$id|
|$id|
ROWS
}

# real_journal: a journald of this host alone, in $journal, that reads nothing of the kernel's.
real_journal() {
    [ -x /usr/lib/systemd/systemd-journald ] || skip "no journald here"
    [ -s /etc/machine-id ] || systemd-id128 new >/etc/machine-id
    mkdir -p /run/systemd/journal /etc/systemd
    printf '%s\n' '[Journal]' Storage=volatile ReadKMsg=no Audit= RateLimitBurst=0 >/etc/systemd/journald.conf
    rm -f /run/systemd/journal/socket
    unshare --net /usr/lib/systemd/systemd-journald 3>&- 2>"$BATS_TEST_TMPDIR/journald" &
    journal=$!
    local i
    for ((i = 0; i < 3000; i++)); do
        [ ! -S /run/systemd/journal/io.systemd.journal ] || return 0
        sleep 0.02
    done
    cat "$BATS_TEST_TMPDIR/journald"
    return 1
}

@test "journalctl -u finds each record, though the journal comes to it when the audit has ended" {
    local runs=${VP_JOURNAL_RUNS:-20} checks=P16,P17,P19 i
    make_findings
    real_journal
    echo 0::/system.slice/virt-priv-audit.service >"$BATS_TEST_TMPDIR/cgroup"
    for ((i = 0; i < runs; i++)); do
        kill -STOP "$journal"
        # shellcheck disable=SC2016
        unshare --mount sh -c 'mount --bind "$0" "/proc/$$/cgroup" && exec "$@"' "$BATS_TEST_TMPDIR/cgroup" \
            env INVOCATION_ID=0123456789abcdef0123456789abcdef \
            virt-priv-audit --root "$t" --check "$checks" processes --journal --threshold critical >/dev/null
        kill -CONT "$journal"
        journalctl --sync
    done
    kill "$journal"
    wait "$journal" || true
    journalctl --quiet --unit virt-priv-audit.service --output cat --output-fields VIRT_PRIV_CHECK |
        sort | uniq -c | awk '{ print $2, $1 }' >"$BATS_TEST_TMPDIR/found"
    rm -r /run/systemd/journal /run/log/journal
    # shellcheck disable=SC2086
    diff <(printf "%s $runs\n" ${checks//,/ }) "$BATS_TEST_TMPDIR/found"
}

@test "a full log is waited for, and what is lost is told" {
    make_findings
    mkdir -p /run/systemd/journal
    # Takes nothing for two seconds.
    tests/lib/slow-journal /run/systemd/journal/socket 2 "$BATS_TEST_TMPDIR/taken" 3>&- &
    local journal=$! checks=P01,P03,P05,P09,P16,P17,P19,P20
    while [ ! -S /run/systemd/journal/socket ]; do sleep 0.02; done
    run report --check "$checks" processes --journal
    [[ $output != *"could not be written"* ]]
    kill "$journal"
    wait "$journal" || true
    [ "$(wc -l <"$BATS_TEST_TMPDIR/taken")" -eq "$(report --check "$checks" processes --json | grep -cE '"status": "(fail|unknown)"')" ]
    rm /run/systemd/journal/socket
    run report --check "$checks" processes --journal
    [[ $output == *"warning: "*" findings could not be written to the system log"* ]]
}

@test "of the two sockets of a log that takes nothing, the first alone is waited for, once" {
    make_findings
    # Every record is refused as it is when its time is over, without any time.
    strace -f -qq -o "$BATS_TEST_TMPDIR/calls" -e trace=socket,sendto -e inject=sendto:error=EAGAIN \
        "$VP_BUILD/virt-priv-audit" --root "$t" --check P01,P03,P05,P09,P16,P17,P19,P20 processes --journal \
        >"$BATS_TEST_TMPDIR/said" 2>&1 || true
    cat "$BATS_TEST_TMPDIR/said" "$BATS_TEST_TMPDIR/calls"
    grep -q "warning: \([0-9]*\) of \1 findings could not be written to the system log" "$BATS_TEST_TMPDIR/said"
    sed -nE '/socket\(AF_UNIX, SOCK_DGRAM/{s/.*SOCK_NONBLOCK.*/tried/; t print; s/.*/waits/; :print; p}
        s,.*sendto\(.*sun_path="([^"]*)".*,\1,p' "$BATS_TEST_TMPDIR/calls" | paste -d' ' - - >"$BATS_TEST_TMPDIR/order"
    [ "$(head -n 2 "$BATS_TEST_TMPDIR/order")" = $'waits /run/systemd/journal/socket\ntried /dev/log' ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/order")" -gt 2 ]
    run ! grep -n waits <(tail -n +2 "$BATS_TEST_TMPDIR/order")
}

@test "--explain: each check has a title, a severity, an explanation and a remedy" {
    local id n=0
    for id in P{00..24} H{01..08}; do
        run -0 virt-priv-audit --explain "$id"
        [[ ${lines[0]} == "$id  "?* && $output == *"Severity: "* && $output == *"Remedy:"* ]]
        [ "$(wc -L <<<"$output")" -le 80 ]
        n=$((n + 1))
    done
    [ "$(virt-priv-audit --explain all | wc -l)" -eq "$n" ]
    run -0 virt-priv-audit --explain p05
    run -2 virt-priv-audit --explain P25
}

@test "the manual's catalogue of checks is the program's" {
    local page=$VP_BUILD/man/virt-priv-audit.8 id
    run -2 virt-priv-audit --explain manual
    # All else is the template's.
    diff <(sed '/^\.\\" @CATALOGUE@/d' tools/man/virt-priv-audit.8) \
        <(sed '/^\.Sh CHECKS/,/^\.Sh ENVIRONMENT/ { /^\.Bl/,/^\.El/d; }' "$page")
    # The words of each check, in their order, whatever their lines.
    sed -n '/^\.Sh CHECKS/,/^\.El/p' "$page" | sed -n '/^\.It/,$p' |
        sed -E 's/^\.It Cm (...) Pq (.*)/@ \1 severity: \2/; s/^\.Em //; /^\.(br|El)$/d; s/\\-/-/g' | xargs -d '\n' | tr -s ' @' '\n' |
        sed '/^$/d' >"$BATS_TEST_TMPDIR/manual"
    for id in $(virt-priv-audit --explain all | cut -d' ' -f1); do
        virt-priv-audit --explain "$id" >"$BATS_TEST_TMPDIR/check"
        echo "$id"
        sed -n 's/^Severity: /severity: /p' "$BATS_TEST_TMPDIR/check"
        sed "1s/^$id//; /^Severity: /d" "$BATS_TEST_TMPDIR/check"
    done | tr -s ' ' '\n' | sed '/^$/d' >"$BATS_TEST_TMPDIR/program"
    [ "$(wc -w <"$BATS_TEST_TMPDIR/program")" -gt 1000 ]
    diff "$BATS_TEST_TMPDIR/program" "$BATS_TEST_TMPDIR/manual"
}

@test "the figures of libvirt's static label in virt-privileges(7) are those that SECURITY.md has as measured" {
    local all shipped label
    all=$(sed -n 's/^Of \([0-9]*\) attempts by code in .*/\1/p' SECURITY.md)
    shipped=$(sed -n 's/^| libvirt, as shipped | \([0-9]*\).*/\1/p' SECURITY.md)
    label=$(sed -n 's/^| libvirt with a static DAC label per VM | \([0-9]*\).*/\1/p' SECURITY.md)
    echo "$all: $shipped, $label"
    [ "$label" -lt "$shipped" ]
    [ "$shipped" -lt "$all" ]
    tr '\n' ' ' <tools/man/virt-privileges.7 |
        grep -qF " Of $all attempts to reach something outside, $label succeed in it, and $shipped in a domain as "
}
