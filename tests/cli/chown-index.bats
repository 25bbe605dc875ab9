# The index of the journals: with many VMs, a call reads those that matter alone; and whatever becomes of the index,
# what another VM holds is not claimed, and what none holds is.

load chown.bash

claims=/var/lib/virt-privileges/claims

# 40 VMs that hold a disk each, vm7 one more, and an index that is in order.
make_claims() {
    tests/lib/many-claims "$(command -v virt-priv-chown)" $fs/many vm 40
    disk $fs/second alice:alice 0640
    disk $fs/free alice:alice 0640
    disk $fs/new alice:alice 0640
    virt-priv-chown add --name vm7 --disk $fs/second
    is_sealed
}

# is_sealed: the time of the directory is that which the index names.
is_sealed() {
    local modified
    modified=$(date -u -d "@0$(stat -c %.9Y $claims)" +%s.%N)
    grep -qF " sealed $modified" $claims/.index
}

# journals_read COMMAND...: how many journals of VMs it opens.
journals_read() {
    strace -f -qqq -o "$BATS_TEST_TMPDIR/trace" -e trace=openat "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 || true
    cat "$BATS_TEST_TMPDIR/out" >&2
    grep -c '"vm[0-9]*", O_RDONLY' "$BATS_TEST_TMPDIR/trace" || true
}

# refused DISK VM: another VM can't have it, and is told who does.
refused() {
    run -1 --separate-stderr virt-priv-chown claim --name asks --disk "$1"
    echo "$1: $stderr"
    [[ $stderr == *"claimed by VM '$2'; "* ]]
    [ ! -e $claims/asks ]
}

# all_right: what is held is refused, and what is free is not.
all_right() {
    refused $fs/many/7 vm7
    refused $fs/second vm7
    refused $fs/many/39 vm39
    virt-priv-chown claim --name free --disk $fs/free
    refused $fs/free free
    virt-priv-chown release --name free
    [ "$(owner $fs/free) $(owner $fs/many/7)" = "alice:alice qemu:qemu" ]
    is_sealed
}

@test "an index in order: no journal of others is read but of who has the object" {
    make_claims
    [ "$(journals_read virt-priv-chown claim --name free --disk $fs/free)" -eq 0 ]
    [ "$(owner $fs/free)" = qemu:qemu ]
    [ "$(journals_read virt-priv-chown release --name free)" -eq 0 ]
    [ "$(owner $fs/free)" = alice:alice ]
    [ "$(journals_read virt-priv-chown claim --name asks --disk $fs/many/7)" -eq 1 ]
    grep -F "claimed by VM 'vm7'" "$BATS_TEST_TMPDIR/out"
    all_right
    # A device can have any file's bytes.
    mknod $fs/node b 511 1
    [ "$(journals_read virt-priv-chown claim --name device --disk $fs/node)" -eq 40 ]
    [ "$(journals_read virt-priv-chown claim --name free --disk $fs/free)" -eq 0 ]
    grep -q '"device", O_RDONLY' "$BATS_TEST_TMPDIR/trace"
    virt-priv-chown release --name free
    virt-priv-chown release --name device
    # Nothing was asked that was not changed either.
    [ "$(journals_read virt-priv-chown claim --name dry --dry-run --disk $fs/free)" -eq 0 ]
    is_sealed
}

# What an older version does, which knows no index: written beside it, then renamed.
rewrite() {
    (umask 077 && cat >$claims/."$1".new)
    mv $claims/."$1".new $claims/"$1"
}

# What becomes of it, each from one that is in order.
missing() { rm $claims/.index; }
empty() { : >$claims/.index; }
cut_short() { truncate -s -4 $claims/.index; }
half() { truncate -s $(($(stat -c %s $claims/.index) / 2)) $claims/.index; }
line_missing() { sed -i '/^vm7 /d' $claims/.index; }
# In place, so that the directory stays as it is.
other_content() { echo foreign >$claims/.index; }
number_torn() { sed 's/^\(vm7 0 .*\)./\1x/' $claims/.index >/mnt/torn && cat /mnt/torn >$claims/.index; }
fewer_in_place() { sed '/^vm7 /d; s/^end 40/end 39/' $claims/.index >/mnt/torn && cat /mnt/torn >$claims/.index; }
other_boot() { sed '1s/boot [0-9a-f]*/boot 00000000/' $claims/.index >/mnt/torn && cat /mnt/torn >$claims/.index; }
other_mode() { chmod 0644 $claims/.index; }
other_owner() { chown alice $claims/.index; }
a_link() { mv $claims/.index /mnt/index && ln -s /mnt/index $claims/.index; }
a_pipe() { rm $claims/.index && mkfifo $claims/.index; }
copied() { cp -a $claims /mnt/copy && rm -r $claims && cp -a /mnt/copy $claims && rm -r /mnt/copy; }
added_by_hand() {
    local modified
    modified=$(stat -c %.9Y $claims)
    sed 's/^name .*/name late/' $claims/vm39 | rewrite late
    rm $claims/vm39
    touch -d "@0$modified" $claims
}

