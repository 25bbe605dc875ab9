#!/usr/bin/env bats
# The packages: how they are built, what is in them, and what dnf makes of them
# in a root of its own (roots.bash). What is asserted is read from the root, or
# from the packages through rpm.
# shellcheck disable=SC2030,SC2031 # run's variables are a test's own

bats_require_minimum_version 1.5.0

load roots

setup_file() {
    make_packages
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
    # A program that find-debuginfo pipes the sources through ends early, once: it looks at the status of none.
    cp /usr/bin/cpio ../cpio
    printf '%s\n' '#!/bin/sh' "rm $PWD/../early 2>/dev/null || exec $PWD/../cpio \"\$@\"" "head -z -n 9 | $PWD/../cpio \"\$@\"" >../ends-early
    chmod +x ../ends-early
    touch ../early
    mount --bind ../ends-early /usr/bin/cpio
    run -0 spec/build --output ../again --define "__spec_check_post touch $BATS_TEST_TMPDIR/checked; %{___build_post}"
    umount /usr/bin/cpio
    [[ $output == *"has left sources out of the debug packages (attempt 1 of 3)"*"    tools/virt-priv-run.c"* ]]
    [[ $output != *"attempt 2"* ]]
    rm /etc/rpm/macros.all
    rmdir --ignore-fail-on-non-empty /etc/rpm
    [ -e "$BATS_TEST_TMPDIR/checked" ]
    cd "$BATS_TEST_TMPDIR"
    [ "$(find again -name '*.rpm' | wc -l)" -eq 6 ]
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

@test "what find-debuginfo runs, and would go on without, is looked for first" {
    local program bin=$BATS_TEST_TMPDIR/bin
    mkdir "$bin"
    ln -s /usr/bin/* "$bin"
    for program in cpio file; do
        rm "$bin/$program"
        PATH=$bin run -1 spec/build --output "$BATS_TEST_TMPDIR/none"
        [ "$output" = "spec/build: $program is missing; 'sudo make deps' installs it" ]
        ln -s "/usr/bin/$program" "$bin"
    done
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
    [[ $output == *" 6 packages and 1 specfiles checked; 0 errors, 0 warnings"* ]]
}

# --- What is in them ---

# The JSON that the tools print, and what is for Prometheus, Grafana and Ansible.
data() {
    local schema
    for schema in tests/schema/*.json; do
        echo "-rw-r--r-- root:root /usr/share/virt-privileges/schema/${schema##*/}"
    done
    (cd conf && find prometheus ansible -printf '%y root:root /usr/share/virt-privileges/%p\n') | sed 's/^d/drwxr-xr-x/; s/^f/-rw-r--r--/'
}

@test "the main package has these files, all root's" {
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$package" |
        grep -v '/\.build-id' >"$BATS_TEST_TMPDIR/files"
    sed -E 's,/(doc|licenses)/virt-privileges(-[0-9.]+)?,/\1/virt-privileges,' "$BATS_TEST_TMPDIR/files" |
        LC_ALL=C sort -k3 | diff -u - <(LC_ALL=C sort -k3 - <(data) <<'FILES'
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
drwxr-xr-x root:root /usr/share/virt-privileges/schema
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

@test "the part for Cockpit has its page and the license, acts by nothing, and comes by itself; the main package does without" {
    cockpit=$(echo "$rpms"/virt-privileges-cockpit-*.noarch.rpm)
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$cockpit" | grep -v ' /usr/share/licenses/' |
        LC_ALL=C sort -k3 | diff -u - <(
            echo "drwxr-xr-x root:root /usr/share/cockpit/virt-privileges"
            for file in conf/cockpit/*.{css,html,js,json}; do
                echo "-rw-r--r-- root:root /usr/share/cockpit/virt-privileges/${file##*/}"
            done | LC_ALL=C sort -k3
        )
    version=$(rpm -qp --qf '%{version}-%{release}' "$cockpit")
    rpm -qp --requires "$cockpit" | grep -v ^rpmlib | sort -u |
        diff -u - <(printf '%s\n' "cockpit-bridge >= 287" "virt-privileges = $version")
    [ "$(rpm -qp --supplements "$cockpit")" = "(virt-privileges and cockpit-system)" ]
    [ -z "$(rpm -qp --scripts --triggers --filetriggers "$cockpit")" ]
    run -1 grep -i cockpit <(rpm -qp --requires --recommends --suggests "$package")
    # It runs the programs of the main package.
    rpm2cpio "$cockpit" | cpio --quiet -i --to-stdout '*/tools.js' >"$BATS_TEST_TMPDIR/tools"
    grep -oE '/usr/bin/virt-priv-[a-z]+' "$BATS_TEST_TMPDIR/tools" | sort -u >"$BATS_TEST_TMPDIR/programs"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/programs")" -eq 4 ]
    rpm -qpl "$package" | grep -xF -f "$BATS_TEST_TMPDIR/programs" | sort | diff "$BATS_TEST_TMPDIR/programs" -
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
    absent=$(comm -23 <(printf '%s\n' tools/*.c tools/lib/*/*.c | sort) \
        <(rpm -qpl "$rpms"/*-debugsource-* | sed -n 's,^.*/\(tools/\),\1,p' | sort))
    echo "$absent"
    [ -z "$absent" ]
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

@test "what it takes and what it brings with it: less than two megabytes, and these libraries" {
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
    [ "$size" -lt 2097152 ]
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
    { cat "$HOME/.rpmmacros"; echo "%_pkgverify_level $1"; } >"$all/demanding/.rpmmacros"
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
