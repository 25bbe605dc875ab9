# The directory of a VM in /run/virt-privileges: a file system of its own, which QEMU can fill and make a mess
# of, and which is in nobody's way.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads; words of QEMU have commas

load host.bash

setup() {
    clean_host
    attacker=$PWD/tests/run/attacker
    runtime=/run/virt-privileges
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
    own=(--name web)
}

teardown() {
    end_all
    rm -rf "${runtime:?}"/.*.old
}

as_qemu() {
    setpriv --reuid qemu --regid qemu --clear-groups "$@"
}

ends() {
    leave
    cat "$err"
    [ "$status" -eq 33 ]
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
}

# killed: the runner and QEMU.
killed() {
    kill -s KILL "$runner" "$pid"
    eventually ended "$runner"
    eventually ended "$pid"
    exec {in}>&-
    # The tracer of a wrapper ends with them.
    eventually no_processes
}

# no_mount: start() may not mount, as in a container.
no_mount() {
    wrapper=(strace -f -qq -o /mnt/trace -e trace=mount -e inject=mount:error=EPERM)
}

started_by_strace() {
    runner=$(pgrep -x virt-priv-run | head -n 1)
    runs
}

@test "a file system of its own: QEMU's alone, small, and without programs, devices and links to follow" {
    start
    runs
    [ "$(stat -c '%U:%G %a' $runtime/web)" = "qemu:qemu 700" ]
    findmnt -no FSTYPE,OPTIONS $runtime/web | tee "$BATS_TEST_TMPDIR/options"
    local option
    for option in tmpfs nosuid nodev noexec nosymfollow size=65536k nr_inodes=1024 mode=700; do
        grep -qw -- "$option" "$BATS_TEST_TMPDIR/options"
    done
    # What root does with a name in there reaches nothing else.
    make text=1 root:root 0600 "$fs/target"
    as_qemu ln -s "$fs/target" $runtime/web/log
    as_qemu ln -s "$fs" $runtime/web/dir
    run -1 chmod 0666 $runtime/web/log
    [[ $output == *"Too many levels of symbolic links"* ]]
    run -1 chmod 0666 $runtime/web/dir/target
    [ "$(stat -c %a "$fs/target")" = 600 ]
    ends
    nothing_left
}

@test "QEMU fills it, with bytes or with files: the host has room as before" {
    start
    runs
    local before after made
    before=$(df --output=avail -B1 /run | tail -n 1)
    run -0 as_qemu "$attacker" fill $runtime/web
    echo "$output"
    [ "$output" = "$((64 * 1024 * 1024)) ENOSPC" ]
    rm $runtime/web/filled
    made=$(as_qemu "$attacker" files $runtime/web)
    echo "$made"
    [[ $made == *" ENOSPC" ]]
    [ "${made% *}" -le 1024 ]
    after=$(df --output=avail -B1 /run | tail -n 1)
    [ $((before - after)) -lt $((1024 * 1024)) ]
    ends
    nothing_left
}

@test "the runner and QEMU killed: recover takes the directory away, and leaves one that is used" {
    start
    runs
    virt-priv-chown recover
    mountpoint -q $runtime/web
    as_qemu touch $runtime/web/file
    killed
    mountpoint -q $runtime/web
    virt-priv-chown recover --dry-run | grep -qx "release web"
    virt-priv-chown recover
    [ ! -e $runtime/web ]
    nothing_left
}

@test "the runner and QEMU killed several times: the next start finds its place, with something open in it" {
    local i
    for i in 1 2 3; do
        start
        runs
        as_qemu touch $runtime/web/file
        killed
    done
    exec 7<$runtime/web/file
    start
    runs
    [ ! -e $runtime/web/file ]
    [ "$(grep -c " $runtime/web " /proc/mounts)" -eq 1 ]
    exec 7<&-
    ends
    nothing_left
}

@test "where nothing can be mounted, a plain directory and a warning" {
    no_mount
    start
    eventually said "$wrote"
    started_by_strace
    grep -q "warning: cannot mount a tmpfs at the VM's directory $runtime/web; .*: Operation not permitted" "$err"
    [ "$(stat -c '%U:%G %a' $runtime/web)" = "qemu:qemu 700" ]
    run -1 grep " $runtime/web " /proc/mounts
    echo >&"$in"
    eventually no_processes
    nothing_left
}

