#!/usr/bin/env bats
# /dev/kvm under the real systemd-udevd and systemd-tmpfiles, with and without
# our rule and line, each time on the /dev of tests/lib/private-udevd. What is
# compared is always the node's own mode, owner and group.
# shellcheck disable=SC2317 # scenarios are called by name

machine_kvm() {
    stat -c '%i %a %u %g %z' /dev/kvm 2>&1 || true
}

setup() {
    before=$(machine_kvm)
}

teardown() {
    [ "$(machine_kvm)" = "$before" ]
}

need_kvm_device() {
    [ -e /sys/devices/virtual/misc/kvm ] || skip "this kernel has no KVM device to announce"
}

# --- What scenarios are made of; all of these run within private-udevd. ---

# The kernel ends udevd should this shell be killed.
start_udevd() {
    setpriv --pdeathsig TERM /usr/lib/systemd/systemd-udevd >/run/udevd.log 2>&1 3>&- &
    udevd=$!
    trap 'kill $udevd; wait $udevd; cat /run/udevd.log' EXIT
    for _ in {1..3000}; do
        udevadm control --ping --timeout=10 2>/run/ping.log && return
        sleep 0.02
    done
    cat /run/ping.log
    return 1
}

install_rule() {
    cp udev-rules/80-virt-privileges-kvm.rules /usr/lib/udev/rules.d/
}

install_line() {
    cp conf/tmpfiles.d/virt-privileges.conf /usr/lib/tmpfiles.d/
}

event() {
    tests/lib/uevent "$1"
    udevadm settle --timeout=30
}

# tmpfiles [OPTION]...: prints nothing unless something is wrong.
tmpfiles() {
    local said
    said=$(SYSTEMD_LOG_LEVEL=info systemd-tmpfiles --create --prefix=/dev/kvm "$@" 2>&1)
    [ "$said" = "" ]
}

reset_kvm() {
    chmod 0600 /dev/kvm
    chown root:root /dev/kvm
}

kvm_is() {
    [ "$(stat -c '%a %U:%G' /dev/kvm)" = "$1 $2" ]
}

until_heard() {
    for _ in {1..3000}; do
        if grep -e "$1" /run/heard; then return; fi
        sleep 0.02
    done
    return 1
}

# Anybody, by number: no group and no privilege.
anybody() {
    setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all "$@"
}

# private SCENARIO: runs the function, and the trace is shown if it fails.
private() {
    tests/lib/private-udevd bash -eux -c "$(declare -f start_udevd install_rule install_line event \
        tmpfiles reset_kvm kvm_is anybody until_heard "$1"); $1" 3>&-
}

@test "the distribution's rules alone: 0660, and nobody but root and kvm gets in" {
    need_kvm_device
    scenario() {
        start_udevd
        kvm_is 660 root:kvm
        reset_kvm
        event add
        kvm_is 660 root:kvm
        if anybody test -r /dev/kvm; then return 1; fi
    }
    private scenario
}

@test "the rule at udevd's start: 0666 root:kvm before any event (static node)" {
    scenario() {
        install_rule
        start_udevd
        kvm_is 666 root:kvm
        anybody test -r /dev/kvm -a -w /dev/kvm
    }
    private scenario
}

@test "the rule at an event of the device: 0666 root:kvm" {
    need_kvm_device
    scenario() {
        install_rule
        start_udevd
        for action in add change; do
            reset_kvm
            event "$action"
            kvm_is 666 root:kvm
        done
    }
    private scenario
}

@test "installed while udevd runs: counts from reload and an event on" {
    need_kvm_device
    scenario() {
        start_udevd
        install_rule
        udevadm control --reload
        kvm_is 660 root:kvm
        event add
        kvm_is 666 root:kvm
    }
    private scenario
}

