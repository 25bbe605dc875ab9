# The directory of journals, and what lies in it that nobody of ours has put there.

load chown.bash

claims=/var/lib/virt-privileges/claims

# fails STATUS TEXT COMMAND...: and the disk is alice's, or still claimed.
fails() {
    local wanted=$1 text=$2 before
    shift 2
    before=$(state $fs/a)
    run "$@"
    echo "status $status: $output"
    [ "$status" -eq "$wanted" ] && [[ $output == *"$text"* ]] && [ "$(state $fs/a)" = "$before" ]
}

@test "a directory of journals that others could have written to is not read" {
    disk $fs/a alice:alice 0640
    local directory
    for directory in ${claims%/*} $claims; do
        rm -rf ${claims%/*}
        mkdir -p $claims
        chmod 0777 "$directory"
        for command in "claim --name v --disk $fs/a" "release --name v" recover status; do
            # shellcheck disable=SC2086 # words
            fails 2 "cannot trust the directory $directory: writable by users other than root" virt-priv-chown $command
        done
        fails 1 "cannot trust the directory $directory" virt-priv-chown release --name v --as-is
        chmod 0755 "$directory"
        chown alice "$directory"
        fails 2 "cannot trust the directory $directory: writable by users other than root" virt-priv-chown claim --name v --disk $fs/a
    done
}

@test "a directory of journals that cannot be made or opened" {
    disk $fs/a alice:alice 0640
    local claim=(virt-priv-chown claim --name v --disk "$fs/a")
    touch ${claims%/*}
    fails 2 "cannot open the directory ${claims%/*}: Not a directory" "${claim[@]}"
    rm ${claims%/*}
    ln -s /mnt ${claims%/*}
    fails 2 "cannot open the directory ${claims%/*}: Not a directory" "${claim[@]}"
    rm ${claims%/*}
    mkdir -p $claims
    mkdir $claims/.lock
    fails 2 "cannot open the lock $claims/.lock: Is a directory" "${claim[@]}"
    # Nothing to read is no error.
    rmdir $claims/.lock
    run -0 virt-priv-chown status
    [ -z "$output" ]
}

@test "what is not a journal is named, and stays" {
    disk $fs/a alice:alice 0640
    run -0 virt-priv-chown claim --name v --disk $fs/a
    cp $claims/v $claims/other
    mkdir $claims/directory
    fails 1 "$claims/directory is not a journal" virt-priv-chown release --name directory
    fails 1 "$claims/other:2: the journal is that of VM 'v'" virt-priv-chown release --name other
    run -1 virt-priv-chown status
    [[ $output == *"$claims/directory is not a journal"* && $output == *"$claims/other:2: the journal is that of VM 'v'"* ]]
    run -1 virt-priv-chown recover
    [[ $output == *"$claims/directory is not a journal"* && $output == *"$claims/other:2: the journal is that of VM 'v'"* ]]
    [ "$(journals | xargs)" = "directory other v" ]
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "what an interrupted write has left goes away with the next change, and nothing else" {
    disk $fs/a alice:alice 0640
    mkdir -p $claims
    touch $claims/.v.new $claims/.new $claims/.kept
    run -0 virt-priv-chown status
    [ -e $claims/.v.new ]
    run -0 virt-priv-chown claim --name v --disk $fs/a
    [ "$(find $claims -mindepth 1 -printf '%f\n' | sort | xargs)" = ".kept .lock .new v" ]
}
