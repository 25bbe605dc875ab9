#!/usr/bin/env bats
# The packages: how they are built, what is in them, and what dnf makes of them
# in a root of its own (roots.bash). What is asserted is read from the root, or
# from the packages through rpm.
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
    host_state >"$all/host"
    without='^libcap-ng\.so' new_repo broken "$package"
    new_root installed
    dnf_in installed install virt-privileges
}

# --- How they are built ---

@test "a build in another directory, from the source package, without git, with its unit tests: the same packages, bit for bit" {
    cd "$BATS_TEST_TMPDIR"
    rpm2cpio "$rpms"/*.src.rpm | cpio --quiet -id
    tar -xf virt-privileges-*.tar.gz
    # Neither modes nor times of the files count.
    chmod -R go-rwx virt-privileges-*/
    find virt-privileges-*/ -exec touch -d '1 hour ago' {} +
    cd virt-privileges-*/
    # A machine whose rpm takes signed packages alone, and the unit tests, which other builds leave out.
    mkdir -p /etc/rpm
    echo '%_pkgverify_level all' >/etc/rpm/macros.all
    [ "$(rpm --eval '%_pkgverify_level')" = all ]
    spec/build --output ../again --define "__spec_check_post touch $BATS_TEST_TMPDIR/checked; %{___build_post}"
    rm /etc/rpm/macros.all
    rmdir --ignore-fail-on-non-empty /etc/rpm
    [ -e "$BATS_TEST_TMPDIR/checked" ]
    cd "$BATS_TEST_TMPDIR"
    [ "$(find again -name '*.rpm' | wc -l)" -eq 5 ]
    for rpm in again/*; do
        cmp "$rpm" "$rpms/${rpm##*/}"
    done
}

@test "what is not committed yet is in the package, what was deleted or is ignored is not" {
    cd "$BATS_TEST_TMPDIR"
    rpm2cpio "$rpms"/*.src.rpm | cpio --quiet -id
    mkdir tree
    tar -xf virt-privileges-*.tar.gz -C tree --strip-components=1
    cd tree
    git init -q
    git add .
    touch 'new file' ignored.o committed
    echo '*.o' >>.gitignore
    git add committed
    git -c user.name=x -c user.email=x@localhost commit -qm x
    rm committed
    echo '# edited' >>conf/qemu.conf
    # As under sudo, somebody else's checkout.
    chown -R 12345:12345 .
    spec/build --output ../out --source
    cd "$BATS_TEST_TMPDIR"
    rpm2cpio out/*.src.rpm | cpio --quiet -idu
    tar -tf virt-privileges-*.tar.gz >list
    grep '/new file$' list
    run ! grep -E 'committed$|\.o$|/\.git/|/build/' list
    tar -xOf virt-privileges-*.tar.gz --wildcards '*/conf/qemu.conf' | tail -n 1 | grep -x '# edited'
    run ! grep -v '^virt-privileges-[0-9.]*/' list
}

@test "an absent build requirement is refused by its name" {
    rpm -qf "$(command -v rpmbuild)" >/dev/null 2>&1 && skip "rpm knows this machine's own packages"
    PKG_CONFIG_LIBDIR=/nonexistent run -1 spec/build --output "$BATS_TEST_TMPDIR"
    [[ $output == *"pkgconfig(libcap-ng) is needed by virt-privileges-"* ]]
    [ "$(ls "$BATS_TEST_TMPDIR")" = "" ]
}

@test "the spec requires the libraries that the Makefile links, and that of the unit tests" {
    rpmspec -q --buildrequires spec/virt-privileges.spec | sed -n 's/^pkgconfig(\(.*\))$/\1/p' | sort |
        diff -u - <(sed -En 's/^PC_(virt.*|BPF|TESTS) := //p' Makefile | sed 's/\$(PC_ALL)//' | xargs -n 1 | sort -u)
}