@test "what QEMU leaves in a plain directory: nested, closed, many and odd; the next start goes on at once" {
    local kind
    no_mount
    for kind in nested closed many fifo; do
        wrapper=(strace -f -qq -o /mnt/trace -e trace=mount -e inject=mount:error=EPERM)
        start
        eventually said "$wrote"
        started_by_strace
        case $kind in
        nested) as_qemu "$attacker" nest $runtime/web 3000 ;;
        closed)
            as_qemu mkdir -p $runtime/web/a/b/c
            as_qemu chmod 0 $runtime/web/a/b/c $runtime/web/a/b $runtime/web/a
            ;;
        many) as_qemu sh -c "cd $runtime/web && seq 20000 | xargs touch" ;;
        fifo) as_qemu sh -c "mkfifo $runtime/web/fifo && ln -s / $runtime/web/link && chmod 0 $runtime/web" ;;
        esac
        killed
        wrapper=()
        start
        runs
        ends
        # Not a word, since all of it could be removed.
        [ ! -s "$err" ]
        nothing_left
    done
}

@test "what empties a plain directory is stopped by QEMU's user: it is given up, and the VM starts" {
    no_mount
    start
    eventually said "$wrote"
    started_by_strace
    as_qemu touch $runtime/web/file
    killed
    # Each process that becomes the QEMU user is stopped then; that which becomes QEMU is let go on.
    rm -f /mnt/trace
    wrapper=(strace -f -qq -o /mnt/trace -e trace=capset -e inject=capset:signal=SIGSTOP:when=1)
    local began=$SECONDS first
    start
    eventually stopped 1
    first=$stopped
    # It is QEMU's user that could have done it.
    as_qemu kill -s STOP "$first"
    eventually ended "$first"
    eventually stopped 2
    as_qemu kill -s CONT "$stopped"
    eventually said "$wrote"
    [ $((SECONDS - began)) -lt 60 ]
    [ "$(grep -c warning "$err")" -eq 1 ]
    grep -q "cannot remove the directory $runtime/.web.0.old, left by QEMU, within 5 s: .*; remove it: rm -rf --one-file-system $runtime/.web.0.old" "$err"
    echo >&"$in"
    eventually no_processes
    [ "$(ls -A $runtime)" = .web.0.old ]
    rm -rf --one-file-system $runtime/.web.0.old
    nothing_left
}

# stopped N: sets stopped, the Nth process that strace says is stopped, of virt-priv-run and the QEMU user's already.
stopped() {
    stopped=$(sed -n 's/^\([0-9]*\) *--- stopped by SIGSTOP ---$/\1/p' /mnt/trace 2>/dev/null | awk '!seen[$1]++' | sed -n "$1p")
    [ -n "$stopped" ] && grep -q '^Name:.virt-priv-run' "/proc/$stopped/status" && grep -q "^Uid:.$(id -u qemu)" "/proc/$stopped/status"
}

@test "names of VMs that are those of other things in the directory" {
    # What is noted of the boot is there, and stays.
    mkdir -p $runtime
    echo noted >$runtime/.boot-time
    own=(--name boot-time)
    start
    runs
    [ -d $runtime/boot-time ]
    ends
    [ "$(cat $runtime/.boot-time)" = noted ]
    nothing_left
    run -125 timeout 20 virt-priv-run --name web.qmp qemu-system-x86_64 "${machine[@]}"
    [[ $output == *'--name web.qmp: a name that ends in ".qmp" is reserved for the control socket of a VM'*'another name: --name'* ]]
    # A guest's name that is none for us is no reason not to start.
    own=()
    args+=(-name web.qmp)
    start
    runs
    [ ! -e $runtime/web.qmp ]
    [ -d "$runtime/qemu-$runner" ]
    ends
    nothing_left
}

@test "a umask of 077, also of an earlier start: others can reach what is in the directory" {
    local was
    for was in none 0700 0711; do
        rm -rf $runtime
        [ "$was" = none ] || mkdir -m "$was" $runtime
        umask 077
        start
        umask 022
        runs
        [ "$(stat -c '%U:%G %a' $runtime)" = "root:root 755" ]
        as_qemu test -w $runtime/web
        ends
        nothing_left
    done
}
