# The host that each test of virt-priv-run begins on, and how it is left: what a file needs beside that
# stands in its own setup() or teardown().
# shellcheck shell=bash

load run.bash
load rows.bash

setup_file() {
    make_host
}

teardown_file() {
    unmake_host
}

setup() {
    clean_host
}

teardown() {
    end_all
}
