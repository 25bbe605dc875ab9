#!/usr/bin/env bats
# The service, the program under the limits that it sets, and the directories.

# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

unit=conf/systemd/virt-priv-recover.service
audit=conf/systemd/virt-priv-audit.service

setup_file() {
    # The package's files and the tool where an installation has them.
    mkdir -p /mnt/usr /mnt/usr.work
    mount -t overlay -o lowerdir=/usr,upperdir=/mnt/usr,workdir=/mnt/usr.work overlay /usr
    tests/lib/built /usr /mnt/build
    make -s install BUILD=/mnt/build PREFIX=/usr
    mount -t tmpfs -o mode=0755 tmpfs /var/lib
    truncate -s 32M /mnt/fs.img
    mkfs.ext4 -q -F /mnt/fs.img
    mkdir /mnt/fs
    mount -o loop /mnt/fs.img /mnt/fs
}

teardown_file() {
    umount /mnt/fs
}

# setting NAME: all values of it.
setting() {
    sed -n "s/^$1=//p" "$unit" | xargs
}

of_audit() {
    unit=$audit setting "$@"
}

# calls UNIT MARK: of the lines of SystemCallFilter that begin with MARK, sorted; sets within sets are
# opened until only names of system calls are left.
calls() {
    local wanted name
    wanted=$(sed -n "s/^SystemCallFilter=$2\([^~]\)/\1/p" "$1" | xargs)
    while [[ $wanted == *@* ]]; do
        wanted=$(for name in $wanted; do
            case $name in
            @*) systemd-analyze syscall-filter "$name" | sed -n 's/^    \([@a-z]\)/\1/p' ;;
            *) echo "$name" ;;
            esac
        done | sort -u | xargs)
    done
    xargs -n 1 <<<"$wanted"
}

# allowed_by UNIT: writes the system calls that it allows, and those of the trace, each sorted; but for
# statmount, which systemd may have no name for: where it is refused, mountinfo is read (unit/test_mounts).
# Without an error to answer with, systemd has who makes such a call killed.
allowed_by() {
    grep -x 'SystemCallErrorNumber=EPERM' "$1"
    # These two are always allowed (systemd.exec(5)).
    comm -23 <({ calls "$1" "" && printf '%s\n' execve exit_group; } | sort -u) <(calls "$1" '~') \
        >"$BATS_TEST_TMPDIR/allowed"
    sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | grep -vxE 'statmount|syscall_0x1c9' |
        sort -u >"$BATS_TEST_TMPDIR/used"
}

# An abandoned claim with every kind of change: owner, mode, attributes, ACL entry, and
# a file that only its handle finds again.
abandoned_claim() {
    umount /mnt/fs 2>/dev/null || true
    rm -rf /var/lib/virt-privileges
    mkfs.ext4 -q -F /mnt/fs.img
    mount -o loop /mnt/fs.img /mnt/fs
    mkdir /mnt/fs/private
    touch /mnt/fs/private/{disk,base}
    chown -R alice:team /mnt/fs/private
    chmod 0600 /mnt/fs/private/*
    chmod 2700 /mnt/fs/private
    all_state >"$BATS_TEST_TMPDIR/before"
    virt-priv-chown claim --name v --pid $$ --grant-read --disk /mnt/fs/private/disk --disk /mnt/fs/private/base,readonly
    [ "$(stat -c %U:%G /mnt/fs/private/disk)" = qemu:qemu ]
    chmod 0660 /mnt/fs/private/disk
    mv /mnt/fs/private/disk /mnt/fs/private/renamed
    # As if the process had ended, and another one had its number.
    sed -i -E 's/^(holder [0-9]+) .*/\1 1/' /var/lib/virt-privileges/claims/v
}

