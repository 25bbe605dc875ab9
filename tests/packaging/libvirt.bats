#!/usr/bin/env bats
# What becomes of libvirt's settings file, in real transactions of the packages and
# of one that stands for libvirt's (tests/lib/libvirt-rpm) with the distribution's own
# file. Each is done twice: libvirt runs QEMU as root by default, or as qemu.
#
# A file of libvirt.d is a situation; its first line names it. The others are, in order:
#
#   dnf WORD..., rpm WORD...      a transaction; /NAME is for rpm the package's file; @this@ and
#                                 @earlier@ are the version and release of this tree's package, and of
#                                 the one before it; @block@ and @user@, the numbers of two of the lines that
#                                 it has set: the first, and that of user
#   run WORD...                   a command in the root
#   admin append LINE             at the end of qemu.conf
#   admin write LINE              the whole of qemu.conf
#   admin delete-block            the lines of virt-privileges-libvirt, with their marks
#   admin edit-block              root in place of qemu in them
#   admin link | remove | chown   a symbolic link; no file; somebody else's file
#   admin empty-dev               nothing in /dev, /proc, /sys and /run
#   expect WHAT DEFAULT VALUE     DEFAULT: the account of this libvirt, or any
#
# WHAT is conf, rpmnew or rpmsave: a file as described under content(); verify: all that
# rpm -V says of it, of both packages; says: what the last transaction printed contains
# that; silent: not a word of this package; lists: packages that are installed.
#
# What an admin has appended or written is looked for after each later transaction.

bats_require_minimum_version 1.5.0

load roots
load table

block='# Set by virt-privileges-libvirt, which takes these lines away when it is removed. If they
# are changed or deleted, it leaves the file alone.
user = "qemu"
group = "qemu"
# end of virt-privileges-libvirt'

# Files are compared byte for byte with these, which no program of the package makes.
#
# content WORD+WORD...: stock, the file that libvirt 1 brings; stock2, that of libvirt 2; then
# block, the lines behind the sample of user; edited, these with root for qemu;
# append:LINE and write:LINE as an admin does it; reverted, the lines of revert-to-root.
content() {
    local words word
    IFS=+ read -ra words <<<"$1"
    for word in "${words[@]}"; do
        case $word in
        stock) cp "$all/conf/$default-1" "$all/wanted" ;;
        stock2) cp "$all/conf/$default-2" "$all/wanted" ;;
        block) put_behind_sample "$block" ;;
        edited) put_behind_sample "${block//= \"qemu\"/= \"root\"}" ;;
        append:*) printf '%s\n' "${word#*:}" >>"$all/wanted" ;;
        write:*) printf '%s\n' "${word#*:}" >"$all/wanted" ;;
        *) return 1 ;;
        esac
    done
}

put_behind_sample() {
    LINES_TO_PUT=$1 awk '{ print } /^#user = "/ && !put++ { print ENVIRON["LINES_TO_PUT"] }' "$all/wanted" >"$all/wanted.new"
    mv "$all/wanted.new" "$all/wanted"
}

