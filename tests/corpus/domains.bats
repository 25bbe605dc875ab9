#!/usr/bin/env bats
# The domain XMLs of libvirt's own tests: none may crash the reader, and what it
# says of each is compared with a second reading in another language.

bats_require_minimum_version 1.5.0

setup_file() {
    export corpus=$PWD/tests/corpus
    export work=/mnt/domains
    dump=$(realpath "${VP_ASAN_BUILD:-build/asan}/tests/domain-dump")
    libvirt=$(tests/lib/libvirt-source)
    export dump libvirt
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
    mkdir -p "$work"
    "$corpus/domain-claims.py" list "$libvirt" >"$work/files"
}

teardown_file() {
    rm -rf "$work"
}

setup() {
    cd "$libvirt" || exit
}

# read_all LIST: dumps all of these in one process into LIST.dump. Some may be
# refused. A sanitizer reports on standard error, where nothing else goes.
read_all() {
    local files status=0
    mapfile -t files <"$1"
    "$dump" "${files[@]}" >"$1.dump" 2>"$1.err" || status=$?
    head -n 50 "$1.err"
    [ ! -s "$1.err" ]
    [ "$status" -le 1 ]
    [ "$(grep -c '^file ' "$1.dump")" -eq ${#files[@]} ]
    [ "$(grep -cE '^(domain|error) ' "$1.dump")" -eq ${#files[@]} ]
}

# claims: a dump in the form of domain-claims.py.
claims() {
    awk '$1 == "file" { file = $2; next }
        $1 == "claim" || $1 ~ /^check-/ {
            sub(/" source .*/, "\"")
            what = $1 == "claim" ? "claim" : "keep"
            sub(/^[^ ]* [^ ]* /, "")
            print file, what, $0
        }'
}

@test "the domains of libvirt's tests: those that are refused, and why" {
    [ "$(wc -l <"$work/files")" -gt 1500 ]
    read_all "$work/files"
    sed -n 's/^error //p' "$work/files.dump" >"$work/refused"
    # Those that this libvirt has.
    grep -v '^#' "$corpus/refused" | while IFS= read -r line; do
        [ ! -e "${line%%:*}" ] || echo "$line"
    done | diff -u - "$work/refused"
}

@test "what is claimed of the others is what a second reading says" {
    read_all "$work/files"
    sed -n 's/^error \([^:]*\):.*/\1/p' "$work/files.dump" >"$work/refused"
    grep -vxFf "$work/refused" "$work/files" >"$work/accepted"
    xargs -d '\n' "$corpus/domain-claims.py" claims <"$work/accepted" | sort >"$work/theirs"
    claims <"$work/files.dump" | sort >"$work/ours"
    diff -u "$work/theirs" "$work/ours"
    # Neither of them may have become blind.
    [ "$(grep -c ' claim ' "$work/ours")" -gt 900 ]
    [ "$(grep -c ' keep ' "$work/ours")" -gt 500 ]
    echo "# $(wc -l <"$work/accepted") domains, $(grep -c ' claim ' "$work/ours") files to claim," \
        "$(grep -c ' keep ' "$work/ours") to keep, $(wc -l <"$work/refused") domains refused" >&3
}

@test "each element and attribute that names a path is known, and what is to be read is" {
    read_all "$work/files"
    sed -n 's/^error \([^:]*\):.*/\1/p' "$work/files.dump" >"$work/refused"
    # How deep a backing file lies makes no difference.
    grep -vxFf "$work/refused" "$work/files" | xargs -d '\n' "$corpus/domain-claims.py" named |
        sed -E 's/(backingStore\/)+/backingStore\//' >"$work/named"
    cut -d' ' -f2 "$work/named" | sort -u >"$work/elements"
    [ "$(wc -l <"$work/elements")" -gt 60 ]
    run ! grep -vxFf <(sed '/^#/d; s/ .*//' "$corpus/elements") "$work/elements"
    awk 'NR == FNR { if ($2 == "read") read[$1]; next } $2 in read' "$corpus/elements" "$work/named" |
        sed 's/ [^ ]* / /' | sort -u >"$work/wanted"
    awk '$1 == "file" { file = $2; next }
        match($0, /"[^"]*" source /) { print file, substr($0, RSTART, RLENGTH - length(" source ")) }' "$work/files.dump" | sort -u >"$work/read"
    [ "$(wc -l <"$work/wanted")" -gt 1000 ]
    run -0 comm -23 "$work/wanted" "$work/read"
    echo "$output"
    [ -z "$output" ]
}

@test "every other XML of libvirt's tests is refused by its root" {
    printf "%s\n" tests/*data/*.xml | grep -vxFf "$work/files" >"$work/others"
    [ "$(wc -l <"$work/others")" -gt 500 ]
    read_all "$work/others"
    run ! grep '^domain ' "$work/others.dump"
    run grep -vE "^file |: the root element is <[a-zA-Z-]+>, not libvirt's <domain>$" "$work/others.dump"
    # Some are no XML, on purpose or as output of commands.
    run ! grep -vE '^error tests/(nodedevmdevctldata/mdevctl-list-|qemuxmlconfdata/broken-xml-invalid)' <<<"$output"
}

@test "every domain that is cut short is refused" {
    /usr/bin/python3 - "$work" <<'END'
import os, sys
work = sys.argv[1]
os.mkdir(work + "/cut")
cut = open(work + "/cut-files", "w")
for n, name in enumerate(open(work + "/files")):
    text = open(name.strip(), "rb").read().rstrip()
    # Another place in each, at the end of the last tag at the latest.
    path = "%s/cut/%d.xml" % (work, n)
    open(path, "wb").write(text[:len(text) * (n % 100) // 100 or -1])
    print(path, file=cut)
END
    read_all "$work/cut-files"
    run ! grep '^domain ' "$work/cut-files.dump"
}
