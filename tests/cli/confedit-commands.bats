# virt-priv-conf: what each command says and does.

bats_require_minimum_version 1.5.0

setup() {
    load confedit.bash
    confedit_setup
}

teardown() {
    confedit_teardown
}

@test "set, get, unset, of each type that libvirt reads" {
    install -m 0600 "$(tests/lib/distribution-qemu-conf)" "$admin"
    while IFS='|' read -r key word line; do
        run -0 "$conf" set "$key" "$word"
        [[ ${lines[0]} =~ ^$admin:([0-9]+):\ "$line"\ \(changed,\ was\ not\ set\)$ ]]
        at=${BASH_REMATCH[1]}
        [ "$(sed -n "${at}p" "$admin")" = "$line" ]
        [ "$("$conf" get "$key")" = "$word" ]
        run -0 "$conf" set "$key" "$word"
        [ "$output" = "$admin:$at: $line (unchanged)" ]
        run -0 "$conf" unset "$key"
        [ "${lines[0]}" = "$admin:$at: $key is not set (changed, was $word)" ]
        cmp "$admin" "$(tests/lib/distribution-qemu-conf)"
        fails 1 "$key is not set in $admin" "$conf" get "$key"
    done <<'EOT'
user|alice|user = "alice"
group|+107|group = "+107"
dynamic_ownership|0|dynamic_ownership = 0
seccomp_sandbox|-1|seccomp_sandbox = -1
max_core|unlimited|max_core = "unlimited"
max_core|1024|max_core = 1024
security_driver|none|security_driver = "none"
security_driver|[ "selinux", "apparmor" ]|security_driver = [ "selinux", "apparmor" ]
cgroup_device_acl|[ "/dev/null", "/dev/kvm" ]|cgroup_device_acl = [ "/dev/null", "/dev/kvm" ]
namespaces|[ ]|namespaces = [ ]
EOT
}

@test "what is set is what the tools go by" {
    "$conf" set user alice
    "$conf" set group team
    [ "$("$VP_BUILD/virt-priv-exec" id -un)" = alice ]
    [ "$("$VP_BUILD/virt-priv-exec" id -gn)" = team ]
    "$conf" revert-to-root
    [ "$("$VP_BUILD/virt-priv-exec" id -un)" = root ]
    "$conf" restore-default
    [ "$("$VP_BUILD/virt-priv-exec" id -un)" = alice ]
}

@test "set: says where, what it was, and what reads it" {
    printf '# who\nuser = "alice"\n' | write "$admin"
    run -0 --separate-stderr "$conf" set user bob
    [ "${lines[0]}" = "$admin:2: user = \"bob\" (changed, was alice)" ]
    [[ ${lines[1]} == *"systemctl try-restart virtqemud libvirtd"* ]]
    [ "$stderr" = "" ]
}

@test "set and unset: what libvirt ignores is not said to be read by it" {
    printf 'user = "alice"\n' | write "$admin"
    for command in 'set clear_emulator_capabilities 0' 'unset clear_emulator_capabilities'; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$conf" $command
        [ "${lines[1]}" = "libvirt ignores this setting: QEMU that it starts as root has all capabilities." ]
        [[ $output != *"libvirt reads the file"* ]]
    done
}

@test "set: a list is another one by any of its values" {
    printf 'namespaces = [ "mount", "user" ]\n' | write "$admin"
    run -0 "$conf" set namespaces '[ "mount", "pid" ]'
    [ "${lines[0]}" = "$admin:1: namespaces = [ \"mount\", \"pid\" ] (changed, was [ \"mount\", \"user\" ])" ]
    diff "$admin" - <<<'namespaces = [ "mount", "pid" ]'
    run -0 "$conf" set namespaces '[ "mount", "pid" ]'
    [ "$output" = "$admin:1: namespaces = [ \"mount\", \"pid\" ] (unchanged)" ]
}

@test "set: root is warned of, and an account that is not there" {
    run -0 --separate-stderr "$conf" set user root
    [[ $stderr == "virt-priv-conf: warning: QEMU will run as root: "* ]]
    run -0 --separate-stderr "$conf" set user +0
    [[ $stderr == "virt-priv-conf: warning: QEMU will run as root: "* ]]
    run -0 --separate-stderr "$conf" set user nosuch
    [[ $stderr == "virt-priv-conf: warning: $admin:"*': user: user "nosuch" does not exist'* ]]
}

