# What can't run unprivileged is refused before anything is changed, with one sentence: a
# file of refusals.d each, written as the rows of rows.d are, and
#
#   says REGEX    of the sentence
#   locks         memory, which not every root may; that is another sentence
# shellcheck disable=SC2034,SC2054 # start() reads them, and words of QEMU have commas

load host.bash

teardown() {
    end_all
    ! mountpoint -q /dev/kvm || umount /dev/kvm
}

held_by_another() {
    virt-priv-chown claim --name other --disk "$fs/a.raw"
}

name_taken() {
    held_by_another
}

second_name() {
    ln "$fs/a.raw" "$fs/b.raw"
}

users_link() {
    ln -s ../shadow "$fs/dir/link"
    chown -h alice:alice "$fs/dir/link"
}

loop() {
    ln -s "${1##*/}" "$1"
}

acl() {
    setfacl -m "$1" "$2"
}

as_alice() {
    setpriv --reuid alice --regid alice --init-groups "$@"
}

no_kvm() {
    [ -e /dev/kvm ] || return 0
    cp -a /dev/kvm /mnt/kvm
    chmod 0600 /mnt/kvm
    mount --bind /mnt/kvm /dev/kvm
}

unreachable_server() {
    server "$1"
}

# What a start could have changed.
state() {
    mkdir -p /var/lib/virt-privileges/claims /run/virt-privileges
    listing times "$fs" without /run/virt-privileges
    grep -r . /var/lib/virt-privileges/claims 2>/dev/null || true
}

# refused FILE: the command line of the file is. Each step says itself that it failed: where somebody
# asks for the result, "set -e" has no effect.
refused() {
    local key value says="" words base=("${machine[@]}")
    while read -r key value; do
        value=${value//@\//$fs/}
        case $key in
        "" | "#"*) ;;
        make)
            read -r kind owner_ mode_ path <<<"$value"
            make "$kind" "$owner_" "$mode_" "$path" || return 1
            ;;
        arg)
            read -ra words <<<"$value"
            args+=("${words[@]}")
            ;;
        own)
            read -ra words <<<"$value"
            own+=("${words[@]}")
            ;;
        before) $value || return 1 ;;
        says) says=$value ;;
        locks) locks=yes ;;
        machine) read -ra base <<<"$value" ;;
        *) echo "$1: no such key: $key" && return 1 ;;
        esac
    done <"$1"
    state >"$BATS_TEST_TMPDIR/before"
    status=0
    timeout 30 virt-priv-run "${own[@]}" -- qemu-system-x86_64 "${base[@]}" "${args[@]}" \
        </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    [ "$status" -eq 125 ] || { echo "exit status $status" && return 1; }
    [ ! -s "$BATS_TEST_TMPDIR/out" ] || { echo "something on standard output" && return 1; }
    [ -z "$locks" ] || sed -i '/ (locked memory): /d' "$BATS_TEST_TMPDIR/err"
    # One sentence, and that nothing was done.
    [ "$(grep -cv ': not starting; nothing was changed$' "$BATS_TEST_TMPDIR/err")" -eq 1 ] ||
        { echo "not one sentence" && return 1; }
    grep -qE -- "$says" "$BATS_TEST_TMPDIR/err" || { echo "wanted: $says" && return 1; }
    state | diff "$BATS_TEST_TMPDIR/before" - || return 1
    no_processes
}

@test "every command line that cannot run is refused, and changes nothing" {
    local file bad=0 n=0
    for file in tests/run/refusals.d/*; do
        clean_host
        n=$((n + 1))
        (
            trap '[ ${#helpers_started[@]} -eq 0 ] || kill "${helpers_started[@]}"' EXIT
            refused "$file"
        ) >"$BATS_TEST_TMPDIR/said" 2>&1 || {
            bad=1
            echo "${file##*/}:"
            sed 's/^/    /' "$BATS_TEST_TMPDIR/said"
        }
    done
    echo "# $n refusals" >&3
    [ "$bad" -eq 0 ]
}

@test "--check lists each of six obstacles, with what denies and what helps" {
    make cd root:root 0600 "$fs/cd.iso"
    make dir root:root 0700 "$fs/pki"
    make guest alice:alice 0600 "$fs/a.raw"
    held_by_another
    args=(-cdrom "$fs/cd.iso" -object "tls-creds-x509,id=t,dir=$fs/pki,endpoint=server" -chroot /empty
        -netdev user,id=n,hostfwd=tcp::80-:80 -drive "file=$fs/a.raw,format=raw" -kernel "$fs/kernel")
    state >"$BATS_TEST_TMPDIR/before"
    run -1 --separate-stderr virt-priv-run --check qemu-system-x86_64 "${args[@]}"
    printf '%s\n' "${lines[@]}"
    [ "${#lines[@]}" -eq 6 ]
    for wanted in \
        "$fs/cd.iso (-cdrom): $fs/cd.iso is 0600 root:root: qemu may not read it; use --disks=pass or --grant-read, or let user qemu read $fs/cd.iso; setfacl -m u:qemu:r $fs/cd.iso" \
        "$fs/pki (-object): $fs/pki is 0700 root:root: qemu may not read or search it; let user qemu read and search $fs/pki; setfacl -m u:qemu:rx $fs/pki" \
        "/empty (-chroot): " \
        "(-netdev): port 80" \
        "$fs/a.raw (-drive): claimed by VM 'other'; if it is not running: virt-priv-chown release --name other" \
        "$fs/kernel (-kernel): cannot reach $fs/kernel"; do
        [[ $output == *"$wanted"* ]] || { echo "missing: $wanted" && false; }
    done
    state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "--check of what can run prints nothing, and of what an ordinary user starts says who can do it" {
    make guest alice:alice 0600 "$fs/a.raw"
    run -0 virt-priv-run --check qemu-system-x86_64 -hda "$fs/a.raw"
    [ -z "$output" ]
    run -125 setpriv --reuid alice --regid alice --clear-groups "$VP_BUILD/virt-priv-run" qemu-system-x86_64
    [[ $output == *"must be run as root"*virt-priv-exec* ]]
}

@test "QEMU that is not there or no program: 127 and 126" {
    run -127 virt-priv-run no-such-qemu -hda /nothing
    run -126 virt-priv-run /etc/passwd -hda /nothing
}

@test "root that qemu.conf asks for is no refusal" {
    printf 'user = "root"\ngroup = "root"\n' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    make guest root:root 0600 "$fs/a.raw"
    args=(-runas root -drive "file=$fs/a.raw,format=raw")
    start
    runs
    [ "$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")" = 0 ]
    [ "$(grep -c '^Cap.*0000000000000000' "/proc/$pid/status")" = 5 ]
    leave
    [ "$status" = 33 ]
    grep -q "runs as root, as set by /etc/libvirt/qemu.conf:1: user\|runs as root" "$err"
}
