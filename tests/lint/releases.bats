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
    local releases suite marks
    read -ra releases < <(columns)
    [ ${#releases[@]} -ge 2 ]
    run -0 grep -v -e '^#' -e '^suite ' tests/releases/suites
    for line in "${lines[@]}"; do
        read -r suite marks <<<"$line"
        [ -d "tests/${suite%%-*}" ] || [ "$suite" = corpora ]
        read -ra marks <<<"$marks"
        [[ " ${marks[*]:0:${#releases[@]}} " != *" no "* ]] || [ ${#marks[@]} -gt $((${#releases[@]} + 3)) ]
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
