# The page for Cockpit on a running machine, behind the login that users have: in a browser, as an administrator and as a user
# who may become nobody else; and what that user's session refuses, whatever a page asks for.
# from: installed
# beside: 9090 tests/cockpit/with-browser node tests/cockpit/machine.mjs correct-horse
# timeout: 900

export SECRET=correct-horse
machine=(-accel tcg -S -m 16 -nodefaults -no-user-config -display none)

phase_cockpit() {
    systemd-tmpfiles --create virt-privileges.conf
    succeeds "dnf installs the page" dnf -y install virt-privileges-cockpit
    useradd -m -G sudo -s /bin/bash boss
    printf '%s:%s\n' boss "$SECRET" alice "$SECRET" | chpasswd
    # It waits 30 s for PAM and the bridge, which is not enough where an emulated machine is busy.
    printf '[%s]\ntimeout = 600\n' basic Basic >/etc/cockpit/cockpit.conf
    succeeds "Cockpit listens" systemctl start cockpit.socket
    the_page_is_served
    there_are_vms_and_a_claim
    a_user_may_do_nothing
    an_administrator_releases_and_stops
}

cockpit() {
    /run/vm/cockpit "$@"
}

the_page_is_served() {
    local file
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

# unit NAME WORD...: a VM of a file, with a disk of its own; the words come first in the file.
unit() {
    printf '%s\n' "${@:2}" qemu-system-x86_64 "${machine[@]}" -drive "file=/srv/$1.raw,format=raw" >"/etc/virt-privileges/vms/$1.conf"
    succeeds "the VM $1 starts" systemctl start "virt-priv-vm@$1.service"
}

is_listed() {
    virt-priv-run --list | grep -E "^$1 +$2 "
}

is_audited() {
    virt-priv-audit | grep -E "^ *$1 "
}

# One that has all isolation, one without, one whose virt-priv-run was killed, one of root's, and a claim whose process
# has ended.
there_are_vms_and_a_claim() {
    local pid
    # Its guest has no ear for a power button: not a minute of it.
    mkdir -p /run/systemd/system/virt-priv-vm@.service.d
    printf '%s\n' '[Service]' ExecStop= 'ExecStop=-/usr/bin/virt-priv-run --stop %i --timeout 2' \
        >/run/systemd/system/virt-priv-vm@.service.d/short.conf
    systemctl daemon-reload
    virt-priv-conf set user qemu
    virt-priv-conf set group qemu
    truncate -s 1M /srv/{web,db,lost,left}.raw
    chmod 0600 /srv/*.raw
    unit web
    unit db --isolate=none
    virt-priv-run --name lost qemu-system-x86_64 "${machine[@]}" -drive file=/srv/lost.raw,format=raw 3>&- &
    pid=$!
    within 120 "the VM lost starts" is_listed lost running
    kill -s KILL $pid
    wait $pid
    sleep 600 3>&- &
    pid=$!
    succeeds "a file is claimed" virt-priv-chown claim --name left --disk /srv/left.raw --pid $pid
    kill $pid
    wait $pid
    qemu-system-x86_64 -name legacy "${machine[@]}" 3>&- &
    legacy=$!
    within 60 "a VM of root's is seen" is_audited legacy
    is "$(stat -c %u /srv/{web,db,lost,left}.raw | grep -vc '^0$')" 4 "all disks have another owner"
}

a_user_may_do_nothing() {
    capture cockpit alice read list
    is "$([ "$status" -ne 0 ] && grep -o 'must be run as root' <<<"$output")" "must be run as root" "a user is not told of VMs" ||
        detail "$output"
    capture cockpit alice act stop virt-priv-vm@web.service
    is "$([ "$status" -ne 0 ] && systemctl is-active virt-priv-vm@web.service)" active "... stops none" || detail "$output"
    capture cockpit alice act release left
    is "$([ "$status" -ne 0 ] && [ "$(owner /srv/left.raw)" != 0:0 ] && echo held)" held "... and releases nothing" || detail "$output"
}

# In the browser; what of it is there afterwards. Pictures are in build/vm/cockpit.
an_administrator_releases_and_stops() {
    beside 600 || return 0
    is "$(owner /srv/left.raw)" 0:0 "the file of the claim that was released is root's"
    is "$(systemctl is-active virt-priv-vm@web.service) $(owner /srv/web.raw)" "inactive 0:0" \
        "the unit that was stopped is inactive, and its disk root's" || detail "$(systemctl status virt-priv-vm@web.service)"
    is "$(systemctl is-active virt-priv-vm@db.service) $([ "$(owner /srv/db.raw)" != 0:0 ] && echo held)" "active held" "the other one runs"
    is "$(stat -c %u /proc/"$legacy") $(is_listed lost orphaned | grep -c .)" "0 1" "... and so do those without a unit"
}