@test "set: what libvirt or these tools would not take is refused" {
    printf 'a = 1\n' | write "$admin"
    while IFS='|' read -r key word text; do
        fails 2 "$key: cannot be set to \"$word\": $text" "$conf" set "$key" "$word" || { echo "for $key $word" && return 1; }
    done <<'EOT'
user||"" cannot be a user or group: it is empty
user|-1|"-1" cannot be a user or group: names and ids do not start with
group|4294967295|"4294967295" cannot be a user or group: an id is a number from
dynamic_ownership|yes|expected 0 or 1
dynamic_ownership|1; user = "root"|expected 0 or 1
seccomp_sandbox|2|expected -1, 0 or 1, found 2
max_core|1G|expected a number of bytes or "unlimited"
namespaces|mount|expected a list of strings in brackets
EOT
    fails 2 'a line break' "$conf" set vnc_password $'a"\nuser = "root'
}

@test "set: an unknown key is refused with the nearest one, unless forced" {
    printf 'a = 1\n' | write "$admin"
    fails 2 "usre: unknown setting (did you mean user?); to set it anyway, use --force" "$conf" set usre x
    fails 2 "zzzzzz: unknown setting; to set it anyway, use --force" "$conf" set zzzzzz x
    fails 2 'found "w"' "$conf" set --force new_key word
    fails 2 '' "$conf" set --force 'bad key' 1
    fails 2 '' "$conf" set --force 'user = "root"; x' 1
    run -0 "$conf" set --force new_key '[ 1, "a" ]'
    diff "$admin" - <<<$'a = 1\nnew_key = [ 1, "a" ]'
}

@test "duplicate keys: the first is edited, and unset takes all" {
    printf 'user = "a"\ngroup = "g"\nuser = "b"\n' | write "$admin"
    [ "$("$conf" get user)" = a ]
    "$conf" set user c
    diff "$admin" - <<<$'user = "c"\ngroup = "g"\nuser = "b"'
    run -0 "$conf" unset user
    [ "${lines[0]}" = "$admin:1: user is not set (changed, was c, set more than once)" ]
    diff "$admin" - <<<'group = "g"'
}

@test "revert-to-root and restore-default give the same file back, whatever was in it" {
    local n=0 file
    for file in tests/unit/conf.d/*.conf tests/unit/confedit.d/*.before conf/qemu.conf "$(tests/lib/distribution-qemu-conf)"; do
        "$VP_BUILD/tests/conf-dump" "$file" >"$work/dump" || continue
        # Settings that nothing can be started on are edited all the same.
        install -m 0600 "$file" "$admin"
        user=$("$conf" get user 2>&1 || true)
        group=$("$conf" get group 2>&1 || true)
        if [ "$user $group" = "root root" ]; then
            continue
        fi
        "$conf" revert-to-root >/dev/null 2>&1
        [ "$("$conf" get user) $("$conf" get group)" = "root root" ]
        "$conf" restore-default >/dev/null 2>&1 || [ $? -eq 1 ]
        cmp "$file" "$admin"
        n=$((n + 1))
    done
    echo "$n files"
    [ "$n" -gt 100 ]
}

@test "revert-to-root: what it means, the way back, and twice is once" {
    printf 'user = "alice"\n' | write "$admin"
    run -0 --separate-stderr "$conf" revert-to-root
    [ "${lines[0]}" = "$admin:3: user = \"root\" and group = \"root\" (changed)" ]
    [ "${lines[-1]}" = "To undo: virt-priv-conf restore-default" ]
    [[ $stderr == "virt-priv-conf: warning: QEMU will run as root: a guest that breaks out"* ]]
    [[ $stderr == *"Started by libvirt, it has all capabilities too; started by virt-priv-run or virt-priv-exec, it has none unless clear_emulator_capabilities = 0 is set" ]]
    run -0 "$conf" revert-to-root
    [ "$output" = "$admin:3: QEMU already runs as root (unchanged)" ]
    fails 2 "$admin:1: user and group are set by revert-to-root; first: virt-priv-conf restore-default" "$conf" set user bob
    fails 2 "virt-priv-conf restore-default" "$conf" unset group
    # Others are set as ever, and that stays.
    "$conf" set max_files 100
    run -0 "$conf" restore-default
    diff "$admin" - <<<$'user = "alice"\nmax_files = 100'
    [ "${lines[1]}" = "$admin:1: user = \"alice\"" ]
}

@test "restore-default: a root that it did not set is named, and stays" {
    printf 'user = "root"\ngroup = "alice"\n' | write "$admin"
    fails 1 "virt-priv-conf: $admin:1: user = \"root\" was not set by revert-to-root; to remove it: virt-priv-conf unset user" "$conf" restore-default
    printf 'user = "alice"\n' | write "$admin"
    run -0 "$conf" restore-default
    "$conf" revert-to-root
    sed -i 's/^group = "root"/group = "kvm"/' "$admin"
    fails 2 "$admin:1: the lines added by revert-to-root were changed" "$conf" restore-default
    fails 2 "were changed" "$conf" revert-to-root
}

@test "show: every setting that decides about privileges, and where it comes from" {
    printf 'user = "alice"\nmax_core = "unlimited"\nnamespaces = [ ]\n' | write "$admin"
    diff <("$conf" show | sed 's/  */ /g') - <<EOT
user alice $admin:1
group qemu default
dynamic_ownership 1 default
remember_owner 1 default
clear_emulator_capabilities 1 default
seccomp_sandbox -1 default
isolate_ids 90000:8192 default
max_core unlimited $admin:2
max_processes 0 default
max_files 0 default
cgroup_device_acl - libvirt's default
namespaces [ ] $admin:3
security_driver - libvirt's default
EOT
    rm "$admin"
    "$conf" show | grep "^user  *qemu  *$vendor:[0-9]*$"
    rm "$vendor"
    "$conf" show | grep '^user  *qemu  *default$'
}

