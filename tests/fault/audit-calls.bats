# virt-priv-audit refused each of its system calls.
#
# EIO is what a disk and a /proc give that break, and nothing expects it: at each call. EPERM
# and EACCES are what containers and network file systems say, which code can take for an
# answer; ENOMEM and EINTR can come from nearly all calls: at some. ENOENT and ESRCH would be
# lies: they do say that a process has ended. Descriptors that run out are in hosts.bats.

load ../audit/audit.bash
# Options of QEMU.
# shellcheck disable=SC2034 # used there
more=()
# What a private host can't have.
excluded=H05

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_usr
    make_dev
}

teardown_file() {
    end_dev
}

# refuse RULE HOWS [OPTION-OF-REFUSE-CALLS...] -- OPTION...: of an audit with those options.
refuse() {
    local rule=("$1" "$2")
    shift 2
    while [ "$1" != -- ]; do
        rule+=("$1")
        shift
    done
    run tests/fault/refuse-calls "${rule[@]}" -- "$VP_BUILD/virt-priv-audit" --exclude "$excluded" "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt "${calls:-400}" ]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

# Whether it has, or has said why it can't have, a machine of KVM.
is_holding() {
    [ -s "$said" ]
}

# Three of them: as root, as it should be, and under another name with as much as possible that
# is found of it. As much as possible is found of the host, too.
bad_host() {
    qemu
    qemu virt-priv-exec
    install -d -m 0777 /usr/weak
    cp "$qemu" /usr/weak/guest
    ulimit -Sc unlimited
    qemu=/usr/weak/guest qemu setpriv --reuid alice --groups disk,team --inh-caps +kill --ambient-caps +kill 9<>/dev/disk0
    ulimit -Sc 0
    # Executed so, it would have lost them.
    chmod 6757 /usr/weak/guest
    setcap cap_kill=ep /usr/weak/guest
    # A user of KVM that is not QEMU, where there is KVM.
    start "$helpers/hold-kvm"
    eventually is_holding
    [ ! -e /dev/kvm ] || chmod 0640 /dev/kvm
    touch -d '1 hour' /etc/libvirt/qemu.conf
}

good_host() {
    [ ! -e /dev/kvm ] || chmod 0666 /dev/kvm
    qemu virt-priv-exec
    # A machine without KVM is not one with nothing to find.
    virt-priv-audit --check H02 host >/dev/null || excluded+=,H02
}

@test "QEMU as root: found, or the exit status says that not all was seen" {
    bad_host
    refuse audit=P01 EIO,EACCES/9,EPERM/9,ENOMEM/25,EINTR/25 -- --no-bpf --json --verbose
    [[ ${lines[-1]} == *" blind"* && ${lines[-1]} == *" as undisturbed"* ]]
}

@test "nothing to find: nothing is found, and what could not be seen is said" {
    good_host
    refuse audit EIO/4,EPERM/9,ENOMEM/25,EINTR/25 -- --no-bpf --json --verbose
    [[ ${lines[-1]} == *" blind"* && ${lines[-1]} == *" as undisturbed"* ]]
}

@test "metrics: the old file, or a whole one that says when it is blind" {
    bad_host
    mkdir /mnt/scratch/metrics
    refuse metrics=/mnt/scratch/metrics/qemu.prom EIO/25,kill/25 -- --no-bpf --prometheus /mnt/scratch/metrics/qemu.prom
    calls=10 refuse metrics=/mnt/scratch/metrics/qemu.prom EIO,ENOSPC,EPERM,EINTR,kill --from /mnt/scratch/metrics \
        -- --no-bpf --prometheus /mnt/scratch/metrics/qemu.prom
    [[ ${lines[-1]} == *" a new file"* && ${lines[-1]} == *" the old file"* ]]
}

# alone: it sees the machine's processes, of which those of other suites come and go: who has which uid is theirs.
alone() {
    excluded+=,P21
}

@test "through BPF: QEMU as root is found, or the exit status says that not all was seen" {
    has_bpf || skip "no BPF program can be loaded here"
    bad_host
    alone
    refuse audit=P01 EIO,EPERM --calls bpf -- --json --verbose
    refuse audit=P01 EIO/15 -- --json --verbose
}

@test "through BPF: nothing to find" {
    has_bpf || skip "no BPF program can be loaded here"
    good_host
    alone
    refuse audit EIO --calls bpf -- --json --verbose
}