@test "the version is the spec's everywhere" {
    version=$(sed -n 's/^Version: *//p' spec/virt-privileges.spec)
    [ "$(rpm -qp --qf '%{version}' "$package")" = "$version" ]
    [ "$(chroot "$all/installed" virt-priv-exec --version)" = "virt-priv-exec $version" ]
}

@test "rpmlint finds nothing in the spec, nor in any of the packages" {
    HOME=$BATS_TEST_TMPDIR run -0 rpmlint --config spec/virt-privileges.rpmlint.toml \
        spec/virt-privileges.spec "$rpms"/*.rpm
    [[ $output == *" 5 packages and 1 specfiles checked; 0 errors, 0 warnings"* ]]
}

# --- What is in them ---

@test "the main package has these files, all root's" {
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$package" |
        grep -v '/\.build-id' >"$BATS_TEST_TMPDIR/files"
    sed -E 's,/(doc|licenses)/virt-privileges(-[0-9.]+)?,/\1/virt-privileges,' "$BATS_TEST_TMPDIR/files" |
        LC_ALL=C sort -k3 | diff -u - <(cat <<'FILES'
-rwxr-xr-x root:root /usr/bin/virt-priv-audit
-rwxr-xr-x root:root /usr/bin/virt-priv-chown
-rwxr-xr-x root:root /usr/bin/virt-priv-conf
-rwxr-xr-x root:root /usr/bin/virt-priv-exec
-rwxr-xr-x root:root /usr/bin/virt-priv-run
drwxr-xr-x root:root /usr/lib/systemd
drwxr-xr-x root:root /usr/lib/systemd/system
drwxr-xr-x root:root /usr/lib/systemd/system-preset
-rw-r--r-- root:root /usr/lib/systemd/system-preset/85-virt-privileges.preset
-rw-r--r-- root:root /usr/lib/systemd/system/virt-priv-audit.service
-rw-r--r-- root:root /usr/lib/systemd/system/virt-priv-audit.timer
-rw-r--r-- root:root /usr/lib/systemd/system/virt-priv-recover.service
-rw-r--r-- root:root /usr/lib/systemd/system/virt-priv-vm@.service
drwxr-xr-x root:root /usr/lib/sysusers.d
-rw-r--r-- root:root /usr/lib/sysusers.d/virt-privileges-kvm.conf
-rw-r--r-- root:root /usr/lib/sysusers.d/virt-privileges.conf
drwxr-xr-x root:root /usr/lib/tmpfiles.d
-rw-r--r-- root:root /usr/lib/tmpfiles.d/virt-privileges.conf
drwxr-xr-x root:root /usr/lib/udev
drwxr-xr-x root:root /usr/lib/udev/rules.d
-rw-r--r-- root:root /usr/lib/udev/rules.d/80-virt-privileges-kvm.rules
drwxr-xr-x root:root /usr/share/bash-completion
drwxr-xr-x root:root /usr/share/bash-completion/completions
-rw-r--r-- root:root /usr/share/bash-completion/completions/virt-priv-audit
-rw-r--r-- root:root /usr/share/bash-completion/completions/virt-priv-chown
-rw-r--r-- root:root /usr/share/bash-completion/completions/virt-priv-conf
-rw-r--r-- root:root /usr/share/bash-completion/completions/virt-priv-exec
-rw-r--r-- root:root /usr/share/bash-completion/completions/virt-priv-run
drwxr-xr-x root:root /usr/share/doc/virt-privileges
-rw-r--r-- root:root /usr/share/doc/virt-privileges/CHANGES
-rw-r--r-- root:root /usr/share/doc/virt-privileges/README.md
-rw-r--r-- root:root /usr/share/doc/virt-privileges/SECURITY.md
drwxr-xr-x root:root /usr/share/licenses/virt-privileges
-rw-r--r-- root:root /usr/share/licenses/virt-privileges/LICENSE
-rw-r--r-- root:root /usr/share/man/man1/virt-priv-exec.1.gz
-rw-r--r-- root:root /usr/share/man/man5/virt-priv-vm.5.gz
-rw-r--r-- root:root /usr/share/man/man7/virt-privileges.7.gz
-rw-r--r-- root:root /usr/share/man/man8/virt-priv-audit.8.gz
-rw-r--r-- root:root /usr/share/man/man8/virt-priv-chown.8.gz
-rw-r--r-- root:root /usr/share/man/man8/virt-priv-conf.8.gz
-rw-r--r-- root:root /usr/share/man/man8/virt-priv-run.8.gz
drwxr-xr-x root:root /usr/share/virt-privileges
-rw-r--r-- root:root /usr/share/virt-privileges/qemu.conf
-rw-r--r-- root:root /usr/share/virt-privileges/virt-privileges.ks
FILES
    )
}

@test "the part for libvirt has no file but the license, comes by itself, and acts by triggers that rpm-ostree takes" {
    libvirt=$(echo "$rpms"/virt-privileges-libvirt-*.noarch.rpm)
    [ "$(rpm -qpl "$libvirt" | grep -v '^/usr/share/licenses/')" = "" ]
    version=$(rpm -qp --qf '%{version}-%{release}' "$libvirt")
    rpm -qp --requires "$libvirt" | grep -v ^rpmlib | sort -u | diff -u - <(printf '%s\n' /bin/sh "virt-privileges = $version")
    [ "$(rpm -qp --supplements "$libvirt")" = "(virt-privileges and libvirt-daemon-driver-qemu)" ]
    [ "$(rpm -qp --qf '[%{TRANSFILETRIGGERNAME} ]%|PREIN?{x}|%|POSTIN?{x}|%|POSTUN?{x}|%|TRIGGERNAME?{x}|%|FILETRIGGERNAME?{x}|' "$libvirt")" = "/etc/libvirt /etc/libvirt " ]
    [ "$(rpm -qp --qf '%|TRIGGERNAME?{x}|%|FILETRIGGERNAME?{x}|%|TRANSFILETRIGGERNAME?{x}|' "$package")" = "" ]
}

@test "every program has a manual page, and every page says what it is" {
    for program in "$all"/installed/usr/bin/virt-priv-*; do
        page=$(echo "$all/installed/usr/share/man"/man*/"${program##*/}".*.gz)
        zcat "$page" | mandoc -T ascii | sed 's/.\x08//g' | grep -A 1 '^NAME' | grep "^ *${program##*/} - "
    done
}

