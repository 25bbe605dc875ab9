# virt-priv-exec and qemu.conf: who it becomes, and what it refuses to believe.

bats_require_minimum_version 1.5.0

setup() {
    load exec.bash
    rm -rf "$conf"
}

@test "user and group of qemu.conf" {
    settings 'user = "alice"' 'group = "team"'
    run -0 "$exec" "${credentials[@]}"
    diff <(echo "$output") <(expected 6001 6100 6100 "$none")
}

@test "user = \"+107\" without such an account, and numbers" {
    settings 'user = "+50007"' 'group = "+50008"'
    run -0 "$exec" sh -c 'id -u; id -g; id -G'
    [ "$output" = $'50007\n50008\n50008' ]
    settings 'user = "6001"' 'group = "6001"'
    [ "$("$exec" id -un)" = alice ]
}

@test "an account with the id that setresuid(2) takes for none is refused" {
    echo none:x:4294967295:107::/:/bin/sh >>/etc/passwd
    echo nogroup32:x:4294967295: >>/etc/group
    refuses 'user "none" has the invalid uid 4294967295' "$exec" -u none
    refuses 'group "nogroup32" has the invalid gid 4294967295' "$exec" -g nogroup32
    sed -i '/4294967295/d' /etc/passwd /etc/group
}

@test "user = \"root\": root without capabilities, and a warning with file and line" {
    settings '# comment' 'user = "root"' 'group = "root"'
    run -0 "$exec" "${credentials[@]}"
    diff <(echo "$output" | grep -v '^virt-priv-exec:') <(expected_of root)
    [[ $output == *"warning: "*"runs as root, as set by $conf:2: user"* ]]
}

@test "user = \"root\" and clear_emulator_capabilities = 0: root with his capabilities" {
    settings 'user = "root"' 'group = "root"' 'clear_emulator_capabilities = 0'
    run -0 "$exec" grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status
    diff <(echo "$output" | grep -v '^virt-priv-exec:') <(grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status)
    [[ $output == *"$conf:3: clear_emulator_capabilities"* ]]
}

@test "clear_emulator_capabilities = 0 and another user: dropped all the same" {
    settings 'clear_emulator_capabilities = 0'
    becomes qemu "$exec"
}

@test "what qemu.conf cannot mean is refused with its place" {
    local line
    while IFS='|' read -r line place; do
        settings '# first' "$line"
        refuses "$conf:$place" "$exec" || { echo "for: $line" && return 1; }
    done <<'EOT'
user = "nosuch"|2: user
user = "+4294967295"|2:8
user = "4294967295"|2:8
user = "-1"|2:8
user = "+ 107"|2:8
user = "++107"|2:8
user = ""|2:8
user = 107|2:8
user = "qemu|2:
user "qemu"|2:
group = "nosuch"|2: group
clear_emulator_capabilities = "invalid"|2:31
clear_emulator_capabilities = 2|2:31
max_files = 99999999999999999999|2:13
max_core = "some"|2:12
EOT
}

@test "a qemu.conf that others could have written is refused" {
    settings 'user = "qemu"'
    chmod 0666 "$conf"
    refuses "$conf" "$exec"
    chmod 0620 "$conf"
    refuses "$conf" "$exec"
    chmod 0600 "$conf"
    chown alice "$conf"
    refuses "$conf" "$exec"
    chown root "$conf"
    becomes qemu "$exec"
}

@test "a qemu.conf that is no file is refused, and nothing waits for it" {
    mkfifo -m 0600 "$conf"
    refuses "$conf" timeout 60 "$exec"
    rm "$conf"
    mkdir "$conf"
    refuses "$conf" "$exec"
    rmdir "$conf"
    ln -s /dev/null "$conf"
    refuses "$conf" "$exec"
    rm "$conf"
    ln -s /nonexistent/qemu.conf "$conf"
    refuses "$conf" "$exec"
}

@test "--config names another file, which must exist" {
    settings 'user = "nosuch"'
    printf 'user = "alice"\ngroup = "alice"\n' >/mnt/other.conf
    chmod 0600 /mnt/other.conf
    becomes alice "$exec" --config /mnt/other.conf
    refuses /mnt/missing.conf "$exec" -c /mnt/missing.conf
}
