#!/usr/bin/env bats
# The command lines of libvirt's own tests: none may be refused or crash the reader, and
# the disks that a guest writes are those of the domains that they were made from.

bats_require_minimum_version 1.5.0

setup_file() {
    export corpus=$PWD/tests/corpus work=/mnt/command-lines
    dump=$(realpath "${VP_ASAN_BUILD:-build/asan}/tests/qemuargs-dump")
    libvirt=$(tests/lib/libvirt-source)
    export dump libvirt
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
    mkdir -p "$work"
    "$corpus/command-lines.py" names "$libvirt" >"$work/names"
    "$corpus/command-lines.py" lines "$libvirt" >"$work/lines"
    "$corpus/command-lines.py" disks "$libvirt" | sort >"$work/theirs"
    "$dump" --lines <"$work/lines" >"$work/dump" 2>"$work/err" || true
    # "NAME PATH" of each disk that is written and not shared.
    awk 'NR == FNR { name[NR] = $0; next }
        $1 == "line" { number = $2; next }
        ($1 == "disk") && $2 == "rw" && !/ shared/ {
            path = substr($0, 9, index($0, " | ") - 9)
            print name[number], path
        }' "$work/names" "$work/dump" | sort -u >"$work/all"
    # Domains without such a disk are not compared: what an option adds there is no <disk>.
    cut -d' ' -f1 "$work/theirs" | sort -u >"$work/domains"
    join "$work/domains" "$work/all" | sort >"$work/ours"
}

teardown_file() {
    rm -rf "$work"
}

@test "all command lines of libvirt's tests are read" {
    cat "$work/err"
    [ ! -s "$work/err" ]
    [ "$(wc -l <"$work/names")" -ge 800 ]
    [ "$(grep -c '^line ' "$work/dump")" -eq "$(wc -l <"$work/names")" ]
    run ! grep '^error ' "$work/dump"
}

@test "the disks that a guest writes alone are those of its domain" {
    diff "$work/theirs" "$work/ours" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u >"$work/different"
    diff <(sed 's/[ \t]*#.*//; /^$/d' "$corpus/command-lines.different") "$work/different"
    local all equal
    all=$(wc -l <"$work/domains")
    equal=$((all - $(wc -l <"$work/different")))
    [ "$all" -ge 400 ]
    [ $((equal * 414)) -ge $((all * 411)) ]
    echo "# $(wc -l <"$work/names") command lines; of $all with such disks, $equal agree with their domains" >&3
}

@test "each path in them can be replaced, and nothing else changes" {
    mkdir "$work/cases"
    "$corpus/command-lines.py" cases "$libvirt" >"$work/cases/all"
    run -0 "$(dirname "$dump")/test_qemuargs" "$work/cases"
    local replaced
    replaced=$(sed -n 's/.*# \([0-9]*\) paths replaced.*/\1/p' <<<"$output")
    [ "$replaced" -ge 1500 ]
    echo "# $replaced paths" >&3
}
