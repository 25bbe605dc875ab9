# virt-priv-conf reserve-ids and release-ids: what becomes of /etc/subuid and /etc/subgid, as the package
# finds them, and whether shadow-utils and these tools wait for each other.

bats_require_minimum_version 1.5.0

setup() {
    load confedit.bash
    confedit_setup
    ours=virt-privileges:90000:8192
}

teardown() {
    confedit_teardown
}

# begin TEXT: such a file is each of the two; "-": there is none.
begin() {
    rm -f /etc/subuid /etc/subgid
    [ "$1" = - ] || printf '%b' "$1" | tee /etc/subuid >/etc/subgid
}

# has TEXT: both are that, to the byte; nothing is left beside them.
has() {
    local file
    for file in /etc/subuid /etc/subgid; do
        if [ "$1" = - ]; then
            [ ! -e "$file" ]
        else
            printf '%b' "$1" | diff "$file" -
        fi
    done
    [ "$(find /etc -maxdepth 1 -name '*sub[ug]id?*' ! -name 'sub?id-')" = "" ]
}

@test "each state of the files: text, isolate_ids, status, text afterwards" {
    local command before ids wanted after said inode n=0
    while IFS='|' read -r command before ids wanted after said; do
        echo "$command, $before, $ids"
        after=${after//OURS/$ours} before=${before//OURS/$ours}
        begin "$before"
        rm -f "$admin"
        [ "$ids" = - ] || printf 'isolate_ids = "%s"\n' "$ids" | write "$admin"
        inode=$(stat -c %i /etc/subuid 2>&1 || true)
        run -"$wanted" "$conf" --verbose "$command"
        echo "$output"
        has "$after"
        # What is as it was has not been written anew.
        [ "$before" != "$after" ] || [ "$(stat -c %i /etc/subuid 2>&1 || true)" = "$inode" ]
        [[ $output == *"$said"* ]]
        n=$((n + 1))
    done <<TABLE
reserve-ids|-|-|0|-|/etc/subuid does not exist; nothing to reserve
reserve-ids||-|0|OURS\n|/etc/subgid: changed
reserve-ids|alice:100000:65536\n|-|0|alice:100000:65536\nOURS\n|
reserve-ids|alice:100000:65536|-|0|alice:100000:65536\nOURS\n|
reserve-ids|OURS\n|-|0|OURS\n|
reserve-ids|a\nOURS\nbob:98192:1\nalice:89999:1|-|0|a\nOURS\nbob:98192:1\nalice:89999:1|
reserve-ids|a\nbob:98192:1\nalice:89999:1\n|-|0|a\nbob:98192:1\nalice:89999:1\nOURS\n|
reserve-ids|virt-privileges:80000:9\n|-|0|virt-privileges:80000:9\n|/etc/subuid:1: 'virt-privileges:80000:9' is kept, so that the ids 90000:8192 of isolated VMs are not reserved; to reserve them instead: remove that line, then virt-priv-conf reserve-ids
reserve-ids|virt-privileges:80000:65536\n|-|0|virt-privileges:80000:65536\n|
reserve-ids|virt-privileges:90001:65536\n|-|0|virt-privileges:90001:65536\n|are not reserved
reserve-ids|virt-privileges:80000:18191\n|-|0|virt-privileges:80000:18191\n|are not reserved
reserve-ids|virt-privileges:80000:18192\n|-|0|virt-privileges:80000:18192\n|
reserve-ids|virt-privileges:80000:0\n|-|0|virt-privileges:80000:0\n|is kept
reserve-ids|x\nbob:98191:1\n|-|2|x\nbob:98191:1\n|/etc/subuid:2: 'bob:98191:1' has some of the ids 90000:8192 of isolated VMs (isolate_ids in qemu.conf); nothing is reserved; choose others: virt-priv-conf set isolate_ids FIRST:COUNT, then virt-priv-conf reserve-ids
reserve-ids|alice:1:90000\n|-|2|alice:1:90000\n|alice:1:90000
reserve-ids|alice:1:89999\n|-|0|alice:1:89999\nOURS\n|
reserve-ids|alice:1:18446744073709551615\n|-|2|alice:1:18446744073709551615\n|has some
reserve-ids|alice:90005:0\n|-|0|alice:90005:0\nOURS\n|
reserve-ids|virt-privileges2:90000:8192\n|-|2|virt-privileges2:90000:8192\n|has some
reserve-ids|bob:98191:1\n|70000:100|0|bob:98191:1\nvirt-privileges:70000:100\n|
reserve-ids|a:1:1\nOURS\nb:3:3\n|70000:100|0|a:1:1\nvirt-privileges:70000:100\nb:3:3\n|
reserve-ids|OURS\nb:70099:3\n|70000:100|2|OURS\nb:70099:3\n|/etc/subuid:2: 'b:70099:3'
reserve-ids|a:1:1\n|malformed|2|a:1:1\n|isolate_ids
reserve-ids|a:1:1\n\\0a|-|2|a:1:1\n\\0a|/etc/subuid is unchanged: it contains a NUL byte
release-ids|-|-|0|-|
release-ids||-|0||
release-ids|OURS\n|-|0||
release-ids|a:1:1\nOURS\nb:2:2\n|-|0|a:1:1\nb:2:2\n|
release-ids|a:1:1\nOURS|-|0|a:1:1\n|
release-ids|OURS\nOURS\n|-|0||
release-ids|OURS\nvirt-privileges:70000:100\n|70000:100|0||
release-ids|virt-privileges:70000:100\n|-|0|virt-privileges:70000:100\n|/etc/subuid:1: 'virt-privileges:70000:100' is kept
release-ids|alice:90000:8192\n|-|0|alice:90000:8192\n|
TABLE
    [ "$n" -eq 33 ]
}

@test "owner, mode, ACL and label stay, and each file is said to be changed, or not" {
    begin 'alice:100000:65536\n'
    chgrp team /etc/subuid
    chmod 0640 /etc/subuid
    setfacl -m u:alice:r /etc/subuid
    setfattr -n security.note -v label /etc/subuid
    facts() { stat -c '%a %u:%g' /etc/subuid && getfacl -c -p /etc/subuid && getfattr -m security.note -d --absolute-names /etc/subuid; }
    facts >"$work/before"
    run -0 "$conf" reserve-ids
    [ "$output" = $'/etc/subuid: changed\n/etc/subgid: changed' ]
    facts | diff "$work/before" -
    run -0 "$conf" reserve-ids
    [ "$output" = $'/etc/subuid: unchanged\n/etc/subgid: unchanged' ]
    run -0 "$conf" release-ids
    [ "$output" = $'/etc/subuid: changed\n/etc/subgid: changed' ]
    facts | diff "$work/before" -
    has 'alice:100000:65536\n'
}

@test "one file has the ids of another: neither is changed" {
    begin ''
    echo bob:90000:1 >/etc/subgid
    fails 2 "/etc/subgid:1: 'bob:90000:1' has some of the ids" "$conf" reserve-ids
    [ ! -s /etc/subuid ]
    [ "$(cat /etc/subgid)" = bob:90000:1 ]
}

@test "a file that others can write is refused" {
    begin ''
    chmod 0666 /etc/subuid
    fails 2 "/etc/subuid: mode 0666 makes it writable by users other than root" "$conf" reserve-ids
    has ''
}

@test "--root: the system in that directory, its settings and its links alone" {
    local root=/mnt/rooted
    # LeakSanitizer works neither in strace nor without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    begin ''
    mkdir -p $root/etc/libvirt $root/etc/lib
    ln -s /etc/lib/subuid $root/etc/subuid
    touch $root/etc/lib/subuid $root/etc/subgid
    echo 'isolate_ids = "70000:100"' | write $root/etc/libvirt/qemu.conf
    run -0 "$conf" reserve-ids --root $root
    [ "$(cat $root/etc/lib/subuid $root/etc/subgid | sort -u)" = virt-privileges:70000:100 ]
    has ''
    run -0 "$conf" release-ids --root $root
    [ "$(cat $root/etc/lib/subuid $root/etc/subgid)" = "" ]
    fails 2 "cannot change the root directory to /mnt/nothing: No such file" "$conf" reserve-ids --root /mnt/nothing
}

@test "an ordinary user reserves nothing" {
    begin ''
    cp "$conf" "$work/conf"
    chmod 0755 "$work" "$work/conf"
    fails 2 "must be run as root to edit /etc/subuid" setpriv --reuid alice --regid alice --clear-groups "$work/conf" reserve-ids
    has ''
}

@test "no account can be given the ids, and nobody gets them from newuidmap" {
    begin ''
    "$conf" reserve-ids
    run ! usermod --add-subuids 90000-98191 virt-privileges
    run ! id virt-privileges
    useradd -r -K SUB_UID_MIN=90000 -K SUB_UID_MAX=120000 -K SUB_UID_COUNT=8192 -K SUB_GID_MIN=90000 \
        -K SUB_GID_MAX=120000 -K SUB_GID_COUNT=8192 -F -M carol 2>"$work/said" || {
        # An older one has no -F.
        useradd -K SUB_UID_MIN=90000 -K SUB_UID_MAX=120000 -K SUB_UID_COUNT=8192 -K SUB_GID_MIN=90000 \
            -K SUB_GID_MAX=120000 -K SUB_GID_COUNT=8192 -M carol
    }
    [ "$(cat /etc/subuid)" = "$ours"$'\ncarol:98192:8192' ]
    [ "$(cat /etc/subgid)" = "$ours"$'\ncarol:98192:8192' ]
}

# --- The lock of shadow-utils ---

# locked: once somebody has it.
locked() {
    local i
    for ((i = 0; i < 3000; i++)); do
        [ ! -e /etc/subuid.lock ] || return 0
        sleep 0.02
    done
    return 1
}

@test "usermod's lock is waited for, and what it writes is kept" {
    local usermod reserve
    begin ''
    strace -f -qq -o /dev/null -e inject=rename:delay_enter=1500000:when=1 \
        usermod --add-subuids 200000-200009 alice 3>&- &
    usermod=$!
    locked
    "$conf" reserve-ids 3>&- &
    reserve=$!
    wait $usermod
    wait $reserve
    # Before it, usermod would have replaced this; beside it, this would not be the last line.
    [ "$(cat /etc/subuid)" = $'alice:200000:10\n'"$ours" ]
    [ "$(cat /etc/subgid)" = "$ours" ]
}

@test "usermod heeds this lock, which is away afterwards" {
    local reserve
    # LeakSanitizer works neither in strace nor without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    begin ''
    strace -f -qq -o /dev/null -e inject=fsync:delay_enter=1500000:when=1 "$conf" reserve-ids 3>&- &
    reserve=$!
    locked
    # It tries no more than once, or for some seconds.
    if usermod --add-subuids 200000-200009 alice 2>"$work/said"; then
        wait $reserve
        [ "$(cat /etc/subuid)" = "$ours"$'\nalice:200000:10' ]
    else
        grep 'cannot lock /etc/subuid' "$work/said"
        wait $reserve
        has "$ours\n"
    fi
    [ ! -e /etc/subuid.lock ]
    usermod --add-subuids 300000-300009 alice
    grep -x alice:300000:10 /etc/subuid
}

@test "a lock whose process has ended is nobody's; one that names none is told" {
    # LeakSanitizer works neither in strace nor without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    begin ''
    sh -c 'printf "%d\0" $$ >/etc/subuid.lock'
    run "$conf" reserve-ids
    echo "$output"
    [ "$status" -eq 0 ]
    has "$ours\n"
    begin ''
    : >/etc/subuid.lock
    fails 2 "/etc/subuid is unchanged: the lock /etc/subuid.lock is there, and names no process; remove it" \
        timeout 60 strace -f -qq -o /dev/null -e inject=clock_nanosleep:retval=0 "$conf" reserve-ids
    printf '1\0' >/etc/subuid.lock
    fails 2 "/etc/subuid is unchanged: process 1 has locked it for 30 s, by /etc/subuid.lock" \
        timeout 60 strace -f -qq -o /dev/null -e inject=clock_nanosleep:retval=0 "$conf" reserve-ids
    rm /etc/subuid.lock
    has ''
}
