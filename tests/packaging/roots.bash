# shellcheck shell=bash
# What the suites of packages share: packages, repositories of them, and roots to
# install them into. Everything mounted is on or below /mnt, which goes with the
# namespace that tests/lib/private-host has made.
#
# A root is an overlay of one small system (tests/lib/base-root), whose libraries
# and programs rpm knows through a stand-in package (tests/lib/provides-rpm).

export all=/mnt/rpm
export rpms=$all/rpms
# The account database, and what rpm and dnf keep, in what tree() prints.
export accounts='^etc/((passwd|group|shadow|gshadow)-?|\.pwd\.lock) '
export bookkeeping='^usr/lib/sysimage|^var/(cache|lib)/(lib)?dnf|^var/log/(dnf|hawkey)|^etc/dnf|^run/dnf'

# Builds the packages into $rpms, and a repository of them and the stand-in, $all/repo.
make_packages() {
    [ "${VP_PRIVATE_HOST-}" = yes ]
    mkdir -p "$all"/home/empty
    # rpm's own settings: a database where Fedora has it.
    export HOME=$all/home
    echo '%_dbpath /usr/lib/sysimage/rpm' >"$HOME/.rpmmacros"
    # The plugin of rpm 6 that hides directories from scriptlets: with a root it does not, and says so each time.
    echo '%__transaction_unshare %{nil}' >>"$HOME/.rpmmacros"
    # Debian's rpm wants this option before it installs anything.
    force=$(rpm --help | grep -o -- --force-debian || true)
    export force
    arch=$(rpm --eval '%{_arch}')
    export arch
    base=$(tests/lib/base-root)
    export base
    copy_packages "$rpms"
    new_repo repo "$rpms"/virt-privileges-[0-9]*."$arch.rpm" "$rpms"/virt-privileges-libvirt-*.rpm
    package=$(echo "$all"/repo/virt-privileges-[0-9]*)
    export package
}

