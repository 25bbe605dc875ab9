# What --check says, and that a start says the same: a file of check.d each, written as the rows of
# rows.d are, and
#
#   env NAME=VALUE   of the environment
#   qemu PATH        in the place of QEMU
#   display none     the machine has no -display
#   says REGEX       of a line of --check, in order; without one, there is no obstacle
#   own WORD...      options of virt-priv-run
#   command none     no command would take it away, and none is in the JSON
#   fixed COMMAND    after which there is none; "advice" are the commands that the lines have named
#   after COMMAND    at the end
# shellcheck disable=SC2034,SC2054,SC2030,SC2031,SC1003 # words of QEMU have commas; each test has its own output

load host.bash

in_network() {
    nsenter --net=/run/vm.net "$@"
}

conf() {
    printf '%s\n' "$@" >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
}

# has_locks PID: it has locks of open file descriptions, as QEMU takes them.
has_locks() {
    cat "/proc/$1/fdinfo/"* 2>/dev/null | grep -q 'OFDLCK.* 201 201$'
}

# A QEMU of root's that reads the disk.
reader_of() {
    helper qemu-system-x86_64 "${machine[@]}" -S -drive "file=$1,format=raw,readonly=on,if=virtio"
    eventually has_locks "${helpers_started[0]}"
}

# A process that has the tap device open.
tap_in_use() {
    helper nsenter --net=/run/vm.net /usr/bin/python3 -c '
import fcntl, struct, sys, time
tun = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
open(sys.argv[2], "w").close()
time.sleep(600)' "$1" "$fs/attached"
    eventually test -e "$fs/attached"
}

# listens ADDRESS PORT: a process does, in the network of the VMs.
listens() {
    rm -f "$BATS_TEST_TMPDIR/listens"
    helper nsenter --net=/run/vm.net /usr/bin/python3 -c '
import socket, sys, time
is_any = sys.argv[1] == "::"
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if is_any else socket.AF_INET, dualstack_ipv6=is_any)
open(sys.argv[3], "w").close()
time.sleep(600)' "$1" "$2" "$BATS_TEST_TMPDIR/listens"
    eventually test -e "$BATS_TEST_TMPDIR/listens"
}

# A /dev of the test's, without a vhost device.
hide_vhost() {
    private_dev
    mkdir -p /dev/net
    [ -e /dev/net/tun ] || mknod -m 0666 /dev/net/tun c 10 200
    rm -f /dev/vhost-net
}

# A node of a number that no driver has.
dead_vhost() {
    hide_vhost
    mknod -m 0600 /dev/vhost-net c 511 255
}

show_vhost() {
    umount -l /dev
}

end_helpers() {
    local pid
    for pid in "${helpers_started[@]}"; do
        kill "$pid"
        wait "$pid" || true
    done
    helpers_started=()
}

args_add() {
    args+=("$@")
}

args_are() {
    args=("$@")
}

# Each command of the JSON document, which is the end of its line.
advice() {
    commands
    [ -s "$BATS_TEST_TMPDIR/commands" ]
    in_network bash -e "$BATS_TEST_TMPDIR/commands"
}

# The commands that --json names, a line each.
commands() {
    in_network env "${env[@]}" timeout 60 virt-priv-run --check --json "${own[@]}" -- "$qemu" "${base[@]}" "${args[@]}" \
        3>&- 2>/dev/null | tests/lib/validate-json tests/schema/virt-priv-run-check.json >"$BATS_TEST_TMPDIR/document"
    /usr/bin/python3 - "$BATS_TEST_TMPDIR/document" >"$BATS_TEST_TMPDIR/commands" <<'PYTHON'
import json, sys
for obstacle in json.load(open(sys.argv[1]))["obstacles"]:
    if help := obstacle.get("help"):
        assert obstacle["message"].endswith(help), obstacle
        print(help)
PYTHON
}

# step COMMAND: what is about the network, in that of the VMs.
step() {
    local words
    read -ra words <<<"$1"
    case ${words[0]} in
    ip | sysctl) in_network "${words[@]}" ;;
    *) "${words[@]}" ;;
    esac
}

checked() {
    status=0
    in_network env "${env[@]}" timeout 60 virt-priv-run --check "${own[@]}" -- "$qemu" "${base[@]}" "${args[@]}" \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
}

