# File systems and processes that can't keep libvirt's attributes: the journal
# alone remembers the owner, and where no owner can be changed nothing is.

bats_require_minimum_version 1.5.0

setup() {
    PATH=$VP_BUILD:$PATH
    here=/mnt/here
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges /run/virt-privileges
    mkdir -p "$here"
    qemu=$(id -u qemu):$(id -g qemu)
    export here qemu
    export -f owner attributes make_file claimed clean round noted refused
}

teardown() {
    umount -R "$here" 2>/dev/null || true
}

owner() {
    stat -c '%u:%g %a' "$1"
}

# None as well where there is no such thing.
attributes() {
    /usr/bin/python3 -c '
import os, sys
try:
    print(*(name for name in os.listxattr(sys.argv[1]) if name.startswith("trusted.")))
except OSError:
    pass' "$1"
}

make_file() {
    echo data >"$1"
    chown 6001:6100 "$1"
    chmod 0640 "$1"
}

# claimed FILE, clean FILE: as it is during a claim, and afterwards.
claimed() {
    echo "# $1: $(owner "$1") $(attributes "$1")"
    [ "$(owner "$1")" = "$qemu 640" ]
}

clean() {
    echo "# $1: $(owner "$1") $(attributes "$1")"
    [ "$(owner "$1")" = "6001:6100 640" ] && [ -z "$(attributes "$1")" ] &&
        [ -z "$(ls /var/lib/virt-privileges/claims 2>/dev/null)" ]
}

# round FILE [COMMAND...]: claim and release, run by the command.
round() {
    local file=$1
    shift
    "$@" virt-priv-chown claim --name vm1 --disk "$file" || return
    claimed "$file" || return
    "$@" virt-priv-chown release --name vm1 || return
    clean "$file"
}

# noted FILE [COMMAND...]: a round in which the claim says what is missing, and has none.
noted() {
    local file=$1
    shift
    "$@" virt-priv-chown claim --name vm1 --disk "$file" 2>/mnt/note || return
    claimed "$file" || return
    cat /mnt/note
    grep -q "$file.*recorded only in the journal" /mnt/note || return
    [ -z "$(attributes "$file")" ] || return
    "$@" virt-priv-chown release --name vm1 || return
    clean "$file"
}

# refused TEXT FILE [COMMAND...]: exit status 1, the text in the message, nothing changed.
refused() {
    local text=$1 file=$2 before status=0
    shift 2
    before="$(owner "$file") $(attributes "$file")"
    "$@" virt-priv-chown claim --name vm1 --disk "$file" >/dev/null 2>/mnt/refusal || status=$?
    echo "# status $status: $(cat /mnt/refusal)"
    grep -q "$text" /mnt/refusal || return
    [ "$status" -eq 1 ] && [ "$(owner "$file") $(attributes "$file")" = "$before" ] &&
        [ -z "$(ls /var/lib/virt-privileges/claims 2>/dev/null)" ]
}

