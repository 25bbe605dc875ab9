#!/usr/bin/env bats
# Trees of files in the place of a host (--root): what no kernel would write, and what a
# machine at hand does not have. What is made and what is to be found is data: trees.d/NAME.

load audit.bash
load tree.bash

judge_tree() {
    local t=$scratch/$1 line status=0 options=() out=$BATS_TEST_TMPDIR/$1 expected
    make_tree "$t"
    while IFS= read -r line; do
        eval "${line#\$ }"
    done < <(grep '^\$ ' "tests/audit/trees.d/$1")
    timeout 60 virt-priv-audit --root "$t" --json "${options[@]}" >"$out" || status=$?
    tests/lib/validate-json tests/schema/virt-priv-audit.json <"$out" >/dev/null || return
    compare "$out" "tests/audit/trees.d/$1" || return
    expected=$(sed -n 's/^exit //p' "tests/audit/trees.d/$1")
    [ "$status" = "$expected" ] || { echo "exit status $status, expected $expected" && return 1; }
    # Nothing of it steers a terminal.
    ! timeout 60 virt-priv-audit --root "$t" -v "${options[@]}" | tr -d '\n' | grep -aP '[\x00-\x1f\x7f]' || return
    rm -rf "$t"
}

@test "each tree is judged as it is to be" {
    local tree failed=() n=0
    for tree in tests/audit/trees.d/*; do
        n=$((n + 1))
        judge_tree "${tree##*/}" || failed+=("${tree##*/}")
    done
    echo "failed: ${failed[*]}"
    [ ${#failed[@]} -eq 0 ] && [ "$n" -ge 60 ]
}

@test "a tree without /proc, and one that is none, end the audit with status 2" {
    mkdir "$scratch/empty"
    run -2 virt-priv-audit --root "$scratch/empty"
    [[ $output == *"cannot open $scratch/empty/proc"* ]]
    run -2 virt-priv-audit --root "$scratch/none"
    run -2 virt-priv-audit --root /etc/passwd
    # Not this host's.
    ln -s /proc "$scratch/empty/proc"
    run -2 virt-priv-audit --root "$scratch/empty"
}

@test "settings of a tree that are malformed end the audit with status 2" {
    t=$scratch/settings
    make_tree "$t"
    put etc/libvirt/qemu.conf 'user = qemu\n'
    run -2 virt-priv-audit --root "$t"
    [[ $output == *"/etc/libvirt/qemu.conf:1:8: "* ]]
}
