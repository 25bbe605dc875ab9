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

report() {
    virt-priv-audit --root "$t" "$@"
}

# on_terminal COLUMNS COMMAND: what it writes to a terminal of that width.
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns rows 50; $*" /dev/null </dev/null | tr -d '\r'
}

@test "the table: a line for each finding, the identity of the check and the severity in the first columns" {
    make_findings
    run -1 report
    echo "$output"
    [[ ${lines[0]} == "CHECK SEVERITY PID TID FINDING" ]]
    [[ $output == *"P05   medium   100 100 has CAP_NET_ADMIN"*", only within its user namespace"* ]]
    [[ $output == *"P19   unknown  100   - cannot read the core file size limit"* ]]
    [[ ${lines[-1]} == "1 QEMU process and 0 others: "*" findings of severity medium or above, "*" below, "*" unknown" ]]
    [[ $output != *$'\e'* && $output != *"P01"* ]]
    run -1 report -v
    [[ $output == *"P01   pass"* && $output == *"P12   not-applicable"* ]]
    [[ $output == *"P16   high"*". Terminate the tracer, unless it is intended."* ]]
    [[ $output == *"process 100, 1 threads, found by name: /usr/bin/qemu-system-x86_64"* ]]
}

@test "the table on a terminal of 80 columns: nothing is wider, and id and severity are not wrapped" {
    make_findings
    on_terminal 80 virt-priv-audit --root "$t" -v | sed 's/\x1b\[[0-9;]*m//g' >"$BATS_TEST_TMPDIR/table"
    cat "$BATS_TEST_TMPDIR/table"
    # Up to the list of processes; a line that goes on begins with blanks.
    sed '/^process /,$d' "$BATS_TEST_TMPDIR/table" >"$BATS_TEST_TMPDIR/lines"
    [ "$(wc -L <"$BATS_TEST_TMPDIR/lines")" -le 80 ]
    run ! grep -vE '^(CHECK SEVERITY|[PH][0-9]{2}   (pass|not-applicable|unknown|info|low|medium|high|critical) |      )' "$BATS_TEST_TMPDIR/lines"
    [ "$(grep -cE '^[PH]' "$BATS_TEST_TMPDIR/lines")" -gt 20 ]
}

@test "the table has colours on a terminal, none where NO_COLOR says so, and none elsewhere" {
    make_findings
    on_terminal 100 virt-priv-audit --root "$t" | grep -q $'\e\\['
    run ! grep -q $'\e' <<<"$(NO_COLOR=1 on_terminal 100 virt-priv-audit --root "$t")"
    on_terminal 100 NO_COLOR= virt-priv-audit --root "$t" | grep -q $'\e\\['
    run ! grep -q $'\e' <<<"$(report)"
}

@test "a report that cannot be written is an error, whatever its form" {
    make_good
    for option in "" --json --nagios --help --version "--explain all" "--explain P01"; do
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
        [[ $output == *"P09   medium"* ]]
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
    [ "$(stat -c '%a %U' "$scratch/audit.prom")" = "644 root" ]
    # Every check has a line, found or not.
    [ "$(grep -c '^virt_priv_audit_unknown' "$scratch/audit.prom")" = "$(virt-priv-audit --explain all | wc -l)" ]
}

@test "metrics replace the old file in one piece, and never what a link leads to" {
    make_good
    local out=$scratch/metrics
    mkdir "$out"
    echo precious >"$scratch/precious"
    ln -s ../precious "$out/audit.prom"
    run -0 report --prometheus "$out/audit.prom"
    [ "$(cat "$scratch/precious")" = precious ] && [ ! -L "$out/audit.prom" ]
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
    [ "$(cat "$out/audit.prom")" = old ] && [ "$(ls -A "$out")" = $'audit.prom\nfiller' ]
    umount "$out"
    run -2 report --prometheus "$scratch/none/audit.prom"
    run -2 report --prometheus "$scratch/"
}

@test "one line for Nagios, with its exit statuses" {
    make_good
    run -0 report --nagios
    [ "$output" = "VIRT-PRIV-AUDIT OK - 0 findings | findings=0 processes=1 unknown=0" ]
    field 100 NoNewPrivs 0
    run -1 report --nagios
    [ "$output" = "VIRT-PRIV-AUDIT WARNING - 1 finding, worst: P09 process 100 no_new_privs is not set | findings=1 processes=1 unknown=0" ]
    field 100 TracerPid 1
    run -2 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT CRITICAL - 2 findings, worst: P16 process 100 "* ]]
    make_good
    ln -sfn 'user:[4026532999]' "$t/proc/self/ns/user"
    ln -sfn 'user:[4026532999]' "$t/proc/100/ns/user"
    run -3 report --nagios
    [[ $output == "VIRT-PRIV-AUDIT UNKNOWN - 0 findings, but the audit is incomplete | "* ]]
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
    for ((i = 0; i < 500; i++)); do
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
    [ "$(wc -l <"$BATS_TEST_TMPDIR/taken")" -eq "$(grep -cE '^[PH][0-9]+ ' <<<"$output")" ]
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
    for id in P{00..24} H{01..07}; do
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
    [ "$label" -lt "$shipped" ] && [ "$shipped" -lt "$all" ]
    tr '\n' ' ' <tools/man/virt-privileges.7 |
        grep -qF " Of $all attempts to reach something outside, $label succeed in it, and $shipped in a domain as "
}
