# Every command of README.md is run here, or by the suite that is named.

bats_require_minimum_version 1.5.0

readme=$PWD/README.md

setup_file() {
    # The package's files and the tool where an installation has them.
    mkdir -p /mnt/usr /mnt/usr.work
    mount -t overlay -o lowerdir=/usr,upperdir=/mnt/usr,workdir=/mnt/usr.work overlay /usr
    tests/lib/built /usr /mnt/build
    make -s install BUILD=/mnt/build PREFIX=/usr
    # KVM's speed is the machine's: guests under it run in the machines of tests/vm.
    [ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm
    mkdir -p /mnt/guest
    nasm -f bin -o /mnt/guest/guest.img tests/guest/hello.asm
}

# The lines of README.md's console blocks that are commands, without the prompt.
commands() {
    awk '/^```/ { block = $0 == "```console"; next } block && sub(/^\$ /, "")' "$readme"
}

# transcript COMMAND: what README.md shows as its output.
transcript() {
    awk -v command="\$ $1" '/^```/ { shown = 0 } shown { print } $0 == command { shown = 1 }' "$readme"
}

# As sudo would run it, where the tests are root already.
as_root() {
    bash -c "${1#sudo }"
}

@test "every command of README.md is one that is tested" {
    commands >"$BATS_TEST_TMPDIR/commands"
    while IFS= read -r command; do
        grep -qF -- "README: ${command:0:60}" "$BATS_TEST_FILENAME" || { echo "no test for: $command" && return 1; }
    done <"$BATS_TEST_TMPDIR/commands"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -ge 8 ]
}

# README: sudo make demo
@test "the demo shows a guest twice, as the transcript does" {
    run -0 tests/demo
    echo "$output"
    # The account's numbers and root's capabilities are the machine's.
    normal() {
        sed -E 's/^((Uid|Gid|Groups) .{14})(.{16}).*/\1/; s/[0-9a-f]{16}( +0{16})$/MASK\1/; s/^Groups.*/Groups/'
    }
    diff <(normal <<<"$output") <(transcript "sudo make demo" | normal)
    [ "$(wc -L <<<"$output")" -le 80 ]
}

# README: sudo make check
@test "the tests are run by make check" {
    [ "${VP_CHECK-}" = yes ]
    make -n check | grep -x tests/check
    env -u MAKEFLAGS -u WITHOUT make -n check-all | grep -x "tests/check all *"
    grep -qx 'test_with check' .ci/run
    grep -q '"check-all .* check-releases | in_turn' .ci/run
}

