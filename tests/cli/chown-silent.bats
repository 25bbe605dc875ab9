# A file system that does not answer, a network's or FUSE's, does not keep claims on others from coming back.

load chown.bash

teardown() {
    if [ -n "${fuse-}" ]; then
        kill -KILL "$fuse" 2>/dev/null || true
        wait "$fuse" 2>/dev/null || true
    fi
    local point
    for point in $(sed -n 's:^[^ ]* \(/mnt/[a-z][^ ]*\) .*:\1:p' /proc/mounts | tac); do
        umount -l "$point"
    done
    rm -f /mnt/*.img
}

# fuse: a FUSE file system on /mnt/fuse, and its process in $fuse.
fuse() {
    mkdir -p /mnt/fuse
    truncate -s 32M /mnt/fuse.img
    mkfs.ext4 -q -F /mnt/fuse.img
    fuse2fs -f -o allow_other /mnt/fuse.img /mnt/fuse 3>&- &
    fuse=$!
    for ((i = 0; i < 2000; i++)); do
        ! mountpoint -q /mnt/fuse || break
        sleep 0.05
    done
    mountpoint -q /mnt/fuse
}

# stop: it does not answer any more, and the kernel has forgotten what it knew of its names, after a second.
stop() {
    local status=0
    kill -STOP "$fuse"
    # What it has read already can't be interrupted.
    until [[ $(cat /proc/"$fuse"/task/*/stat | sed 's/.*) //' | cut -c 1 | sort -u) == T ]]; do sleep 0.02; done
    for ((i = 0; i < 2000 && status != 124; i++)); do
        status=0
        timeout 0.5 stat /mnt/fuse/dir >/dev/null 2>&1 || status=$?
        sleep 0.05
    done
    [ $status -eq 124 ]
}

# soon COMMAND...: ends within what one silent file system may take, and a bit.
soon() {
    local begin=$SECONDS
    "$@"
    [ $((SECONDS - begin)) -lt 20 ]
}

claim_all() {
    fuse
    mkdir /mnt/fuse/below /mnt/fuse/dir
    make_filesystem /mnt/below
    umount /mnt/below
    mount -o loop /mnt/below.img /mnt/fuse/below
    for path in /mnt/fuse/below/a /mnt/fuse/below/b /mnt/fuse/dir/c $fs/d; do disk $path alice:alice 0640; done
    virt-priv-chown claim --name v --disk /mnt/fuse/below/a --disk /mnt/fuse/below/b --disk /mnt/fuse/dir/c --disk $fs/d
}

@test "what lies on it, or is mounted below it, stays and is said; the others come back, and it does once it answers" {
    claim_all
    [ "$(grep -c '^filesystem source:fuse' /var/lib/virt-privileges/claims/v)" -eq 1 ]
    stop
    soon run -0 virt-priv-chown status
    [[ $output == *"v: /mnt/fuse/dir/c: a file system of its parent directories does not answer; to remove the entry and leave the file as it is:"* ]]
    soon run -1 virt-priv-chown release --name v
    for path in /mnt/fuse/below/a /mnt/fuse/below/b /mnt/fuse/dir/c; do
        [[ $output == *"$path: a file system of its parent directories does not answer; it stays claimed"* ]]
    done
    [ "$(owner $fs/d)" = alice:alice ]
    soon run -0 virt-priv-chown claim --name w --disk $fs/d
    soon run -0 virt-priv-chown release --name w
    kill -CONT "$fuse"
    run -0 virt-priv-chown release --name v
    for path in /mnt/fuse/below/a /mnt/fuse/below/b /mnt/fuse/dir/c; do [ "$(owner $path)" = alice:alice ]; done
    [ -z "$(journals)" ]
}

@test "a directory of the path that has become a link to it: the file is found by its handle" {
    fuse
    mkdir $fs/dir
    disk $fs/dir/a alice:alice 0640
    virt-priv-chown claim --name v --disk $fs/dir/a
    mv $fs/dir $fs/moved
    mkdir /mnt/fuse/dir
    ln -s /mnt/fuse/dir $fs/dir
    stop
    soon run -0 virt-priv-chown release --name v
    [ "$(owner $fs/moved/a)" = alice:alice ]
    kill -CONT "$fuse"
}

