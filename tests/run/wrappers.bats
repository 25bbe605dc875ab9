# A program in front of QEMU is no QEMU: its words would be read as QEMU's, and QEMU's executable be a disk.

load host.bash

setup() {
    clean_host
    qemu=$(type -P qemu-system-x86_64)
    make blank alice:alice 0640 "$fs/a.raw"
}

# What a command line could have changed.
state() {
    listing times "$fs" /var/lib/virt-privileges /run/virt-privileges
    stat -c '%n %U:%G %a %Z' "$(readlink -f "$qemu")" /usr/bin/nice
}

# refused WORDS ORDER: the command is, in every mode, with the order of words that works.
refused() {
    local words order=$2 mode
    eval "words=($1)"
    mkdir -p /var/lib/virt-privileges /run/virt-privileges
    state >"$BATS_TEST_TMPDIR/before"
    for mode in "" --dry-run --disks=pass; do
        run -125 virt-priv-run $mode "${words[@]}" -drive "file=$fs/a.raw,format=raw"
        echo "$output"
        [ "$output" = "virt-priv-run: ${words[0]} is not QEMU; put virt-priv-run after it: ${order/@/${mode#--dry-run}}" ] ||
            [ "$output" = "virt-priv-run: ${words[0]} is not QEMU; put virt-priv-run after it: ${order/@ /}" ]
    done
    run -1 --separate-stderr virt-priv-run --check "${words[@]}" -drive "file=$fs/a.raw,format=raw"
    [ "$output" = "${words[0]} is not QEMU; put virt-priv-run after it: ${order/@ /}" ]
    [ -z "$stderr" ]
    state | diff "$BATS_TEST_TMPDIR/before" -
    [ ! -e "$fs/ran" ]
}

@test "programs in front of QEMU are refused, and nothing is changed" {
    # One of somebody's own, by its name no known one.
    printf '#!/bin/sh\ntouch %s/ran\nshift\nexec "$@"\n' "$fs" >/mnt/scratch/pinned
    chmod 0755 /mnt/scratch/pinned
    local words order n=0
    while IFS='|' read -r words order; do
        refused "$words" "$order"
        n=$((n + 1))
    done <<EOT
nice -n 5 $qemu -S|nice -n 5 virt-priv-run @ $qemu ...
nice -n 5 qemu-system-x86_64|nice -n 5 virt-priv-run @ qemu-system-x86_64 ...
taskset -c 0 $qemu|taskset -c 0 virt-priv-run @ $qemu ...
env A=b $qemu|env A=b virt-priv-run @ $qemu ...
env 'A=b c' $qemu|env 'A=b c' virt-priv-run @ $qemu ...
nohup $qemu|nohup virt-priv-run @ $qemu ...
setsid --fork $qemu|setsid --fork virt-priv-run @ $qemu ...
stdbuf -o L $qemu|stdbuf -o L virt-priv-run @ $qemu ...
timeout 60 $qemu|timeout 60 virt-priv-run @ $qemu ...
chrt 1 $qemu|chrt 1 virt-priv-run @ $qemu ...
ionice -c 3 $qemu|ionice -c 3 virt-priv-run @ $qemu ...
strace -f $qemu|strace -f virt-priv-run @ $qemu ...
setpriv --reuid=qemu $qemu|setpriv --reuid=qemu virt-priv-run @ $qemu ...
sh -c 'cd /mnt; exec $qemu -S'|sh -c '... virt-priv-run @ $qemu ...'
/mnt/scratch/pinned 3 $qemu|/mnt/scratch/pinned 3 virt-priv-run @ $qemu ...
EOT
    rm /mnt/scratch/pinned
    [ "$n" -eq 15 ]
}

@test "its own options go where it goes, and a program without a QEMU is named alone" {
    run -1 virt-priv-run --name web --check -- nice qemu-system-x86_64
    [ "$output" = "nice is not QEMU; put virt-priv-run after it: nice virt-priv-run --name web qemu-system-x86_64 ..." ]
    run -125 virt-priv-run sleep 5
    [[ $output == *"sleep is not QEMU: it is a program of the distribution"* ]]
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' nice -n 5 qemu-system-x86_64 >/etc/virt-privileges/vms/web.conf
    run -125 virt-priv-run --vm web
    [[ $output == *"nice is not QEMU, which the first word of a VM's file must be"*"systemctl edit virt-priv-vm@web" ]]
}

@test "a script that becomes QEMU, by its name or without, and a link to QEMU, run as before" {
    local name
    args=(-drive "file=$fs/a.raw,format=raw" -kernel "$guests/kernel")
    printf '#!/bin/sh\nexec qemu-system-x86_64 "$@"\n' >/mnt/scratch/qemu-kvm-wrapper.sh
    cp /mnt/scratch/qemu-kvm-wrapper.sh /mnt/scratch/start-web
    ln -s "$qemu" /mnt/scratch/web
    chmod 0755 /mnt/scratch/*
    for name in qemu-kvm-wrapper.sh start-web web; do
        run virt-priv-run --dry-run "/mnt/scratch/$name" -S "${args[@]}"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output == *"claim   $fs/a.raw"* ]]
        run -0 virt-priv-run "/mnt/scratch/$name" --version
        [[ $output == *"QEMU emulator version"* ]]
    done
    # What options of QEMU's say is no program, though there are programs of that name.
    local words
    printf '#!/bin/sh\n' >/mnt/scratch/kvm
    chmod 0755 /mnt/scratch/kvm
    while IFS='|' read -ra words; do
        PATH=/mnt/scratch:$PATH run virt-priv-run --dry-run /mnt/scratch/start-web "${words[@]}"
        echo "$output"
        [ "$status" -eq 0 ]
    done <<EOT
-name|kvm
-machine|q35|--accel|tcg|--accel|kvm
-name|the qemu-system-x86_64 of kvm
-kernel|$guests/kernel|-append|root=/dev/sda kvm; $qemu
EOT
    PATH=/mnt/scratch:$PATH run -125 virt-priv-run --dry-run /mnt/scratch/start-web -S kvm
    run -125 virt-priv-run --dry-run /mnt/scratch/start-web -m "$qemu"
    [[ $output == *"start-web is not QEMU"* ]]
    # Nor is a link QEMU by its name.
    ln -s /usr/bin/nice /mnt/scratch/qemu-system-x86_64
    run -125 virt-priv-run --dry-run /mnt/scratch/qemu-system-x86_64 -n 5 "$qemu"
    [[ $output == *"/mnt/scratch/qemu-system-x86_64 is not QEMU"* ]]
    rm /mnt/scratch/*
}
