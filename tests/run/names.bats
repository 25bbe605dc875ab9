# A name is one VM's from its start until all of it is given back, and QEMU's word is not its end.

load host.bash

setup() {
    clean_host
    make guest alice:alice 0640 "$fs/a.raw"
}

is_back() {
    [ "$(owner "$fs/a.raw")" = alice:alice ]
}

refused_by_name() {
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" "${args[@]}"
    [[ $output == *"VM 'again' is running, or being released"* ]]
}

@test "while the runner of yesterday's VM gives it back, the name is taken; then it is the next one's" {
    args=(-drive "file=$fs/a.raw,format=raw" -name again)
    start
    runs
    local first=$runner
    # Somebody has the journal: the first runner waits for it, and is stopped there.
    exec {lock}<>/var/lib/virt-privileges/claims/.lock
    flock "$lock"
    kill -KILL "$pid"
    eventually ended "$pid"
    eventually grep -qE 'lock' "/proc/$first/wchan"
    kill -STOP "$first"
    exec {lock}>&-
    refused_by_name
    [ "$(owner "$fs/a.raw")" = qemu:qemu ]
    kill -CONT "$first"
    eventually ended "$first"
    is_back
    start
    runs
    leave
    [ "$status" -eq 33 ]
    is_back
    nothing_left
}

@test "while the script at a VM's end runs, the name is taken" {
    mkfifo "$fs/go"
    make "script=read x <$fs/go" root:root 0755 "$fs/down"
    on_net
    args=(-drive "file=$fs/a.raw,format=raw" -name again -netdev "tap,id=n,ifname=vmtap0,script=no,downscript=$fs/down")
    start
    runs
    echo >&"$in"
    eventually is_back
    refused_by_name
    echo >"$fs/go"
    finish
    [ "$status" -eq 33 ]
    nothing_left
}

@test "what was claimed by hand under the name meanwhile is not given back" {
    make blank bob:bob 0600 "$fs/b.raw"
    args=(-drive "file=$fs/a.raw,format=raw" -name again)
    start
    runs
    virt-priv-chown release --name again --force || true
    virt-priv-chown claim --name again --disk "$fs/b.raw"
    leave
    [ "$(owner "$fs/b.raw")" = qemu:qemu ]
    virt-priv-chown release --name again
    [ "$(owner "$fs/b.raw")" = bob:bob ]
    nothing_left
}

@test "a log that was claimed by hand meanwhile, or released, stays, empty as it is" {
    args=(-drive "file=$fs/a.raw,format=raw" -name again -chardev "file,id=log,path=$fs/log")
    start
    runs
    virt-priv-chown release --name again --force || true
    virt-priv-chown claim --name again --disk "$fs/log"
    leave
    [ "$(owner "$fs/log") $(stat -c %s "$fs/log")" = "qemu:qemu 0" ]
    virt-priv-chown release --name again
    rm "$fs/log"
    start
    runs
    virt-priv-chown release --name again --force || true
    leave
    [ "$(owner "$fs/log") $(stat -c %s "$fs/log")" = "root:root 0" ]
    nothing_left
}

@test "--stop believes QEMU's end, not its word" {
    # A program that a guest has taken over closes its monitor, and goes on.
    cat >"$fs/qemu" <<'PROGRAM'
#!/usr/bin/python3
import re, socket, sys, time
fd = int(re.search(r"fd=(\d+)", " ".join(sys.argv)).group(1))
server = socket.socket(fileno=fd)
client, _ = server.accept()
client.send(b"{}\n")
client.recv(4096)
client.close()
time.sleep(600)
PROGRAM
    chmod 0755 "$fs/qemu"
    mkdir -p /etc/virt-privileges/vms
    echo "$fs/qemu" >/etc/virt-privileges/vms/web1.conf
    virt-priv-run --vm web1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    runner=$!
    eventually test -S /run/virt-privileges/web1.qmp
    eventually test -e /var/lib/virt-privileges/claims/web1
    run -1 virt-priv-run --stop web1 --timeout 2
    [[ $output == *"VM 'web1' has not exited within 2 s"* ]]
    kill -TERM "$runner"
    eventually ended "$runner"
    wait "$runner" || true
    nothing_left
}

@test "QEMU gets the caller's descriptor, and those that are opened for it, in whatever order they are named" {
    cat >"$fs/qemu" <<'PROGRAM'
#!/usr/bin/python3
import os
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
print(*[fd for fd in range(3, 1024) if is_open(fd)])
PROGRAM
    chmod 0755 "$fs/qemu"
    make text=secret root:root 0600 "$fs/copied"
    local monitor="-monitor unix:$fs/monitor,server,nowait" qmp="-qmp unix:$fs/qmp,server,nowait" words
    local tap="-netdev tap,id=n,fd=7" add="-add-fd fd=7,set=1" fw_cfg="-fw_cfg name=opt/a,file=$fs/copied"
    for words in "$monitor $tap" "$tap $monitor" "$qmp $add" "$add $qmp" "$fw_cfg $add" "$add $fw_cfg"; do
        read -ra words <<<"$words"
        run -0 --separate-stderr virt-priv-run -- "$fs/qemu" "${words[@]}" 7<>"$fs/file"
        [ "$output" = "7 64" ]
    done
    nothing_left
}
