#!/usr/bin/env bats
# What is found and what is not, at what cost, and whether the audit says what it could not see.

load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_dev
}

teardown_file() {
    end_dev
}

# pids [OPTION...]: those that were judged, and how they were found.
pids() {
    virt-priv-audit --json "$@" processes |
        /usr/bin/python3 -c 'import json, sys
for process in json.load(sys.stdin)["processes"]:
    print(process["pid"], process["found_by"])'
}

@test "QEMU is found among other processes, and a user of KVM too, unless that is not wanted" {
    grep -qw kvm /proc/misc || skip "this machine has no KVM"
    qemu virt-priv-exec
    local first=$pid
    start bash -c 'exec -a qemu-system-x86_64 sleep 600'
    start "$helpers/hold-kvm"
    eventually grep -q ready "$said"
    local way
    for way in "" --no-bpf; do
        # shellcheck disable=SC2086
        [ "$(pids $way)" = "$(printf '%s\n' "$first name" "$pid kvm" | sort -n)" ]
        # shellcheck disable=SC2086
        [ "$(pids $way --no-kvm-scan)" = "$first name" ]
    done
}

@test "a copy and another name of QEMU are found among all processes, through BPF as through /proc" {
    local way
    make_usr
    cp "$qemu" /usr/bin/dovecot
    touch /usr/bin/other
    mount --bind "$qemu" /usr/bin/other
    cp /bin/sleep /usr/bin/qemu-nothing
    start /usr/bin/qemu-nothing 100
    qemu=/usr/bin/dovecot qemu virt-priv-exec
    local copy=$pid
    qemu=/usr/bin/other qemu virt-priv-exec
    for way in "" --no-bpf; do
        # shellcheck disable=SC2086
        diff <(pids $way) <(printf '%s\n' "$copy copy" "$pid file" | sort -n)
    done
    kill "$copy" "$pid"
    wait "$copy" "$pid" || true
    umount /usr/bin/other
    umount -l /usr
}

# runs FILE: a process of it is there.
runs() {
    start "$1" 100
    eventually test "/proc/$pid/exe" -ef "$1"
}

@test "a file that is no QEMU by one of its names is QEMU by another, through /proc" {
    local found=()
    cp /bin/sleep "$scratch/linked"
    ln "$scratch/linked" "$scratch/qemu-system-linked"
    cp /bin/sleep "$scratch/mounted"
    touch "$scratch/qemu-kvm"
    mount --bind "$scratch/mounted" "$scratch/qemu-kvm"
    cp /bin/sleep "$scratch/renamed"
    # Each is seen under its other name before.
    runs "$scratch/linked"
    runs "$scratch/qemu-system-linked"
    found+=("$pid name")
    runs "$scratch/mounted"
    runs "$scratch/qemu-kvm"
    found+=("$pid name")
    runs "$scratch/renamed"
    runs "$scratch/renamed"
    diff <(pids --no-bpf --no-kvm-scan) <(printf '%s\n' "${found[@]}")
    mv "$scratch/renamed" "$scratch/qemu-system-renamed"
    [ "$(pids --no-bpf --no-kvm-scan | wc -l)" -eq 4 ]
    kill "${started[@]}"
    wait "${started[@]}" || true
    umount "$scratch/qemu-kvm"
}

@test "where BPF cannot be had, /proc is read, and the reason is told" {
    qemu virt-priv-exec
    run -1 setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-all "$(type -P virt-priv-audit)" -v --threshold low --exclude H05 processes
    echo "$output"
    [[ $output == *"; reading /proc"* && $output == *"process $pid, "* ]]
    run -1 setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-all "$(type -P virt-priv-audit)" --json --threshold low --exclude H05 processes
    [[ $output == *'"source": "proc"'* && $output != *'"source": "bpf"'* ]]
}

@test "credentials that change all the time are a finding" {
    start "$helpers/restless"
    eventually grep -q ready "$said"
    # While another process has its processor, they do not change.
    restless() {
        run -1 virt-priv-audit --pid "$pid" --check P00
        [[ $output == *"credentials keep changing: no two of five readings agree"* ]]
    }
    eventually restless
}

@test "a process that is gone, and what is no process, end the audit with status 2" {
    run -2 virt-priv-audit --pid 4194305
    [[ $output == *"process 4194305 does not exist"* ]]
    for id in 0 -1 x 1x 99999999999 ''; do
        run -2 virt-priv-audit --pid "$id"
        [[ $output == *"invalid process id"* ]]
    done
}