# checked_row FILE: what is said of its command line. Each step says itself that it failed: where somebody
# asks for the result, "set -e" has no effect.
checked_row() {
    local key value words says=() fixed="" after="" command="" env=(-u DISPLAY -u WAYLAND_DISPLAY)
    local qemu=qemu-system-x86_64 base=("${machine[@]}") i lines
    while read -r key value; do
        value=${value//@\//$fs/}
        read -ra words <<<"$value"
        case $key in
        "" | "#"*) ;;
        make) make "${words[@]}" || return 1 ;;
        arg) args+=("${words[@]}") ;;
        env) env+=("$value") ;;
        qemu) qemu=$value ;;
        own) own+=("${words[@]}") ;;
        command) command=$value ;;
        display) base=(-accel tcg -m 16 -nodefaults) ;;
        before) step "$value" || return 1 ;;
        says) says+=("$value") ;;
        fixed) fixed=$value ;;
        after) after=$value ;;
        *) echo "$1: no such key: $key" && return 1 ;;
        esac
    done <"$1"
    listing times "$fs" >"$BATS_TEST_TMPDIR/before"
    checked
    [ "$status" -eq $((${#says[@]} > 0)) ] || { echo "exit status $status" && return 1; }
    mapfile -t lines <"$BATS_TEST_TMPDIR/out"
    [ ${#lines[@]} -eq ${#says[@]} ] || { echo "${#lines[@]} lines" && return 1; }
    for i in "${!says[@]}"; do
        grep -qE -- "${says[i]}" <<<"${lines[i]}" || { echo "wanted: ${says[i]}" && return 1; }
    done
    listing times "$fs" | diff "$BATS_TEST_TMPDIR/before" - || return 1
    if [ "$command" = none ]; then
        commands || return 1
        [ ! -s "$BATS_TEST_TMPDIR/commands" ] || { echo "a command: $(cat "$BATS_TEST_TMPDIR/commands")" && return 1; }
    fi
    if [ -n "$fixed" ]; then
        step "$fixed" || return 1
        checked
        if [ "$status" -ne 0 ] || [ -s "$BATS_TEST_TMPDIR/out" ]; then
            echo "not fixed by: $fixed"
            return 1
        fi
    fi
    [ -z "$after" ] || step "$after"
}

@test "each obstacle is said, with what helps, and nothing is changed; then there is none" {
    local file bad=0 n=0
    for file in tests/run/check.d/*; do
        clean_host
        n=$((n + 1))
        (
            trap '[ ${#helpers_started[@]} -eq 0 ] || kill "${helpers_started[@]}"; chattr -R -ia "$fs" 2>/dev/null || true' EXIT
            checked_row "$file"
        ) >"$BATS_TEST_TMPDIR/said" 2>&1 || {
            bad=1
            echo "${file##*/}:"
            sed 's/^/    /' "$BATS_TEST_TMPDIR/said"
        }
    done
    echo "# $n checks" >&3
    [ "$bad" -eq 0 ]
}

@test "what --check says, a start says, too: it fails for a refusal, and goes on after a warning" {
    make guest alice:alice 0600 "$fs/a.raw"
    chattr +i "$fs/a.raw"
    run -125 virt-priv-run -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw"
    chattr -i "$fs/a.raw"
    [[ $output == *"$fs/a.raw (-drive): $fs/a.raw is immutable; chattr -i $fs/a.raw"*"nothing was changed"* ]]
    args=(-drive "file=$fs/a.raw,format=raw" -device qemu-xhci -device usb-host,vendorid=0xffff,productid=0xffff)
    start
    runs
    leave
    [ "$status" = "$status_expected" ]
    grep -q 'warning: id 0xffff:0xffff (-device): no such device' "$err"
}

@test "a QEMU that its user cannot execute: 126, as where nobody can" {
    make script=: alice:alice 0700 "$fs/qemu-own"
    run -126 virt-priv-run -- "$fs/qemu-own" -S
    [[ $output == *"$fs/qemu-own (QEMU): $fs/qemu-own is 0700 alice:alice: qemu may not "*"; setfacl -m u:qemu:rx $fs/qemu-own"* ]]
}

# said_of NUMBER:MESSAGE... -- LINE...: of the lines of a VM's file, and nothing is started.
said_of() {
    local file=/etc/virt-privileges/vms/v.conf said=() wanted
    while [ "$1" != -- ]; do
        said+=("$file:${1/:/: }")
        shift
    done
    printf '%s\n' "${@:2}" >"$file"
    run virt-priv-run --check --vm v
    diff <(printf '%s\n' "${said[@]}") <(printf '%s\n' "$output")
    [ "$status" -eq 1 ]
    run -125 virt-priv-run --vm v
    for wanted in "${said[@]}"; do
        [[ $output == *"$wanted"* ]]
    done
}

@test "a VM's file: two words, quotes and backslashes on a line" {
    local blank="has a blank in it: one word on a line"
    local quotes="the quotes are part of the word: remove them"
    local backslash="the backslash at its end is part of the word: remove it; one word on a line"
    mkdir -p /etc/virt-privileges/vms
    said_of "2:\"-accel tcg\" $blank" "4:\"-display none\" $blank" -- qemu-system-x86_64 '-accel tcg' -S '-display none'
    said_of "1:\"qemu-system-x86_64 -S\" is a whole command line: one word on a line; to have a script write such a file: virt-priv-run --write-unit NAME -- QEMU ..." -- 'qemu-system-x86_64 -S'
    said_of "1:\"--name web\" $blank" -- '--name web' qemu-system-x86_64
    said_of "3:\"\"file=/a b,format=raw\"\" $quotes" -- qemu-system-x86_64 -drive '"file=/a b,format=raw"'
    said_of "3:\"file=\"/a.raw\",format=raw\" $quotes" -- qemu-system-x86_64 -drive 'file="/a.raw",format=raw'
    said_of "3:\"'root=/dev/vda quiet'\" $quotes" -- qemu-system-x86_64 -append "'root=/dev/vda quiet'"
    said_of "1:\"qemu-system-x86_64 \\\" $backslash" "3:\"-accel tcg \\\" $backslash" -- 'qemu-system-x86_64 \' '# -S' '  -accel tcg \'
}

@test "a VM's file: blanks and quotes that a value may have" {
    mkdir -p /etc/virt-privileges/vms
    make guest alice:alice 0600 "$fs/a disk.raw"
    printf '%s\n' --name v qemu-system-x86_64 -accel tcg -S -display none -nodefaults -name 'a VM' "$fs/a disk.raw" \
        -append 'root=/dev/vda dyndbg="file x +p"' -fw_cfg 'name=opt/a,string="x"' -kernel "$fs/a disk.raw" \
        -blockdev '{"driver":"null-co","node-name":"n"}' >/etc/virt-privileges/vms/v.conf
    run -0 virt-priv-run --check --vm v
    [ -z "$output" ]
}
