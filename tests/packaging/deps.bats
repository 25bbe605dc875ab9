# tests/deps where packages are dnf's: the real one, and a repository that has some of what is missing.

bats_require_minimum_version 1.5.0

export work=/mnt/deps

setup_file() {
    mkdir -p "$work"/{bin,bin.work,home,repo,empty}
    cat >"$work/mandoc.spec" <<'SPEC'
Name: mandoc
Version: 1
Release: 1
Summary: Stands for it
License: ISC
BuildArch: noarch
%description
%install
install -D -m 0755 /bin/true %{buildroot}/usr/bin/mandoc
%files
/usr/bin/mandoc
SPEC
    HOME=$work/home rpmbuild -bb --quiet --define "_topdir $work" --define "_tmppath $work" --define "_rpmdir $work/repo" \
        "$work/mandoc.spec"
    createrepo_c --quiet "$work/repo"
    # A host without apt-get, nor two of the tools that tests use, nor one that building packages needs.
    dnf4=$(readlink -f "$(type -P dnf)")
    dnf5=$(type -P dnf5 || true)
    export dnf4 dnf5
    mount -t overlay -o "lowerdir=/usr/bin,upperdir=$work/bin,workdir=$work/bin.work" overlay /usr/bin
    rm /usr/bin/{apt-get,mandoc,passt,eu-strip}
}

teardown_file() {
    umount /usr/bin
}

# is_dnf PROGRAM: dnf is that, for a root of its own.
is_dnf() {
    root=$work/root-${1##*/}
    rm -f /usr/bin/dnf
    cat >/usr/bin/dnf <<DNF
#!/bin/sh
exec $1 --config $work/dnf.conf --installroot $root --releasever 0 "\$@"
DNF
    chmod 0755 /usr/bin/dnf
    cat >"$work/dnf.conf" <<CONF
[main]
gpgcheck=False
plugins=False
reposdir=$work/empty
varsdir=$work/empty
cachedir=/var/cache/dnf
[repo]
name=repo
baseurl=file://$work/repo
CONF
    PATH=$root/usr/bin:$PATH
}

# of_dnf PROGRAM: what is to be had is installed, what is not is named.
of_dnf() {
    is_dnf "$1"
    run -0 tests/deps check
    echo "$output"
    [ -x "$root/usr/bin/mandoc" ]
    [[ ${lines[-1]} == "deps: no package for these here, and tests that need them are skipped: "*passt* ]]
    run -1 tests/deps rpm
    [ "${lines[-1]}" = "deps: no package for 'rpm' has: eu-strip" ]
}

@test "a name that dnf does not know keeps it from no other" { of_dnf "$dnf4"; }

@test "a name that dnf5 does not know keeps it from no other" {
    [ -n "$dnf5" ] || skip "no dnf5 here"
    of_dnf "$dnf5"
}

@test "nothing is asked for where nothing is missing" {
    is_dnf /bin/false
    run -0 tests/deps build
    [ "$output" = "" ]
}
