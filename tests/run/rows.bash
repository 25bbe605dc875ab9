# What the rows of tests/run/rows.d do before the start, while the VM runs, and afterwards. What is asked
# for its result has "&&" between its steps: "set -e" has no effect there.
# shellcheck shell=bash disable=SC2034,SC2154

stand_in=$BATS_TEST_DIRNAME/stand-in

# --- Files ---

without_newline() {
    printf passphrase >"$fs/keys/key"
    chmod 0600 "$fs/keys/key"
}

grow() {
    truncate -s 16M "$1"
}

lacks() {
    ! grep -q -- "$2" "$1"
}

# The BIOS's tables, at least, are in the guest's memory.
memory_written() {
    [ "$(tr -d '\0' <"$1" | head -c 1000 | wc -c)" -gt 100 ]
}

maps() {
    grep -qF -- " $1" "/proc/$pid/maps"
}

configuration() {
    cat >"$1" <<CONFIGURATION
# The disk.
[drive "d"]
  file = "$fs/a.raw"
  format = "raw"
  if = "none"
[device "disk0"]
  driver = "virtio-blk-pci"
  drive = "d"
CONFIGURATION
    chmod 0600 "$1"
}

links() {
    local file
    for file in "$@"; do
        ln -s "$file" "$file.link"
    done
}

opened_disk() {
    wrapper=("$stand_in" opened "$1")
}

nbd_server() {
    helper qemu-nbd -t -k "$1" -f raw "$2"
    eventually test -S "$1"
    chmod 0666 "$1"
}

null_as_before() {
    [ "$(stat -c '%U:%G %a' /dev/null)" = "root:root 666" ]
}

hugepages() {
    local pages=/proc/sys/vm/nr_hugepages
    cat "$pages" >"$BATS_TEST_TMPDIR/hugepages"
    echo $(($(cat "$pages") + 8)) >"$pages" || skip "this kernel gives no huge pages: $pages cannot be written"
    if [ "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)" -lt 8 ]; then
        no_hugepages
        skip "this kernel gives no huge pages: fewer than 8 are free"
    fi
    mount -t hugetlbfs -o mode=0755 hugetlbfs "$1"
}

no_hugepages() {
    umount "$fs/huge" 2>/dev/null || true
    cat "$BATS_TEST_TMPDIR/hugepages" >/proc/sys/vm/nr_hugepages
}

# since_qemu VERSION: what the row is about is there since then.
since_qemu() {
    local version
    version=$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
    printf '%s\n' "$1" "$version" | sort -C -V || skip "QEMU $version does not have it, $1 does"
}

# reconnect_key: that of a character device's, in milliseconds where there is no other one any more.
reconnect_key() {
    put[reconnect]=reconnect
    if qemu-system-x86_64 -chardev socket,help | grep -q reconnect-ms=; then
        put[reconnect]=reconnect-ms
    fi
    server "$1"
}

# reconnect_key_of_all: the same; QEMU's user may connect to it.
reconnect_key_of_all() {
    reconnect_key "$1"
    chmod 0666 "$1"
}

connected() {
    wrapper=("$stand_in" connected "$1")
}

# --- Processes ---

pid_in() {
    [ "$(cat "$1")" = "$pid" ]
}

arguments() {
    tr '\0' '\n' <"/proc/$pid/cmdline"
}

argument_there() {
    arguments | grep -qF -- "$1"
}

argument_gone() {
    ! argument_there "$1"
}

