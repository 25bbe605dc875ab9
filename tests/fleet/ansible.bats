# conf/ansible: the role, on a host of its own, by the connection "local".

bats_require_minimum_version 1.5.0
PATH=${VP_BUILD:-$PWD/build/plain}:$PATH
admin=/etc/libvirt/qemu.conf
role=conf/ansible/roles/virt_privileges

setup() {
    type -P ansible-playbook || skip "no ansible-playbook"
    work=$BATS_TEST_TMPDIR
    # Units are enabled by their files, as in an image: nothing is started.
    export SYSTEMD_OFFLINE=1 ANSIBLE_LOCALHOST_WARNING=no ANSIBLE_INVENTORY_UNPARSED_WARNING=no ANSIBLE_NOCOLOR=1
    export ANSIBLE_PIPELINING=yes ANSIBLE_ROLES_PATH=$PWD/conf/ansible/roles ANSIBLE_LOCAL_TEMP=$work/local ANSIBLE_REMOTE_TEMP=$work/remote
    export ANSIBLE_STDOUT_CALLBACK=lines ANSIBLE_CALLBACK_PLUGINS=$PWD/tests/fleet/callback ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /etc/libvirt /etc/systemd/system
    mkdir -m 0755 /etc/libvirt
    # make install has them in /usr/local.
    mkdir -p /etc/systemd/system
    cp conf/systemd/virt-priv-audit.* /etc/systemd/system/
}

# play VARIABLES OPTION...: the role, with these variables as YAML. A line of JSON for each task in $work/play, and
# "changed NAME" or "ok NAME" in $work/tasks.
play() {
    cat >"$work/play.yml" <<END
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: virt_privileges
      virt_privileges_packages: []
      virt_privileges_systemd: true
$(sed 's/^/      /' <<<"$1")
END
    ansible-playbook -i localhost, "${@:2}" "$work/play.yml" >"$work/play" 2>"$work/said" || {
        cat "$work/play" "$work/said"
        return 1
    }
    jq -r '"\(if .changed then "changed" else "ok" end) \(.task)"' "$work/play" >"$work/tasks"
}

# diffs: what --diff has to say, BEFORE > AFTER.
diffs() {
    jq -r '.result.diff | select(type == "object" and .before_header == "qemu.conf" and .before != .after) |
        "\(.before | tojson) > \(.after | tojson)"' "$work/play"
}

state() {
    find /etc/libvirt /etc/systemd -printf '%p %i %T@ %m %l\n' | sort
}

@test "a host with libvirt: nothing with --check, all of it once, and nothing the second time" {
    local file before variables
    file=$(tests/lib/distribution-qemu-conf)
    install -m 0600 "$file" "$admin"
    variables='virt_privileges_settings: {max_core: 0, namespaces: [mount]}
virt_privileges_metrics_directory: /var/lib/node'
    before=$(state)
    play "$variables" --check --diff
    diff <(state) - <<<"$before"
    diffs >"$work/promised"
    grep '^changed Set the defaults in qemu.conf$' "$work/tasks"
    grep -xF '"" > "max_core = 0\nnamespaces = [ \"mount\" ]\n"' "$work/promised"

    play "$variables" --diff
    diffs | diff "$work/promised" -
    # Nothing but the four lines is new.
    diff "$file" "$admin" >"$work/difference" || true
    [ "$(grep '^[<>]' "$work/difference" | sort)" = "$(printf '> %s\n' 'group = "qemu"' 'max_core = 0' 'namespaces = [ "mount" ]' 'user = "qemu"')" ]
    [ "$(systemctl is-enabled virt-priv-audit.timer)" = enabled ]
    diff <(grep -v '^#' /etc/systemd/system/virt-priv-audit.service.d/metrics.conf) \
        <(grep -v '^#' conf/prometheus/virt-priv-audit.service.conf | sed 's,/var/lib/prometheus/node-exporter,/var/lib/node,')
    jq '.result.ansible_facts.virt_privileges_audit | select(. != null)' "$work/play" >"$work/fact"
    tests/lib/validate-json tests/schema/virt-priv-audit.json <"$work/fact" >/dev/null
    [ "$(jq -r .host.config "$work/fact")" = "$admin" ]

    before=$(state)
    play "$variables"
    diff <(state) - <<<"$before"
    run ! grep '^changed' "$work/tasks"
}

