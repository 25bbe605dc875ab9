# What users, images that a guest has written, and other QEMUs of the account try against the start of a VM.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads

load host.bash
load ../lib/hung.bash

setup() {
    clean_host
    attacker=$PWD/tests/run/attacker
}

teardown() {
    end_hung
    end_all
}

as() {
    setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"
}

@test "a directory of root's that its user puts in the place of a socket's staging directory stays as it is" {
    local permissions
    for permissions in 0700 0000; do
        make dir alice:alice 0755 "$fs/a"
        make dir root:root "$permissions" "$fs/a/roots"
        mkdir "$fs/a/roots/sub"
        echo kept | tee "$fs/a/roots/socket" >"$fs/a/roots/sub/file"
        listing "$fs/a/roots" | sed "s,$fs/a/roots,,g" >"$BATS_TEST_TMPDIR/before"
        # Between making it and opening it there is time for that user.
        wrapper=(strace -f -qq -o /mnt/trace -e "trace=mkdirat" -e "inject=mkdirat:delay_exit=1000000")
        args=(-vnc "unix:$fs/a/vnc" -S)
        start
        eventually test -d "$fs/a/.vnc.virt-privileges"
        # shellcheck disable=SC2016
        as alice sh -c 'cd "$1" && mv .vnc.virt-privileges aside && mv roots .vnc.virt-privileges' sh "$fs/a"
        finish
        [ "$status" -eq 125 ]
        grep -q "cannot create a directory for the socket $fs/a/vnc: File exists; not starting" "$err"
        listing "$fs/a/.vnc.virt-privileges" | sed "s,$fs/a/.vnc.virt-privileges,,g" | diff "$BATS_TEST_TMPDIR/before" -
        rm -rf "${fs:?}/a"
        nothing_left
    done
}

@test "a header that names a file whose file system does not answer: that VM is refused, and nobody waits" {
    make guest alice:alice 0640 "$fs/a.raw"
    serve /mnt/hung /mnt/guests/disk uid=6001 gid=6001 mode=600 mount=user_id=0,allow_other
    qemu-img create -q -u -f qcow2 -F raw -b /mnt/hung/file "$fs/evil.qcow2" 1M
    silence
    local treatment
    for treatment in claim pass; do
        within 15 virt-priv-run --disks=$treatment --name v -- qemu-system-x86_64 "${machine[@]}" \
            -drive "file=$fs/evil.qcow2,format=qcow2"
        [ "$status" -eq 125 ]
        [[ $output == *"not answered in 5 s"* ]]
        [ "$(owner "$fs/evil.qcow2")" = root:root ]
    done
    virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/evil.qcow2,format=qcow2" >/mnt/vm.err 2>&1 3>&- &
    local waiting=$!
    until [[ $(cat /proc/[0-9]*/comm 2>/dev/null) == *vp-attempt* ]]; do sleep 0.05; done
    within 4 virt-priv-chown claim --name w --disk "$fs/a.raw"
    [ "$status" -eq 0 ]
    wait $waiting || true
    virt-priv-chown release --name w
    [ "$(find /var/lib/virt-privileges/claims -mindepth 1 ! -name .lock)" = "" ]
}

# waits_to_say: a runner waits in write(2) of standard error, for a terminal that is stopped.
waits_to_say() {
    runner=$(processes | head -n 1)
    [ -n "$runner" ] && [[ $(cat "/proc/$runner/syscall") == "1 0x2 "* ]]
}

@test "a QEMU that stops the terminal: what root says there keeps nobody else waiting" {
    make guest alice:alice 0640 "$fs/a.raw"
    make guest alice:alice 0640 "$fs/b.raw"
    # An entry of an ACL that is taken away again is said.
    printf '#!/bin/sh\nsetfacl -m u:6002:rw %s\nexec python3 -c "import fcntl, termios; fcntl.ioctl(1, termios.TCXONC, termios.TCOOFF)"\n' \
        "$fs/a.raw" >"$fs/qemu-system-x86_64"
    chmod 0755 "$fs/qemu-system-x86_64"
    mkfifo /mnt/vm.in
    exec {in}<>/mnt/vm.in
    "$stand_in" on-terminal "$(command -v virt-priv-run)" --name v -- "$fs/qemu-system-x86_64" -drive "file=$fs/a.raw,format=raw" \
        </mnt/vm.in >/mnt/vm.out 2>&1 3>&- {in}>&- &
    helpers_started+=($!)
    eventually waits_to_say
    [ ! -s /mnt/vm.out ]
    within 4 virt-priv-chown claim --name w --disk "$fs/b.raw"
    [ "$status" -eq 0 ]
    within 4 virt-priv-chown release --name w
    [ "$status" -eq 0 ]
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    # Root has it go on.
    python3 -c 'import fcntl, os, sys, termios
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), termios.TCXONC, termios.TCOON)' "/proc/$runner/fd/2"
    eventually grep -q "$fs/a.raw" /mnt/vm.out
    eventually no_processes
    exec {in}>&-
    nothing_left
}

