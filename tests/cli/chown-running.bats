# Nothing takes the disks of a VM that runs from under it, and no message recommends it.

load chown.bash

teardown() {
    for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
    umount -R "$fs" 2>/dev/null || true
    rm -f "$fs.img" /etc/libvirt/qemu.conf
}

# opened PATH: a process of the QEMU user has it open; its id is $opener.
opened() {
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <>"$1" 3>&- &
    opener=$!
    helpers+=("$opener")
    is $opener sleep
}

# stays COMMAND TEXT: fails with the text, with nothing given back.
stays() {
    # shellcheck disable=SC2086 # words
    run -1 virt-priv-chown $1
    echo "$output"
    [[ $output == *"$2"* ]]
    [[ $output != *"virt-priv-chown release"* ]]
    [ "$(owner $fs/a) $(owner $fs/b) $(journals)" = "qemu:qemu qemu:qemu v" ]
}

begin() {
    helpers=()
    disk $fs/a alice:alice 0640
    disk $fs/b bob:bob 0600
}

@test "release while the holder lives: refused with its process, and done when it has ended, or by force" {
    begin
    sleep 600 3>&- &
    local holder=$!
    helpers+=("$holder")
    is $holder sleep
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a --disk $fs/b
    stays "release --name v" "VM 'v' is running: process $holder (sleep) holds its claim; nothing is released; stop it, or force the release: --force"
    # A disk that nobody has open can be dropped, as after a hot-unplug.
    run -0 virt-priv-chown drop --name v --disk $fs/b
    [ "$(owner $fs/b)" = bob:bob ]
    run -0 virt-priv-chown add --name v --disk $fs/b
    run -0 virt-priv-chown release --name v --force
    [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice bob:bob" ]
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a --disk $fs/b
    kill $holder
    wait $holder || true
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice bob:bob" ]
}

@test "where nobody has the files open, that takes no look at the processes of the host" {
    begin
    local command
    for command in "release --name v" recover; do
        run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
        [ "$command" != recover ] || sed -i 's/^boot .*/boot 00000000-0000-0000-0000-000000000000/' /var/lib/virt-privileges/claims/v
        # shellcheck disable=SC2086 # words
        run -0 strace -o "$BATS_TEST_TMPDIR/calls" -e trace=open,openat,fcntl virt-priv-chown $command
        [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice bob:bob" ]
        grep -qE "F_SETLEASE, F_WRLCK\) += 0" "$BATS_TEST_TMPDIR/calls"
        run ! grep -E '"/proc", [^)]*O_DIRECTORY' "$BATS_TEST_TMPDIR/calls"
    done
}

@test "release and drop while a process of the QEMU user has a disk open" {
    begin
    run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    opened $fs/a
    stays "release --name v" "VM 'v' is running: process $opener (sleep) has $fs/a open; nothing is released"
    stays "drop --name v --disk $fs/a" "$fs/a is not released: process $opener (sleep) has $fs/a open; detach it from the VM, or force the release: --force"
    run -0 virt-priv-chown drop --name v --disk $fs/b
    run -1 virt-priv-chown drop --name v --disk $fs/a --force
    [[ $output == *"process $opener still has it open"* ]]
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice bob:bob" ]
}

@test "a disk that is only read any more, as below a snapshot, can be dropped, and that is said" {
    begin
    run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <$fs/a 3>&- &
    opener=$!
    helpers+=("$opener")
    is $opener sleep
    stays "release --name v" "process $opener (sleep) has $fs/a open"
    run -1 virt-priv-chown drop --name v --disk $fs/a
    [[ $output == *"process $opener still has it open"* ]]
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:alice qemu:qemu" ]
}

# threads [OPTION] PATH: a process of the QEMU user, its id is $opener, has it open by another thread than its first.
threads() {
    mkfifo "$BATS_TEST_TMPDIR/ready"
    setpriv --reuid qemu --regid qemu --init-groups "$VP_BUILD/tests/first-ends" "$@" >"$BATS_TEST_TMPDIR/ready" 3>&- &
    opener=$!
    helpers+=("$opener")
    read -r _ <"$BATS_TEST_TMPDIR/ready"
    rm "$BATS_TEST_TMPDIR/ready"
}

@test "a process whose first thread has ended runs, and holds its claim and what it has open" {
    begin
    chown qemu $fs/a
    threads $fs/a
    chown alice $fs/a
    # What has ended and is not waited for looks the same, but for its threads.
    [ -z "$(ls /proc/$opener/fd)" ]
    run -0 virt-priv-chown claim --name v --pid $opener --disk $fs/a --disk $fs/b
    virt-priv-chown status | grep -qE "^v +running"
    run -0 virt-priv-chown recover
    stays "release --name v" "VM 'v' is running: process $opener (first-ends) holds its claim; nothing is released"
    stays "drop --name v --disk $fs/a" "$fs/a is not released: process $opener (first-ends) has $fs/a open"
    run -1 virt-priv-run --stop v --timeout 1
    [[ $output == *"cannot connect to its control socket"* ]]
    run -0 virt-priv-chown drop --name v --disk $fs/b
    kill -KILL $opener
    wait $opener || true
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice bob:bob" ]
}

@test "what any thread has open keeps the disk claimed" {
    begin
    local option
    for option in "" --own-table; do
        run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
        # shellcheck disable=SC2086 # a word, or none
        threads $option $fs/a
        stays "release --name v" "VM 'v' is running: process $opener (first-ends) has $fs/a open; nothing is released"
        stays "drop --name v --disk $fs/a" "$fs/a is not released: process $opener (first-ends) has $fs/a open"
        kill -KILL $opener
        wait $opener || true
        run -0 virt-priv-chown release --name v
    done
}

@test "a script that claims, runs QEMU and releases, with its own process as the holder" {
    begin
    cat >$fs/script <<EOT
virt-priv-chown claim --name v --pid \$\$ --disk $fs/a --disk $fs/b >/dev/null || exit
setpriv --reuid qemu --regid qemu --init-groups sh -c 'echo guest >>$fs/a' || exit
(virt-priv-chown release --name v)
EOT
    run -0 bash $fs/script
    [ -z "$output" ]
    [ "$(owner $fs/a) $(owner $fs/b)$(journals)" = "alice:alice bob:bob" ]
    # Its QEMU still runs.
    cat >$fs/qemu <<EOT
setpriv --reuid qemu --regid qemu --init-groups sleep 600 <>$fs/a >/dev/null 2>&1 3>&- &
until [ "\$(cat /proc/\$!/comm)" = sleep ]; do sleep 0.01; done
echo \$!
EOT
    sed -i "s|^setpriv.*|. $fs/qemu|" $fs/script
    run -1 bash $fs/script
    helpers+=("${lines[0]}")
    [[ $output == *"VM 'v' is running: process ${lines[0]} (sleep) has $fs/a open"* ]]
    [ "$(owner $fs/a)" = qemu:qemu ]
    kill "${lines[0]}"
    while [ -e "/proc/${lines[0]}" ]; do sleep 0.01; done
    run -0 virt-priv-chown recover
    run -0 virt-priv-chown status
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "what others are told of a VM that runs, has ended, and may have" {
    begin
    sleep 600 3>&- &
    local holder=$!
    helpers+=("$holder")
    is $holder sleep
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a --disk $fs/b
    stays "claim --name v --disk $fs/a" "VM 'v' already has a claim; it is running: process $holder (sleep) holds its claim; stop it first; to claim another disk: virt-priv-chown add"
    stays "claim --name w --disk $fs/a" "claimed by VM 'v'; it is running: process $holder (sleep) holds its claim; stop it first"
    printf '#!/bin/sh\n' >/mnt/scratch/qemu
    chmod 0755 /mnt/scratch/qemu
    run -125 virt-priv-run --name v /mnt/scratch/qemu -hda $fs/a
    [[ $output == *"VM 'v' is running, or still has a claim; it is running: process $holder (sleep) holds its claim; stop it first; or use another name: --name"* ]]
    run -125 virt-priv-run --name w /mnt/scratch/qemu -hda $fs/a
    [[ $output == *"claimed by VM 'v'; it is running: process $holder (sleep)"* && $output != *"chown release"* ]]
    kill $holder
    wait $holder || true
    run -1 virt-priv-chown claim --name w --disk $fs/a
    [[ $output == *"claimed by VM 'v'; its process has ended; virt-priv-chown recover"* ]]
    run -0 virt-priv-chown recover
    run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    run -1 virt-priv-chown claim --name w --disk $fs/a
    [[ $output == *"claimed by VM 'v'; if it is not running: virt-priv-chown release --name v"* ]]
    opened $fs/b
    stays "claim --name w --disk $fs/a" "claimed by VM 'v'; it is running: process $opener (sleep) has $fs/b open; stop it first"
}

@test "--force is of release and drop alone, --force-in-use of claim and add" {
    local command
    for command in claim add status recover; do
        run -2 virt-priv-chown $command --force
        [[ $output == *"$command: option --force is not allowed;"* ]]
    done
    for command in drop release status recover; do
        run -2 virt-priv-chown $command --force-in-use /dev/vda
        [[ $output == *"$command: option --force-in-use is not allowed;"* ]]
    done
}
