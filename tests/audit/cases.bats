#!/usr/bin/env bats
# Real QEMU processes, each put into a state that other tools misjudge. What is to be found
# is data: cases.d/NAME.

load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_usr
    make_dev
}

teardown_file() {
    end_dev
}

@test "acl-directory: a user may write to a directory above its executable, which its mode does not show" {
    local judged=0
    judge acl-directory || judged=$?
    setfacl -b /usr
    [ "$judged" -eq 0 ]
}

@test "ambient: as a unit with AmbientCapabilities=CAP_NET_ADMIN starts it" {
    judge ambient
}

@test "bound-elsewhere: the installed file itself under another name" {
    judge bound-elsewhere
}

@test "claimed-disk: a disk that virt-priv-chown has handed over" {
    judge claimed-disk
}

@test "container: in a container's pid namespace, as root of the host there" {
    judge container
}

@test "core-dumps: core dumps are on" {
    judge core-dumps
}

@test "core-without-guest: core dumps are on, and QEMU has excluded guest memory from them" {
    judge core-without-guest
}

@test "core-without-guest: a real core dump has guest memory where P19 says so" {
    [ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core_pattern is $(cat /proc/sys/kernel/core_pattern), not core"
    local dump size=()
    echo 'max_core = "unlimited"' >>/etc/libvirt/qemu.conf
    touch -d '1 hour ago' /etc/libvirt/qemu.conf
    for dump in on off; do
        mkdir -m 0777 "$scratch/core-$dump"
        # Memory that was never touched is in no dump.
        # shellcheck disable=SC2034,SC2054
        more=(-m 64 -object memory-backend-ram,id=guest,size=64M,prealloc=on -machine "dump-guest-core=$dump,memory-backend=guest")
        cd "$scratch/core-$dump"
        qemu virt-priv-exec
        cd "$OLDPWD"
        run -0 audit --check P19 --pid "$pid"
        echo "dump-guest-core=$dump: $output"
        if [ "$dump" = on ]; then
            [[ $output == *" low "*" P19 "* ]]
        else
            [[ $output != *P19* ]]
        fi
        kill -SEGV "$pid"
        wait "$pid" || true
        size+=("$(stat -c %s "$scratch/core-$dump"/core*)")
    done
    echo "sizes: ${size[*]}"
    [ "$((size[0] - size[1]))" -ge $((64 * 1024 * 1024)) ]
}

@test "deleted: an executable that was removed, as an update does" {
    judge deleted
}

@test "exec: started by virt-priv-exec: nothing at or above the default threshold" {
    judge exec
}

@test "exited-leader: its first thread has ended; /proc/PID/exe and fd show nothing any more" {
    judge exited-leader
}

@test "fsuid: the user id for files is 0, which only the status file shows" {
    judge fsuid
}

@test "full-bounding: an unprivileged account, and nothing else: privileges can come back through programs" {
    judge full-bounding
}

@test "group-disk: a member of group disk, which may write the host's disks" {
    judge group-disk
}

@test "hostile-name: a path and a name that would steer a terminal, and forge lines" {
    judge hostile-name
}

@test "inherited-disk: everything was dropped, but a descriptor of a disk was inherited" {
    judge inherited-disk
}

@test "kvm-user: a user of KVM that is not QEMU" {
    grep -qw kvm /proc/misc || skip "this machine has no KVM"
    judge kvm-user
}

@test "kvm-user-first-ended: a user of KVM that is not QEMU, and whose first thread has ended" {
    grep -qw kvm /proc/misc || skip "this machine has no KVM"
    judge kvm-user-first-ended
}

@test "memory-of-others: descriptors of a disk, of the file of passwords, and of another process's memory" {
    judge memory-of-others
}

@test "other-user: an account, but not that of qemu.conf" {
    judge other-user
}

@test "own-table: a disk that only another thread than the first has open, in a descriptor table of its own" {
    judge own-table
}

@test "permitted-only: no capability is effective, and one is permitted" {
    judge permitted-only
}

@test "renamed: a copy of QEMU under the name of something else" {
    judge renamed
}

@test "root-empty-sets: root without any capability still owns what is root's" {
    judge root-empty-sets
}

@test "root-everything: a QEMU that root started by hand" {
    judge root-everything
}

@test "run: started by virt-priv-run, with a disk of the host that it has claimed" {
    judge run
}

@test "run-as-person: root starts a VM as a person's account, and that person has not" {
    judge run-as-person
}

@test "run-isolated: started by virt-priv-run, with an id of its own" {
    judge run-isolated
}

@test "run-isolated-full: started by virt-priv-run, with all layers" {
    judge run-isolated-full
}

@test "run-isolated-network: with all layers, and user networking" {
    judge run-isolated-network
}

@test "run-plain: started by virt-priv-run, without a claim" {
    judge run-plain
}

@test "own-namespaces: with network and ipc namespaces of its own, and the host's root" {
    judge own-namespaces
}

@test "isolated-other-group: an id of a VM, and a group beside it" {
    judge isolated-other-group
}

@test "securebits: by which capabilities outlast a change of the user; /proc does not show them" {
    judge securebits
}

@test "session-vm: a session VM of an ordinary user is no alarm" {
    judge session-vm
}

@test "set-id: an executable with a set-group-id bit and a file capability" {
    judge set-id
}

@test "seteuid: seteuid(2) alone: ps shows qemu, and root is one system call away" {
    judge seteuid
}

@test "thread-capability: one thread that kept CAP_NET_ADMIN; the first one, which most tools look at, has nothing" {
    judge thread-capability
}

@test "thread-ids: one thread with the ids of somebody else" {
    judge thread-ids
}

@test "traced: somebody traces it" {
    judge traced
}

@test "user-namespace: root within a user namespace of alice's" {
    judge user-namespace
}

@test "each case has a test" {
    diff <(ls "$cases") <(sed -n 's/^    judge \([^ ]*\).*/\1/p' "$BATS_TEST_FILENAME" | sort)
}
