# Each row of tests/run/rows.d with --disks=pass: a VM that starts on its host, does what
# it did as root, and leaves the host as it was.

load host.bash

# Whether this file has a test of each row that is for this mode.
all_rows() {
    diff <(grep -l "^modes .*\<$1\>" tests/run/rows.d/* | sed 's,.*/,,' | sort) \
        <(sed -n 's/^@test .*{ row \([^ ;]*\).*/\1/p' "$BATS_TEST_FILENAME" | sort)
}

@test "every row has its test" { all_rows pass; }
@test "a raw image" { row raw pass; }
@test "a qcow2 image" { row qcow2 pass; }
@test "an image whose format nobody states" { row probed pass; }
@test "an overlay on a backing file" { row overlay pass; }
@test "an overlay whose backing file is named relative to it" { row overlay-relative pass; }
@test "a backing file that only root may read, named with --backing" { row overlay-named pass; }
@test "a backing file that the command line names" { row overlay-in-argv pass; }
@test "two disks" { row two-disks pass; }
@test "a CD-ROM" { row cdrom pass; }
@test "a CD-ROM that only root may read" { row cdrom-of-root pass; }
@test "a floppy disk" { row floppy pass; }
@test "a block device" { row block pass; }
@test "a block device with cache=none" { row block-cache-none pass; }
@test "an image in a directory that only root may search" { row root-directory pass; }
@test "an overlay in a directory that only root may search" { row root-directory-qcow2 pass; }
@test "a node of an image in a directory that only root may search" { row root-directory-blockdev pass; }
@test "-hda" { row hda pass; }
@test "--hda with commas in the name" { row hda-commas pass; }
@test "-drive with a comma in the name" { row drive-commas pass; }
@test "an argument without an option" { row bare pass; }
@test "file: before the name" { row file-prefix pass; }
@test "json: in a -drive" { row drive-json pass; }
@test "-set drive.ID.file=" { row drive-set pass; }
@test "-blockdev with keys and values" { row blockdev pass; }
@test "-blockdev in JSON" { row blockdev-json pass; }
@test "-readconfig" { row readconfig pass; }
@test "a disk that is shared" { row shared pass; }
@test "a disk that is read-only" { row read-only pass; }
@test "-snapshot" { row snapshot pass; }
@test "kernel, initial RAM disk and fw_cfg file that only root may read" { row kernel pass; }
@test "a secret in a file that only root may read" { row secret pass; }
@test "-runas" { row runas pass; }
@test "a disk with snapshot=on beside one without" { row drive-snapshot pass; }
@test "flash memory" { row flash pass; }
@test "several processors and an iothread" { row threads pass; }
@test "nodes for an overlay, its backing file and their formats" { row nodes pass; }
@test "a disk of an NBD server" { row nbd pass; }
@test "a disk that the caller has opened" { row fdset pass; }
@test "an image in a directory that only a user may search" { row users-directory pass; }
@test "symbolic links" { row links pass; }
@test "relative names" { row relative pass; }
@test "what is there without asking" { row defaults pass; }
@test "a data file that a -drive names" { row data-file pass; }
@test "a data file in one node" { row data-file-blockdev pass; }
@test "a data file as a node" { row data-file-node pass; }
@test "a data file of the account" { row data-file-of-account pass; }
@test "a data file named relative to where QEMU is started" { row data-file-relative pass; }
@test "a connection to an NBD server that the caller has opened" { row nbd-fd pass; }
@test "a disk that the caller has opened, named behind a socket" { row fdset-behind-qmp pass; }
@test "a disk that the caller has opened, named behind a copy" { row fdset-behind-copy pass; }