# copy_packages DIR [RPMBUILD-OPTION]...: the packages of this tree, which suites make once for all of them.
copy_packages() {
    local made
    made=$(tests/lib/packages "${@:2}")
    mkdir -p "$1"
    cp "$made"/*.rpm "$1"
}

# earlier_packages DIR: the packages as a release before this one's would have them.
earlier_packages() {
    copy_packages "$1" --define 'dist ~earlier'
}

# new_repo NAME RPM...: a repository at $all/NAME, and dnf's settings for it alone, no plugins.
# Provides of the stand-in that match $without are left out.
new_repo() {
    local name=$1
    shift
    mkdir -p "$all/$name"
    cp "$@" "$all/$name"
    tests/lib/provides-rpm "$base" "$all/$name" "${without-^$}"
    createrepo_c --quiet "$all/$name"
    cat >"$all/$name.conf" <<CONF
[main]
gpgcheck=False
plugins=False
reposdir=$all/home/empty
varsdir=$all/home/empty
cachedir=/var/cache/dnf
[$name]
name=$name
baseurl=file://$all/$name
CONF
}

# What must be the same after all of this. /run and /etc are those of private-host.
host_state() {
    stat -c '%i %a %u %g %z' /dev/kvm 2>&1 || true
    sha256sum /etc/passwd /etc/group /etc/shadow /etc/gshadow
    # /run/mount is mount's own.
    find /run /etc /usr/lib/sysusers.d /usr/lib/udev /usr/lib/tmpfiles.d /usr/lib/systemd | grep -v '^/run/mount' | sort
}

# mount_root NAME LOWER: an overlay of these directories at $all/NAME.
mount_root() {
    local dir=$all/$1
    mkdir "$dir" "$dir.upper" "$dir.work"
    # By mount(2): fsconfig(2) takes no value of more than 255 characters, and these have many layers.
    LIBMOUNT_FORCE_MOUNT2=always mount -t overlay -o "lowerdir=$2,upperdir=$dir.upper,workdir=$dir.work" overlay "$dir"
}

# new_root NAME [BASE]: a copy of the base, or of the root of that name, at $all/NAME.
new_root() {
    mount_root "$1" "${2+$all/}${2-$base}"
    # Fedora's package filesystem has it, and Debian does not.
    mkdir -p "$all/$1/usr/share/licenses"
}

drop_root() {
    umount --recursive "$all/$1" || return
    rm -rf "${all:?}/$1" "$all/$1.upper" "$all/$1.work"
}

# keep_root NAME LAYER LOWER: what was done to the root above these directories stays in $all/layers/LAYER.
keep_root() {
    local layer=$all/layers/$2
    umount --recursive "$all/$1"
    mkdir -p "$layer"
    mv "$all/$1.upper" "$layer/upper"
    echo "$layer/upper:$3" >"$layer/lower"
    rm -rf "${all:?}/$1" "$all/$1.work"
}

# dnf_in ROOT COMMAND...: what dnf does with $all/repo, or $repo.
dnf_in() {
    local root=$all/$1
    shift
    "$(type -P dnf5 || type -P dnf)" --config "$all/${repo-repo}.conf" --installroot "$root" --releasever 0 \
        --setopt=module_platform_id=platform:vp --assumeyes "$@"
}

# scriptlets_said: of what dnf or rpm has printed, on standard input, all but dnf5's marks and its word about
# signatures, what rpm 4.20 says of each root, and what systemctl says, since systemd 257, in one without /proc.
scriptlets_said() {
    sed -E 's/^>>> ?//; /^Warning: skipped OpenPGP checks for /d; /^warning: private mounts in chroot not implemented$/d
        / \/proc\/ is not mounted\. /,/^Your mileage may vary\.$/d'
}

# rpm_in ROOT OPTION...
rpm_in() {
    local root=$all/$1
    shift
    # shellcheck disable=SC2086 # an option or nothing
    rpm $force --root "$root" "$@"
}

# with_proc ROOT COMMAND...: in the root, which has a /proc for that time.
with_proc() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c \
        'root=$1 && shift && mkdir -p "$root/proc" && mount -t proc proc "$root/proc" && exec chroot "$root" "$@"' sh "$all/$1" "${@:2}"
}

# evr RPM: its version and release, as dnf takes them behind a name.
evr() {
    rpm -qp --qf '%{version}-%{release}' "$1"
}

# rpm_makes_accounts: this machine's rpm has a program for sysusers.d, and packages have no %pre for it.
rpm_makes_accounts() {
    [ -n "$(rpm --eval '%{?__systemd_sysusers}')" ]
}

# native: the package as rpm makes it that has a program for accounts.
native() {
    [ -e "$all/native" ] || copy_packages "$all/native" --with native_sysusers
    echo "$all"/native/virt-privileges-[0-9]*."$arch.rpm"
}

# scripted: the package as rpm makes it that has none.
scripted() {
    local made=$package
    if rpm_makes_accounts; then
        [ -e "$all/scripted" ] || copy_packages "$all/scripted" --without native_sysusers
        made=$(echo "$all"/scripted/virt-privileges-[0-9]*."$arch.rpm")
    fi
    echo "$made"
}

# quiet_install ROOT: with rpm, which says nothing but what scriptlets say; %pre makes the accounts.
quiet_install() {
    local said
    said=$(set -o pipefail && rpm_in "$1" --define '__systemd_sysusers %{nil}' -i --nodeps "$(scripted)" 2>&1 | scriptlets_said)
    echo "$said"
    [ "$said" = "" ]
}

# tree ROOT: a line for each thing in it.
tree() {
    find "$all/$1" -xdev -mindepth 1 \
        \( -type d -printf '%P %y %m %u:%g\n' -o -printf '%P %y %m %u:%g %s %l\n' \) |
        grep -Ev "$bookkeeping" | sort
}
