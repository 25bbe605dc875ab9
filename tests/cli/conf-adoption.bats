# virt-priv-conf adopt and abandon, which the packages' scripts call: whose settings they touch,
# and what is remembered of that.

bats_require_minimum_version 1.5.0

note=/var/lib/virt-privileges/qemu.conf-was-set

setup() {
    load confedit.bash
    confedit_setup
    # What libvirt brings where it was made for another account, and for this one.
    printf '# Who.\n#user = "libvirt-qemu"\n\n#group = "libvirt-qemu"\na = 1\n' >"$work/other"
    printf '# Who.\n#user = "qemu"\n\n#group = "qemu"\na = 1\n' >"$work/ours"
    cat >"$work/block" <<'EOT'
# Who.
#user = "libvirt-qemu"
# Set by virt-privileges-libvirt, which takes these lines away when it is removed. If they
# are changed or deleted, it leaves the file alone.
user = "qemu"
group = "qemu"
# end of virt-privileges-libvirt

#group = "libvirt-qemu"
a = 1
EOT
    sed 's/^group = "qemu"/group = "kvm"/' "$work/block" >"$work/edited"
    { cat "$work/other"; echo 'user = "alice"'; } >"$work/user"
    { cat "$work/other"; echo 'group = "team"'; } >"$work/group"
    { cat "$work/other"; echo 'user = alice'; } >"$work/malformed"
    cp "$work/other" "$work/alices"
}

teardown() {
    while umount -q /var/lib/virt-privileges; do :; done
    confedit_teardown
}

# begin STATE NOTED: such a file of settings; link and dangling: a link in its place.
begin() {
    rm -rf "$admin" /etc/libvirt/linked "${note%/*}"
    case $1 in
    missing) ;;
    link)
        write /etc/libvirt/linked <"$work/other"
        ln -s linked "$admin"
        ;;
    dangling) ln -s linked "$admin" ;;
    *) write "$admin" <"$work/$1" ;;
    esac
    [ "$1" != alices ] || chown alice "$admin"
    if [ "$2" = noted ]; then
        install -D -m 0644 /dev/null "$note"
    fi
}

# is STATE NOTED: what the file is now, and whether it is remembered that it was set.
is() {
    case $1 in
    missing) [ ! -e "$admin" ] && [ ! -L "$admin" ] ;;
    dangling) [ -L "$admin" ] && [ ! -e "$admin" ] ;;
    link) [ -L "$admin" ] && cmp "$work/other" "$admin" ;;
    *) [ ! -L "$admin" ] && cmp "$work/$1" "$admin" ;;
    esac || return 1
    # Without a note the directory of records goes, too.
    if [ "$2" = noted ]; then
        [ -f "$note" ]
    else
        [ ! -e "${note%/*}" ]
    fi
}

@test "each state of the file, with what was remembered of it" {
    local command before noted status_wanted after noted_then text inode n=0
    while IFS='|' read -r command before noted status_wanted after noted_then text; do
        echo "$command, $before, $noted"
        begin "$before" "$noted"
        inode=$(stat -c %i "$admin" 2>&1 || true)
        run -"$status_wanted" "$conf" --verbose "$command"
        echo "$output"
        is "$after" "$noted_then"
        # What is as it was has not been written anew.
        [ "$before" != "$after" ] || [ "$(stat -c %i "$admin" 2>&1 || true)" = "$inode" ]
        [[ $output == *"$text"* ]]
        [ -n "$text" ] || [ -z "$output" ]
        n=$((n + 1))
    done <<EOT
adopt|other|-|0|block|noted|$admin:5: user = "qemu" and group = "qemu" (changed)
adopt|other|noted|0|other|noted|$admin was changed once before; not changed again
adopt|block|-|0|block|noted|
adopt|block|noted|0|block|noted|
adopt|ours|-|0|ours|-|
adopt|user|-|0|user|-|$admin sets user or group; not changed
adopt|group|-|0|group|-|$admin sets user or group; not changed
adopt|edited|noted|0|edited|noted|$admin sets user or group; not changed
adopt|link|-|0|link|-|the settings file is a symbolic link; not changed
adopt|dangling|-|0|dangling|-|the settings file is a symbolic link; not changed
adopt|missing|-|0|missing|-|
adopt|missing|noted|0|missing|-|
adopt|malformed|-|2|malformed|-|$admin:6:8: 
adopt|alices|-|2|alices|-|cannot trust the settings in $admin: it is owned by uid 6001
abandon|block|noted|0|other|-|$admin:3: user and group removed (changed)
abandon|block|-|0|other|-|$admin:3: user and group removed (changed)
abandon|edited|noted|0|edited|-|$admin:3: the lines of virt-privileges-libvirt were changed; not removed
abandon|other|noted|0|other|-|
abandon|user|noted|0|user|-|
abandon|link|noted|0|link|-|
abandon|dangling|noted|0|dangling|-|
abandon|missing|noted|0|missing|-|
abandon|malformed|noted|2|malformed|-|$admin:6:8: 
EOT
    [ "$n" -eq 23 ]
}

@test "there and back, of libvirt's own file: the same bytes, and adopted once" {
    install -m 0600 "$(tests/lib/distribution-qemu-conf)" "$admin"
    "$conf" adopt
    if grep -q '^#user = "qemu"' "$admin"; then
        cmp "$admin" "$(tests/lib/distribution-qemu-conf)"
    else
        [ "$("$conf" get user) $("$conf" get group)" = "qemu qemu" ]
    fi
    "$conf" abandon
    cmp "$admin" "$(tests/lib/distribution-qemu-conf)"
}

@test "an ordinary user adopts nothing" {
    begin other -
    chmod 0644 "$admin"
    # Where it was built, others need not come.
    cp "$conf" "$work/conf"
    fails 2 "must be run as root to edit the settings" setpriv --reuid alice --regid alice --clear-groups "$work/conf" adopt
    is other -
}

@test "a note that cannot be kept is warned of, and the settings are set" {
    begin other -
    mount -t tmpfs -o ro,mode=0755 tmpfs /var/lib
    run -0 "$conf" adopt
    umount /var/lib
    [[ $output == *"warning: cannot create the directory ${note%/*}: Read-only file system"* ]]
    is block -

    begin other -
    mkdir "${note%/*}"
    mount -t tmpfs -o ro,mode=0755 tmpfs "${note%/*}"
    run -0 "$conf" adopt
    umount "${note%/*}"
    [[ $output == *"warning: cannot write $note: Read-only file system"* ]]
    [ ! -e "$note" ]
    cmp "$work/block" "$admin"
}

@test "a note that cannot be removed is warned of, and the settings are given back" {
    begin block noted
    mount --bind "${note%/*}" "${note%/*}"
    mount -o remount,bind,ro "${note%/*}"
    run -0 "$conf" abandon
    umount "${note%/*}"
    [[ $output == *"warning: cannot remove $note: Read-only file system"* ]]
    is other noted
}
