# --write-unit: from a command line of a script to the file of a unit. What is written is read back as a unit
# reads it; how the unit runs is in ready.bats.
# shellcheck disable=SC2030,SC2031,SC2034,SC2054 # words of QEMU have commas

load host.bash
load devices.bash

vms=/etc/virt-privileges/vms

setup() {
    clean_host
    device_host
    quiet=(-accel tcg -m 16 -nodefaults -no-user-config -display none)
}

# written NAME: the words of its file.
written() {
    grep -v '^#' "$vms/$1.conf"
}

commands_of() {
    printf '%s\n' "start, now and at each boot: systemctl enable --now virt-priv-vm@$1" \
        "watch: journalctl -f -u virt-priv-vm@$1" "stop: systemctl stop virt-priv-vm@$1"
}

@test "the words are written as they are, with absolute paths, without what a unit must not have" {
    local words plain n=0
    make blank root:root 0600 "$fs/b.raw"
    make blank root:root 0600 "$fs/c d.raw"
    make text=kernel root:root 0644 "$fs/kernel"
    make dir root:root 0755 "$fs/dir"
    make script=: root:root 0755 "$fs/up"
    cd "$fs"
    while IFS='|' read -r words plain; do
        rm -rf "$vms"
        eval "words=($words)"
        echo "${words[*]}"
        # Obstacles of another machine are none of this test's.
        run virt-priv-run --write-unit vm -- qemu-system-x86_64 "${words[@]}"
        echo "$output"
        [ "$status" -le 1 ]
        diff <(printf '%s\n' /usr/bin/qemu-system-x86_64; eval "printf '%s\n' $plain") <(written vm)
        n=$((n + 1))
    done <<'EOT'
-drive file=b.raw,format=raw|-drive "file=$fs/b.raw,format=raw"
b.raw|"$fs/b.raw"
-hda "c d.raw"|-hda "$fs/c d.raw"
-drive file=file:b.raw,format=raw|-drive "file=file:$fs/b.raw,format=raw"
-fda fat:dir|-fda "fat:$fs/dir"
-blockdev '{"driver":"file","filename":"b.raw","node-name":"x"}'|-blockdev "{\"driver\":\"file\",\"filename\":\"$fs/b.raw\",\"node-name\":\"x\"}"
-kernel ./kernel -append "root=/dev/vda  quiet"|-kernel "$fs/kernel" -append "root=/dev/vda  quiet"
-bios bios-256k.bin|-bios bios-256k.bin
-qmp unix:vm.qmp,server=on,wait=off|-qmp "unix:$fs/vm.qmp,server=on,wait=off"
-serial file:log -D ./log2|-serial "file:$fs/log" -D "$fs/log2"
-netdev tap,id=n,script=./up,downscript=no|-netdev "tap,id=n,script=$fs/up,downscript=no"
-daemonize -pidfile vm.pid -S|-S
EOT
    [ "$n" -eq 12 ]
}

