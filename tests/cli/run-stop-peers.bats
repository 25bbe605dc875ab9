# virt-priv-run --stop of a VM whose QEMU a guest has taken over: whatever it says, or does not, --stop ends in time,
# holds nobody up, and takes no memory.

load chown.bash

attacker=$BATS_TEST_DIRNAME/../run/attacker
socket=/run/virt-privileges/v.qmp

teardown() {
    [ -z "$holder" ] || kill "$holder"
    [ -z "$peer" ] || kill "$peer"
    umount -R $fs
    rm -rf "$fs.img" /mnt/stop.*
}

# answers KIND TEXT: --stop ends with that text, after one to two seconds.
answers() {
    mkdir -p /run/virt-privileges
    "$attacker" qmp "$1" $socket 3>&- 2>/dev/null &
    peer=$!
    listens $socket
    local began ended idle status=0
    # As if a queue was filled before.
    [ "$1" != full ] || until [ "$(grep -c "$socket" /proc/net/unix)" -ge 2 ]; do sleep 0.02; done
    began=$(date +%s%N)
    /usr/bin/time -o /mnt/stop.memory -f %M timeout 30 virt-priv-run --stop v --timeout 2 2>/mnt/stop.said 3>&- &
    local stop=$!
    # Another VM's disks go to and fro meanwhile.
    run -0 timeout 10 virt-priv-chown claim --name w --disk $fs/b
    run -0 timeout 10 virt-priv-chown release --name w
    wait $stop || status=$?
    ended=$(date +%s%N)
    echo "$1: $status, $(((ended - began) / 1000000)) ms, $(tail -n 1 /mnt/stop.memory) KiB: $(cat /mnt/stop.said)"
    [ "$status" -eq 1 ]
    grep -qF "$2" /mnt/stop.said
    [ $(((ended - began) / 1000000)) -lt 15000 ]
    # What the program takes by itself is more with sanitizers.
    idle=$(/usr/bin/time -f %M virt-priv-run --version 2>&1 >/dev/null)
    [ "$(tail -n 1 /mnt/stop.memory)" -lt $((idle + 16000)) ]
    # It may have ended when --stop had.
    kill $peer 2>/dev/null || true
    wait $peer || true
    peer=
    rm -f $socket
}

@test "a monitor that says nothing, too much, or too little, that goes away, or that nobody can reach" {
    disk $fs/a alice:alice 0640
    disk $fs/b bob:bob 0640
    sleep 600 3>&- &
    holder=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a
    answers silent "VM 'v': cannot ask it to power down through $socket: Connection timed out"
    answers full "VM 'v': cannot ask it to power down through $socket: Connection timed out"
    answers closes "VM 'v': cannot ask it to power down through $socket: Connection reset by peer"
    answers greets-and-closes "VM 'v' has not exited within 2 s"
    answers part "VM 'v' has not exited within 2 s"
    answers drips "VM 'v' has not exited within 2 s"
    answers flood "VM 'v' has not exited within 2 s"
    [ "$(owner $fs/a)" = qemu:qemu ]
    run -0 virt-priv-chown release --name v --force
}