@test "an index that is missing, torn, or not what was written is not believed, and made anew" {
    local kind
    make_claims
    for kind in missing empty cut_short half line_missing other_content number_torn fewer_in_place other_boot other_mode \
        other_owner a_link a_pipe copied; do
        echo "$kind"
        $kind
        [ "$(journals_read virt-priv-chown claim --name asks --disk $fs/many/7)" -ge 40 ]
        all_right
    done
    # What can't be made way for does not hold anybody up.
    rm $claims/.index
    mkdir $claims/.index
    refused $fs/many/7 vm7
    virt-priv-chown claim --name free --disk $fs/free
    refused $fs/free free
    virt-priv-chown release --name free
    rmdir $claims/.index
    # The first change makes it anew.
    virt-priv-chown claim --name free --disk $fs/free
    virt-priv-chown release --name free
    all_right
}

@test "an older version has changed a journal beside it" {
    make_claims
    # Another VM's journal with another disk, from a host without the index.
    virt-priv-chown claim --name newer --disk $fs/new
    sed 's/^name .*/name older/' $claims/newer >/mnt/older
    virt-priv-chown release --name newer
    chown qemu:qemu $fs/new
    is_sealed
    rewrite older </mnt/older
    refused $fs/new older
    # The same VM has other disks.
    virt-priv-chown claim --name other --disk $fs/free
    sed 's/^name .*/name older/' $claims/other >/mnt/older
    virt-priv-chown release --name other
    chown qemu:qemu $fs/free
    is_sealed
    # The names are what they were: the time alone tells.
    rewrite older </mnt/older
    chown alice:alice $fs/new
    refused $fs/free older
    virt-priv-chown claim --name newer --disk $fs/new
    is_sealed
    # And none.
    rm $claims/older
    chown alice:alice $fs/free
    all_right
    # Twice in one moment, back to what it was in name, length and number.
    sed 's/^name .*/name older/' $claims/newer | rewrite older
    rm $claims/newer
    refused $fs/new older
    # Put back with the time that the directory had.
    virt-priv-chown release --name older
    is_sealed
    added_by_hand
    refused $fs/many/39 late
}

@test "a journal that is damaged ends it: no VM claims a disk until that is settled" {
    make_claims
    cp -p $claims/vm39 /mnt/whole
    echo damaged >$claims/vm39
    run -1 virt-priv-chown claim --name asks --disk $fs/many/39
    [[ $output == *"$claims/vm39:1: "* ]]
    [ ! -e $claims/.index ]
    run -1 virt-priv-chown claim --name asks --disk $fs/free
    [[ $output == *"cannot determine whether another VM has claimed it"* ]]
    [ "$(owner $fs/free)" = alice:alice ]
    cat /mnt/whole >$claims/vm39
    virt-priv-chown claim --name free --disk $fs/free
    virt-priv-chown release --name free
    all_right
    # One that was changed in place is seen by whoever reads all.
    cat $claims/vm39 >/mnt/whole
    sed 's/^inode .*/inode 99/' /mnt/whole >$claims/vm39
    is_sealed
    virt-priv-chown recover
    [ ! -e $claims/.index ]
    cat /mnt/whole >$claims/vm39
    virt-priv-chown claim --name free --disk $fs/free
    virt-priv-chown recover
    is_sealed
    sed 's/^inode .*/inode 99/' /mnt/whole >$claims/vm39
    is_sealed
    virt-priv-chown status >/mnt/said
    grep -q vm39 /mnt/said
    [ ! -e $claims/.index ]
    cat /mnt/whole >$claims/vm39
    virt-priv-chown release --name free
    is_sealed
    virt-priv-chown status >/mnt/said
    is_sealed
    # Whoever sees it, sees to that.
    echo damaged >$claims/vm39
    run -1 virt-priv-chown status
    [ ! -e $claims/.index ]
    cat /mnt/whole >$claims/vm39
}

@test "it goes with the VMs, and what they were granted outlasts one of them" {
    local i
    make_claims
    disk $fs/closed alice:alice 0600
    virt-priv-chown claim --name a --grant-read --disk $fs/closed,readonly
    virt-priv-chown claim --name b --grant-read --disk $fs/closed,readonly
    is_sealed
    virt-priv-chown release --name a
    getfacl -cp $fs/closed | grep -qx user:qemu:r--
    virt-priv-chown release --name b
    run ! grep -q user:qemu <(getfacl -cp $fs/closed)
    for i in {32..39}; do
        rm $claims/vm$i
    done
    virt-priv-chown claim --name free --disk $fs/free
    virt-priv-chown release --name free
    is_sealed
    virt-priv-chown release --name vm31
    [ ! -e $claims/.index ]
    [ "$(owner $fs/many/30) $(owner $fs/many/31)" = "qemu:qemu root:root" ]
}
