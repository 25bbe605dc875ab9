# What looks at every source.

setup() {
    read -ra flags < <(pkg-config --cflags json-c libcap-ng libxml-2.0 blkid smartcols)
    # json-c has a json.h, too.
    flags=(-Itools/lib "${flags[@]}" -std=gnu11 -D_GNU_SOURCE '-DVERSION="0"' '-DVENDOR_CONF="/qemu.conf"')
}

# each COMMAND...: COMMAND of every source, side by side; its output, which must be none.
each() {
    local said
    # Each says all of it at once, or lines would mix; and not how much there was in other people's headers.
    # shellcheck disable=SC2016 # for that shell
    said=$(printf '%s\n' tools/*.c tools/completion/*.c tools/man/*.c tools/lib/*/*.c | xargs -P "$(nproc)" -I{} bash -c 'said=$("$@" 2>&1 |
        grep -vE "^[0-9]+ warnings? (generated|treated as error)|^$") && echo "$said"' each "$@") || true
    echo "$said"
    [ -z "$said" ]
}
