# virt-priv-run --stop of a VM that does not answer, and --vm with a file that no VM has.

load chown.bash

claims=/var/lib/virt-privileges/claims
vms=/etc/virt-privileges/vms

teardown() {
    [ -z "$holder" ] || kill "$holder"
    umount -R $fs
    rm -rf "$fs.img" /etc/virt-privileges
}

# stop TEXT: fails with that, and the claim stays.
stop() {
    run -1 timeout 30 virt-priv-run --stop v --timeout 1
    echo "$output"
    [[ $output == *"$1"* ]]
}

@test "--stop of a VM that does not run, has no socket, or does not answer" {
    disk $fs/a alice:alice 0640
    stop "VM 'v' is not running"
    run -0 virt-priv-chown claim --name v --disk $fs/a
    # Nobody is its holder.
    stop "VM 'v' is not running"
    run -0 virt-priv-chown release --name v
    sleep 600 3>&- &
    holder=$!
    run -0 virt-priv-chown claim --name v --pid $holder --disk $fs/a
    stop "VM 'v': cannot connect to its control socket /run/virt-privileges/v.qmp: No such file or directory; virt-priv-run has not started it; stop it through its own monitor"
    mkdir -p /run/virt-privileges
    /usr/bin/python3 -c '
import os, socket
server = socket.socket(socket.AF_UNIX)
server.bind("/run/virt-privileges/v.qmp")' 3>&-
    stop "VM 'v': cannot ask it to power down through /run/virt-privileges/v.qmp: Connection refused"
    rm /run/virt-privileges/v.qmp
    /usr/bin/python3 -c '
import socket, time
server = socket.socket(socket.AF_UNIX)
server.bind("/run/virt-privileges/v.qmp")
server.listen()
time.sleep(60)' 3>&- &
    local server=$!
    listens /run/virt-privileges/v.qmp
    stop "VM 'v': cannot ask it to power down through /run/virt-privileges/v.qmp: Connection timed out"
    kill $server
    # Whether all is given back could not be told: it is asked nothing.
    ln -s v.qmp /run/virt-privileges/.v.lock
    stop "VM 'v': cannot open /run/virt-privileges/.v.lock: Too many levels of symbolic links"
    rm /run/virt-privileges/.v.lock
    cp $claims/v /mnt/journal
    sed -i 1s/1/2/ $claims/v
    stop "$claims/v:1: "
    cp /mnt/journal $claims/v
    [ "$(owner $fs/a)" = qemu:qemu ]
    kill -0 $holder
    rm -f /run/virt-privileges/v.qmp
}

@test "--vm: files that are none of a VM's" {
    disk $fs/a alice:alice 0640
    mkdir -p $vms
    local content words text n=0
    while IFS='|' read -r content words text; do
        rm -rf $vms/v.conf
        case $content in
        directory) mkdir $vms/v.conf ;;
        huge) yes '# a comment' | head -c $((4 * 1024 * 1024 + 1)) >$vms/v.conf ;;
        *) printf -- "${content//+/\\n}\n" >$vms/v.conf ;;
        esac
        read -ra words <<<"$words"
        run -125 virt-priv-run "${words[@]}"
        echo "$content: $output"
        [[ $output == *"$text"* ]]
        [ "$(owner $fs/a)" = alice:alice ]
        n=$((n + 1))
    done <<END_OF_FILES
directory|--vm v|$vms/v.conf is not a regular file
huge|--vm v|$vms/v.conf is larger than 4194304 bytes
qemu-system-x86_64+-hda+$fs/\\0a|--vm v|$vms/v.conf contains a NUL byte
qemu-system-x86_64+-hda+$fs/a|--vm v x|extra operand 'x': the command line of VM 'v' is in $vms/v.conf
--vm+w+qemu-system-x86_64+-hda+$fs/a|--vm v|--vm, --write-unit, --list, --stop, --all-running and --pid are not allowed in $vms/v.conf
--stop+w|--vm v|--vm, --write-unit, --list, --stop, --all-running and --pid are not allowed in $vms/v.conf
--pid+1+qemu-system-x86_64|--check --vm v|--vm, --write-unit, --list, --stop, --all-running and --pid are not allowed in $vms/v.conf
--timeout+5+qemu-system-x86_64|--vm v|$vms/v.conf: --timeout requires --stop
# nothing|--vm v|$vms/v.conf: missing QEMU command line
qemu-system-x86_64+-hda+$fs/a|--vm w|cannot reach $vms/w.conf: No such file or directory
END_OF_FILES
    [ "$n" -eq 10 ]
}
