# The host that a test beside libvirtd begins on, and how it is left: what a file needs beside that stands
# in its own setup().
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
load libvirt.bash

setup_file() {
    start_host
}

teardown_file() {
    stop_host
}

# Disks, their domain, and who owns what before it starts.
setup() {
    make_images
    define
    snapshot >"$BATS_TEST_TMPDIR/before"
}

teardown() {
    clean_up
}
