# The matrix of releases, and README.md's table of them.

bats_require_minimum_version 1.5.0

# columns: the releases of the matrix.
columns() {
    sed -n 's/^suite *\(.*[^ ]\) *why not$/\1/p' tests/releases/suites
}

# versions RELEASE [NAME=VERSION]...: a file of versions as README.md has them, but for those named here.
versions() {
    local file=$BATS_TEST_TMPDIR/$1.versions wrong=${2-}
    awk -F' *[|] *' '$3 == "QEMU" { for (i = 3; i < NF; i++) name[i] = $i }
        $2 ~ "(^| )'"$1"'$" { for (i = 3; i < NF; i++) print name[i], $i ($i == "-" ? "" : ".7") }' README.md >"$file"
    [ "$(wc -l <"$file")" -gt 5 ]
    [ -z "$wrong" ] || sed -i "s/^${wrong%=*} .*/${wrong%=*} ${wrong#*=}/" "$file"
    echo "$file"
}

@test "each suite of the matrix is one that there is, and what is left out has a reason" {
    local releases suite marks name
    shopt -s extglob
    read -ra releases < <(columns)
    [ ${#releases[@]} -ge 2 ]
    run -0 grep -v -e '^#' -e '^suite ' tests/releases/suites
    for line in "${lines[@]}"; do
        read -r suite marks <<<"$line"
        name=${suite/-@(plain|asan)/}
        [ -d "tests/$name" ] || [ -e "tests/${name/-//}.bats" ] || [ "$suite" = corpora ] || { echo "no such tests: $suite" && return 1; }
        read -ra marks <<<"$marks"
        [[ " ${marks[*]:0:${#releases[@]}} " != *" no "* ]] || [ ${#marks[@]} -gt $((${#releases[@]} + 1)) ]
        for release in "${!releases[@]}"; do
            [[ ${marks[release]} =~ ^(yes|no)$ ]]
        done
    done
    # None was forgotten.
    diff <(printf '%s\n' tests/*/*.bats tests/unit/test_*.c | cut -d/ -f2 | sort -u) \
        <(printf '%s\n' "${lines[@]}" | grep -v '^corpora' | sed 's/[- ].*//' | sort -u)
}

@test "README.md has a row for each release" {
    local files=() release
    for release in bookworm $(columns); do
        files+=("$(versions "$release")")
    done
    run -0 tests/releases/table "${files[@]}"
    [ "$(grep -c '^ok ' <<<"$output")" -eq ${#files[@]} ]
}

@test "CHANGES names the lowest and the highest version of each column" {
    local text span n=0
    text=$(tr -s ' \n' '  ' <CHANGES)
    while read -r span; do
        [[ $text == *" $span"[,\;\ ]* ]] || { echo "CHANGES has no '$span'" && return 1; }
        n=$((n + 1))
    done < <(awk -F' *[|] *' '$3 == "QEMU" { for (i = 3; i < NF; i++) name[i] = $i; next }
        !name[3] || !/^[|]/ || /^[|]-/ { next }
        { for (i = 3; i < NF; i++) if ($i != "-") { if (!low[i]) low[i] = $i; high[i] = $i } }
        END { for (i in name) print name[i], low[i] (low[i] == high[i] ? "" : " to " high[i]) }' README.md)
    [ "$n" -ge 9 ]
}

@test "a version that README.md does not name is seen" {
    run -1 tests/releases/table "$(versions trixie QEMU=10.10.1)"
    [[ $output == *"not ok - README.md names what was tested on trixie"*"QEMU 10.0, tested was 10.10.1"* ]]
    # Of what changes from day to day it is said only.
    run -0 tests/releases/table "$(versions sid QEMU=99.1)"
    [[ $output == *"# README.md names for sid, which has moved on: QEMU 11.1, tested was 99.1"* ]]
    mv "$(versions sid)" "$BATS_TEST_TMPDIR/stretch.versions"
    run -1 tests/releases/table "$BATS_TEST_TMPDIR/stretch.versions"
    [[ $output == *"not ok - README.md names stretch"* ]]
}

@test "README.md's table is made from what was tested, and nothing else of it changes" {
    local copy=$BATS_TEST_TMPDIR/copy file
    mkdir -p "$copy/tests/releases"
    cp README.md "$copy"
    cp tests/releases/table "$copy/tests/releases"
    file=$(versions trixie QEMU=10.9.13)
    sed -i 's/^dnf5 .*/dnf5 5.4.6/' "$file"
    run -1 "$copy/tests/releases/table" "$file"
    run -0 "$copy/tests/releases/table" --renew "$file"
    [[ $output == *"ok - README.md names what was tested on trixie"* ]]
    run -1 diff README.md "$copy/README.md"
    [ "$(grep -c '^[<>]' <<<"$output")" -eq 2 ]
    [[ ${lines[3]} == "> | 13 trixie | 10.9 |"*"| 5.4 |"* ]]
}

# stand_in FILE LINE...: a program of the checkout's copy.
stand_in() {
    printf '#!/bin/bash\n' >"$copy/tests/releases/$1"
    printf '%s\n' "${@:2}" >>"$copy/tests/releases/$1"
}

# copy_of_matrix: the matrix of two releases, in whose roots nothing is but what a test says.
copy_of_matrix() {
    copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/tests/lib" "$BATS_TEST_TMPDIR/bin"
    cp -r tests/releases "$copy/tests/releases"
    cp tests/lib/limit.bash "$copy/tests/lib"
    printf '%s\n' "suite this that why not" "unit yes yes" >"$copy/tests/releases/suites"
    printf '%s\n' "| Debian | QEMU | libvirt |" "|---|---|---|" "| 1 this | 7.2 | 9.0 |" "| 2 that | 7.2 | 9.0 |" >"$copy/README.md"
    stand_in root 'echo "$1"'
    stand_in versions 'echo "distribution other"'
    # What the suites of "this" end with is in two files; in "that", all pass.
    stand_in enter 'case $1:$2 in' '*versions) printf "%s\n" "QEMU 7.2.1" "libvirt 9.0.0" ;;' \
        'that:*check) echo "3 passed, 0 failed" ;;' 'this:*check) cat said && exit "$(cat status)" ;;' 'esac'
    ln -sf /bin/true "$BATS_TEST_TMPDIR/bin/mmdebstrap"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "the last line counts the last lines of all releases, and the rows of README.md" {
    [ "$(id -u)" -eq 0 ] || skip "as root"
    local said ends expected last
    copy_of_matrix
    # What tests/check prints and its status; and those of the whole.
    while IFS='|' read -r said ends expected last; do
        echo "$said" >"$copy/said"
        echo "$ends" >"$copy/status"
        run "-$expected" "$copy/tests/releases/run"
        [ "${lines[-1]}" = "$last" ]
        [[ $output == *"this: $said"*"that: 3 passed, 0 failed"* ]]
    done <<'ROWS'
2 passed, 0 failed|0|0|7 passed, 0 failed
2 passed, 0 failed, 4 skipped|0|0|7 passed, 0 failed, 4 skipped
2 passed, 1 failed|1|1|7 passed, 1 failed
2 passed, 0 failed|1|1|7 passed, 1 failed
ok - 1|137|1|5 passed, 1 failed
ROWS
}

@test "a root that cannot be made fails, and the other releases are tested all the same" {
    [ "$(id -u)" -eq 0 ] || skip "as root"
    copy_of_matrix
    stand_in root 'echo "no mirror" >&2; [ "$1" = that ] && echo "$1"'
    run -1 "$copy/tests/releases/run"
    [[ $output == *"this: no mirror"*"this: not ok - make deps"*"that: 3 passed"* ]]
    [ "${lines[-1]}" = "4 passed, 1 failed" ]
}

@test "a mirror that fails for a moment is asked again, and nothing is taken from the failed attempt" {
    [ "$(id -u)" -eq 0 ] || skip "as root"
    local root mmdebstrap=$BATS_TEST_TMPDIR/bin/mmdebstrap
    copy_of_matrix
    cp tests/lib/manager.bash "$copy/tests/lib"
    cp tests/releases/root "$copy/tests/releases"
    rm "$mmdebstrap"
    # shellcheck disable=SC2016 # the stand-in's
    printf '%s\n' '#!/bin/bash' "echo >>'$BATS_TEST_TMPDIR/asked'" 'while [ ! -d "${!#}" ]; do set -- "${@:1:$#-1}"; done' \
        "[ \$(wc -l <'$BATS_TEST_TMPDIR/asked') -gt 1 ] && touch \"\${!#}/whole\" || { touch \"\${!#}/part\"; exit 1; }" >"$mmdebstrap"
    chmod +x "$mmdebstrap"
    run -0 --separate-stderr "$copy/tests/releases/root" this
    root=$output
    [ -e "$root/whole" ]
    [ ! -e "$root/part" ]
    # It is kept.
    run -0 --separate-stderr "$copy/tests/releases/root" this
    [ "$output" = "$root" ] && [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -eq 2 ]
}

@test "where no machine can be made of Debian's packages, that is a skip, and a scenario that is not there an error" {
    local copy=$BATS_TEST_TMPDIR/machines
    mkdir -p "$copy/tests/lib" "$copy/tests/vm"
    cp -r tests/vm/run tests/vm/scenarios "$copy/tests/vm"
    cp tests/lib/limit.bash "$copy/tests/lib"
    echo 'manager=dnf' >"$copy/tests/lib/manager.bash"
    run -0 "$copy/tests/vm/run" system sid-system
    [ "${lines[0]}" = "ok - machines of system sid-system # skip they are made of Debian's packages, by apt-get" ]
    [ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
    run -2 "$copy/tests/vm/run" no-such
    echo 'manager=apt-get' >"$copy/tests/lib/manager.bash"
    run ! "$copy/tests/vm/run" system
    [[ $output != *skip* ]]
}

@test "what runs in a root ends with the run" {
    [ "$(id -u)" -eq 0 ] || skip "as root"
    local pid inside i status=0
    copy_of_matrix
    stand_in enter 'exec unshare --mount --pid --fork --kill-child sh -c "echo \$\$ >/dev/null; sleep 987.6; :"'
    "$copy/tests/releases/run" this >/dev/null 2>&1 3>&- &
    pid=$!
    for ((i = 0; i < 300; i++)); do
        inside=$(pgrep -f 'sleep 987[.]6$') && break
        sleep 0.1
    done
    [ -n "$inside" ]
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 143 ]
    for ((i = 0; i < 100; i++)); do
        [ -n "$(ps -o pid= -p "${inside//$'\n'/,}")" ] || return 0
        sleep 0.1
    done
    return 1
}

@test "a root has the checkout as it is now, and of what was built its own, and what npm has fetched" {
    [ "$(id -u)" -eq 0 ] || skip "as root"
    copy_of_matrix
    cp tests/releases/enter "$copy/tests/releases"
    mkdir -p "$copy/build/plain" "$copy/build/npm-playwright-1/node_modules" "$BATS_TEST_TMPDIR/root"
    touch "$copy/build/npm-playwright-1/node_modules/fetched" "$copy/new"
    # The machine's own root, in a layer above: it had a checkout before.
    # shellcheck disable=SC2016
    run -0 unshare --mount --propagation private bash -euc 'cd "$1" && mount -t tmpfs tmpfs . && cd "$1"
        mkdir -p upper/source/{build,old} work root && touch upper/source/build/own
        mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
        "$2/tests/releases/enter" root find . -path ./tests -prune -o -type f -print' - "$BATS_TEST_TMPDIR/root" "$copy"
    diff <(sort <<<"$output") <(printf '%s\n' ./README.md ./build/npm-playwright-1/node_modules/fetched ./build/own ./new)
}
