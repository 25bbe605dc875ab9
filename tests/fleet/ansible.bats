# conf/ansible: the role, on hosts whose roots are this machine's, with what is changed there in a layer above.

bats_require_minimum_version 1.5.0
PATH=${VP_BUILD:-$PWD/build/plain}:$PATH
admin=/etc/libvirt/qemu.conf
role=conf/ansible/roles/virt_privileges
# shellcheck source=tests/lib/manager.bash
. tests/lib/manager.bash

setup() {
    type -P ansible-playbook || skip "no ansible-playbook"
    work=$BATS_TEST_TMPDIR
}

# make_host NAME: its root, at /mnt/hosts/NAME/root; it has libvirt's directory, and the package in /var/lib/package.
make_host() {
    local host=/mnt/hosts/$1 package=/mnt/hosts/$1/root/var/lib/package
    mkdir -p "$host/upper" "$host/work" "$host/root"
    mount -t overlay -o "lowerdir=/,upperdir=$host/upper,workdir=$host/work" overlay "$host/root"
    mount --bind /proc "$host/root/proc"
    mount --rbind /dev "$host/root/dev"
    cp /etc/passwd /etc/group "$host/root/etc/"
    rm -rf "$host/root/etc/libvirt" "$host"/root/etc/systemd/system/virt-priv-* "$host"/root/usr/*bin/virt-priv-*
    mkdir -p "$package/usr/bin" "$package/usr/lib/systemd/system" "$host/root/etc/libvirt" "$host/root/usr/local/bin"
    cp "$(type -P virt-priv-conf)" "$(type -P virt-priv-audit)" "$package/usr/bin/"
    cp conf/systemd/virt-priv-audit.* "$package/usr/lib/systemd/system/"
    install -D -m 0644 conf/qemu.conf "$package/usr/local/share/virt-privileges/qemu.conf"
    # What it is asked to do is kept.
    printf '%s\n' '#!/bin/sh' 'echo "$*" >>/var/lib/systemctl' 'exec /usr/bin/systemctl "$@"' >"$host/root/usr/local/bin/systemctl"
    chmod 0755 "$host/root/usr/local/bin/systemctl"
}

# run_libvirt HOST: libvirt's own daemon runs there, and try-restart restarts it; $work/libvirt prints its process, and the
# account that QEMU gets from it, as it says itself.
run_libvirt() {
    local root=/mnt/hosts/$1/root dir
    mount --bind "$PWD" "$root/opt"
    # Not what is mounted there on the machine: no cgroups.
    mount --bind /sys "$root/sys"
    for dir in mnt run; do
        mount -t tmpfs -o mode=0755 tmpfs "$root/$dir"
    done
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/sh' 'cd /opt && VP_PRIVATE_HOST=yes exec tests/lib/private-libvirtd "$1"' >"$root/usr/local/bin/libvirt"
    # shellcheck disable=SC2016
    sed -i '/^exec/i [ "$1" != try-restart ] || { libvirt stop && exec libvirt start; }' "$root/usr/local/bin/systemctl"
    printf '%s\n' '#!/bin/sh' "chroot $root libvirt pid" "chroot $root virsh -q -c qemu:///system capabilities |" \
        "    sed -n '/<model>dac</,/<.secmodel>/s/.*<baselabel[^>]*>\(.*\)<.*/\1/p' | sort -u" >"$work/libvirt"
    chmod 0755 "$root/usr/local/bin/libvirt" "$work/libvirt"
    chroot "$root" libvirt start
}

# play: that of a README.md, which is in a list.
play() {
    sed -n '/^  ```yaml$/,/^  ```$/s/^  //p' | grep -v '^```'
}

