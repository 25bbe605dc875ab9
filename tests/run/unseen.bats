# What an isolated QEMU uses of the host without being given it: --check names it, and the option that it names makes the
# next --check pass; and what is shown so, or needs no showing, is there when QEMU runs.

# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolated.bash
load plans.bash

check() {
    run virt-priv-run --isolate=full "${own[@]}" --check qemu-system-x86_64 -nodefaults "$@"
}

# there PATH...: the host has it. A "/" behind it: a directory, "=": a socket.
there() {
    local path
    for path in "$@"; do
        case $path in
        */) mkdir -p "$path" ;;
        *=)
            mkdir -p "${path%/*}"
            make socket root:root 666 "${path%=}"
            ;;
        *) make text=x root:root 644 "$path" ;;
        esac
    done
}

@test "what the command line names is visible, and no more of its directory" {
    private_dev
    there "$fs/data/" "$fs/data/file" "$fs/pki/" "$fs/share/" "$fs/socket=" "$fs/other"
    chmod 777 "$fs/share"
    mkdir -p /dev/bus/usb/001 /dev/input /dev/dri
    mknod -m 0666 /dev/input/event3 c 1 3
    mknod -m 0666 /dev/dri/renderD128 c 1 3
    mkfifo -m 0666 "$fs/fifo"
    local words visible n=0
    while IFS='|' read -r words visible; do
        words=${words//@\//$fs/} visible=${visible//@\//$fs/}
        # shellcheck disable=SC2086 # several words
        run virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults $words
        echo "$words: $(grep -F "$fs" <<<"$output")"
        [ "$status" -eq 0 ]
        [[ $visible == -* ]] || visible="visible $visible"
        [ "$(grep -E "^visible ($fs|/dev/(input|dri))" <<<"$output")" = "${visible##-*}" ]
        n=$((n + 1))
    done <<'EOT'
-L @/data|@/data (-L: ro)
-k @/data/file|@/data/file (-k: ro)
-bios @/other|@/other (-bios: ro)
-acpitable file=@/other|@/other (-acpitable: ro)
-smbios file=@/other|@/other (-smbios: ro)
-fw_cfg name=opt/x,file=@/other|@/other (-fw_cfg: ro)
-kernel @/other|@/other (-kernel: ro)
-object secret,id=s,file=@/other|@/other (-object: ro)
-object tls-creds-x509,id=t,dir=@/pki,endpoint=server|@/pki (-object: ro)
-object authz-list-file,id=a,filename=@/other|@/other (-object: ro)
-object input-linux,id=i,evdev=/dev/input/event3|/dev/input/event3 (-object: rw)
-object memory-backend-file,id=m,size=1M,mem-path=@/share|@/share (-object: rw)
-object pr-manager-helper,id=p,path=@/socket|@/socket (-object: rw)
-display egl-headless,rendernode=/dev/dri/renderD128|/dev/dri/renderD128 (-display: rw)
-device loader,file=@/other|@/other (-device: ro)
-device usb-mtp,rootdir=@/data|@/data (-device: ro)
-drive file=fat:@/data,format=raw|@/data (-drive: ro)
-drive file=nbd:unix:@/socket,format=raw|@/socket (disk of a server: rw)
-virtfs local,path=@/share,mount_tag=t,security_model=none|@/share (-virtfs: rw)
-netdev vde,id=n,sock=@/share|@/share (-netdev: rw)
-global isa-fdc.x=@/other|@/other (-global: ro)
-chardev pipe,id=c,path=@/fifo|@/fifo (-chardev: rw)
-chardev socket,id=c,path=@/socket|- passed
-chardev socket,id=c,path=@/socket -netdev vhost-user,id=n,chardev=c|@/socket (-chardev: rw)
-netdev stream,id=n,addr.type=unix,addr.path=@/socket,server=off|- passed
-incoming unix:@/incoming|- made
-serial unix:@/serial,server=on,wait=off|- made
EOT
    [ "$n" -eq 27 ]
    umount -l /dev
}

# out_of_sight: of a plan in JSON, what the words for QEMU name that is there, and that it does not see.
out_of_sight() {
    /usr/bin/python3 -c '
import json, os, re, sys
plan = json.load(sys.stdin)
seen = [p["path"] for p in plan["isolation"]["visible"]] + ["/dev/fdset", "/dev/fd"]
for word in plan["command"][1:]:
    for path in re.findall("/[A-Za-z0-9_.+/-]+", word):
        if os.path.lexists(path) and not any(path == s or path.startswith(s + "/") for s in seen):
            print(path, "in", word)'
}

@test "of each plan, what QEMU is still to open by its name is visible" {
    make_files
    local row words planned=0
    while IFS='|' read -ra row; do
        [[ ${row[0]} == *--dry-run* ]] || continue
        read -ra words <<<"${row[0]//@/$fs}"
        # What is refused has no plan.
        run --separate-stderr virt-priv-run --isolate=full --json "${words[@]}"
        [ "$status" -eq 0 ] || continue
        echo "${words[*]}"
        [ -z "$(out_of_sight <<<"$output")" ]
        planned=$((planned + 1))
    done <"$BATS_TEST_DIRNAME/plans"
    [ "$planned" -ge 35 ]
    # The function sees what is not visible.
    run -0 --separate-stderr virt-priv-run --isolate=full --dry-run --json qemu-system-x86_64 -append "$fs/dir"
    [ "$(out_of_sight <<<"$output")" = "$fs/dir in $fs/dir" ]
}

@test "programs that the command line names are executed" {
    make guest root:root 600 "$fs/a.raw"
    make dir root:root 777 "$fs/out"
    args=(-name iso -drive "file=$fs/a.raw,format=raw" -incoming "exec:/usr/bin/id -u >$fs/out/id; echo no state")
    own+=(--share "$fs/out")
    start
    finish
    [ "$status" -eq 1 ]
    [ "$(cat "$fs/out/id")" = "$(stat -c %u "$fs/out/id")" ]
    [ "$(cat "$fs/out/id")" -ge 90000 ]
    nothing_left
}

# as_without_isolation WORDS: the check says what it says of a VM that is not isolated, such as that a bus must let
# the QEMU user connect, and no more.
as_without_isolation() {
    local isolated=$status-$output
    # shellcheck disable=SC2086 # several words
    run virt-priv-run --check qemu-system-x86_64 -nodefaults $1
    # Whom a directory denies, and what opens it, are another id's.
    [ "$(sed 's/ to its directory: .*/ to its directory/' <<<"$isolated")" = "$(sed 's/ to its directory: .*/ to its directory/' <<<"$status-$output")" ]
}

@test "what --check says is not visible is, with the option that it names" {
    own=()
    private_dev
    there /etc/sasl2/ /etc/pam.d/ /etc/ceph/ /run/pcscd/ /var/lib/BrlAPI/ /dev/snd/ "$fs/with,comma/" "$fs/bus=" \
        "$fs/pulse=" "$fs/one" "$fs/two" "$fs/smb/"
    local words path shares share hidden n=0
    while IFS='|' read -r words path shares; do
        words=${words//@\//$fs/} path=${path//@\//$fs/} shares=${shares//@\//$fs/}
        own=()
        # shellcheck disable=SC2086 # several words
        check $words
        echo "$words: $output"
        [ "$status" -eq 1 ]
        mapfile -t hidden < <(grep ": not visible in the VM's root directory: " <<<"$output")
        [[ ${hidden[0]} == "$path (${words%% *}): not visible in the VM's root directory: add $shares"* ]]
        for share in "${hidden[@]}"; do
            share=${share#*: add --share }
            own+=(--share "${share%%, or *}")
        done
        # shellcheck disable=SC2086
        check $words
        echo "${own[*]}: $output"
        as_without_isolation "$words"
        n=$((n + 1))
    done <<'EOT'
-display dbus,addr=unix:path=@/bus|@/bus|--share @/bus, or use p2p=on
-object dbus-vmstate,id=v,addr=unix:path=@/bus|@/bus|--share @/bus
-audiodev pa,id=a,server=unix:@/pulse|@/pulse|--share @/pulse, or use -audiodev
-audiodev alsa,id=a|/dev/snd|--share /dev/snd, or use -audiodev
-vnc :1,sasl=on|/etc/sasl2|--share /etc/sasl2,ro
-spice port=5900,sasl=on|/etc/sasl2|--share /etc/sasl2,ro
-object authz-pam,id=p,service=s|/etc/pam.d|--share /etc/pam.d,ro, or use authz-list
-device ccid-card-emulated|/run/pcscd|--share /run/pcscd, or use backend=certificates
-chardev braille,id=b|/var/lib/BrlAPI|--share /var/lib/BrlAPI
-netdev user,id=n,smb=@/smb|@/smb|--share @/smb
-netdev user,id=n,hostfwd=unix:@/with,,comma/s-:22|@/with,comma|--share @/with,,comma
-acpitable file=@/one:@/two|@/one|--share @/one,ro
-D @/with,comma/%d.log|@/with,comma|--share @/with,,comma
-D %d.log|/media/source|--share /media/source
-drive file=rbd:pool/image,format=raw|/etc/ceph|--share /etc/ceph,ro, or set conf=
EOT
    [ "$n" -eq 15 ]
    umount -l /dev
}

@test "what nothing can show is told, with what to use instead" {
    own=()
    local words option instead n=0
    while IFS='|' read -r words instead; do
        option=${words%% *}
        # shellcheck disable=SC2086
        check $words
        echo "$words: $output"
        [ "$status" -eq 1 ]
        [[ $output == *"- ($option): not possible with --isolate=full: "*"; $instead"* ]]
        # shellcheck disable=SC2086
        run virt-priv-run --check qemu-system-x86_64 -nodefaults $words
        [[ $output != *--isolate=full* ]]
        n=$((n + 1))
    done <<'EOT'
-display gtk|use -vnc unix:PATH or -spice
-display sdl|use -vnc unix:PATH or -spice
-display egl-headless|set rendernode=
-display dbus|set addr=, or p2p=on
-spice unix=on,addr=/run/s,gl=on|set rendernode=
-audiodev pa,id=a|use -audiodev spice or none
-audiodev pipewire,id=a|use -audiodev spice or none
-object cryptodev-backend-lkcf,id=c|use cryptodev-backend-builtin
-device u2f-passthru|set hidraw=
-drive file=ssh://host/image,format=raw|export the disk by nbdkit
EOT
    [ "$n" -eq 10 ]
    for words in "-display dbus,p2p=on" "-audiodev none,id=a" "-display none" "-acpitable file=/etc/none:/etc/neither"; do
        # shellcheck disable=SC2086
        check $words
        echo "$words: $output"
        as_without_isolation "$words"
    done
}

@test "--check says what a kept name of the host's would be: nothing is refused that a start has" {
    make guest root:root 600 "$fs/a.raw"
    args=(-drive "file=$fs/a.raw,format=raw" -name iso -display egl-headless)
    start
    finish
    [ "$status" -eq 125 ]
    grep -q "not possible with --isolate=full: a render node must be named; set rendernode=" "$err"
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "-display vnc= on TCP, and an abstract socket: the network is the host's" {
    make guest root:root 600 "$fs/a.raw"
    on_net
    cat >"$fs/abstract" <<'END'
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind("\0vp-abstract")
server.listen()
client, _ = server.accept()
with open(sys.argv[1], "wb", buffering=0) as out:
    while data := client.recv(4096):
        out.write(data)
END
    helper in_net /usr/bin/python3 "$fs/abstract" "$BATS_TEST_TMPDIR/heard"
    eventually in_net grep -q @vp-abstract /proc/self/net/unix
    machine=("${machine[@]//none/vnc=127.0.0.1:8}")
    args=(-name iso -drive "file=$fs/a.raw,format=raw" -chardev socket,id=c,path=vp-abstract,abstract=on -serial chardev:c)
    console=()
    args+=(-monitor stdio)
    start
    eventually heard "virt-priv"
    in_net /usr/bin/python3 -c 'import socket; s = socket.create_connection(("127.0.0.1", 5908)); assert s.recv(4) == b"RFB "'
    echo quit >&"$in"
    finish
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a server that makes its socket anew is found again, where its directory is shared" {
    make guest root:root 600 "$fs/a.raw"
    make dir root:root 755 "$fs/run"
    reconnect_key_of_all "$fs/run/peer"
    args=(-name iso -drive "file=$fs/a.raw,format=raw" -mon chardev=c
        -chardev "socket,id=c,path=$fs/run/peer,${put[reconnect]}=1")
    own+=(--share "$fs/run")
    start
    runs
    eventually heard monitor
    kill -KILL "${helpers_started[-1]}"
    eventually ended "${helpers_started[-1]}"
    rm "$fs/run/peer" "$BATS_TEST_TMPDIR/heard"
    reconnect_key_of_all "$fs/run/peer"
    eventually heard monitor
    leave
    [ "$status" -eq 33 ]
    nothing_left
}

# plugin VERSION: one of that version of their interface.
plugin() {
    gcc -shared -fPIC -DVERSION="$1" -o "$fs/plugin.so" "$fs/plugin.c"
    chmod 0755 "$fs/plugin.so"
}

@test "QEMU's options for all VMs are read, unless the command line says that they are not" {
    there /etc/qemu/
    printf '[device "d"]\n  driver = "no-such-driver"\n' >/etc/qemu/qemu.conf
    make guest root:root 600 "$fs/a.raw"
    args=(-name iso -drive "file=$fs/a.raw,format=raw")
    start
    runs
    run ! grep /etc/qemu "/proc/$pid/mountinfo"
    leave
    machine=("${machine[@]/-no-user-config/-nodefaults}")
    start
    finish
    [ "$status" -eq 1 ]
    grep -q no-such-driver "$err"
    rm -r /etc/qemu
    nothing_left
}

@test "a plugin is mapped, and is no program" {
    cat >"$fs/plugin.c" <<'END'
int qemu_plugin_version = VERSION;
int qemu_plugin_install(unsigned long id, const void *info, int argc, char **argv) { return id && info && argv ? argc : 0; }
END
    plugin 1
    # A QEMU that wants another one says so; this one ends in any case.
    run qemu-system-x86_64 -machine none -display none -plugin "file=$fs/plugin.so" -device none
    [[ ! $output =~ "minimum version of "([0-9]+) ]] || plugin "${BASH_REMATCH[1]}"
    make guest root:root 600 "$fs/a.raw"
    args=(-name iso -drive "file=$fs/a.raw,format=raw" -plugin "file=$fs/plugin.so")
    virt-priv-run --isolate=full --dry-run qemu-system-x86_64 -nodefaults "${args[@]}" >"$BATS_TEST_TMPDIR/report"
    grep -qxF "visible $fs/plugin.so (-plugin: ro, with programs)" "$BATS_TEST_TMPDIR/report"
    grep -q "^isolate landlock (no program can be executed but QEMU" "$BATS_TEST_TMPDIR/report"
    start
    runs
    grep -q " $fs/plugin.so$" "/proc/$pid/maps"
    leave
    [ "$status" -eq 33 ]
    nothing_left
}

@test "a directory of devices that is shared has its devices, another one has none" {
    private_dev
    mkdir /dev/snd
    mknod -m 0666 /dev/snd/timer c 1 3
    mknod -m 0666 "$fs/null" c 1 3
    make guest root:root 600 "$fs/a.raw"
    args=(-name iso -drive "file=$fs/a.raw,format=raw")
    own+=(--share /dev/snd --share "$fs")
    start
    runs
    nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" /usr/bin/head -c 1 /dev/snd/timer
    run ! nsenter --mount="/proc/$pid/ns/mnt" --root="/proc/$pid/root" /usr/bin/head -c 1 "$fs/null"
    leave
    umount -l /dev
    nothing_left
}
