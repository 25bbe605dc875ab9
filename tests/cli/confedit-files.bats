# virt-priv-conf: the file that it replaces.

bats_require_minimum_version 1.5.0

setup() {
    load confedit.bash
    confedit_setup
}

teardown() {
    confedit_teardown
}

# facts FILE: all about it but content, size, times and inode.
facts() {
    stat -c '%F %a %u:%g %h' "$1"
    getfacl -cpn "$1"
    /usr/bin/python3 -c 'import os, sys
for name in sorted(os.listxattr(sys.argv[1])):
    print(name, os.getxattr(sys.argv[1], name))' "$1"
}

@test "owner, mode, ACL and attributes are kept; the file is a new one" {
    printf 'a = 1\n' | write "$admin"
    chgrp team "$admin"
    chmod 0640 "$admin"
    setfacl -m u:alice:r,g:kvm:r "$admin"
    /usr/bin/python3 -c 'import os, sys
os.setxattr(sys.argv[1], "user.note", b"the admin\0s")
os.setxattr(sys.argv[1], "trusted.note", b"")
os.setxattr(sys.argv[1], "security.note", b"x" * 300)' "$admin"
    facts "$admin" >"$work/facts"
    inode=$(stat -c %i "$admin")
    "$conf" set user bob
    facts "$admin" | diff "$work/facts" -
    [ "$(stat -c %i "$admin")" != "$inode" ]
    [ "$(grep -c note <"$work/facts")" -eq 3 ]
    "$conf" unset user
    facts "$admin" | diff "$work/facts" -
    [ "$(litter)" = "" ]
}

@test "an SELinux label is kept, and what vouches for the content is not" {
    printf 'a = 1\n' | write "$admin"
    # Without a policy in force, the kernel takes any label.
    /usr/bin/python3 -c 'import os, sys
os.setxattr(sys.argv[1], "security.selinux", b"system_u:object_r:virt_etc_t:s0\0")
try:
    os.setxattr(sys.argv[1], "security.ima", b"\4\1x")
except OSError as error:
    print(error)' "$admin"
    "$conf" set user bob
    facts "$admin" | grep -F "security.selinux b'system_u:object_r:virt_etc_t:s0\x00'"
    run ! grep -F "security.ima b'\\x04\\x01x'" <<<"$(facts "$admin")"
}

@test "the ACL that a directory gives to new files is not taken on" {
    printf 'a = 1\n' | write "$admin"
    setfacl -d -m u:alice:rwx /etc/libvirt
    facts "$admin" >"$work/facts"
    "$conf" set user bob
    facts "$admin" | diff "$work/facts" -
}

@test "modes that the settings may have stay, whatever the umask" {
    for mode in 0600 0400 0644 0640 0444 0755; do
        printf 'a = 1\n' | write "$admin"
        chmod "$mode" "$admin"
        (umask 0777 && "$conf" set user bob)
        [ "$(stat -c 0%a "$admin")" = "$mode" ]
    done
}

@test "nothing is written where nothing changes" {
    printf 'user = "bob"\n' | write "$admin"
    before=$(stat -c '%i %Y %Z' "$admin")
    "$conf" set user bob
    "$conf" unset group
    "$conf" restore-default
    [ "$(stat -c '%i %Y %Z' "$admin")" = "$before" ]
}

@test "where there is no file, set and revert-to-root start from the package's, for root alone" {
    run -0 "$conf" unset user
    [ "$output" = "$admin does not exist; user is not set (unchanged)" ]
    run -0 "$conf" restore-default
    [ ! -e "$admin" ]
    (umask 0 && "$conf" set user bob)
    # Without its header, which says what the package's file is.
    sed '1,/^$/d; s/^user = "qemu"/user = "bob"/' conf/qemu.conf | cmp - "$admin"
    run ! grep -i 'do not edit' "$admin"
    [ "$(stat -c '%a %U:%G' "$admin")" = "600 root:root" ]
    rm -r /etc/libvirt
    "$conf" revert-to-root
    [ "$(stat -c '%a %U:%G' /etc/libvirt "$admin")" = $'755 root:root\n600 root:root' ]
    run -0 "$conf" restore-default
    [[ $output == *"$admin: removed, since nothing is set in it that $vendor does not set"* ]]
    [ ! -e "$admin" ]
    [ "$(litter)" = "" ]
}

