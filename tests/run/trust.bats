# What an ACL lets a user write is not root's alone, in what virt-priv-run reads, runs and makes. What is
# refused for it on command lines is in refusals.d (*-acl).
# shellcheck disable=SC2034,SC2054 # start() reads them, and words of QEMU have commas

load host.bash

as_alice() {
    setpriv --reuid alice --regid alice --init-groups "$@"
}

@test "what the mask takes away, what is root's, and directories in a sticky one: no obstacle" {
    local acl n=0
    for acl in "0755 u:alice:rwx,m::r-x" "0755 u:alice:r-x,m::rwx" "0755 u:0:rwx,m::rwx" "0755 g:0:rwx,m::rwx" "1755 u:alice:rwx,m::rwx"; do
        rm -rf "${fs:?}"/*
        make dir root:root "${acl% *}" "$fs/vm"
        setfacl -n -m "${acl#* }" "$fs/vm"
        make dir root:root 0755 "$fs/vm/deeper"
        make kernel root:root 0600 "$fs/vm/deeper/kernel"
        make text= root:root 0600 "$fs/vm/deeper/vm.cfg"
        make guest alice:alice 0600 "$fs/vm/deeper/a.raw"
        run -0 virt-priv-run --check qemu-system-x86_64 -kernel "$fs/vm/deeper/kernel" -readconfig "$fs/vm/deeper/vm.cfg" \
            -drive "file=$fs/vm/deeper/a.raw,format=raw"
        n=$((n + 1))
    done
    [ "$n" = 5 ]
}

@test "--vm: a file with such an ACL, and one that was moved to where it is" {
    local vms=/etc/virt-privileges/vms
    mkdir -p $vms
    echo qemu-system-x86_64 >$vms/other
    cp $vms/other $vms/v.conf
    setfacl -m g:team:rw $vms/v.conf
    run -125 virt-priv-run --check --vm v
    [[ $output == *"$vms/v.conf is not owned by root, or writable by group or others (mode 0664, uid 0)"*": group team may write by its ACL (group:6100:rw-); check its content, then: setfacl -x g:6100 $vms/v.conf"* ]]
    setfacl -x g:6100 $vms/v.conf
    run -0 virt-priv-run --check --vm v
    setfacl -m u:alice:rwx $vms
    as_alice mv -f $vms/other $vms/v.conf
    run -125 virt-priv-run --check --vm v
    [[ $output == *"the directory $vms (mode 0775; user alice may write by its ACL (user:6001:rwx)) is writable by users other than its owner"* ]]
}

@test "the directory of the runtime: its ACL, and that of what is made in it" {
    local runtime=/run/virt-privileges change words
    make guest alice:alice 0600 "$fs/a.raw"
    mkdir $runtime
    before=$(listing "$fs")
    for change in "-m u:alice:rwx" "-m g:team:rwx" "-d -m u:alice:rwx"; do
        # shellcheck disable=SC2086 # words
        setfacl $change $runtime
        run -125 virt-priv-run --name v qemu-system-x86_64 "${machine[@]}" -drive "file=$fs/a.raw,format=raw"
        [[ $output == *"cannot trust the directory $runtime: writable by users other than root: "*"; look into it, then: setfacl -"* ]]
        [ "$(listing "$fs")" = "$before" ]
        # The command that helps.
        read -ra words < <(grep -o 'setfacl -[xk] .*' <<<"$output")
        "${words[@]}"
        [ "$(getfacl -cp $runtime | grep -c alice)" = 0 ]
    done
}

@test "a file of root's that a user may have moved is not emptied for a log" {
    make dir root:root 0755 "$fs/logs"
    make text=old root:root 0600 "$fs/logs/other"
    setfacl -m u:alice:rwx "$fs/logs"
    as_alice mv "$fs/logs/other" "$fs/logs/log"
    run -125 virt-priv-run qemu-system-x86_64 "${machine[@]}" -D "$fs/logs/log"
    [[ $output == *"user alice may write by its ACL (user:6001:rwx)"* ]]
    [ "$(cat "$fs/logs/log") $(stat -c %U "$fs/logs/log")" = "old root" ]
}

# By its name, the socket could come to be where the user has led the name meanwhile.
@test "a socket in a directory that a user may write to is bound below the directory that was judged" {
    make guest alice:alice 0600 "$fs/a.raw"
    make dir root:root 0755 "$fs/plain"
    make dir root:root 0755 "$fs/shared"
    setfacl -m u:alice:rwx "$fs/shared"
    args=(-drive "file=$fs/a.raw,format=raw" -qmp "unix:$fs/plain/qmp,server=on,wait=off" -monitor "unix:$fs/shared/monitor,server=on,wait=off")
    start
    runs
    bound=$(cat "/proc/$pid/net/unix")
    leave
    grep -q " $fs/plain/qmp\$" <<<"$bound"
    grep -q " /proc/self/fd/[0-9]*/monitor\$" <<<"$bound"
}
