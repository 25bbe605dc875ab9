# What the tests of virt-priv-conf share. "$conf" is the program under test, "$admin" the file
# that it edits, "$vendor" the package's.
# shellcheck shell=bash disable=SC2034,SC2154

conf=$VP_BUILD/virt-priv-conf
admin=/etc/libvirt/qemu.conf
work=/mnt/confedit

# The vendor file and /var/lib are the tests' own; the machine may have the package installed.
confedit_setup() {
    vendor=$("$VP_BUILD/tests/settings-dump" --vendor)
    share=${vendor%/*/*}
    mount -t tmpfs -o mode=0755 tmpfs "$share"
    mount -t tmpfs -o mode=0755 tmpfs /var/lib
    install -D -m 0644 conf/qemu.conf "$vendor"
    rm -rf /etc/libvirt "$work"
    mkdir -m 0755 /etc/libvirt "$work"
}

confedit_teardown() {
    umount "$share" /var/lib
    # What a test that failed has left.
    while umount -q "$admin" || umount -q /etc/libvirt || umount -q "$work"; do :; done
    rm -rf "$work"
}

# write FILE: standard input as a settings file.
write() {
    cat >"$1"
    chmod 0600 "$1"
}

# fails STATUS TEXT COMMAND...: with that message, and the admin's file as it was, if there is one.
fails() {
    local wanted=$1 text=$2 before
    shift 2
    before=$(cat "$admin" 2>&1 | sha256sum)
    run "$@"
    echo "status $status: $output"
    [ "$status" -eq "$wanted" ] && [[ $output == *"$text"* ]] && [ "$(cat "$admin" 2>&1 | sha256sum)" = "$before" ]
}

# What has been left beside the settings.
litter() {
    find /etc/libvirt -mindepth 1 ! -name qemu.conf
}
