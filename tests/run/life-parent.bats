# -run-with exit-with-parent=on: QEMU ends with the parent of virt-priv-run, which stands between the two.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own; start() reads them, and words of QEMU have commas

load host.bash
load one-disk.bash

setup() {
    clean_host
    one_disk
    wrapper=("$stand_in" parent)
    # A QEMU that knows the option, or one that takes it for nothing: what it does itself is no matter here.
    if ! qemu-system-x86_64 -help | grep -q exit-with-parent; then
        # shellcheck disable=SC2016
        make 'script=[ "$1 $2" != "-run-with exit-with-parent=on" ] || shift 2; exec qemu-system-x86_64 "$@"' root:root 0755 "$fs/qemu"
        qemu=$fs/qemu
    fi
    # As its first option.
    machine=(-run-with exit-with-parent=on "${machine[@]}")
}

# child_of PID: its first one.
child_of() {
    local child
    read -r child _ < <(cat "/proc/$1"/task/*/children) || [ -n "$child" ] && echo "$child"
}

# started: the runner is the child of $runner.
started() {
    start
    runs
    between=$(child_of "$runner")
    [ "$(readlink "/proc/$between/exe")" = "$(realpath "$VP_BUILD/virt-priv-run")" ]
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
}

parent_is_killed() {
    kill -s KILL "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    exec {in}>&-
}

@test "the parent is killed: QEMU ends, and the disk is given back" {
    started
    parent_is_killed
    eventually ended "$pid"
    eventually ended "$between"
    given_back
}

@test "the parent ends before there is a QEMU: none stays" {
    # Somebody has the journal, so that QEMU's process waits for it.
    virt-priv-chown claim --name other --disk "$fs/a.raw"
    virt-priv-chown release --name other
    helper flock -o /var/lib/virt-privileges/claims/.lock sleep 600
    eventually grep -q FLOCK /proc/locks
    start
    eventually child_of "$runner"
    between=$(child_of "$runner")
    eventually grep -q lock "/proc/$between/wchan"
    parent_is_killed
    kill "${helpers_started[0]}"
    eventually ended "$between"
    given_back
}

@test "virt-priv-run is killed: QEMU ends, and recover gives the disk back" {
    started
    kill -s KILL "$between"
    eventually ended "$pid"
    finish
    virt-priv-chown recover
    awk '$2 ~ "^/run/virt-privileges/" { print $2 }' /proc/mounts | xargs -r umount -l
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    no_processes
}

@test "without the option QEMU outlives the parent" {
    machine=("${machine[@]:2}")
    started
    parent_is_killed
    ! ended "$pid" || false
    ! ended "$between" || false
    kill -s TERM "$between"
    eventually ended "$between"
    given_back
}