@test "show and check as JSON" {
    printf 'user = "al\377ice"\nusre = 1\nuser = "b"\nmax_core = 5\nnamespaces = [ "mount" ]\n' | write "$admin"
    "$conf" show --json | tests/lib/validate-json tests/schema/virt-priv-conf-show.json >"$work/show"
    /usr/bin/python3 - "$work/show" <<'END'
import json, sys
shown = json.load(open(sys.argv[1]))
settings = {s["key"]: s for s in shown["settings"]}
assert shown["file"] == "/etc/libvirt/qemu.conf"
assert settings["user"]["value"] == "al\\xffice" and settings["user"]["line"] == 1 and "value_raw" in settings["user"]
assert settings["group"] == {"key": "group", "value": "qemu", "source": "default", "line": None}
assert settings["max_core"]["value"] == 5 and settings["namespaces"]["value"] == ["mount"]
assert settings["security_driver"]["value"] is None
END
    run -1 "$conf" check --json
    tests/lib/validate-json tests/schema/virt-priv-conf-check.json <<<"$output" >"$work/check"
    /usr/bin/python3 - "$work/check" <<'END'
import json, sys
found = [(f["kind"], f["line"], f["column"], f.get("suggestion")) for f in json.load(open(sys.argv[1]))["findings"]]
assert found == [("no-such-id", 1, 8, None), ("unknown-key", 2, 1, "user"), ("duplicate-key", 3, 1, None)], found
END
    printf 'user = \n' | write "$admin"
    "$conf" check --json | tests/lib/validate-json tests/schema/virt-priv-conf-check.json | grep '"kind": "syntax", "line": 1, "column": 8'
    rm "$admin" "$vendor"
    "$conf" check --json | tests/lib/validate-json tests/schema/virt-priv-conf-check.json | grep -xF '{"version": 1, "file": null, "findings": []}'
    "$conf" show --json | tests/lib/validate-json tests/schema/virt-priv-conf-show.json | grep '"file": null'
}

# state: whatever an edit would change, even by writing the same bytes.
state() {
    find /etc/libvirt /etc/subuid /etc/subgid -printf '%p %i %T@\n' 2>&1 | sort
}

