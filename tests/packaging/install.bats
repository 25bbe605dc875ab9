#!/usr/bin/env bats
# make install and make enable, without rpm, into a root, and the way back.
# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

load roots
load table

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    mkdir -p "$all"
    base=$(tests/lib/base-root)
    export base
    host_state >"$all/host"
    : >"$all/table"
    # The paths in programs are those of the prefix.
    export BUILD=$all/build
    tests/lib/built /usr/local "$BUILD"
}

teardown_file() {
    print_table
}

teardown() {
    rm -f "$BUILD"/made-directories*
    [ ! -e "$all/row" ] || drop_root row
}

# vp_make TARGET...
vp_make() {
    make -s "$@" BUILD="$BUILD" DESTDIR="$all/row"
}

# everything: names, modes, owners, links and content of all that is in the root.
everything() {
    tree row
    (cd "$all/row" && find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum)
}

# everything_else: without what the account is in, and systemd-sysusers' lock.
everything_else() {
    everything | grep -Ev "$accounts" | grep -Ev ' \./etc/((passwd|group|shadow|gshadow)-?|\.pwd\.lock)$'
}

@test "installed and enabled: account, device, recovery at boot, and a program without privileges" {
    new_root row
    vp_make install enable
    [ "$(chroot "$all/row" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-recover.service)" = enabled ]
    [ "$(systemctl --root="$all/row" is-enabled virt-priv-vm@.service)" = disabled ]
    [ "$(reservations row)" = 90000:8192 ]
    [ "$(stat -c %a "$all"/row/var/lib/virt-privileges{,/claims} "$all/row/etc/virt-privileges/vms" | xargs)" = "755 700 755" ]
    [ -e "$all/row/usr/local/lib/udev/rules.d/80-virt-privileges-kvm.rules" ]
    [[ $(device_mode row) == "666, "* ]]
    mount -t proc proc "$all/row/proc"
    run -0 chroot "$all/row" virt-priv-exec grep -E '^(Uid|Cap)' /proc/self/status
    diff <(echo "$output") <(printf '%s\n' $'Uid:\t107\t107\t107\t107' Cap{Inh,Prm,Eff,Bnd,Amb}:$'\t0000000000000000')
    # Its own settings are read, and its own programs started.
    run -0 chroot "$all/row" virt-priv-conf show
    [[ $output == */usr/local/share/virt-privileges/qemu.conf* ]]
    for unit in virt-priv-recover.service virt-priv-vm@vm.service; do
        run -0 chroot "$all/row" systemd-analyze verify --man=no "$unit"
        [ "$output" = "" ]
    done
    # The page for Cockpit runs those as well.
    diff <(grep -oE '"/usr[^"]*/virt-priv-[a-z]+"' "$all/row/usr/local/share/cockpit/virt-privileges/tools.js" | sort -u) \
        <(printf '"/usr/local/bin/virt-priv-%s"\n' audit chown conf run)
    grep -x 'ExecStart=/usr/local/bin/virt-priv-chown recover -v' "$all/row/usr/local/lib/systemd/system/virt-priv-recover.service"
    umount "$all/row/proc"
    table_row "make install enable" row -
}

@test "uninstalled: everything is as it was but the accounts" {
    new_root row
    # A directory that it uses, and that was there.
    mkdir -p "$all/row/usr/local/lib/udev"
    everything_else >"$BATS_TEST_TMPDIR/before"
    vp_make install
    vp_make enable
    [ "$(everything_else | diff "$BATS_TEST_TMPDIR/before" - | grep -c '^>')" -gt 40 ]
    # What is installed once more is still known.
    vp_make install
    vp_make disable
    vp_make uninstall
    everything_else | diff -u "$BATS_TEST_TMPDIR/before" -
    [ "$(chroot "$all/row" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    [ "$(compgen -G "$BUILD/made-directories*")" = "" ]
    table_row "make disable uninstall" row -
}

@test "installed and uninstalled without being enabled: everything is as it was" {
    new_root row
    everything >"$BATS_TEST_TMPDIR/before"
    vp_make install
    vp_make uninstall
    everything | diff -u "$BATS_TEST_TMPDIR/before" -
}

@test "what an admin or a machine has put there stays" {
    new_root row
    vp_make install enable
    echo qemu-system-x86_64 >"$all/row/etc/virt-privileges/vms/vm.conf"
    touch "$all/row/var/lib/virt-privileges/claims/vm" "$all/row/usr/local/share/virt-privileges/mine"
    sed -i 's/^virt-privileges:.*/virt-privileges:70000:64/' "$all/row/etc/subuid"
    vp_make disable uninstall
    [ "$(reservations row)" = 70000:64/ ]
    ls "$all/row/etc/virt-privileges/vms/vm.conf" "$all/row/var/lib/virt-privileges/claims/vm" \
        "$all/row/usr/local/share/virt-privileges/mine"
    [ ! -e "$all/row/usr/local/share/virt-privileges/qemu.conf" ]
}

@test "every file of the package is one that make install makes" {
    new_root row
    tests/lib/built /usr "$all/build-usr"
    make -s install BUILD="$all/build-usr" PREFIX=/usr DESTDIR="$all/row"
    sed -n '/^%files$/,/^%changelog/p' spec/virt-privileges.spec | grep -vE '^(#|%(dir|doc|license|files|changelog)|$)' |
        sed 's,%{_bindir},/usr/bin,; s,%{_datadir},/usr/share,; s,%{_mandir},/usr/share/man,; s,%{_udevrulesdir},/usr/lib/udev/rules.d,
            s,%{_sysusersdir},/usr/lib/sysusers.d,; s,%{_tmpfilesdir},/usr/lib/tmpfiles.d,; s,%{_unitdir},/usr/lib/systemd/system,
            s,%{_presetdir},/usr/lib/systemd/system-preset,; s,%{bash_completions_dir},/usr/share/bash-completion/completions,' |
        while read -r pattern; do
            compgen -G "$all/row$pattern" || { echo "not there: $pattern" && return 1; }
        done
}

@test "nothing of the machine around was changed" {
    host_state | diff -u "$all/host" -
}
