# What --check says helps is executed, as a shell would, and the next --check finds nothing in the way:
# for each kind of obstacle. And it opens no more than it says: what others could do before, and what
# they can do afterwards, is the same.
# shellcheck disable=SC2034,SC2154 # host.bash reads them, and has them

load host.bash

teardown() {
    chattr -R -i "$fs" 2>/dev/null || true
    ! mountpoint -q /mnt/ro || umount -l /mnt/ro
    end_all
}

# check WORD...: of QEMU's command line, with $own as options of virt-priv-run; sets lines and status.
check() {
    run virt-priv-run "${own[@]}" --check qemu-system-x86_64 -accel tcg -S -display none -nodefaults "$@"
    echo "$output"
}

# follow: executes the commands, behind the last "; " of each line.
follow() {
    local line
    for line in "${lines[@]}"; do
        echo "+ ${line##*; }"
        eval "${line##*; }"
    done
}

may() {
    setpriv --reuid bob --regid bob --clear-groups test "-$1" "$2"
}

# of_others PATH...: what bob may do with each object.
of_others() {
    local path right
    for path in "$@"; do
        for right in r w x; do
            if may $right "$path"; then echo "$path $right"; fi
        done
    done
    return 0
}

# An obstacle: how it is made, what the command line has of it, and what the message has. @ is $fs.
@test "the command that --check prints takes the obstacle away, whatever it is, and lets nobody else in" {
    local made words says n=0 before objects
    while IFS='|' read -r made words says; do
        [ -n "$made" ] || continue
        clean_host
        own=() args=()
        made=${made//@/$fs} words=${words//@/$fs} says=${says//@/$fs}
        echo "== $made"
        eval "$made"
        mapfile -t objects < <(find "$fs")
        before=$(of_others "${objects[@]}")
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 1 ]
        [ -z "$says" ] || [[ $output == *"$says"* ]]
        follow
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 0 ]
        [ -z "$output" ]
        [ "$(of_others "${objects[@]}")" = "$before" ]
        chattr -R -i "$fs" 2>/dev/null || true
        n=$((n + 1))
    done <<'EOT'
