# user = "root": which capabilities QEMU then has, by who starts it.

load host.bash

# as_root [LINE]...: settings with user and group root and these lines, and libvirtd started with them.
as_root() {
    printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' "$@" >/etc/libvirt/qemu.conf
    tests/lib/private-libvirtd stop
    tests/lib/private-libvirtd start
}

setup() {
    cp -a /etc/libvirt/qemu.conf "$BATS_TEST_TMPDIR/qemu.conf"
    make_images
    define
}

teardown() {
    clean_up
    tests/lib/private-libvirtd stop
    cp -a "$BATS_TEST_TMPDIR/qemu.conf" /etc/libvirt/qemu.conf
    tests/lib/private-libvirtd start
}

# capabilities PID|self [COMMAND]...: the sets that count now, and the one that limits programs.
capabilities() {
    "${@:2}" grep -E '^Cap(Prm|Eff|Bnd)' "/proc/$1/status"
}

none=$'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000'

@test "libvirt's QEMU has all capabilities of root, whatever clear_emulator_capabilities says; ours has what it says" {
    local setting ours
    for setting in '' 'clear_emulator_capabilities = 1' 'clear_emulator_capabilities = 0'; do
        as_root "$setting"
        virsh -q start vm1 --paused
        pid=$(cat /run/libvirt/qemu/vm1.pid)
        echo "with '$setting': $(capabilities "$pid")"
        [ "$(stat -c %u "/proc/$pid")" -eq 0 ]
        [ "$(capabilities "$pid")" = "$(capabilities "$(tests/lib/private-libvirtd pid)")" ]
        [ "$(capabilities "$pid")" != "$none" ]
        ours=$(capabilities self virt-priv-exec 2>"$BATS_TEST_TMPDIR/warnings")
        echo "virt-priv-exec: $ours"
        if [ "$setting" = 'clear_emulator_capabilities = 0' ]; then
            [ "$ours" = "$(capabilities self)" ]
        else
            [ "$ours" = "$none" ]
        fi
        virsh -q destroy vm1
    done
}

@test "the audit says so of the settings and of the process" {
    as_root 'clear_emulator_capabilities = 1'
    virsh -q start vm1 --paused
    pid=$(cat /run/libvirt/qemu/vm1.pid)
    run -1 virt-priv-audit --exclude H05 --check H04,P05 -v
    output=$(tr -s ' ' <<<"$output")
    echo "$output"
    [[ $output == *'H04 high - - /etc/libvirt/qemu.conf:1: user = "root" gives QEMU that libvirt starts all capabilities of root, whatever clear_emulator_capabilities says'* ]]
    [[ $output == *"P05 critical $pid "* ]]
    run -0 virt-priv-audit --explain P05
    [[ $(tr -s ' \n' '  ' <<<"$output") == *"set another user than root in /etc/libvirt/qemu.conf"* ]]
}

@test "revert-to-root and what it warns of, with libvirt started after it; and back" {
    run -0 --separate-stderr virt-priv-conf revert-to-root
    [[ $stderr == *"Started by libvirt, it has all capabilities too"* ]]
    tests/lib/private-libvirtd stop
    tests/lib/private-libvirtd start
    virsh -q start vm1 --paused
    [ "$(capabilities "$(cat /run/libvirt/qemu/vm1.pid)")" = "$(capabilities "$(tests/lib/private-libvirtd pid)")" ]
    virsh -q destroy vm1
    virt-priv-conf restore-default
    cmp /etc/libvirt/qemu.conf "$BATS_TEST_TMPDIR/qemu.conf"
    tests/lib/private-libvirtd stop
    tests/lib/private-libvirtd start
    virsh -q start vm1 --paused
    pid=$(cat /run/libvirt/qemu/vm1.pid)
    [ "$(stat -c %U "/proc/$pid")" = qemu ]
    [ "$(capabilities "$pid" | grep -E 'Prm|Eff')" = "$(grep -E 'Prm|Eff' <<<"$none")" ]
}
