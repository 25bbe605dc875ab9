# A journal that can't be read stops all claims, and one command settles it without a loss: what is believed is
# given back, what is not is printed with the commands, and the file stays, where no tool looks for it.

load chown.bash

claims=/var/lib/virt-privileges/claims

# claimed: two disks of alice's are claimed by the VM v, a third is to be another's; the journal is copied.
claimed() {
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0600
    disk $fs/other bob:bob 0600
    run -0 virt-priv-chown claim --name v --disk $fs/a --disk $fs/b
    cp $claims/v /mnt/whole
}

# damage KIND: what can happen to a journal.
damage() {
    local first second
    first=$(grep -n '^entry' /mnt/whole | sed -n '1s/:.*//p')
    second=$(grep -n '^entry' /mnt/whole | sed -n '2s/:.*//p')
    case $1 in
    cut-in-second) head -n $((second + 8)) /mnt/whole >$claims/v ;;
    cut-in-line) head -n $((second + 10)) /mnt/whole | head -c -4 >$claims/v ;;
    end-lost) sed '/^entries/d' /mnt/whole >$claims/v ;;
    unknown-key) sed "$((second + 3))i future key" /mnt/whole >$claims/v ;;
    zeros) (head -n $((second + 2)) /mnt/whole && head -c 4096 /dev/zero) >$claims/v ;;
    zeros-within) (head -n $((first + 2)) /mnt/whole && head -c 300 /dev/zero && echo &&
        tail -n +"$second" /mnt/whole) >$claims/v ;;
    twice-an-owner) sed "$((second + 2))s/.*/path relative/" /mnt/whole >$claims/v ;;
    garbage) head -c 5000 /dev/urandom >$claims/v ;;
    empty) : >$claims/v ;;
    newer) sed '1s/1$/2/' /mnt/whole >$claims/v ;;
    boot) sed '3s/.*/boot x/' /mnt/whole >$claims/v ;;
    name) sed '2s/.*/name w/' /mnt/whole >$claims/v ;;
    merged) sed "$((first + 6)),$((second + 6))d" /mnt/whole >$claims/v ;;
    mode) chmod 0666 $claims/v ;;
    owner) chown alice $claims/v ;;
    acl) setfacl -m u:alice:rw $claims/v ;;
    directory) rm $claims/v && mkdir $claims/v ;;
    link) mv $claims/v /mnt/elsewhere && ln -s /mnt/elsewhere $claims/v ;;
    fifo) rm $claims/v && mkfifo $claims/v ;;
    esac
}

# What is done to it, what is given back of a and b (the rest stays qemu's), and what is said.
damages="
cut-in-second   a  :31: the file ends early
cut-in-line     a  the file ends early
end-lost        ab the file ends early
unknown-key     a  not a line of an entry
zeros           a  the file ends early
zeros-within    b  a NUL byte
twice-an-owner  a  not a line of an entry
garbage         -  no entry can be read
empty           -  :1: the file ends early
newer           -  before the claim, and became that of 107:107; the header or the number of entries of the journal is wrong
boot            -  the header or the number of entries of the journal is wrong
name            -  :2: the journal is that of VM 'w'
merged          -  before the claim
mode            -  mode 0666 makes it writable by users other than root; check its content, then: chmod go-w $claims/v
owner           -  it is owned by uid 6001, not root; check its content, then: chown root $claims/v
acl             -  user alice may write by its ACL
directory       -  $claims/v is not a journal
link            -  Too many levels of symbolic links
fifo            -  $claims/v is not a journal
"

# expect WHICH: those of a and b are alice's, the others qemu's.
expect() {
    local name wanted
    for name in a b; do
        wanted=qemu:qemu
        [[ $1 != *$name* ]] || wanted=alice:alice
        [ "$(owner $fs/$name)" = $wanted ] || {
            echo "$name: $(owner $fs/$name), not $wanted"
            return 1
        }
    done
}

