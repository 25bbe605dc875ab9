#!/usr/bin/env bats
# Checks of the host: /dev/kvm by what it is and by use, the account, qemu.conf.

load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_dev
}

teardown_file() {
    end_dev
}

# finds TEXT OPTION...: the audit ends with 1, and its table has a line with the text.
finds() {
    local text=$1
    shift
    run -1 virt-priv-audit "$@"
    echo "$output"
    [[ $output == *"$text"* ]]
}

needs_kvm() {
    grep -qw kvm /proc/misc || skip "this machine has no KVM"
}

@test "H01: the device as the package makes it, and everything else in its place" {
    [ -c /dev/kvm ] || mknod /dev/kvm c 10 232
    chown root:kvm /dev/kvm
    chmod 0666 /dev/kvm
    run -0 virt-priv-audit --check H01 host
    chmod 0660 /dev/kvm
    finds "H01   medium     -   - /dev/kvm has mode 0660, not 0666" --check H01 host
    run -1 virt-priv-audit --nagios --check H01 host
    [[ $output == *", worst: H01 /dev/kvm has mode 0660, not 0666"* ]]
    chown root:disk /dev/kvm
    chmod 0666 /dev/kvm
    finds "/dev/kvm is owned by user root (0) and group disk" --check H01 host
    chown root:kvm /dev/kvm
    chmod 0666 /dev/kvm
    setfacl -m u:alice:rw /dev/kvm
    run -0 virt-priv-audit --check H01 host
    [[ $output == *"H01   low"*"has an ACL"* ]]
    mv /dev/kvm /dev/kvm.away
    run -0 virt-priv-audit --check H01 host -v
    [[ $output == *"H01   not-applicable"*"/dev/kvm does not exist"* ]]
    mknod -m 0666 /dev/kvm c 1 3
    finds "H01   critical   -   - /dev/kvm is not the character device 10:232, but another one" --check H01 host
    rm /dev/kvm
    mkfifo /dev/kvm
    finds "H01   critical" --check H01 host
    rm /dev/kvm
    mv /dev/kvm.away /dev/kvm
    setfacl -b /dev/kvm
}

@test "H02: KVM works for the QEMU user, whatever virt-host-validate says, or the step that fails is named" {
    needs_kvm
    run virt-priv-audit --check H02 host -v
    echo "$output"
    [[ $output == *"H02   pass"* || $output == *"H02   unknown"*"no answer within 5 s: run the vCPU (KVM_RUN)"* ]]
    local verdict=$output
    # It goes by the processor's flags, the device and its mode, and runs nothing: without
    # the flags, as within many a virtual machine, it says that KVM can't be used.
    sed -E '/^flags/s/ (vmx|svm)( |$)/ /g' /proc/cpuinfo >"$BATS_TEST_TMPDIR/cpuinfo"
    mount --bind "$BATS_TEST_TMPDIR/cpuinfo" /proc/cpuinfo
    run virt-host-validate qemu
    echo "$output"
    grep -E 'hardware virtualization.*FAIL' <<<"$output"
    run virt-priv-audit --check H02 host -v
    umount /proc/cpuinfo
    echo "$output"
    [ "$output" = "$verdict" ]
    chmod 0600 /dev/kvm
    finds "H02   medium     -   - user qemu cannot open /dev/kvm: Permission denied" --check H02 host
    chmod 0666 /dev/kvm
    mv /dev/kvm /dev/kvm.away
    finds "user qemu cannot open /dev/kvm: No such file or directory" --check H02 host
    mknod -m 0666 /dev/kvm c 1 3
    finds "user qemu cannot query the API version (KVM_GET_API_VERSION): Inappropriate ioctl for device" --check H02 host
    rm /dev/kvm
    mv /dev/kvm.away /dev/kvm
}

@test "H02: each step that the kernel refuses is named" {
    needs_kvm
    # KVM_GET_API_VERSION answers 11; the others fail.
    refused() {
        run -1 strace -f -qq -o /dev/null -e trace=ioctl -e inject="ioctl:$1:when=$2" virt-priv-audit --check H02 host
        echo "$output"
        [[ $output == *"$3"* ]]
    }
    refused retval=11 1 "cannot query the API version (KVM_GET_API_VERSION): result 11"
    refused error=EBUSY 2 "cannot create a VM (KVM_CREATE_VM): Device or resource busy"
    refused error=ENOMEM 4 "cannot set guest memory (KVM_SET_USER_MEMORY_REGION): Cannot allocate memory"
    refused error=EINVAL 5 "cannot create a vCPU (KVM_CREATE_VCPU): Invalid argument"
    refused error=ENOTTY 6 "cannot map the vCPU state (mmap): Inappropriate ioctl for device"
    refused retval=16 6 "cannot map the vCPU state (mmap): Invalid argument"
    refused error=EFAULT 7 "cannot set the vCPU registers (KVM_SET_REGS): Bad address"
    refused error=EINTR 10 "cannot run the vCPU (KVM_RUN): Interrupted system call"
}