all_state() {
    stat -c '%n %U:%G %a' /mnt/fs/private /mnt/fs/private/*
    getfacl -cpn /mnt/fs/private /mnt/fs/private/*
    /usr/bin/python3 -c 'import os
for name in os.listdir("/mnt/fs/private"):
    print([x for x in os.listxattr("/mnt/fs/private/" + name) if x.startswith("trusted.")])'
}

recovered() {
    mv /mnt/fs/private/renamed /mnt/fs/private/disk
    all_state | diff -u "$BATS_TEST_TMPDIR/before" - && [ ! -e /var/lib/virt-privileges/claims/v ]
}

# recover_with CAPABILITY...: as the service does it, with these in its bounding set.
recover_with() {
    local caps
    caps=$(echo "$@" | sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
    setpriv --bounding-set "-all,$caps" --inh-caps=-all --no-new-privs virt-priv-chown recover -v
}

# verified UNIT...: systemd-analyze finds nothing to say. It loads units of other packages with them; a line of
# their files that it finds fault with is theirs.
verified() {
    local status=0
    systemd-analyze verify "${@/#//usr/lib/systemd/system/}" >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
    cat "$BATS_TEST_TMPDIR/said"
    [ "$status" -eq 0 ]
    run -1 grep -vP '^/[^:]*/(?!virt-priv)[^/:]+:[0-9]+: ' "$BATS_TEST_TMPDIR/said"
}

@test "systemd-analyze verify finds nothing to say of the service" {
    verified virt-priv-recover.service
    cmp "$unit" /usr/lib/systemd/system/virt-priv-recover.service
}

@test "systemd-analyze verify finds nothing to say of the unit of a VM" {
    verified virt-priv-vm@.service
    vm=conf/systemd/virt-priv-vm@.service
    [ "$(sed -n 's/^ExecStart=//p' "$vm")" = "/usr/bin/virt-priv-run --isolate=full --vm %i" ]
    [[ $(sed -n 's/^After=//p' "$vm") == *virt-priv-recover.service* ]]
    # systemd finds it, and where it is not, as in a container, goes on.
    [ "$(sed -n 's/^ExecStartPre=//p' "$vm")" = "-udevadm settle --timeout=60" ]
    # A name without a file fails, and who starts it hears what becomes of it: see tests/run/ready.bats.
    [ "$(sed -n 's/^AssertPathExists=//p' "$vm")" = "/etc/virt-privileges/vms/%i.conf" ]
    run -1 grep ^Condition "$vm"
    [ "$(sed -n 's/^Type=//p' "$vm") $(sed -n 's/^NotifyAccess=//p' "$vm")" = "notify main" ]
    # What is refused is not tried again.
    [ "$(sed -n 's/^RestartPreventExitStatus=//p' "$vm")" = "125 126 127" ]
    # The guest's time, and some more for SIGTERM and for giving back.
    [ "$(sed -n 's/^TimeoutStopSec=//p' "$vm")" -gt "$(sed -n 's/^ExecStop=.*--timeout //p' "$vm")" ]
}

@test "systemd-analyze verify finds nothing to say of the audit and its timer" {
    verified virt-priv-audit.{service,timer}
    cmp "$audit" /usr/lib/systemd/system/virt-priv-audit.service
    [ "$(of_audit ExecStart)" = "/usr/bin/virt-priv-audit --journal --summary" ]
}

# sleeps PID: waits until it is sleep, as the user that setpriv made it.
sleeps() {
    until [ "$(cat "/proc/$1/comm")" = sleep ]; do
        kill -0 "$1"
        sleep 0.02
    done
}