mkdir -m 0700 -p @/root/iso; make cd root:root 0600 @/root/iso/a.iso; chmod 0700 @/root|-cdrom @/root/iso/a.iso|let user qemu search @/root, @/root/iso and read @/root/iso/a.iso; setfacl -m u:qemu:x @/root @/root/iso && setfacl -m u:qemu:r @/root/iso/a.iso
make dir root:root 0755 @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr|let user qemu write to @/share; setfacl -m u:qemu:rwx @/share
make dir root:root 0700 @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr|
make dir root:kvm 0760 @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr|
make dir qemu:qemu 0500 @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr|chmod u+w @/share
make dir root:root 0700 @/share; make dir root:root 0700 @/share/in|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr -virtfs local,path=@/share/in,mount_tag=u,security_model=mapped-xattr,readonly=on|
make dir root:root 0700 @/share; setfacl -m u:qemu:r @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr,readonly=on|setfacl -m u:qemu:rx @/share
make dir root:root 0700 @/share; setfacl -m u:qemu:rwx,u:bob:rwx,m::r @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr,readonly=on|
make cd root:root 0640 @/a.iso; setfacl -m u:bob:r,u:qemu:w,g::rw,m::x @/a.iso|-cdrom @/a.iso|
make cd root:root 0600 @/a.iso; chattr +i @/a.iso|-cdrom @/a.iso|and immutable: qemu may not read it; use --disks=pass or --grant-read, or let user qemu read @/a.iso; chattr -i @/a.iso && setfacl -m u:qemu:r @/a.iso && chattr +i @/a.iso
make dir qemu:qemu 0700 @/share; chattr +i @/share|-virtfs local,path=@/share,mount_tag=t,security_model=mapped-xattr|qemu may not write it; chattr -i @/share
make guest root:root 0600 @/a.raw; chattr +i @/a.raw|-drive file=@/a.raw,format=raw|is immutable; chattr -i @/a.raw
make dir root:root 0755 @/images; mkdir -m 0700 "@/images/a b"; make cd root:root 0600 "@/images/a b/c.iso"; ln -s "@/images/a b" @/link|-cdrom @/link/c.iso|
make fifo root:root 0600 @/fifo|-serial file:@/fifo|
make fifo root:root 0600 @/fifo|-kernel @/fifo|
make null root:root 0600 @/null|-serial file:@/null|
make dir root:root 0711 @/pki|-object tls-creds-x509,id=t,dir=@/pki,endpoint=server|let user qemu read @/pki; setfacl -m u:qemu:rx @/pki
make dir root:root 0700 @/s; make socket root:root 0600 @/s/socket|-chardev socket,id=c,path=@/s/socket,reconnect=1|let user qemu search @/s and read and write @/s/socket; setfacl
make guest root:root 0600 @/base.raw; make guest alice:alice 0600 @/b.raw; make guest alice:alice 0640 @/shared.raw|-drive file=@/shared.raw,format=raw,file.locking=off,if=none,id=d -device virtio-blk-pci,drive=d,share-rw=on|
make guest root:root 0600 @/base.raw; qemu-img create -q -f qcow2 -F raw -b @/base.raw @/a.qcow2; chown alice:alice @/a.qcow2; own=(--backing @/base.raw)|-drive file=@/a.qcow2,format=qcow2|use --disks=pass, or let user qemu read @/base.raw; setfacl
make text=memory root:root 0600 @/memory|-object memory-backend-file,id=m,size=4096,mem-path=@/memory,readonly=on|use --grant-read, or
make dir root:root 0700 @/m; make dir qemu:qemu 0755 @/m/dir|-object memory-backend-file,id=m,size=4096,mem-path=@/m/dir|
make dir alice:alice 0755 @/home; make cd alice:alice 0600 @/home/a.iso|-cdrom @/home/a.iso|let user qemu read @/home/a.iso; virt-priv-exec -u alice -- setfacl -m u:qemu:r @/home/a.iso
make dir alice:alice 0700 @/home; make dir alice:alice 0700 @/home/iso; make cd alice:alice 0600 @/home/iso/a.iso|-cdrom @/home/iso/a.iso|setfacl -m u:qemu:x @/home && virt-priv-exec -u alice -- setfacl -m u:qemu:x @/home/iso && virt-priv-exec -u alice -- setfacl -m u:qemu:r @/home/iso/a.iso
make dir alice:alice 0755 @/home; make guest alice:alice 0400 @/home/a.raw|-drive file=@/home/a.raw,format=raw|; virt-priv-exec -u alice -- chmod u+rw @/home/a.raw
make dir alice:alice 0755 @/home|-chardev pipe,id=c,path=@/home/p|; virt-priv-exec -u alice -- mkfifo -m 600 @/home/p.in @/home/p.out && virt-priv-exec -u alice -- setfacl -m u:qemu:rw @/home/p.in @/home/p.out
mkdir -p @/vars; truncate -s 4096 @/vars/OVMF_CODE_4M.secboot.fd @/vars/OVMF_VARS_4M.fd; make dir alice:alice 0755 @/home|-drive if=pflash,format=raw,readonly=on,file=@/vars/OVMF_CODE_4M.secboot.fd -drive if=pflash,format=raw,file=@/home/nvram/vm.fd|; virt-priv-exec -u alice -- mkdir -p @/home/nvram && virt-priv-exec -u alice -- cp @/vars/OVMF_VARS_4M.fd @/home/nvram/vm.fd
mkdir -p @/vars; truncate -s 4096 @/vars/OVMF_CODE_4M.secboot.fd @/vars/OVMF_VARS_4M.fd|-drive if=pflash,format=raw,readonly=on,file=@/vars/OVMF_CODE_4M.secboot.fd -drive if=pflash,format=raw,file=@/nvram/vm.fd|copy the template of the firmware; mkdir -p @/nvram && cp @/vars/OVMF_VARS_4M.fd @/nvram/vm.fd
EOT
    [ "$n" -eq 28 ]
}

# The user leads the path to a file of root's between the message and the command. @ is $fs.
@test "a command that is executed later does nothing to a file that a user has led it to" {
    local made words n=0 before
    while IFS='|' read -r made words; do
        clean_host
        own=() made=${made//@/$fs} words=${words//@/$fs}
        echo "== $made"
        make dir alice:alice 0755 "$fs/home"
        make dir alice:alice 0755 "$fs/home/vms"
        make dir root:root 0755 "$fs/roots"
        make guest root:root 0400 "$fs/roots/a"
        eval "$made"
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 1 ]
        setpriv --reuid alice --regid alice --clear-groups sh -c 'mv "$1/home/vms" "$1/home/old" && ln -s "$1/roots" "$1/home/vms"' - "$fs"
        before=$(listing "$fs/roots")
        (follow) || true
        [ "$(listing "$fs/roots")" = "$before" ]
        chattr -R -i "$fs" 2>/dev/null || true
        n=$((n + 1))
    done <<'EOT'
make cd alice:alice 0600 @/home/vms/a|-cdrom @/home/vms/a
make guest alice:alice 0400 @/home/vms/a|-drive file=@/home/vms/a,format=raw
make guest root:root 0644 @/home/vms/a|-drive file=@/home/vms/a,format=raw
make guest alice:alice 0600 @/home/vms/a; chattr +i @/home/vms/a|-drive file=@/home/vms/a,format=raw
make fifo alice:alice 0600 @/home/vms/a|-serial file:@/home/vms/a
make fifo alice:alice 0600 @/home/vms/a.in|-chardev pipe,id=c,path=@/home/vms/a
make socket root:root 0600 @/home/vms/a|-chardev socket,id=c,path=@/home/vms/a
EOT
    [ "$n" -eq 7 ]
}

