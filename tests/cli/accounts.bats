# Which account QEMU gets: what is said where there is no such one, and where it has more power than it should.
# shellcheck disable=SC2016 # commands of a table, for another shell

bats_require_minimum_version 1.5.0

setup() {
    load exec.bash
    rm -rf "$conf"
    PATH=$VP_BUILD:$PATH
    mkdir -p "$BATS_TEST_TMPDIR/etc"
    cp /etc/passwd /etc/group "$BATS_TEST_TMPDIR/etc"
}

teardown() {
    cat "$BATS_TEST_TMPDIR/etc/passwd" >/etc/passwd
    cat "$BATS_TEST_TMPDIR/etc/group" >/etc/group
}

# without FILE NAME...: the accounts or groups are not there.
without() {
    local name
    for name in "${@:2}"; do
        sed -i "/^$name:/d" "/etc/$1"
    done
}

# joins NAME GROUP GID: the account is a member of a group, which is made.
joins() {
    sed -i "/^$2:/d" /etc/group
    echo "$2:x:$3:$1" >>/etc/group
}

@test "an account that is not there: what helps is named, and helps" {
    local name settings command says help
    while IFS='|' read -r name settings command says help; do
        cp "$BATS_TEST_TMPDIR/etc/passwd" /etc/passwd
        cp "$BATS_TEST_TMPDIR/etc/group" /etc/group
        without passwd carol
        [ "$name" = carol ] || without "${name%:*}" "${name#*:}"
        rm -f "$conf"
        [ -z "$settings" ] || eval "settings $settings"
        run -125 --separate-stderr bash -c "$command"
        [[ $stderr == *"$says"* ]] || { echo "for $command: $stderr, wanted: $says" && return 1; }
        [ -n "$help" ] || continue
        [[ $stderr == *"$help"* ]] || { echo "not said: $help" && return 1; }
        eval "${help#*: }" >/dev/null
        run -0 bash -c "$command"
        ! getent passwd carol >/dev/null || userdel carol
    done <<'EOT'
carol|'user = "carol"'|virt-priv-exec true|qemu.conf:1: user: user "carol" does not exist; |: virt-priv-conf set user qemu
carol|'group = "carol"'|virt-priv-exec true|qemu.conf:1: group: group "carol" does not exist; |: virt-priv-conf set group qemu
carol|'user = "carol"' 'group = "qemu"'|virt-priv-exec true|does not exist; |: useradd --system --user-group --shell /sbin/nologin carol
carol||virt-priv-exec -u carol true|--user: user "carol" does not exist; to use that of qemu.conf, leave out --user (virt-priv-conf show); to create it: useradd |
carol||virt-priv-exec -g carol true|--group: group "carol" does not exist; to use that of qemu.conf, leave out --group (virt-priv-conf show); to create it: groupadd --system carol|
carol||virt-priv-run qemu-system-x86_64 -runas carol|-runas: user "carol" does not exist; to use that of qemu.conf, leave out -runas |
carol||virt-priv-run qemu-system-x86_64 -run-with user=carol|-run-with user=: user "carol" does not exist; |
carol||virt-priv-run qemu-system-x86_64 -runas qemu:carol|-runas: group "carol" does not exist; |
passwd:qemu|'user = "qemu"'|virt-priv-exec true|user "qemu" does not exist; to create the account of the package: systemd-sysusers|
group:qemu|'group = "qemu"'|virt-priv-exec true|group "qemu" does not exist; to create the group of the package: systemd-sysusers|
group:kvm||virt-priv-exec -g kvm true|group "kvm" does not exist; to create the group of the package: systemd-sysusers|
EOT
}

@test "check, set and a run say that the account has the power of root" {
    local user group joined says
    while IFS='|' read -r user group joined says; do
        cat "$BATS_TEST_TMPDIR/etc/group" >/etc/group
        [ -z "$joined" ] || joins "$user" "${joined%:*}" "${joined#*:}"
        settings "user = \"$user\"" "group = \"$group\""
        run -0 --separate-stderr virt-priv-exec true
        if [ "$says" = - ]; then
            [ "$stderr" = "" ] || { echo "for $user $joined: $stderr" && return 1; }
            run -0 virt-priv-conf check
            continue
        fi
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == "virt-priv-exec: warning: "*"/true runs as $user, as set by $conf:1: user; user $user $says; "*": virt-priv-conf set user qemu" ]] ||
            { echo "for $user $joined: $stderr" && return 1; }
        run -1 virt-priv-conf check
        [ "$output" = "$conf:1:8: user: user \"$user\" $says, and QEMU gets that; use an account of its own: virt-priv-conf set user qemu (as-good-as-root)" ]
    done <<'EOT'
alice|alice|disk:6|is a person, who can log in, and is in the group disk, as good as root
alice|alice|docker:970|is a person, who can log in, and is in the group docker, as good as root
alice|alice|wheel:971|is a person, who can log in, and is in the group wheel, as good as root
alice|alice|sudo:27|is a person, who can log in, and is in the group sudo, as good as root
alice|alice|lxd:972|is a person, who can log in, and is in the group lxd, as good as root
alice|alice|libvirt:973|is a person, who can log in, and is in the group libvirt, as good as root
qemu|qemu|disk:6|is in the group disk, as good as root
alice|root||is a person, who can log in, and is in the group root, as good as root
alice|alice|audio:29|-
alice|team||-
EOT
    settings 'user = "root"' 'group = "root"'
    run -0 virt-priv-conf check
    joins alice disk 6
    settings 'group = "alice"'
    run -0 --separate-stderr virt-priv-conf set user alice
    [[ $stderr == *"warning: $conf:"*": user: user \"alice\" is a person"*"group disk, as good as root"* ]]
}
