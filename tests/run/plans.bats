# What virt-priv-run plans for each kind of resource, as --dry-run prints it: nothing is changed by that.
# What is refused is in refusals.bats; what is planned for devices of the host, in devices.bats.
# shellcheck disable=SC2034,SC2054 # words of QEMU have commas

load host.bash
load plans.bash

@test "each resource: claimed, made, passed, checked, left alone or refused" {
    make_files
    local words row word n=0
    listing times "$fs" >"$BATS_TEST_TMPDIR/before"
    while IFS='|' read -ra row; do
        read -ra words <<<"${row[0]//@/$fs}"
        echo "${words[*]}"
        run virt-priv-run "${words[@]}"
        # A name of its own is by the process id.
        diff <(for word in "${row[@]:1}"; do echo "$word"; done | sed "s,@,$fs,g") \
            <(grep -vE '^(command|isolate| ) |^virt-priv-run: |^$' <<<"$output" | sed -E 's/ +/ /; s/qemu-[0-9]+/VM/g')
        listing times "$fs" | diff "$BATS_TEST_TMPDIR/before" -
        n=$((n + 1))
    done <"$BATS_TEST_DIRNAME/plans"
    echo "# $n plans" >&3
    [ "$n" -ge 70 ]
}

# command_of WORDS WORD...: of these, QEMU gets the last ones.
command_of() {
    local words
    read -ra words <<<"$1"
    shift
    run virt-priv-run --dry-run qemu-system-x86_64 "${words[@]}"
    diff <(printf '%s\n' "$@") <(sed -n 's/^command //p; s/^        //p' <<<"$output" | tail -n +2)
}

@test "with dynamic_ownership = 0, what does not exist is not made" {
    printf 'dynamic_ownership = 0\n' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    run -1 virt-priv-run --check qemu-system-x86_64 -D "$fs/log"
    [ "$output" = "$fs/log (-D): it does not exist, and with dynamic_ownership = 0 no owner is changed to qemu; create it, writable by qemu" ]
    make text=old qemu:qemu 0600 "$fs/log"
    run -0 virt-priv-run --check qemu-system-x86_64 -D "$fs/log"
    [ -z "$output" ]
}

@test "an account that the command line asks for is taken, and is nothing to QEMU" {
    local sandbox=(-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny)
    command_of "-run-with user=bob" "${sandbox[@]}"
    command_of "-run-with user=bob,async-teardown=on" -run-with async-teardown=on "${sandbox[@]}"
    command_of "-run-with async-teardown=on" -run-with async-teardown=on "${sandbox[@]}"
    command_of "-runas bob" "${sandbox[@]}"
}

@test "a CD-ROM that is passed is only read" {
    make cd root:root 0600 "$fs/cd.iso"
    run virt-priv-run --dry-run --disks=pass qemu-system-x86_64 -drive "file=$fs/cd.iso,if=none,id=d,format=raw" -device ide-cd,drive=d
    echo "$output"
    [[ $output == "pass    $fs/cd.iso "* && $output == *readonly=on* ]]
}

@test "the filter lets QEMU start a program where the command line wants one" {
    local sandbox=(-sandbox on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny)
    command_of "-incoming exec:cat" -incoming exec:cat "${sandbox[@]}"
    command_of "-nic user,smb=/" -nic user,smb=/ "${sandbox[@]}"
    command_of "-net user,guestfwd=tcp:10.0.2.100:7-cmd:cat" -net user,guestfwd=tcp:10.0.2.100:7-cmd:cat "${sandbox[@]}"
}

# fails_at WORDS TEXT: the start ends with that, and leaves nothing.
fails_at() {
    local words
    read -ra words <<<"${1//@/$fs}"
    echo "$1"
    listing "$fs" >"$BATS_TEST_TMPDIR/before"
    run -125 "${wrapper[@]}" timeout 30 virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw" "${words[@]}" 3>&-
    [[ $output == *"${2//@/$fs}"* ]] || { echo "$output" && return 1; }
    listing "$fs" | diff "$BATS_TEST_TMPDIR/before" -
    [ -z "$(ls /var/lib/virt-privileges/claims)" ]
    no_processes
}