@test "H02: the account itself can try it, and nobody else but root" {
    needs_kvm
    chmod 0644 /etc/libvirt/qemu.conf
    run setpriv --reuid qemu --regid qemu --init-groups "$(type -P virt-priv-audit)" --check H02 host -v
    echo "$output"
    [[ $output == *"H02   pass"* || $output == *"H02   unknown"*"no answer within 5 s: run the vCPU (KVM_RUN)"* ]]
    run -2 setpriv --reuid alice --regid alice --clear-groups "$(type -P virt-priv-audit)" --check H02 host
    echo "$output"
    [[ $output == *"H02   unknown"*"only root can test as user qemu"* ]]
}

@test "H02: an answer that does not come is unknown, and ends nothing but itself" {
    needs_kvm
    run -0 strace -f -qq -o /dev/null -e trace=ioctl -e inject=ioctl:delay_enter=7s:when=2 virt-priv-audit --check H02 host
    echo "$output"
    [[ $output == *"H02   unknown"*"no answer within 5 s: create a VM (KVM_CREATE_VM)"* ]]
    run -2 strace -f -qq -o /dev/null -e trace=ioctl -e inject=ioctl:delay_enter=7s:when=2 virt-priv-audit --check H02 --strict host
}

@test "H03: an account with power of its own" {
    run -0 virt-priv-audit --check H03 host
    cp /etc/passwd /etc/group "$BATS_TEST_TMPDIR"
    sed -i '/^qemu:/s|[^:]*$|/bin/bash|' /etc/passwd
    finds "H03   high       -   - user qemu can log in: its shell is /bin/bash" --check H03 host
    sed -i '/^disk:/s/$/qemu/' /etc/group
    finds "user qemu is a member of group disk (6)" --check H03 host
    sed -i '/^qemu:/d' /etc/passwd
    finds "user qemu does not exist" --check H03 host
    cp "$BATS_TEST_TMPDIR"/{passwd,group} /etc
    printf '%s\n' 'user = "root"' 'group = "root"' >/etc/libvirt/qemu.conf
    finds "QEMU user root has uid 0" --check H03 host
    finds "QEMU group root has gid 0" --check H03 host
}

@test "H04: who asks for root is named with file and line" {
    run -0 virt-priv-audit --check H04 host
    printf '%s\n' '# The way back' 'user = "root"' 'group = "+0"' 'clear_emulator_capabilities = 0' >/etc/libvirt/qemu.conf
    finds 'H04   high       -   - /etc/libvirt/qemu.conf:2: user = "root" runs QEMU as root' --check H04 host
    finds '/etc/libvirt/qemu.conf:3: group = "+0" runs QEMU in group root' --check H04 host
    finds "/etc/libvirt/qemu.conf:4: clear_emulator_capabilities = 0 lets QEMU that virt-priv-run or virt-priv-exec starts keep" --check H04 host
    [ -x /usr/sbin/libvirtd ] || [ -x /usr/sbin/virtqemud ]
    finds '/etc/libvirt/qemu.conf:2: user = "root" gives QEMU that libvirt starts all capabilities of root' --check H04 host
    printf 'user = "qemu"\n' >"$BATS_TEST_TMPDIR/other"
    run -0 virt-priv-audit --check H04 --config "$BATS_TEST_TMPDIR/other" host
    printf 'user = qemu\n' >"$BATS_TEST_TMPDIR/other"
    run -2 virt-priv-audit --config "$BATS_TEST_TMPDIR/other" host
    [[ $output == *"$BATS_TEST_TMPDIR/other:1:8: "* ]]
}

@test "H04: a process that is older than the settings is named" {
    qemu virt-priv-exec
    run -0 virt-priv-audit --check H04
    touch -d '1 minute' /etc/libvirt/qemu.conf
    run -0 virt-priv-audit --check H04 -v
    echo "$output"
    [[ $output == *"H04   low"*" $pid "*"process $pid was started before /etc/libvirt/qemu.conf was changed"*"runs as the configured user"* ]]
    sed -i s/qemu/alice/ /etc/libvirt/qemu.conf
    touch -d '1 minute' /etc/libvirt/qemu.conf
    finds "does not run as the configured user" --check H04
}

