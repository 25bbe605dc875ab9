# Each row of tests/run/rows.d with --isolate=full that is not in isolated.bats.

load host.bash
load isolated.bash

# all_rows: whether there is a test of each row that is for this mode.
all_rows() {
    diff <(grep -l "^modes .*\<claim\>" tests/run/rows.d/* | sed 's,.*/,,' | sort) \
        <(sed -n 's/^@test .*{ \(row\|refused\) \([^ ;]*\);\? .*}/\2/p' tests/run/isolated.bats tests/run/isolated-rows.bats | sort)
}

# refused ROW TEXT: it is not started, and the message has the text.
refused() {
    run row "$1"
    grep -qF -- "$2" /mnt/vm.err
}

@test "every row has its test" { all_rows; }
@test "a qcow2 image" { row qcow2; }
@test "an image whose format nobody states" { row probed; }
@test "an overlay on a backing file" { row overlay; }
@test "a backing file that the command line names" { row overlay-in-argv; }
@test "two disks" { row two-disks; }
@test "a CD-ROM" { row cdrom; }
@test "a floppy disk" { row floppy; }
@test "a block device" { row block; }
@test "a block device with cache=none" { row block-cache-none; }
@test "an image in a directory that only root may search" { row root-directory; }
@test "an overlay in a directory that only root may search" { refused root-directory-qcow2 "add format=qcow2"; }
@test "a node of an image in a directory that only root may search" { row root-directory-blockdev; }
@test "-hda" { row hda; }
@test "--hda with commas in the name" { row hda-commas; }
@test "-drive with a comma in the name" { row drive-commas; }
@test "an argument without an option" { row bare; }
@test "file: before the name" { row file-prefix; }
@test "json: in a -drive" { row drive-json; }
@test "-set drive.ID.file=" { row drive-set; }
@test "-blockdev with keys and values" { row blockdev; }
@test "-blockdev in JSON" { row blockdev-json; }
@test "-readconfig" { row readconfig; }
@test "a disk that is shared" { row shared; }
@test "a disk that is read-only" { row read-only; }
@test "-snapshot" { row snapshot; }
@test "a disk without a slot" { row pflash; }
@test "-pidfile" { row pidfile; }
@test "-serial file:" { row serial-file; }
@test "-serial file: in a directory that only root may search" { row serial-file-root-directory; }
@test "-serial file: with a file that is there" { row serial-file-there; }
@test "logfile= of a character device" { row chardev-logfile; }
@test "-D" { row qemu-log; }
@test "-serial unix:" { row serial-unix; }
@test "-serial with a character device" { row serial-device; }
@test "a socket that QEMU connects to" { row chardev-connects; }
@test "-monitor unix:" { row monitor; }
@test "-chardev socket and -mon" { row qmp-chardev; }
@test "kernel and initial RAM disk that everybody may read" { row kernel-readable; }
@test "a secret in a file that only root may read" { row secret; }
@test "a tap device with QEMU's default scripts" { row tap-default-scripts; }
@test "a tap device by -nic" { row tap-nic; }
@test "a tap device with two queues" { row tap-multiqueue; }
@test "a tap device that is there already" { row tap-persistent; }
@test "a tap device that the caller has opened" { row tap-fd; }
@test "a bridge" { row bridge; }
@test "a bridge by a helper" { row bridge-helper; }
@test "guest memory in a directory" { row memory-directory; }
@test "huge pages" { row hugepages; }
@test "-runas" { refused runas "and --isolate=full for an id of the VM's own"; }
@test "-sandbox" { row sandbox; }
@test "--disks=leave" { row leave; }
@test "a disk with snapshot=on beside one without" { row drive-snapshot; }
@test "flash memory" { row flash; }
@test "firmware, tables and ROMs that only root may read" { row firmware; }
@test "tables that everybody may read" { row smbios-readable; }
@test "nodes for an overlay, its backing file and their formats" { row nodes; }
@test "a disk of an NBD server" { row nbd; }
@test "a disk that the caller has opened" { row fdset; }
@test "a random number generator" { row hwrng; }
@test "-serial pipe:" { row serial-pipe; }
@test "-serial file:/dev/null" { row serial-null; }
@test "-serial unix: with a socket that was left there" { row serial-socket-of-yesterday; }
@test "-spice unix=on" { row spice; }
@test "an NVDIMM" { row nvdimm; }
@test "a network stream that QEMU connects" { row stream; }
@test "a network stream on which QEMU listens" { row stream-server; }
@test "an image in a directory that only a user may search" { row users-directory; }
@test "sockets and -pidfile in a directory that only a user may search" { row users-directory-sockets; }
@test "a directory like /tmp" { row sticky-directory; }
@test "symbolic links" { row links; }
@test "relative names" { row relative; }
@test "-runas with numbers" { refused runas-numeric "and --isolate=full for an id of the VM's own"; }
@test "what is there without asking" { row defaults; }
@test "a log in a directory of a user's" { row log-of-a-user; }
@test "a log in a directory like /tmp" { row log-in-tmp; }
@test "a data file that a -drive names" { row data-file; }
@test "a data file in one node" { row data-file-blockdev; }
@test "a data file as a node" { row data-file-node; }
@test "a data file of the account" { row data-file-of-account; }
@test "-netdev passt" { row passt; }
@test "-nic passt" { row passt-nic; }
@test "the name of a pseudo-terminal" { row pty-link; }
@test "a socket to which QEMU does not reconnect" { row chardev-reconnect-0; }
@test "a network stream that does not reconnect" { row stream-reconnect-0; }
@test "a connection to an NBD server that the caller has opened" { row nbd-fd; }
@test "a disk that the caller has opened, named behind a socket" { row fdset-behind-qmp; }
@test "a disk that the caller has opened, named behind a copy" { row fdset-behind-copy; }
@test "a tap device that the caller has opened, named behind a socket" { row tap-fd-behind-monitor; }
@test "a data file named relative to where QEMU is started" { row data-file-relative; }
@test "a USB device of another program's" { row usb-redir; }
@test "a disk of another program's" { row vhost-user-blk; }
@test "a socket to which QEMU connects by itself" { row chardev-reconnect; }
