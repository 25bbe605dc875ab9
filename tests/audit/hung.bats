#!/usr/bin/env bats
# Processes of a user who serves what they are looked at by, and stops answering; mounts of root's
# that do. The audit ends, and says what it could not see.
# shellcheck disable=SC2016 # commands that are another shell's

load audit.bash
load ../lib/hung.bash

installed=/usr/bin/qemu-system-nothing

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_dev
    chmod 0666 /dev/fuse
    make_usr
    # Not byte by byte what the test itself sleeps with, which is root's, and would be a QEMU.
    cp /bin/sleep $installed
    printf '\0' >>$installed
}

teardown_file() {
    umount -l /usr
    end_dev
}

teardown() {
    local process
    for process in "${started[@]}"; do
        kill -KILL "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    end_hung
    rm -rf "${scratch:?}"/*
}

# hostile COMMAND...: starts a process of alice's, "qemu-system-x86_64" in $scratch, with what COMMAND does with
# the file $file, whose server then is silent.
hostile() {
    install -m 0755 "${program:-$installed}" $scratch/qemu-system-x86_64
    # shellcheck disable=SC2016
    attack $installed 'file=/mnt/attack/merged/file qemu=/mnt/scratch/qemu-system-x86_64'"
        $1
        holder=\$!
        until $2; do sleep 0.05; done
        wait_here"
}

# audit_within SECONDS OPTION...: its findings, as JSON in $document; sets status.
audit_within() {
    document=$BATS_TEST_TMPDIR/document
    within "$1" virt-priv-audit --json "${@:2}"
    printf '%s\n' "$output" >"$document"
    tests/lib/validate-json tests/schema/virt-priv-audit.json <"$document" >/dev/null
}

for_both() {
    local way
    for way in --no-bpf --threshold=medium; do
        "$@" "$way"
    done
}

# finds TEXT: in the message of a finding that is unknown.
finds() {
    /usr/bin/python3 -c 'import json, sys
found = [f["message"] for f in json.load(open(sys.argv[1]))["findings"] if f["status"] == "unknown"]
sys.exit(not any(sys.argv[2] in message for message in found))' "$document" "$1"
}

judged() {
    grep -q "\"pid\": $holder" "$document"
}

seen() {
    audit_within 4 "$1" processes --exclude H05
    [ "$status" -eq 0 ]
    judged
    ! finds "not answered"
}

@test "an open descriptor of a file whose server is silent is judged without asking it" {
    hostile '$qemu 1000 7<$file &' '[ -L /proc/$holder/fd/7 ]'
    for_both seen
}

@test "so is a current directory, and a root" {
    hostile '(cd /mnt/attack/merged && exec $qemu 1000) &' '[[ $(readlink /proc/$holder/exe) == */qemu-system-x86_64 ]]'
    for_both seen
}

unsure_of_executable() {
    audit_within 20 "$1" processes --exclude H05
    # It is alice's, who can do no more with it than without: no reason to call the audit blind.
    [ "$status" -eq 0 ]
    judged
    finds "cannot determine whether the executable has file capabilities: not answered in 5 s"
}

@test "an executable that QEMU's name is bound over: what has to be asked is unknown" {
    hostile 'mount --bind $file $qemu; $qemu 1000 &' '[[ $(readlink /proc/$holder/exe) == */qemu-system-x86_64 ]]'
    for_both unsure_of_executable
}

unsure_of_copy() {
    audit_within 20 --check H05 "$1"
    [ "$status" -eq 2 ]
    grep -q '"hidden_processes": 1' "$document"
    finds "cannot inspect 1 process: not answered in 5 s"
}

@test "an executable of the size of an installed QEMU: whether it is a copy is unknown" {
    hostile '$file 1000 &' '[[ $(readlink /proc/$holder/exe) == *merged/file ]]'
    for_both unsure_of_copy
}

@test "a command line in pages of such a file is not read" {
    program=$helpers/args-on hostile '$qemu $file >/mnt/scratch/args.said &' 'grep -qx ready /mnt/scratch/args.said'
    for_both seen
}

@test "a mount of root's where QEMU can be installed" {
    mkdir -p /usr/local/libexec
    serve /usr/local/libexec /bin/sleep mount=user_id=0,allow_other
    silence
    audit_within 20 --check H05
    [ "$status" -eq 2 ]
    finds "cannot determine which programs in /usr/local/libexec are QEMU: not answered in 5 s"
}

@test "a mount of root's where an object lies that a group may reach" {
    mkdir -p /run/podman
    serve /run/podman /bin/sleep mount=user_id=0,allow_other
    silence
    qemu setpriv --reuid qemu --regid qemu --groups kvm --no-new-privs --bounding-set=-all --inh-caps=-all
    audit_within 20 --check P04 --pid "$pid"
    [ "$status" -eq 2 ]
    finds "cannot examine all objects that its groups give access to: not answered in 5 s"
}

@test "a mount of root's with the settings" {
    serve /etc/libvirt /bin/sleep mount=user_id=0,allow_other
    silence
    audit_within 20 --check H03
    umount -l /etc/libvirt
    [ "$status" -eq 2 ]
    finds "cannot read the settings: not answered in 5 s"
}

@test "an audit that could not see all of it leaves nobody in its way" {
    hostile 'mount --bind $file $qemu; $qemu 1000 &' '[[ $(readlink /proc/$holder/exe) == */qemu-system-x86_64 ]]'
    audit_within 20 --exclude H05
    # Children that wait hold nothing of it, and go with the server.
    pgrep -x vp-attempt
    end_hung
    gone() { ! pgrep -x vp-attempt; }
    eventually gone
}