@test "H04: where qemu.conf names no user, libvirt's own default counts" {
    [ -x /usr/sbin/libvirtd ] || [ -x /usr/sbin/virtqemud ]
    printf '%s\n' '#user = "libvirt-qemu"' >/etc/libvirt/qemu.conf
    finds "libvirt runs QEMU as libvirt-qemu, its compiled-in default, instead of qemu" --check H04 host
    printf '%s\n' '#user = "qemu"' >/etc/libvirt/qemu.conf
    run -0 virt-priv-audit --check H04 host -v
    [[ $output == *"H04   pass"* ]]
    : >/etc/libvirt/qemu.conf
    run -0 virt-priv-audit --check H04 host
    [[ $output == *"H04   unknown"* ]]
}

@test "H07: an account that rpm's own script created wrong is named, and the command of the finding mends it" {
    local remedy running file=$scratch/of-the-old-uid
    run -0 virt-priv-audit --check H07 host
    cp /etc/passwd /etc/group "$BATS_TEST_TMPDIR"
    sed -i 's,^qemu:.*,qemu:x:997:36::/:/sbin/nologin,' /etc/passwd
    finds "H07   medium     -   - user qemu (997) has the primary group kvm (36) instead of qemu (107); " --check H07 host
    remedy=$(sed -n 's/.* and run: //p' <<<"$output")
    [[ $remedy == usermod\ *" && find / -xdev -uid 997 "* ]]
    # Of this machine's own files, none is looked for: a file system of the test's is.
    remedy=${remedy/find \/ /find $scratch }
    install -m 0600 -o 997 -g 6001 /dev/null "$file"
    ln -s /etc/shadow "$file.link"
    chown -h 997 "$file.link"
    # With a process of the user, nothing is changed.
    setpriv --reuid 997 --clear-groups sleep 60 3>&- &
    running=$!
    until [ "$(ps -o ruid= -p "$running" | xargs)" = 997 ]; do sleep 0.02; done
    run ! bash -c "$remedy"
    [[ $output == *"user qemu is currently used by process $running"* ]]
    kill "$running"
    wait "$running" || true
    [ "$(getent passwd qemu)" = "qemu:x:997:36::/:/sbin/nologin" ]
    [ "$(stat -c %u "$file")" = 997 ]
    bash -c "$remedy"
    [ "$(stat -c %u:%g:%a "$file" "$file.link" /etc/shadow | xargs)" = "107:6001:600 107:0:777 $(stat -c %u:%g:%a /etc/shadow)" ]
    [ "$(stat -c %u /etc/shadow)" = 0 ]
    run -0 virt-priv-audit --check H07 host -v
    [[ $output == *"H07   pass"* ]]
    [ "$(getent passwd qemu | cut -d: -f1-6)" = "qemu:x:107:107:qemu user:/" ]
    [ "$(id -G qemu)" = "107 36" ]
    gpasswd -d qemu kvm
    run -0 virt-priv-audit --check H07 host
    echo "$output"
    [[ $output == *"H07   low"*" user qemu is not a member of group kvm; to add it: usermod -a -G kvm qemu"* ]]
    bash -c "$(sed -n 's/.* to add it: //p' <<<"$output")"
    [ "$(id -G qemu)" = "107 36" ]
    # Of another name service it is used as it is, and usermod could not change it.
    if [ -n "$(find /usr/lib -name 'libnss_extrausers.so.*')" ]; then
        mkdir -p /var/lib/extrausers
        mount -t tmpfs -o mode=0755 tmpfs /var/lib/extrausers
        sed -n 's/^qemu:x:107:107:/qemu:x:997:36:/p' /etc/passwd >/var/lib/extrausers/passwd
        sed -i '/^qemu:/d' /etc/passwd
        cp /etc/nsswitch.conf "$BATS_TEST_TMPDIR"
        printf '%s\n' 'passwd: files extrausers' 'group: files' >/etc/nsswitch.conf
        run -0 virt-priv-audit --check H07 host -v
        [[ $output == *"H07   not-applicable"*" user qemu is not one of /etc/passwd"* ]]
        cp "$BATS_TEST_TMPDIR/nsswitch.conf" /etc
        umount /var/lib/extrausers
        cp "$BATS_TEST_TMPDIR"/{passwd,group} /etc
    fi
    printf '%s\n' 'user = "alice"' >/etc/libvirt/qemu.conf
    run -0 virt-priv-audit --check H07 host -v
    [[ $output == *"H07   not-applicable"* ]]
    cp "$BATS_TEST_TMPDIR"/{passwd,group} /etc
}