@test "what is taken away again leaves no file where there was none, and else the file" {
    local begin commands left
    while IFS='|' read -r begin commands left; do
        rm -f "$admin" "$work"/other
        eval "$begin"
        while read -rd ';' command; do
            # shellcheck disable=SC2086
            "$conf" $command >/dev/null
        done <<<"$commands;"
        [ "$([ -L "$admin" ] && echo link || { [ -e "$admin" ] && echo file || echo none; })" = "$left" ] ||
            { echo "for $begin $commands: $(ls -l "$admin")" && return 1; }
        [ "$(litter)" = "" ]
    done <<'EOT'
:|revert-to-root;restore-default|none
:|set max_files 5;unset max_files|none
:|set max_files 5;revert-to-root;restore-default|file
:|set max_files 5;set max_core 5;unset max_files|file
:|revert-to-root;restore-default;revert-to-root;restore-default|none
install -m 0600 conf/qemu.conf "$admin"|revert-to-root;restore-default|file
install -m 0600 "$(tests/lib/distribution-qemu-conf)" "$admin"|revert-to-root;restore-default|file
sed '1,/^$/d' conf/qemu.conf >"$work/other"; chmod 600 "$work/other"; ln -s "$work/other" "$admin"|revert-to-root;restore-default|link
EOT
}

@test "what is refused makes no file and no directory" {
    rmdir /etc/libvirt
    run -2 "$conf" set user ''
    run -2 "$conf" set usre x
    [ ! -e /etc/libvirt ]
    rm "$vendor"
    run -2 "$conf" set user bob
    [[ $output == *"neither $admin nor $vendor exists"* ]]
    [ ! -e "$admin" ]
    mkdir -p /etc/libvirt
    chown alice /etc/libvirt
    run -2 "$conf" set user bob
    [[ $output == *"its directory is writable by users other than root"* ]]
}

@test "where there is no file at all, a key is at its default; and a package's file that is not root's is no start" {
    rm "$vendor"
    fails 1 "no settings file exists; user has its default" "$conf" get user
    cp conf/qemu.conf "$vendor"
    chown alice "$vendor"
    fails 2 "cannot trust the settings in $vendor: it is owned by uid 6001, not root" "$conf" set user bob
    fails 2 "cannot trust the settings in $vendor: it is owned by uid 6001, not root" "$conf" get user
    [ ! -e "$admin" ]
}

@test "what is read is a whole file of a sensible size" {
    truncate -s $((10 * 1024 * 1024 + 1)) "$admin"
    fails 2 "cannot read settings from $admin: larger than 10485760 bytes" "$conf" get user
    fails 2 "cannot read settings from $admin: larger than 10485760 bytes" "$conf" set user bob
    # A file of the kernel has another length than it says, like one that is being written.
    fails 2 "cannot read settings from /proc/version: the file changed while it was read; try again" "$conf" --config /proc/version get user
}

@test "a symbolic link of root's is followed, and stays" {
    mkdir "$work/real"
    printf 'a = 1\n' | write "$work/real/q.conf"
    ln -s "$work/real/q.conf" "$admin"
    "$conf" set user bob
    [ -L "$admin" ]
    diff "$work/real/q.conf" - <<<$'a = 1\nuser = "bob"'
    [ "$(find "$work/real" -mindepth 1)" = "$work/real/q.conf" ]
}

@test "a link on an unsafe path is refused" {
    mkdir "$work/alice"
    printf 'a = 1\n' | write "$work/alice/q.conf"
    chown alice "$work/alice"
    ln -s "$work/alice/q.conf" "$admin"
    fails 2 "cannot edit $admin: $work/alice/q.conf is owned by root, but the directory $work/alice by alice" "$conf" set user bob
    rm "$admin"
    mkdir -m 1777 "$work/tmp"
    printf 'a = 1\n' | write "$work/tmp/q.conf"
    ln -s "$work/tmp/q.conf" "$admin"
    fails 2 "the directory $work/tmp (mode " "$conf" set user bob
    rm "$admin"
    ln -s "$work/none" "$admin"
    fails 2 "$admin is a dangling symbolic link" "$conf" set user bob
    fails 2 "$admin is a dangling symbolic link" "$conf" unset user
    fails 2 "$admin is a dangling symbolic link" "$conf" get user
}

@test "what is no plain file of root's is refused" {
    printf 'a = 1\n' | write "$admin"
    ln "$admin" /etc/libvirt/second
    fails 2 "cannot edit $admin: it has 2 hard links" "$conf" set user bob
    rm /etc/libvirt/second
    chmod 0666 "$admin"
    fails 2 "cannot trust the settings in $admin: mode 0666 makes it writable" "$conf" set user bob
    rm "$admin"
    mkfifo -m 0600 "$admin"
    run -2 timeout 60 "$conf" set user bob
    [[ $output == *": not a regular file"* ]]
    rm "$admin"
    mkdir "$admin"
    run -2 "$conf" set user bob
    [[ $output == *": not a regular file"* ]]
    rmdir "$admin"
    ln -s /dev/null "$admin"
    run -2 "$conf" set user bob
}