# as_json OPTION... COMMAND [WORD]...: "STATUS RESULT DRY_RUN", and a line per change: "FILE:LINE KEY WAS VALUE".
as_json() {
    run --separate-stderr "$conf" "${options[@]}" "$@"
    tests/lib/validate-json tests/schema/virt-priv-conf-change.json <<<"$output" >"$work/document" || return
    [ "$(jq -r .command "$work/document")" = "$1" ]
    jq -r --arg status "$status" '"\($status) \(.result) \(.dry_run)", (.changes[] | if has("key") then
        "\(.file):\(.line) \(.key) \(.was | tojson) \(.value | tojson)" else .file end)' "$work/document"
}

@test "changes as JSON: file, command, status, result, changes; a dry run says the same, and makes none" {
    local file command status_wanted result changes options before created n=0
    # The file of the package, less its header.
    created=$(sed '1,/^$/d' conf/qemu.conf | grep -n '^user = ' | cut -d: -f1)
    while IFS='|' read -r file command status_wanted result changes; do
        echo "$file, $command"
        rm -rf /etc/libvirt /etc/subuid /etc/subgid
        touch /etc/subuid
        if [ "$file" != - ]; then
            mkdir /etc/libvirt
            printf '%b' "$file" | write "$admin"
        fi
        before=$(state)
        options=(--json --dry-run)
        # shellcheck disable=SC2086
        as_json $command | diff - <(printf '%b' "$status_wanted $result true\n$changes")
        diff <(state) - <<<"$before"
        options=(--json)
        # shellcheck disable=SC2086
        as_json $command | diff - <(printf '%b' "$status_wanted $result false\n$changes")
        if [ "$result" = unchanged ]; then
            diff <(state) - <<<"$before"
        else
            run ! diff <(state) - <<<"$before"
        fi
        n=$((n + 1))
    done <<EOT
user = "alice"\n|set user bob|0|changed|$admin:1 user "alice" "bob"\n
user = "alice"\n|set user alice|0|unchanged|
user = "alice"\n|set max_files 7|0|changed|$admin:2 max_files null 7\n
namespaces = [ "a", ]\n|set namespaces []|0|changed|$admin:1 namespaces ["a"] []\n
-|set user bob|0|changed|$admin:$created user "qemu" "bob"\n
user = "a"\nuser = "b"\n|unset user|0|changed|$admin:1 user "a" null\n
user = "alice"\n|unset group|0|unchanged|
-|unset group|0|unchanged|
user = "alice"\n|revert-to-root|0|changed|$admin:3 user "alice" "root"\n$admin:4 group null "root"\n
user = "root"\ngroup = "root"\n|revert-to-root|0|unchanged|
user = "alice"\n|restore-default|0|unchanged|
user = "root"\n|restore-default|1|unchanged|
-|restore-default|0|unchanged|
-|reserve-ids|0|changed|/etc/subuid\n
-|release-ids|0|unchanged|
EOT
    [ "$n" -eq 15 ]
}

@test "a dry run says what would be changed, and what is wrong" {
    printf 'user = "alice"\n' | write "$admin"
    run -0 --separate-stderr "$conf" set --dry-run user nosuch
    [ "${lines[0]}" = "$admin:1: user = \"nosuch\" (would be changed, was alice)" ]
    [[ $stderr == *'user "nosuch" does not exist'* ]]
    fails 2 "seccomp_sandbox: cannot be set to \"2\"" "$conf" set --dry-run seccomp_sandbox 2
    "$conf" revert-to-root
    run -0 "$conf" restore-default --dry-run
    [ "${lines[0]}" = "$admin:1: lines of revert-to-root removed (would be changed)" ]
    grep -x 'user = "root"' "$admin"
    chown alice "$admin"
    fails 2 "cannot trust the settings in $admin" "$conf" set --dry-run user bob
}

