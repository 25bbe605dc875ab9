# What the tests of virt-priv-audit share: real QEMU processes put into a state, and what is
# found of them compared with the data of a case.
# shellcheck shell=bash disable=SC2034,SC2154

bats_require_minimum_version 1.5.0
PATH=${VP_BUILD:-$PWD/build/plain}:$PATH
helpers=${VP_BUILD:-$PWD/build/plain}/tests
scratch=/mnt/scratch
qemu=$(type -P qemu-system-x86_64)
cases=tests/audit/cases.d
# Paused, so that it takes no time of the processors; its threads are there.
guest=(-nodefaults -no-user-config -display none -accel tcg -m 16 -S -name debug-threads=on)

setup() {
    umask 022
    ulimit -Sc 0
    started=()
    printf '%s\n' 'user = "qemu"' 'group = "qemu"' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf
    touch -d '1 hour ago' /etc/libvirt/qemu.conf
    mountpoint -q /var/lib || mount -t tmpfs -o mode=0755 tmpfs /var/lib
    rm -rf /var/lib/virt-privileges
    [ ! -e /dev/disk0 ] || chown root:disk /dev/disk0
}

teardown() {
    local process
    for process in "${started[@]}"; do
        kill -KILL "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "${scratch:?}"/*
}

# A /usr to which can be added: a QEMU elsewhere would not find its modules.
make_usr() {
    mkdir -p /mnt/usr /mnt/usr.work
    mount -t overlay -o lowerdir=/usr,upperdir=/mnt/usr,workdir=/mnt/usr.work overlay /usr
}

# A /dev of its own, with the few nodes that a test needs, and in it a disk, $disk.
make_dev() {
    local node
    truncate -s 1M /mnt/disk.img
    loop=$(losetup -f --show /mnt/disk.img)
    mkdir -p /mnt/dev
    mount -t tmpfs -o mode=0755 tmpfs /mnt/dev
    for node in null zero full random urandom tty kvm fuse; do
        [ ! -e "/dev/$node" ] || cp -a "/dev/$node" /mnt/dev/
    done
    cp -a "$loop" /mnt/dev/disk0
    mkdir /mnt/dev/pts /mnt/dev/shm
    ln -s /proc/self/fd /mnt/dev/fd
    mknod -m 0640 /mnt/dev/mem c 1 1
    mount --rbind /dev/pts /mnt/dev/pts
    mount --move /mnt/dev /dev
    chown root:disk /dev/disk0
    chmod 0660 /dev/disk0
    [ ! -e /dev/kvm ] || {
        chown root:kvm /dev/kvm
        chmod 0666 /dev/kvm
    }
    [ ! -e "$loop" ] || losetup -d "$loop"
    echo "$loop" >/mnt/loop
}

# end_dev: the device is free again when the last mount of this /dev has gone.
end_dev() {
    umount -l /dev
    losetup -d "$(cat /mnt/loop)"
}

# eventually COMMAND...: succeeds within a minute or so.
eventually() {
    local i
    for ((i = 0; i < 600; i++)); do
        ! "$@" 2>/dev/null || return 0
        sleep 0.1
    done
    "$@"
}

# start COMMAND...: in the background, ended with the test; its process id in $pid, and the
# file with what it says in $said.
start() {
    said=$BATS_TEST_TMPDIR/output.${#started[@]}
    "$@" </dev/null >"$said" 2>&1 3>&- &
    pid=$!
    started+=("$pid")
}

has_processor() {
    grep -q '^CPU 0' "/proc/$pid/task"/*/comm
}

is_running() {
    eventually has_processor || {
        cat "$said"
        return 1
    }
}

# qemu [WRAPPER...]: starts $qemu within it, all in one process.
qemu() {
    start "$@" "$qemu" "${guest[@]}" "${more[@]}"
    is_running
}

# run_qemu: the same through virt-priv-run, which stays its parent.
run_qemu() {
    start virt-priv-run "${own[@]}" -- "$qemu" "${guest[@]}" "${more[@]}"
    local runner=$pid
    eventually has_child "$runner" || {
        cat "$said"
        return 1
    }
    # Ended first, so that its runner has nothing left to wait for.
    started=("$pid" "${started[@]}")
    is_running
}

has_child() {
    pid=$(ps -o pid= --ppid "$1" | xargs)
    [[ $(readlink "/proc/$pid/exe") == */qemu-system-* ]]
}

# as_qemu [OPTION...]: setpriv's options for the account as it should be.
as_qemu=(setpriv --reuid qemu --regid qemu --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all)

# in_threads CALL...: made by every thread; in_thread NAME CALL...: by the one of that name.
in_threads() {
    local task
    for task in "/proc/$pid/task"/*; do
        eventually "$helpers/call-in-thread" "${task##*/}" "$@"
    done
}

in_thread() {
    local task name=$1
    shift
    for task in "/proc/$pid/task"/*; do
        [[ $(cat "$task/comm") == "$name"* ]] || continue
        eventually "$helpers/call-in-thread" "${task##*/}" "$@"
        return
    done
    false
}

