# A checkout wherever it lies: what the other suites run in shows it to everybody, and to what is mounted
# over the place of it.

bats_require_minimum_version 1.5.0

@test "below a directory that only root may search, and where tests mount, all of the checkout is there" {
    local place
    for place in /root /home /srv /opt /usr/src /usr/local /mnt /media /run /boot /var/lib /var/tmp; do
        # shellcheck disable=SC2016 # for those shells
        run -0 --separate-stderr unshare --mount --propagation private bash -c '
            exec {checkout}<. && mount -t tmpfs -o mode=0700 tmpfs "$1" && mkdir "$1/x" &&
            mount --no-canonicalize --bind "/proc/self/fd/$checkout" "$1/x" && cd "$1/x" || exit
            VP_BUILD=$PWD/build/plain VP_PRIVATE_HOST="" exec tests/lib/private-host bash -c "
                [ $1 = /media ] || mount -t tmpfs tmpfs $1
                pwd && echo \$VP_BUILD \$1 && ! ls $1/x 2>/dev/null
                exec setpriv --reuid=alice --regid=alice --clear-groups cmp README.md \$1/README.md" - "$PWD"' - "$place"
        echo "$place: $output $stderr"
        [ "${lines[0]}" = /media/source ]
        [ "${lines[1]}" = "/media/source/build/plain /media/source" ]
        [ ${#lines[@]} -eq 2 ]
    done
}

@test "at the top lies what belongs there, and nothing that a tool has left" {
    [ -e .git ] || skip "no git checkout"
    run -0 git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard
    diff <(printf '%s\n' "${lines[@]%%/*}" | LC_ALL=C sort -u) - <<'END'
.ci
.clang-format
.clang-tidy
.editorconfig
.gitattributes
.gitignore
.shellcheckrc
CHANGES
HACKING.md
LICENSE
Makefile
README.md
SECURITY.md
conf
findings
spec
sysusers.d
tests
tools
udev-rules
END
}
