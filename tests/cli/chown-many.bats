# Many claims and releases at once, of VMs that want the same disks.

load chown.bash

# 64 VMs: each has a disk of its own, reads the one base, is granted the closed one, writes
# the shared one, and wants an exclusive disk that seven others want too.
n_vms=64
n_wanted=8

make_disks() {
    local i
    for ((i = 0; i < n_vms; i++)); do
        if ((i % 2)); then disk "$fs/own$i" alice:alice 0640; else disk "$fs/own$i" bob:team 0600; fi
    done
    for ((i = 0; i < n_wanted; i++)); do disk "$fs/wanted$i" alice:team 0660; done
    disk "$fs/base" root:root 0644
    disk "$fs/closed" bob:bob 0600
    disk "$fs/shared" qemu:qemu 0660
}

# together COMMAND: runs COMMAND I for each VM at once, all beginning at the same moment.
# What each prints is in $BATS_TEST_TMPDIR/COMMAND.I, its exit status in .I.status.
together() {
    local i jobs=()
    # All wait for this lock, and have it at the same moment.
    exec 9>"$BATS_TEST_TMPDIR/go"
    flock 9
    for ((i = 0; i < n_vms; i++)); do
        (
            flock --shared "$BATS_TEST_TMPDIR/go" true
            status=0
            "$1" "$i" >"$BATS_TEST_TMPDIR/$1.$i" 2>&1 || status=$?
            echo "$status" >"$BATS_TEST_TMPDIR/$1.$i.status"
        ) 3>&- 9>&- &
        jobs+=($!)
    done
    exec 9>&-
    wait "${jobs[@]}"
}

claim() {
    virt-priv-chown claim --name "vm$1" --grant-read --disk "$fs/own$1" --disk "$fs/base,readonly" \
        --disk "$fs/closed,readonly" --disk "$fs/shared,shared" --disk "$fs/wanted$(($1 % n_wanted))"
}

release() {
    virt-priv-chown release --name "vm$1"
}

# watch_status: looks at the status, and judges it, until the file "stop" is there.
watch_status() {
    rm -f "$BATS_TEST_TMPDIR/stop"
    /usr/bin/python3 -B - "$fs" "$BATS_TEST_TMPDIR/stop" "$n_wanted" >"$BATS_TEST_TMPDIR/status" 2>&1 3>&- <<'PYTHON' &
import json, os, subprocess, sys
import jsonschema

fs, stop, n_wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
wanted = [f"{fs}/wanted{i}" for i in range(n_wanted)]
with open("tests/schema/virt-priv-chown-status.json", encoding="utf-8") as file:
    schema = jsonschema.Draft202012Validator(json.load(file))
lock = "/var/lib/virt-privileges/claims/.lock"
looks = most = 0
while not os.path.exists(stop):
    # Where nothing was ever claimed there is no lock yet: that look waits for nobody, and can see half a claim.
    was_locked = os.path.exists(lock)
    run = subprocess.run(["virt-priv-chown", "status", "--json", *wanted], capture_output=True)
    assert run.returncode == 0 and not run.stderr, run
    status = json.loads(run.stdout)
    schema.validate(status)
    if not was_locked and os.path.exists(lock):
        continue
    holders = {}
    for claim in status["claims"]:
        number = int(claim["name"].removeprefix("vm"))
        assert claim["state"] == "held", claim
        # A claim is whole, or not there.
        assert sorted((e["kind"], e["path"]) for e in claim["entries"]) == [
            ("grant", f"{fs}/closed"), ("owner", f"{fs}/own{number}"),
            ("owner", f"{fs}/wanted{number % n_wanted}")], claim
        for e in claim["entries"]:
            assert e["to"] == {"uid": 107, "gid": 107}, claim
            assert e["owner"]["uid"] in (6001, 6002), claim
            if e["kind"] == "owner":
                assert holders.setdefault(e["path"], claim["name"]) == claim["name"], status
    for file in status["files"]:
        assert file["held_by"] == holders.get(file["path"]), status
        assert (file["owner"]["uid"] == 107) == (file["held_by"] is not None), status
        assert file["libvirt"]["state"] == ("current" if file["held_by"] else "none"), status
    looks += 1
    most = max(most, len(status["claims"]))
assert looks > 1 and most > 0, (looks, most)
print(f"{looks} looks at the status, at most {most} claims at once")
PYTHON
    watcher=$!
}

