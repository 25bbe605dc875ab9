#!/usr/bin/env bats
# What separates VMs from each other: real processes side by side, which a case (cases.d), judged by itself, has not;
# and the ids of isolated VMs. Everything else of these checks is in trees.d and cases.d.

# shellcheck disable=SC2034 # audit.bash reads them
load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_dev
}

teardown_file() {
    end_dev
}

# found CHECK OPTION...: "PID SEVERITY" of each process, "pass" and "unknown" too.
found() {
    audit --json --verbose --check "$1" processes "${@:2}" |
        /usr/bin/python3 -c 'import json, sys
for f in json.load(sys.stdin)["findings"]:
    print(f["pid"], f["severity"] if f["status"] == "fail" else f["status"])'
}

# are CHECK PID SEVERITY...: through BPF, and through /proc.
are() {
    local way
    for way in "" --no-bpf; do
        # shellcheck disable=SC2086
        diff <(found "$1" $way) <(printf '%s %s\n' "${@:2}" | sort -n)
    done
}

# ends PID: nothing is left of it.
ends() {
    kill -KILL "$1"
    wait "$1" || true
}

@test "P21: VMs of one account are worth a line, and an alarm where VMs are isolated" {
    local first second isolated id copy=()
    own=() more=()
    ! "$qemu" -help | grep -q '^-async-teardown' || copy=(-async-teardown)
    ! "$qemu" -help | grep -q '^-run-with.*async-teardown' || copy=(-run-with async-teardown=on)
    more=("${copy[@]}")
    qemu virt-priv-exec
    first=$pid
    more=()
    # The copy that QEMU leaves is none of another VM's.
    if [ ${#copy[@]} -gt 0 ]; then
        eventually pgrep -P "$first"
        copy=("$(pgrep -P "$first")")
        are P21 "$first" pass "${copy[0]}" pass
    fi
    ends "$first"
    [ ${#copy[@]} -eq 0 ] || eventually test ! -e "/proc/${copy[0]}"
    qemu virt-priv-exec
    first=$pid
    are P21 "$first" pass
    qemu virt-priv-exec
    second=$pid
    are P21 "$first" low "$second" low
    run -0 audit --check P21
    own=(--isolate=user)
    run_qemu
    isolated=$pid
    are P21 "$first" high "$second" high "$isolated" pass
    run -1 audit --check P21
    echo "$output"
    [[ $output == *" has the user id qemu (107) of 1 other VM too (process $second)"* ]]
    ends "$first"
    are P21 "$second" pass "$isolated" pass
    # Somebody takes the id of a VM that runs.
    id=$(ps -o uid= -p "$isolated" | xargs)
    ends "$second"
    qemu setpriv --reuid "$id" --regid "$id" --clear-groups --no-new-privs
    are P21 "$isolated" high "$pid" high
}

@test "P21 to P24: what a user cannot see is unknown, and never a pass" {
    more=()
    chmod 0644 /etc/libvirt/qemu.conf
    qemu setpriv --reuid alice --regid alice --clear-groups --no-new-privs
    run -0 setpriv --reuid alice --regid alice --clear-groups "$(type -P virt-priv-audit)" --check P21,P22,P23 processes -v
    echo "$output"
    [ "$(grep -c "^P2[123]   unknown *$pid " <<<"$output")" -eq 4 ]
    run ! grep -E '^P2[1-3]   pass' <<<"$output"
    # What is not known of another's process for want of a right makes the audit incomplete.
    qemu virt-priv-exec
    run -2 setpriv --reuid alice --regid alice --clear-groups "$(type -P virt-priv-audit)" --check P22,P23 --pid "$pid" -v
    [ "$(grep -c "^P2[23]   unknown *$pid .*Permission denied" <<<"$output")" -eq 3 ]
}

@test "H06: what else has ids of VMs, and the command that reserves them" {
    local file id remedy
    own=(--isolate=user) more=()
    h06() {
        virt-priv-audit --check H06 host | grep '^H06' || true
    }
    cp /etc/passwd "$BATS_TEST_TMPDIR"
    printf '%s\n' alice:65536:30000 >/etc/subuid
    : >/etc/subgid
    [[ $(h06) == *'H06   low '*' /etc/subuid:1: alice:65536:30000 overlaps with isolate_ids = "90000:8192" of qemu.conf: 5536 ids cannot be given to VMs' ]]
    # The kernel's word: what is left is what VMs get.
    printf '%s\n' 'isolate_ids = "90000:8"' >>/etc/libvirt/qemu.conf
    printf '%s\n' alice:90000:7 >/etc/subuid
    [[ $(h06) == *': 7 ids cannot be given to VMs' ]]
    run_qemu
    [ "$(ps -o uid= -p "$pid" | xargs)" = 90007 ]
    [[ $(h06) == *'H06   medium '*'alice:90000:7'* ]]
    : >/etc/subuid
    [ "$(h06 | grep -c 'H06   low .*not reserved in /etc/sub[ug]id')" -eq 2 ]
    remedy=$(h06 | sed -n 's/.* to reserve it: //p' | head -1)
    eval "$remedy"
    [ "$(cat /etc/subuid /etc/subgid)" = $'virt-privileges:90000:8\nvirt-privileges:90000:8' ]
    [ -z "$(h06)" ]
    # An account that comes while the VM runs.
    echo "mallory:x:90007:90007::/:/bin/bash" >>/etc/passwd
    [[ $(h06) == *"H06   high "*" user mallory has the id 90007 of a running VM"* ]]
    cp "$BATS_TEST_TMPDIR/passwd" /etc
    # A file of a VM that has ended.
    file=/var/lib/libvirt/images/left
    mkdir -p /var/lib/libvirt/images
    touch "$file"
    chown 90007 "$file"
    [ -z "$(h06)" ]
    ends "$pid"
    eventually test ! -e /run/virt-privileges/.id-90007
    [[ $(h06) == *" $file belongs to 90007, an id of isolate_ids that no VM has now"* ]]
    mkdir -p /var/lib/virt-privileges/ids
    echo vm1 >/var/lib/virt-privileges/ids/90007
    [ -z "$(h06)" ]
    rm /etc/subuid /etc/subgid
}
