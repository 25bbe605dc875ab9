# virt-priv-exec in states that a build with sanitizers can't live in: traced,
# without /proc, not allowed to look at itself.

bats_require_minimum_version 1.5.0

setup() {
    load ../cli/exec.bash
    rm -rf "$conf"
}

@test "an account database that answers with an error is not one without the account" {
    # With files alone: what a further service does not find, it would hide.
    cp /etc/nsswitch.conf /mnt/nsswitch.conf
    sed -Ei 's/^(passwd|group):.*/\1: files/' /etc/nsswitch.conf
    local fails=(strace -o /dev/null -e trace=openat -e inject=openat:error=EMFILE)
    refuses "cannot look up \"alice\" in the user database" "${fails[@]}" -P /etc/passwd "$exec" -u alice
    refuses "cannot look up \"team\" in the group database" "${fails[@]}" -P /etc/group "$exec" -g team
    cp /mnt/nsswitch.conf /etc/nsswitch.conf
}

@test "real and effective ids that differ are refused" {
    refuses "ids differ" /usr/bin/python3 -c '
import os, sys
os.setresuid(0, 6001, 0)
os.execv(sys.argv[1], sys.argv[1:])' "$exec"
}

@test "/proc that is not the kernel's: nothing can be verified, nothing is run" {
    refuses "proc file system" unshare --mount sh -c 'mount -t tmpfs tmpfs /proc &&
        mkdir /proc/self && echo "Uid: 0 0 0 0" >/proc/self/status && exec "$0" "$@"' "$exec"
    refuses "is /proc mounted" unshare --mount sh -c 'mount -t tmpfs tmpfs /proc && exec "$0" "$@"' "$exec"
}