# module CHECK SETTINGS [KEEP]: what the role has for a task, with SETTINGS as JSON; its answer in $output.
module() {
    run "${python[@]}" "$role/library/virt_priv_conf.py" <<<"{\"ANSIBLE_MODULE_ARGS\": {\"_ansible_check_mode\": $1,
        \"settings\": $2, \"keep\": ${3-false}}}"
}

@test "an admin's own user line stays; metrics and timer that are wanted no more go" {
    printf '# Ours.\nuser = "alice"\n' >"$admin"
    chmod 0600 "$admin"
    systemctl enable virt-priv-audit.timer
    install -D -m 0644 /dev/null /etc/systemd/system/virt-priv-audit.service.d/metrics.conf
    play 'virt_privileges_settings: {max_files: 4096}
virt_privileges_audit_timer: false'
    diff "$admin" - <<<$'# Ours.\nuser = "alice"\nmax_files = 4096'
    [ ! -e /etc/systemd/system/virt-priv-audit.service.d/metrics.conf ]
    [ "$(systemctl is-enabled virt-priv-audit.timer)" = disabled ]
}

@test "the module: check mode, status, what is changed, the file afterwards" {
    local check settings keep wanted said after n=0
    python=(/usr/bin/python3)
    while IFS='|' read -r check settings keep wanted said after; do
        echo "$check $settings $keep"
        printf 'user = "alice"\nmax_core = 5\n' >"$admin"
        chmod 0600 "$admin"
        module "$check" "$settings" "$keep"
        echo "$output"
        [ "$status" -eq "$wanted" ]
        if [ "$wanted" -eq 0 ]; then
            [ "$(jq -c '[.changed, .diff.before, .diff.after]' <<<"$output")" = "$said" ]
        else
            [[ $(jq -r .msg <<<"$output") == *"$said"* ]]
        fi
        printf '%b' "$after" | diff "$admin" -
        n=$((n + 1))
    done <<'END'
true|{"user": "bob"}|false|0|[true,"user = \"alice\"\n","user = \"bob\"\n"]|user = "alice"\nmax_core = 5\n
false|{"user": "alice", "max_core": 5}|false|0|[false,"",""]|user = "alice"\nmax_core = 5\n
false|{"max_core": null, "seccomp_sandbox": -1}|false|0|[true,"max_core = 5\n","seccomp_sandbox = -1\n"]|user = "alice"\nseccomp_sandbox = -1\n
false|{"namespaces": ["mount"], "dynamic_ownership": true}|false|0|[true,"","namespaces = [ \"mount\" ]\ndynamic_ownership = 1\n"]|user = "alice"\nmax_core = 5\nnamespaces = [ "mount" ]\ndynamic_ownership = 1\n
false|{"user": "qemu", "group": "qemu"}|true|0|[false,"",""]|user = "alice"\nmax_core = 5\n
false|{"group": "qemu"}|true|0|[true,"","group = \"qemu\"\n"]|user = "alice"\nmax_core = 5\ngroup = "qemu"\n
false|{"seccomp_sandbox": 7}|false|1|seccomp_sandbox: cannot be set to "7"|user = "alice"\nmax_core = 5\n
false|{"namespaces": ["a\", \"b"]}|false|1|without quotes|user = "alice"\nmax_core = 5\n
false|{"user": {"name": "bob"}}|false|1|a text, a number or a list|user = "alice"\nmax_core = 5\n
END
    [ "$n" -eq 9 ]
    # Without the package: what would be done is told, and what is to be done is an error.
    python=(env PATH=/usr/sbin:/usr/bin /usr/bin/python3)
    module true '{"user": "bob"}'
    [ "$(jq -c '[.changed, .installed]' <<<"$output")" = '[true,false]' ]
    module false '{"user": "bob"}'
    [[ $output == *"virt-priv-conf is not installed"* ]]
}

@test "ansible-lint" {
    type -P ansible-lint || skip "no ansible-lint"
    # It writes beside what it looks at.
    cp -r conf/ansible "$work/ansible"
    cd "$work/ansible"
    HOME=$work ansible-lint --offline --nocolor --profile production roles/virt_privileges
}