@test "check: each kind of finding, with its place" {
    write "$admin" <<'END'
# user = 1
user = "nosuch"; group = "+50007"
usre = "x"
zzzzzzzz = 1
max_files = "many"
max_core = "some"
dynamic_ownership = 2
seccomp_sandbox = 5
namespaces = "mount"
swtpm_user = "a:b"
user = "again"
END
    run -1 "$conf" check
    diff - <(printf '%s\n' "$output") <<END
$admin:2:8: user: user "nosuch" does not exist, so QEMU cannot be started; to use that of the package: virt-priv-conf set user qemu; list all: getent passwd (no-such-id)
$admin:2:26: group: no group has id 50007 (no-such-id)
$admin:3:1: usre: unknown setting; did you mean user? (unknown-key)
$admin:4:1: zzzzzzzz: unknown setting (unknown-key)
$admin:5:13: max_files: expected a number from 0 to 4294967295, found string many (wrong-type)
$admin:6:12: max_core: expected a number of bytes or "unlimited", found string some (wrong-type)
$admin:7:21: dynamic_ownership: expected 0 or 1, found integer 2 (bad-value)
$admin:8:19: seccomp_sandbox: expected -1, 0 or 1, found 5 (bad-value)
$admin:9:14: namespaces: expected a list of strings in brackets, found string mount (wrong-type)
$admin:10:14: swtpm_user: "a:b" cannot be a user or group: names do not contain ":" (bad-value)
$admin:11:1: user: duplicate key ignored; first set on line 2 (duplicate-key)
END
    printf 'a = [ 1 # x\n' | write "$admin"
    run -1 "$conf" check
    [ "$output" = "$admin:1:9: expected the list's next value or ]: comments are not allowed inside a list (syntax)" ]
    printf 'user = "alice"\ngroup = "team"\n' | write "$admin"
    chmod 0666 "$admin"
    run -1 "$conf" check
    [[ $output == "$admin: mode 0666 makes it writable by users other than root; "*" (not-trusted)" ]]
}

@test "check: our own file is clean, and what the marked blocks set aside is no finding" {
    run -0 "$conf" -c conf/qemu.conf check
    [ "$output" = "" ]
    printf 'user = "alice"\ngroup = "team"\n' | write "$admin"
    "$conf" revert-to-root
    run -0 "$conf" check
    [ "$output" = "" ]
}

@test "check: libvirt's own file, where libvirt was made for another account" {
    install -m 0600 "$(tests/lib/distribution-qemu-conf)" "$admin"
    account=$(sed -n 's/^#user = "\(.*\)"/\1/p' "$admin")
    if [ "$account" = qemu ]; then
        run -0 "$conf" check
    else
        run -1 "$conf" check
        [ ${#lines[@]} -eq 2 ]
        [[ ${lines[0]} == "$admin:$(grep -n '^#user = ' "$admin" | cut -d: -f1):1: user: not set: libvirt uses \"$account\""*"(other-default)" ]]
    fi
    sed -i 's/^#\(user\|group\) = .*/#\1 = "qemu"/' "$admin"
    run -0 "$conf" check
}

@test "check: every key of libvirt's own file is known, each misspelt one is named" {
    tests/lib/uncomment-samples "$(tests/lib/distribution-qemu-conf)" | write "$work/q.conf"
    run "$conf" -c "$work/q.conf" check
    run ! grep -E 'unknown-key|wrong-type' <<<"$output"
    # One letter at a time, of every key in the file, all in one file each.
    "$VP_BUILD/tests/conf-dump" "$work/q.conf" | sed 's/^[0-9:]* \([a-z0-9_]*\) = .*/\1/' | sort -u >"$work/keys"
    [ "$(wc -l <"$work/keys")" -gt 60 ]
    for where in 1 2 4; do
        sed "s/^\(.\{$((where - 1))\}\)q/\1z/; t; s/^\(.\{$((where - 1))\}\)./\1q/" "$work/keys" | sed 's/$/ = 1/' | write "$work/misspelt.conf"
        run -1 "$conf" -c "$work/misspelt.conf" check
        sed -n 's/.*: unknown setting; did you mean \([a-z0-9_]*\)? (unknown-key)$/\1/p' <<<"$output" | sort -u | diff "$work/keys" -
    done
}

# lens_values WHICH: a line "KEY = VALUE" for each key of libvirt's lens, of the type that it has there
# ("right"), or of another one ("wrong").
# shellcheck disable=SC2034
lens_values() {
    grep -oE '[a-z_]+_entry[[:space:]]+"[a-z0-9_]+"' "$lens" | tr -d '"' | sort -u | while read -r type key; do
        case $type in
        bool_entry) right=1 wrong='"x"' ;;
        int_entry) right=1 wrong='"x"' ;;
        str_entry) right='"x"' wrong=1 ;;
        str_array_entry) right='[ "x" ]' wrong='"x"' ;;
        bytes_entry) right='"10GiB"' wrong='"x"' ;;
        limits_entry) right='"unlimited"' wrong='"x"' ;;
        *) right="this test does not know $type" wrong=$right ;;
        esac
        echo "$key = ${!1}"
    done
}

