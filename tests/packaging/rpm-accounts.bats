#!/usr/bin/env bats
# The account that the package makes: by its own %pre, and by rpm with systemd-sysusers or with a script of its own;
# on each kind of host, as read from the roots.
# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

load roots
load table

teardown_file() {
    print_table
}

setup_file() {
    make_packages
    : >"$all/table"
    # Both are built outside of what is to be silent.
    native
    scripted
}

# put_accounts ROOT DIR: the account files of DIR, and those that it lacks empty. Accounts that other packages of
# the root declare, which systemd-sysusers would create as well, take no id.
put_accounts() {
    rm -f "$all/$1"/usr/lib/sysusers.d/*.conf
    for file in passwd group shadow gshadow; do
        : >"$all/$1/etc/$file"
    done
    if [ -d "$2" ]; then
        cp "$2"/* "$all/$1/etc/"
    fi
}

# account_lines ROOT FILE: neither the order of lines nor where nologin is makes a difference.
account_lines() {
    sed 's,:\(/usr\)\?/s\?bin/nologin$,:/usr/sbin/nologin,' "$all/$1/etc/$2" | sort
}

# install_natively ROOT: as rpm does it that calls systemd-sysusers; one without support for it is helped out.
install_natively() {
    rpm_in "$1" --define '__systemd_sysusers /usr/bin/systemd-sysusers' -i --nodeps "$(native)"
    rpm_makes_accounts ||
        SYSTEMD_LOG_LEVEL=notice systemd-sysusers --root="$all/$1" virt-privileges.conf virt-privileges-kvm.conf
}

@test "%pre and systemd-sysusers make the same accounts of the same machine, in silence" {
    for case in tests/packaging/accounts.d/*/; do
        name=$(basename "$case")
        new_root "pre-$name"
        put_accounts "pre-$name" "$case/before"
        quiet_install "pre-$name"
        new_root "native-$name"
        put_accounts "native-$name" "$case/before"
        install_natively "native-$name"
        for file in passwd group; do
            echo "$case$file"
            diff -u <(sort "$case/after/$file") <(account_lines "pre-$name" "$file")
            diff -u <(account_lines "native-$name" "$file") <(account_lines "pre-$name" "$file")
        done
        # Once more, as an upgrade does it: not a byte changes.
        cp -a "$all/pre-$name/etc" "$BATS_TEST_TMPDIR/$name"
        run -0 rpm_in "pre-$name" --define '__systemd_sysusers %{nil}' -U --force --nodeps "$(scripted)"
        [ "$(scriptlets_said <<<"$output")" = "" ]
        for file in passwd group shadow gshadow; do
            cmp "$all/pre-$name/etc/$file" "$BATS_TEST_TMPDIR/$name/$file"
        done
        table_row "accounts: ${name//-/ }" "pre-$name" -
        table_row "accounts, made by rpm itself: ${name//-/ }" "native-$name" -
        drop_root "native-$name"
    done
}

# field_of ROOT FILE NAME N: the Nth field of the entry.
field_of() {
    awk -F: -v name="$3" -v n="$4" '$1 == name { print $n }' "$all/$1/etc/$2"
}

has_sysusers_script() {
    script=$(rpm --eval '%{_rpmconfigdir}/sysusers.sh')
    [ -e "$script" ] || skip "this rpm has no sysusers.sh"
}