@test "no set-id bit and no file capability, neither in the package nor where it is installed" {
    run -0 rpm -qp --qf '[%{FILEMODES:octal}\n]' "$package"
    run ! grep -E '^..[2-7]...$' <<<"$output"
    [ "$(rpm -qp --qf '[%{FILECAPS}]' "$package")" = "" ]
    files=$(rpm -qpl "$package")
    cd "$all/installed"
    [ "$(xargs -I{} find .{} -maxdepth 0 -perm /6000 <<<"$files")" = "" ]
    [ "$(xargs -I{} getcap .{} <<<"$files")" = "" ]
}

@test "what it requires is the minimum" {
    # rpm has what the package itself provides: its accounts, where rpm makes them.
    rpm -qp --qf '[%{PROVIDES}\n]' "$package" >"$BATS_TEST_TMPDIR/provides"
    rpm -qp --qf '[%{REQUIRES}\n]' "$package" | grep -vxFf "$BATS_TEST_TMPDIR/provides" |
        grep -Ev '^(rpmlib\(|libc\.so\.|rtld\()' | sed 's/(.*//; s/\.so\..*/.so/' | sort -u |
        diff -u - <(printf '%s\n' /bin/sh lib{acl,blkid,cap-ng,json-c,smartcols,xml2}.so && rpm_makes_accounts || echo shadow-utils)
    [ "$(rpm -qp --recommends --suggests --supplements "$package")" = "" ]
}

# native: the package as rpm makes it that has a program for accounts.
native() {
    [ -e "$all/native" ] || copy_packages "$all/native" --with native_sysusers
    echo "$all"/native/virt-privileges-[0-9]*."$arch.rpm"
}

