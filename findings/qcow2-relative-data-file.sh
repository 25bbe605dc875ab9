#!/bin/bash
# A qcow2's relative data file is looked up from the working directory; its relative backing file, from the image's.
#
# QEMU 7.2.22, 10.0.13 and 11.1.3 (Debian bookworm, trixie, sid), shown by qemu-img and true of a VM's disk as well.
# Both names are stored in the image. The manual says of a relative backing file that it is looked up in the image's
# directory, and does not say anything of a data file. So an image that has its data file beside it can be used in its
# own directory alone: elsewhere it is "Could not open 'data.raw'", and where the working directory has a file of that
# name, the image has that one's content, without a word. Whoever resolves what an image names has to treat the two
# names differently, and can't say from the image which data file it has.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# In the suite's root: base.raw and data.raw twice, each of which has the name of its directory as content.
cat >"$work/inside" <<'INSIDE'
mkdir -p /images /cwd /empty /tmp
cd /images || exit
: >base.raw
qemu-img create -q -f qcow2 -F raw -b base.raw backing.qcow2 1M || exit
qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on data.qcow2 1M || exit
for directory in /images /cwd; do
    for name in base.raw data.raw; do
        echo $directory >$directory/$name
        truncate -s 1M $directory/$name
    done
done
for directory in /images /empty /cwd; do
    cd $directory
    for image in backing.qcow2 data.qcow2; do
        rm -f /tmp/copy
        said=$(qemu-img convert -f qcow2 -O raw /images/$image /tmp/copy 2>&1)
        echo "in $directory, $image: ${said:-$(head -n 1 /tmp/copy)}"
    done
done
INSIDE

cat >"$work/expected" <<'ROWS'
in /images, backing.qcow2: /images
in /images, data.qcow2: /images
in /empty, backing.qcow2: /images
in /empty, data.qcow2: qemu-img: Could not open '/images/data.qcow2': Could not open 'data.raw': No such file or directory
in /cwd, backing.qcow2: /images
in /cwd, data.qcow2: /cwd
ROWS

status=0
for row in bookworm=1:7.2+dfsg-7+deb12u18 trixie=1:10.0.13+ds-0+deb13u1 sid=1:11.1.3+ds-1; do
    suite=${row%%=*}
    "$here/packages" "$suite" "$work/$suite" "qemu-utils=${row#*=}" bash coreutils || exit
    cp "$work/inside" "$work/$suite"
    [ -e "$work/$suite/dev/null" ] || mknod -m 666 "$work/$suite/dev/null" c 1 3
    echo "QEMU ${row#*=}: which directory's file an image of /images has"
    chroot "$work/$suite" /usr/bin/env -i PATH=/usr/bin:/bin bash /inside | tee "$work/seen"
    diff "$work/expected" "$work/seen" >&2 || status=1
done
exit $status
