# A file system that stops answering: who needs it is told, and all others start and end.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # each test has variables of its own, which start() reads

load host.bash
load ../lib/hung.bash

setup() {
    clean_host
    make guest alice:alice 0640 "$fs/a.raw"
    make guest alice:alice 0640 /mnt/image
}

teardown() {
    end_hung
    end_all
}

# hang [WORD]...: a server of root's, which is silent.
hang() {
    hung=/mnt/hung
    serve $hung /mnt/image uid=6001 gid=6001 mode=600 mount=user_id=0,allow_other
    "$@"
    silence
}

@test "a VM starts and ends while another one's disk does not answer" {
    hang virt-priv-chown claim --name other --disk /mnt/hung/file
    args=(-drive "file=$fs/a.raw,format=raw")
    local start=$SECONDS
    start
    runs
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    leave
    [ "$status" -eq 33 ]
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    [ $((SECONDS - start)) -lt 10 ]
}

@test "an isolated VM is refused a share, and what it would look for, that does not answer" {
    hang
    local start=$SECONDS words
    for words in "--share /mnt/hung/file --check qemu-system-x86_64" "--check qemu-system-x86_64 -global x.y=/mnt/hung/file"; do
        # shellcheck disable=SC2086 # several words
        run -125 virt-priv-run --isolate=full $words -nodefaults
        echo "$output"
        [[ $output == *"cannot examine /mnt/hung/file: not answered in "* ]]
    done
    [ $((SECONDS - start)) -lt 40 ]
}

@test "a VM whose own disk does not answer is refused, within a limit, and nobody waits meanwhile" {
    hang
    for mode in claim pass; do
        within 15 virt-priv-run --disks=$mode --name v -- qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw" \
            -drive file=/mnt/hung/file,format=raw
        [ "$status" -eq 125 ]
        [[ $output == *"/mnt/hung/file"*"not answered in 5 s"* ]]
        [ "$(owner "$fs/a.raw")" = alice:alice ]
    done
    # What still waits for an answer holds no claim, and no name of a VM.
    [ "$(find /var/lib/virt-privileges/claims -mindepth 1 ! -name .lock)" = "" ]
    virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" -drive file=/mnt/hung/file,format=raw >/mnt/vm.err 2>&1 3>&- &
    local waiting=$!
    until [[ $(cat /proc/[0-9]*/comm 2>/dev/null) == *vp-attempt* ]]; do sleep 0.05; done
    within 4 virt-priv-chown claim --name w --disk "$fs/a.raw"
    [ "$status" -eq 0 ]
    kill -0 $waiting
    wait $waiting || true
    virt-priv-chown release --name w
}

@test "other files of a command line that do not answer are refused, too" {
    hang
    local word
    for word in "-cdrom /mnt/hung/file" "-kernel /mnt/hung/file" "-pidfile /mnt/hung/pid" "-serial unix:/mnt/hung/s,server=on,wait=off"; do
        # shellcheck disable=SC2086
        within 15 virt-priv-run --name v -- qemu-system-x86_64 "${machine[@]}" $word
        [ "$status" -eq 125 ]
        [[ $output == *"not answered in 5 s"* ]]
    done
}

@test "a disk that falls silent while its VM runs: the others come back, and that one stays claimed" {
    hung=/mnt/hung
    serve $hung /mnt/image uid=6001 gid=6001 mode=600 mount=user_id=0,allow_other
    args=(-drive "file=$fs/a.raw,format=raw")
    own=(--name v)
    start
    runs
    virt-priv-chown add --name v --disk $hung/file
    [ "$(owner $hung/file)" = qemu:qemu ]
    silence
    leave
    grep -q "/mnt/hung/file: a file system of its parent directories does not answer; it stays claimed" "$err"
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    virt-priv-chown status | grep -q /mnt/hung/file
}

# isolated UID [OPTION]...: a VM that runs, and a server, at $hung, whose files are UID's.
isolated() {
    make blank root:root 0600 "$fs/b.raw"
    serve $hung /mnt/image "uid=$1" "gid=$1" mode=600 mount=user_id=0,allow_other
    args=(-drive "file=$fs/a.raw,format=raw")
    own=(--name v --isolate=full "${@:2}")
    start
    runs
}

@test "a disk of an isolated VM is dropped, and one is added, while another one of its disks does not answer" {
    mount -t tmpfs -o mode=755 tmpfs /dev/shm
    hung=/dev/shm/hung
    isolated 6001
    virt-priv-chown add --name v --disk $hung/file --disk "$fs/b.raw"
    grep -q " $hung/file " "/proc/$pid/mountinfo"
    silence
    within 15 virt-priv-chown drop --name v --disk "$fs/b.raw"
    [ "$status" -eq 0 ]
    [ "$(owner "$fs/b.raw")" = root:root ]
    run ! grep -q " $fs/b.raw " "/proc/$pid/mountinfo"
    within 15 virt-priv-chown add --name v --disk "$fs/b.raw"
    [ "$status" -eq 0 ]
    grep -q " $fs/b.raw " "/proc/$pid/mountinfo"
    # That one itself is known by its name alone, in whose way QEMU can put a link.
    cp "$fs/b.raw" "$fs/file"
    virt-priv-chown add --name v --disk "$fs/file"
    local id
    id=$(stat -c %u "$fs/file")
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" -S "$id" -G "$id" /usr/bin/mv /dev/shm/hung /dev/shm/elsewhere
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" -S "$id" -G "$id" /usr/bin/ln -s "$fs" /dev/shm/hung
    within 15 virt-priv-chown drop --name v --disk $hung/file
    [ "$status" -eq 1 ]
    grep -q " $fs/file " "/proc/$pid/mountinfo"
    leave
    end_hung
    umount -l /dev/shm
}

@test "a mount of an isolated VM's that cannot be come to stays claimed, within a limit, and nobody waits" {
    hung=/mnt/hung
    isolated 0 --share /mnt/hung
    mount --bind "$fs/b.raw" /mnt/hung/file
    virt-priv-chown add --name v --disk /mnt/hung/file
    grep -q " $hung/file " "/proc/$pid/mountinfo"
    silence
    within 15 virt-priv-chown drop --name v --disk /mnt/hung/file
    [ "$status" -eq 1 ]
    grep " $hung/file " "/proc/$pid/mountinfo"
    within 4 virt-priv-chown claim --name w --disk /mnt/image
    [ "$status" -eq 0 ]
    virt-priv-chown release --name w
    end_hung
    leave
}
