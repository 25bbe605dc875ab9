# What runs once runs again: a command line that names a file of every kind is started twice, and between
# that its VM ends in every way there is.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each row has its own; start() reads args

load host.bash

setup_file() {
    make_host
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
}

teardown_file() {
    umount /dev/shm
    unmake_host
}

setup() {
    clean_host
    rm -rf /dev/shm/*
    machine=(-accel tcg -S -m 16 -nodefaults -no-user-config -display none)
    console=()
}

# Every file that a command line can have made or opened, in the places where admins have them: @/ is a
# directory like /tmp, %/ one of root's, !/ one of a user's.
words() {
    cat <<'EOT'
-object memory-backend-file,id=shm,size=1M,mem-path=/dev/shm/vm,share=on
-object memory-backend-file,id=ram,size=1M,mem-path=%/ram,share=on
-chardev file,id=append,path=@/append,append=on
-chardev file,id=append-here,path=%/append,append=on
-chardev file,id=emptied,path=@/emptied
-chardev file,id=users,path=!/log,append=on
-chardev null,id=logged,logfile=@/logged,logappend=on
-chardev null,id=logged-here,logfile=%/logged
-serial file:@/serial
-D @/qemu.log
-d guest_errors
-pidfile @/pid
-qmp unix:@/qmp,server=on,wait=off
-chardev socket,id=here,path=%/socket,server=on,wait=off
-chardev socket,id=there,path=!/socket,server=on,wait=off
-vnc unix:@/vnc
-chardev pty,id=pty,path=@/pty
-chardev pty,id=pty-here,path=%/pty
-drive if=none,id=d,format=raw,file=!/disk
-drive if=none,id=nvram,format=raw,file=%/nvram
EOT
}

place() {
    local text=$1
    text=${text//@\//$fs/tmp/}
    text=${text//%\//$fs/roots/}
    echo "${text//!\//$fs/alices/}"
}

prepare() {
    mkdir -m 1777 "$fs/tmp"
    mkdir -m 0755 "$fs/roots" "$fs/alices"
    chown alice:alice "$fs/alices"
    make blank alice:alice 0640 "$fs/alices/disk"
    make blank root:root 0600 "$fs/roots/nvram"
    read -rd '' -a args < <(place "$(words)") || true
}

greets() {
    /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
assert b"QMP" in s.recv(100)' "$fs/tmp/qmp" 2>/dev/null
}

greets_or_ended() {
    greets || ended "$runner"
}

# It runs: it answers, and has all its files.
runs_again() {
    start
    eventually greets_or_ended
    greets || { cat "$out" "$err" && return 1; }
    pid=$(qemu_of "$runner")
    local file
    readlink "/proc/$pid/fd"/* >"$BATS_TEST_TMPDIR/open"
    cat "/proc/$pid/maps" >>"$BATS_TEST_TMPDIR/open"
    for file in tmp/{append,emptied,logged,serial,qemu.log} roots/{append,ram,logged,nvram} alices/{log,disk}; do
        grep -qE " ?(/[0-9a-z]*)?${fs#/}/$file\$|/$file\$" "$BATS_TEST_TMPDIR/open" || { echo "not open: $file" && cat "$err" && return 1; }
    done
}

by_itself() {
    kill "$runner"
    finish
    nothing_left
}

qemu_killed() {
    kill -KILL "$pid"
    finish
    nothing_left
}

runner_killed() {
    kill -KILL "$runner"
    finish
    kill "$pid"
    eventually ended "$pid"
}

both_killed() {
    kill -KILL "$runner" "$pid"
    finish
    eventually ended "$pid"
}

recovered() {
    both_killed
    virt-priv-chown recover
}

# twice END... -- OPTION...: with each of these ends between the starts.
twice() {
    local end ends=()
    while [ "$1" != -- ]; do
        ends+=("$1")
        shift
    done
    shift
    for end in "${ends[@]}"; do
        clean_host
        rm -rf /dev/shm/*
        prepare
        own=(--name first "$@")
        runs_again || { echo "the first start, $*" && return 1; }
        $end || { echo "its end: $end, $*" && return 1; }
        own=(--name "${second:-first}" "$@")
        runs_again || { echo "the second start, when it had ended: $end, $*" && return 1; }
        by_itself
    done
}

@test "a second start after each end" {
    twice by_itself qemu_killed runner_killed both_killed recovered --
}

@test "a second start of an isolated VM" {
    twice by_itself both_killed -- --isolate=full --share-network
}

@test "a second start under another name, and so with another id" {
    second=other
    twice qemu_killed recovered -- --isolate=full --share-network
    twice recovered -- --isolate=user
}

@test "what was not made there is refused: moved, linked, another's, or noted by nobody" {
    local change n=0
    while read -r change; do
        clean_host
        rm -rf /dev/shm/*
        mkdir -m 1777 "$fs/tmp"
        mkdir -m 0755 "$fs/alices"
        args=(-chardev "null,id=c,logfile=$fs/tmp/log,logappend=on" -object "memory-backend-file,id=m,size=1M,mem-path=$fs/tmp/ram,share=on"
            -chardev "file,id=d,path=$fs/alices/log,append=on" -qmp "unix:$fs/tmp/qmp,server=on,wait=off")
        start
        eventually greets_or_ended
        kill "$runner"
        finish
        chown alice:alice "$fs/alices"
        cd "$fs/tmp"
        eval "$change"
        cd - >/dev/null
        listing "$fs/tmp" >"$BATS_TEST_TMPDIR/before"
        start
        finish
        [ "$status" -eq 125 ] || { echo "not refused: $change" && return 1; }
        grep -q "^virt-priv-run: $fs/.* (-[a-z]*): .*; or remove it, if nothing in it is needed any more: rm $fs/" "$err"
        listing "$fs/tmp" | diff "$BATS_TEST_TMPDIR/before" -
        # What is named helps.
        sh -c "$(sed -n 's/.*any more: //p' "$err")"
        start
        eventually greets_or_ended
        greets
        kill "$runner"
        finish
        n=$((n + 1))
    done <<'EOT'
setfattr -x trusted.virt-privileges.made log
setfattr -x trusted.virt-privileges.made ram
mv ../alices/log log
mv ram log
cp --preserve=xattr ram new && mv new log
setfattr -n trusted.virt-privileges.made -v "$fs/tmp/lo" log
EOT
    [ "$n" -eq 6 ]
}

@test "a user's link to what an earlier start has made elsewhere is not followed" {
    mkdir -m 1777 "$fs/tmp"
    mkdir -m 0755 "$fs/own"
    args=(-chardev "file,id=c,path=$fs/own/log,append=on")
    start
    eventually getfattr -n trusted.virt-privileges.made "$fs/own/log"
    kill "$runner"
    finish
    [ "$(stat -c %U "$fs/own/log")" = root ]
    setpriv --reuid alice --regid alice --clear-groups ln -s "$fs/own/log" "$fs/tmp/log"
    before=$(stat -c '%U %a %Y %s' "$fs/own/log")
    args=(-chardev "file,id=c,path=$fs/tmp/log,append=on")
    start
    eventually grep -q "not starting" "$err"
    finish
    [ "$status" -eq 125 ]
    [ "$(stat -c '%U %a %Y %s' "$fs/own/log")" = "$before" ]
    nothing_left
}