@test "a reader who reads no further of what claim says keeps others waiting for a moment at most" {
    make guest alice:alice 0640 "$fs/b.raw"
    mkfifo /mnt/vm.in
    exec {in}<>/mnt/vm.in
    dd if=/dev/zero bs=4096 count=16 status=none >&"$in"
    virt-priv-chown claim --name v --disk "$fs/b.raw" >/mnt/vm.in 2>/mnt/vm.err 3>&- {in}>&- &
    local writer=$!
    helpers_started+=("$writer")
    # shellcheck disable=SC2016
    eventually bash -c '[[ $(cat /proc/$1/syscall) == "1 0x1 "* ]]' bash $writer
    within 8 virt-priv-chown claim --name w --disk "$fs/b.raw"
    [ "$status" -eq 0 ]
    [ "$(owner "$fs/b.raw")" = qemu:qemu ]
    grep -q "cannot write to standard output; nothing was changed: Interrupted system call" /mnt/vm.err
    virt-priv-chown release --name w
    wait $writer || status=$?
    [ "$status" -ne 0 ]
    exec {in}>&-
}

@test "a command in a message is one that can be pasted, whatever name an image's header has in it" {
    local name
    # shellcheck disable=SC2016 # for whoever pastes it
    for name in '/nowhere/$(touch /mnt/pasted)' '/nowhere/a; touch /mnt/pasted' "/nowhere/'; touch /mnt/pasted; '" \
        $'/nowhere/\n touch /mnt/pasted\n' '/nowhere/`touch /mnt/pasted`'; do
        rm -f "$fs/evil.qcow2"
        make blank root:root 0644 "$fs/base"
        qemu-img create -q -u -f qcow2 -F raw -b "$name" "$fs/evil.qcow2" 1M
        run virt-priv-run --check --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/evil.qcow2,format=qcow2"
        echo "$output"
        [ "$status" -eq 1 ]
        [ "$(wc -l <<<"$output")" -eq 1 ]
        bash -c "true ${output##*to allow it: }"
        [ ! -e /mnt/pasted ]
    done
    # What is told is what helps, too: a name with a blank in it.
    make dir root:root 0755 "$fs/a b"
    make blank root:root 0600 "$fs/a b/base"
    qemu-img create -q -u -f qcow2 -F raw -b "$fs/a b/base" "$fs/over.qcow2" 1M
    run virt-priv-run --check --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/over.qcow2,format=qcow2"
    [ "$status" -eq 1 ]
    eval "own=(${output##*to allow it: })"
    run virt-priv-run "${own[@]}" --check --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/over.qcow2,format=qcow2"
    echo "$output"
    [ "$status" -eq 0 ]
}

# image BACKING FORMAT DATA: a qcow2 image at $fs/evil whose header names them as a guest can write it, empty: none.
image() {
    /usr/bin/python3 -c '
import struct, sys
backing, format, data = (word.encode("utf-8", "surrogateescape") for word in sys.argv[2:5])
def extension(kind, value):
    return struct.pack(">II", kind, len(value)) + value + bytes(-len(value) % 8) if value else b""
extensions = extension(0xE2792ACA, format) + extension(0x44415441, data) + bytes(8)
at = 104 + len(extensions)
head = struct.pack(">IIQIIQIIQQIIQQQQII", 0x514649FB, 3, at if backing else 0, len(backing), 16, 1 << 20, 0, 1, 0x30000, 0x10000,
                   1, 0, 0, 4 if data else 0, 0, 0, 4, 104)
open(sys.argv[1], "wb").write((head + extensions + backing).ljust(0x40000, b"\0"))' "$fs/evil" "$@"
    chmod 0600 "$fs/evil"
}