# audit_with CAPABILITY...: as the service does it; this host's own namespaces are left out.
audit_with() {
    local caps
    caps=$(echo "$@" | sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
    setpriv --bounding-set "-all,$caps" --inh-caps=-all --no-new-privs virt-priv-audit --check "P00,P01,P13,P20,H02,H05" -v
}

@test "what the audit sees with the capabilities of its service is all that root sees, and each is needed" {
    local all cap
    all=$(of_audit CapabilityBoundingSet)
    setpriv --reuid qemu --regid qemu --clear-groups bash -c 'exec -a x sleep 600' 3>&- &
    sleeps $!
    # shellcheck disable=SC2086
    audit_with $all >"$BATS_TEST_TMPDIR/service" || true
    virt-priv-audit --check "P00,P01,P13,P20,H02,H05" -v >"$BATS_TEST_TMPDIR/root" || true
    kill $!
    diff -u "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/service"
    run ! grep -E 'is missing; run|cannot inspect' "$BATS_TEST_TMPDIR/root"
    for cap in CAP_SYS_PTRACE CAP_DAC_READ_SEARCH; do
        # shellcheck disable=SC2086
        run -2 audit_with ${all/$cap/}
        [[ $output == *"$cap is missing"* ]]
    done
    for cap in CAP_SETUID CAP_SETGID CAP_SETPCAP; do
        # shellcheck disable=SC2086
        run audit_with ${all/$cap/}
        echo "$cap: $output"
        [[ $output == *"H02 "*"unknown"* ]]
    done
}

@test "the system calls of the audit are those that its service allows" {
    strace -f -o "$BATS_TEST_TMPDIR/trace" virt-priv-audit --journal --summary || true
    allowed_by "$audit"
    grep -x openat2 "$BATS_TEST_TMPDIR/used" || grep -x readlinkat "$BATS_TEST_TMPDIR/used"
    [ "$(comm -23 "$BATS_TEST_TMPDIR/used" "$BATS_TEST_TMPDIR/allowed")" = "" ]
}

@test "the service of the audit has no setting that hides what it looks at" {
    run ! grep -E '^(Protect(Home|KernelModules|Proc)|ProcSubset|Private.*|.*Paths|RootDirectory|RestrictSUIDSGID|DynamicUser|User)=' "$audit"
    # What it opens of /dev, it may open.
    [ "$(of_audit DeviceAllow)" = "char-misc rw" ]
    [ "$(awk '$2 == "misc" { print $1 }' /proc/devices)" = 10 ]
    # kvm's major number (virt/kvm/kvm_main.c, misc_register()), which a machine without KVM has no node to show of.
    [ ! -e /dev/kvm ] || [ "$(stat -c %Hr /dev/kvm)" = 10 ]
    strace -f -e trace=open,openat,openat2 -o "$BATS_TEST_TMPDIR/trace" virt-priv-audit --journal || true
    run -1 grep -E '"/dev/' <(grep -vE '"/dev/(kvm|null)"|O_PATH' "$BATS_TEST_TMPDIR/trace")
}

# score UNIT: what systemd-analyze thinks that it is exposed to, in tenths; 100 is everything.
score() {
    run -0 systemd-analyze security --offline=yes --no-pager "/usr/lib/systemd/system/$1"
    echo "# $1: $(grep -oE '[0-9]+\.[0-9] [A-Z]+' <<<"$output" | tail -n 1)" >&3
    sed -nE 's/.*exposure level for .*: ([0-9]+)\.([0-9]) .*/\1\2/p' <<<"$output"
}

@test "systemd-analyze security: no unit is open wider than its job asks for" {
    [ "$(score virt-priv-recover.service)" -le 44 ]
    [ "$(score virt-priv-audit.service)" -le 60 ]
    # Starts any command line of root's, and scripts of the network.
    [ "$(score virt-priv-vm@.service)" -le 77 ]
}

# Sets $caps: what the unit of a VM takes away, as setpriv has it.
of_vm() {
    caps=$(sed -n 's/^CapabilityBoundingSet=~//p' conf/systemd/virt-priv-vm@.service | xargs |
        sed 's/CAP_/-/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
    [[ $caps == *-sys_time* ]]
}

@test "with the capabilities that its unit leaves, the kernel tells that nobody has the disk of a machine open" {
    local caps
    of_vm
    mkdir -m 0755 /mnt/of-vm
    truncate -s 1M /mnt/of-vm/disk
    run -0 virt-priv-chown claim --name of-vm --disk /mnt/of-vm/disk
    run -0 strace -o "$BATS_TEST_TMPDIR/trace" setpriv --bounding-set "$caps" --no-new-privs virt-priv-chown release --name of-vm
    grep SETLEASE "$BATS_TEST_TMPDIR/trace"
    grep -qE "F_SETLEASE, F_WRLCK\) += 0" "$BATS_TEST_TMPDIR/trace"
}

@test "a machine starts with the capabilities that its unit leaves, and as root keeps what is left" {
    local caps
    of_vm
    nasm -f bin -o /mnt/guest.img tests/guest/hello.asm
    run -33 setpriv --bounding-set "$caps" --no-new-privs virt-priv-run qemu-system-x86_64 -accel tcg -display none \
        -device isa-debug-exit,iobase=0xf4 -drive file=/mnt/guest.img,format=raw
    printf '%s\n' 'user = "root"' 'group = "root"' 'clear_emulator_capabilities = 0' >/etc/libvirt/qemu.conf
    run -0 setpriv --bounding-set "$caps" --no-new-privs virt-priv-exec grep CapEff /proc/self/status
    echo "$output"
    rm /etc/libvirt/qemu.conf
    # Not all, and not none.
    [[ $output =~ CapEff:.*[0-9a-f]*[1-9a-f] ]]
    [[ $output != *"$(grep CapEff /proc/self/status)"* ]]
}

@test "what the service starts is the installed program, at boot and before any VM" {
    [ "$(setting ExecStart)" = "/usr/bin/virt-priv-chown recover -v" ]
    [ -x /usr/bin/virt-priv-chown ]
    [ "$(setting WantedBy)" = multi-user.target ]
    for vm in libvirtd.service virtqemud.service libvirt-guests.service machines.target; do
        [[ " $(setting Before) " == *" $vm "* ]]
    done
}

@test "the capabilities of the service are enough" {
    abandoned_claim
    # The mode that was changed meanwhile is reported.
    # shellcheck disable=SC2046
    run -1 recover_with $(setting CapabilityBoundingSet)
    echo "$output"
    [[ $output == *"its mode was changed to 0660; restored to 0600"* ]]
    [ "$(grep -vcE 'is abandoned|its mode was changed' <<<"$output")" = 0 ]
    recovered
}

@test "each capability of the service is needed" {
    local all cap
    all=$(setting CapabilityBoundingSet)
    for cap in ${all/CAP_SYS_PTRACE/}; do
        abandoned_claim
        # shellcheck disable=SC2086
        run -1 recover_with ${all/$cap/}
        echo "$cap: $output"
        run ! recovered
    done
    # The other one shows what a VM still has open, and is not to be recovered; without it, nobody knows.
    abandoned_claim
    setpriv --reuid qemu --regid qemu --clear-groups sleep 600 <>/mnt/fs/private/renamed >/dev/null 3>&- &
    sleeps $!
    # shellcheck disable=SC2086
    run -0 recover_with $all
    [ "$(stat -c %U /mnt/fs/private/renamed)" = qemu ]
    # shellcheck disable=SC2086
    run -1 recover_with ${all/CAP_SYS_PTRACE/}
    echo "$output"
    [[ $output == *"without CAP_SYS_PTRACE"* ]]
    [ "$(stat -c %U /mnt/fs/private/renamed)" = qemu ]
    kill $!
}

@test "the system calls of recover are those that the service allows" {
    abandoned_claim
    run -1 strace -f -o "$BATS_TEST_TMPDIR/trace" virt-priv-chown recover -v
    recovered
    allowed_by "$unit"
    grep -x openat2 "$BATS_TEST_TMPDIR/used"
    [ "$(comm -23 "$BATS_TEST_TMPDIR/used" "$BATS_TEST_TMPDIR/allowed")" = "" ]
}

@test "the service has no setting that hides files, or takes openat2 away" {
    run ! grep -E '^(Protect(System|Home|Kernel.*|ControlGroups|Proc)|Private.*|.*Paths|RootDirectory|DevicePolicy|RestrictSUIDSGID|DynamicUser|User)=' "$unit"
}

@test "systemd-tmpfiles makes the directories with their modes, and again changes nothing" {
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/etc" "$root/usr/lib/tmpfiles.d"
    cp /etc/passwd /etc/group "$root/etc"
    cp conf/tmpfiles.d/virt-privileges.conf "$root/usr/lib/tmpfiles.d"
    for _ in first again; do
        run -0 systemd-tmpfiles --create --root="$root"
        [ "$output" = "" ]
        diff -u - <(cd "$root" && find etc/virt-privileges var run -printf '%m %u:%g %p\n' | sort -k3) <<'FILES'
755 root:root etc/virt-privileges
755 root:root etc/virt-privileges/vms
755 root:root run
755 root:root run/virt-privileges
755 root:root var
755 root:root var/lib
755 root:root var/lib/virt-privileges
700 root:root var/lib/virt-privileges/claims
FILES
    done
    # What a user has opened for others is closed again, as the program insists.
    chmod 0777 "$root"/var/lib/virt-privileges{,/claims}
    systemd-tmpfiles --create --root="$root"
    [ "$(stat -c %a "$root"/var/lib/virt-privileges{,/claims} | xargs)" = "755 700" ]
}
