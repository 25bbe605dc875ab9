# What happened between claim and release.

load chown.bash

@test "renamed: the same file comes back" {
    disk $fs/a alice:alice 0640
    before=$(state $fs/a | tail -n +2)
    run -0 virt-priv-chown claim --name v --disk $fs/a
    mkdir $fs/elsewhere
    mv $fs/a $fs/elsewhere/b
    disk $fs/a qemu:qemu 0600
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/elsewhere/b)" = alice:alice ]
    [ "$(state $fs/elsewhere/b | tail -n +2)" = "$before" ]
    [ "$(owner $fs/a)" = qemu:qemu ]
}

@test "replaced, with its inode number used again: left alone and reported" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    inode=$(stat -c %i $fs/a)
    rm $fs/a
    for ((i = 0; i < 50; i++)); do
        disk $fs/a qemu:qemu 0600
        [ "$(stat -c %i $fs/a)" != "$inode" ] || break
        mv $fs/a $fs/other-$i
    done
    [ "$(stat -c %i $fs/a)" = "$inode" ]
    run -1 virt-priv-chown release --name v
    [[ $output == *"$fs/a: it no longer exists"* ]]
    [ "$(owner $fs/a)" = qemu:qemu ]
    [ -z "$(journals)" ]
}

@test "the same file system on another loop device and mount point" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    umount $fs
    run -1 virt-priv-chown release --name v
    [[ $output == *"not mounted"* ]]
    [ "$(journals)" = v ]
    boot_again
    run -1 virt-priv-chown recover
    [ "$(journals)" = v ]
    cp $fs.img /mnt/spare.img
    spare=$(losetup -f --show /mnt/spare.img)
    mkdir -p /mnt/moved
    mount -o loop $fs.img /mnt/moved
    losetup -d "$spare"
    run -0 virt-priv-chown recover
    found=$(owner /mnt/moved/a)
    umount /mnt/moved /proc/sys/kernel/random/boot_id
    [ "$found" = alice:alice ]
    [ -z "$(journals)" ]
}

@test "two mounted copies of the file system: the right one is given back, and the other is not touched" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    umount $fs
    cp $fs.img /mnt/copy.img
    mkdir -p /mnt/one /mnt/two
    mount -o loop $fs.img /mnt/one
    mount -o loop /mnt/copy.img /mnt/two
    run -0 virt-priv-chown release --name v
    found="$(owner /mnt/one/a) $(owner /mnt/two/a)"
    umount /mnt/two /mnt/one
    rm /mnt/copy.img
    [ "$found" = "alice:alice qemu:qemu" ]
    [ -z "$(journals)" ]
}

@test "hard-linked and made world-writable by the QEMU user: restored and reported" {
    mkdir -m 0777 $fs/open
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    setpriv --reuid qemu --regid qemu --init-groups sh -c "chmod 0666 $fs/a && ln $fs/a $fs/open/b && chgrp kvm $fs/a"
    run -1 virt-priv-chown release --name v
    [[ $output == *"2 hard links"* ]]
    [ "$(stat -c '%U:%G %a' $fs/a)" = "alice:alice 640" ]
    [ -z "$(journals)" ]
}

@test "a process of the QEMU user that still has it open is named, and keeps it unless that is forced" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <$fs/a 3>&- &
    sleeper=$!
    is $sleeper sleep
    run -1 virt-priv-chown release --name v
    [[ $output == *"VM 'v' is running: process $sleeper (sleep) has $fs/a open; nothing is released"* ]]
    [ "$(owner $fs/a) $(journals)" = "qemu:qemu v" ]
    run -1 virt-priv-chown release --name v --force
    kill $sleeper
    [[ $output == *"process $sleeper still has it open"* ]]
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "somebody changed the owner meanwhile: left alone and reported" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    chown bob:bob $fs/a
    run -1 virt-priv-chown release --name v
    [ "$(owner $fs/a)" = bob:bob ]
    [ -z "$(remembered $fs/a)" ]
    [ -z "$(journals)" ]
}

@test "recover: dead holders and earlier boots, nothing else" {
    disk $fs/dead alice:alice 0640
    disk $fs/alive alice:alice 0640
    disk $fs/without alice:alice 0640
    sleep 600 3>&- &
    alive=$!
    sleep 0.01 3>&- &
    dead=$!
    run -0 virt-priv-chown claim --name dead --pid $dead --disk $fs/dead || {
        sleep 600 3>&- &
        dead=$!
        run -0 virt-priv-chown claim --name dead --pid $dead --disk $fs/dead
        kill $dead
    }
    wait $dead || true
    run -0 virt-priv-chown claim --name alive --pid $alive --disk $fs/alive
    run -0 virt-priv-chown claim --name without --disk $fs/without
    run -0 virt-priv-chown recover --dry-run
    [ "$output" = "release dead" ]
    run -0 virt-priv-chown recover
    [ "$(journals | xargs)" = "alive without" ]
    [ "$(owner $fs/dead) $(owner $fs/alive) $(owner $fs/without)" = "alice:alice qemu:qemu qemu:qemu" ]
    boot_again
    run -0 virt-priv-chown recover
    umount /proc/sys/kernel/random/boot_id
    kill $alive
    [ -z "$(journals)" ]
    [ "$(owner $fs/alive) $(owner $fs/without)" = "alice:alice alice:alice" ]
    [ -z "$(remembered $fs/without)" ]
}

