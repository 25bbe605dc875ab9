# File systems that stop answering, for tests of what must not wait for them. Each server is
# ended with its test, which ends its connection and whatever waits for it.
# shellcheck shell=bash disable=SC2154

servers=()
holders=()

# says FILE WORD: waits until the program whose output FILE is has said so.
says() {
    local i
    for ((i = 0; i < 1200; i++)); do
        ! grep -qx "$2" "$1" || return 0
        sleep 0.05
    done
    cat "$1"
    return 1
}

# serve MOUNTPOINT [WORD]...: hung-fuse, as this user; its process id in $server.
serve() {
    local said=$BATS_TEST_TMPDIR/fuse.${#servers[@]}
    mkdir -p "$1"
    "${VP_BUILD:-$PWD/build/plain}/tests/hung-fuse" "$@" >"$said" 2>&1 3>&- &
    server=$!
    servers+=("$server")
    says "$said" ready
    server_said=$said
}

# silence: the server that was started last answers no more.
silence() {
    kill -USR1 "$server"
    says "$server_said" silent
}

# attack COMMAND: bash runs it as alice, who is root in a user and a mount namespace of hers, where
# /mnt/attack/merged/file is one of an overlay whose lower directory is a FUSE mount of hers, with the
# bytes of $1; COMMAND ends with "wait_here", after which the server is silent.
attack() {
    local said=$BATS_TEST_TMPDIR/attack.${#servers[@]}
    mkdir -p /mnt/attack/{fuse,empty,merged}
    [ -d /mnt/scratch ] || mkdir -m 1777 /mnt/scratch
    setpriv --reuid alice --regid alice --clear-groups \
        unshare --user --map-root-user --mount bash -c '
        mkdir -p /mnt/scratch
        "$1" /mnt/attack/fuse "$2" >/mnt/scratch/fuse.said 2>&1 &
        server=$!
        until grep -qx ready /mnt/scratch/fuse.said; do sleep 0.05; done
        mount -t overlay -o lowerdir=/mnt/attack/fuse:/mnt/attack/empty,userxattr overlay /mnt/attack/merged
        wait_here() {
            kill -USR1 $server
            until grep -qx silent /mnt/scratch/fuse.said; do sleep 0.05; done
            echo "holder $holder"
            echo waiting
            wait
        }
        eval "$3"' attack "${VP_BUILD:-$PWD/build/plain}/tests/hung-fuse" "$1" "$2" >"$said" 2>&1 3>&- &
    holders+=("$!")
    says "$said" waiting
    holder=$(sed -n 's/^holder //p' "$said")
}

# within SECONDS COMMAND...: it has ended by then, by a clock that goes as slowly as the machine does;
# status and output are as after run. What waits in the
# kernel can't be killed, so the servers are ended where it has not.
within() {
    local left=$(($1 * 40)) command said=$BATS_TEST_TMPDIR/within
    "${@:2}" >"$said" 2>&1 3>&- &
    command=$!
    while [[ $(ps -o stat= -p "$command") == [!Z]* ]]; do
        if [ $((left--)) -le 0 ]; then
            echo "not ended: $(ps -o pid=,stat=,wchan= -p "$command") ${*:2}"
            end_hung
            kill -KILL "$command"
            return 1
        fi
        sleep 0.02
    done
    # shellcheck disable=SC2034 # The test reads it.
    status=0
    # shellcheck disable=SC2034
    wait "$command" || status=$?
    output=$(cat "$said")
    echo "$output"
}

# end_hung: to be called by teardown.
end_hung() {
    local pid
    for pid in "${servers[@]}" $(pgrep -x hung-fuse || true) "$holder" "${holders[@]}"; do
        [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    done
    for pid in "${servers[@]}" "${holders[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    servers=() holders=() holder=
    for pid in $(awk '$0 ~ / - fuse hung-fuse/ { print $5 }' /proc/self/mountinfo); do
        umount -l "$pid"
    done
    rm -rf /mnt/scratch/fuse.said
}