# audit OPTION...: without the question whether this private host is all of the machine.
audit() {
    virt-priv-audit --exclude H05 "$@"
}

# compare FILE EXPECTED [PID]: whether the findings of a JSON document are the expected lines:
# CHECK, severity or "unknown", whose (all or some threads, the process, the host) and how
# the message begins. A line with "?" before it may be missing, and so may what is unknown
# or of a severity on this machine alone ("*"). "found-by" has how each process was found, "process KEY
# VALUE" what the first one has, as JSON, and "claims" how many are held, abandoned and unknown.
compare() {
    /usr/bin/python3 - "$@" <<'PYTHON'
import json, sys
document = json.load(open(sys.argv[1]))
threads = {p["pid"]: len(p["threads"]) for p in document["processes"]}
found = []
for f in document["findings"]:
    if f["status"] in ("not-applicable", "pass"):
        continue
    whose = "host"
    if "tid" in f:
        whose = "all" if f["threads"] == threads[f["pid"]] else "some"
    elif "pid" in f:
        whose = "process"
    found.append((f["check"], f["severity"] if f["status"] == "fail" else f["status"], whose, f["message"]))
good = True
for line in open(sys.argv[2]):
    line = line.rstrip("\n")
    if not line or line[0] in "#$" or line.startswith("exit "):
        continue
    if line.startswith("found-by"):
        if [p["found_by"] for p in document["processes"]] != line.split()[1:]:
            print(line, "was expected:", *(p["found_by"] for p in document["processes"]))
            good = False
        continue
    if line.startswith(("process ", "claims ")):
        what, *words = line.split(" ", 2 if line.startswith("p") else -1)
        wanted = [json.loads(word) for word in words[-1 if what == "process" else 0:]]
        has = [document["processes"][0][words[0]]] if what == "process" else list(document["claims"].values())
        if has != wanted:
            print(line, "was expected:", *has)
            good = False
        continue
    optional = line.startswith("?")
    words = line.lstrip("?").split(" ", 3)
    check, severity, whose = words[:3]
    message = words[3] if len(words) > 3 else ""
    for f in found:
        if f[0] == check and severity in (f[1], "*") and f[2] == whose and f[3].startswith(message):
            found.remove(f)
            break
    else:
        if not optional:
            print("not found:", line)
            good = False
for f in found:
    print("found, and not expected:", *f)
    good = False
sys.exit(not good)
PYTHON
}

# has_bpf: whether this kernel lets the auditor read threads through BPF.
has_bpf() {
    virt-priv-audit --json --pid $$ --check P01 | grep -q '"source": "bpf"'
}

# same_threads FILE FILE: two documents have the same of each thread, but for what /proc does
# not show, and whether it runs or sleeps.
same_threads() {
    diff <(threads_of "$1") <(threads_of "$2")
}

threads_of() {
    /usr/bin/python3 -c 'import json, sys
for process in json.load(open(sys.argv[1]))["processes"]:
    for thread in process["threads"]:
        del thread["securebits"], thread["state"]
        print(process["pid"], process["found_by"], json.dumps(thread, sort_keys=True))' "$1"
}

# What is found of a QEMU that nobody has isolated, where it is judged by itself; a case that has a line of one of
# these checks says all of it.
not_isolated=(
    'P21 unknown process other VMs were not looked for: --pid'
    'P22 low process its root directory is that of the host'
    'P23 low process shares the network namespace of the host'
    'P23 low process shares the ipc namespace of the host'
)

# said_of NAME: the lines of a case.
said_of() {
    cat "$cases/$1"
    grep -q '^P2[123] ' "$cases/$1" || printf '%s\n' "${not_isolated[@]}"
}

# judge NAME: puts a QEMU into the state that the case describes, and compares what is found
# through /proc and, where there is BPF, through that. "P18 unknown" is of /proc alone; lines
# that begin with "bpf: " are of BPF alone.
judge() {
    local line document=$BATS_TEST_TMPDIR/document
    more=() own=()
    while IFS= read -r line; do
        eval "${line#\$ }"
    done < <(grep '^\$ ' "$cases/$1")
    said_of "$1" | grep -v '^bpf: ' >"$BATS_TEST_TMPDIR/expected"
    judge_document "$document" --no-bpf
    has_bpf || return 0
    said_of "$1" | sed '/^P18 unknown/d; s/^bpf: //' >"$BATS_TEST_TMPDIR/expected"
    judge_document "$document.bpf"
    [ "$(grep -c '"source": "bpf"' "$document.bpf")" = "$(grep -c '"source"' "$document.bpf")" ]
    same_threads "$document" "$document.bpf"
}

judge_document() {
    local document=$1 status=0 expected
    audit --json --pid "$pid" "${@:2}" >"$document" || status=$?
    tests/lib/validate-json tests/schema/virt-priv-audit.json <"$document" >/dev/null
    compare "$document" "$BATS_TEST_TMPDIR/expected"
    expected=$(sed -n 's/^exit //p' "$BATS_TEST_TMPDIR/expected")
    echo "exit status $status, expected $expected"
    [ "$status" = "$expected" ]
}
