# virt-priv-conf killed, and refused, at every single system call: the old file or the new one.

bats_require_minimum_version 1.5.0

setup() {
    load ../cli/confedit.bash
    confedit_setup
    export admin conf vendor
}

teardown() {
    confedit_teardown
}

# The states in which the editor starts.
with_file='rm -rf /etc/libvirt/* /etc/libvirt/.[!.]*
printf "#user = \"x\"\r\na = 1 # why\r\n" >$admin
echo beside >/etc/libvirt/beside.conf
chgrp team $admin
chmod 0640 $admin
setfacl -m u:alice:r $admin
/usr/bin/python3 -c "import os
os.setxattr(\"$admin\", \"user.note\", b\"bought\")
os.setxattr(\"$admin\", \"security.note\", b\"label\")"'
reverted=$with_file'
$conf revert-to-root >/dev/null 2>&1'
without_file='rm -rf /etc/libvirt'

# Who has ids in a system of its own, below a directory; of the two files, one is done already.
subids=/mnt/rooted/etc
reservable='rm -rf /mnt/rooted
mkdir -p /mnt/rooted/etc/libvirt
printf "alice:100000:65536\n" >/mnt/rooted/etc/subuid
printf "virt-privileges:90000:8192\n" >/mnt/rooted/etc/subgid
setfacl -m u:alice:r /mnt/rooted/etc/subuid'
reserved=$reservable'
printf "virt-privileges:90000:8192\n" >>/mnt/rooted/etc/subuid
: >/mnt/rooted/etc/subgid'

# sweep HOW STATE COMMAND...: of $edited.
sweep() {
    run tests/fault/sweep-edit "${edited-$admin}" "$1" --prepare "$2" --state /var/lib/virt-privileges -- "$conf" "${@:3}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ points\ at\ ([0-9]+)\ calls,\ 0\ wrong: ]]
    [ "${BASH_REMATCH[2]}" -gt 50 ]
    # Both outcomes have come up.
    [[ ${lines[-1]} == *", old"* && ${lines[-1]} == *", new"* ]]
    echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
}

@test "set killed at each call" {
    sweep kill "$with_file" set user bob
}

@test "set with each call failing" {
    sweep EIO,ENOSPC,EPERM,EINTR "$with_file" set user bob
}

@test "unset killed at each call, and each call failing" {
    sweep kill,EIO "$with_file" unset a
}

@test "revert-to-root killed at each call, and each call failing" {
    sweep kill,EIO "$with_file" revert-to-root
}

@test "restore-default killed at each call, and each call failing" {
    sweep kill,EIO "$reverted" restore-default
}

@test "the first set, where there is neither file nor directory, killed at each call" {
    sweep kill "$without_file" set user bob
}

@test "the first set, where there is neither file nor directory, with each call failing" {
    sweep EIO,ENOSPC,EPERM "$without_file" set user bob
}

@test "reserve-ids killed at each call, and each call failing" {
    edited=$subids/subuid sweep kill,EIO "$reservable" reserve-ids --root /mnt/rooted
}

@test "release-ids killed at each call, and each call failing" {
    edited=$subids/subuid sweep kill,EIO "$reserved" release-ids --root /mnt/rooted
}

# What a power cut leaves is what was synced before it.
@test "the new file is synced before it takes the old one's place, and its directory afterwards" {
    printf 'a = 1\n' | write "$admin"
    strace -f -y -o "$work/trace" -e trace=write,fchown,fsetxattr,fchmod,fsync,rename,renameat,renameat2 "$conf" set user bob
    grep -vE 'write\(1<' "$work/trace" | grep libvirt | sed -E 's/^[0-9]+ +([a-z]+).*/\1/; s/^renameat/rename/' |
        xargs >"$work/order"
    diff "$work/order" - <<<'write fchown fchmod fsync rename fsync'
    grep -F 'fsync' "$work/trace" | sed -n 1p | grep -F '/etc/libvirt/.qemu.conf.virt-priv-conf>) '
    grep -F 'fsync' "$work/trace" | sed -n 2p | grep -E '/etc/libvirt>\) '
}

@test "somebody who never gives the lock back is named as the reason" {
    printf '# start\n' | write "$admin"
    flock /etc/libvirt sleep 60 3>&- &
    while flock -n /etc/libvirt true; do sleep 0.02; done
    fails 2 "the directory of $admin has been locked for 30 s by process $! ($(type -P flock)); " \
        timeout 50 strace -f -qq -o /dev/null -e trace=clock_nanosleep "$conf" set user alice
    kill $!
}

@test "what somebody else writes between reading and replacing is not lost" {
    printf 'a = 1\n' | write "$admin"
    strace -f -qq -o "$work/trace" -e trace=fsync -e inject=fsync:signal=STOP:when=1 "$conf" set user bob >"$work/said" 2>&1 3>&- &
    editor=$!
    # It has read, and comes no further than fsync() until it may go on.
    until [ -e /etc/libvirt/.qemu.conf.virt-priv-conf ]; do sleep 0.02; done
    printf 'a = 1\nmine = 2\n' >"$admin"
    # It may not have come there yet.
    while kill -0 $editor 2>/dev/null; do
        pkill -CONT -P $editor || true
        sleep 0.02
    done
    wait $editor && return 1
    grep "was not replaced: another process has changed it in the meantime; try again" "$work/said"
    diff "$admin" - <<<$'a = 1\nmine = 2'
    [ "$(litter)" = "" ]
}

@test "an attribute that grows meanwhile is copied whole" {
    local before
    for before in '' x; do
        bash -c "$with_file"
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", sys.argv[2].encode())' "$admin" "$before"
        GROWN="what the admin notes, at more length" LD_PRELOAD=$VP_BUILD/tests/growing-attribute.so \
            run -0 "$conf" set user bob
        run -0 getfattr --only-values --absolute-names -n user.note "$admin"
        [ "$output" = "what the admin notes, at more length" ]
    done
}

@test "what an interrupted edit left goes away with the next one, and is nobody's to read" {
    printf 'user = "a"\n' | write "$admin"
    chmod 0644 "$admin"
    strace -f -qq -o /dev/null -e inject=rename,renameat,renameat2:signal=KILL "$conf" set user bob || true
    [ "$(litter)" = /etc/libvirt/.qemu.conf.virt-priv-conf ]
    [ "$("$conf" get user)" = a ]
    "$conf" set user bob
    [ "$(litter)" = "" ]
    [ "$("$conf" get user)" = bob ]
}