# scripted: the package as rpm makes it that has none.
scripted() {
    local made=$package
    if rpm_makes_accounts; then
        [ -e "$all/scripted" ] || copy_packages "$all/scripted" --without native_sysusers
        made=$(echo "$all"/scripted/virt-privileges-[0-9]*."$arch.rpm")
    fi
    echo "$made"
}

@test "where rpm makes accounts itself there is no %pre, and nothing that it would need" {
    rpm=$(native)
    [ "$(rpm -qp --qf '%|PREIN?{yes}:{no}| %|POSTTRANS?{yes}|' "$rpm")" = "no yes" ]
    run ! grep shadow-utils <<<"$(rpm -qp --requires "$rpm")"
    # Where rpm reads it.
    for file in sysusers.d/*.conf; do
        rpm2cpio "$rpm" | cpio --quiet -i --to-stdout "./usr/lib/$file" | cmp - "$file"
    done
    # An rpm that has such a program says so by a macro: it reads the same spec.
    rpmspec --parse --with native_sysusers spec/virt-privileges.spec >"$BATS_TEST_TMPDIR/native"
    run ! cmp "$BATS_TEST_TMPDIR/native" <(rpmspec --parse --without native_sysusers spec/virt-privileges.spec)
    rpmspec --parse --define '__systemd_sysusers /usr/bin/systemd-sysusers' spec/virt-privileges.spec |
        diff "$BATS_TEST_TMPDIR/native" -
    # Nothing else is different.
    diff <(rpm -qp --scripts "$(native)" | sed '/^# rpm.s sysusers.sh /,/^ *echo /d') \
        <(rpm -qp --scripts "$(scripted)" | sed '/^preinstall/,/^exit 0/d')
    diff <(rpm -qpl "$(native)" | grep -v build-id) <(rpm -qpl "$(scripted)" | grep -v build-id)
}

@test "the debug packages fit the program and hold its sources" {
    ids=$(for program in "$all"/installed/usr/bin/virt-priv-*; do
        readelf --notes "$program" | sed -n 's/.*Build ID: /debuginfo(build-id) = /p'
    done | sort)
    [ "$(rpm -qp --provides "$rpms"/*-debuginfo-* | grep build-id | sort)" = "$ids" ]
    sources=$(rpm -qpl "$rpms"/*-debugsource-*)
    for file in tools/*.c tools/lib/*/*.c; do
        grep "/$file\$" <<<"$sources"
    done
}

@test "every program is hardened, as read back from it" {
    [ "$(uname -m)" = x86_64 ] || skip "what is looked for is that of x86_64"
    for program in "$all"/installed/usr/bin/virt-priv-*; do
        echo "$program"
        readelf --wide --file-header --program-headers --dynamic --dyn-syms "$program" >"$BATS_TEST_TMPDIR/elf"
        # A program that is loaded anywhere, and reads its tables only once.
        grep -E '^ +Type: +DYN' "$BATS_TEST_TMPDIR/elf"
        grep -E '\(FLAGS_1\) .*NOW.* PIE' "$BATS_TEST_TMPDIR/elf"
        grep -E '^ +GNU_RELRO ' "$BATS_TEST_TMPDIR/elf"
        grep -E '^ +GNU_STACK .* RW +0x' "$BATS_TEST_TMPDIR/elf"
        run ! grep -E '^ +LOAD .* RWE' "$BATS_TEST_TMPDIR/elf"
        run ! grep -E '\((RPATH|RUNPATH|TEXTREL)\)' "$BATS_TEST_TMPDIR/elf"
        # The canary, and checked functions of the C library.
        grep '__stack_chk_fail' "$BATS_TEST_TMPDIR/elf"
        grep -E '__[a-z]+_chk@' "$BATS_TEST_TMPDIR/elf"
        # Functions of our own that are jumped to begin with the mark for it. The C library's
        # start files decide about the note of the whole program.
        [ "$(objdump --disassemble --no-show-raw-insn --section .text "$program" | grep -c endbr64)" -gt 40 ]
    done
}

