# JSON documents against their schemas and against the kernel; manual and --help.

load chown.bash

# Names that a careless writer of JSON, of lines or of UTF-8 breaks: as in a shell's $''.
hostile=($'new\nline' $'quote"back\\slash' $'latin1-\xe4' $'overlong-\xc0\xaf' $'surrogate-\xed\xa0\x80'
    $'cut-\xe2\x82' $'esc-\e[31m\x01\x7f' 'literal-\xff' 'comma,readonly' $'utf8-\u00e4\u20ac\U1f600' ' ')

# hostile_disks MODE OWNER: such files in $fs, and in "${disks[@]}" the options that name them.
hostile_disks() {
    disks=()
    for name in "${hostile[@]}"; do
        disk "$fs/$name" "$1" "$2"
        disks+=(--disk "$fs/${name//,/,,}")
    done
}

# valid SCHEMA FILE: whether the one document in the file fits tests/schema/virt-priv-chown-SCHEMA.json.
valid() {
    tests/lib/validate-json "tests/schema/virt-priv-chown-$1.json" <"$2" >/dev/null
}

# judge FILE: python on standard input, with the document as "doc", and bytes_of(object, key).
judge() {
    /usr/bin/python3 -c 'import base64, json, os, sys
def bytes_of(obj, key):
    """The exact bytes of a member: its twin, which is there only if it is needed."""
    if key + "_raw" not in obj:
        return obj[key].encode()
    raw = base64.b64decode(obj[key + "_raw"], validate=True)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw
    raise AssertionError("a twin of what is UTF-8: " + obj[key])
doc = json.load(open(sys.argv[1], encoding="utf-8"))
exec(sys.stdin.read())' "$@"
}