@test "a process that is named twice is judged once" {
    qemu virt-priv-exec
    run virt-priv-audit --pid "$pid" --pid "$pid" --pid "$pid" --json
    [ "$(/usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)["processes"]))' <<<"$output")" -eq 1 ]
}

@test "a /proc that is not the kernel's says nothing about what runs" {
    run -2 unshare --mount sh -c 'mount -t tmpfs tmpfs /proc && exec virt-priv-audit'
    echo "$output"
    [[ $output == *"/proc is not a proc file system"* ]]
}

@test "an unprivileged audit says that it cannot see, and ends with status 2" {
    qemu virt-priv-exec
    # A user's own eyes: no capability, a uid of his own.
    run -2 setpriv --reuid alice --regid alice --init-groups --inh-caps=-all "$(type -P virt-priv-audit)"
    echo "$output"
    [[ $output == *"H05   unknown"*"CAP_SYS_PTRACE is missing"* ]]
    [[ $output == *"cannot inspect "*" process"* ]]
    [[ $output == *"cannot read the settings"* ]]
    run -2 setpriv --reuid alice --regid alice --init-groups --inh-caps=-all "$(type -P virt-priv-audit)" -v --pid "$pid"
    echo "$output"
    [[ $output == *" unknown P13 cannot list the file descriptors"*$'\n'"P13   unknown"* ]]
}

@test "where QEMU may be installed unseen, the audit says so" {
    mount -t tmpfs tmpfs /usr/local/bin
    ln -s nothing /usr/local/bin/qemu-system-none
    run virt-priv-audit --check H05 --json
    [[ $output == *'"unseen_directory": null'* ]]
    ln -sf qemu-system-none /usr/local/bin/qemu-system-none
    run -2 virt-priv-audit --check H05 --json
    umount /usr/local/bin
    echo "$output"
    [[ $output == *"cannot determine which programs in /usr/local/bin are QEMU: Too many levels of symbolic links"* ]]
    [[ $output == *'"unseen_directory": "/usr/local/bin"'* ]]
}

runs_sleep() {
    [[ $(readlink "/proc/$pid/exe") == */sleep ]]
}

@test "what runs from a file system of a user's own, where root may not look, hides nothing" {
    type -P fuse2fs || skip "no fuse2fs"
    [ -e /dev/fuse ] || skip "no /dev/fuse"
    mkdir "$scratch/files" "$scratch/mounted"
    cp /bin/sleep "$scratch/files/"
    truncate -s 8M "$scratch/image"
    mke2fs -q -t ext2 -d "$scratch/files" "$scratch/image"
    chown alice "$scratch/image" "$scratch/mounted"
    chmod 0666 /dev/fuse
    start setpriv --reuid alice --regid alice --clear-groups unshare --user --map-root-user --mount \
        bash -c "fuse2fs -o rw $scratch/image $scratch/mounted && exec $scratch/mounted/sleep 600"
    eventually runs_sleep
    run stat -L "/proc/$pid/exe"
    [[ $status -ne 0 && $output == *"Permission denied"* ]]
    run virt-priv-audit --no-bpf --check H05 --json
    echo "$output"
    [[ $output == *'"hidden_processes": 0'* ]]
}

@test "root without CAP_SYS_PTRACE cannot see either" {
    run -2 setpriv --bounding-set=-sys_ptrace --inh-caps=-all "$(type -P virt-priv-audit)" processes
    echo "$output"
    [[ $output == *"H05   unknown"*"CAP_SYS_PTRACE is missing"* ]]
}

@test "an audit within a user namespace, or a pid namespace, is not one of the host" {
    run -2 unshare --user --map-root-user virt-priv-audit processes
    echo "$output"
    [[ $output == *"not in the user namespace of the host"* && $output == *"not in the pid namespace of the host"* ]]
}

@test "a /proc that hides processes is told from one that does not" {
    qemu virt-priv-exec
    mount -o remount,hidepid=2 /proc
    run setpriv --reuid alice --regid alice --init-groups --inh-caps=-all "$(type -P virt-priv-audit)" --check H05
    mount -o remount,hidepid=0 /proc
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"/proc is mounted with hidepid="*", which hides processes"* ]]
    # Who may trace everything sees everything.
    mount -o remount,hidepid=2 /proc
    run virt-priv-audit --check H05
    mount -o remount,hidepid=0 /proc
    [[ $output != *hidepid* ]]
}
