# Command lines and standard input that a tool can do nothing with: a message, the status that the
# manual has for it, and nothing is changed. virt-priv-conf's are in confedit-commands.bats.

load chown.bash

# What a claim or a start would have changed. Locks that nobody holds are nothing.
facts() {
    state $fs/a $fs/b
    find /var/lib/virt-privileges/claims /run/virt-privileges -mindepth 1 ! -name '.*lock' 2>/dev/null || true
}

# says STATUS TEXT COMMAND...: on standard error alone, and nothing has changed.
says() {
    local wanted=$1 text=$2 before
    shift 2
    before=$(facts)
    run --separate-stderr "$@"
    echo "status $status: $output$stderr"
    [ "$status" -eq "$wanted" ] && [[ $stderr == *"$text"* ]] && [ -z "$output" ] && [ "$(facts)" = "$before" ]
}

@test "words that mean nothing" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    local tool status_wanted words text n=0
    while IFS='|' read -r tool status_wanted words text; do
        read -ra words <<<"${words//@/$fs}"
        says "$status_wanted" "${text//@/$fs}" "virt-priv-$tool" "${words[@]}" || { echo "for $tool ${words[*]}" && return 1; }
        n=$((n + 1))
    done <<'EOT'
chown|2||missing command
chown|2|frobnicate|unknown command 'frobnicate'
chown|2|--frobnicate status|try: virt-priv-chown --help
chown|2|claim --name v --disk @/a x|extra operand 'x'
chown|2|recover x|extra operand 'x'
chown|2|release --name v --json|release: option --json is not allowed
chown|2|drop --name v --pid 1 --disk @/a|drop: option --pid is not allowed
chown|2|drop --name v|missing option --device or --disk
chown|2|claim --disk @/a|missing option --name VM
chown|2|claim --name -v --disk @/a|invalid VM name '-v': must match
chown|2|claim --name v --pid 0 --disk @/a|--pid 0: invalid process id
chown|2|claim --name v --pid +1 --disk @/a|--pid +1: invalid process id
chown|2|claim --name v --pid 1x --disk @/a|--pid 1x: invalid process id
chown|2|claim --name v --pid 4294967297 --disk @/a|--pid 4294967297: invalid process id
chown|2|claim --name v --json --disk @/a|--json requires --dry-run
chown|2|claim --name v --disk @/a,readwrite|expected "readonly" or "shared" after the path, not "readwrite"
chown|2|claim --name v --disk ,readonly|empty path
chown|2|claim --name v --config @/none --disk @/a|settings file @/none does not exist
chown|2|claim --name v --domain @/none|cannot open the domain XML @/none
run|125||missing QEMU command line
run|125|--frobnicate qemu-system-x86_64|try: virt-priv-run --help
run|125|--disks all qemu-system-x86_64 -hda @/a|--disks all: expected claim, pass or leave
run|125|--timeout 5s --stop v|--timeout 5s: expected a number of seconds
run|125|--timeout -5 --stop v|--timeout -5: expected a number of seconds
run|125|--timeout 99999999 --stop v|--timeout 99999999: expected a number of seconds
run|125|--json qemu-system-x86_64 -hda @/a|--json requires --check, --dry-run or --list
run|125|--stop v qemu-system-x86_64|extra operand 'qemu-system-x86_64'
run|125|--check --stop v|--check cannot be used with --stop
run|125|--stop v --json|--json cannot be used with --stop
run|125|--vm v --stop v|--vm cannot be used with --stop
run|125|--stop v --name w|--name cannot be used with --stop
run|125|--list --timeout 5|--timeout cannot be used with --list
run|125|--list --check|--check cannot be used with --list
run|125|--list --name v|--name cannot be used with --list
run|125|--list --disks=claim|--disks cannot be used with --list
run|125|--check --dry-run qemu-system-x86_64 -hda @/a|--dry-run cannot be used with --check
run|125|--timeout 5 qemu-system-x86_64 -hda @/a|--timeout requires --stop
run|125|--kill qemu-system-x86_64 -hda @/a|--kill requires --stop
run|125|--write-unit v --json qemu-system-x86_64 -hda @/a|--json cannot be used with --write-unit
run|125|--write-unit v --vm w|--vm cannot be used with --write-unit
run|125|--write-unit v --timeout 5 qemu-system-x86_64 -hda @/a|--timeout cannot be used with --write-unit
run|125|--name w --write-unit v qemu-system-x86_64 -hda @/a|--name w: the unit of --write-unit v stops the VM by the name of its file: use --write-unit w, or leave out --name
run|125|--name .v qemu-system-x86_64 -hda @/a|--name: invalid VM name '.v': must match
audit|2|--frobnicate|try: virt-priv-audit --help
EOT
    [ "$n" -eq 44 ]
}

