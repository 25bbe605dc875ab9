#!/bin/bash
# Debian's dnf5 ends with status 1 after an installation that has succeeded, as its packages do without createrepo_c.
#
# dnf5 5.4.6.0-2 (Debian sid), installing on the host itself; with --installroot it ends with 0. The plugin "local",
# which copies packages into a repository below /var/lib/dnf/plugins and has createrepo_c make its metadata, is part
# of libdnf5-2 and switched on there: "enabled = host-only". Its manual says that createrepo_c is required, but
# neither libdnf5-2 nor dnf5 depends on it, recommends or suggests it; in upstream's own spec file the plugin is a
# package by itself, which does. The package is installed, and in the place of "Complete!" dnf5 says "Createrepo_c
# process exited with code 255", with no word of what is missing. A script under "set -e" stops there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/packages" sid "$work/sid" dnf5=5.4.6.0-2 bash dash coreutils findutils grep sed tar gzip diffutils util-linux || exit
mkdir -p "$work/sid/tmp" "$work/sid/var/tmp"
[ -e "$work/sid/dev/null" ] || mknod -m 666 "$work/sid/dev/null" c 1 3
[ -e "$work/sid/dev/urandom" ] || mknod -m 666 "$work/sid/dev/urandom" c 1 9

cat >"$work/sid/inside" <<'INSIDE'
cd /tmp
printf 'Name: thing\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%%description\nx\n%%files\n' >thing.spec
rpmbuild --quiet --nodeps --define '_topdir /tmp/top' -bb thing.spec >log 2>&1 || { cat log >&2; exit 1; }

# install LABEL DNF5-OPTION...: what dnf5 ends with, whether the package is there, and what dnf5 says last.
install() {
    local label=$1 root=/ option status
    shift
    for option in "$@"; do
        case $option in --installroot=*) root=${option#*=} ;; esac
    done
    dnf5 -y "$@" install top/RPMS/noarch/thing-1-1.noarch.rpm >log 2>&1
    status=$?
    cat log >>/tmp/all
    echo "$label: status $status, $(rpm --root "$root" -q thing), $(tail -n 1 log)"
}
command -v createrepo_c || echo "createrepo_c is not among what dnf5 depends on"
install "in another root" --installroot=/tmp/target
install "on the host"
rpm -e thing
install "without the plugin" --disable-plugin=local
INSIDE
cat >"$work/expected" <<'ROWS'
createrepo_c is not among what dnf5 depends on
in another root: status 0, thing-1-1.noarch, Complete!
on the host: status 1, thing-1-1.noarch, Createrepo_c process exited with code 255
without the plugin: status 0, thing-1-1.noarch, Complete!
ROWS
echo "dnf5 5.4.6.0-2, installing a package:"
chroot "$work/sid" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/root bash /inside | tee "$work/seen"
diff "$work/expected" "$work/seen" >&2 || {
    cat "$work/sid/tmp/all" >&2
    exit 1
}