@test "who gives it up takes no lock along" {
    claim_all
    stop
    # In the midst of it, behind the first answer that does not come.
    virt-priv-chown release --name v 2>/dev/null 3>&- &
    local releasing=$!
    local child=
    for ((i = 0; i < 2000; i++)); do
        child=$(pgrep -P $releasing || true)
        ! is_unanswered "${child:-none}" || break
        sleep 0.02
    done
    is_unanswered "${child:-none}"
    run ! grep -q claims <(readlink /proc/"$child"/fd/*)
    wait $releasing || true
    soon run -0 virt-priv-chown recover
    kill -CONT "$fuse"
}

@test "FUSE that is mounted anew: what has the path may be another file, which is said and kept" {
    fuse
    disk /mnt/fuse/a alice:alice 0640
    virt-priv-chown claim --name v --disk /mnt/fuse/a
    run ! grep '^handle' /var/lib/virt-privileges/claims/v
    umount /mnt/fuse
    wait $fuse || true
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/fuse/a: its file system is not mounted; it stays claimed"* ]]
    # Its device number is given to another.
    device=$(sed -n 's/^device \(.*\) 0$/\1/p' /var/lib/virt-privileges/claims/v)
    for ((i = 0; i < 100; i++)); do
        mount -t tmpfs -o mode=0755 tmpfs /mnt/fuse
        [ "$(mountpoint -d /mnt/fuse)" != "$device" ] || break
    done
    fuse2fs -f -o allow_other /mnt/fuse.img /mnt/fuse 3>&- &
    fuse=$!
    for ((i = 0; i < 2000; i++)); do
        [ ! -e /mnt/fuse/a ] || break
        sleep 0.05
    done
    run -1 virt-priv-chown release --name v
    [[ $output == *"/mnt/fuse/a: its file system was mounted again, and does not keep inode numbers across mounts, so the file may be another one; its owner was restored; it stays claimed"* ]]
    [ "$(owner /mnt/fuse/a)" = alice:alice ]
    settled /mnt/fuse/a
}

@test "what is no more than on the way to a local file keeps its claim from waiting, and from being made" {
    local way=/mnt/fuse/../fs name
    fuse
    mkdir /mnt/fuse/dir
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    ln -s ../fuse/../fs/a $fs/link
    # The kernel knows all of it.
    stat -L $fs/link /mnt/fuse/dir
    stop
    # The second one is next to the first.
    soon run -1 timeout -s KILL 30 virt-priv-chown claim --name v --disk $way/a --disk $way/b \
        --disk //mnt/./fuse/dir/../../fs/a
    echo "$output"
    for name in $way/a $way/b //mnt/./fuse/dir/../../fs/a; do
        [[ $output == *"cannot reach $name: not answered in 5 s"* ]]
    done
    soon run -1 timeout -s KILL 30 virt-priv-chown claim --name v --disk $fs/link
    [[ $output == *"cannot reach $fs/link: not answered in 5 s"* ]]
    soon run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    soon run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
    rm $fs/link
}

@test "what is mounted when it is come to is mounted for a claim, and for its release" {
    mkdir -p /mnt/point $fs/dir
    disk $fs/dir/a alice:alice 0640
    exec {in}> >(tests/lib/automount /mnt/point $fs/dir >"$BATS_TEST_TMPDIR/said" 3>&-)
    until grep -qx ready "$BATS_TEST_TMPDIR/said"; do sleep 0.05; done
    soon run -0 virt-priv-chown claim --name v --disk /mnt/point/a
    [ "$(owner $fs/dir/a)" = qemu:qemu ]
    umount /mnt/point
    soon run -0 virt-priv-chown release --name v
    [ "$(owner $fs/dir/a)$(journals)" = alice:alice ]
    [ "$(grep -cx mounted "$BATS_TEST_TMPDIR/said")" -eq 2 ]
    exec {in}>&-
}