@test "a step that the host refuses undoes the start" {
    make_files
    make dir root:root 0755 "$fs/ro"
    mount -t tmpfs -o ro,mode=0755 tmpfs "$fs/ro"
    make text=1 root:root 0644 "$fs/locked"
    make text=1 root:root 0644 "$fs/linked"
    ln "$fs/linked" "$fs/linked.too"
    helper /usr/bin/python3 -c 'import fcntl, sys, time
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
open(sys.argv[2], "w")
time.sleep(60)' "$fs/locked" "$BATS_TEST_TMPDIR/is-locked"
    eventually test -e "$BATS_TEST_TMPDIR/is-locked"
    fails_at '-D @/ro/log' "the file system of @/ro is mounted read-only; name another directory"
    fails_at '-pidfile @/ro/pid' "the file system of @/ro is mounted read-only; name another directory"
    fails_at '-pidfile @/dir' "cannot open @/dir: Is a directory"
    fails_at '-pidfile @/memory' "@/memory is not a regular file owned by root with a single link; remove it first"
    fails_at '-pidfile @/linked' "@/linked is not a regular file owned by root with a single link; remove it first"
    make text=1 root:root 0644 "$fs/by-acl"
    setfacl -m u:alice:rw "$fs/by-acl"
    fails_at '-pidfile @/by-acl' "@/by-acl is writable by users other than root: user alice may write by its ACL (user:6001:rw-); look into it, then: setfacl -x u:6001 @/by-acl"
    fails_at '-pidfile @/locked' "cannot lock @/locked: it is locked by another QEMU"
    fails_at '-monitor unix:@/ro/monitor,server,nowait' "the file system of @/ro is mounted read-only; name another directory"
    fails_at '-vnc unix:@/ro/vnc' "the file system of @/ro is mounted read-only; name another directory"
    fails_at '-object memory-backend-file,id=m,size=1M,mem-path=@/ro' "cannot create the directory @/ro/virt-privileges-v: Read-only file system"
    umount "$fs/ro"
}

@test "a journal of the name that cannot be read is no claim that could be given back" {
    make guest alice:alice 0640 "$fs/a.raw"
    mkdir -p /var/lib/virt-privileges/claims
    echo nonsense >/var/lib/virt-privileges/claims/v
    run -125 virt-priv-run --name v qemu-system-x86_64 -hda "$fs/a.raw"
    echo "$output"
    [[ $output == *"/var/lib/virt-privileges/claims/v:1: "* ]]
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    [ "$(cat /var/lib/virt-privileges/claims/v)" = nonsense ]
}

@test "a network that cannot be made" {
    make guest alice:alice 0640 "$fs/a.raw"
    make text=x root:root 0644 "$fs/script"
    make text=x root:root 0755 "$fs/no-program"
    make script='exit 3' root:root 0755 "$fs/fails"
    private_dev
    on_net
    fails_at '-netdev tap,id=n,ifname=lo,script=no,downscript=no' "lo exists, and is not a tap device; use another ifname="
    fails_at '-netdev tap,id=n,ifname=vmtap0,script=@/script,downscript=no' "cannot run @/script: Permission denied"
    fails_at '-netdev tap,id=n,ifname=vmtap0,script=@/fails,downscript=no' "@/fails"
    fails_at '-netdev tap,id=n,helper=/bin/true' "/bin/true did not send a descriptor"
    fails_at '-netdev bridge,id=n,br=vmbr9' "vmbr9"
    touch /dev/vhost-net
    fails_at '-netdev tap,id=n,ifname=vmtap0,script=no,downscript=no,vhost=on,vhostforce=on' "/dev/vhost-net"
    args=(-drive "file=$fs/a.raw,format=raw" -netdev "tap,id=n,ifname=vmtap0,script=no,downscript=$fs/fails" -device virtio-net-pci,netdev=n,romfile=)
    start
    runs
    leave
    [ "$status" -eq 33 ]
    grep -F "warning: $fs/fails" "$err"
    no_tap
    rm /dev/net/tun
    fails_at '-netdev bridge,id=n,br=vmbr9' "no such device: /dev/net/tun; modprobe tun"
    fails_at '-netdev tap,id=n,ifname=vmtap0,script=no,downscript=no' "no such device: /dev/net/tun; modprobe tun"
    no_tap
    umount -l /dev
}

@test "the directory of the runtime must be there, and root's alone" {
    make guest alice:alice 0640 "$fs/a.raw"
    local runtime=/run/virt-privileges
    mkdir "$runtime"
    touch "$runtime/v"
    fails_at '' "$runtime/v (--name): it exists, and is not the runtime directory of VM 'v'; remove it, or use another name: --name"
    [ -e "$runtime/v" ]
    rm "$runtime/v"
    chmod 0777 "$runtime"
    fails_at '' "cannot trust the directory $runtime: writable by users other than root"
    chmod 0755 "$runtime"
    chown alice "$runtime"
    fails_at '' "cannot trust the directory $runtime: writable by users other than root"
    rm -r "$runtime"
    ln -s /mnt/scratch "$runtime"
    fails_at '' "cannot open the directory $runtime: Not a directory"
    rm "$runtime"
    touch "$runtime"
    fails_at '' "cannot open the directory $runtime: Not a directory"
    rm "$runtime"
    mount --bind /run /run
    mount -o remount,bind,ro /run
    fails_at '' "cannot create the directory $runtime: Read-only file system"
    umount /run
    mkdir "$runtime"
    mount -t tmpfs -o ro,mode=0755 tmpfs "$runtime"
    fails_at '' "cannot open the lock $runtime/.v.lock: Read-only file system"
    umount "$runtime"
}