# An object whose path a user may have chosen: how it is made, the command line, and how the message ends.
@test "what root may have been led to is explained, and no command is named" {
    local made words ends n=0
    while IFS='|' read -r made words ends; do
        clean_host
        own=() made=${made//@/$fs} words=${words//@/$fs} ends=${ends//@/$fs}
        echo "== $made"
        make dir alice:alice 0755 "$fs/home"
        make cd root:root 0600 "$fs/a"
        eval "$made"
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 1 ]
        [[ $output == *"$ends" ]]
        [[ $output != *setfacl* ]]
        [[ $output != *ch[mo][od]*" $fs"* ]]
        n=$((n + 1))
    done <<'EOT'
make guest root:root 0644 @/home/a|-drive file=@/home/a,format=raw|, who can replace it; move it to a directory of its owner or of root, such as /var/lib/libvirt/images
make guest root:root 0644 @/home/a; own=(--disks=pass)|-drive file=@/home/a,format=raw|, such as /var/lib/libvirt/images
make cd root:root 0600 @/home/a|-cdrom @/home/a|who can replace it; move it to a directory of its owner or of root
make cd root:root 0600 @/home/a|-kernel @/home/a|who can replace it; move it to a directory of its owner or of root
ln -s @/a @/home/l; chown -h alice:alice @/home/l|-cdrom @/home/l|name the file itself
make dir root:root 0700 @/c; make cd alice:alice 0644 @/c/a; ln -s @/c/a @/home/l; chown -h alice:alice @/home/l|-cdrom @/home/l|@/c was reached through a symbolic link of uid 6001, who does not own it
make socket root:root 0600 @/home/s|-chardev socket,id=c,path=@/home/s|who can replace it; move it to a directory of its owner or of root
make fifo root:root 0600 @/home/p.in|-chardev pipe,id=c,path=@/home/p|who can replace it; move it to a directory of its owner or of root
mkdir -p @/vars; truncate -s 4096 @/vars/OVMF_CODE_4M.secboot.fd @/vars/OVMF_VARS_4M.fd; ln -s @/home/vm.fd @/vm.fd|-drive if=pflash,format=raw,readonly=on,file=@/vars/OVMF_CODE_4M.secboot.fd -drive if=pflash,format=raw,file=@/vm.fd|copy the template of the firmware there: OVMF_VARS*.fd of the package ovmf, or edk2-ovmf
make text=memory root:root 0600 @/p.in|-chardev pipe,id=c,path=@/p|there is no named pipe @/p.out, and no @/p; @/p.in is not a named pipe
EOT
    [ "$n" -eq 10 ]
}

@test "a file system that is mounted read-only is named, and its mount" {
    mkdir -p /mnt/ro
    mount -t tmpfs -o mode=0755 tmpfs /mnt/ro
    make dir root:root 0755 /mnt/ro/share
    make guest alice:alice 0600 /mnt/ro/a.raw
    local words
    for words in "-virtfs local,path=/mnt/ro/share,mount_tag=t,security_model=mapped-xattr" "-drive file=/mnt/ro/a.raw,format=raw"; do
        mount -o remount,ro /mnt/ro
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 1 ]
        [[ $output == *"mounted read-only"*"mount -o remount,rw /mnt/ro"* ]]
        follow
        # shellcheck disable=SC2086
        check $words
        [ "$status" -eq 0 ]
    done
}

@test "an id that is lent: what works for it is named, and only what the VM sees counts" {
    make dir root:root 0700 "$fs/closed"
    make cd root:root 0600 "$fs/closed/a.iso"
    own=(--isolate=full)
    check -cdrom "$fs/closed/a.iso"
    [[ $output == *"use --disks=pass or --grant-read, or let every user read $fs/closed/a.iso; chmod o+r $fs/closed/a.iso" ]]
    [[ $output != *"may not search"* ]]
    follow
    check -cdrom "$fs/closed/a.iso"
    [ "$status" -eq 0 ]
    own=(--isolate=user)
    check -cdrom "$fs/closed/a.iso"
    [[ $output == *"let every user search $fs/closed; chmod o+x $fs/closed" ]]
    check -virtfs "local,path=$fs/closed,mount_tag=t,security_model=mapped-xattr"
    [[ $output == *"has that id only while it runs, so run it without --isolate, or let every user"* ]]
    follow
    check -virtfs "local,path=$fs/closed,mount_tag=t,security_model=mapped-xattr"
    [ "$status" -eq 0 ]
}

