# What the journals hold cannot be determined: then nothing is claimed, given back or forgotten, the reason is said,
# and what was asked for is done once that is mended.

load ../cli/chown.bash
load ../lib/hung.bash

claims=/var/lib/virt-privileges/claims

teardown() {
    end_hung
    end_holders
    umount -R "$fs" 2>/dev/null || true
    rm -rf "$fs.img" /run/utmp
}

# Each of the VMs v and "ended" has two disks, of which one lies where it has to be asked whether the file system
# answers, and the lock is let go of meanwhile; the process that held the claim of "ended" is gone.
make_claims() {
    local served
    disk /mnt/image alice:alice 0640
    for served in asked asked.ended; do
        serve /mnt/$served /mnt/image source=hung-fuse-$served uid=6001 gid=6001 mode=640 mount=user_id=0,allow_other
    done
    disk $fs/a alice:alice 0640
    disk $fs/free alice:alice 0640
    disk $fs/ended alice:alice 0640
    virt-priv-chown claim --name v --disk /mnt/asked/file --disk $fs/a
    sleep 600 3>&- &
    virt-priv-chown claim --name ended --pid $! --disk $fs/ended --disk /mnt/asked.ended/file
    kill $!
    wait $! || true
}

all_state() {
    owner /mnt/asked/file
    owner /mnt/asked.ended/file
    state $fs/a $fs/free $fs/ended
    sha256sum $claims/*
}

# FAULT|STATUS|COMMAND|MESSAGE
#   list     the directory of the journals cannot be read
#   lock     its lock is let go of, and cannot be taken again
#   boot_id  it cannot be determined which boot this is
cases="
list|2|claim --name w --disk /mnt/fs/free|cannot read the directory $claims: Input/output error
list|2|add --name v --disk /mnt/fs/free|cannot read the directory $claims: Input/output error
list|1|drop --name v --disk /mnt/fs/a|cannot read the directory $claims: Input/output error; what VM 'v' still has claimed stays claimed; list it: virt-priv-chown status
list|1|release --name v|cannot read the directory $claims: Input/output error; what VM 'v' still has claimed stays claimed; list it: virt-priv-chown status
list|1|recover|cannot read the directory $claims: Input/output error; nothing more is recovered
list|1|status|cannot read the directory $claims: Input/output error
list|1|status --json|cannot read the directory $claims: Input/output error
lock|2|drop --name v --disk /mnt/fs/a|cannot lock $claims/.lock: Input/output error
lock|1|release --name v|cannot lock $claims/.lock: Input/output error
lock|1|recover|cannot lock $claims/.lock: Input/output error; nothing more is recovered
lock|1|status|cannot lock $claims/.lock: Input/output error
boot_id|2|claim --name w --disk /mnt/fs/free|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
boot_id|2|add --name v --disk /mnt/fs/free|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
boot_id|1|drop --name v --disk /mnt/fs/a|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
boot_id|1|release --name v|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
boot_id|1|release --name v --path /mnt/fs/a --as-is|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
boot_id|1|recover|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
"
damaged="
list|1|release --name w --as-is|cannot read the directory $claims: Input/output error; nothing was changed
lock|1|release --name w --as-is|cannot lock $claims/.lock: Input/output error; nothing was changed
boot_id|1|release --name w --as-is|cannot read the boot id from /proc/sys/kernel/random/boot_id: is /proc mounted?
list|2|claim --name x --disk /mnt/fs/free|cannot read the directory $claims: Input/output error
"

# on FAULT COMMAND...
on() {
    case $1 in
    list) run --separate-stderr strace -f -qqq -o /dev/null -P $claims -e trace=getdents64 -e inject=getdents64:error=EIO "${@:2}" ;;
    lock) run --separate-stderr strace -f -qqq -o /dev/null -e trace=flock -e inject=flock:error=EIO:when=2 "${@:2}" ;;
    boot_id) run --separate-stderr unshare --mount bash -c 'mount --bind /dev/null /proc/sys/kernel/random/boot_id && exec "$@"' - "${@:2}" ;;
    esac
}

# nothing_done CASES: each of them ends so, prints nothing, and changes nothing.
nothing_done() {
    local before fault wanted words message n=0
    before=$(all_state)
    while IFS='|' read -r fault wanted words message; do
        [ -n "$fault" ] || continue
        # shellcheck disable=SC2086 # words
        on "$fault" virt-priv-chown $words
        echo "$fault, $words: $status: $output $stderr"
        [[ $status -eq $wanted && -z $output && $stderr == "virt-priv-chown: "*"$message"* ]]
        [ "$(all_state)" = "$before" ]
        n=$((n + 1))
    done <<<"$1"
    echo "# $n cases" >&3
}

@test "what others hold is not known: nothing is changed, and release and recover do all afterwards" {
    make_claims
    nothing_done "$cases"
    virt-priv-chown release --name v
    virt-priv-chown recover
    [ "$(owner /mnt/asked/file) $(owner $fs/a) $(owner $fs/ended)$(journals)" = "alice:alice alice:alice alice:alice" ]
    [ "$(owner /mnt/asked.ended/file)" = alice:alice ]
}

@test "a journal that is damaged, too" {
    make_claims
    (umask 077 && echo damaged >$claims/w)
    nothing_done "$damaged"
    run -1 virt-priv-chown release --name w --as-is
    [ -e $claims/.w.damaged ]
    virt-priv-chown claim --name x --disk $fs/free
}

# lost_meanwhile COMMAND...: the lock of the journals is gone when the disk is free that the command waits for.
lost_meanwhile() {
    hold "${1%% *}" $fs/b "lock write"
    in_background virt-priv-chown ${1#* }
    waits
    mv $claims/.lock /mnt/lock.mine
    ln -s nowhere $claims/.lock
    kill "$holder"
    ends_with 1
    rm $claims/.lock
    mv /mnt/lock.mine $claims/.lock
    cat "$BATS_TEST_TMPDIR/said"
    grep -F "virt-priv-chown: cannot open the lock $claims/.lock: Too many levels of symbolic links; $2" "$BATS_TEST_TMPDIR/said"
}

@test "the journals cannot be locked again when a disk is free that was waited for" {
    local stays="what VM 'v' still has claimed stays claimed; list it: virt-priv-chown status"
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    lost_meanwhile "alice claim --name v --disk $fs/a --disk $fs/b" "nothing was changed"
    [ "$(owner $fs/a) $(owner $fs/b)$(remembered $fs/a)$(journals)" = "alice:alice alice:alice" ]
    # What was free is given back, and the rest is not forgotten.
    for command in "release --name v --force" "drop --name v --force --disk $fs/a --disk $fs/b" recover; do
        sleep 600 3>&- &
        virt-priv-chown claim --name v --disk $fs/a --disk $fs/b --pid $!
        kill $!
        wait $! || true
        case $command in
        recover) lost_meanwhile "root $command" "nothing more is recovered" ;;
        *) lost_meanwhile "qemu $command" "$stays" ;;
        esac
        [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "alice:alice qemu:qemu v" ]
        virt-priv-chown release --name v
        [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice alice:alice" ]
    done
}

@test "when the host was booted cannot be determined: what libvirt holds counts as unreadable" {
    local hide='mount --bind /dev/null /proc/uptime && exec "$@"'
    rm -f /run/utmp
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    run -1 unshare --mount bash -c "$hide" - virt-priv-chown claim --name v --disk $fs/a
    echo "$output"
    [[ $output == *"cannot read /proc/uptime"*"; nothing was changed"* ]]
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
    virt-priv-chown claim --name v --disk $fs/a
    rm -rf /run/virt-privileges
    run -1 unshare --mount bash -c "$hide" - virt-priv-chown release --name v
    echo "$output"
    [[ $output == *"$fs/a: the attributes trusted.libvirt.security.*dac are malformed, or cannot be read"* ]]
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    virt-priv-chown release --name v
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "a plan that needs one descriptor too many says so once, and nothing is changed" {
    local words=() i
    for i in {1..40}; do
        disk $fs/$i alice:alice 0640
        words+=(--disk "$fs/$i")
    done
    run -1 prlimit --nofile=30 virt-priv-chown claim --name v "${words[@]}"
    echo "$output"
    [[ ${#lines[@]} -eq 1 && $output == "virt-priv-chown: cannot keep $fs/"*" open; raise the limit of open files (ulimit -n): Too many open files" ]]
    [ "$(stat -c %U $fs/* | sort -u)$(journals)" = alice ]
}
