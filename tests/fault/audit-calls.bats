# virt-priv-audit refused each of its system calls.

load ../audit/audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_usr
    make_dev
}

teardown_file() {
    end_dev
}

# refuse RULE HOWS OPTION...: of an audit with those options.
refuse() {
    run tests/fault/refuse-calls "$1" "$2" -- "$VP_BUILD/virt-priv-audit" --exclude H05 "${@:3}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt 400 ]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

# Two of them as root, one told by its name, the other by what is in it.
two_as_root() {
    more=()
    qemu
    cp "$qemu" /usr/bin/guest
    qemu=/usr/bin/guest qemu
}

@test "QEMU as root: found, or the exit status says that not all was seen" {
    two_as_root
    refuse audit=P01 EIO,EPERM/7,ENOMEM/7,EINTR/7 --no-bpf --json --verbose
    [[ ${lines[-1]} == *" blind"* && ${lines[-1]} == *" as undisturbed"* ]]
}

@test "nothing to find: nothing is found, and what could not be seen is said" {
    more=()
    qemu virt-priv-exec
    refuse audit EIO,EPERM/7,ENOMEM/7,EINTR/7 --no-bpf --json --verbose
    [[ ${lines[-1]} == *" blind"* && ${lines[-1]} == *" as undisturbed"* ]]
}

@test "metrics: the old file, or a whole one that says when it is blind" {
    two_as_root
    mkdir /mnt/scratch/metrics
    refuse metrics=/mnt/scratch/metrics/qemu.prom EIO/5,ENOSPC/5,kill/5 --no-bpf --prometheus /mnt/scratch/metrics/qemu.prom
}

@test "through BPF: QEMU as root is found, or the exit status says that not all was seen" {
    has_bpf || skip "no BPF program can be loaded here"
    two_as_root
    refuse audit=P01 EIO/7,EPERM/21,ENOMEM/21 --json --verbose
}

@test "through BPF: nothing to find" {
    has_bpf || skip "no BPF program can be loaded here"
    more=()
    qemu virt-priv-exec
    refuse audit EIO/7,EPERM/21,ENOMEM/21 --json --verbose
}
