# A name service that never answers, or answers with an error, at each question of each tool: nothing is
# run and nothing is changed, nobody else has to wait, and what gives disks back asks nothing.

bats_require_minimum_version 1.5.0
PATH=$VP_BUILD:$PATH

setup() {
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /mnt/files /mnt/scratch/* /var/lib/virt-privileges /run/virt-privileges /etc/libvirt/*
    mkdir -p /mnt/files/private /mnt/modules
    cp "$VP_BUILD/tests/name-service.so" /mnt/modules/libnss_test.so.2
    export LD_LIBRARY_PATH=/mnt/modules
    export asked=/mnt/asked
    [ -e /mnt/nsswitch.conf ] || cp /etc/nsswitch.conf /mnt/nsswitch.conf
    services "test files"
    for file in a.img b.img private/c.img; do
        echo data >/mnt/files/$file
    done
    chown -R alice:alice /mnt/files/*
    chmod 0700 /mnt/files/private
    printf '#!/bin/sh\ngrep -E "^(Uid|Gid|Groups|Cap.*):" /proc/self/status >/mnt/scratch/ran\n' >/mnt/scratch/program
    chmod 0755 /mnt/scratch/program
    printf 'user = "qemu"\n#group = "x"\n' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    cp -p /etc/libvirt/qemu.conf /mnt/
    cat >/mnt/domain.xml <<'XML'
<domain type='qemu'><name>v</name><memory>1</memory><os><type>hvm</type></os>
<seclabel type='static' model='dac' relabel='yes'><label>qemu:qemu</label></seclabel>
<devices><disk type='file' device='disk'><source file='/mnt/files/a.img'>
<seclabel model='dac' relabel='yes'><label>bob:team</label></seclabel></source><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/mnt/files/b.img'/><target dev='vdb'/></disk></devices></domain>
XML
}

teardown() {
    cp /mnt/nsswitch.conf /etc/nsswitch.conf
}

# services LIST: the account database is asked for in these services.
services() {
    { grep -vE '^(passwd|group|initgroups):' /mnt/nsswitch.conf && printf '%s: %s\n' passwd "$1" group "$1"; } >/etc/nsswitch.conf
}

# What each tool is asked to do: "change" succeeds undisturbed, "refuse" explains itself with names of
# accounts, "look" changes nothing; "late" asks when it has done and said what it was asked for.
commands='
change virt-priv-exec /mnt/scratch/program
change virt-priv-exec --user alice --groups team,36 /mnt/scratch/program
look virt-priv-exec --dry-run true
change virt-priv-chown claim --name v --disk /mnt/files/a.img
change virt-priv-chown claim --name v --domain /mnt/domain.xml
refuse virt-priv-chown claim --name v --disk /mnt/files/a.img --disk /mnt/files/private/c.img,readonly
change virt-priv-run /mnt/scratch/program -hda /mnt/files/a.img
change virt-priv-run /mnt/scratch/program -runas alice -hda /mnt/files/a.img
refuse virt-priv-run /mnt/scratch/program -hda /mnt/files/a.img -cdrom /mnt/files/private/c.img
look virt-priv-run --check /mnt/scratch/program -hda /mnt/files/a.img
late virt-priv-conf set user bob
look virt-priv-conf check
look virt-priv-audit --no-bpf
'

state() {
    stat -c '%n %U %G %a' /mnt/files/* /mnt/files/private/*
    "$VP_BUILD/tests/attributes" /mnt/files/* | sort | grep -v timestamp || true
    cat /etc/libvirt/*
    ls -A /etc/libvirt
    ls /mnt/scratch
    find /var/lib/virt-privileges /run/virt-privileges -type f ! -name .lock ! -name .boot-time 2>/dev/null || true
}

# undo: back to before, whatever a command that went through has done.
undo() {
    ! virt-priv-chown release --name v 2>/dev/null || true
    rm -f /mnt/scratch/ran
    printf 'user = "qemu"\n#group = "x"\n' >/etc/libvirt/qemu.conf
}

# questions: how many the tool has asked.
questions() {
    wc -l 2>/dev/null <"$asked" || echo 0
}

# hangs N COMMAND...: it hangs at its Nth question, as process $pid; or it has ended before.
hangs() {
    rm -f "$asked"
    NAME_SERVICE=hang NAME_SERVICE_AT=$1 NAME_SERVICE_ASKED=$asked env --default-signal=INT "${@:2}" \
        </dev/null >/mnt/said 2>&1 3>&- &
    pid=$!
    until [ "$(questions)" -ge "$1" ]; do
        [ -e "/proc/$pid" ] && ! grep -qs '^State:.Z' "/proc/$pid/status" || return 1
        sleep 0.02
    done
}

# free_for_others: no lock of the journals or of the settings is held, and another VM is released and claimed.
free_for_others() {
    [ ! -e /var/lib/virt-privileges/claims/.lock ] || flock -n /var/lib/virt-privileges/claims/.lock true ||
        { echo "the journals are locked" && return 1; }
    flock -n /etc/libvirt true || { echo "the settings are locked" && return 1; }
    timeout 20 virt-priv-chown release --name other && timeout 20 virt-priv-chown claim --name other \
        --config /mnt/qemu.conf --disk /mnt/files/b.img
}

# ends SIGNAL: the process that hangs ends by it.
ends() {
    local status=0 number
    number=$(kill -l "$1")
    kill -s "$1" "$pid"
    for ((i = 0; i < 3000; i++)); do
        [ -e "/proc/$pid" ] && ! grep -qs '^State:.Z' "/proc/$pid/status" || break
        sleep 0.02
    done
    [ "$i" -lt 3000 ] || { echo "SIG$1 does not end it" && kill -KILL "$pid" && return 1; }
    wait "$pid" || status=$?
    [ "$status" -eq $((128 + number)) ] || { echo "SIG$1: status $status" && return 1; }
}

# prepare COMMAND: another VM, which has the second disk where the command does not want both.
prepare() {
    undo
    [[ $1 == *--domain* ]] || [ -e /var/lib/virt-privileges/claims/other ] ||
        virt-priv-chown claim --name other --disk /mnt/files/b.img >/dev/null
    [[ $1 != *--domain* ]] || virt-priv-chown release --name other
    state >/mnt/before
}

nothing_done() {
    state | diff /mnt/before -
}

# right KIND STATUS: the command went through.
right() {
    case $1 in
    change | late) [ "$2" -eq 0 ] && ! nothing_done >/dev/null ;;
    refuse) [ "$2" -ne 0 ] && nothing_done ;;
    look) [ "$2" -le 2 ] && nothing_done ;;
    esac || { echo "status $2" && cat /mnt/said && return 1; }
}

@test "a name service that hangs at each question: nobody has to wait, and SIGINT and SIGTERM end it with nothing done" {
    local kind command words n points=0 status
    while read -r kind command; do
        [ -n "$kind" ] || continue
        read -ra words <<<"$command"
        prepare "$command"
        for ((n = 1; ; n++)); do
            hangs "$n" "${words[@]}" || break
            echo "$command: question $n, $(tail -n 1 "$asked")"
            points=$((points + 1))
            [[ $command == *--domain* ]] || free_for_others
            [ $((n % 2)) = 0 ] && ends INT || ends TERM
            if [ "$kind" = late ]; then
                grep -q ' = "bob" (was' /mnt/said
                undo
            fi
            nothing_done
        done
        status=0
        wait "$pid" || status=$?
        [ "$n" -gt 1 ]
        right "$kind" "$status"
    done <<<"$commands"
    echo "# $points questions" >&3
    [ "$points" -ge 30 ]
}

# account: whom the program ran as, without any capability; its groups can be fewer than the account has.
account() {
    awk '/^Cap/ && $2 != "0000000000000000" { exit 1 }
        /^[UG]id/ { if ($2 != $3 || $2 != $4 || $2 != $5) exit 1; print $2 }' /mnt/scratch/ran | uniq
}

@test "a name service that answers with an error, at each question: 125 or 2 and nothing done, or the right account" {
    local kind command words n answer list status refused=0
    for list in "test" "test [UNAVAIL=return TRYAGAIN=return] files" "test [!UNAVAIL=continue] files" "files test"; do
        services "$list"
        for answer in unavail tryagain erange; do
            while read -r kind command; do
                [ "$kind" = change ] || continue
                read -ra words <<<"$command"
                undo
                rm -rf /var/lib/virt-privileges
                state >/mnt/before
                for ((n = 0; ; n++)); do
                    rm -f "$asked"
                    status=0
                    # 0: all of them.
                    NAME_SERVICE=$answer NAME_SERVICE_ASKED=$asked NAME_SERVICE_AT=${n#0} timeout 30 "${words[@]}" \
                        >/mnt/said 2>&1 || status=$?
                    echo "$list, $answer, $command, $n: $status, $(cat /mnt/said)"
                    case $command:$status in
                    virt-priv-chown*:2 | virt-priv-exec*:125 | virt-priv-run*:125)
                        refused=$((refused + 1))
                        [ -s /mnt/said ]
                        nothing_done
                        ;;
                    virt-priv-chown*:0) [ "$(stat -c %U:%G /mnt/files/a.img)" = "$([[ $command == *--domain* ]] && echo bob:team || echo qemu:qemu)" ] ;;
                    *:0) [ "$(account)" = "$([[ $command == *alice* ]] && id -u alice || id -u qemu)" ] ;;
                    *) false ;;
                    esac
                    undo
                    nothing_done
                    [ "$n" -le "$(questions)" ] || break
                done
            done <<<"$commands"
        done
    done
    echo "# $refused refused" >&3
    [ "$refused" -ge 100 ]
}

@test "a name service that answers with an error: virt-priv-audit and virt-priv-conf say that they cannot determine" {
    local answer list
    for list in "test" "test [UNAVAIL=return TRYAGAIN=return] files"; do
        services "$list"
        for answer in unavail tryagain erange; do
            NAME_SERVICE=$answer run -2 virt-priv-audit --no-bpf --strict --check H03 host
            [[ $output == *"H03"*unknown*"cannot look up qemu in the account database"* ]]
            NAME_SERVICE=$answer run -1 virt-priv-conf check
            [[ $output == *'cannot look up user "qemu": '*"(look-up-failed)"* ]]
        done
    done
}

@test "what gives disks back asks no name service: release, drop, recover, and the end of a VM" {
    setfacl -m u:bob:r,m::r /mnt/files/private
    state >/mnt/before
    local claim=(virt-priv-chown claim --name v --grant-read --disk /mnt/files/a.img --disk "/mnt/files/private/c.img,readonly")
    local hang=(timeout 20 env NAME_SERVICE=hang NAME_SERVICE_ASKED="$asked") end
    for end in "release --name v" "recover" "drop --name v --disk /mnt/files/a.img --disk /mnt/files/private"; do
        sleep 60 3>&- &
        "${claim[@]}" --pid $!
        kill $!
        wait $! || true
        rm -f "$asked"
        "${hang[@]}" virt-priv-chown status
        # shellcheck disable=SC2086 # words
        "${hang[@]}" virt-priv-chown $end
        [ ! -e "$asked" ]
        [ "$(stat -c %U:%G /mnt/files/a.img)" = alice:alice ]
        ! virt-priv-chown release --name v || [[ $end == drop* ]]
        nothing_done
    done
}

@test "what is given back when a VM ends is given back without a name service" {
    local vm
    mkfifo /mnt/scratch/go
    printf '#!/bin/sh\n: >/mnt/scratch/runs\nread -r line </mnt/scratch/go\n' >/mnt/scratch/program
    state >/mnt/before
    # It asks three times while it starts.
    NAME_SERVICE=hang NAME_SERVICE_AT=4 NAME_SERVICE_ASKED=$asked timeout 60 virt-priv-run /mnt/scratch/program -name v \
        -hda /mnt/files/a.img 3>&- &
    vm=$!
    while [ ! -e /mnt/scratch/runs ]; do
        kill -0 $vm
        sleep 0.02
    done
    [ "$(stat -c %U /mnt/files/a.img)" = qemu ]
    [ "$(questions)" -eq 3 ]
    echo >/mnt/scratch/go
    wait $vm
    [ "$(questions)" -eq 3 ]
    nothing_done
}