setup_file() {
    make_packages
    host_state >"$all/host"
    earlier_packages "$all/earlier"
    this=$(evr "$package")
    earlier=$(evr "$all"/earlier/virt-privileges-[0-9]*."$arch.rpm")
    export this earlier
    mkdir "$all/conf" "$all/libvirt-root" "$all/libvirt-qemu"
    for default in root qemu; do
        # The distribution's file, which names an account of its own in the samples.
        sed -E "s/^#(user|group) = \".*\"/#\\1 = \"$default\"/" "$(tests/lib/distribution-qemu-conf)" >"$all/conf/$default-1"
        [ "$(grep -cE "^#(user|group) = \"$default\"" "$all/conf/$default-1")" -eq 2 ]
        { cat "$all/conf/$default-1"; printf '%s\n' '' '# A setting that is new.' '#new = 1'; } >"$all/conf/$default-2"
        for version in 1 2; do
            tests/lib/libvirt-rpm "$version" "$all/conf/$default-$version" "$all/libvirt-$default"
        done
        new_repo "$default" "$all/libvirt-$default"/*.rpm "$all"/earlier/virt-privileges-[0-9]*."$arch.rpm" \
            "$all"/earlier/virt-privileges-libvirt-*.rpm "$all"/repo/virt-*.rpm
    done
    sample=$(grep -n -m 1 '^#user = "' "$all/conf/root-1" | cut -d: -f1)
    export sample
    : >"$all/table"
}

teardown() {
    [ ! -e "$all/row" ] || drop_root row
}

teardown_file() {
    print_table
}

# What the packages themselves say, of all that a transaction prints.
own_words() {
    scriptlets_said <<<"$1" | grep -E 'virt-priv-|qemu\.conf|virt-privileges: |[Ww]arning|[Ee]rror|failed' || true
}

# transact WORD...: or, where a situation before has had all the same steps, what became of them.
transact() {
    local layer
    layer=$(printf '%s\n' "$default" "${steps[@]}" | sha256sum | cut -c1-16)
    if [ -d "$all/layers/$layer" ]; then
        drop_root row
    else
        carry_out "$@"
        keep_root row "$layer" "$lower"
        echo "$said" >"$all/layers/$layer/said"
    fi
    said=$(cat "$all/layers/$layer/said")
    lower=$(cat "$all/layers/$layer/lower")
    mount_root row "$lower"
    echo "$said"
    # What an admin wrote is there, if the file is.
    local file=$etc/qemu.conf line
    [ -e "$file" ] || file=$etc/qemu.conf.rpmsave
    while IFS= read -r line; do
        grep -qxF -- "$line" "$file" || { echo "lost: $line" && return 1; }
    done <"$all/admin-lines"
}

carry_out() {
    local words=("$@") i
    for i in "${!words[@]}"; do
        if [ "${words[0]}" = rpm ] && [[ ${words[i]} == /* ]]; then
            words[i]=$(echo "$all/$default${words[i]}"*.rpm)
        fi
    done
    case ${words[0]} in
    dnf) said=$(repo=$default dnf_in row "${words[@]:1}" 2>&1) ;;
    rpm) said=$(rpm_in row "${words[@]:1}" 2>&1) ;;
    run) said=$(chroot "$all/row" "${words[@]:1}" 2>&1) ;;
    esac || { echo "$said" && return 1; }
}

admin() {
    local file=$etc/qemu.conf
    mkdir -p "$etc"
    case $1 in
    append) printf '%s\n' "$2" >>"$file" && printf '%s\n' "$2" >>"$all/admin-lines" ;;
    write) (umask 077 && printf '%s\n' "$2" >"$file") && printf '%s\n' "$2" >>"$all/admin-lines" ;;
    delete-block) sed -i '/^# Set by virt-privileges-libvirt/,/^# end of virt-privileges-libvirt/d' "$file" ;;
    edit-block) sed -Ei 's/^(user|group) = "qemu"/\1 = "root"/' "$file" ;;
    link) mv "$file" "$etc/mine.conf" && ln -s mine.conf "$file" ;;
    remove) rm "$file" ;;
    chown) chown 1000 "$file" ;;
    empty-dev) rm -rf "$all"/row/{dev,proc,sys,run}/{*,.[!.]*} ;;
    *) return 1 ;;
    esac
}

# is_file NAME CONTENT, or CONTENT|CONTENT
is_file() {
    local file=$etc/$1
    case $2 in
    *'|'*) is_file "$1" "${2%%|*}" || is_file "$1" "${2#*|}" ;;
    missing) [ ! -e "$file" ] && [ ! -L "$file" ] ;;
    link:*) [ -L "$file" ] && content "${2#*:}" && cmp "$all/wanted" "$file" ;;
    *) [ ! -L "$file" ] && content "$2" && diff -u "$all/wanted" "$file" && cmp "$all/wanted" "$file" ;;
    esac
}

expect() {
    [ "$2" = any ] || [ "$2" = "$default" ] || return 0
    local packages
    case $1 in
    conf) is_file qemu.conf "$3" && conf=$3 ;;
    rpmnew | rpmsave) is_file "qemu.conf.$1" "$3" ;;
    verify)
        mapfile -t packages < <(rpm_in row -qa 'virt-privileges*' libvirt-daemon-driver-qemu)
        diff <(rpm_in row -V --nodeps "${packages[@]}") <([ -z "$3" ] || printf '%s\n' "$3")
        ;;
    says) [[ $said == *"$3"* ]] ;;
    silent) diff <(own_words "$said") /dev/null ;;
    lists) diff <(rpm_in row -qa --qf '%{name}\n' | grep -v base-root | sort | xargs) <(xargs <<<"$3") ;;
    *) return 1 ;;
    esac
}

# situation FILE DEFAULT
situation() {
    local default=$2 conf='' said='' verb line words what which rest steps=() lower=$base
    local etc=$all/row/etc/libvirt
    new_root row
    : >"$all/admin-lines"
    while IFS= read -r line; do
        line=${line//@this@/$this}
        line=${line//@earlier@/$earlier}
        line=${line//@block@/$((sample + 1))}
        line=${line//@user@/$((sample + 3))}
        echo "$default: $line"
        read -r verb rest <<<"$line"
        [[ $verb == expect || $line == '#'* ]] || steps+=("$line")
        case $verb in
        dnf | rpm | run)
            read -ra words <<<"$line"
            transact "${words[@]}"
            ;;
        admin)
            read -r what rest <<<"$rest"
            admin "$what" "$rest"
            ;;
        expect)
            read -r what which rest <<<"$rest"
            expect "$what" "$which" "$rest"
            ;;
        *) [[ $line == '' || $line == '#'* ]] ;;
        esac
    done <"$1"
    # Nothing but the package's own lines is left anywhere.
    run -0 find "$all/row/etc" -maxdepth 2 -name '*qemu.conf?*' ! -name '*.rpm*'
    [ "$output" = "" ]
    table_row "$(sed -n '1s/^# *//p' "$1") (libvirt's default: $default)" row "$conf"
    drop_root row
}