@test "a holder that had ended before it was noted down, as a daemon can: nobody holds the claim" {
    disk $fs/a alice:alice 0640
    sleep 600 3>&- &
    holder=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a
    kill $holder
    wait $holder || true
    # virt-priv-run has no time of its start then.
    sed -i "s/^holder $holder [0-9]* /holder $holder 0 /" /var/lib/virt-privileges/claims/v
    grep "^holder $holder 0 " /var/lib/virt-privileges/claims/v
    run -1 virt-priv-chown claim --name w --disk $fs/a
    [[ $output == *"claimed by VM 'v'; its process has ended; virt-priv-chown recover"* ]]
    run -1 virt-priv-chown add --name v --disk $fs/a
    [[ $output == *"its process has ended"* ]]
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a)$(journals)" = alice:alice ]
}

@test "libvirt's stale attributes name the true owner" {
    disk $fs/a qemu:qemu 0640
    attribute() {
        /usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.libvirt.security." + sys.argv[2], sys.argv[3].encode())' "$fs/a" "$1" "$2"
    }
    attribute dac +6001:+6002
    attribute ref_dac 3
    attribute timestamp_dac 1000000
    exec 5<$fs/a
    run -1 virt-priv-chown recover --libvirt $fs/a
    [ "$(owner $fs/a)" = qemu:qemu ]
    exec 5<&-
    run -0 virt-priv-chown recover --libvirt $fs/a
    [ "$(owner $fs/a)" = alice:bob ]
    [ -z "$(remembered $fs/a)" ]
    attribute dac +6001
    attribute ref_dac 3
    run -1 virt-priv-chown recover --libvirt $fs/a
    run -1 virt-priv-chown claim --name v --disk $fs/a
    [[ $output == *malformed* ]]
    [ "$(owner $fs/a)" = alice:bob ]
}

# add_holder PATH: another holder for the same user, as libvirt is one.
add_holder() {
    /usr/bin/python3 -c 'import os, sys
name = "trusted.libvirt.security.ref_dac"
os.setxattr(sys.argv[1], name, b"%d" % (int(os.getxattr(sys.argv[1], name)) + 1))' "$1"
}

# claim_shared DISK...: claimed for v, with another holder of each.
claim_shared() {
    local path words=()
    for path; do
        disk "$path" alice:alice 0640
        words+=(--disk "$path")
    done
    virt-priv-chown claim --name v "${words[@]}"
    for path; do add_holder "$path"; done
    libvirt_domain
}

@test "killed while it announces a release: what was done is left alone, what was not is done, once" {
    claim_shared $fs/a $fs/b $fs/c
    journal=/var/lib/virt-privileges/claims/v
    # A limit on the size of files cuts the second line, and kills behind it.
    size=$(stat -c %s $journal)
    run -153 prlimit --core=0 --fsize=$((size + 14 + 12)) virt-priv-chown release --name v
    [ "$(tail -n 2 $journal)" = "$(printf 'releasing 1 1\nreleasing 2 ')" ]
    [ "$(remembered $fs/a) $(remembered $fs/b) $(remembered $fs/c)" = "+6001:+6001 1 +6001:+6001 2 +6001:+6001 2" ]
    run -153 prlimit --core=0 --fsize=$((size + 28 + 5)) virt-priv-chown release --name v
    [ "$(tail -n 3 $journal)" = "$(printf 'releasing 1 1\nreleasing 2 1\nrelea')" ]
    [ "$(remembered $fs/a) $(remembered $fs/b) $(remembered $fs/c)" = "+6001:+6001 1 +6001:+6001 1 +6001:+6001 2" ]
    run -1 virt-priv-chown release --name v
    [[ $output == *"$fs/a: cannot determine whether libvirt still uses it after an interrupted release"*"$fs/b: cannot determine whether libvirt still uses it after an interrupted release"* ]]
    [[ $output == *"$fs/c: libvirt uses it as well, according to its attributes"* && $output != *"$fs/c: cannot determine"* ]]
    for path in $fs/a $fs/b $fs/c; do
        [ "$(owner $path) $(remembered $path)" = "qemu:qemu +6001:+6001 1" ]
    done
    [ "$(grep ^path $journal)" = "$(printf 'path %s\n' $fs/a $fs/b)" ]
    boot_again
    run -0 virt-priv-chown recover
    umount /proc/sys/kernel/random/boot_id
    [ "$(owner $fs/a) $(owner $fs/b) $(owner $fs/c)" = "alice:alice alice:alice qemu:qemu" ]
    [ -z "$(journals)" ]
}

