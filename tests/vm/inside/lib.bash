# What scenarios say their results with. Results are lines of TAP on descriptor
# 3; everything else that is written ends up in the machine's journal.

# detail TEXT: lines that explain the result before them.
detail() {
    echo "#   ${1//$'\n'/$'\n'#   }" >&3
}

# result LINE: for the journal, and for the report. The port can be open once
# only, so that it is written through the descriptor, never opened again.
result() {
    echo "$1"
    echo "$1" >&3
}

pass() {
    result "ok - $1"
}

# fail DESCRIPTION [DETAIL]
fail() {
    result "not ok - $1"
    [ -z "${2-}" ] || detail "$2"
    return 1
}

# is ACTUAL EXPECTED DESCRIPTION
is() {
    if [ "$1" = "$2" ]; then
        pass "$3"
    else
        fail "$3" "expected: $2"$'\n'"found:    $1"
    fi
}

# capture COMMAND [ARG]...: leaves what it wrote in $output and its exit status in $status.
capture() {
    echo "+ $*"
    status=0
    output=$("$@" 2>&1) || status=$?
    [ -z "$output" ] || echo "$output"
}

# succeeds DESCRIPTION COMMAND [ARG]...
succeeds() {
    local description=$1
    shift
    capture "$@"
    if [ "$status" -eq 0 ]; then
        pass "$description"
    else
        fail "$description" "exit status $status of: $*"$'\n'"$output"
    fi
}

# within SECONDS DESCRIPTION COMMAND [ARG]...: the command succeeds at last.
within() {
    local seconds=$1 description=$2 end=$((SECONDS + $1))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            fail "$description" "not after $seconds s: $*"
            return
        fi
        sleep 0.2
    done
    pass "$description"
}

# beside SECONDS: the host runs the program that the header names, which reaches this machine through a network card that
# comes for it. Waits for its end; fails if the host has not what the program needs.
beside() {
    echo beside >&3
    within 60 "a network card comes" have_card &&
        within "$1" "the program beside the machine comes to its end" what_became_beside &&
        [ "$(what_became_beside)" = ended ]
}

# have_card: it gets the address that QEMU's network has for the only machine there. udev may be about to rename it.
have_card() {
    local card
    card=$(basename /sys/class/net/[!l]*)
    ip address replace 10.0.2.15/24 dev "$card" && ip link set "$card" up
}

what_became_beside() {
    dd if=/dev/vdc bs=512 skip=1 count=1 iflag=direct status=none | tr -d '\0' | grep .
}

# lose_power: asks the host to take the machine's power, which it does while this goes on.
lose_power() {
    echo cut >&3
}

# What a node or a file is: its mode, owner and group.
access_of() {
    stat -c '%a %U:%G' "$1" 2>&1
}

# KVM's module out and in again: the kernel makes another /dev/kvm.
reload_kvm() {
    capture rmmod kvm_amd
    if [ -e /dev/kvm ]; then
        fail "without kvm_amd there is no /dev/kvm" "$output"
    fi
    capture modprobe kvm_amd
    capture udevadm settle --timeout=30
}

# start_guest DIR [WORD]...: QEMU runs, under KVM, the guest that waits; the words
# come before QEMU on its command line, and must keep the process id. $guest is
# that id. It boots from a floppy: with a virtio disk, SeaBIOS hangs under KVM on an
# emulated processor, before it says a word.
start_guest() {
    local dir=$1
    shift
    mkdir -p "$dir"
    mkfifo "$dir/in"
    "$@" qemu-system-x86_64 -nodefaults -display none -accel kvm -name guest,debug-threads=on \
        -device isa-debug-exit,iobase=0xf4 -serial stdio \
        -drive file=/run/vm/wait.img,format=raw,if=floppy,readonly=on \
        <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
    guest=$!
    exec 4>"$dir/in"
}

# guest_spoke DIR DESCRIPTION: the guest's line is on its serial port.
guest_spoke() {
    within 60 "$2" grep -q 'virt-privileges: a guest runs' "$1/out" || detail "$(cat "$1/err")"
}

# shown UNIT PROPERTY...: their values in this order, where systemctl show has its own for several.
shown() {
    local unit=$1 property values=()
    for property in "${@:2}"; do
        values+=("$(systemctl show -P "$property" "$unit")")
    done
    echo "${values[*]}"
}

is_gone() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# end_guest DIR DESCRIPTION: the guest gets its character, and QEMU ends as the guest asks for.
end_guest() {
    echo >&4
    exec 4>&-
    for ((i = 0; i < 300; i++)); do
        is_gone "$guest" && break
        sleep 0.1
    done
    is_gone "$guest" || kill -9 "$guest"
    status=0
    wait "$guest" || status=$?
    is "$status" 33 "$2" || detail "$(cat "$1/err")"
}

# threads PID FIELD: the values of a field of /proc/PID/task/*/status, each once.
threads() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1"/task/*/status | tr '\t' ' ' | sed 's/ *$//' | sort -u
}
