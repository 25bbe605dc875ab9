# What looks at every source. What was found clean is kept by its content below build/lint, and not looked
# at again until it, an analyzer or its options are others.

kept=$PWD/build/lint

# json-c has a json.h, too.
read_cc_flags() {
    read -ra cc_flags < <(pkg-config --cflags json-c libcap-ng libxml-2.0 blkid smartcols)
    cc_flags=(-Itools/lib "${cc_flags[@]}" -std=gnu11 -D_GNU_SOURCE '-DVERSION="0"' '-DVENDOR_CONF="/qemu.conf"')
}

# What a source says to any analyzer: itself and all that it includes, with comments, which may quiet one.
setup_file() {
    read_cc_flags
    mkdir -p "$kept"
    find "$kept" -type f -mtime +30 -delete
    printf '%s\n' tools/*.c tools/completion/*.c tools/man/*.c tools/lib/*/*.c | xargs -P "$(nproc)" -I{} bash -c 'source=$1 && shift
        sum=$("$@" -E -CC "$source" | sha256sum) && echo "${sum%% *} $source"' - {} gcc "${cc_flags[@]}" |
        sort -k2 >"$BATS_FILE_TMPDIR/sources"
    [ "$(wc -l <"$BATS_FILE_TMPDIR/sources")" -eq "$(printf '%s\n' tools/*.c tools/completion/*.c tools/man/*.c tools/lib/*/*.c | wc -l)" ]
}

setup() {
    read_cc_flags
}

# each COMMAND...: COMMAND of every source, side by side; its output, which must be none.
each() {
    looked_at "$@" <"$BATS_FILE_TMPDIR/sources"
}

# looked_at COMMAND...: COMMAND of each file, in place of its word {}, which stdin has behind a sum of what
# is in it; the output, which must be none.
looked_at() {
    local how said
    how=$({
        printf '%s\n' "$@"
        "$1" --version
        cat .clang-tidy
    } | sha256sum)
    # Each says all of it at once, or lines would mix; and not how much there was in other people's headers.
    # shellcheck disable=SC2016 # for that shell
    said=$(xargs -P "$(nproc)" -I@@ bash -c '
        read -r sum file <<<"$1"
        clean=$2-$sum
        shift 2
        [ ! -e "$clean" ] || exec touch "$clean"
        said=$("${@//"{}"/"$file"}" 2>&1 | grep -vE "^[0-9]+ warnings? (generated|treated as error)|^$")
        if [ -n "$said" ]; then echo "$said"; else touch "$clean"; fi' - @@ "$kept/${how%% *}" "$@") || true
    echo "$said"
    [ -z "$said" ]
}
