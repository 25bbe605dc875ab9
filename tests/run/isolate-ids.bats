# Ids of isolated VMs: which are given, and kept; and what still has one when QEMU has ended.

# shellcheck disable=SC2034,SC2054 # run.bash reads them; words of QEMU have commas
load host.bash
load isolate.bash

# gets ID: the VM that is started next would get it; else the message.
gets() {
    run virt-priv-run --isolate=user --dry-run qemu-system-x86_64 -nodefaults "${args[@]}"
    echo "$output"
    [[ $output == *"isolate id (uid $1, gid $1,"* ]]
}

@test "ids that an account, a group, a process, a line of subuid, a claim or a kept name has are not given" {
    plain
    settings 'isolate_ids = "90000:2"'
    gets 90000 || gets 90001
    # Whatever the name's place in the range is: one is taken, and the other is given.
    echo "vmuser:x:90000:1::/:/bin/false" >>/etc/passwd
    gets 90001
    sed -i '/^vmuser:/d' /etc/passwd
    echo "vmgroup:x:90001:" >>/etc/group
    gets 90000
    sed -i '/^vmgroup:/d' /etc/group
    local file
    for file in /etc/subuid /etc/subgid; do
        cp -a "$file" "$BATS_TEST_TMPDIR/sub" || : >"$BATS_TEST_TMPDIR/sub"
        printf 'virt-privileges:90000:2\nsomebody:90001:1\n' >"$file"
        gets 90000
        cp "$BATS_TEST_TMPDIR/sub" "$file"
    done
    setpriv --reuid 90000 --clear-groups sleep 60 3>&- &
    helpers_started+=($!)
    eventually gets 90001
    kill $! && wait $! || true
    mkdir -p /var/lib/virt-privileges/ids
    echo another >/var/lib/virt-privileges/ids/90001
    gets 90000
    echo iso >/var/lib/virt-privileges/ids/90001
    gets 90001
    rm -r /var/lib/virt-privileges/ids
    make blank root:root 600 "$fs/b.raw"
    settings 'user = "+90001"' 'group = "+90001"' 'isolate_ids = "90000:2"'
    virt-priv-chown claim --name other --disk "$fs/b.raw"
    gets 90000
    virt-priv-chown release --name other
    settings 'isolate_ids = "90000:2"'
    mkdir -p /run/virt-privileges
    exec {held}>/run/virt-privileges/.id-90000
    flock "$held"
    gets 90001
    exec {held}>&-
    rm /run/virt-privileges/.id-90000
}

@test "a VM that can leave files of its id, or has a file, keeps its id" {
    plain
    settings 'isolate_ids = "90000:2"'
    mkdir "$fs/share"
    local kept=/var/lib/virt-privileges/ids id
    own+=(--share "$fs/share,ro")
    start
    runs
    leave
    [ ! -e $kept ]
    own=(--isolate=full --share "$fs/share")
    start
    runs
    id=$(isolated_id)
    leave
    [ "$(ls -A $kept)" = "$id" ]
    [ "$(cat "$kept/$id")" = iso ]
    gets "$id"
    # Nobody else gets it, whatever name that is.
    local name
    for name in a b c d e f; do
        run -0 virt-priv-run --isolate=user --name $name --dry-run qemu-system-x86_64 -nodefaults "${args[@]}"
        run ! grep -q "uid $id," <<<"$output"
    done
    rm -r $kept
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "--isolate=full" qemu-system-x86_64 "${machine[@]}" -S "${args[@]:0:2}" >/etc/virt-privileges/vms/web.conf
    virt-priv-run --vm web </dev/null >/mnt/vm.out 2>&1 3>&- &
    helpers_started+=($!)
    eventually grep -qsrx web $kept
    eventually test -S /run/virt-privileges/web.qmp
    kill $!
    wait $! || true
    grep -qsrx web $kept
    rm -r $kept
    nothing_left
}

# in_use: QEMU runs, and its disk is an id's of the pool.
in_use() {
    pid=$(qemu_of "$runner") && [ "$(stat -c %u "$fs/a.raw")" -ge 90000 ]
}

