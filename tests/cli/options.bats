# The table of options of each tool: --help, the manual and the bash completion are all of it.

bats_require_minimum_version 1.5.0

# options_of_help TOOL: "-c, --config FILE" for each row, in upper case, as it is told by the table.
options_of_help() {
    "$VP_BUILD/$1" --help | sed -n '/^Options:/,/^$/p' |
        sed -nE 's/^ +((-[a-zA-Z], )?--[a-z-]+([ =][^ ]+)?)(  .*)?$/\1/p' | tr '[:lower:]' '[:upper:]'
}

# options_of_manual TOOL: what the manual's OPTIONS have.
options_of_manual() {
    local manual=(tools/man/"$1".[0-9])
    mandoc -T ascii "${manual[0]}" | sed 's/.\x08//g' | sed -n '/^OPTIONS$/,/^[A-Z]/p' |
        sed -nE 's/^     ((-[a-zA-Z], )?--[a-z-]+([ =][^ ]+)?)(  .*)?$/\1/p' | tr '[:lower:]' '[:upper:]'
}

tools() {
    basename -s .c tools/virt-priv-*.c
}

@test "the manual's OPTIONS are the table's: names, letters and arguments" {
    local tool n=0
    for tool in $(tools); do
        options_of_help "$tool" | sort >"$BATS_TEST_TMPDIR/help"
        options_of_manual "$tool" | sort >"$BATS_TEST_TMPDIR/manual"
        echo "$tool"
        diff "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/manual"
        n=$((n + $(wc -l <"$BATS_TEST_TMPDIR/help")))
    done
    [ "$n" -eq 81 ]
}

@test "--version and --help of every tool; manual and completion have every option of --help" {
    local tool manual others
    for tool in $(tools); do
        manual=(tools/man/"$tool".[0-9])
        [ "$("$VP_BUILD/$tool" --version)" = "$tool $(sed -n 's/^Version: *//p' spec/virt-privileges.spec)" ]
        "$VP_BUILD/$tool" --help >"$BATS_TEST_TMPDIR/text"
        "$VP_BUILD/$tool" -h | diff "$BATS_TEST_TMPDIR/text" -
        [ "$(wc -L <"$BATS_TEST_TMPDIR/text")" -lt 80 ]
        run ! grep ' $' "$BATS_TEST_TMPDIR/text"
        grep -oE -- '--[a-z-]+' "$BATS_TEST_TMPDIR/text" | sort -u >"$BATS_TEST_TMPDIR/help"
        # The chapter on running VMs has commands of virt-priv-chown.
        others=
        [ "$tool" != virt-priv-run ] || others='|disk|create|device'
        # Less those of cp, tar, rm and virsh in what is to be done by hand.
        mandoc -T ascii "${manual[0]}" | sed 's/.\x08//g' | grep -oE -- '--[a-z-]+' | sort -u |
            grep -vxE -- "--(preserve|xattrs|one-file-system|disk-only|diskspec|no-metadata$others)" >"$BATS_TEST_TMPDIR/man"
        grep -oE -- '--[a-z-]+' "$VP_BUILD/completion/$tool" | sort -u >"$BATS_TEST_TMPDIR/completion"
        [ -s "$BATS_TEST_TMPDIR/help" ]
        diff "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/man"
        diff "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/completion"
        [ "$(mandoc -T lint -W warning "${manual[0]}")" = "" ]
    done
}

@test "shellcheck of the completions" {
    shellcheck "$VP_BUILD"/completion/virt-priv-*
}

# complete_line WORD...: what the last word can become, with stand-ins for bash-completion's functions.
# shellcheck disable=SC2034 # they are the completion's
complete_line() {
    local line=("$@") function=_${1//-/_} COMPREPLY=()
    _init_completion() {
        words=("${line[@]}") cword=$((${#line[@]} - 1))
        cur=${words[cword]} prev=${words[cword - 1]}
        if [ "${1-}" = -s ] && [[ $cur == --?*=* ]]; then
            prev=${cur%%=*} cur=${cur#*=}
        fi
    }
    _filedir() { COMPREPLY=("files $*"); }
    _pids() { COMPREPLY=(pids); }
    _command_offset() { COMPREPLY=("command at $1"); }
    compopt() { :; }
    # shellcheck source=/dev/null
    . "$VP_BUILD/completion/$1"
    "$function" || true
    printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}

@test "what completes to what" {
    mkdir -p /etc/virt-privileges/vms /mnt/claims /run/virt-privileges
    touch /run/virt-privileges/.{web,qemu-5}.vm
    touch /etc/virt-privileges/vms/{web,mail}.conf
    printf '#user = "x"\nuser_two="y"\n  indented = 1\n' >/etc/libvirt/qemu.conf
    mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mkdir -p /var/lib/virt-privileges/claims
    touch /var/lib/virt-privileges/claims/{one,two}
    PATH=$VP_BUILD:$PATH
    local line words wanted n=0
    while IFS='|' read -r line wanted; do
        eval "words=($line)"
        run complete_line "${words[@]}"
        echo "$line: $output"
        [ "$output" = "$wanted" ]
        n=$((n + 1))
    done <<'END'
virt-priv-exec --keep-|--keep-cap --keep-env --keep-fd
virt-priv-exec -u ali|alice
virt-priv-exec --group tea|team
virt-priv-exec -G alice,tea|alice,team
virt-priv-exec -c ''|files
virt-priv-exec --config=/e|files
virt-priv-exec --keep-env VP_BUIL|VP_BUILD
virt-priv-exec --keep-cap ''|
virt-priv-exec virt-priv-exe|virt-priv-exec
virt-priv-exec -u alice --dry-run grep --he|command at 4
virt-priv-exec -- grep --he|command at 2
virt-priv-audit ''|all host processes
virt-priv-audit --no|--no-bpf --no-kvm-scan
virt-priv-audit --threshold m|medium
virt-priv-audit --explain P2|P20 P21 P22 P23 P24
virt-priv-audit --explain a|all
virt-priv-audit --check H01,P2|H01,P20 H01,P21 H01,P22 H01,P23 H01,P24
virt-priv-audit --exclude H0|H01 H02 H03 H04 H05 H06 H07 H08
virt-priv-audit --pid ''|pids
virt-priv-audit --root ''|files -d
virt-priv-audit --prometheus ''|files
virt-priv-conf s|set show
virt-priv-conf --c|--config
virt-priv-conf -c x r|release-ids reserve-ids restore-default revert-to-root
virt-priv-conf get us|user user_two
virt-priv-conf -v set us|user user_two
virt-priv-conf set --f|--force
virt-priv-conf show --j|--json
virt-priv-conf get --j|
virt-priv-chown re|recover release
virt-priv-chown claim --g|--grant-read
virt-priv-chown drop --g|
virt-priv-chown release --name ''|one two
virt-priv-chown claim --name ''|
virt-priv-chown claim --disk ''|files
virt-priv-chown claim --pid ''|pids
virt-priv-chown status ''|files
virt-priv-chown status --|--help --json --verbose --version
virt-priv-chown recover --libvirt a ''|files
virt-priv-run --di|--disks=
virt-priv-run --disks=p|pass
virt-priv-run --disks l|leave
virt-priv-run --vm ''|mail web
virt-priv-run --stop ''|qemu-5 web
virt-priv-run --name ''|
virt-priv-run --backing ''|files
virt-priv-run --name v qemu -|command at 3
END
    [ "$n" -eq 47 ]
}