@test "each damage is said with the command, which settles it" {
    local kind back text
    while read -r kind back text; do
        [ -n "$kind" ] || continue
        echo "# $kind"
        rm -rf $claims
        claimed
        damage "$kind"
        cp -a $claims/v /mnt/damaged-copy 2>/dev/null || true
        run -1 virt-priv-chown claim --name w --disk $fs/other
        [[ $output == *"$claims/v"*"; first: virt-priv-chown release --name v --as-is"* ]]
        [ "$(owner $fs/other)" = bob:bob ]
        for command in status recover "release --name v" "add --name v --disk $fs/other"; do
            # shellcheck disable=SC2086 # words
            run virt-priv-chown $command
            [ "$status" -ne 0 ]
            [[ $output == *"$claims/v"*"no VM can claim a disk"*": virt-priv-chown release --name v --as-is"* ]]
        done
        expect ""
        run virt-priv-chown release --name v --as-is
        echo "status $status: $output"
        [[ $output == *"$text"* ]]
        expect "$back"
        if [ "$back" = ab ]; then [ "$status" -eq 0 ]; else [ "$status" -eq 1 ]; fi
        # It is kept, and in nobody's way.
        [ -z "$(journals)" ]
        case $kind in
        # As it is empty, it was a directory.
        directory) rmdir $claims/.v.damaged ;;
        link)
            [ -L $claims/.v.damaged ]
            cmp /mnt/elsewhere /mnt/whole
            ;;
        fifo) [ -p $claims/.v.damaged ] ;;
        *) cmp /mnt/damaged-copy $claims/.v.damaged ;;
        esac
        run -0 virt-priv-chown claim --name w --disk $fs/other
        run -0 virt-priv-chown release --name w
        [ "$kind" = directory ] || [ -e $claims/.v.damaged ] || [ -L $claims/.v.damaged ]
        rm -rf /mnt/damaged-copy
        rm -f $fs/a $fs/b
    done <<<"$damages"
}

@test "the commands that are printed give back what was not believed" {
    claimed
    chmod 0606 $fs/b
    damage newer
    # No two may be told by their order.
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    [[ $output == *"$fs/b was 6001:6001, mode 0600, before the claim"*"# now: 107:107, mode 0606"*"chown 6001:6001 $fs/b && chmod 0600 $fs/b"* ]]
    expect ""
    sh -e <<<"$output"
    expect ab
    [ "$(stat -c %a $fs/a $fs/b | xargs)" = "640 600" ]
}

@test "a path that a user can lead elsewhere gets no command" {
    mkdir $fs/home
    chown alice:alice $fs/home
    disk $fs/home/a alice:alice 0600
    run -0 virt-priv-chown claim --name v --disk $fs/home/a
    cp $claims/v /mnt/whole
    damage newer
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    [[ $output == *"# now: 107:107, mode 0600"*"# others than root can replace this path, so there is no command: "* ]]
    [ -z "$(grep -v '^#' <<<"$output")" ]
}

@test "what somebody else may have written is not printed as a command" {
    local before
    claimed
    sed -i "s,^path $fs/a,path /etc/shadow," $claims/v
    chown alice $claims/v
    before=$(stat -c '%u:%g %a' /etc/shadow)
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    # shellcheck disable=SC2154 # set by run
    [ -z "$(grep -v '^#' <<<"$output")" ]
    [[ $output == *"/etc/shadow was 6001:6001"*"# not found"* || $output == *"/etc/shadow was 6001:6001"*"no longer at this path"* ]]
    [[ $output == *"# chown 6001:6001 $fs/b && chmod 0600 $fs/b"* ]]
    [ "$(stat -c '%u:%g %a' /etc/shadow)" = "$before" ]
    expect ""
}

@test "of an entry that is cut, libvirt's attributes tell the owner" {
    claimed
    damage cut-in-second
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    [[ $output == *"$fs/b whose owner cannot be read"*"libvirt's attributes name 6001:6001 as its owner"* ]]
    sh -e <<<"$output"
    expect ab
}

