# Ids of isolated VMs: many starts at once, ids that something else has, and that none is given again while
# something of the host is its own. A small program stands in for QEMU, so that many VMs fit on a host.

# shellcheck disable=SC2034,SC2154 # run.bash reads them, and sets them
load host.bash

place=/mnt/pool

setup_file() {
    make_host
    mkdir -p $place
    install -m 0755 "$VP_BUILD/tests/waits" $place/qemu-system-waits
    printf '#!/bin/sh\nsetsid sleep 600 <&- >&- 2>&- &\necho runs\nread -r line\n' >$place/qemu-system-leaves
    chmod 0755 $place/qemu-system-leaves
    install -m 0755 "$VP_BUILD/tests/first-ends" $place/first-ends
    # A child with the disk of "-drive file=FILE,..."; without one, it has nothing open.
    cat >$place/qemu-system-first-ends <<END
#!/bin/sh
case \$3 in file=*) image=\${3#file=} ;; esac
$place/first-ends \${image:+"\${image%%,*}"} <&- &
read -r line || exit 0
END
    chmod 0755 $place/qemu-system-first-ends
    cp /etc/nsswitch.conf /mnt/nsswitch.conf
}

setup() {
    clean_host
    mkdir -p /mnt/said
    rm -f /mnt/said/* /mnt/pool.in
    mkfifo /mnt/pool.in
    exec {in}<>/mnt/pool.in
    runners=()
}

teardown() {
    local pid
    cp /mnt/nsswitch.conf /etc/nsswitch.conf
    for pid in "${runners[@]}" $(waiting); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    end_all
    wait 2>/dev/null || true
    sed -i '/^poolfree:/d' /etc/passwd /etc/group
    rm -f /etc/subuid /etc/subgid
}

# begin NAME [ARGUMENT]...: a start, in the background; what the VM says is in /mnt/said/NAME.
begin() {
    local name=$1
    shift
    virt-priv-run --name "$name" "${own[@]}" -- "${qemu-$place/qemu-system-waits}" -nodefaults "$@" \
        </mnt/pool.in >"/mnt/said/$name" 2>"/mnt/said/$name.err" 3>&- {in}>&- &
    runner=$!
    runners+=($!)
}

# waiting: the processes that run in QEMU's place.
waiting() {
    find /proc/[0-9]*/task/*/exe -maxdepth 0 -lname "$place/*" 2>/dev/null | cut -d/ -f3 | uniq
}

# settled N: that many starts have come to an end of some kind.
settled() {
    [ "$(find /mnt/said -type f -size +0 | wc -l)" -ge "$1" ]
}

# ids: those of all that run, once each process has four equal uids, the same gids and no group.
ids() {
    waiting | sed 's|.*|/proc/&/status|' | xargs -r awk '
        $1 == "Uid:" { uid = $2; bad = 0; for (i = 3; i <= 5; i++) bad = bad || $i != uid }
        $1 == "Gid:" { for (i = 2; i <= 5; i++) bad = bad || $i != uid }
        $1 == "Groups:" { print((bad || NF != 1) ? "more than one id" : uid) }' | sort
}

# end_vms: all that wait; the runners end with status 0.
end_vms() {
    exec {in}>&-
    local pid
    for pid in "${runners[@]}"; do
        wait "$pid"
    done
    runners=()
    nothing_left
}

locks() {
    find /run/virt-privileges -name '.id-*' | sed 's/.*-//' | sort | paste -sd ' '
}

@test "200 starts at once: 200 ids, with recover beside them" {
    own=(--isolate=full)
    local i
    for ((i = 0; i < 200; i++)); do
        begin "vm$i"
    done
    until settled 200; do
        virt-priv-chown recover
        sleep 0.1
    done
    virt-priv-chown recover
    [ "$(cat /mnt/said/*.err)" = "" ]
    [ "$(ids | uniq | awk '$1 >= 90000 && $1 < 98192' | wc -l)" = 200 ]
    [ "$(locks)" = "$(ids | paste -sd ' ')" ]
    end_vms
}

@test "a pool of 16 and 20 starts: 16 run, and four are refused, with what helps" {
    settings 'isolate_ids = "90000:16"'
    own=(--isolate=user)
    local i refused
    for ((i = 0; i < 20; i++)); do
        begin "vm$i"
    done
    eventually settled 20
    [ "$(ids | paste -sd ' ')" = "$(seq -s ' ' 90000 90015)" ]
    refused=$(grep -lE "^virt-priv-run: no id is free for VM 'vm[0-9]+': all 16 from 90000 on are taken \(16 by VMs that run\); enlarge the range \(isolate_ids in /etc/libvirt/qemu.conf\), then virt-priv-conf reserve-ids$" /mnt/said/*.err | wc -l)
    [ "$refused" = 4 ]
    # What a start that is refused ends with.
    run -125 virt-priv-run --name more --isolate=user -- $place/qemu-system-waits -nodefaults
    exec {in}>&-
    local statuses=()
    for i in "${runners[@]}"; do
        status=0
        wait "$i" || status=$?
        statuses+=("$status")
    done
    [ "$(printf '%s\n' "${statuses[@]}" | sort -n | uniq -c | awk '{ print $1 "*" $2 }' | paste -sd ' ')" = "16*0 4*125" ]
    runners=()
    nothing_left
}

# A process of these ids: as-ids "RUID,EUID,SUID" "RGID,EGID,SGID" GROUP.
as_ids() {
    /usr/bin/python3 -c 'import os, signal, sys
ids = [[int(i) for i in word.split(",")] for word in sys.argv[1:]]
os.setgroups(ids[2]); os.setresgid(*ids[1]); os.setresuid(*ids[0]); signal.pause()' "$@" 3>&- {in}>&- &
    helpers_started+=($!)
    eventually grep -q "^Groups:.*${3##*,}" "/proc/${helpers_started[-1]}/status"
}

# taken_by HOW: makes something on this host have the id 90000, and nothing 90001.
taken_by() {
    local file
    case $1 in
    account) echo "poolfree:x:90000:1::/:/bin/false" >>/etc/passwd ;;
    group) echo "poolfree:x:90000:" >>/etc/group ;;
    real) as_ids 90000,1,1 1,1,1 1 ;;
    effective) as_ids 1,90000,1 1,1,1 1 ;;
    saved) as_ids 1,1,90000 1,1,1 1 ;;
    gid) as_ids 1,1,1 1,90000,1 1 ;;
    groups) as_ids 1,1,1 1,1,1 90000 ;;
    many-groups) as_ids 1,1,1 1,1,1 "$(seq -s , 10000 10800),90000" ;;
    subuid) echo "somebody:89000:1001" >/etc/subuid ;;
    subgid) echo "somebody:90000:1" >/etc/subgid ;;
    journal)
        make blank root:root 600 "$fs/b.raw"
        settings 'user = "+90000"' 'group = "+90000"'
        virt-priv-chown claim --name other --disk "$fs/b.raw"
        settings 'isolate_ids = "90000:2"'
        ;;
    lock)
        mkdir -p /run/virt-privileges
        exec {held}>/run/virt-privileges/.id-90000
        flock "$held"
        ;;
    kept)
        mkdir -p /var/lib/virt-privileges/ids
        echo another >/var/lib/virt-privileges/ids/90000
        ;;
    esac
}

@test "an id that something on the host has is not given to a VM" {
    local how name
    settings 'isolate_ids = "90000:2"'
    for how in account group real effective saved gid groups many-groups subuid subgid journal lock kept; do
        setup
        settings 'isolate_ids = "90000:2"'
        own=(--isolate=user)
        taken_by $how
        # Names whose place in the pool is the one, and the other.
        for name in a b; do
            begin $name
            eventually settled 1
            echo "$how: $(cat /mnt/said/*)"
            [ "$(ids)" = 90001 ]
            exec {in}>&-
            wait "$runner"
            exec {in}<>/mnt/pool.in
            rm /mnt/said/*
        done
        # Nothing of theirs was ended.
        [ ${#helpers_started[@]} = 0 ] || kill "${helpers_started[@]}"
        [ $how != lock ] || exec {held}>&-
        teardown
    done
}

@test "a name service that does not answer is no sign that an id is free" {
    mkdir -p /mnt/modules
    cp "$VP_BUILD/tests/name-service.so" /mnt/modules/libnss_test.so.2
    settings 'isolate_ids = "90000:2"'
    { grep -vE '^(passwd|group):' /mnt/nsswitch.conf; printf '%s: files test\n' passwd group; } >/etc/nsswitch.conf
    run -125 env LD_LIBRARY_PATH=/mnt/modules NAME_SERVICE=unavail virt-priv-run --name a --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
    echo "$output"
    [[ $output == *"id 9000"[01]" of the pool of VMs"* ]]
    run -0 env LD_LIBRARY_PATH=/mnt/modules virt-priv-run --name a --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
    nothing_left
}

@test "no id is given where processes, or ids that are kept, cannot be listed" {
    local directory
    mkdir -p /var/lib/virt-privileges/ids
    for directory in /proc /var/lib/virt-privileges/ids; do
        run -125 strace -f -qq -o /dev/null -P "$directory" -e trace=getdents64 -e inject=getdents64:error=EIO \
            virt-priv-run --name a --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
        echo "$output"
        [[ $output == *"cannot read the directory $directory: Input/output error" ]]
    done
    nothing_left
}

@test "processes that a killed runner has left keep the id, until recover ends them" {
    settings 'isolate_ids = "90000:1"'
    own=(--isolate=user)
    qemu=$place/qemu-system-leaves
    begin a
    eventually settled 1
    unset qemu
    kill -KILL "$runner"
    wait "$runner" || true
    # QEMU itself ends; what it has started does not.
    exec {in}>&-
    eventually no_holder
    local left
    left=$(pgrep -x -u 90000 sleep)
    for name in b c; do
        run -125 virt-priv-run --name $name --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
        [[ $output == *"no id is free for VM '$name'"* ]]
    done
    kill -0 "$left"
    virt-priv-chown recover
    eventually ended "$left"
    run -0 virt-priv-run --name b --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
    runners=()
    nothing_left
}
no_holder() {
    [ -z "$(pgrep -u 90000 | while read -r pid; do [ "$(cat "/proc/$pid/comm")" = sleep ] || echo "$pid"; done)" ]
}

# is_said NAME TEXT N: that line so many times.
is_said() {
    [ "$(grep -cx "$2" "/mnt/said/$1")" = "$3" ]
}

@test "what has lost its first thread keeps the id, and is ended before the disk is given back" {
    local left
    make blank bob:bob 600 "$fs/a.raw"
    settings 'isolate_ids = "90000:1"'
    own=(--isolate=user)
    qemu=$place/qemu-system-first-ends
    begin a -drive "file=$fs/a.raw,format=raw"
    eventually is_said a ready 1
    [ -n "$(waiting)" ]
    exec {in}>&-
    wait "$runner"
    [ -z "$(waiting)" ]
    [ "$(stat -c %U:%G "$fs/a.raw")" = bob:bob ]
    # The same of a runner that was killed, by recover.
    exec {in}<>/mnt/pool.in
    rm /mnt/said/*
    begin a
    eventually is_said a ready 1
    kill -KILL "$runner"
    wait "$runner" || true
    exec {in}>&-
    eventually one_is_left
    run -125 virt-priv-run --name b --isolate=user -- $place/qemu-system-waits -nodefaults </dev/null
    [[ $output == *"no id is free for VM 'b'"* ]]
    left=$(waiting)
    virt-priv-chown recover
    eventually ended "$left"
    runners=()
    nothing_left
}
one_is_left() {
    [ "$(pgrep -u 90000 | wc -l)" = 1 ]
}

@test "who ends what QEMU has left can be stopped by that, and it is ended all the same" {
    # As a process of the id would do it, which here comes always in time.
    run -0 timeout 30 strace -f -qq -o /dev/null -e trace=kill -e inject=kill:error=EPERM:signal=SIGSTOP \
        virt-priv-run --name a --isolate=user -- $place/qemu-system-leaves -nodefaults <<<""
    [ "$output" = runs ]
    run ! pgrep -x sleep
    nothing_left
}

@test "recover ends no process of an id that no VM was given, or that somebody else has now" {
    as_ids 90000,90000,90000 90000,90000,90000 90000
    local process=${helpers_started[-1]}
    mkdir -p /run/virt-privileges
    # A start was killed that had only looked.
    : >/run/virt-privileges/.id-90000
    run -0 virt-priv-chown recover
    [ "$(locks)" = "" ]
    # A VM was killed that had the id; since then it was given to somebody.
    echo vm1 >/run/virt-privileges/.id-90000
    echo "poolfree:x:90000:1::/:/bin/false" >>/etc/passwd
    run ! virt-priv-chown recover
    [[ $output == *"an account, a group or a line of /etc/subuid has the id 90000, which was a VM's; its processes are not ended"* ]]
    sed -i '/^poolfree:/d' /etc/passwd
    kill -0 "$process"
    [ "$(locks)" = 90000 ]
    virt-priv-chown recover --dry-run | grep -qx "remove /run/virt-privileges/.id-90000"
    run -0 virt-priv-chown recover
    eventually ended "$process"
    nothing_left
}
