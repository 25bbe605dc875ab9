#!/bin/bash
# rpm's sysusers.sh does not use a free uid whose digits stand in another account's.
#
# rpm 6.1.0 (Debian sid) and 4.20.1 (trixie), the script that makes a package's accounts where rpm does not call
# systemd-sysusers. sysusers.d(5): the uid of a "u" line is used if it is free. hasuid() in the script greps the
# third fields of passwd for the digits without anchoring them, so 107 counts as taken where an account has 1107:
# the group gets 107, and the user the next uid that useradd -r has. systemd-sysusers gives 107 to both.
# No message, exit status 0. It hurts where a uid is agreed upon between hosts, as with disks on NFS.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# accounts SCRIPT: "UID GID" of the user that the script makes on a host with an account 1107.
accounts() {
    local root=$work/root
    rm -rf "$root"
    mkdir -p "$root/etc"
    printf 'root:x:0:0::/root:/bin/sh\nbuild:x:1107:1107::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nbuild:x:1107:\n' >"$root/etc/group"
    : >"$root/etc/shadow"
    : >"$root/etc/gshadow"
    cp /etc/login.defs "$root/etc"
    printf 'g vmuser 107\nu vmuser 107:vmuser "a user" - -\n' | bash "$1" --root "$root" - >&2 || return
    awk -F: '$1 == "vmuser" { print $3, $4 }' "$root/etc/passwd"
}

status=0
for row in sid=6.1.0-1 trixie=4.20.1+dfsg-3; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "rpm=${row#*=}" || exit
    seen=$(accounts "$work/$suite/usr/lib/rpm/sysusers.sh")
    echo "rpm ${row#*=}: asked for 107 107, made ${seen:-nothing}"
    case $seen in
    "107 107") echo "that is right now: the finding no longer holds" && status=1 ;;
    [0-9]*" 107") ;;
    *) status=1 ;;
    esac
done
exit $status
