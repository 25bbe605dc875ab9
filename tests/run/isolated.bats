# The functions of tests/run/functions with --isolate=full, as rows of tests/run/rows.d: a VM that starts on its host, does
# what it did as root, and leaves the host as it was. Those that are no rows: isolate*.bats. All other rows:
# isolated-rows.bats.

load host.bash
load isolated.bash

# passed ROW: with --disks=pass.
passed() {
    row "$1" pass
}

# functions: those of the table.
functions() {
    grep -v '^#' tests/run/functions
}

@test "each function that is to go on working has its test, in every release's suites" {
    local function file title
    [ "$(functions | wc -l)" = 30 ]
    while IFS='|' read -r function file title; do
        grep -qF "@test \"$title\" " "tests/run/$file.bats" || { echo "$function: no such test: $file: $title" && false; }
        run ! grep -E "^run-$file +.*no" tests/releases/suites
    done < <(functions)
    [ "$(awk '$1 == "run" { print $2, $3 }' tests/releases/suites)" = "yes yes" ]
}

@test "a raw image" { row raw; }
@test "an overlay whose backing file is named relative to it" { row overlay-relative; }
@test "a TPM" { row tpm; }
@test "-qmp unix:" { row qmp; }
@test "-vnc unix:" { row vnc; }
@test "kernel, initial RAM disk and fw_cfg file that only root may read" { row kernel; }
@test "a tap device with scripts" { row tap; }
@test "user networking" { row user-net; }
@test "guest memory in a file" { row memory-file; }
@test "several processors and an iothread" { row threads; }
@test "a directory by 9p" { row shared-directory; }
@test "a pseudo-terminal" { row pty; }
@test "guest memory that has no name" { row memory-memfd; }
@test "guest memory in POSIX shared memory" { row memory-shm; }
@test "a USB disk" { row usb-storage; }
@test "a directory by virtiofsd" { row virtiofsd; }
@test "--disks=pass: a raw image" { passed raw; }
@test "--disks=pass: an overlay whose backing file is named relative to it" { passed overlay-relative; }
@test "--disks=pass: a block device" { passed block; }