both() {
    situation "tests/packaging/libvirt.d/$1" root
    situation "tests/packaging/libvirt.d/$1" qemu
}

@test "libvirt is there first" {
    both libvirt-first
}

@test "libvirt comes later" {
    both libvirt-later
}

@test "both in one transaction" {
    both same-transaction
}

@test "no libvirt at all" {
    both no-libvirt
}

@test "libvirt is upgraded" {
    both libvirt-upgraded
}

@test "libvirt is reinstalled" {
    both libvirt-reinstalled
}

@test "libvirt is removed and comes back" {
    both libvirt-removed
}

@test "this package is upgraded" {
    both upgraded
}

@test "this package is downgraded" {
    both downgraded
}

@test "this package is reinstalled" {
    both reinstalled
}

@test "this package is removed" {
    both removed
}

@test "this package is removed and installed again" {
    both removed-and-again
}

@test "both are removed in one transaction" {
    both both-removed
}

@test "libvirt is removed, this package is not, and libvirt comes back" {
    both libvirt-alone-removed
}

@test "the part for libvirt alone is removed" {
    both half-removed
}

@test "the part for libvirt is never installed" {
    both opted-out
}

@test "an admin has set root before this package came" {
    both root-before
}

@test "an admin has set root between this package and libvirt" {
    both root-between
}

@test "an admin sets root after both" {
    both root-after
}

@test "an admin has set the group alone" {
    both group-before
}

@test "an admin goes back to root with virt-priv-conf" {
    both reverted
}

@test "an admin edits the marked lines" {
    both block-edited
}

@test "an admin deletes the marked lines" {
    both block-deleted
}

@test "qemu.conf is a symbolic link" {
    both symbolic-link
}

@test "qemu.conf is missing" {
    both missing
}

@test "qemu.conf has an error in it" {
    both unreadable
}

@test "qemu.conf is somebody else's" {
    both not-roots
}

@test "nothing in /dev, /proc, /sys and /run" {
    both bare-root
}

@test "with rpm in place of dnf" {
    both with-rpm
}

@test "every situation has its test" {
    for file in tests/packaging/libvirt.d/*; do
        grep -A 1 -F "@test \"$(sed -n '1s/^# *//p' "$file")\" {" "$BATS_TEST_FILENAME" | grep -x "    both ${file##*/}"
    done
}

@test "nothing of the machine around was changed" {
    host_state | diff -u "$all/host" -
}
