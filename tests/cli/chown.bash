# What tests of virt-priv-chown share: a host with an empty journal, a file system with
# handles, ACLs and attributes in $fs, and the tool that was built in PATH.

bats_require_minimum_version 1.5.0
PATH=${VP_BUILD:-$PWD/build/plain}:$PATH

setup() {
    umask 022
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges /run/virt-privileges /run/libvirt
    fs=/mnt/fs
    make_filesystem "$fs"
}

teardown() {
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /etc/libvirt/qemu.conf
}

# make_filesystem DIR: a new ext4 from DIR.img on DIR.
make_filesystem() {
    mkdir -p "$1"
    rm -f "$1.img"
    truncate -s 32M "$1.img"
    mkfs.ext4 -q -F "$1.img"
    mount -o loop "$1.img" "$1"
    rm -rf "$1/lost+found"
}

# disk PATH OWNER MODE: a small file of that owner.
disk() {
    echo "data of $1" >"$1"
    chown "$2" "$1"
    chmod "$3" "$1"
}

# state PATH...: all that a claim could change: owner, mode, ACL, attributes.
state() {
    stat -c '%n %u:%g %a %h' "$@"
    getfacl -cpn "$@"
    /usr/bin/python3 -I -S -c 'import os, sys
for path in sys.argv[1:]:
    for name in sorted(os.listxattr(path)):
        print(path, name, os.getxattr(path, name))' "$@"
}

# remembered PATH: libvirt'"'"'s attributes, "OWNER REFS", nothing without them.
remembered() {
    /usr/bin/python3 -I -S -c 'import os, sys
try:
    print(*(os.getxattr(sys.argv[1], "trusted.libvirt.security." + name).decode() for name in ("dac", "ref_dac")))
except OSError:
    pass' "$1"
}

# libvirt_domain: a domain of libvirt's runs, as far as its state directory tells.
libvirt_domain() {
    mkdir -p /run/libvirt/qemu
    touch /run/libvirt/qemu/{driver.pid,other.xml,other.pid}
}

owner() {
    stat -c %U:%G "$1"
}

journals() {
    ls /var/lib/virt-privileges/claims 2>/dev/null
}

# boot_again: from here on, it is another boot for the tools, until boot_id is unmounted.
boot_again() {
    cat /proc/sys/kernel/random/uuid >/mnt/boot-id
    mount --bind /mnt/boot-id /proc/sys/kernel/random/boot_id
}

# settled PATH: the last message named the command that forgets the entry of the VM v, and that does it: the
# last one of its claim.
settled() {
    [[ $output == *"to remove the entry and leave the file as it is: virt-priv-chown release --name v --path $1 --as-is"* ]]
    [ "$(journals)" = v ]
    run -0 virt-priv-chown release --name v --path "$1" --as-is
    [ -z "$(journals)" ]
}

# is PID NAME: waits until the process in the background is that program, whatever it was on the way there: bash
# that was forked, then perhaps setpriv, with the user's id already.
is() {
    local i
    for ((i = 0; i < 3000; i++)); do
        [ "$(cat "/proc/$1/comm")" != "$2" ] || return 0
        kill -0 "$1" || break
        sleep 0.02
    done
    echo "process $1 never was $2"
    return 1
}

# listens SOCKET: waits until somebody listens there: the file is there before that.
listens() {
    local i inode
    for ((i = 0; i < 3000; i++)); do
        # __SO_ACCEPTCON (net/unix/af_unix.c). The network is that of all suites, the processes are those of this one.
        for inode in $(awk -v path="$1" '$4 == "00010000" && $8 == path { print $7 }' /proc/net/unix); do
            [ -z "$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2>/dev/null)" ] || return 0
        done
        sleep 0.02
    done
    echo "nobody listens on $1"
    return 1
}

# is_unanswered PID: it waits for what a FUSE server does not say.
is_unanswered() {
    [[ $(cat "/proc/$1/wchan" 2>/dev/null) == *@(fuse|request_wait_answer)* ]]
}

holders=()

# hold USER FILE COMMAND: a process of that user that does what escaped-qemu calls COMMAND to
# FILE, until the end of the test; its id in $holder.
hold() {
    local answer
    mkfifo "$BATS_TEST_TMPDIR/answer"
    setpriv --reuid "$1" --regid "$1" --clear-groups tests/lib/escaped-qemu "$2" "$3" \
        >"$BATS_TEST_TMPDIR/answer" 3>&- &
    holder=$!
    holders+=("$holder")
    read -r answer <"$BATS_TEST_TMPDIR/answer"
    rm "$BATS_TEST_TMPDIR/answer"
    [ "$answer" = ok ]
}

# end_holders: all of them, for teardown: what has ended and is not yet gone would be seen by the next test.
end_holders() {
    local holder
    for holder in "${holders[@]}"; do
        kill -KILL "$holder" 2>/dev/null || true
        wait "$holder" 2>/dev/null || true
    done
}

# in_background COMMAND...: its output in $BATS_TEST_TMPDIR/said, its process id in $waiter.
in_background() {
    "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    waiter=$!
}

# ends_with STATUS: the command in the background.
ends_with() {
    local ended=0
    wait $waiter || ended=$?
    [ "$ended" -eq "$1" ]
}

# waits: the command in the background has let go of the journals, with its disk still locked.
waits() {
    local i
    for ((i = 0; i < 2000; i++)); do
        kill -0 $waiter
        # It looks at the lock again and again, and sleeps between (clock_nanosleep, 230).
        ! grep -q '^230 ' "/proc/$waiter/syscall" || return 0
        sleep 0.02
    done
    return 1
}
