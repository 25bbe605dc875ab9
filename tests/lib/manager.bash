# shellcheck shell=bash
# How packages are had here: $manager is apt-get, dnf or none.

export manager=none
if command -v apt-get >/dev/null; then
    manager=apt-get
elif command -v dnf >/dev/null; then
    manager=dnf
fi

# is_dnf5: whether dnf is that, some of whose options have other names than those of dnf 4.
is_dnf5() {
    [ "$manager" = dnf ] && dnf --version 2>/dev/null | grep -q '^dnf5'
}

# debian_release: the name of the release whose packages apt-get installs, sid too, whose own files do not say so.
debian_release() {
    apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' 'Origin: Debian' | head -n 1
}

# unpack_packages ROOT: the files of the packages in the current directory, into ROOT.
unpack_packages() {
    local package
    mkdir -p "$1"
    for package in ./*.deb ./*.rpm; do
        case $package in
        *"*"*) ;;
        *.deb) dpkg-deb --extract "$package" "$1" ;;
        *.rpm) rpm2cpio "$package" | (cd "$1" && cpio --quiet -idu) ;;
        esac
    done
}