@test "what it takes and what it brings with it: less than a megabyte and a half, and these libraries" {
    # SIZE alone is not in packages of rpm's format 6.
    size=$(rpm -qp --qf '%{LONGSIZE}' "$package")
    for program in "$all"/installed/usr/bin/virt-priv-*; do
        chroot "$all/installed" ldd "/usr/bin/${program##*/}"
    done | grep -oE '/[^ ]+' | sort -u >"$BATS_TEST_TMPDIR/libraries"
    {
        echo "# installed size: $((size / 1024)) KiB, of which programs: $(du -bc "$all"/installed/usr/bin/virt-priv-* | awk 'END { print int($1 / 1024) }') KiB"
        while IFS= read -r library; do
            echo "# links ${library##*/}: $(($(stat -Lc %s "$all/installed/usr$library" 2>/dev/null || stat -Lc %s "$all/installed$library") / 1024)) KiB"
        done <"$BATS_TEST_TMPDIR/libraries"
    } >&3
    [ "$size" -lt 1572864 ]
    # What those link themselves is as this distribution has built them.
    readelf --wide --dynamic "$all"/installed/usr/bin/virt-priv-* | sed -n 's/.*(NEEDED) .*\[\(.*\)\.so.*/\1/p' | sort -u |
        diff - <(printf '%s\n' libacl libblkid libc libcap-ng libjson-c libsmartcols libxml2)
}

@test "dnf tells license, changes and weak dependencies" {
    query() {
        dnf_in installed --quiet repoquery "$@" 2>"$BATS_TEST_TMPDIR/dnf"
    }
    [ "$(query --qf '%{license}\n' virt-privileges virt-privileges-libvirt | sort -u | xargs)" = GPL-2.0-or-later ]
    # dnf5 has the hour as well, which is noon of every day.
    query --changelogs virt-privileges | sed 's/ 12:00:00 / /' | grep -xF -- "$(sed -n '/^%changelog/{n;p}' spec/virt-privileges.spec)"
    [ "$(query --supplements virt-privileges-libvirt)" = "(virt-privileges and libvirt-daemon-driver-qemu)" ]
    [ "$(query --recommends virt-privileges)$(query --suggests virt-privileges)" = "" ]
    query --requires virt-privileges-libvirt | grep -xF "virt-privileges = $(evr "$package")"
    # Nothing else is installed with it.
    [ "$(rpm_in installed -qa --qf '%{name}\n' | sort | xargs)" = "base-root virt-privileges" ]
}

# --- What dnf makes of them ---

@test "installed: rpm finds every file as it was packaged" {
    run -0 rpm_in installed -V virt-privileges
    [ "$output" = "" ]
    cmp sysusers.d/virt-privileges.conf "$all/installed/usr/lib/sysusers.d/virt-privileges.conf"
    cmp udev-rules/80-virt-privileges-kvm.rules "$all/installed/usr/lib/udev/rules.d/80-virt-privileges-kvm.rules"
    cmp conf/tmpfiles.d/virt-privileges.conf "$all/installed/usr/lib/tmpfiles.d/virt-privileges.conf"
    cmp conf/qemu.conf "$all/installed/usr/share/virt-privileges/qemu.conf"
}

