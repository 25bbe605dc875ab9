#!/bin/bash
# rpm's sysusers.sh makes the user of a "m" line at once, with no regard to the "u" line of the same file.
#
# rpm 6.1.0 (Debian sid) and 4.20.1 (trixie). sysusers.d(5): "m" lines are processed after all others, so their
# order does not matter; systemd-sysusers 252 does so (shown where it is installed). The script goes through the lines as they come: an
# "m" line makes its group and its user, without the uid, the primary group and the description of the "u" line,
# which then finds a user of that name and leaves it. rpm itself brings the lines into that order: they are the
# package's Provides, sorted, and groupmember(...) comes before user(...). No message, exit status 0.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# user LINES PROGRAM WORD...: the user's line in passwd, behind the program on a host without it.
user() {
    local lines=$1 root=$work/root
    shift
    rm -rf "$root"
    mkdir -p "$root/etc"
    printf 'root:x:0:0::/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\n' >"$root/etc/group"
    : >"$root/etc/shadow"
    : >"$root/etc/gshadow"
    cp /etc/login.defs "$root/etc"
    printf '%s\n' "$lines" | "$@" --root "$root" - >&2 || return
    echo "$(grep ^vmuser: "$root/etc/passwd"), primary group $(awk -F: -v gid="$(awk -F: '$1 == "vmuser" { print $4 }' \
        "$root/etc/passwd")" '$3 == gid { print $1 }' "$root/etc/group")"
}

first=$'m vmuser vmgroup\nu vmuser 107 "a user" - -'
last=$'u vmuser 107 "a user" - -\nm vmuser vmgroup'
status=0
command -v systemd-sysusers >/dev/null && echo "systemd-sysusers, m line first: $(user "$first" systemd-sysusers)"
for row in sid=6.1.0-1 trixie=4.20.1+dfsg-3; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "rpm=${row#*=}" || exit
    script=$work/$suite/usr/lib/rpm/sysusers.sh
    echo "rpm ${row#*=}, u line first: $(user "$last" bash "$script")"
    seen=$(user "$first" bash "$script")
    echo "rpm ${row#*=}, m line first: $seen"
    case $seen in
    vmuser:x:107:*) echo "the order makes no difference any more" && status=1 ;;
    vmuser:x:[0-9]*::/:*"primary group vmgroup") ;;
    *) status=1 ;;
    esac
done
exit $status