@test "check: every key of libvirt's augeas lens is known, and takes values of its type alone" {
    lens=/usr/share/augeas/lenses/libvirtd_qemu.aug
    [ -e "$lens" ] || skip "libvirt has no augeas lens here"
    lens_values right | write "$work/right.conf"
    [ "$(wc -l <"$work/right.conf")" -gt 90 ]
    run "$conf" -c "$work/right.conf" check
    # An account named x, and values that libvirt knows to be obsolete, are none of its business.
    run ! grep -vE '\(no-such-id\)$' <<<"$output"
    lens_values wrong | write "$work/wrong.conf"
    run -1 "$conf" -c "$work/wrong.conf" check
    sed -nE 's/.*: ([a-z0-9_]+): expected .* \((bad-value|wrong-type)\)$/\1/p' <<<"$output" | sort |
        diff <(sed 's/ = .*//' "$work/wrong.conf" | sort) -
}

@test "get and show: a file that cannot be trusted says nothing" {
    printf 'user = "alice"\n' | write "$admin"
    chown alice "$admin"
    for command in 'get user' show 'set user bob' 'unset user' revert-to-root restore-default; do
        # shellcheck disable=SC2086
        fails 2 "cannot trust the settings in $admin: it is owned by uid 6001, not root" "$conf" $command
    done
}

@test "a file with a syntax error is not edited, and its place is named" {
    printf 'a = 1\nuser = qemu\n' | write "$admin"
    for command in 'get user' show 'set user bob' 'unset user' revert-to-root restore-default; do
        # shellcheck disable=SC2086
        fails 2 "virt-priv-conf: $admin:2:8: " "$conf" $command
    done
}

@test "a bad value of another key is no obstacle to mending the file" {
    printf 'user = 107\nmax_files = "x"\n' | write "$admin"
    "$conf" set user alice
    "$conf" unset max_files
    diff "$admin" - <<<'user = "alice"'
}

@test "command lines that mean nothing end with 2 and change nothing" {
    printf 'a = 1\n' | write "$admin"
    while IFS='|' read -r command text; do
        # shellcheck disable=SC2086
        fails 2 "$text" "$conf" $command
    done <<'EOT'
|missing command
frobnicate|unknown command 'frobnicate'
get|missing operand after 'get'
set user|missing operand after 'user'
set user a b|extra operand 'b'
set user a --force|extra operand '--force'; options precede operands
show user|extra operand 'user'
show --force|show: option --force is not allowed
get --json user|get: option --json is not allowed
show --dry-run|show: option --dry-run is not allowed
adopt --json|adopt: option --json is not allowed
--frobnicate show|try: virt-priv-conf --help
-c /nonexistent get user|settings file /nonexistent does not exist
-c /nonexistent set user a|settings file /nonexistent does not exist
EOT
    run -0 "$conf" --help
    [ "$(wc -L <<<"$output")" -le 90 ]
    run -0 "$conf" --version
    [[ $output == "virt-priv-conf "[0-9]* ]]
}

@test "an ordinary user can read what he may read, and edit nothing" {
    printf 'user = "alice"\n' | write "$admin"
    as_alice=(setpriv --reuid alice --regid alice --clear-groups)
    cp "$conf" "$work/conf"
    fails 2 "Permission denied" "${as_alice[@]}" "$work/conf" get user
    chmod 0644 "$admin"
    run -0 "${as_alice[@]}" "$work/conf" get user
    [ "$output" = alice ]
    fails 2 "must be run as root to edit the settings; try: sudo virt-priv-conf" "${as_alice[@]}" "$work/conf" set user bob
}

@test "standard output that cannot be written to is an error" {
    printf 'user = "alice"\n' | write "$admin"
    for command in 'get user' show 'show --json' --help; do
        run -2 bash -c "$conf $command >/dev/full"
    done
}