@test "installed: systemd-analyze verify finds nothing to say of any unit" {
    for unit in "$all"/installed/usr/lib/systemd/system/virt-priv-*; do
        name=${unit##*/}
        run -0 with_proc installed systemd-analyze verify --man=no "${name/@./@vm.}"
        echo "$output"
        [ "$output" = "" ]
    done
}

@test "installed: the accounts are there" {
    [ "$(chroot "$all/installed" id qemu)" = "uid=107(qemu) gid=107(qemu) groups=107(qemu),36(kvm)" ]
    run -0 chroot "$all/installed" getent passwd qemu
    [[ $output =~ ^qemu:x:107:107:qemu\ user:/:(/.*/nologin)$ ]]
    # Where the root has one at all: in Debian sid it is in none of these packages.
    [ -x "$all/installed${BASH_REMATCH[1]}" ] || [ -z "$(find "$all/installed/usr" -name nologin -path '*bin/*')" ]
    # No password opens it.
    [[ $(chroot "$all/installed" getent shadow qemu) == 'qemu:!'* ]]
}

@test "installed: the program runs there, as qemu and with nothing in any set" {
    run -0 with_proc installed virt-priv-exec -- grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status
    expected=$(printf '%s\n' $'Uid:\t107\t107\t107\t107' $'Gid:\t107\t107\t107\t107' $'Groups:\t36 107 ' \
        Cap{Inh,Prm,Eff,Bnd,Amb}:$'\t0000000000000000' $'NoNewPrivs:\t1')
    diff -u - <(printf '%s\n' "$expected") <<<"$(sed 's/ *$/ /; /^Groups/!s/ $//' <<<"$output")"
}

@test "a library that is not there is refused by its name" {
    new_root refused
    repo=broken run -1 dnf_in refused install virt-privileges
    [[ $output == *"nothing provides libcap-ng.so.0()(64bit) needed by virt-privileges"* ]]
    [ ! -e "$all/refused/usr/bin/virt-priv-exec" ]
    run ! grep qemu "$all/refused/etc/passwd"
}

@test "reinstalled: nothing changes; a damaged file is whole again" {
    tree installed >"$BATS_TEST_TMPDIR/before"
    sha256sum "$all"/installed/etc/{passwd,group} >"$BATS_TEST_TMPDIR/accounts"
    echo damage >>"$all/installed/usr/lib/sysusers.d/virt-privileges.conf"
    run ! rpm_in installed -V virt-privileges
    dnf_in installed reinstall virt-privileges
    tree installed | diff -u "$BATS_TEST_TMPDIR/before" -
    sha256sum -c "$BATS_TEST_TMPDIR/accounts"
    run -0 rpm_in installed -V virt-privileges
}

@test "removed: the accounts stay, of all else not even a directory" {
    new_root removed
    dnf_in removed install virt-privileges
    cp -a "$all"/removed/etc "$BATS_TEST_TMPDIR/etc"
    dnf_in removed remove virt-privileges base-root
    run -1 rpm_in removed -q virt-privileges
    for file in passwd group shadow gshadow; do
        cmp "$all/removed/etc/$file" "$BATS_TEST_TMPDIR/etc/$file"
    done
    new_root untouched
    diff -u <(tree untouched | grep -Ev "$accounts") <(tree removed | grep -Ev "$accounts")
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

# quiet_install ROOT: with rpm, which says nothing but what scriptlets say; %pre makes the accounts.
quiet_install() {
    local said
    said=$(set -o pipefail && rpm_in "$1" --define '__systemd_sysusers %{nil}' -i --nodeps "$(scripted)" 2>&1 | scriptlets_said)
    echo "$said"
    [ "$said" = "" ]
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
    # Builds them, outside of the loop's silence.
    native
    scripted
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
    native
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

# signing_key: makes a key of gpg's, and prints its certificate's name.
signing_key() {
    export GNUPGHOME=$all/gnupg
    if [ ! -d "$GNUPGHOME" ]; then
        mkdir -m 0700 "$GNUPGHOME"
        gpg --batch --quiet --passphrase '' --quick-generate-key key@localhost rsa2048 sign never >&2
        gpg --armor --export key@localhost >"$all/key.asc"
    fi
}

# refused COMMAND...: it fails, for want of a signature, and nothing is installed.
refused() {
    local refusal=0
    "$@" >"$BATS_TEST_TMPDIR/refusal" 2>&1 || refusal=$?
    output=$(<"$BATS_TEST_TMPDIR/refusal")
    echo "$output"
    [ "$refusal" -ne 0 ]
    [[ $output == *signature* || $output == *"not signed"* || $output == *GPG* || $output == *OpenPGP* ]]
    run ! rpm_in signatures -q virt-privileges
}

# demanding LEVEL COMMAND...: where %_pkgverify_level is that.
demanding() {
    mkdir -p "$all/demanding"
    { cat "$HOME/.rpmmacros" && echo "%_pkgverify_level $1"; } >"$all/demanding/.rpmmacros"
    HOME=$all/demanding "${@:2}"
}

# accepted COMMAND...: it installs the package, which is removed again.
accepted() {
    "$@"
    rpm_in signatures -q virt-privileges
    rpm_in signatures -e virt-privileges
}

@test "where signatures are demanded: what is not signed is refused, or installed as README says; what is signed is installed" {
    local unsigned=$package signed=$BATS_TEST_TMPDIR/${package##*/} word=--nogpgcheck by_policy=refused
    signing_key
    cp "$unsigned" "$signed"
    spec/sign key@localhost "$signed"
    new_root signatures installed
    rpm_in signatures -e virt-privileges
    run -1 rpmkeys --root "$all/signatures" --checksig --define '_pkgverify_level all' "$signed"
    rpmkeys --root "$all/signatures" --import "$all/key.asc"
    run -0 rpmkeys --root "$all/signatures" --checksig "$signed"
    [[ $output == *": digests signatures OK" ]]
    refused demanding all rpm_in signatures -i "$unsigned"
    accepted demanding all rpm_in signatures -U --nosignature "$unsigned"
    accepted demanding all rpm_in signatures -i "$signed"
    # dnf 4 goes by rpm's setting as well, and its option does not change that.
    ! type -P dnf5 || word=--no-gpgchecks by_policy=accepted
    grep -F -- "$word" README.md
    sed 's/^\[main\]/&\nlocalpkg_gpgcheck=True/' "$all/repo.conf" >"$all/demanding.conf"
    repo=demanding refused dnf_in signatures install "$unsigned"
    repo=demanding accepted dnf_in signatures install "$word" "$unsigned"
    repo=demanding accepted dnf_in signatures install "$signed"
    "$by_policy" demanding all dnf_in signatures install "$unsigned"
    "$by_policy" demanding all dnf_in signatures install "$word" "$unsigned"
    accepted demanding all dnf_in signatures install "$signed"
    gpgconf --kill all
    drop_root signatures
}

@test "a key of sq's signs as well" {
    [ "$(rpm --eval '%{?_openpgp_sign}')" != "" ] || skip "this rpm signs with gpg alone"
    type -P sq || skip "no sq here"
    local signed=$BATS_TEST_TMPDIR/one.rpm key
    cp -a "$HOME" "$BATS_TEST_TMPDIR/home"
    export HOME=$BATS_TEST_TMPDIR/home
    echo '%_openpgp_sign sq' >>"$HOME/.rpmmacros"
    sq key generate --own-key --without-password --email key@localhost
    key=$(sq key list | grep -oE -m 1 '[0-9A-F]{40,64}')
    cp "$package" "$signed"
    spec/sign "$key" "$signed"
    sq cert export --cert "$key" >"$BATS_TEST_TMPDIR/key.asc"
    mkdir "$BATS_TEST_TMPDIR/keys"
    rpmkeys --dbpath "$BATS_TEST_TMPDIR/keys" --import "$BATS_TEST_TMPDIR/key.asc"
    run -0 rpmkeys --dbpath "$BATS_TEST_TMPDIR/keys" --checksig --verbose "$signed"
    [[ ${output,,} == *" signature, key fingerprint: ${key,,}: ok"* ]]
    run -1 spec/sign key@localhost "$signed"
    [[ $output == *"cannot sign with the key key@localhost: see above, and list the keys with sq key list"* ]]
}

@test "a key that is not there: nothing is signed, and it is named" {
    signing_key
    cp "$package" "$BATS_TEST_TMPDIR/one.rpm"
    run -1 spec/sign nobody@localhost "$BATS_TEST_TMPDIR/one.rpm"
    [[ $output == *"spec/sign: cannot sign with the key nobody@localhost"* ]]
    cmp "$package" "$BATS_TEST_TMPDIR/one.rpm"
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

@test "a root without /dev, /proc, udev and systemd: in silence, and nothing is made in /dev" {
    new_root bare
    rm -rf "$all"/bare/{dev,proc,sys,run}/{*,.[!.]*} "$all"/bare/usr/bin/{udevadm,systemctl,systemd-*}
    quiet_install bare
    [ "$(find "$all"/bare/{dev,proc,sys,run} -mindepth 1)" = "" ]
    run -0 rpm_in bare -e virt-privileges
    [ "$(scriptlets_said <<<"$output")" = "" ]
    [ "$(find "$all"/bare/{dev,proc,sys,run} -mindepth 1)" = "" ]
}

@test "nothing of the machine around was changed" {
    host_state | diff -u "$all/host" -
}

# --- What a running udevd makes of them ---

# Events are made by tests/lib/uevent, for what udevadm writes to /sys reaches
# every udevd of the machine; which devices they are for, udevadm itself says.
stub_udevadm() {
    cat <<STUB
#!/bin/sh
[ "\$1" = trigger ] || exec /usr/bin/udevadm "\$@"
[ "\$(/usr/bin/udevadm "\$@" --dry-run --verbose)" = /sys/devices/virtual/misc/kvm ] || exit 1
case " \$* " in
*" --action=add "*) exec $PWD/tests/lib/uevent add ;;
*) exec $PWD/tests/lib/uevent change ;;
esac
STUB
}

@test "where udevd runs: 0666 as soon as rpm is done, and 0660 when it has removed it" {
    [ -e /sys/devices/virtual/misc/kvm ] || skip "this kernel has no KVM device to announce"
    # shellcheck disable=SC2086
    scenario() {
        # rpm 6 lets scriptlets have no network, by which tests/lib/uevent reaches udevd.
        with_net() { rpm $force --define '__transaction_unshare %{nil}' "$@"; }
        # Slow enough to see whether it is waited for.
        mkdir -p /run/udev/rules.d
        echo 'KERNEL=="kvm", PROGRAM=="/bin/sleep 0.3"' >/run/udev/rules.d/00-slow.rules
        setpriv --pdeathsig TERM /usr/lib/systemd/systemd-udevd >/run/udevd.log 2>&1 3>&- &
        udevd=$!
        trap 'kill $udevd; wait $udevd; cat /run/udevd.log' EXIT
        until [ -S /run/udev/control ] && /usr/bin/udevadm control --ping --timeout=10; do sleep 0.02; done
        [ "$(stat -c %a:%U:%G /dev/kvm)" = 660:root:kvm ]
        with_net --dbpath "$1/db" -i --nodeps "$1/package.rpm"
        [ "$(stat -c %a:%U:%G /dev/kvm)" = 666:root:kvm ]
        # An upgrade's %postun comes after the new package's files: it must not take the mode away.
        with_net --dbpath "$1/db" -U --force --nodeps "$1/package.rpm"
        [ "$(stat -c %a:%U:%G /dev/kvm)" = 666:root:kvm ]
        with_net --dbpath "$1/db" -e virt-privileges
        [ "$(stat -c %a:%U:%G /dev/kvm)" = 660:root:kvm ]
    }
    cp "$package" "$BATS_TEST_TMPDIR/package.rpm"
    stub_udevadm >"$BATS_TEST_TMPDIR/udevadm"
    chmod +x "$BATS_TEST_TMPDIR/udevadm"
    # /usr is an overlay, so that rpm installs as on a running host, not in a
    # chroot. rpm looks for a scriptlet's commands in /usr/sbin first.
    mkdir -p "$all/usr/sbin" "$all/usr.work"
    mv "$BATS_TEST_TMPDIR/udevadm" "$all/usr/sbin"
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -euc '
        mount -t overlay -o "lowerdir=/usr,upperdir=$all/usr,workdir=$all/usr.work" overlay /usr
        exec tests/lib/private-udevd bash -eux -c "$1" bash "$2"
    ' bash "$(declare -f scenario); scenario \"\$1\"" "$BATS_TEST_TMPDIR" 3>&-
}