# README: make rpm
# README: make rpm SIGN=admin@example.org
# README: gpg --armor --export admin@example.org >admin.asc
# README: sudo rpm --import admin.asc
# README: sudo dnf install ./build/rpm/virt-privileges-[0-9]*.x86_64.rp
@test "make rpm makes exactly one package of the name that dnf is to install, and signs it with a key that is named" {
    local -x HOME=/mnt/readme-home GNUPGHOME=/mnt/readme-home/gnupg
    mkdir -p "$HOME"
    mkdir -m 0700 "$GNUPGHOME"
    # The key is imported there, and not on this machine.
    echo "%_dbpath $HOME/db" >"$HOME/.rpmmacros"
    gpg --batch --quiet --passphrase '' --quick-generate-key admin@example.org rsa2048 sign never
    # Without a key, nothing is signed.
    [[ "$(env -u MAKEFLAGS -u MAKELEVEL make -n rpm)" == *"spec/build --output build/rpm " ]]
    as_root "$(commands_of_readme 'make rpm SIGN') BUILD=/mnt/readme"
    local names=(/mnt/readme/rpm/virt-privileges-[0-9]*."$(uname -m)".rpm)
    [ ${#names[@]} -eq 1 ]
    # The installation itself, by dnf, is in rpm.bats.
    [ "$(rpm -qp --qf '%{name}' "${names[0]}" 2>/dev/null)" = virt-privileges ]
    run ! rpmkeys --checksig "${names[0]}"
    cd "$BATS_TEST_TMPDIR"
    as_root "$(commands_of_readme 'gpg --armor')"
    as_root "$(commands_of_readme 'sudo rpm --import')"
    for package in /mnt/readme/rpm/*.rpm; do
        run -0 rpmkeys --checksig "$package"
        [[ $output == *": digests signatures OK" ]]
    done
    gpgconf --kill all
}

# README: sudo make install enable
# README: sudo make disable uninstall
@test "installed without rpm and taken away again, in a directory" {
    local root=/mnt/without-rpm
    mkdir -p "$root/etc" "$root/usr/bin"
    find "$root" | sort >"$BATS_TEST_TMPDIR/before"
    tests/lib/built /usr/local /mnt/build-local
    as_root "$(commands_of_readme 'sudo make install') -s BUILD=/mnt/build-local DESTDIR=$root"
    grep '^qemu:x:107:107:' "$root/etc/passwd"
    [ -x "$root/usr/local/bin/virt-priv-exec" ]
    as_root "$(commands_of_readme 'sudo make disable') -s BUILD=/mnt/build-local DESTDIR=$root"
    # The accounts, and the directories in which the system keeps links to units and its state.
    diff "$BATS_TEST_TMPDIR/before" <(find "$root" ! -path "$root/etc/[pgs.]*" | sort | grep -vE "^$root/(etc/systemd.*|var|var/lib|run)\$")
}

# README: sudo virt-priv-exec qemu-system-x86_64 -accel kvm -accel tcg
@test "the QEMU command line runs the guest" {
    cd /mnt/guest
    run -33 as_root "$(commands_of_readme 'sudo virt-priv-exec qemu-system-x86_64 -accel')"
}

# README: sudo virt-priv-run qemu-system-x86_64 -accel kvm -accel tcg -displa
@test "the word in front of QEMU's command line runs the guest, and gives its disk back" {
    cd /mnt/guest
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    chown alice:alice guest.img
    run -33 as_root "$(commands_of_readme 'sudo virt-priv-run qemu-system-x86_64 -accel')"
    [ "$(stat -c %U guest.img)" = alice ]
    chown root:root guest.img
}

# README: sudo virt-priv-run --check qemu-system-x86_64 -drive file=guest.img,format=raw
@test "what stands in the way is what the transcript shows" {
    cd /mnt/guest
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    local command
    command=$(commands_of_readme 'sudo virt-priv-run --check qemu')
    run -1 as_root "$command"
    diff <(echo "$output") <(transcript "$command")
}

# README: sudo virt-priv-run --check --all-running
# README: sudo virt-priv-run --list
@test "the verdicts on what runs, and the list, where no QEMU runs" {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    run -0 as_root "$(commands_of_readme 'sudo virt-priv-run --check --all-running')"
    echo "$output"
    run -0 as_root "$(commands_of_readme 'sudo virt-priv-run --list')"
    echo "$output"
}

# README: sudo virt-priv-run --write-unit web qemu-system-x86_64 -accel kvm
@test "the command line becomes the file of a unit, and how it is started is printed" {
    cd /mnt/guest
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    run -0 as_root "$(commands_of_readme 'sudo virt-priv-run --write-unit')"
    echo "$output"
    [[ $output == *"systemctl enable --now virt-priv-vm@web"* ]]
    grep -qx "file=/mnt/guest/guest.img,format=raw" /etc/virt-privileges/vms/web.conf
    rm -r /etc/virt-privileges
}

# README: sudo virt-priv-exec grep -E '^(Cap|NoNewPrivs|Uid|Gid|Groups)'
@test "what a process may do is what the transcript shows" {
    local command
    command=$(commands_of_readme 'sudo virt-priv-exec grep')
    diff <(as_root "$command") <(transcript "$command")
}

# README: sudo virt-priv-exec --dry-run qemu-system-x86_64
@test "the dry run" {
    run -0 as_root "$(commands_of_readme 'sudo virt-priv-exec --dry-run')"
    [[ $output == *"bounding       none"* ]]
}

# README: sudo virt-priv-chown claim --name vm1 --disk vm1.img
# README: sudo virt-priv-chown status
# README: sudo virt-priv-chown release --name vm1
@test "a disk goes to the account and comes back" {
    mount -t tmpfs -o mode=0755 tmpfs /var/lib
    cd /mnt/guest
    touch vm1.img
    as_root "$(commands_of_readme 'sudo virt-priv-chown claim')"
    [ "$(stat -c %U vm1.img)" = qemu ]
    run -0 as_root "$(commands_of_readme 'sudo virt-priv-chown status')"
    [[ $output == *"vm1 held"*"/mnt/guest/vm1.img"* ]]
    as_root "$(commands_of_readme 'sudo virt-priv-chown release')"
    [ "$(stat -c %U vm1.img)" = root ]
    umount /var/lib
}

# README: sudo virt-priv-audit
@test "the audit finds nothing on a host without QEMU" {
    # What it says of the machine's /dev/kvm, and of this host's namespaces, is the machine's.
    run as_root "$(commands_of_readme 'sudo virt-priv-audit' | head -n 1)"
    echo "$output"
    [[ $output == *"0 QEMU processes"* ]]
}

# README: sudo virt-priv-audit --summary
@test "the audit's line of counts is of the form that is shown" {
    local shown
    shown=$(transcript "sudo virt-priv-audit --summary")
    run as_root "$(commands_of_readme 'sudo virt-priv-audit --summary')"
    echo "$output"
    normal() {
        sed -E 's/host: [0-9]+ findings?(: [^;]*)?;/host;/; s/[0-9]+ checks? unknown/unknown/'
    }
    [ "$(normal <<<"$output")" = "$(normal <<<"$shown")" ] && [[ $shown == *"; host: "*" unknown" ]]
}

# README: sudo virt-priv-conf revert-to-root
# README: sudo virt-priv-conf restore-default
# README: sudo sed -Ei 's/^#?(user|group) *=.*/\1 = "root"/' /etc/libv
# README: sudo virt-priv-conf check
# README: sudo virt-priv-conf show
@test "back to root and forth, from no file, from the package's and from libvirt's" {
    local file
    for file in "" "$PWD/conf/qemu.conf" "$(tests/lib/distribution-qemu-conf)"; do
        rm -f /etc/libvirt/qemu.conf
        [ -z "$file" ] || install -m 0600 "$file" /etc/libvirt/qemu.conf
        as_root "$(commands_of_readme 'sudo virt-priv-conf revert')"
        runs_as_root
        as_root "$(commands_of_readme 'sudo virt-priv-conf show')" | grep -E '^user +root +/etc/libvirt/qemu.conf:[0-9]+$'
        as_root "$(commands_of_readme 'sudo virt-priv-conf restore')"
        [ "$(virt-priv-exec id -u)" = 107 ]
        if [ -z "$file" ]; then
            [ ! -e /etc/libvirt/qemu.conf ]
            continue
        fi
        cmp "$file" /etc/libvirt/qemu.conf
        [ "$(stat -c %a /etc/libvirt/qemu.conf)" = 600 ]
        as_root "$(commands_of_readme 'sudo sed -Ei')"
        runs_as_root
        # Nothing is wrong in what was edited by hand either.
        as_root "$(commands_of_readme 'sudo virt-priv-conf check')"
    done
    rm -f /etc/libvirt/qemu.conf
}

# The commands of virt-privileges(7), in its order.
@test "every command of virt-privileges(7) does what the page says" {
    local page=$PWD/tools/man/virt-privileges.7 n=0 command runner
    [ "$(mandoc -T lint -W style "$page" | grep -v 'referenced manual not found')" = "" ]
    cd /mnt/guest
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    chown alice:alice guest.img
    while IFS= read -r command; do
        n=$((n + 1))
        case $command in
        'virt-priv-conf show')
            run -0 bash -c "$command"
            [[ $output == *"user "*qemu* ]]
            ;;
        'virt-priv-conf check' | 'virt-priv-conf unset'*)
            run -0 bash -c "$command"
            ;;
        'virt-priv-exec grep'*)
            run -0 bash -c "$command"
            [ "$(grep -c $'^Cap.*:\t0000000000000000$' <<<"$output")" -eq 5 ]
            ;;
        'virt-priv-run --check'*)
            run -0 bash -c "$command"
            [ "$output" = "" ]
            ;;
        'virt-priv-run qemu'*)
            bash -c "exec $command" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
            runner=$!
            until pgrep -P "$runner" -u qemu qemu; do
                sleep 0.05
                kill -0 "$runner" || { cat "$BATS_TEST_TMPDIR/said" && return 1; }
            done
            [ "$(stat -c %U guest.img)" = qemu ]
            ;;
        'virt-priv-chown status')
            run -0 bash -c "$command"
            echo "$output"
            [[ $output == *running*/mnt/guest/guest.img* ]]
            kill "$runner"
            wait "$runner" || true
            [ "$(stat -c %U guest.img)" = alice ]
            ;;
        'virt-priv-conf revert-to-root')
            run -0 bash -c "$command"
            runs_as_root
            ;;
        'virt-priv-conf set clear_emulator_capabilities 0')
            run -0 bash -c "$command"
            run -0 virt-priv-exec grep CapEff /proc/self/status
            [[ $output == *"$(grep CapEff /proc/self/status)"* ]]
            ;;
        'virt-priv-conf restore-default')
            run -0 bash -c "$command"
            [ "$(virt-priv-exec id -u)" = 107 ]
            ;;
        'virt-priv-conf set isolate_ids'*)
            run -0 bash -c "$command"
            ;;
        'virt-priv-conf reserve-ids')
            run -0 bash -c "$command"
            grep -x virt-privileges:70000:8192 /etc/subuid
            grep -x virt-privileges:70000:8192 /etc/subgid
            run -0 virt-priv-conf release-ids
            run -0 virt-priv-conf unset isolate_ids
            ;;
        *) return 1 ;;
        esac
    done < <(sed -n 's/^# //p' "$page")
    [ "$n" -eq 12 ]
    rm -f /etc/libvirt/qemu.conf
    chown root:root guest.img
}

runs_as_root() {
    run -0 virt-priv-exec grep -E '^(Uid|Gid|CapEff|CapBnd)' /proc/self/status
    echo "$output"
    diff <(grep -v ^virt-priv-exec: <<<"$output") - <<EOT
Uid:	0	0	0	0
Gid:	0	0	0	0
CapEff:	0000000000000000
CapBnd:	0000000000000000
EOT
    [[ $output == *"as set by /etc/libvirt/qemu.conf:"* ]]
}

# commands_of_readme START: the one command that starts so.
commands_of_readme() {
    commands | grep -F -- "$1"
}
