# What code can reach that has taken a QEMU over: tests/lib/attack.c, executed in its place, beside another VM
# and a host with services. The figures are those of SECURITY.md.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolated.bash

place=/mnt/attack
qemu=$place/qemu-system-attack

setup_file() {
    make_host
    mkdir -p $place
    install -m 0755 "$VP_BUILD/tests/attack" $qemu
    # What processes share is shared by those of the test alone.
    touch /run/vm.ipc
    unshare --ipc=/run/vm.ipc true
}

teardown_file() {
    umount /run/vm.ipc
    unmake_host
}

setup() {
    clean_host
    machine=(-nodefaults) console=()
    # Its /dev/shm has no bait of an earlier one.
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    wrapper=(nsenter --net=/run/vm.net --ipc=/run/vm.ipc)
}

teardown() {
    end_all
    umount -l /dev/shm
}

# A service with a socket that everybody may connect to, and ports on the loopback interface.
services() {
    helper nsenter --net=/run/vm.net /usr/bin/python3 -c 'import os, select, socket
os.umask(0)
unix = socket.socket(socket.AF_UNIX); unix.bind("/run/service.sock"); unix.listen(64)
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("127.0.0.1", 5599)); tcp.listen(64)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 5599))
while True:
    for ready in select.select([unix, tcp, udp], [], [])[0]:
        if ready is udp: udp.recvfrom(100)
        else: ready.accept()[0].close()'
    eventually test -S /run/service.sock
}

# The other VM: isolated as the first one is, with all that a VM can lose.
start_bait() {
    make blank root:root 600 "$fs/b.raw"
    rm -f /run/service.sock
    args=(-name b -drive "file=$fs/b.raw,format=raw" -append bait
        -object memory-backend-file,id=m,size=1M,share=on,mem-path=/dev/shm/b-memory)
    start b
    runs "bait 1"
    bait=$pid
}

# attack OPTION... [-- ARG...]: of virt-priv-run, and of QEMU; the lines are in $lines_of.
attack() {
    own=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        own+=("$1")
        shift
    done
    services
    start_bait
    make blank root:root 600 "$fs/a.raw"
    make blank root:root 644 "$fs/base.raw"
    echo "for everybody" >"$fs/notes"
    chmod 0644 "$fs/notes"
    lines_of=/mnt/vma.out
    args=(-name a -drive "file=$fs/a.raw,format=raw" -drive "file=$fs/base.raw,format=raw,readonly=on"
        -append "pid=$bait disk=$fs/b.raw memory=/dev/shm/b-memory home=/run/virt-privileges/b
vnc=/run/virt-privileges/b/vnc base=$fs/base.raw file=$fs/notes service=/run/service.sock name=$(uname -n)" "${@:2}")
    start a
}

# reached MOST [LEAST]: so many attempts did, and all were made.
reached() {
    eventually grep -q '^done' "$lines_of"
    local n
    n=$(grep -c ' reached$' "$lines_of" || true)
    grep ' reached$' "$lines_of" || true
    echo "# $n of $(($(grep -c -E ' (reached|denied)$' "$lines_of")))" >&3
    [ "$(grep -c -E ' (reached|denied|absent)$' "$lines_of")" = "$(sed -n 's/^done //p' "$lines_of")" ]
    [ "$n" -le "$1" ] && [ "$n" -ge "${2-0}" ]
}

@test "without isolation: most of it, so the attempts are good ones" {
    attack
    reached 62 30
}

@test "user: another VM's files and processes are out of reach" {
    attack --isolate=user
    reached 40 10
    run ! grep -E '^(disk-(read|write|mode)|base-write|other-[a-z]*|proc-(trace|memory|files|signal)) reached' "$lines_of"
}

@test "full: nothing" {
    attack --isolate=full
    reached 0
}

@test "full, with user networking: the host's network" {
    attack --isolate=full -- -nic user
    reached 7
    run ! grep -vE '^net-' <(grep ' reached$' "$lines_of")
}

@test "full, as a daemon: a process of its own" {
    touch "$fs/lines"
    attack --isolate=full -- -daemonize -D "$fs/lines"
    lines_of=$fs/lines
    reached 1
    run ! grep -v '^exec-fork' <(grep ' reached$' "$lines_of")
}