@test "what another VM holds by a journal of its own is left to it" {
    claimed
    cp $claims/v $claims/copy
    run -0 virt-priv-chown release --name copy --as-is
    [[ $output == *"claimed by VM 'v', in another journal"* && $output != *chown\ 6001* ]]
    expect ""
    run -0 virt-priv-chown release --name v
    expect ab
}

@test "what was made readable: taken back if it is believed, else by the command" {
    local before kind
    disk $fs/base root:root 0600
    before=$(state $fs/base)
    disk $fs/a alice:alice 0640
    for kind in newer end-lost; do
        rm -rf $claims
        run -0 virt-priv-chown claim --name v --disk $fs/a --grant-read --disk $fs/base,readonly
        [ "$(state $fs/base)" != "$before" ]
        cp $claims/v /mnt/whole
        damage $kind
        run --separate-stderr virt-priv-chown release --name v --as-is
        if [ $kind = newer ]; then
            [[ $output == *"$fs/base was 0:0, mode 0600, before the claim, and was made readable by 107:107"* ]]
            [[ $output == *"setfacl -x u:107 $fs/base"* ]]
            sh -e <<<"$output"
            [ -z "$(getfacl -cpn $fs/base | grep user:107)" ]
            setfacl -b $fs/base
            chmod 0600 $fs/base
        fi
        [ "$(owner $fs/a)" = alice:alice ]
        [ "$(state $fs/base)" = "$before" ]
    done
}

@test "what has another name now, or is another file, gets no command" {
    claimed
    mv $fs/a $fs/moved
    disk $fs/a root:root 0600
    damage newer
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    [[ $output == *"$fs/a was 6001:6001"*"no longer at this path"* && $output != *"chown 6001:6001 $fs/a"* ]]
    [ "$(owner $fs/a)" = root:root ]
}

@test "a VM that runs keeps its disks, and others go on" {
    claimed
    damage cut-in-second
    exec 8<>$fs/a
    setpriv --reuid 107 --regid 107 --clear-groups sleep 600 8<>$fs/a 3>&- &
    local pid=$!
    exec 8>&-
    is $pid sleep
    run virt-priv-chown release --name v --as-is
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"VM 'v' is running: process $pid "*"has $fs/a open"* ]]
    expect ""
    [ "$(journals)" = v ]
    run -0 virt-priv-chown claim --name w --disk $fs/other
    kill $pid
    wait $pid || true
    run -0 virt-priv-chown release --name v
    expect a
}

@test "what is not believed, and a process of QEMU's has open, is no other VM's yet" {
    local kind
    for kind in newer cut-in-line; do
        rm -rf $claims
        claimed
        damage $kind
        exec 8<>$fs/b
        setpriv --reuid 107 --regid 107 --clear-groups sleep 600 8<>$fs/b 3>&- &
        local pid=$!
        exec 8>&-
        is $pid sleep
        run -1 virt-priv-chown release --name v --as-is
        [[ $output == *"# process $pid has it open"*"VM 'v' may be running: process $pid has $fs/b open; its journal is not set aside"*"stop it first" ]]
        [ "$(journals)" = v ]
        [ ! -e $claims/.v.damaged ]
        run -1 virt-priv-chown claim --name w --disk $fs/b
        kill $pid
        wait $pid || true
        run -1 virt-priv-chown release --name v --as-is
        [ -z "$(journals)" ]
        rm -f $fs/a $fs/b
    done
}