@test "standard output that cannot be written to is an error" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    local command status_wanted
    while IFS='|' read -r status_wanted command; do
        echo "$command"
        says "$status_wanted" "write to standard output" bash -c "virt-priv-$command >/dev/full"
    done <<EOT
1|chown status $fs/a
1|chown status --json $fs/a
1|chown claim --name v --disk $fs/a --dry-run
125|run --dry-run qemu-system-x86_64 -hda $fs/a
125|run --dry-run --json qemu-system-x86_64 -hda $fs/a
125|exec --dry-run true
EOT
}

@test "a relative path, where the current directory is gone" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    local command status_wanted
    while IFS='|' read -r status_wanted command; do
        echo "$command"
        says "$status_wanted" "is relative, and the current directory cannot be determined: No such file or directory" \
            bash -c "mkdir $fs/gone && cd $fs/gone && rmdir $fs/gone && exec virt-priv-$command"
    done <<'EOT'
2|chown claim --name v --disk a
2|chown claim --name v --domain v.xml
125|run qemu-system-x86_64 -hda a
125|run --backing b qemu-system-x86_64 -hda a
2|conf --config q.conf set user alice
EOT
}

@test "relative paths are those of the current directory" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    cd $fs
    run -0 virt-priv-chown claim --name v --disk a --disk ./b
    cd "$BATS_TEST_DIRNAME/../.."
    [ "$(owner $fs/a) $(owner $fs/b)" = "qemu:qemu qemu:qemu" ]
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice alice:alice" ]
}

@test "relative paths in the root directory" {
    cd /
    run -0 virt-priv-chown status etc/hostname
    [[ $output == *" /etc/hostname" ]]
}

@test "a domain XML that cannot be read, or that others could have written" {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    local claim=(virt-priv-chown claim --name v --domain)
    printf "<domain type='kvm'><name>v</name><devices><disk type='file'><source file='$fs/a'/><target dev='a'/></disk></devices></domain>" >/mnt/v.xml
    chmod 0666 /mnt/v.xml
    says 2 "cannot trust the domain XML /mnt/v.xml: not owned by root, or writable by others (mode 0666, uid 0)" "${claim[@]}" /mnt/v.xml
    chmod 0600 /mnt/v.xml
    chown alice /mnt/v.xml
    says 2 "cannot trust the domain XML /mnt/v.xml: not owned by root, or writable by others (mode 0600, uid 6001)" "${claim[@]}" /mnt/v.xml
    # Read by whoever vouches for it, it is as good as any.
    run -0 bash -c "${claim[*]} - --dry-run </mnt/v.xml"
    [[ $output == *"$fs/a"* ]]
    truncate -s 11M /mnt/v.xml
    chown root /mnt/v.xml
    says 2 "/mnt/v.xml is larger than 10485760 bytes, not a domain XML" "${claim[@]}" /mnt/v.xml
    rm /mnt/v.xml
    says 2 "cannot read the domain XML standard input: Is a directory" bash -c "${claim[*]} - <$fs"
    says 2 "cannot open the domain XML standard input: Bad file descriptor" bash -c "${claim[*]} - <&-"
}

@test "exec --dry-run: descriptors that are kept, and whose environment it is" {
    run -0 virt-priv-exec --dry-run --keep-fd 5 --keep-fd 7 true 5</dev/null 7</dev/null
    [[ $output == *$'\n'"descriptors    0 1 2 5 7"* && $output != *"the caller's"* ]]
    cp "$(type -P virt-priv-exec)" /mnt/exec
    run -0 setpriv --reuid alice --regid alice --clear-groups /mnt/exec --dry-run true
    rm /mnt/exec
    [[ $output == *$'\n'"environment    the caller's"* ]]
}

@test "--verbose says what is done on standard error, where there is more to say, and changes nothing else" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-exec --verbose id -un
    [ "$output" = qemu ]
    printf '#!/bin/sh\n' >/mnt/scratch/qemu
    chmod 0755 /mnt/scratch/qemu
    run --separate-stderr virt-priv-run --verbose -- /mnt/scratch/qemu -hda $fs/a
    rm /mnt/scratch/qemu
    echo "$status: $stderr"
    [[ $stderr == *"claim $fs/a (-hda: writable, exclusive)"* ]]
    [ "$(owner $fs/a)" = alice:alice ]
}