# plays NAME KEYWORD...: README.md's play with these keywords, and one on the host of an admin who set the account.
plays() {
    local keywords
    keywords=$(printf '  %s\n' "name: $1" 'gather_facts: false' "${@:2}")
    play <README.md | sed "s,/usr/share/virt-privileges,$PWD/conf,; s/^  become: true\$/${keywords//$'\n'/\\n}/"
    cat <<END
- hosts: own
$keywords
  roles:
    - role: $PWD/$role
      virt_privileges_settings: {max_files: 4096}
      virt_privileges_audit_timer: false
- hosts: own
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ lookup('pipe', '$work/state >$work/state.$1; $work/libvirt >$work/libvirt.$1') }}"
END
}

# of PLAY HOST FILTER: what the tasks of that play on that host have to say, by jq.
of() {
    jq -r "select(.play == \"$1\" and .host == \"$2\") | $3" "$work/said"
}

@test "hosts with and without the package, one with an admin's account: --check, the role, and the role again" {
    local host file shipped libvirtd account default=qemu diffs='.result.diff | select(type == "object" and .before_header == "qemu.conf") | [.before, .after] | tojson'
    local wanted='user = "qemu"\ngroup = "qemu"\nmax_core = 0\n'
    libvirtd=$(PATH=$PATH:/usr/sbin type -P libvirtd || PATH=$PATH:/usr/sbin type -P virtqemud) || true
    for host in libvirt bare own; do
        make_host "$host"
    done
    shipped=$(tests/lib/distribution-qemu-conf)
    for host in libvirt own; do
        cp -r "/mnt/hosts/$host/root/var/lib/package/usr" "/mnt/hosts/$host/root/"
    done
    install -m 0600 "$shipped" "/mnt/hosts/libvirt/root$admin"
    printf '# Ours.\nuser = "alice"\n' >"/mnt/hosts/own/root$admin"
    chmod 0600 "/mnt/hosts/own/root$admin"
    # Metrics and a timer that are wanted no more.
    SYSTEMD_OFFLINE=1 systemctl --root=/mnt/hosts/own/root enable virt-priv-audit.timer
    install -D -m 0644 /dev/null /mnt/hosts/own/root/etc/systemd/system/virt-priv-audit.service.d/metrics.conf
    # All that differs from the machine, but for what Ansible and the journals of systemctl leave elsewhere.
    printf '%s\n' '#!/bin/sh' "cd /mnt/hosts && find */upper/etc */upper/usr -printf '%p %i %T@ %m %l\\n' | sort" >"$work/state"
    chmod 0755 "$work/state"
    {
        printf '%s\n' '- hosts: all' '  gather_facts: false' '  tasks:' '    - ansible.builtin.set_fact: {pkg_mgr: stand_in, cacheable: true}'
        plays check 'check_mode: true' 'diff: true'
        plays first 'diff: true'
        plays second
    } >"$work/play.yml"
    printf '%s\n' '[hypervisors]' libvirt bare '[all]' own '[all:vars]' ansible_connection=inside ansible_become=false \
        ansible_python_interpreter=/usr/bin/python3 'root=/mnt/hosts/{{ inventory_hostname }}/root' >"$work/hosts"
    ln -s /bin/true "$work/libvirt"
    if [ -n "$libvirtd" ]; then
        rm "$work/libvirt"
        run_libvirt libvirt
    fi
    "$work/state" >"$work/state.before"
    "$work/libvirt" >"$work/libvirt.before"
    ANSIBLE_PIPELINING=yes ANSIBLE_NOCOLOR=1 ANSIBLE_LOCAL_TEMP=$work/local ANSIBLE_STDOUT_CALLBACK=lines \
        ANSIBLE_CALLBACK_PLUGINS=$PWD/tests/fleet/callback ANSIBLE_CONNECTION_PLUGINS=$PWD/tests/fleet/connection \
        ANSIBLE_LIBRARY=$PWD/tests/fleet/library ansible-playbook -i "$work/hosts" "$work/play.yml" >"$work/said" 2>"$work/errors" || {
        tail -n 3 "$work/said"
        cat "$work/errors"
        return 1
    }

    # Nothing with --check, and nothing the second time.
    diff "$work/state.before" "$work/state.check"
    diff "$work/state.first" "$work/state.second"
    for host in libvirt bare own; do
        [ "$(of second "$host" 'select(.changed) | .task')" = "" ]
        # What it promised is what it did; of a host without the package it could not know the package's settings.
        if [ "$host" != bare ]; then
            [ "$(of check "$host" "$diffs")" = "$(of first "$host" "$diffs")" ]
        fi
        [ "$(grep -c '^try-restart virtqemud libvirtd$' "/mnt/hosts/$host/root/var/lib/systemctl")" -eq 1 ]
        [ "$(grep -c '^daemon-reload$' "/mnt/hosts/$host/root/var/lib/systemctl")" -eq 1 ]
    done
    [ "$(of check libvirt "$diffs")" = "[\"\",\"${wanted//\"/\\\"}\"]" ]
    [ "$(of check bare 'select(.changed) | .task' | head -n 2)" = $'Install the packages\nSet the settings in qemu.conf' ]

    # Nothing but these lines is new.
    diff "$shipped" "/mnt/hosts/libvirt/root$admin" >"$work/difference" || true
    [ "$(grep '^[<>]' "$work/difference" | sort)" = "$(printf '> %s\n' 'group = "qemu"' 'max_core = 0' 'user = "qemu"')" ]
    # The package's file names the account already.
    diff <(grep -v '^#\|^$' "/mnt/hosts/bare/root$admin") <(printf '%b' "$wanted")
    diff "/mnt/hosts/own/root$admin" - <<<$'# Ours.\nuser = "alice"\nmax_files = 4096'
    for host in libvirt bare; do
        file=/mnt/hosts/$host/root/etc/systemd/system
        [ "$(SYSTEMD_OFFLINE=1 systemctl --root="/mnt/hosts/$host/root" is-enabled virt-priv-audit.timer)" = enabled ]
        diff <(grep -v '^#' "$file/virt-priv-audit.service.d/metrics.conf") <(grep -v '^#' conf/prometheus/virt-priv-audit.service.conf)
        of first "$host" '.result.ansible_facts.virt_privileges_audit | select(. != null)' >"$work/fact"
        tests/lib/validate-json tests/schema/virt-priv-audit.json <"$work/fact" >/dev/null
        [ "$(jq -r .host.config "$work/fact")" = "$admin" ]
    done
    [ ! -e /mnt/hosts/own/root/etc/systemd/system/virt-priv-audit.service.d/metrics.conf ]
    run env SYSTEMD_OFFLINE=1 systemctl --root=/mnt/hosts/own/root is-enabled virt-priv-audit.timer
    [ "$output" = disabled ]

    # libvirt's own daemon has the account that the role has set: it was restarted once, and not by the second play.
    [ -n "$libvirtd" ] || skip "no libvirtd: what it makes of it was not looked at"
    [ "$manager" != apt-get ] || default=libvirt-qemu
    for account in "$default before" "qemu first"; do
        file=$work/libvirt.${account#* }
        cat "$file"
        [ "$(sed -n 2p "$file")" = "+$(chroot /mnt/hosts/libvirt/root id -u "${account% *}"):+$(chroot /mnt/hosts/libvirt/root id -g "${account% *}")" ]
    done
    diff "$work/libvirt.before" "$work/libvirt.check"
    [ "$(head -n 1 "$work/libvirt.before")" != "$(head -n 1 "$work/libvirt.first")" ]
    diff "$work/libvirt.first" "$work/libvirt.second"
}

# module CHECK SETTINGS [DEFAULTS]: what the role has for a task, with both as JSON; its answer in $output.
module() {
    run "${python[@]}" "$role/library/virt_priv_conf.py" <<<"{\"ANSIBLE_MODULE_ARGS\": {\"_ansible_check_mode\": $1,
        \"settings\": $2, \"defaults\": ${3-"{}"}}}"
}

@test "the module: check mode, status, what is changed, the file afterwards" {
    local check settings defaults wanted said after n=0
    python=(/usr/bin/python3)
    while IFS='|' read -r check settings defaults wanted said after; do
        echo "$check $settings $defaults"
        printf 'user = "alice"\nmax_core = 5\n' >"$admin"
        chmod 0600 "$admin"
        module "$check" "$settings" "$defaults"
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
true|{"user": "bob"}|{}|0|[true,"user = \"alice\"\n","user = \"bob\"\n"]|user = "alice"\nmax_core = 5\n
false|{"user": "alice", "max_core": 5}|{}|0|[false,"",""]|user = "alice"\nmax_core = 5\n
false|{"max_core": null, "seccomp_sandbox": -1}|{}|0|[true,"max_core = 5\n","seccomp_sandbox = -1\n"]|user = "alice"\nseccomp_sandbox = -1\n
false|{"namespaces": ["mount"], "dynamic_ownership": true}|{}|0|[true,"","namespaces = [ \"mount\" ]\ndynamic_ownership = 1\n"]|user = "alice"\nmax_core = 5\nnamespaces = [ "mount" ]\ndynamic_ownership = 1\n
false|{}|{"user": "qemu", "group": "qemu"}|0|[false,"",""]|user = "alice"\nmax_core = 5\n
false|{}|{"group": "qemu"}|0|[true,"","group = \"qemu\"\n"]|user = "alice"\nmax_core = 5\ngroup = "qemu"\n
false|{"seccomp_sandbox": 7}|{}|1|seccomp_sandbox: cannot be set to "7"|user = "alice"\nmax_core = 5\n
false|{"namespaces": ["a\", \"b"]}|{}|1|without quotes|user = "alice"\nmax_core = 5\n
false|{"user": {"name": "bob"}}|{}|1|a text, a number or a list|user = "alice"\nmax_core = 5\n
false|{"user": "bob", "seccomp_sandbox": 7}|{"group": "qemu"}|1|seccomp_sandbox: cannot be set to "7"|user = "alice"\nmax_core = 5\n
false|{"user": "bob", "max_core": {"hard": 0}}|{}|1|a text, a number or a list|user = "alice"\nmax_core = 5\n
true|{"group": null}|{"group": "qemu"}|0|[false,"",""]|user = "alice"\nmax_core = 5\n
END
    [ "$n" -eq 12 ]
    # Without the package: what would be done is told, and what is to be done is an error.
    python=(env PATH=/usr/sbin:/usr/bin /usr/bin/python3)
    module true '{"user": "bob"}'
    [ "$(jq -c '[.changed, .installed]' <<<"$output")" = '[true,false]' ]
    module false '{"user": "bob"}'
    [[ $output == *"virt-priv-conf is not installed"* ]]
}

@test "the role's own README.md: its variables are the role's, with their types and defaults, and its play is README.md's" {
    /usr/bin/python3 - "$role" <<'END'
import re, sys, yaml
def read(name):
    with open(f"{sys.argv[1]}/{name}", encoding="utf-8") as file:
        return file.read()
options = yaml.safe_load(read("meta/argument_specs.yml"))["argument_specs"]["main"]["options"]
defaults = yaml.safe_load(read("defaults/main.yml"))
rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (?:`(.*?)`|[^`|]*) \| [^|]+ \|$", read("README.md"), re.M)
# Where the default is an expression, it is described in words.
said = {name: (kind, yaml.safe_load(default) if default else None) for name, kind, default in rows}
assert said == {name: (option["type"], option.get("default")) for name, option in options.items()}, said
assert list(said) == list(options), "another order"
assert set(defaults) == set(options), set(defaults) ^ set(options)
for name, option in options.items():
    assert option.get("default", defaults[name]) == defaults[name], name
END
    diff <(play <README.md) <(sed 's/^/  /' "$role/README.md" | play)
    [ "$(play <README.md | grep -c 'role: /usr/share/virt-privileges/')" -eq 1 ]
}

@test "ansible-lint" {
    type -P ansible-lint || skip "no ansible-lint"
    # It writes beside what it looks at.
    cp -r conf/ansible "$work/ansible"
    cd "$work/ansible"
    HOME=$work ansible-lint --offline --nocolor --profile production roles/virt_privileges
}