@test "--config: another file, by a relative path too, and no new one" {
    printf 'a = 1\n' | write "$work/q.conf"
    cd "$work"
    run -0 "$conf" --config q.conf set user bob
    [ "${lines[0]}" = "$work/q.conf:2: user = \"bob\" (changed, was not set)" ]
    [ "$("$conf" -c q.conf get user)" = bob ]
    [ ! -e "$admin" ]
    run -2 "$conf" -c other.conf set user bob
    [ ! -e other.conf ]
}

@test "a file system that is read-only or full: as it was, and said so" {
    printf 'a = 1\n' | write "$admin"
    mount --bind /etc/libvirt /etc/libvirt
    mount -o remount,bind,ro /etc/libvirt
    fails 2 "$admin is unchanged: " "$conf" set user bob
    umount /etc/libvirt
    mount -t tmpfs -o mode=0755,size=32k tmpfs /etc/libvirt
    { printf 'a = 1\n#'; head -c 20000 /dev/zero | tr '\0' x; } | write "$admin"
    fails 2 "$admin is unchanged: " "$conf" set user bob
    [ "$(litter)" = "" ]
    umount /etc/libvirt
}

@test "a file that is mounted by itself cannot be replaced, and is as it was" {
    printf 'a = 1\n' | write "$admin"
    mount --bind "$admin" "$admin"
    fails 2 "it is a mount point" "$conf" set user bob
    [ "$(litter)" = "" ]
    umount "$admin"
}

@test "a file that cannot be changed is as it was" {
    printf 'a = 1\n' | write "$admin"
    mount -t tmpfs -o mode=0755 tmpfs "$work"
    truncate -s 4M "$work/fs"
    mkfs.ext4 -q "$work/fs"
    mkdir "$work/mnt"
    mount -o loop "$work/fs" "$work/mnt" || skip "no loop device here"
    printf 'a = 1\n' | write "$work/mnt/q.conf"
    chattr +i "$work/mnt/q.conf"
    run -2 "$conf" -c "$work/mnt/q.conf" set user bob
    chattr -i "$work/mnt/q.conf"
    umount "$work/mnt"
    [[ $output == *"is unchanged: "*"Operation not permitted" ]]
    umount "$work"
}

@test "size: what would become too large is refused" {
    { yes '# a comment' || true; } | head -c $((10 * 1024 * 1024)) | write "$admin"
    fails 2 "the new file would be larger than 10485760 bytes" "$conf" set user bob
    # And it takes no time to edit one that is nearly as large.
    { yes 'user = "x"' || true; } | head -n 900000 | write "$admin"
    timeout 120 "$conf" set user bob
    [ "$(head -n 1 "$admin")" = 'user = "bob"' ]
}

# --- Several editors

@test "two editors at once: both edits are there, over and over" {
    local i
    for i in {1..40}; do
        printf '# start\n' | write "$admin"
        "$conf" set user "a$i" >/dev/null &
        one=$!
        "$conf" set group "b$i" >/dev/null &
        two=$!
        "$conf" set max_files "$i" >/dev/null
        wait $one
        wait $two
        [ "$("$conf" get user) $("$conf" get group) $("$conf" get max_files)" = "a$i b$i $i" ]
        [ "$(wc -l <"$admin")" -eq 4 ]
    done 2>/dev/null
    [ "$(litter)" = "" ]
}

@test "many editors at once, through two names: all edits are there" {
    printf '# start\n' | write "$admin"
    ln -s libvirt /etc/other
    for i in {1..30}; do
        "$conf" -c "/etc/$([ $((i % 2)) = 0 ] && echo libvirt || echo other)/qemu.conf" set --force "key_$i" "$i" >/dev/null &
    done
    wait
    rm /etc/other
    sort "$admin" | diff - <({ echo '# start' && for i in {1..30}; do echo "key_$i = $i"; done; } | sort)
}

@test "readers meanwhile see the old file or the new one" {
    printf 'user = "a"\n' | write "$admin"
    (for _ in {1..60}; do "$conf" set user b && "$conf" set user a || exit; done) >/dev/null &
    while kill -0 $! 2>/dev/null; do
        case $(<"$admin") in
        'user = "a"' | 'user = "b"') ;;
        *) return 1 ;;
        esac
    done
}

@test "the editor waits for another that has the directory locked" {
    printf '# start\n' | write "$admin"
    # shellcheck disable=SC2016 # for that shell
    flock /etc/libvirt sh -c 'touch "$0"; sleep 1; touch "$0.no-more"' "$BATS_TEST_TMPDIR/held" &
    until [ -e "$BATS_TEST_TMPDIR/held" ]; do sleep 0.02; done
    "$conf" set user bob
    [ -e "$BATS_TEST_TMPDIR/held.no-more" ]
    wait
}
