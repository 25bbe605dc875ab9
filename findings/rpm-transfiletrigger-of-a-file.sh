#!/bin/bash
# rpm never runs a %transfiletriggerin whose prefix is a file's whole path; %filetriggerin of the same prefix runs.
#
# rpm 4.18.0, 4.20.1 and 6.1.0 (Debian bookworm, trixie, sid). rpm's manual calls what stands behind "--" a path
# prefix and says the same of both kinds, and a path begins with itself. The per-transaction kind looks its prefix
# up among directories (those of the packages that are there), so it wants a prefix of the directory's name.
# rpmbuild does not say a word; a package that waits for another one's settings file just never acts.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Six packages that wait, one trigger each, and one with the file.
mkdir "$work/specs"
package() {
    printf 'Name: %s\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%%description\nx\n' "$1"
    cat
}
for kind in filetriggerin transfiletriggerin; do
    for prefix in /etc/thing /etc/thing/th /etc/thing/thing.conf; do
        name=$kind-$(basename "$prefix")
        printf '%%%s -p <lua> -- %s\nprint("%s %s")\n%%files\n' "$kind" "$prefix" "$kind" "$prefix" |
            package "$name" >"$work/specs/$name.spec"
    done
done
printf '%%install\nmkdir -p %%{buildroot}/etc/thing\necho >%%{buildroot}/etc/thing/thing.conf\n%%files\n/etc/thing/thing.conf\n' |
    package thing >"$work/specs/thing.spec"

# In the suite's root: build all, install those that wait, then the one with the file.
cat >"$work/inside" <<'INSIDE'
for spec in /specs/*.spec; do
    rpmbuild --quiet --nodeps --define '_topdir /top' -bb "$spec" >/log 2>&1 || { cat /log >&2; exit 1; }
done
mkdir -p /target
options='--root /target --nosignature --nodeps --force-debian'
rpm --help | grep -q force-debian || options=${options% *}
rpm $options -i /top/RPMS/noarch/*trigger*.rpm && rpm $options -i /top/RPMS/noarch/thing-1-1.noarch.rpm
INSIDE

expected='filetriggerin /etc/thing
filetriggerin /etc/thing/th
filetriggerin /etc/thing/thing.conf
transfiletriggerin /etc/thing'
status=0
for row in bookworm=4.18.0+dfsg-1+deb12u1 trixie=4.20.1+dfsg-3 sid=6.1.0-1; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "rpm=${row#*=}" base-files bash dash coreutils findutils grep sed gawk tar \
        gzip diffutils util-linux || exit
    cp -r "$work/specs" "$work/inside" "$work/$suite"
    mkdir -p "$work/$suite/var/tmp" "$work/$suite/tmp"
    [ -e "$work/$suite/dev/null" ] || mknod -m 666 "$work/$suite/dev/null" c 1 3
    seen=$(chroot "$work/$suite" /bin/bash /inside 2>"$work/errors" | sort)
    printf 'rpm %s, run behind the installation of /etc/thing/thing.conf:\n%s\n' "${row#*=}" "$seen"
    [ "$seen" = "$expected" ] || {
        cat "$work/errors" >&2
        status=1
    }
done
exit $status