@test "a release that cannot be announced is not begun, and can be repeated" {
    claim_shared $fs/a $fs/b
    journal=/var/lib/virt-privileges/claims/v
    limit=$(($(stat -c %s $journal) + 14 + 5))
    # Where nothing is killed, the limit is an error.
    run -1 env --ignore-signal=SIGXFSZ prlimit --fsize=$limit virt-priv-chown release --name v
    [[ $output == *"$fs/b: cannot complete the journal $journal: File too large"* ]]
    [ "$(remembered $fs/a) $(remembered $fs/b)" = "+6001:+6001 1 +6001:+6001 2" ]
    [ "$(grep -c ^path $journal)" -eq 1 ]
    run ! grep releasing $journal
    run -0 virt-priv-chown release --name v
    [ "$(remembered $fs/a) $(remembered $fs/b)" = "+6001:+6001 1 +6001:+6001 1" ]
    [ -z "$(journals)" ]
}

@test "a release that an earlier version began: in each entry, the count that it was to leave" {
    claim_shared $fs/a $fs/b
    journal=/var/lib/virt-privileges/claims/v
    # Announced and done with a, announced with b.
    sed -i 's/^attributes 0$/&\nreleasing 1/' $journal
    /usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.libvirt.security.ref_dac", b"1")' $fs/a
    run -1 virt-priv-chown release --name v
    [[ $output == *"$fs/a: cannot determine whether libvirt still uses it after an interrupted release"* ]]
    [ "$(remembered $fs/a) $(remembered $fs/b)" = "+6001:+6001 1 +6001:+6001 1" ]
    [ "$(grep ^path $journal)" = "path $fs/a" ]
}

@test "interrupted once libvirt was told the owner that it had forgotten: its own count is left alone" {
    local how
    libvirt_domain
    # Killed before the journal is put aside; and what was done can't be made durable.
    for how in renameat2:signal=KILL syncfs:error=EIO; do
        disk $fs/a alice:alice 0640
        virt-priv-chown claim --name v --disk $fs/a
        # As a libvirt writes them that took the claim for an earlier boot's.
        /usr/bin/python3 -c 'import os, sys
os.setxattr(sys.argv[1], "trusted.libvirt.security.dac", sys.argv[2].encode())' $fs/a "+$(id -u qemu):+$(id -g qemu)"
        strace -qq -o /dev/null -e "trace=${how%%:*}" -e "inject=$how" virt-priv-chown release --name v || true
        [ "$(journals) $(owner $fs/a) $(remembered $fs/a)" = "v qemu:qemu +6001:+6001 1" ]
        run -0 virt-priv-chown release --name v
        [ "$(owner $fs/a) $(remembered $fs/a)" = "qemu:qemu +6001:+6001 1" ]
        [ -z "$(journals)" ]
        rm $fs/a
    done
}

@test "an earlier boot whose time was 0, as earlier versions wrote it without a clock: what it left is given back" {
    claim_shared $fs/a
    journal=/var/lib/virt-privileges/claims/v
    sed -i 's/^booted .*/booted 0/' $journal
    boot_again
    run -0 virt-priv-chown recover
    umount /proc/sys/kernel/random/boot_id
    [ "$(owner $fs/a)" = alice:alice ]
    [ -z "$(remembered $fs/a)" ]
    [ -z "$(journals)" ]
}

@test "a journal that is not what was written is kept, and named with its line" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    journal=/var/lib/virt-privileges/claims/v
    cp $journal /mnt/good
    local length
    length=$(wc -l <$journal)
    for ((line = 1; line <= length; line++)); do
        sed "${line}s/.*/nonsense/" /mnt/good >$journal
        run -1 virt-priv-chown release --name v
        [[ $output =~ $journal:[0-9]+: ]]
        cmp $journal <(sed "${line}s/.*/nonsense/" /mnt/good)
        head -n $((line - 1)) /mnt/good >$journal
        run -1 virt-priv-chown release --name v
        run -1 virt-priv-chown claim --name other --disk $fs/a
        [ "$(owner $fs/a)" = qemu:qemu ]
    done
    cp /mnt/good $journal
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "a holder that cannot be examined is not taken for one that has ended" {
    for name in a b c; do disk $fs/$name alice:alice 0640; done
    sleep 600 3>&- &
    holder=$!
    sleep 600 3>&- &
    ended=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a
    run -0 virt-priv-chown claim --name w --pid $ended --disk $fs/b
    kill $ended
    wait $ended || true
    echo nonsense >/mnt/stat
    mount --bind /mnt/stat /proc/$holder/stat
    run -1 virt-priv-chown recover
    [[ $output == *"VM 'v': cannot determine when process $holder was started: "* ]]
    run -1 virt-priv-chown add --name v --disk $fs/c
    run -0 --separate-stderr virt-priv-chown status --json
    [[ $output == *'"state": "unknown"'* && $stderr == *"VM 'v': cannot determine"* ]]
    umount /proc/$holder/stat
    # Another one's claim does not wait for that.
    [ "$(owner $fs/a) $(owner $fs/b) $(owner $fs/c) $(journals)" = "qemu:qemu alice:alice alice:alice v" ]
    kill $holder
    wait $holder || true
    run -0 virt-priv-chown recover
    [ "$(owner $fs/a) $(journals)" = "alice:alice " ]
}