@test "rpm's own sysusers.sh makes the same account: its ids where they are free, its group and its comment" {
    has_sysusers_script
    for case in tests/packaging/accounts.d/*/; do
        name=$(basename "$case")
        new_root row
        put_accounts row "$case/before"
        rpm_in row --define "__systemd_sysusers $script" -i --nodeps "$(native)"
        # Which other id is taken where that of the line is not free is up to useradd; those that were there stay.
        for id in passwd:qemu:3 passwd:qemu:5 passwd:qemu:6 group:qemu:3 group:kvm:3; do
            IFS=: read -r file entry n <<<"$id"
            wanted=$(awk -F: -v name="$entry" -v n="$n" '$1 == name { print $n }' "$case/after/$file")
            echo "$name: $id is $(field_of row "$file" "$entry" "$n"), systemd-sysusers makes it $wanted"
            grep -qs "^$entry:" "$case/before/$file" || [[ $wanted != 9[0-9][0-9] ]] || continue
            [ "$(field_of row "$file" "$entry" "$n")" = "$wanted" ]
        done
        [ "$(field_of row passwd qemu 4)" = "$(field_of row group qemu 3)" ]
        [[ ,$(field_of row group kvm 4), == *,qemu,* ]]
        table_row "accounts, made by sysusers.sh: ${name//-/ }" row -
        drop_root row
    done
}

# one_file_package: a release before this one's, with the lines of all files in one.
one_file_package() {
    cat sysusers.d/virt-privileges.conf sysusers.d/virt-privileges-kvm.conf >"$BATS_TEST_TMPDIR/one.conf"
    cat >"$BATS_TEST_TMPDIR/one.spec" <<SPEC
Name: virt-privileges
Version: 0.0.1
Release: 1
Summary: Accounts
License: GPL-2.0-or-later
BuildArch: noarch
%description
%install
install -D -m 0644 $BATS_TEST_TMPDIR/one.conf %{buildroot}/usr/lib/sysusers.d/virt-privileges.conf
%files
/usr/lib/sysusers.d/virt-privileges.conf
SPEC
    rpmbuild -bb --quiet --define "_topdir $BATS_TEST_TMPDIR" --define "_rpmdir $BATS_TEST_TMPDIR" \
        --define '_rpmfilename one.rpm' "$BATS_TEST_TMPDIR/one.spec"
}

@test "an account that sysusers.sh made of lines in one file is found by the audit, and mended by what it says" {
    has_sysusers_script
    one_file_package
    new_root row
    rpm_in row --define "__systemd_sysusers $script" -i --nodeps "$BATS_TEST_TMPDIR/one.rpm"
    [ "$(field_of row passwd qemu 4)" = "$(field_of row group kvm 3)" ] || skip "this sysusers.sh makes users first"
    # Upgraded: the account is there, and stays as it is.
    rpm_in row --define "__systemd_sysusers $script" -U --nodeps "$(native)"
    run with_proc row virt-priv-audit --check H07 host
    echo "$output"
    [ "$status" -eq 1 ]
    remedy=$(sed -n 's/^H07 .* and run: //p' <<<"$output")
    table_row "accounts, made by sysusers.sh of one file" row -
    install -m 0600 -o "$(field_of row passwd qemu 3)" /dev/null "$all/row/srv/disk"
    chroot "$all/row" sh -c "$remedy"
    run -0 with_proc row virt-priv-audit --check H07 host -v
    [[ $output == *"H07   pass"* ]]
    [ "$(chroot "$all/row" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    [ "$(field_of row passwd qemu 5)" = "qemu user" ]
    [ "$(stat -c %u "$all/row/srv/disk")" = 107 ]
    table_row "accounts, made by sysusers.sh of one file, mended" row -
    drop_root row
}

@test "upgraded from one sysusers.d file, and removed: what an administrator changed of the account stays" {
    local maker own=$BATS_TEST_TMPDIR/own
    one_file_package
    mkdir "$own"
    printf '%s\n' root:x:0:0::/root:/bin/sh qemu:x:5107:6200:ours:/srv/vms:/usr/bin/false >"$own/passwd"
    printf '%s\n' root:x:0: kvm:x:5036:alice,qemu storage:x:6200: qemu:x:107:bob backup:x:6201:qemu >"$own/group"
    printf '%s\n' 'qemu:!*:20000::::::' >"$own/shadow"
    for maker in scripted native script; do
        new_root row
        put_accounts row "$own"
        case $maker in
        scripted) program='%{nil}' rpm=$(scripted) ;;
        native) program=/usr/bin/systemd-sysusers rpm=$(native) ;;
        script) program=$(rpm --eval '%{_rpmconfigdir}/sysusers.sh') rpm=$(native) ;;
        esac
        echo "$maker: $program"
        [ "$maker" != script ] || [ -e "$program" ] || { echo "# no $program here" >&3 && drop_root row && continue; }
        rpm_in row --define "__systemd_sysusers $program" -i --nodeps "$BATS_TEST_TMPDIR/one.rpm"
        rpm_in row --define "__systemd_sysusers $program" -U --nodeps "$rpm"
        [ "$(rpm_in row -q --qf '%{version}\n' virt-privileges)" = "$(rpm -qp --qf '%{version}' "$rpm")" ]
        rpm_in row --define "__systemd_sysusers $program" -e virt-privileges
        # systemd-sysusers also creates what else the root's files declare.
        for file in passwd group shadow; do
            run ! grep -vxFf "$all/row/etc/$file" "$own/$file"
            [ "$output" = "" ]
            [ "$(grep -c ^qemu: "$all/row/etc/$file")" -eq 1 ]
        done
        drop_root row
    done
}

# elsewhere: a name service that is no file of /etc, which the root must have.
elsewhere() {
    find "$base/usr" -name 'libnss_extrausers.so.*' | grep . || skip "no package of nss-extrausers"
}

@test "accounts that come from elsewhere, as through LDAP, are taken as they are" {
    elsewhere
    new_root ldap
    put_accounts ldap none
    echo 'root:x:0:0::/root:/bin/sh' >"$all/ldap/etc/passwd"
    printf '%s\n' 'passwd: files extrausers' 'group: files extrausers' >"$all/ldap/etc/nsswitch.conf"
    mkdir -p "$all/ldap/var/lib/extrausers"
    echo 'qemu:x:5107:5107:QEMU of all hosts:/:/sbin/nologin' >"$all/ldap/var/lib/extrausers/passwd"
    printf '%s\n' qemu:x:5107: kvm:x:5036:qemu >"$all/ldap/var/lib/extrausers/group"
    cp -a "$all/ldap/etc" "$BATS_TEST_TMPDIR/etc"
    quiet_install ldap
    # The ids of isolated VMs are this host's.
    for file in "$BATS_TEST_TMPDIR"/etc/sub[ug]id; do
        echo virt-privileges:90000:8192 >>"$file"
    done
    diff -r --no-dereference --exclude=systemd "$BATS_TEST_TMPDIR/etc" "$all/ldap/etc"
}

@test "an id that somebody from elsewhere has is not given to a new account" {
    elsewhere
    new_root ldap-ids
    put_accounts ldap-ids none
    printf '%s\n' 'passwd: files extrausers' 'group: files extrausers' >"$all/ldap-ids/etc/nsswitch.conf"
    mkdir -p "$all/ldap-ids/var/lib/extrausers"
    # What nss-extrausers gives has ids of 500 and more.
    printf '%s\n' a:x:36: b:x:107: >"$all/ldap-ids/etc/group"
    echo c:x:999: >"$all/ldap-ids/var/lib/extrausers/group"
    echo 'd:x:998:999::/:/bin/sh' >"$all/ldap-ids/var/lib/extrausers/passwd"
    quiet_install ldap-ids
    [ "$(chroot "$all/ldap-ids" id qemu)" = "uid=107(qemu) gid=996(qemu) groups=996(qemu),997(kvm)" ]
}

# made_at_boot ROOT: systemd-sysusers makes what %pre could not, as the message says.
made_at_boot() {
    run chroot "$all/$1" id qemu
    [ "$status" -ne 0 ]
    systemd-sysusers --root="$all/$1"
    [ "$(chroot "$all/$1" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
}

@test "account files that cannot be written: installed all the same, with a word about it" {
    new_root locked
    mount --bind "$all/locked/etc" "$all/locked/etc"
    mount -o remount,bind,ro "$all/locked/etc"
    run -0 rpm_in locked --define '__systemd_sysusers %{nil}' -i --nodeps "$(scripted)"
    [[ $output == *"virt-privileges: 'groupadd -r -g 36 kvm' failed; to retry: systemd-sysusers (at its first boot, an image does)"* ]]
    [[ $output == *"virt-privileges: 'useradd "* ]]
    run -0 rpm_in locked -V --nodeps virt-privileges
    [ "$output" = "" ]
    table_row "accounts: /etc cannot be written" locked -
    umount "$all/locked/etc"
    made_at_boot locked
    table_row "accounts: /etc cannot be written, after a boot" locked -
}

@test "account files that cannot be written, where rpm itself makes accounts: refused with systemd-sysusers, told by sysusers.sh" {
    has_sysusers_script
    new_root unwritable
    mount --bind "$all/unwritable/etc" "$all/unwritable/etc"
    mount -o remount,bind,ro "$all/unwritable/etc"
    run rpm_in unwritable --define '__systemd_sysusers /usr/bin/systemd-sysusers' -i --nodeps "$(native)"
    echo "$output"
    [ "$status" -ne 0 ]
    [[ $output == *"Read-only file system"* ]]
    run -1 rpm_in unwritable -q virt-privileges
    [ ! -e "$all/unwritable/usr/bin/virt-priv-exec" ]
    table_row "accounts, made by rpm itself: /etc cannot be written" unwritable -
    run -0 rpm_in unwritable --define "__systemd_sysusers $script" -i --nodeps "$(native)"
    [[ $output == *"useradd: "* ]]
    [[ $output == *"virt-privileges: user qemu does not exist; to create it: systemd-sysusers (at its first boot, an image does)"* ]]
    umount "$all/unwritable/etc"
    made_at_boot unwritable
    table_row "accounts, made by sysusers.sh: /etc cannot be written, after a boot" unwritable -
    drop_root unwritable
}

@test "account files that somebody else has locked: waited for, and the accounts are made" {
    new_root waiting
    /usr/bin/python3 - "$all/waiting/etc/.pwd.lock" >"$BATS_TEST_TMPDIR/held" 3>&- <<'PYTHON' &
import fcntl, sys, time
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(2)
PYTHON
    until [ -s "$BATS_TEST_TMPDIR/held" ]; do sleep 0.02; done
    SECONDS=0
    quiet_install waiting
    [ "$SECONDS" -ge 1 ]
    wait
    [ "$(chroot "$all/waiting" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    table_row "accounts: locked for a while" waiting -
}

@test "account files with a lock that nobody takes away: installed all the same, with a word about it" {
    new_root stale
    for file in passwd group shadow gshadow; do
        echo 1 >"$all/stale/etc/$file.lock"
    done
    cp -a "$all/stale/etc" "$BATS_TEST_TMPDIR/etc"
    run -0 rpm_in stale --define '__systemd_sysusers %{nil}' -i --nodeps "$(scripted)"
    echo "$output"
    [[ $output == *"virt-privileges: 'groupadd -r -g 36 kvm' failed; to retry: systemd-sysusers (at its first boot, an image does)"* ]]
    for file in passwd group shadow gshadow; do
        cmp "$all/stale/etc/$file" "$BATS_TEST_TMPDIR/etc/$file"
    done
    table_row "accounts: locked for good" stale -
    made_at_boot stale
    table_row "accounts: locked for good, after a boot" stale -
}
