# The script that takes down what the first one has set up: it runs while its interface is there, once, and where it
# was not run because the runner was killed, that is said with the command.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # start() reads args and wrapper

load host.bash

setup() {
    clean_host
    make guest alice:alice 0600 "$fs/a.raw"
    mkdir -m 0755 "$fs/its scripts"
    make "script=grep -c \"^ *\$1:\" /proc/self/net/dev >>$fs/log || true" root:root 0755 "$fs/its scripts/down"
    on_net
    args=(-drive "file=$fs/a.raw,format=raw" -name web -device "virtio-net-pci,netdev=n,romfile="
        -netdev "tap,id=n,ifname=vmtap0,script=no,downscript=$fs/its scripts/down")
}

# In which the interface was there, a line for each time it ran.
ran() {
    diff - <(printf '%s\n' "$@") <"$fs/log" && rm "$fs/log"
}

not_run() {
    [ ! -e "$fs/log" ]
}

runner_killed() {
    kill -KILL "$runner"
    finish
    # It goes on with its network.
    has_taps vmtap0 1
    not_run
    kill -KILL "$pid"
    eventually ended "$pid"
    no_tap
    not_run
}

# told FILE: once, with a command that can be pasted.
told() {
    local says="virt-priv-[a-z]*: warning: VM 'web': its runner was killed, so $fs/its scripts/down may not have run for vmtap0; unless that is another VM's by now: "
    [ "$(grep -c "runner was killed" "$1")" -eq 1 ]
    bash -c "$(sed -n "s|^$says||p" "$1")"
    ran 0
}

@test "its interface is there while it runs, however QEMU has ended" {
    local end
    for end in 'echo >&$in' 'kill $runner' 'kill -KILL $pid' 'kill -ABRT $pid'; do
        start
        runs
        [ "$(find /run/virt-privileges -name '.web.down' -perm 600 -user root)" != "" ]
        eval "$end"
        finish
        ran 1 || { echo "for: $end" && return 1; }
        no_tap
        nothing_left
    done
}

@test "QEMU that is not executed: it runs for what was made" {
    qemu=$fs/qemu
    make text=x root:root 0755 "$qemu"
    start
    finish
    ran 1
    nothing_left
}

@test "the runner was killed: recover says that it was not run, and so does the next start" {
    start
    runs
    runner_killed
    virt-priv-chown recover --dry-run 2>"$BATS_TEST_TMPDIR/said"
    virt-priv-chown recover 2>"$BATS_TEST_TMPDIR/said"
    told "$BATS_TEST_TMPDIR/said"
    run -0 --separate-stderr virt-priv-chown recover
    [ "$stderr" = "" ]
    nothing_left

    start
    runs
    runner_killed
    start
    runs
    told "$err"
    leave
    ran 1
    nothing_left
}

@test "a name that others have by now, and a note that was cut: neither ends anything" {
    start
    runs
    runner_killed
    printf '/half' >>/run/virt-privileges/.web.down
    in_net ip tuntap add vmtap0 mode tap
    virt-priv-chown recover 2>"$BATS_TEST_TMPDIR/said"
    not_run
    grep -q "unless that is another VM's by now" "$BATS_TEST_TMPDIR/said"
    run ! grep half "$BATS_TEST_TMPDIR/said"
    in_net ip link delete vmtap0
    nothing_left
}