# in_userns COMMAND...: as root of user and mount namespaces of their own, in which
# all accounts are the same as outside.
in_userns() {
    local fifo=$BATS_TEST_TMPDIR/go pid
    mkfifo "$fifo"
    # shellcheck disable=SC2016
    unshare --user --mount bash -c 'read -r <"$0"; exec "$@"' "$fifo" "$@" 3>&- &
    pid=$!
    while [ "$(readlink /proc/$pid/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do
        sleep 0.01
    done
    echo "0 0 65536" >/proc/$pid/uid_map
    echo "0 0 65536" >/proc/$pid/gid_map
    echo >"$fifo"
    wait $pid
}

ext4() {
    truncate -s 16M /mnt/here.img
    mkfs.ext4 -q -F /mnt/here.img
    "$@" /mnt/here.img "$here"
    chmod 0755 "$here"
}

without_admin() {
    setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$@"
}

@test "tmpfs" {
    mount -t tmpfs -o mode=0755 tmpfs "$here"
    make_file "$here/disk"
    round "$here/disk"
}

@test "tmpfs in a user namespace: trusted attributes are refused there" {
    in_userns bash -euc '
        mount -t tmpfs -o mode=0755 tmpfs "$here"
        make_file "$here/disk"
        /usr/bin/python3 -c "
import errno, os, sys
try:
    os.setxattr(sys.argv[1], \"trusted.test\", b\"\")
except OSError as error:
    sys.exit(error.errno != errno.EPERM)
sys.exit(1)" "$here/disk"
        noted "$here/disk"'
}

@test "user namespace without the account: refused" {
    unshare --user --mount --map-root-user bash -euc '
        mount -t tmpfs -o mode=0755 tmpfs "$here"
        echo data >"$here/disk"
        refused "qemu" "$here/disk"'
}

@test "overlayfs: a file of the upper layer" {
    mount -t tmpfs -o mode=0755 tmpfs "$here"
    mkdir "$here"/{lower,upper,work,merged}
    mount -t overlay -o "lowerdir=$here/lower,upperdir=$here/upper,workdir=$here/work" overlay "$here/merged"
    make_file "$here/merged/disk"
    round "$here/merged/disk"
}

@test "overlayfs: a file of the lower layer, which the claim copies up" {
    mount -t tmpfs -o mode=0755 tmpfs "$here"
    mkdir "$here"/{lower,upper,work,merged}
    make_file "$here/lower/disk"
    mount -t overlay -o "lowerdir=$here/lower,upperdir=$here/upper,workdir=$here/work" overlay "$here/merged"
    round "$here/merged/disk"
    # What lies below is nobody's business.
    [ "$(owner "$here/lower/disk")" = "6001:6100 640" ]
}

@test "overlayfs: a file of a lower layer on another file system" {
    ext4 mount -o loop
    mkdir "$here"/{lower,merged}
    make_file "$here/lower/disk"
    mkdir -p /mnt/above
    mount -t tmpfs -o mode=0755 tmpfs /mnt/above
    mkdir /mnt/above/{upper,work}
    mount -t overlay -o "lowerdir=$here/lower,upperdir=/mnt/above/upper,workdir=/mnt/above/work" overlay "$here/merged"
    round "$here/merged/disk"
    umount "$here/merged" /mnt/above
}

@test "overlayfs in a user namespace: trusted attributes are refused there" {
    in_userns bash -euc '
        mount -t tmpfs -o mode=0755 tmpfs "$here"
        mkdir "$here"/{lower,upper,work,merged}
        mount -t overlay -o "lowerdir=$here/lower,upperdir=$here/upper,workdir=$here/work,userxattr" overlay "$here/merged"
        make_file "$here/merged/disk"
        noted "$here/merged/disk"'
}

@test "without CAP_SYS_ADMIN: nobody else sees or writes trusted attributes" {
    ext4 mount -o loop
    make_file "$here/disk"
    noted "$here/disk" without_admin
}

@test "without CAP_SYS_ADMIN: release of what was claimed with it leaves no attribute" {
    ext4 mount -o loop
    make_file "$here/disk"
    virt-priv-chown claim --name vm1 --disk "$here/disk"
    claimed "$here/disk"
    [ -n "$(attributes "$here/disk")" ]
    # It can't remove the attributes. If it gave the file back all the same, libvirt
    # would take it for held until the next boot.
    run without_admin virt-priv-chown release --name vm1
    echo "$status: $output"
    [ "$status" -eq 1 ]
    [[ $output == *"$here/disk"* ]]
    virt-priv-chown release --name vm1
    clean "$here/disk"
}

@test "without CAP_SYS_ADMIN: release with it of what was claimed" {
    ext4 mount -o loop
    make_file "$here/disk"
    without_admin virt-priv-chown claim --name vm1 --disk "$here/disk"
    claimed "$here/disk"
    virt-priv-chown release --name vm1
    clean "$here/disk"
}

@test "FUSE, a FAT: there are no owners to change" {
    type -P fusefat || skip "no fusefat"
    truncate -s 4M /mnt/fat.img
    mkfs.fat /mnt/fat.img >/dev/null
    fusefat -o rw+,allow_other /mnt/fat.img "$here" 3>&-
    echo data >"$here/disk"
    refused "$here/disk.*owner" "$here/disk"
}

@test "FUSE, an ext4: other hosts may see its attributes, so they are left alone" {
    ext4 fuse2fs -o allow_other 3>&-
    make_file "$here/disk"
    round "$here/disk"
}

@test "a file system that is mounted read-only" {
    ext4 mount -o loop
    make_file "$here/disk"
    mount -o remount,ro "$here"
    refused "$here/disk" "$here/disk"
}

@test "a file system that takes a change of owner and does nothing" {
    ext4 mount -o loop
    make_file "$here/disk"
    refused "$here/disk.*owner" "$here/disk" strace -qq -o /dev/null -e inject=chown,fchown,fchownat,lchown:retval=0
}
