# What is claimed, and comes back as it was.

load chown.bash

@test "writable disks go to the QEMU user and come back; the others stay" {
    disk $fs/a alice:alice 0640
    disk $fs/b bob:team 0600
    disk $fs/base root:root 0644
    disk $fs/shared qemu:qemu 0660
    before=$(state $fs/*)
    run -0 virt-priv-chown claim --name vm1 --disk $fs/a --disk $fs/b --disk $fs/base,readonly --disk $fs/shared,shared
    [ "$(owner $fs/a) $(owner $fs/b)" = "qemu:qemu qemu:qemu" ]
    [ "$(owner $fs/base) $(owner $fs/shared)" = "root:root qemu:qemu" ]
    [ "$(remembered $fs/a)" = "+6001:+6001 1" ]
    [ -z "$(remembered $fs/base)$(remembered $fs/shared)" ]
    [ "$(journals)" = vm1 ]
    run -0 virt-priv-chown release --name vm1
    [ "$(state $fs/*)" = "$before" ]
    [ -z "$(journals)" ]
}

@test "a domain XML: only what is writable and exclusive" {
    for name in system cd base shared transient vars kernel none; do disk $fs/$name root:root 0644; done
    cat >/mnt/vm.xml <<XML
<domain type='kvm'><name>xml-vm</name>
 <os><type>hvm</type><kernel>$fs/kernel</kernel><nvram>$fs/vars</nvram></os>
 <devices>
  <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$fs/system'/><target dev='vda'/>
   <backingStore type='file'><format type='raw'/><source file='$fs/base'/></backingStore></disk>
  <disk type='file' device='cdrom'><source file='$fs/cd'/><target dev='sda'/></disk>
  <disk type='file' device='disk'><source file='$fs/transient'/><target dev='vdb'/><transient/></disk>
  <disk type='file' device='disk'><source file='$fs/none'><seclabel model='dac' relabel='no'/></source><target dev='vdc'/><readonly/></disk>
  <disk type='network' device='disk'><source protocol='nbd' name='x'/><target dev='vdd'/></disk>
 </devices></domain>
XML
    before=$(state $fs/*)
    run -0 virt-priv-chown claim --domain - </mnt/vm.xml
    [[ $output == *"leave   - (disk vdd: "* ]]
    [ "$(find $fs -user qemu -printf '%f\n' | sort | xargs)" = "system vars" ]
    [ "$(journals)" = xml-vm ]
    run -0 virt-priv-chown release --name xml-vm
    [ "$(state $fs/*)" = "$before" ]
}

@test "a disk that cannot be changed: all of that call is undone, and what was claimed before stays" {
    for name in first second fixed; do disk $fs/$name alice:alice 0640; done
    run -0 virt-priv-chown claim --name vm1 --disk $fs/first
    before=$(state $fs/*)
    chattr +i $fs/fixed
    run virt-priv-chown add --name vm1 --disk $fs/second --disk $fs/fixed
    chattr -i $fs/fixed
    [ "$status" -eq 1 ]
    echo "$output"
    [[ $output == *"$fs/fixed is immutable; chattr -i $fs/fixed"*"nothing was changed"* ]]
    [ "$(state $fs/*)" = "$before" ]
    # Where only the change itself tells: by an error of the disk, and by a server that lets nobody change owners.
    for error in EIO EPERM; do
        run -1 strace -o /dev/null -P $fs/fixed -e trace=fchown,fchownat -e inject=fchown,fchownat:error=$error \
            virt-priv-chown add --name vm1 --disk $fs/second --disk $fs/fixed
        echo "$output"
        [[ $output == *"$fs/fixed cannot be claimed: "*"all changes were undone"* ]]
        [ "$(state $fs/*)" = "$before" ]
    done
    [ "$(owner $fs/first) $(journals)" = "qemu:qemu vm1" ]
    run -0 virt-priv-chown release --name vm1
    [ "$(owner $fs/first) $(journals)" = "alice:alice " ]
}

@test "own labels of disks and of the domain" {
    disk $fs/a root:root 0600
    disk $fs/b root:root 0600
    disk $fs/c root:root 0600
    domain() {
        echo "<domain><name>v</name><seclabel type='static' model='dac' relabel='yes'><label>alice:team</label></seclabel><devices>
<disk type='file'><source file='$fs/a'/><target dev='vda'/></disk>
<disk type='file'><source file='$fs/b'><seclabel model='dac'><label>$1</label></seclabel></source><target dev='vdb'/></disk>
</devices></domain>"
    }
    domain +6002:+6100 | run -0 virt-priv-chown claim --domain -
    [ "$(owner $fs/a) $(owner $fs/b)" = "alice:team bob:team" ]
    run -0 virt-priv-chown release --name v
    for label in nobody-at-all:team bob :bob bob:; do
        run -2 virt-priv-chown claim --domain - <<<"$(domain "$label")"
        [ "$(owner $fs/a) $(owner $fs/b)" = "root:root root:root" ]
        [ -z "$(journals)" ]
    done
}

@test "a block device by its node, whose owner comes back" {
    truncate -s 1M $fs/image
    loop=$(losetup -f --show $fs/image)
    mknod -m 0660 $fs/node b "$(stat -c '0x%t' $loop)" "$(stat -c '0x%T' $loop)"
    chgrp disk $fs/node
    before=$(state $fs/node)
    run -0 virt-priv-chown claim --name b --disk $fs/node
    status_=$(owner $fs/node)
    run -0 virt-priv-chown release --name b
    losetup -d "$loop"
    [ "$status_" = qemu:qemu ]
    [ "$(state $fs/node)" = "$before" ]
}

@test "one disk of a VM that cannot be claimed: nothing is changed, and each obstacle is named" {
    disk $fs/a root:root 0600
    disk $fs/linked root:root 0600
    ln $fs/linked $fs/second
    disk $fs/setid root:root 04755
    mkfifo $fs/fifo
    before=$(state $fs/*)
    run -1 virt-priv-chown claim --name v --disk $fs/a --disk $fs/linked --disk $fs/setid --disk $fs/fifo \
        --disk $fs --disk /dev/null --disk $fs/missing
    for word in "hard links" "set-user-ID" "neither a regular file" "$fs/missing: No such file"; do
        [[ $output == *"$word"* ]] || { echo "no word of: $word" && return 1; }
    done
    [ "$(state $fs/*)" = "$before" ]
    [ -z "$(journals)" ]
}

@test "an exclusive disk that another VM holds is refused with the holder's name" {
    disk $fs/a alice:alice 0600
    run -0 virt-priv-chown claim --name first --disk $fs/a
    run -1 virt-priv-chown claim --name second --disk $fs/a
    [[ $output == *"claimed by VM 'first'"* ]]
    [ "$(remembered $fs/a)" = "+6001:+6001 1" ]
    run -1 virt-priv-chown claim --name first --disk $fs/a
    [[ $output == *"already has a claim"* ]]
    run -0 virt-priv-chown release --name first
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "add and drop" {
    disk $fs/a alice:alice 0600
    disk $fs/b bob:bob 0600
    before=$(state $fs/*)
    run -1 virt-priv-chown add --name v --disk $fs/b
    run -0 virt-priv-chown claim --name v --disk $fs/a
    run -0 virt-priv-chown add --name v --disk $fs/b
    [ "$(owner $fs/b)" = qemu:qemu ]
    run -1 virt-priv-chown add --name v --disk $fs/missing
    [ "$(owner $fs/a) $(owner $fs/b)" = "qemu:qemu qemu:qemu" ]
    run -0 virt-priv-chown drop --name v --disk $fs/b
    [ "$(owner $fs/a) $(owner $fs/b)" = "qemu:qemu bob:bob" ]
    run -1 virt-priv-chown drop --name v --disk $fs/b
    run -0 virt-priv-chown release --name v
    [ "$(state $fs/*)" = "$before" ]
}

@test "a VM without anything to claim has a claim too, and one that ended is not released twice" {
    disk $fs/base root:root 0644
    run -0 virt-priv-chown claim --name v --disk $fs/base,readonly
    [ "$(journals)" = v ]
    disk $fs/a alice:alice 0600
    run -0 virt-priv-chown add --name v --disk $fs/a
    run -0 virt-priv-chown drop --name v --disk $fs/a
    [ "$(owner $fs/a) $(journals)" = "alice:alice v" ]
    run -0 virt-priv-chown release --name v
    run -1 virt-priv-chown release --name v
    [[ $output == *"has no claim"* ]]
}

@test "a dry run changes nothing and lists everything" {
    disk $fs/a alice:alice 0600
    before=$(state $fs/*)
    run -0 virt-priv-chown claim --name v --dry-run --disk $fs/a
    [ "$(state $fs/*)" = "$before" ]
    [ -z "$(journals)" ]
    run -1 virt-priv-chown claim --name v --dry-run --disk $fs/a --disk $fs/missing
    [ "$(grep -c "$fs/" <<<"$(grep -E '^(claim|refuse)' <<<"$output")")" = 2 ]
}

@test "settings: another user, root, no dynamic ownership, no remembering" {
    disk $fs/a alice:alice 0600
    conf() {
        printf '%s\n' "$@" >/etc/libvirt/qemu.conf
        chmod 0600 /etc/libvirt/qemu.conf
    }
    conf 'user = "bob"' 'group = "team"'
    run -0 virt-priv-chown claim --name v --disk $fs/a
    [ "$(owner $fs/a)" = bob:team ]
    run -0 virt-priv-chown release --name v
    conf 'remember_owner = 0'
    run -0 virt-priv-chown claim --name v --disk $fs/a
    [ "$(owner $fs/a):$(remembered $fs/a)" = qemu:qemu: ]
    run -0 virt-priv-chown release --name v
    [ "$(owner $fs/a)" = alice:alice ]
    conf 'dynamic_ownership = 0'
    run -1 virt-priv-chown claim --name v --disk $fs/a
    [[ $output == *"qemu may not read or write it"* ]]
    conf 'user = "nobody-at-all"'
    run -2 virt-priv-chown claim --name v --disk $fs/a
    conf 'user = '
    run -2 virt-priv-chown claim --name v --disk $fs/a
    [[ $output == *"/etc/libvirt/qemu.conf:1:"* ]]
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "names of VMs" {
    disk $fs/a alice:alice 0600
    for name in "" . .. a/b -x "a b" "$(printf 'x%.0s' {1..65})" $'a\nb'; do
        run -2 virt-priv-chown claim "--name=$name" --disk $fs/a
    done
    for name in a _a.b-c "$(printf 'x%.0s' {1..64})"; do
        run -0 virt-priv-chown claim --name "$name" --disk $fs/a
        run -0 virt-priv-chown release --name "$name"
    done
    run -2 virt-priv-chown claim --disk $fs/a
    run -2 virt-priv-chown claim --name v
    run -2 virt-priv-chown frobnicate
    run -2 setpriv --reuid alice --regid alice --clear-groups virt-priv-chown claim --name v --disk $fs/a
    [ "$(owner $fs/a)" = alice:alice ]
}

@test "hostile file names are journalled and found again" {
    name=$fs/$'x\n\\ \xff\x01 end 1:2,comma'
    disk "$name" alice:alice 0600
    before=$(state "$name")
    run -0 virt-priv-chown claim --name v --disk "${name//,/,,}"
    [ "$(owner "$name")" = qemu:qemu ]
    [ "$(grep -c '^path ' /var/lib/virt-privileges/claims/v)" = 1 ]
    run -0 virt-priv-chown release --name v
    [ "$(state "$name")" = "$before" ]
}

@test "what status shows is pasted into drop, commas and all" {
    local name shown
    disk "$fs/a" alice:alice 0600
    for name in "a,b" "a,,b" "a,readonly" "it's a,b" ","; do
        disk "$fs/$name" alice:alice 0600
        run -0 virt-priv-chown claim --name v --disk "$fs/a" --disk "$fs/${name//,/,,}"
        shown=$(virt-priv-chown status | grep -o "[^ ]*$fs/.*,.*")
        echo "$name is shown as $shown"
        eval "run -0 virt-priv-chown drop --name v --disk $shown"
        [ "$(owner "$fs/$name")" = alice:alice ]
        [ "$(owner "$fs/a")" = qemu:qemu ]
        # And as it was claimed.
        run -0 virt-priv-chown add --name v --disk "$fs/${name//,/,,}"
        run -0 virt-priv-chown drop --name v --disk "$fs/${name//,/,,}"
        [ "$(owner "$fs/$name")" = alice:alice ]
        run -0 virt-priv-chown release --name v
    done
}

# The headers of images are what a guest can write.
@test "paths in image headers are nothing to this tool" {
    chmod 0600 /etc/shadow
    shadow=$(state /etc/shadow)
    disk $fs/data root:root 0600
    qemu-img create -q -f qcow2 $fs/plain 1M
    qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw $fs/backing 1M
    qemu-img create -q -f qcow2 -u -b 'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/shadow"}}' -F raw $fs/json 1M
    qemu-img create -q -f qcow2 -o data_file=$fs/data,data_file_raw=on $fs/external 1M
    # The data file that the header names: the same length, another name.
    sed -i "s,$fs/data,/etc/shadow,;" $fs/external
    printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/shadow" 0\n' >$fs/vmdk
    for image in backing json external vmdk; do
        for option in "" --grant-read; do
            run -0 env ASAN_OPTIONS=detect_leaks=0 strace -f -o /mnt/trace virt-priv-chown claim --name v $option --disk $fs/$image --disk $fs/plain,readonly
            [[ $output != *shadow* ]]
            run ! grep -F shadow /mnt/trace
            [ "$(state /etc/shadow)" = "$shadow" ]
            run ! grep -F shadow /var/lib/virt-privileges/claims/v
            run -0 virt-priv-chown release --name v
        done
    done
    # Named by somebody who may, it is checked, and granted.
    chmod 0600 $fs/data
    run -1 virt-priv-chown claim --name v --disk $fs/external --disk $fs/data,readonly
    [[ $output == *"qemu may not read it"* ]]
    run -0 virt-priv-chown claim --name v --grant-read --disk $fs/external --disk $fs/data,readonly
    setpriv --reuid qemu --regid qemu --init-groups cat $fs/data
    run -0 virt-priv-chown release --name v
    ! setpriv --reuid qemu --regid qemu --init-groups cat $fs/data
}

@test "what ends a command without what was asked for is an error, not a warning" {
    local command
    disk $fs/a alice:alice 0640
    disk $fs/b alice:alice 0640
    ln $fs/b $fs/linked
    run -0 virt-priv-chown claim --name v --disk $fs/a
    setpriv --reuid qemu --regid qemu --init-groups sleep 600 <$fs/a 3>&- &
    user=$!
    is $user sleep
    while read -r command; do
        # shellcheck disable=SC2086 # several words
        run virt-priv-chown $command
        [ "$status" -eq 1 ] && [ ${#lines[@]} -gt 0 ] && [[ $output != *"warning:"* ]] || { echo "$command: $status: $output" && return 1; }
    done <<COMMANDS
claim --name w --disk $fs/b
claim --name w --disk $fs/a
claim --name w --disk $fs/nothing
release --name v
drop --name v --disk $fs/a
drop --name v --disk $fs/b
status $fs/nothing
COMMANDS
    kill $user
}
