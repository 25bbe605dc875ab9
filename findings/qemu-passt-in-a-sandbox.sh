#!/bin/bash
# QEMU's -netdev passt never starts where QEMU has -sandbox on, not even if that allows to start programs.
#
# QEMU 11.1.3 with passt 2026-10-02 (Debian sid), as root and as an ordinary user. The manual has four things that
# -sandbox on denies or allows, and one of them is against new processes: spawn=deny says "Failed to fork". With all
# four allowed passt is started, inherits the filter, and the filter ends it when it builds a sandbox of its own:
# mount(2) is among the calls that no option of -sandbox allows. QEMU ends with status 1 and "Passt killed with signal
# 31", which names neither the sandbox nor what helps: a passt that was started before, and -netdev stream to its
# socket. Without -sandbox the same command line runs. The manual says of neither that it excludes the other.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root, for pivot_root" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/packages" sid "$work/sid" qemu-system-x86=1:11.1.3+ds-1 passt=0.0~git20261002.cba3570-1 \
    bash coreutils util-linux mount sed || exit

# started [SETPRIV-OPTION...] -- [QEMU-OPTION...]: what QEMU says, "starts" if it answers on its monitor.
cat >"$work/sid/started" <<'INSIDE'
as=()
while [ "$1" != -- ]; do
    as+=("$1")
    shift
done
shift
said=$(echo quit | timeout 30 setpriv "${as[@]}" qemu-system-x86_64 -M none -S -display none -monitor stdio "$@" \
    -netdev passt,id=net 2>&1)
case $said in
*"QEMU 11.1.3 monitor"*) echo starts ;;
*) printf '%s\n' "$said" | sed -n 's/^qemu-system-x86_64: -netdev [^ ]* //p' ;;
esac
INSIDE

# inside ARG...: the same, in the suite's root; in a chroot passt could not make its user namespace. All in namespaces
# that end with it, so that nothing stays mounted and no passt stays behind.
inside() {
    unshare --net --mount --propagation private --pid --fork --kill-child bash -c 'mount --bind "$0" "$0" &&
        mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && cd "$0" && pivot_root . . && umount -l . &&
        exec env -i PATH=/usr/sbin:/usr/bin bash /started "$@"' "$work/sid" "$@"
}
mkdir -p "$work/sid/tmp" "$work/sid/proc" && chmod 1777 "$work/sid/tmp"
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$work/sid/etc/passwd" # passt asks for nobody

cat >"$work/expected" <<'ROWS'
(none): starts
-sandbox on: Passt killed with signal 31
-sandbox on,spawn=allow,elevateprivileges=allow,resourcecontrol=allow,obsolete=allow: Passt killed with signal 31
-sandbox on,spawn=deny: Error creating daemon: Failed to fork (Operation not permitted)
ROWS
status=0
for user in root nobody; do
    as=()
    [ "$user" = root ] || as=(--reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
    echo "QEMU 11.1.3 with -netdev passt, as $user:"
    while IFS=: read -r options _; do
        sandbox=()
        [ "$options" = "(none)" ] || read -r -a sandbox <<<"$options"
        echo "$options: $(inside "${as[@]}" -- "${sandbox[@]}")"
    done <"$work/expected" | tee "$work/seen"
    diff "$work/expected" "$work/seen" >&2 || status=1
done
exit $status