@test "a second one is numbered, and none is taken for what an interrupted write left" {
    local n
    for n in 1 2 3; do
        claimed
        echo "damaged $n" >$claims/v
        run -1 virt-priv-chown release --name v --as-is
        rm $fs/a $fs/b
    done
    [ "$(head -qn1 $claims/.v.damaged $claims/.v.damaged.2 $claims/.v.damaged.3 | xargs)" = "damaged 1 damaged 2 damaged 3" ]
    claimed
    run -0 virt-priv-chown release --name v
    run -0 virt-priv-chown recover
    [ -e $claims/.v.damaged ] && [ -e $claims/.v.damaged.2 ] && [ -e $claims/.v.damaged.3 ]
}

@test "a journal that can be read, and none, are not set aside" {
    claimed
    run -2 virt-priv-chown release --name v --as-is
    [[ $output == *"--as-is without --path is for damaged journals, and that of VM 'v' is not damaged"* ]]
    run -1 virt-priv-chown release --name nobody --as-is
    [[ $output == *"VM 'nobody' has no claim"* ]]
    run -2 virt-priv-chown release --name v --path $fs/a
    [[ $output == *"--path requires --as-is"* ]]
    # What a power cut leaves behind the end is no damage.
    printf 'releas\0' >>$claims/v
    run -2 virt-priv-chown release --name v --as-is
    expect ""
    run -0 virt-priv-chown release --name v
    expect ab
}

@test "a terminal obeys nothing of it, and a shell reads the path" {
    local odd=$fs/$'it\'s \e[31m \\x'
    disk "$odd" alice:alice 0600
    run -0 virt-priv-chown claim --name v --disk "$odd"
    sed -i '1s/1$/2/' $claims/v
    run --separate-stderr -1 virt-priv-chown release --name v --as-is
    # shellcheck disable=SC2154 # set by run
    [[ $output$stderr != *$'\e'* ]]
    [ "$(owner "$odd")" = qemu:qemu ]
    bash -e <<<"$output"
    [ "$(owner "$odd")" = alice:alice ]
}

@test "status shows it as JSON, too" {
    claimed
    damage newer
    run --separate-stderr -1 virt-priv-chown status --json
    tests/lib/validate-json tests/schema/virt-priv-chown-status.json <<<"$output"
    [ "$(jq -r '.damaged[] | .name, .reason, .settle' <<<"$output")" = "v
$claims/v:1: expected \"virt-privileges claims 1\"
virt-priv-chown release --name v --as-is" ]
    run -1 virt-priv-chown status
    [[ $output == *"v  damaged $claims/v"* ]]
}

@test "standard output that cannot be written to: nothing is changed" {
    claimed
    damage newer
    run -1 bash -c 'virt-priv-chown release --name v --as-is >/dev/full'
    [[ $output == *"cannot write to standard output: "*"; nothing was changed"* ]]
    [ "$(journals)" = v ]
}

# What keeps the claim is there at each instant: the damaged journal, or the one that took its place.
@test "killed or refused at any change, it can be done again" {
    local how call n points=0
    for how in signal=KILL error=EIO; do
        for call in linkat fsync,fdatasync renameat,renameat2 fchown,fchownat unlinkat syncfs; do
            for n in 1 2 3 4; do
                rm -rf $claims
                claimed
                damage cut-in-second
                cp $claims/v /mnt/damaged-copy
                strace -f -qq -o /mnt/trace -e trace="$call" -e "inject=$call:$how:when=$n" \
                    virt-priv-chown release --name v --as-is >/mnt/said 2>&1 || true
                rm -f $fs/other
                if grep -qE 'INJECTED|killed' /mnt/trace; then
                    points=$((points + 1))
                    echo "# $how at $call, $n"
                    if [ "$(owner $fs/a)" = qemu:qemu ]; then
                        [ "$(journals)" = v ]
                    fi
                    # As each message says.
                    virt-priv-chown release --name v --as-is || true
                    virt-priv-chown release --name v || true
                fi
                expect a
                [ -z "$(journals)" ]
                cmp /mnt/damaged-copy $claims/.v.damaged
                rm -f $fs/a $fs/b
            done
        done
    done
    echo "$points points"
    [ "$points" -ge 16 ]
}