@test "what a header names changes no owner, mode, ACL, attribute or time of access, and no command that gives it is told" {
    make text=secret root:root 0600 "$fs/secret"
    make text=secret root:root 0644 "$fs/public"
    make block root:root 0600 "$fs/node"
    make fifo root:root 0600 "$fs/fifo"
    ln -s "$fs/secret" "$fs/link"
    local long treatment name what
    long=$fs/$(printf 'x%.0s' {1..1000})
    listing times "$fs/secret" "$fs/public" "$fs/node" "$fs/fifo" /etc/shadow >"$BATS_TEST_TMPDIR/before"
    stat -c %x "$fs/secret" /etc/shadow >"$BATS_TEST_TMPDIR/read"
    for name in "$fs/secret" "$fs/link" "$fs/node" "$fs/fifo" /etc/shadow "file:$fs/secret" \
        "json:{\"driver\":\"file\",\"filename\":\"$fs/secret\"}" "nbd+unix:///x?socket=$fs/secret" "host_device:$fs/node" \
        "fd:64" /dev/fdset/1000 /proc/self/fd/64 "/proc/$$/root$fs/secret" "$fs/../../$fs/secret" \
        "$long" $'\xff\xfe/../x' secret "$fs/evil"; do
        for what in backing data; do
            if [ $what = backing ]; then image "$name" raw ""; else image "" "" "$name"; fi
            for treatment in claim pass; do
                run timeout 20 virt-priv-run --disks=$treatment --name v -- \
                    qemu-system-x86_64 "${machine[@]}" -S -drive "file=$fs/evil,format=qcow2"
                echo "$treatment $what $name: $status ${output:0:1500}"
                [ "$status" -eq 125 ] || [ "$status" -eq 1 ]
                [[ $output != *setfacl* && $output != *chmod* ]]
                listing times "$fs/secret" "$fs/public" "$fs/node" "$fs/fifo" /etc/shadow | diff "$BATS_TEST_TMPDIR/before" -
                stat -c %x "$fs/secret" /etc/shadow | diff "$BATS_TEST_TMPDIR/read" -
                [ "$(owner "$fs/evil")" = root:root ]
            done
        done
    done
    nothing_left
}

has_lock() {
    ! flock --nonblock /run/virt-privileges/.v.lock true
}

@test "a start while recover has the name of its VM in hand waits for it; of several starts one wins" {
    mkdir -p /run/virt-privileges
    helper flock --close /run/virt-privileges/.v.lock sleep 100
    eventually has_lock
    own=(--name v)
    args=(-S)
    start
    eventually grep -q 'clock_nanosleep\|hrtimer_nanosleep' "/proc/$runner/wchan"
    # It waits for a second; of its time, none goes by until the name is free.
    kill -s STOP "$runner"
    kill "${helpers_started[0]}"
    eventually flock --nonblock /run/virt-privileges/.v.lock true
    kill -s CONT "$runner"
    eventually qemu_of "$runner"
    local i
    for i in 1 2 3; do
        run -125 virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" -S
        [[ $output == *"VM 'v' is running"* ]]
    done
    kill -s TERM "$runner"
    finish
    nothing_left
}

@test "a descriptor that the caller has not opened is refused, though virt-priv-run has one of that number itself" {
    local n
    make guest alice:alice 0640 "$fs/a.raw"
    for ((n = 10; n < 40; n++)); do
        [ ! -e "/proc/self/fd/$n" ] || continue
        run -125 virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw" -add-fd "fd=$n,set=1"
        [[ $output == *"descriptor $n is not open; the caller must open it first"* ]]
    done
    nothing_left
}

@test "what QEMU puts in the place of its link to a pseudo-terminal leads nobody elsewhere" {
    # A terminal of root's, and what is none.
    local made
    terminal
    mkdir "$fs/run"
    args=(-chardev "pty,id=c,path=$fs/run/terminal")
    # shellcheck disable=SC2016
    for made in 'ln -s /etc/shadow "$path"' "ln -s ${put[terminal]} \"\$path\"" 'ln -s /dev/pts/ptmx "$path"' \
        'ln -s /dev/pts/../null "$path"' 'mkdir "$path"' 'touch "$path"' 'mkfifo "$path"'; do
        echo "$made"
        make "script=path=\$(expr \"\$*\" : '.*path=\([^ ,]*\)'); $made && exec sleep 600" root:root 0755 "$fs/qemu"
        qemu=$fs/qemu start
        eventually grep -q "not a link to a pseudo-terminal of its own; not linked there" "$err"
        [ ! -e "$fs/run/terminal" ]
        [ ! -L "$fs/run/terminal" ]
        kill -s TERM "$runner"
        finish
        [ "$(ls -A "$fs/run")" = "" ]
        nothing_left
    done
}

@test "a header that names another data file than the command line: QEMU gets that of the command line" {
    local treatment
    for treatment in claim pass; do
        rm -rf "${fs:?}"/*
        make with-data alice:alice 0600 "$fs/a.qcow2"
        make text=secret root:root 0600 "$fs/shadow"
        rename_data_file "$fs/a.qcow2" "$fs/shadow"
        args=(-drive "file=$fs/a.qcow2,format=qcow2,data-file.driver=file,data-file.filename=$fs/a.qcow2.data")
        mode=$treatment start
        runs
        [ -z "$(find "/proc/$pid/fd" -lname "$fs/shadow")" ]
        [ "$(stat -c '%U:%G %a' "$fs/shadow")" = "root:root 600" ]
        leave
        [ "$status" -eq 33 ]
        [ "$(sector "$fs/a.qcow2.data" raw)" = 1 ]
        nothing_left
    done
}