@test "removed while udevd runs: the event 'change' leaves 0666, 'add' gives 0660 back" {
    need_kvm_device
    scenario() {
        install_rule
        start_udevd
        event add
        rm /usr/lib/udev/rules.d/80-virt-privileges-kvm.rules
        udevadm control --reload
        event change
        kvm_is 666 root:kvm
        event add
        kvm_is 660 root:kvm
    }
    private scenario
}

# udevd resolves names when it loads rules, and does not load them again, even
# when told to, unless a file of rules has changed (udev_rules_should_reload): a
# package must make the group before it installs the rule.
@test "installed while udevd runs, on a machine that had no group kvm" {
    need_kvm_device
    scenario() {
        cp /etc/group /run/group
        sed /^kvm:/d /run/group >/run/group-without
        mount --bind /run/group-without /etc/group
        start_udevd
        [ "$(stat -c %G /dev/kvm)" = root ]
        umount /etc/group
        install_rule
        udevadm control --reload
        event add
        kvm_is 666 root:kvm
    }
    private scenario
}

@test "an admin's link to /dev/null switches rule and line off" {
    need_kvm_device
    scenario() {
        install_rule
        install_line
        mkdir -p /run/udev/rules.d /run/tmpfiles.d
        ln -s /dev/null /run/udev/rules.d/80-virt-privileges-kvm.rules
        ln -s /dev/null /run/tmpfiles.d/virt-privileges.conf
        start_udevd
        event add
        kvm_is 660 root:kvm
        tmpfiles
        kvm_is 660 root:kvm
    }
    private scenario
}

@test "tmpfiles with the distribution's line alone takes the rule's 0666 back to 0660" {
    scenario() {
        install_rule
        start_udevd
        kvm_is 666 root:kvm
        tmpfiles
        kvm_is 660 root:kvm
    }
    private scenario
}

@test "tmpfiles with our line: 0666 root:kvm, whatever was there, in silence" {
    scenario() {
        install_line
        tmpfiles
        kvm_is 666 root:kvm
        chown 1:1 /dev/kvm
        chmod 0600 /dev/kvm
        tmpfiles
        kvm_is 666 root:kvm
    }
    private scenario
}

@test "udev, tmpfiles, udev: 0666 root:kvm all the way" {
    need_kvm_device
    scenario() {
        install_rule
        install_line
        start_udevd
        kvm_is 666 root:kvm
        tmpfiles
        kvm_is 666 root:kvm
        event add
        kvm_is 666 root:kvm
        tmpfiles
        kvm_is 666 root:kvm
    }
    private scenario
}

# kmod-static-nodes.service writes this line where kvm is a module (kmod's
# static-nodes output), and systemd-tmpfiles-setup-dev.service makes the node.
@test "a node that tmpfiles makes at boot: 0666 root:kvm" {
    scenario() {
        install_line
        mkdir /run/tmpfiles.d
        echo 'c! /dev/kvm 0600 - - - 10:232' >/run/tmpfiles.d/static-nodes.conf
        rm /dev/kvm
        tmpfiles --boot
        kvm_is 666 root:kvm
        [ "$(stat -c %t:%T /dev/kvm)" = a:e8 ]
    }
    private scenario
}

@test "events that these tests make are heard in their network namespace alone" {
    need_kvm_device
    scenario() {
        setpriv --pdeathsig TERM udevadm monitor --kernel >/run/heard 3>&- &
        monitor=$!
        trap 'kill $monitor; cat /run/heard' EXIT
        until_heard "KERNEL - "
        # Not a change: KVM itself announces one in every namespace when somebody makes a VM.
        unshare --net tests/lib/uevent offline
        tests/lib/uevent add
        until_heard " add "
        if grep " offline " /run/heard; then return 1; fi
    }
    private scenario
}

@test "udevadm verify finds nothing to say" {
    udevadm verify --help >/dev/null 2>&1 ||
        skip "systemd $(udevadm --version) has no udevadm verify"
    udevadm verify udev-rules/80-virt-privileges-kvm.rules
}
