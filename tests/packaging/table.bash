# shellcheck shell=bash
# The table at the end of a suite: what became of the host in each situation.

# table_row SITUATION ROOT QEMU.CONF: the root's state as it is now. Account and device
# are what the root itself has of them; tmpfiles applies the modes as at the first boot.
table_row() {
    local account=none device=closed verify name reserved
    if chroot "$all/$2" id qemu >"$all/id" 2>&1; then
        account=$(chroot "$all/$2" id -u qemu):$(chroot "$all/$2" id -g qemu),$(chroot "$all/$2" id -Gn qemu | tr ' ' '\n' | grep -x kvm || echo "not in kvm")
    fi
    device=$(device_mode "$2")
    for name in virt-privileges virt-privileges-libvirt libvirt-daemon-driver-qemu; do
        if rpm_in "$2" -q "$name" >"$all/query" 2>&1; then
            verify+=${verify+; }$(rpm_in "$2" -V --nodeps "$name" | xargs || true)
        fi
    done
    verify=$(sed 's/; *;/;/g; s/^[; ]*//; s/[; ]*$//' <<<"${verify-nothing installed}")
    reserved=$(reservations "$2")
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$account" "$device" "${reserved:-none}" "$3" "${verify:-clean}" >>"$all/table"
}

# reservations ROOT: the ids that /etc/subuid and /etc/subgid have for isolated VMs: "FIRST:COUNT", or of each file.
reservations() {
    local file found=()
    for file in subuid subgid; do
        found+=("$(sed -n 's/^virt-privileges://p' "$all/$1/etc/$file" | paste -sd,)")
    done
    [ "${found[0]}" = "${found[1]}" ] && echo "${found[0]}" || echo "${found[0]-}/${found[1]-}"
}

# device_mode ROOT: of /dev/kvm, had the root been booted.
device_mode() {
    local kvm=$all/$1/dev/kvm state
    mkdir -p "${kvm%/*}"
    [ -e "$kvm" ] || touch "$kvm"
    chmod 0600 "$kvm"
    systemd-tmpfiles --create --root="$all/$1" --prefix=/dev/kvm 2>>"$all/tmpfiles.log" || true
    state=$(stat -c '%a' "$kvm")
    rm "$kvm"
    if compgen -G "$all/$1/usr/lib/udev/rules.d/80-virt-privileges-kvm.rules" >"$all/rules" ||
        compgen -G "$all/$1/usr/local/lib/udev/rules.d/80-virt-privileges-kvm.rules" >"$all/rules"; then
        echo "$state, rule"
    else
        echo "$state, no rule"
    fi
}

print_table() {
    {
        printf '%s\t' situation account /dev/kvm ids qemu.conf 'rpm -V'
        echo
        cat "$all/table"
    } | column -t -s $'\t' | sed 's/^/# /; s/ *$//' >&3
}