@test "named pipes for an id that is lent: that every user can open them is said" {
    own=(--isolate=user)
    check -chardev "pipe,id=c,path=$fs/p"
    [[ $output == *"; let every user read and write $fs/p.in and $fs/p.out; mkfifo -m 666 $fs/p.in $fs/p.out" ]]
    follow
    check -chardev "pipe,id=c,path=$fs/p"
    [ "$status" -eq 0 ]
    rm "$fs/p.out"
    chmod 0600 "$fs/p.in"
    check -chardev "pipe,id=c,path=$fs/p"
    [[ $output == *"; mkfifo -m 666 $fs/p.out && chmod o+rw $fs/p.in" ]]
    follow
    check -chardev "pipe,id=c,path=$fs/p"
    [ "$status" -eq 0 ]
    [ "$(stat -c %a "$fs/p.in" "$fs/p.out" | xargs)" = "606 666" ]
}

@test "--grant-read: an ACL entry for as long as QEMU runs, in every isolation" {
    local how
    make dir root:root 0700 "$fs/closed"
    make cd root:root 0600 "$fs/closed/a.iso"
    make guest root:root 0600 "$fs/a.raw"
    for how in none user full; do
        listing "$fs" >"$BATS_TEST_TMPDIR/acl"
        own=("--isolate=$how" --grant-read)
        args=(-name "grant-$how" -drive "file=$fs/a.raw,format=raw" -drive "file=$fs/closed/a.iso,media=cdrom,readonly=on,if=none,id=c,format=raw")
        check "${args[@]}"
        [ "$status" -eq 0 ]
        start
        runs
        [[ $(getfacl -cnp "$fs/closed/a.iso") == *"user:$(stat -c %u "/proc/$pid"):r--"* ]]
        leave
        [ "$status" -eq 33 ]
        getfacl -cp "$fs/closed/a.iso" "$fs/closed"
        run ! grep -q "posix_acl" <(listing "$fs")
        nothing_left
    done
}

@test "memory that is shared and that the QEMU user may use stays its owner's" {
    make guest root:root 0600 "$fs/a.raw"
    mkdir -m 1777 "$fs/shm"
    truncate -s 1M "$fs/shm/frames"
    chown alice:kvm "$fs/shm/frames"
    chmod 0660 "$fs/shm/frames"
    local memory=memory-backend-file,id=f,size=1M,mem-path=$fs/shm/frames
    check -object "$memory,share=on"
    [ "$status" -eq 0 ]
    # Nobody else sees what is not shared, and so it is to be the VM's.
    check -object "$memory"
    [ "$status" -eq 1 ]
    # Where root would mount it, it must be what was meant.
    own=(--isolate=full)
    chmod 0666 "$fs/shm/frames"
    check -object "$memory,share=on"
    [ "$status" -eq 1 ]
    own=()
    chmod 0755 "$fs/shm"
    args=(-name frames -drive "file=$fs/a.raw,format=raw" -object "$memory,share=on" -device "ivshmem-plain,memdev=f")
    start
    runs
    [ "$(stat -c %U:%G:%a "$fs/shm/frames")" = alice:kvm:666 ]
    leave
    [ "$status" -eq 33 ]
}

@test "variables of firmware in /tmp, and without a template" {
    mkdir -m 1777 "$fs/tmp"
    truncate -s 4096 "$fs/tmp/vars.fd"
    mkdir -p /var/lib/libvirt/images
    for disks in claim pass; do
        own=("--disks=$disks")
        check -drive "if=pflash,format=raw,unit=1,file=$fs/tmp/vars.fd"
        [ "$status" -eq 1 ]
        [[ $output == *", or create it there, and name that; mv -i $fs/tmp/vars.fd /var/lib/libvirt/images/" ]]
    done
    own=()
    follow
    check -drive if=pflash,format=raw,unit=1,file=/var/lib/libvirt/images/vars.fd
    [ "$status" -eq 0 ]
    rm /var/lib/libvirt/images/vars.fd
    check -drive "if=pflash,format=raw,unit=1,file=$fs/none/vars.fd"
    [[ $output == *"copy the template of the firmware"* ]]
    # What has two names could be anybody's.
    mkdir "$fs/alices"
    make guest root:root 0644 "$fs/alices/a.raw"
    ln "$fs/alices/a.raw" "$fs/other"
    chown alice:alice "$fs/alices"
    check -drive "file=$fs/alices/a.raw,format=raw"
    [[ $output == *"is owned by root, but the directory"* && $output != *chown* ]]
}