# killed_and_again OPTION...: of virt-priv-run; it is killed with its QEMU, and started again.
killed_and_again() {
    local id ids=() try
    for try in first again; do
        virt-priv-run "$@" </dev/null >/mnt/vm.out 2>/mnt/vm.err 3>&- &
        runner=$!
        eventually in_use
        unprivileged "$pid"
        id=$(stat -c %u "$fs/a.raw")
        ids+=("$id")
        [ "$(isolated_id)" = "$id" ]
        if [ $try = first ]; then
            kill -KILL "$runner" "$pid"
            wait "$runner" || true
            eventually ended "$pid"
            [ "$(stat -c %u "$fs/a.raw")" = "$id" ]
        fi
    done
    [ "${ids[0]}" = "${ids[1]}" ]
    kill "$runner"
    wait "$runner" || true
    awk '$2 ~ "^/run/virt-privileges/" { print $2 }' /proc/mounts | xargs -r umount -l
    [ "$(stat -c %u:%g:%a "$fs/a.raw")" = 0:0:600 ]
    nothing_left
}

@test "a VM that was killed with its runner starts again with the id that its claim names, kept or not" {
    plain
    killed_and_again --isolate=full --name iso -- qemu-system-x86_64 "${machine[@]}" -S "${args[@]}"
    mkdir -p /etc/virt-privileges/vms
    printf '%s\n' "--isolate=full" qemu-system-x86_64 "${machine[@]}" -S "${args[@]:0:2}" >/etc/virt-privileges/vms/web.conf
    killed_and_again --vm web
    grep -qsrx web /var/lib/virt-privileges/ids
}

@test "what QEMU leaves behind is ended, before its disk is given back" {
    plain
    cat >"$fs/qemu-left" <<'END'
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 &
exit 3
END
    chmod 0755 "$fs/qemu-left"
    run -3 virt-priv-run --isolate=user -- "$fs/qemu-left" -nodefaults "${args[@]}"
    run ! grep -lE '^Uid:	9[0-9]{4}' /proc/[0-9]*/status
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

# left_behind FAULT: the same, where virt-priv-run's looks into /proc meanwhile fail so, as strace(1) has it.
left_behind() {
    cat >"$fs/qemu-left" <<END
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 &
echo "$wrote"
read -r line
exit 3
END
    chmod 0755 "$fs/qemu-left"
    own=(--isolate=user)
    qemu=$fs/qemu-left start
    eventually said "$wrote"
    # The line comes from who has only begun to start it.
    eventually pgrep -x sleep
    left=$(pgrep -x sleep)
    helpers_started+=("$left")
    [ "$(stat -c %u "/proc/$left")" -ge 90000 ]
    helper strace -f -qq -o /dev/null -p "$runner" -P /proc -e trace=openat -e "inject=openat:$1"
    eventually grep -q '^TracerPid:.*[1-9]' "/proc/$runner/status"
    leave
    cat "$err"
    ended "$left"
}

@test "what QEMU leaves behind is ended, also where a look at the processes fails" {
    plain
    left_behind error=EMFILE:when=1
    [ "$status" -eq 3 ]
    [ ! -s "$err" ]
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "a disk stays claimed while it cannot be told whether all has ended, and recover gives it back" {
    plain
    left_behind error=ENOMEM
    [ "$status" -eq 3 ]
    grep -q "VM 'iso': processes of uid 9[0-9]* cannot be ended: cannot read the directory /proc: Cannot allocate memory; what it has claimed stays claimed; .*virt-priv-chown recover$" "$err"
    [ "$(stat -c %u "$fs/a.raw")" -ge 90000 ]
    virt-priv-chown recover
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}

@test "what a killed VM has left with its disk open is ended by recover, which gives the disk back" {
    plain
    cat >"$fs/qemu-left" <<END
#!/bin/sh
setsid sleep 600 </dev/null >/dev/null 2>&1 3<>$fs/a.raw &
echo "$wrote"
read -r line
END
    chmod 0755 "$fs/qemu-left"
    own=(--isolate=user)
    qemu=$fs/qemu-left start
    eventually said "$wrote"
    local left holder
    eventually pgrep -x sleep
    left=$(pgrep -x sleep)
    helpers_started+=("$left")
    holder=$(awk '$1 == "PPid:" { print $2 }' "/proc/$left/status")
    kill -KILL "$runner"
    wait "$runner" || true
    echo >&"$in"
    eventually ended "$holder"
    kill -0 "$left"
    virt-priv-chown recover --dry-run | grep -qx 'release iso'
    kill -0 "$left"
    run -0 virt-priv-chown recover
    eventually ended "$left"
    [ "$(stat -c %u:%g "$fs/a.raw")" = 0:0 ]
    nothing_left
}
