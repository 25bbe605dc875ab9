#!/usr/bin/env bats
# Real QEMU processes, each put into a state that other tools misjudge. What is to be found
# is data: cases.d/NAME.

load audit.bash

setup_file() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    make_dev
}

teardown_file() {
    end_dev
}

@test "ambient: As a unit with AmbientCapabilities=CAP_NET_ADMIN starts it" {
    judge ambient
}

@test "bound-elsewhere: The installed file itself under another name" {
    judge bound-elsewhere
}

@test "claimed-disk: A disk that virt-priv-chown has handed over" {
    judge claimed-disk
}

@test "container: In a container's pid namespace, as root of the host there" {
    judge container
}

@test "core-dumps: Core dumps are on" {
    judge core-dumps
}

@test "deleted: An executable that was removed, as an update does" {
    judge deleted
}

@test "exec: Started by virt-priv-exec: nothing at or above the default threshold" {
    judge exec
}

@test "exited-leader: Its first thread has ended; /proc/PID/exe and fd show nothing any more" {
    judge exited-leader
}

@test "fsuid: The user id for files is 0, which only the status file shows" {
    judge fsuid
}

@test "full-bounding: An unprivileged account, and nothing else: privileges can come back through programs" {
    judge full-bounding
}

@test "group-disk: A member of group disk, which may write the host's disks" {
    judge group-disk
}

@test "hostile-name: A path and a name that would steer a terminal, and forge lines" {
    judge hostile-name
}

@test "inherited-disk: Everything was dropped, but a descriptor of a disk was inherited" {
    judge inherited-disk
}

@test "memory-device: Descriptors of the host's memory, of a password file, and of another process's memory" {
    judge memory-device
}

@test "other-user: An account, but not that of qemu.conf" {
    judge other-user
}

@test "permitted-only: No capability is effective, and one is permitted" {
    judge permitted-only
}

@test "renamed: A copy of QEMU under the name of something else" {
    judge renamed
}

@test "root-empty-sets: Root without any capability still owns what is root's" {
    judge root-empty-sets
}

@test "root-everything: A QEMU that root started by hand" {
    judge root-everything
}

@test "set-id: An executable with a set-group-id bit, and a file capability" {
    judge set-id
}

@test "seteuid: seteuid(2) alone: ps and /proc/PID show qemu as the owner" {
    judge seteuid
}

@test "thread-capability: One thread that kept CAP_NET_ADMIN; the first one, which most tools look at, has nothing" {
    judge thread-capability
}

@test "thread-ids: One thread with the ids of somebody else" {
    judge thread-ids
}

@test "traced: Somebody traces it" {
    judge traced
}

@test "user-namespace: Root within a user namespace of alice's" {
    judge user-namespace
}

