# A VM with one disk of alice's, for tests of what becomes of it.
# shellcheck shell=bash disable=SC2034,SC2154 # start() reads args; $fs is host.bash's

setup() {
    clean_host
    one_disk
}

one_disk() {
    make guest alice:alice 0640 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw")
}

given_back() {
    [ "$(stat -c '%U:%G %a' "$fs/a.raw")" = "alice:alice 640" ]
    nothing_left
}

claimed() {
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
}
