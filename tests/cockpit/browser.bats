# The page in a real browser, in a Cockpit without systemd and without a login, on a network with nothing but loopback.
# Pictures of its states are kept in build/cockpit. VP_PAGES: names of those that are run, by hand.
# shellcheck disable=SC2154 # run's variables

bats_require_minimum_version 1.5.0

# eventually COMMAND...: succeeds within two minutes.
eventually() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { echo "never: $*" && return 1; }
        sleep 0.1
    done
}

# why_not: what is not here, if something is.
why_not() {
    command -v cockpit-bridge >/dev/null || { echo "there is no cockpit-bridge here" && return; }
    [ -n "$ws" ] || { echo "there is no cockpit-ws here" && return; }
    tests/cockpit/with-browser true >"$BATS_FILE_TMPDIR/said" 2>&1 || tail -n 1 "$BATS_FILE_TMPDIR/said"
}

# start_vm NAME OPTION...: a VM of virt-priv-run with a disk of its own, whose processor does not run.
start_vm() {
    truncate -s 1M "/srv/vm/$1.raw"
    virt-priv-run --name "$@" qemu-system-x86_64 -name "$1" "${machine[@]}" -drive "file=/srv/vm/$1.raw,format=raw" \
        >"$BATS_FILE_TMPDIR/$1.log" 2>&1 3>&- 4>&- &
    echo $! >>"$BATS_FILE_TMPDIR/started"
}

# is_listed NAME STATE
is_listed() {
    virt-priv-run --list | grep -E "^$1 +$2 "
}

is_audited() {
    virt-priv-audit | grep -E "^ *$1 "
}

setup_file() {
    local program
    [ "${VP_PRIVATE_HOST-}" = yes ]
    ws=$(compgen -G '/usr/lib*/cockpit/cockpit-ws' || compgen -G '/usr/libexec/cockpit-ws') || true
    why_not=$(why_not)
    export why_not
    [ -z "$why_not" ] || return 0

    mkdir -p /mnt/usr /mnt/usr.work /mnt/tools /mnt/programs build/cockpit
    chmod 0777 /mnt/tools
    mount -t overlay -o lowerdir=/usr,upperdir=/mnt/usr,workdir=/mnt/usr.work overlay /usr
    mkdir -p /usr/share/cockpit/virt-privileges
    cp conf/cockpit/* /usr/share/cockpit/virt-privileges/
    for program in virt-priv-audit virt-priv-run virt-priv-chown virt-priv-conf; do
        cp "$VP_BUILD/$program" /mnt/programs/
        install -m 0755 tests/cockpit/tool "/usr/bin/$program"
    done
    rm -f /usr/bin/systemctl
    install -m 0755 tests/cockpit/tool /usr/bin/systemctl
    mount -t tmpfs -o mode=0755 tmpfs /var/lib
    mount -t tmpfs -o mode=0755 tmpfs /srv
    mkdir /srv/vm
    printf '%s\n' '# The account of this host.' 'user = "qemu"' 'group = "qemu"' >/etc/libvirt/qemu.conf
    chmod 0600 /etc/libvirt/qemu.conf

    touch /run/cockpit.net
    unshare --net=/run/cockpit.net ip link set lo up
    mkdir -m 0700 /run/root /run/alice
    chown alice:alice /run/alice
    export TZ=UTC COCKPIT_WS=$ws DISK=/srv/vm/left.raw PICTURES=$PWD/build/cockpit TOOLS=/mnt/tools
    export RESULTS=$BATS_FILE_TMPDIR/results

    : >>/etc/subuid
    : >>/etc/subgid
    "$VP_BUILD/virt-priv-conf" reserve-ids

    # One that has all isolation, one with the default, one whose virt-priv-run was killed, one of root's, and a claim
    # whose process has ended.
    machine=(-accel tcg -m 16 -nodefaults -no-user-config -display none -S)
    PATH=/mnt/programs:$PATH
    truncate -s 1M "$DISK"
    chmod 0600 "$DISK"
    sleep 600 3>&- 4>&- &
    virt-priv-chown claim --name left --disk "$DISK" --pid $! 3>&- || return
    kill $!
    wait $! || true
    start_vm web --isolate=full
    start_vm db
    start_vm lost
    lost=$!
    qemu-system-x86_64 -name legacy "${machine[@]}" >"$BATS_FILE_TMPDIR/legacy.log" 2>&1 3>&- 4>&- &
    echo $! >>"$BATS_FILE_TMPDIR/started"
    eventually is_listed web running
    eventually is_listed db running
    eventually is_listed lost running
    kill -s KILL "$lost"
    wait "$lost" || true
    eventually is_listed lost orphaned
    eventually is_audited legacy
    # All tests in one browser: to start it, and node, takes as long as a few of them.
    mkdir "$RESULTS"
    # shellcheck disable=SC2086 # several words
    HOME=/run/root nsenter --net=/run/cockpit.net tests/cockpit/with-browser node tests/cockpit/browser.mjs ${VP_PAGES-} \
        >"$BATS_FILE_TMPDIR/node.log" 2>&1 3>&- 4>&- || true
}

teardown_file() {
    # The runners restore what their VMs had, and end with them; the rest ends with the namespace.
    [ ! -e "$BATS_FILE_TMPDIR/started" ] || xargs kill <"$BATS_FILE_TMPDIR/started" 2>/dev/null || true
}

# page TEST: what has become of one of browser.mjs.
page() {
    [ -z "$why_not" ] || skip "$why_not"
    [ -e "$RESULTS/$1" ] || { cat "$BATS_FILE_TMPDIR/node.log" && return 1; }
    cat "$RESULTS/$1"
    [ ! -s "$RESULTS/$1" ]
}

@test "each test of browser.mjs is one of these" {
    [ -z "$why_not" ] || skip "$why_not"
    sed 's/^/# /' "$BATS_FILE_TMPDIR/node.log" >&3
    diff <(ls "$RESULTS") <(sed -n 's/^    page //p' "$BATS_TEST_FILENAME" | sort)
}

@test "VMs, the host, its settings and claims are shown; a row opens" {
    page usual
}

@test "a host without a VM" {
    page empty
}

@test "what is no JSON, a program that fails, and one of another version are told apart" {
    page unreadable
}

@test "a missing program is named, with its package; what the others know is shown" {
    page missing
}

@test "an ordinary user is told what is missing, and can change nothing" {
    page unprivileged
}

@test "500 VMs: searched, and refreshed without a jump" {
    page many
}

@test "of more VMs than a browser should draw, the worst are drawn, and the others found" {
    page limit
}

@test "names full of markup are names" {
    page hostile
}

@test "a VM with full isolation, one with the default, an orphan, one of root's and an abandoned claim, for real" {
    page real
}

@test "an abandoned claim is released after a question, for real" {
    page release
}

@test "what a program refuses is said in the question, or on the page once that is closed" {
    page refused
}

@test "a unit is stopped after a question" {
    page stop
}

@test "by the keyboard, with names and roles for a screen reader" {
    page keyboard
}

@test "320 pixels wide" {
    page narrow
}

@test "dark and light, as Cockpit is, with contrast" {
    page dark
}