threads() {
    local tasks=("/proc/$pid/task"/*)
    [ ${#tasks[@]} -ge "$1" ]
}

has_open() {
    [ -n "$(find "/proc/$pid/fd" -lname "$1")" ]
}

# Nothing of root's own work is open in it: no directory, no journal.
no_directory_open() {
    local fd
    for fd in "/proc/$pid/fd"/*; do
        case $(readlink "$fd") in
        /var/lib/* | /run/virt-privileges*) return 1 ;;
        esac
        [ ! -d "$fd" ] || return 1
    done
}

filters() {
    grep -qx $'Seccomp:\t2' "/proc/$pid/status" && [ "$(sed -n 's/^Seccomp_filters:\t//p' "/proc/$pid/status")" -ge "$1" ]
}

# --- Sockets and character devices ---

connects() {
    "$stand_in" talk "$1" - ""
}

# talks PATH SEND TEXT: with a tilde for each blank.
talks() {
    "$stand_in" talk "$1" "${2//\~/ }" "${3//\~/ }"
}

server() {
    helper "$stand_in" listen "$1" "$BATS_TEST_TMPDIR/heard"
    eventually test -S "$1"
    chmod 0600 "$1"
}

reader() {
    helper "$stand_in" keep "$1" "$BATS_TEST_TMPDIR/heard"
}

dead_socket() {
    /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"
}

# usable_terminals: users can open pseudo-terminals on this host (ptmxmode= of its devpts).
usable_terminals() {
    [ -n "$(find -L /dev/ptmx -perm -0006)" ] || skip "only root may open /dev/ptmx here"
}

# terminal_linked PATH: a terminal of QEMU's, on which the guest has written.
terminal_linked() {
    eventually test -L "$1" &&
        [[ $(readlink "$1") == /dev/pts/* ]] &&
        [ "$(stat -c %u "$1") $(stat -L -c %U "$1")" = "0 qemu" ] &&
        [ -n "$(find "/proc/$pid/fd" -lname '*/ptmx')" ]
}

# terminal_answers: QEMU's monitor does, on the terminal that it has told of.
terminal_answers() {
    local name
    name=$(sed -n 's,.*redirected to \(/dev/pts/[0-9]*\).*,\1,p' "$out" "$err" | head -n 1)
    "$stand_in" ask "$name" "info status" "VM status: running"
}

# vhost_user_blk SOCKET IMAGE: the program behind a disk.
vhost_user_blk() {
    type -P qemu-storage-daemon >/dev/null || skip "qemu-storage-daemon is not here"
    helper qemu-storage-daemon --blockdev "driver=file,node-name=n,filename=$2" \
        --export "type=vhost-user-blk,id=e,node-name=n,writable=on,addr.type=unix,addr.path=$1"
    eventually test -S "$1"
}

# virtiofsd SOCKET DIR: that of the distribution.
virtiofsd() {
    local program
    program=$(compgen -G "/usr/lib*/virtiofsd" || compgen -G "/usr/lib/*/virtiofsd") || skip "virtiofsd is not here"
    helper "$program" "--socket-path=$1" -o "source=$2" -o sandbox=chroot
    eventually test -S "$1"
}

# helper_ended: what ends with its only client, or is ended.
helper_ended() {
    case $(readlink "/proc/${helpers_started[-1]}/exe") in
    *qemu-storage-daemon*) kill -KILL "${helpers_started[-1]}" ;;
    esac
    eventually ended "${helpers_started[-1]}"
}

heard() {
    grep -qF -- "$1" "$BATS_TEST_TMPDIR/heard"
}

server_heard() {
    grep -q "^disk 80 written 01" "$BATS_TEST_TMPDIR/heard"
}

# An swtpm ends with the QEMU that shuts it down, as newer ones do, and takes its socket along. Then comes another.
swtpm() {
    type -P swtpm >/dev/null || skip "swtpm is not here"
    mkdir "$BATS_TEST_TMPDIR/state"
    helper swtpm_for_each "$BATS_TEST_TMPDIR/state" "$1/socket"
    eventually test -S "$1/socket"
}

swtpm_for_each() {
    while :; do
        setpriv --pdeathsig KILL swtpm socket --tpm2 --tpmstate "dir=$1" --ctrl "type=unixio,path=$2"
    done
}

terminal() {
    helper "$stand_in" terminal "$BATS_TEST_TMPDIR/heard" >"$BATS_TEST_TMPDIR/terminal"
    eventually test -s "$BATS_TEST_TMPDIR/terminal"
    put[terminal]=$(cat "$BATS_TEST_TMPDIR/terminal")
    stat -c '%u:%g %a' "${put[terminal]}" >"$BATS_TEST_TMPDIR/terminal-before"
}

terminal_owned() {
    [ "$(stat -c %U "${put[terminal]}")" = qemu ]
}

terminal_heard() {
    eventually server_heard &&
        [ "$(stat -c '%u:%g %a' "${put[terminal]}")" = "$(cat "$BATS_TEST_TMPDIR/terminal-before")" ]
}

# --- Network ---

on_net() {
    wrapper=(nsenter --net=/run/vm.net)
}

