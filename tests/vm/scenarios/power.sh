# Disks are claimed and released without a pause, and the power is lost twenty times: after each,
# a recovery at boot gives every disk back to whoever had it.
# kernel: vm.bare
# rounds: 20
# timeout: 600

owners=/srv/owners
held=/srv/held

phase_prepare() {
    succeeds "dnf installs the package" dnf -y install virt-privileges
    mkdir -p /srv/images
    local i name
    for i in $(seq 20); do
        name=/srv/images/$i.img
        echo "$i" >"$name"
        chown "$((6000 + i % 3)):$((6000 + i % 2))" "$name"
        chmod "06$((i % 4))0" "$name"
    done
    owners_now >$owners
    : >$held
}

owners_now() {
    stat -c '%n %u:%g %a' /srv/images/*
}

phase_round_cut() {
    judge
    again_and_again &
    # Not at the same place each time.
    sleep "0.$((RANDOM % 900 + 100))"
    lose_power
    sleep 60
}

# Two VMs with ten disks each.
again_and_again() {
    while :; do
        virt-priv-chown claim --name one $(printf -- '--disk /srv/images/%d.img ' {1..10})
        virt-priv-chown claim --name two $(printf -- '--disk /srv/images/%d.img ' {11..20})
        virt-priv-chown release --name one
        virt-priv-chown release --name two
    done >/dev/null 2>/run/claims.err
}

# After a loss: what the boot finds, and what the recovery makes of it.
judge() {
    find /var/lib/virt-privileges/claims -type f -name '[a-z]*' 2>/dev/null | wc -l >>$held
    owners_now | diff $owners - >/run/lost
    capture virt-priv-chown recover
    is "$status $(owners_now | diff $owners -)" "0 " "the disks are their owners'"
    is "$(attributes)$(find /var/lib/virt-privileges/claims -type f -name '[a-z]*' 2>/dev/null)" "" \
        "no attribute and no claim is left"
    sync $held
}

attributes() {
    /usr/bin/python3 -c 'import os
for name in sorted(os.listdir("/srv/images")):
    if found := os.listxattr("/srv/images/" + name):
        print(name, *found)'
}

phase_last() {
    judge
    local claims
    claims=$(tail -n +2 $held | grep -cv '^0$')
    is "$([ "$claims" -ge 10 ] && echo yes)" yes "a claim was in flight at 10 losses at least"
    detail "$claims of 20 losses had a claim in flight; the number of claims at each: $(tail -n +2 $held | tr '\n' ' ')"
}