stop_watching() {
    touch "$BATS_TEST_TMPDIR/stop"
    wait "$watcher" || { cat "$BATS_TEST_TMPDIR/status" && false; }
}

# After the claims: one VM has each disk that was wanted, the others know which.
check_claims() {
    local i status winner
    local -A winners=()
    for ((i = 0; i < n_vms; i++)); do
        read -r status <"$BATS_TEST_TMPDIR/claim.$i.status"
        [ "$status" -eq 0 ] || continue
        [ -z "${winners[$((i % n_wanted))]-}" ]
        winners[$((i % n_wanted))]=vm$i
        [ "$(owner "$fs/own$i")" = qemu:qemu ]
    done
    [ "${#winners[@]}" -eq "$n_wanted" ]
    for ((i = 0; i < n_vms; i++)); do
        winner=${winners[$((i % n_wanted))]}
        [ "$winner" != "vm$i" ] || continue
        read -r status <"$BATS_TEST_TMPDIR/claim.$i.status"
        [ "$status" -eq 1 ]
        grep -qF "$fs/wanted$((i % n_wanted)) (--disk): claimed by VM '$winner';" "$BATS_TEST_TMPDIR/claim.$i"
        [ "$(owner "$fs/own$i")" != qemu:qemu ]
    done
    for ((i = 0; i < n_wanted; i++)); do
        [ "$(owner "$fs/wanted$i")" = qemu:qemu ]
        [ "$(remembered "$fs/wanted$i")" = "+6001:+6100 1" ]
    done
    getfacl -cp "$fs/closed" | grep -qx 'user:qemu:r--'
    [ "$(owner "$fs/base") $(owner "$fs/shared") $(owner "$fs/closed")" = "root:root qemu:qemu bob:bob" ]
    [ "$(journals | sort)" = "$(printf '%s\n' "${winners[@]}" | sort)" ]
}

@test "64 claims at once: one VM each gets what many want, the others learn who; releases undo all" {
    make_disks
    state "$fs"/* >"$BATS_TEST_TMPDIR/before"
    watch_status
    for _ in 1 2; do
        together claim
        check_claims
        together release
        [ -z "$(journals)" ]
        diff "$BATS_TEST_TMPDIR/before" <(state "$fs"/*)
        [ "$(ls -A /var/lib/virt-privileges/claims)" = .lock ]
    done
    stop_watching
    echo "# $(cat "$BATS_TEST_TMPDIR/status")" >&3
}

# One VM after the other: claimed, held for a moment, released, and again.
come_and_go() {
    for _ in 1 2 3; do
        if claim "$1"; then
            [ "$(owner "$fs/own$1") $(owner "$fs/wanted$(($1 % n_wanted))")" = "qemu:qemu qemu:qemu" ] || return 2
            release "$1" || return 3
            echo "claimed"
        fi
    done
}

@test "64 VMs that come and go at the same time leave all as it was" {
    make_disks
    state "$fs"/* >"$BATS_TEST_TMPDIR/before"
    watch_status
    together come_and_go
    stop_watching
    [ "$(cat "$BATS_TEST_TMPDIR"/come_and_go.*.status | sort -u)" = 0 ]
    claimed=$(cat "$BATS_TEST_TMPDIR"/come_and_go.* | grep -cx claimed)
    refused=$(cat "$BATS_TEST_TMPDIR"/come_and_go.* | grep -c "^virt-priv-chown: .*: claimed by VM '.*';")
    [ "$claimed" -ge "$n_wanted" ]
    [ "$refused" -ge 1 ]
    [ $((claimed + refused)) -eq $((3 * n_vms)) ]
    [ -z "$(journals)" ]
    diff "$BATS_TEST_TMPDIR/before" <(state "$fs"/*)
    [ "$(ls -A /var/lib/virt-privileges/claims)" = .lock ]
    echo "# $claimed claims, $refused refused; $(cat "$BATS_TEST_TMPDIR/status")" >&3
}