interfaces() {
    in_net cat /proc/self/net/dev | sed -n 's/^ *\([^ ]*\):.*/\1/p'
}

# has_taps NAME COUNT: so many descriptors of QEMU's are queues of this device.
has_taps() {
    [ "$(cat "/proc/$pid"/fdinfo/* | grep -cx "iff:	$1")" = "$2" ] && interfaces | grep -qx "$1"
}

# has_sndbuf BYTES: the kernel keeps as many at most of what QEMU's tap device sends.
has_sndbuf() {
    local fd
    fd=$(grep -lx "iff:	.*" "/proc/$pid"/fdinfo/* | head -n 1)
    /usr/bin/python3 - "$pid" "${fd##*/}" "$1" <<'PYTHON'
import ctypes, fcntl, os, struct, sys
PIDFD_GETFD, TUNGETSNDBUF = 438, 0x800454D3
fd = ctypes.CDLL(None).syscall(PIDFD_GETFD, os.pidfd_open(int(sys.argv[1])), int(sys.argv[2]), 0)
kept, = struct.unpack("i", fcntl.ioctl(fd, TUNGETSNDBUF, bytes(4)))
print("sndbuf:", kept)
sys.exit(kept != int(sys.argv[3]))
PYTHON
}

no_tap() {
    ! interfaces | grep tap
}

tap_is_up() {
    in_net ip -o link show "$1" | grep -q '[<,]UP[,>]'
}

default_scripts() {
    local word
    for word in up down; do
        printf '#!/bin/sh\necho %s $1 $(id -u) >>%s/log\n' "$word" "$fs" >"/etc/qemu-if$word"
        chmod 0755 "/etc/qemu-if$word"
    done
}

persistent_tap() {
    in_net ip tuntap add vmtap3 mode tap
}

persistent_tap_stays() {
    interfaces | grep -qx vmtap3 && in_net ip link delete vmtap3 && no_tap
}

opened_tap() {
    wrapper=(nsenter --net=/run/vm.net "$stand_in" tap vmtap4)
}

on_bridge() {
    on_net
    in_net ip link add vmbr0 type bridge
    mkdir -p /etc/qemu
    echo "allow vmbr0" >/etc/qemu/bridge.conf
}

on_the_bridge() {
    [ "$(in_net ip -o link show master vmbr0 | wc -l)" = "$1" ]
}

no_bridge() {
    in_net ip link delete vmbr0 && no_tap
}

# routed: a network that leads somewhere.
routed() {
    type -P passt >/dev/null || skip "passt is not here"
    on_net
    in_net ip link delete vmout0 2>/dev/null || true
    in_net ip link add vmout0 type bridge
    in_net ip address add 192.0.2.2/24 dev vmout0
    in_net ip link set vmout0 up
    in_net ip route add default via 192.0.2.1
}

# passts: all that run.
passts() {
    local pid
    for pid in /proc/[0-9]*; do
        case $(readlink "$pid/exe") in
        */passt*) echo "${pid#/proc/}" ;;
        esac
    done
}

# passt_of PID: the passt that is a child of the runner.
passt_of() {
    local pid
    for pid in $(passts); do
        ! grep -qx "PPid:	$1" "/proc/$pid/status" || { echo "$pid" && return; }
    done
    return 1
}

# It has QEMU's ids, with no more privileges than QEMU, which keeps its filter and starts nothing. Its bounding
# set is that of a user namespace of its own.
passt_runs() {
    passt=$(passt_of "$runner") && unprivileged_passt && argument_there spawn=deny && argument_gone passt
}

unprivileged_passt() {
    local status=/proc/$passt/status
    diff <(grep -E '^[UG]id:' "$status") <(grep -E '^[UG]id:' "/proc/$pid/status") &&
        grep -qx $'NoNewPrivs:\t1' "$status" &&
        [ "$(grep -cE $'^Cap(Inh|Prm|Eff|Amb):\t0000000000000000$' "$status")" = 4 ] &&
        [ "$(readlink "/proc/$passt/ns/user")" != "$(readlink /proc/self/ns/user)" ]
}

passt_ended() {
    ended "$passt" && in_net ip link delete vmout0
}

listens_on() {
    in_net grep -qE "^ +[0-9]+: 0100007F:$(printf %04X "$1") .* 0A " /proc/self/net/tcp
}
