# What the page for Cockpit makes of what the tools print, in node; and what its sources may not have.
# shellcheck disable=SC2154 # run's variables

bats_require_minimum_version 1.5.0

setup_file() {
    export modules=$BATS_FILE_TMPDIR/modules
    mkdir "$modules"
    # Node takes what is called .js for no module, unless this says so.
    echo '{"type": "module"}' >"$modules/package.json"
    cp conf/cockpit/*.js tests/cockpit/*.mjs "$modules"
    export results=$BATS_FILE_TMPDIR/results
    mkdir "$results"
    ! command -v node >/dev/null || TZ=UTC node "$modules/model.mjs" "$results"
}

# in_node TEST: what has become of one of model.mjs.
in_node() {
    command -v node >/dev/null || skip "there is no node here"
    cat "$results/$1"
    [ ! -s "$results/$1" ]
}

@test "the documents of these tests are as the tools print them" {
    command -v node >/dev/null || skip "there is no node here"
    node tests/cockpit/documents.mjs | /usr/bin/python3 -c 'import json, jsonschema, sys
names = dict(audit="audit", list="run-list", status="chown-status", settings="conf-show")
schemas = {tool: json.load(open(f"tests/schema/virt-priv-{name}.json")) for tool, name in names.items()}
for case, documents in json.load(sys.stdin).items():
    for tool, document in documents.items():
        # Of 500 VMs, which take long, some are enough.
        for member in ("processes", "findings", "claims"):
            if case == "many" and isinstance(document.get(member), list):
                document[member] = document[member][:30]
        jsonschema.validate(document, schemas[tool], cls=jsonschema.Draft202012Validator)
        print(case, tool)' >"$BATS_TEST_TMPDIR/valid"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/valid")" -eq 16 ]
}

@test "each test of model.mjs is one of these" {
    command -v node >/dev/null || skip "there is no node here"
    diff <(ls "$results") <(sed -n 's/^    in_node //p' "$BATS_TEST_FILENAME" | sort)
}

@test "rows: what audit, list and claims tell of a VM is one row, the worst first" {
    in_node rows
}

@test "a name that a process chose itself brings it no claim of another" {
    in_node names
}

@test "each state of a VM has its words; one that is left alone, what helps" {
    in_node states
}

@test "a VM that got its process while the programs were asked is one row" {
    in_node once
}

@test "who does not see all processes is not told that there is no VM" {
    in_node unseen
}

@test "only a unit that is the VM can be stopped" {
    in_node units
}

@test "claims without a VM: which can be released, and what helps with the others" {
    in_node claims
}

@test "the card of the host: account, device, settings with file and line" {
    in_node host
}

@test "what a program printed is judged: missing, denied, failed, unreadable, of another version" {
    in_node judge
}

@test "500 VMs are searched" {
    in_node filter
}

@test "whatever stands in a document, and wherever, nothing throws" {
    in_node anything
}

@test "times, in the zone of the browser" {
    in_node times
}

@test "the sources neither execute text nor need what the policy of Cockpit forbids" {
    local sources=(conf/cockpit/*.js)
    [ "${#sources[@]}" -ge 4 ]
    run -1 grep -nE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|eval\(|new Function|\.style(\.| =)|cssText|srcdoc|DOMParser' "${sources[@]}"
    # Nothing is fetched: neither by the page nor by its parts.
    run -1 grep -nE '(https?:)?//[a-z0-9.-]+\.[a-z]|fetch\(|XMLHttpRequest|WebSocket|import\(' "${sources[@]}" conf/cockpit/*.{html,css}
    run -1 grep -niE '<style|style=|[[:space:]]on[a-z]+=|javascript:|<script>' conf/cockpit/index.html
    # A policy of its own would be a weaker one.
    run -1 grep -n content-security-policy conf/cockpit/manifest.json
    /usr/bin/python3 -c 'import json; assert json.load(open("conf/cockpit/manifest.json"))["menu"]["index"]["label"]'
}

@test "each text of the page is of an element that there is, and each file is used" {
    local id file
    grep -ohE 'by_id\("[a-z-]+"\)' conf/cockpit/page.js | sed 's/.*"\(.*\)".*/\1/' | sort -u | while read -r id; do
        grep -q "id=\"$id\"" conf/cockpit/index.html || { echo "$id" && exit 1; }
    done
    for file in conf/cockpit/*.{js,css}; do
        grep -q "[\"/]${file##*/}\"" conf/cockpit/{index.html,page.js} || { echo "$file" && return 1; }
    done
}