@test "the file is root's alone, in directories for all to see; what it has been told is said" {
    umask 077
    run -0 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -drive "file=$fs/a.raw,format=raw" -daemonize -pidfile /run/web.pid
    diff <(echo "$vms/web.conf is written" && echo "-daemonize is left out: a unit stays in the foreground" &&
        echo "-pidfile is left out: systemd knows the process of a unit" && commands_of web) <(echo "$output")
    [ "$(stat -c '%U:%G %a' "$vms" "${vms%/*}" "$vms/web.conf" | xargs)" = "root:root 755 root:root 755 root:root 600" ]
    [ "$(ls -A "$vms")" = web.conf ]
    # It is what a unit reads.
    run -0 virt-priv-run --isolate=full --check --vm web
    [ -z "$output" ]
    # Nothing of the VM was changed.
    [ "$(owner "$fs/a.raw")" = alice:alice ]
    nothing_left
}

@test "the options before the command go into the file, and count in the check" {
    cd "$fs"
    run -0 virt-priv-run --disks=pass --isolate=user --grant-read --backing a.raw --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -drive file=a.raw,format=raw
    diff <(printf '%s\n' --disks=pass --isolate=user --grant-read "--backing=$fs/a.raw" /usr/bin/qemu-system-x86_64 "${quiet[@]}" -drive "file=$fs/a.raw,format=raw") <(written web)
}

@test "an obstacle is printed, and the file stays" {
    run -1 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -drive "file=$fs/none,format=raw"
    diff <(echo "$vms/web.conf is written" && echo "$fs/none (-drive): cannot reach $fs/none: No such file or directory" &&
        echo "check again: virt-priv-run --isolate=full --check --vm web" && commands_of web) <(echo "$output")
    [ "$(written web | tail -n 1)" = "file=$fs/none,format=raw" ]
    # With the disk, the same command helps.
    make blank root:root 0600 "$fs/none"
    run -0 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -drive "file=$fs/none,format=raw"
    diff <(echo "$vms/web.conf has this command line already" && commands_of web) <(echo "$output")
}

# refused TEXT COMMAND...: nothing is changed by that.
refused() {
    local before
    before=$(listing times /etc/virt-privileges 2>/dev/null || true)
    run -125 "${@:2}"
    [[ $output == "virt-priv-run: "$1 ]] || { echo "$output" && return 1; }
    [ "$(listing times /etc/virt-privileges 2>/dev/null || true)" = "$before" ]
}

@test "another command line is never overwritten, nor is what others can write to believed" {
    run -0 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
    refused "$vms/web.conf exists, and has another command line; nothing was changed; *mv $vms/web.conf $vms/web.conf.old" \
        virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -S
    chmod 0777 "$vms"
    refused "$vms/mail.conf: its directory, or one above it, is writable by users other than root" \
        virt-priv-run --write-unit mail -- qemu-system-x86_64 "${quiet[@]}"
    rm -r "$vms"
    mkdir "$vms"
    ln -s /etc/passwd "$vms/web.conf"
    refused "$vms/web.conf exists, and has another command line*" virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
    [ -L "$vms/web.conf" ]
}

@test "what a file cannot hold, or a unit has not, is refused" {
    local word
    for word in "" "# x" " x" "x " $'x\ny'; do
        refused "the word * cannot be in the file of a VM*" virt-priv-run --write-unit web -- qemu-system-x86_64 -append "$word"
    done
    refused "-chardev: descriptor 5: a unit is passed no descriptors*" virt-priv-run --write-unit web -- qemu-system-x86_64 -chardev socket,id=c,fd=5
    refused "nice is not QEMU*systemctl edit virt-priv-vm@web" virt-priv-run --write-unit web -- nice qemu-system-x86_64
    refused "qemu-system-x86_64 -S: No such file or directory" virt-priv-run --write-unit web -- "qemu-system-x86_64 -S"
    refused "missing QEMU command line*" virt-priv-run --write-unit web
    refused "--write-unit: invalid VM name '../web'*" virt-priv-run --write-unit ../web -- qemu-system-x86_64
    refused "--check cannot be used with --write-unit" virt-priv-run --check --write-unit web -- qemu-system-x86_64
    cd "$fs"
    printf '[drive]\n  file = "a.raw"\n  format = "raw"\n' >"$fs/vm.cfg"
    refused "*a.raw is relative to the current directory, and a unit runs in /; write $fs/a.raw there" \
        virt-priv-run --write-unit web -- qemu-system-x86_64 -readconfig vm.cfg
    [ ! -e /etc/virt-privileges ]
}

@test "where qemu.conf cannot be used, or names nobody, no file is written" {
    local conf
    for conf in 'user = "nobody-of-that-name"' 'user = '; do
        echo "$conf" >/etc/libvirt/qemu.conf
        chmod 0600 /etc/libvirt/qemu.conf
        refused "*/etc/libvirt/qemu.conf:1:*" virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
    done
    refused "settings file $fs/none does not exist" virt-priv-run -c "$fs/none" --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
    [ ! -e /etc/virt-privileges ]
    # The VM of that name is that of the unit.
    rm /etc/libvirt/qemu.conf
    run -0 virt-priv-run --name web --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
    [ "$(written web | head -n 1)" = --name=web ]
}

@test "one that fails, or is killed, leaves no file; the next one writes it" {
    local what
    for what in fsync:error=EIO linkat:error=EIO linkat:signal=KILL; do
        run strace -f -qq -o /dev/null -e "inject=$what" virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
        echo "$what: $status $output"
        [ "$status" -ne 0 ]
        [ ! -e "$vms/web.conf" ]
        run -0 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}"
        [ "$(ls -A "$vms")" = web.conf ]
        rm "$vms/web.conf"
    done
}

# begin_first MEMORY: one that has written its file, and has not named it yet, waits in $first.
begin_first() {
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=fsync -e inject=fsync:signal=STOP:when=1 \
        virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -m "$1" >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
    first=$!
    helpers_started+=("$first")
    eventually grep -q 'stopped by SIGSTOP' "$BATS_TEST_TMPDIR/trace"
}

end_first() {
    pkill -CONT -P "$first"
    status=0
    wait "$first" || status=$?
    cat "$BATS_TEST_TMPDIR/first"
}

@test "two at once: the file is that of one of them, whole, and the other says so" {
    begin_first 32
    run -0 virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -m 64
    end_first
    [ "$status" -eq 125 ]
    grep -q "cannot write $vms/web.conf: File exists" "$BATS_TEST_TMPDIR/first"
    [ "$(written web | tail -n 1)" = 64 ]
    rm "$vms/web.conf"
    # The other one has begun, and never ends.
    begin_first 32
    run strace -f -qq -o /dev/null -e inject=write:error=EIO:signal=KILL virt-priv-run --write-unit web -- qemu-system-x86_64 "${quiet[@]}" -m 64
    [ "$status" -eq 137 ]
    end_first
    [ "$status" -eq 0 ]
    [ "$(written web | tail -n 1)" = 32 ]
    [ "$(ls -A "$vms")" = web.conf ]
}

# unit_runs NAME: as its unit starts it, up to systemd's being told that it is ready; and ends it.
unit_runs() {
    local said=$BATS_TEST_TMPDIR/said-$1 socket=/run/notify-$1 words
    read -ra words < <(sed -n 's/^ExecStart=\/usr\/bin\///p' conf/systemd/virt-priv-vm@.service)
    helper nsenter --net=/run/vm.net tests/lib/notify-sink "$socket" "$said"
    eventually grep -qsx listening "$said"
    NOTIFY_SOCKET=$socket nsenter --net=/run/vm.net "${words[@]//%i/$1}" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
    eventually told_or_ended "$said"
    grep -q "READY=1" "$said" || { cat "$BATS_TEST_TMPDIR/out" && return 1; }
    kill -s TERM "$runner"
    eventually ended "$runner"
    wait "$runner"
}

told_or_ended() {
    grep -q "READY=1" "$1" || ended "$runner"
}

# From three scripts to three units: what a new admin types is a line of its own in the transcript.
# The scripts put virt-priv-run before QEMU where $RUN says so.
@test "three scripts become units in fewer than ten commands" {
    local transcript=$BATS_TEST_TMPDIR/transcript n=0
    on_net
    node /dev/vhost-net
    node /dev/vfio/7
    node /dev/vfio/vfio
    chmod 0666 /dev/vfio/vfio
    mkdir -p /dev/net
    [ -e /dev/net/tun ] || mknod -m 0666 /dev/net/tun c 10 200
    pci_device 01:00.0 7 vfio-pci
    mkdir -p "$fs/vm"
    make guest root:root 0600 "$fs/vm/web.raw"
    make guest root:root 0600 "$fs/vm/games.raw"
    make guest root:root 0600 "$fs/vm/desk.raw"
    make blank root:root 0600 "$fs/vm/vars.fd"
    make blank root:root 0644 "$fs/vm/code.fd"
    cat >"$fs/vm/web.sh" <<'EOT'
#!/bin/sh
# A server: a tap device, and UEFI.
cd "$(dirname "$0")"
NET="tap,id=lan,ifname=vmtap0,script=no,downscript=no"
$RUN qemu-system-x86_64 -name "web server" -accel tcg \
    -m 16 -nodefaults -display none \
    -drive if=pflash,format=raw,unit=0,readonly=on,file=code.fd \
    -drive if=pflash,format=raw,unit=1,file=vars.fd \
    -drive "file=web.raw,format=raw,if=virtio" \
    -netdev "$NET" -device virtio-net-pci,netdev=lan \
    -monitor unix:web.monitor,server=on,wait=off \
    -daemonize -pidfile /run/web.pid
EOT
    cat >"$fs/vm/games.sh" <<'EOT'
#!/bin/sh
# A graphics card is passed through.
cd "$(dirname "$0")"
GPU=01:00.0
exec $RUN qemu-system-x86_64 -name games -accel tcg -m 16 -nodefaults -display none \
    -device "vfio-pci,host=$GPU" \
    -drive file=games.raw,format=raw,if=virtio
EOT
    cat >"$fs/vm/desk.sh" <<'EOT'
#!/bin/sh
# A window, sound and a USB stick.
cd "$(dirname "$0")"
export DISPLAY=:0
exec $RUN qemu-system-x86_64 -name desk -accel tcg -m 16 ${SCREEN--display gtk} \
    -audiodev ${SOUND-pa},id=snd -device intel-hda -device hda-duplex,audiodev=snd \
    -usb -device usb-host,vendorid=0x8086,productid=0x0b05 \
    -drive file=desk.raw,format=raw,if=virtio
EOT
    chmod 0755 "$fs"/vm/*.sh
    usb_device 2-3 2 11 8086 0b05
    mkdir -p /dev/bus/usb/002
    node /dev/bus/usb/002/011
    # In many containers, root may not lock memory for a device that is passed through.
    local locks=0
    may_lock || locks=1
    # type STATUS COMMAND: as in a shell of root's.
    type() {
        n=$((n + 1))
        run nsenter --net=/run/vm.net sh -c "cd $fs/vm && $2"
        printf '# %s\n%s\n' "$2" "$output" | tee -a "$transcript"
        [ "$status" -eq "$1" ]
    }
    type 0 "RUN='virt-priv-run --write-unit web --' ./web.sh"
    diff <(echo "$vms/web.conf is written" && echo "-daemonize is left out: a unit stays in the foreground" &&
        echo "-pidfile is left out: systemd knows the process of a unit" && commands_of web) <(echo "$output")
    type $locks "RUN='virt-priv-run --write-unit games --' ./games.sh"
    diff <(echo "$vms/games.conf is written" && commands_of games) <(grep -vE 'locked memory|^check again' <<<"$output")
    type 1 "RUN='virt-priv-run --write-unit desk --' ./desk.sh"
    [[ $output == *"(-display): "*"-vnc unix:PATH or -spice"* && $output == *"(-audiodev): "*"use -audiodev spice or none"* ]]
    type 0 "rm $vms/desk.conf"
    type 0 "SCREEN='-vnc unix:/run/desk.vnc' SOUND=none RUN='virt-priv-run --write-unit desk --' ./desk.sh"
    diff <(printf '%s\n' desk.conf games.conf web.conf) <(ls "$vms")
    # The last ones are systemd's.
    type $locks "for vm in web desk games; do virt-priv-run --isolate=full --check --vm \$vm || exit; done"
    [ "$(grep -v 'locked memory' <<<"$output")" = "" ]
    [ "$n" -lt 8 ]
    # The scripts' own words, as units would pass them.
    [ "$(written web | sed -n '/^-name$/,+1p' | tail -n 1)" = "web server" ]
    grep -qx "if=pflash,format=raw,unit=1,file=$fs/vm/vars.fd" "$vms/web.conf"
    grep -qx "unix:$fs/vm/web.monitor,server=on,wait=off" "$vms/web.conf"
    unit_runs web
    unit_runs desk
    [ "$(stat -c %U:%G "$fs/vm/web.raw" "$fs/vm/vars.fd" "$fs/vm/desk.raw" | sort -u)" = root:root ]
    nothing_left
    [ -z "${VP_TRANSCRIPT-}" ] || cp "$transcript" "$VP_TRANSCRIPT"
}
