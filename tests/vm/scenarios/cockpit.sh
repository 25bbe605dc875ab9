# The page for Cockpit on a running machine, behind the login that users have: what the page runs is run through the
# session of an administrator, and of a user who may become nobody else.
# from: installed
# timeout: 900

export SECRET=correct-horse
unit=virt-priv-vm@web.service

phase_cockpit() {
    systemd-tmpfiles --create virt-privileges.conf
    succeeds "dnf installs the page" dnf -y install virt-privileges-cockpit
    useradd -m -G sudo -s /bin/bash boss
    printf '%s:%s\n' boss "$SECRET" alice "$SECRET" | chpasswd
    succeeds "Cockpit listens" systemctl start cockpit.socket
    the_page_is_served
    there_are_a_vm_and_a_claim
    a_user_may_do_nothing
    an_administrator_may
}

cockpit() {
    /run/vm/cockpit "$@"
}

the_page_is_served() {
    local file
    capture cockpit boss:wrong get virt-privileges/index.html
    is "$status" 22 "a wrong password is refused" || detail "$output"
    for file in /usr/share/cockpit/virt-privileges/{index.html,page.css,page.js}; do
        capture diff <(cockpit boss get "virt-privileges/${file##*/}" 2>/run/policy) "$file"
        is "$status:$output" 0: "${file##*/} is served"
    done
    cockpit boss get virt-privileges/index.html >/dev/null 2>/run/policy
    is "$(grep -c "default-src 'self'" /run/policy)" 1 "... under a policy that lets nothing else in" || detail "$(cat /run/policy)"
    capture cockpit boss get manifests.json
    is "$(grep -o '"label": *"VM privileges"' <<<"$output" | grep -c .)" 1 "the menu has the page" || detail "$output"
}

# owner FILE
owner() {
    stat -c '%u:%g' "$1"
}

there_are_a_vm_and_a_claim() {
    local holder
    # Its guest has no ear for a power button: not a minute of it.
    mkdir -p /run/systemd/system/virt-priv-vm@.service.d
    printf '%s\n' '[Service]' ExecStop= 'ExecStop=-/usr/bin/virt-priv-run --stop %i --timeout 2' \
        >/run/systemd/system/virt-priv-vm@.service.d/short.conf
    systemctl daemon-reload
    truncate -s 1M /srv/web.raw /srv/left.raw
    chmod 0600 /srv/web.raw /srv/left.raw
    printf '%s\n' qemu-system-x86_64 -accel tcg -S -m 16 -nodefaults -no-user-config -display none \
        -drive file=/srv/web.raw,format=raw >/etc/virt-privileges/vms/web.conf
    succeeds "a VM starts" systemctl start $unit
    sleep 600 3>&- &
    holder=$!
    succeeds "a file is claimed" virt-priv-chown claim --name left --disk /srv/left.raw --pid $holder
    kill $holder
    wait $holder
    is "$([ "$(owner /srv/web.raw)" != 0:0 ] && [ "$(owner /srv/left.raw)" != 0:0 ] && echo both)" both "both have another owner"
}

a_user_may_do_nothing() {
    capture cockpit alice read list
    is "$([ "$status" -ne 0 ] && grep -o 'must be run as root' <<<"$output")" "must be run as root" "a user is not told of VMs" ||
        detail "$output"
    capture cockpit alice act stop $unit
    is "$([ "$status" -ne 0 ] && systemctl is-active $unit)" active "... stops none" || detail "$output"
    capture cockpit alice act release left
    is "$([ "$status" -ne 0 ] && [ "$(owner /srv/left.raw)" != 0:0 ] && echo held)" held "... and releases nothing" || detail "$output"
}

an_administrator_may() {
    local document
    for document in audit list status settings; do
        capture cockpit boss read $document
        # Findings are an exit status.
        is "$([ "$status" -le 1 ] && grep -c '"version": 1' <<<"$output")" 1 "an administrator reads $document" || detail "$output"
    done
    capture cockpit boss read list
    is "$(grep -o "\"unit\": \"$unit\"" <<<"$output")" "\"unit\": \"$unit\"" "the VM is there, and its unit"
    succeeds "the claim is released" cockpit boss act release left
    is "$(owner /srv/left.raw)" 0:0 "... and the file is root's"
    succeeds "the unit is stopped" cockpit boss act stop $unit
    is "$(systemctl is-active $unit) $(owner /srv/web.raw)" "inactive 0:0" "... and its disk is root's" ||
        detail "$(systemctl status $unit)"
}
