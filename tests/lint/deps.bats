# The table of tests/deps.

bats_require_minimum_version 1.5.0

# rows: PURPOSES PROBE DEBIAN FEDORA, a line each.
rows() {
    sed -n "/<<'TABLE'\$/,/^TABLE\$/{/TABLE/d;p}" tests/deps
}

# looked_up COLUMN: the names in deps.fedora that a release has.
looked_up() {
    awk -v column="$1" '!/^#/ && $column != "-" { print $1 }' tests/deps.fedora
}

@test "each row has its four columns, and a purpose that there is" {
    [ "$(rows | wc -l)" -gt 80 ]
    run -0 awk 'NF != 4 || $1 !~ /^((build|check|rpm|demo|bench|vm|browser)(,|$))+$/ ||
        $2 !~ /^(cmd|pc|file|lib|py|asan|fuzz):[^ ]+$/' <(rows)
    [ -z "$output" ]
}

@test "each thing is looked for once for a purpose" {
    run -0 awk '{ n = split($1, purposes, ","); for (i = 1; i <= n; i++) if (seen[purposes[i] " " $2]++) print purposes[i], $2 }' <(rows)
    [ "$output" = "" ]
}

@test "each of Fedora's packages was looked up there, and each row has one in each release" {
    local column fedora
    diff <(rows | awk '{ print $4 }' | tr '|' '\n' | grep -vx -e - | sort -u) \
        <({ looked_up 3 && looked_up 4; } | sort -u)
    for column in 3 4; do
        looked_up "$column" >"$BATS_TEST_TMPDIR/names"
        rows | awk '$4 !~ /(^|[|])-$/ { print $4 }' | while read -r fedora; do
            tr '|' '\n' <<<"$fedora" | grep -xF -f "$BATS_TEST_TMPDIR/names" >/dev/null ||
                { echo "column $column has none of $fedora" && return 1; }
        done
    done
}

@test "what no release of Fedora has is done without" {
    awk '!/^#/ && $3 == "-" && $4 == "-" { print $1 }' tests/deps.fedora | while read -r name; do
        rows | awk -v name="$name" '$3 == name { print $4 }' | grep -x -e - || { echo "$name" && return 1; }
    done
}