@test "a claim's plan: hostile names, byte for byte, and what was refused or is missing" {
    hostile_disks alice:alice 0600
    chmod u+s "$fs/${hostile[0]}"
    ln "$fs/${hostile[2]}" "$fs/second"$'\xff'
    mkfifo "$fs/fifo"$'\x80'
    disk $fs/base root:root 0644
    disk $fs/secret root:root 0600
    disk $fs/shared qemu:qemu 0660
    before=$(state $fs/*)
    run -1 --separate-stderr virt-priv-chown claim --name v --dry-run --json --grant-read "${disks[@]}" --disk $fs/base,readonly \
        --disk $fs/secret,readonly --disk $fs/shared,shared --disk "$fs/fifo"$'\x80' --disk "$fs/missing"$'\xfe\n'
    # shellcheck disable=SC2154
    printf '%s\n' "$stderr"
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/plan"
    valid claim "$BATS_TEST_TMPDIR/plan"
    [ "$(state $fs/*)" = "$before" ]
    judge "$BATS_TEST_TMPDIR/plan" $fs <<'EOT'
fs = os.fsencode(sys.argv[2])
assert doc["name"] == "v"
plan = {bytes_of(r, "path"): r for r in doc["resources"]}
assert len(plan) == len(doc["resources"])
# Every file that there is, but the second link that was not named, and one that there is not.
there = {os.path.join(fs, name) for name in os.listdir(fs)} - {fs + b"/second\xff"}
assert set(plan) == there | {fs + b"/missing\xfe\n"}, set(plan) ^ there
for path, r in plan.items():
    name = path[len(fs) + 1:]
    try:
        st = os.stat(path)
    except FileNotFoundError:
        assert r["action"] == "refuse" and b"missing\xfe" in bytes_of(r, "reason"), r
        continue
    if st.st_nlink > 1 or st.st_mode & 0o4000 or name == b"fifo\x80":
        wanted = "refuse", "rw"
    elif name in (b"base", b"secret"):
        wanted = "check" if st.st_mode & 0o004 else "grant", "ro"
    elif name == b"shared":
        wanted = "check", "rw"
    else:
        wanted = "claim", "rw"
    assert (r["action"], r["access"]) == wanted, (r, wanted)
    assert r["kind"] == "disk" and r["source"] == "--disk", r
actions = {r["action"] for r in doc["resources"]}
assert actions == {"claim", "check", "grant", "refuse"}, actions
EOT
}

@test "a claim's plan from a domain: every kind of resource, and those without a path" {
    for name in $'system\xc3\xa4' base vars kernel initrd dtb loader; do disk "$fs/$name" root:root 0644; done
    cat >/mnt/vm.xml <<XML
<domain type='kvm'><name>xml-vm</name>
 <os><loader readonly='yes' type='pflash'>$fs/loader</loader><nvram>$fs/vars</nvram>
  <kernel>$fs/kernel</kernel><initrd>$fs/initrd</initrd><dtb>$fs/dtb</dtb></os>
 <devices>
  <disk type='file'><source file='$fs/system&#228;'/><target dev='vda'/>
   <backingStore type='file'><format type='raw'/><source file='$fs/base'/></backingStore></disk>
  <disk type='file' device='cdrom'><source file='$fs/not&#10;there' startupPolicy='optional'/><target dev='sda'/></disk>
  <disk type='network'><source protocol='nbd' name='x'/><target dev='vdd'/></disk>
 </devices></domain>
XML
    virt-priv-chown claim --domain /mnt/vm.xml --dry-run --json >"$BATS_TEST_TMPDIR/plan"
    valid claim "$BATS_TEST_TMPDIR/plan"
    judge "$BATS_TEST_TMPDIR/plan" $fs <<'EOT'
fs = sys.argv[2]
assert doc["name"] == "xml-vm"
assert {r["kind"] for r in doc["resources"]} == {"disk", "backing", "nvram", "kernel", "initrd", "dtb", "loader"}
by_path = {r["path"]: r["action"] for r in doc["resources"]}
assert by_path == {fs + "/system\u00e4": "claim", fs + "/vars": "claim", None: "leave", fs + "/not\nthere": "leave",
    **{fs + "/" + name: "check" for name in ("base", "kernel", "initrd", "dtb", "loader")}}, by_path
EOT
}

@test "status: what is held, byte for byte, and of paths what the kernel says" {
    virt-priv-chown status --json >"$BATS_TEST_TMPDIR/empty"
    valid status "$BATS_TEST_TMPDIR/empty"
    judge "$BATS_TEST_TMPDIR/empty" <<<'assert doc == {"version": 1, "claims": [], "isolated": [], "damaged": [], "files": []}, doc'

    hostile_disks alice:team 0640
    disk $fs/secret root:root 0600
    disk $fs/free bob:bob 02755
    virt-priv-chown claim --name v.1 --grant-read "${disks[@]}" --disk $fs/secret,readonly
    disk $fs/other bob:bob 0600
    virt-priv-chown claim --name _other --pid $$ --disk $fs/other
    virt-priv-chown status --json >"$BATS_TEST_TMPDIR/claims"
    # One of them can't be reached: exit status 1, and all of the report.
    said=0
    virt-priv-chown status --json "${hostile[@]/#/$fs/}" $fs/secret $fs/free $fs/other $fs /dev/null \
        "$fs/missing"$'\xff' >"$BATS_TEST_TMPDIR/files" || said=$?
    [ "$said" = 1 ]
    valid status "$BATS_TEST_TMPDIR/claims"
    valid status "$BATS_TEST_TMPDIR/files"
    judge "$BATS_TEST_TMPDIR/claims" $fs $$ <<'EOT'
fs = os.fsencode(sys.argv[2])
assert doc["files"] == []
other, v1 = doc["claims"]
assert (other["name"], other["state"], other["pid"]) == ("_other", "running", int(sys.argv[3])), other
assert (v1["name"], v1["state"]) == ("v.1", "held") and "pid" not in v1, v1
entries = {bytes_of(e, "path"): e for claim in doc["claims"] for e in claim["entries"]}
there = {os.path.join(fs, name) for name in os.listdir(fs)} - {fs + b"/free"}
assert set(entries) == there, set(entries) ^ there
for path, e in entries.items():
    st = os.stat(path)
    now = {"uid": st.st_uid, "gid": st.st_gid}
    if path == fs + b"/secret":
        assert e["kind"] == "grant" and e["owner"] == now and e["mode"] == "0600" and e["to"]["uid"] == 107, e
        continue
    assert e["kind"] == "owner" and e["to"] == now and int(e["mode"], 8) == st.st_mode & 0o7777, (e, st)
    was = os.getxattr(path, "trusted.libvirt.security.dac").decode()
    assert was == "+%(uid)d:+%(gid)d" % e["owner"], (e, was)
EOT
    judge "$BATS_TEST_TMPDIR/files" "${hostile[@]/#/$fs/}" $fs/secret $fs/free $fs/other $fs /dev/null "$fs/missing"$'\xff' <<'EOT'
paths = [os.fsencode(arg) for arg in sys.argv[2:]]
assert [bytes_of(f, "path") for f in doc["files"]] == paths
assert len(doc["claims"]) == 2
for path, f in zip(paths, doc["files"]):
    try:
        st = os.stat(path)
    except FileNotFoundError:
        assert path in bytes_of(f, "error"), f
        continue
    assert f["owner"] == {"uid": st.st_uid, "gid": st.st_gid}, (f, st)
    assert int(f["mode"], 8) == st.st_mode & 0o7777, (f, st)
    base = os.path.basename(path)
    held_by = {b"secret": "v.1", b"free": None, b"fs": None, b"null": None, b"other": "_other"}.get(base, "v.1")
    assert f["held_by"] == held_by, f
    attribute = {name: os.getxattr(path, "trusted.libvirt.security." + name).decode()
        for name in ("dac", "ref_dac", "timestamp_dac")
        if "trusted.libvirt.security." + name in os.listxattr(path)}
    if attribute:
        assert f["libvirt"]["state"] == "current", f
        assert "+%(uid)d:+%(gid)d" % f["libvirt"]["owner"] == attribute["dac"], f
        assert str(f["libvirt"]["refs"]) == attribute["ref_dac"], f
        assert str(f["libvirt"]["timestamp"]) == attribute["timestamp_dac"], f
    else:
        assert f["libvirt"] == {"state": "none"}, f
EOT
}

@test "status: every state of a claim and of libvirt's attributes" {
    for name in earlier ended stale partial malformed; do disk $fs/$name alice:alice 0600; done
    virt-priv-chown claim --name earlier --disk $fs/earlier
    virt-priv-chown claim --name ended --pid $$ --disk $fs/ended
    sed -i -E 's/^boot ......../boot 00000000/' /var/lib/virt-privileges/claims/earlier
    sed -i -E 's/^(holder [0-9]+) .*/\1 1/' /var/lib/virt-privileges/claims/ended
    /usr/bin/python3 -c 'import os, sys
prefix = "trusted.libvirt.security."
for name, attributes in {"stale": {"dac": "+1:+2", "ref_dac": "3", "timestamp_dac": "4"},
        "partial": {"dac": "+1:+2"}, "malformed": {"dac": "1:2", "ref_dac": "1", "timestamp_dac": "4"}}.items():
    for key, value in attributes.items():
        os.setxattr(sys.argv[1] + "/" + name, prefix + key, value.encode())' $fs
    mkdir -p /mnt/plain
    mountpoint -q /mnt/plain || mount -t ramfs ramfs /mnt/plain
    touch /mnt/plain/file
    virt-priv-chown claim --name empty --disk $fs/stale,readonly --grant-read
    virt-priv-chown drop --name empty --disk $fs/stale
    virt-priv-chown status --json $fs/{stale,partial,malformed} /mnt/plain/file >"$BATS_TEST_TMPDIR/status"
    valid status "$BATS_TEST_TMPDIR/status"
    judge "$BATS_TEST_TMPDIR/status" <<'EOT'
states = {c["name"]: (c["state"], len(c["entries"])) for c in doc["claims"]}
assert states == {"earlier": ("earlier boot", 1), "ended": ("holder ended", 1), "empty": ("held", 0)}, doc
assert [f["libvirt"]["state"] for f in doc["files"]] == ["stale", "partial", "malformed", "unsupported"], doc
assert doc["files"][0]["libvirt"] == {"state": "stale", "owner": {"uid": 1, "gid": 2}, "refs": 3, "timestamp": 4}, doc
EOT
}

@test "a full standard output is an error of what prints" {
    disk $fs/a alice:alice 0600
    for words in --help --version "status" "status --json" "claim --name v --dry-run --disk $fs/a" "claim --name v --dry-run --json --disk $fs/a"; do
        status=0
        # shellcheck disable=SC2086
        virt-priv-chown $words >/dev/full || status=$?
        # A status without claims prints nothing that could be lost.
        [ "$words" = status ] || [ "$status" -ne 0 ] || { echo "$words" && return 1; }
    done
}

@test "the manual's synopsis is that of --help" {
    # Line breaks apart, and --help itself, which the manual has in addition.
    diff <(mandoc -T ascii tools/man/virt-priv-chown.8 | sed 's/.\x08//g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
        sed '1d; $d; s/virt-priv-chown/\n&/' | tr -d ' \n' | sed 's/virt-priv-chown/\n&/g') \
        <(virt-priv-chown --help | sed -n '/^Usage:/,/^[^ U]/p' | sed '$d; s/^Usage://' | tr -d ' \n' |
            sed 's/virt-priv-chown/\n&/g'; printf '\nvirt-priv-chown-h|--help|--version')
}
