# conf/prometheus: the rules and the dashboard, against metrics of the auditor and a real Prometheus.

load ../audit/audit.bash
load ../audit/tree.bash

rules=conf/prometheus/virt-privileges.rules.yml
dashboard=conf/prometheus/virt-privileges.dashboard.json

# metrics FILE OPTION...: the auditor's, of the host $t.
metrics() {
    virt-priv-audit --root "$t" --prometheus "$@" || [ $? -le 2 ]
}

@test "each alert fires where it is to, and nowhere else" {
    type -P promtool || skip "no promtool"
    promtool check rules "$rules"
    promtool test rules tests/fleet/rules.test.yml
    # None is left out.
    diff <(sed -n 's/^ *- alert: //p' "$rules" | sort) \
        <(grep -oE 'alertname: \w+' tests/fleet/rules.test.yml | cut -d' ' -f2 | sort -u)
}

@test "the rules and the dashboard name metrics, labels and values that the auditor has" {
    t=$scratch/tree
    make_tree "$t"
    metrics "$scratch/audit.prom"
    virt-priv-audit --explain all >"$scratch/checks"
    /usr/bin/python3 - "$scratch/audit.prom" "$scratch/checks" "$rules" "$dashboard" <<'END'
import json, re, sys
metrics, checks, rules, dashboard = (open(name, encoding="utf-8").read() for name in sys.argv[1:])
# What a label can be: any text, but of these.
values = {"check": {line.split()[0] for line in checks.splitlines()},
          "severity": {"info", "low", "medium", "high", "critical"}}
labels = {}
for name, inside in re.findall(r"^(virt_priv_audit_\w+)(?:{(.*)})? ", metrics, re.M):
    for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', inside):
        labels.setdefault(name, {"instance"}).add(label)
        if label in ("state", "verdict"):
            values.setdefault(label, set()).add(value)
    labels.setdefault(name, {"instance"})
texts = [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]]
texts += [json.dumps(json.loads(dashboard)["templating"])] + [re.sub(r"^ *#.*", "", rules, flags=re.M)]
used = set()
for text in texts:
    for name, inside in re.findall(r"(virt_priv_audit_\w+)(?:{([^}]*)})?", text):
        used.add(name)
        assert name in labels, name
        for label, operator, value in re.findall(r'(\w+)(=~?)"([^"]*)"', inside):
            assert label in labels[name], (name, label)
            for one in value.split("|") if label in values else []:
                assert one in values[label], (name, label, one)
    for label in re.findall(r"by \((\w+)\)", text):
        assert any(label in known for known in labels.values()), label
assert used == set(labels), used ^ set(labels)
END
}

@test "the dashboard: Grafana's fields, no panel over another, and queries that Prometheus can parse" {
    tests/lib/validate-json tests/fleet/dashboard.schema.json <"$dashboard" >/dev/null
    /usr/bin/python3 - "$dashboard" >"$scratch/queries.yml" <<'END'
import json, sys
panels = json.load(open(sys.argv[1], encoding="utf-8"))["panels"]
assert len({panel["id"] for panel in panels}) == len(panels)
taken = set()
for panel in panels:
    at = panel["gridPos"]
    cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
    assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
    taken |= cells
exprs = [target["expr"] for panel in panels for target in panel["targets"]]
json.dump({"groups": [{"name": "queries", "rules": [{"record": f"r:{n}", "expr": e} for n, e in enumerate(exprs)]}]}, sys.stdout)
END
    type -P promtool || skip "no promtool"
    promtool check rules "$scratch/queries.yml"
}

@test "the dashboard: Grafana's types, and those of its kinds of panels" {
    local modules
    type -P node || skip "no node"
    modules=$(tests/lib/npm-packages grafana 2>"$scratch/said")/node_modules || skip "$(tail -n 1 "$scratch/said")"
    node tests/fleet/dashboard.mjs "$dashboard" "$modules"
    # It would tell.
    jq '.panels[0].options.colorMode = "loud" | .panels[1].titel = "" | .panels[6].fieldConfig.defaults.custom.lineWidth = "1"' \
        "$dashboard" >"$scratch/wrong.json"
    run -1 node tests/fleet/dashboard.mjs "$scratch/wrong.json" "$modules"
    diff <(cut -d: -f1 <<<"$output") <(printf 'panel "%s"%s\n' Hosts ', options' "Hosts with a critical finding" '' \
        "VMs by their worst finding" ', custom')
}

# make_kind KIND: metrics of a host of which that is to be found, in $scratch/kinds.
make_kind() {
    t=$scratch/$1
    make_tree "$t"
    put proc/100/cmdline 'qemu-system-x86_64\0-name\0web\0'
    case $1 in
    rooted) user 100 0 ;;
    shared)
        put etc/subuid 'virt-privileges:90000:8192\n'
        cp "$t/etc/subuid" "$t/etc/subgid"
        isolated 100 90001
        process 200
        ;;
    left) journal mail 00000000-0000-0000-0000-000000000000 ;;
    closed) chmod 0600 "$t/dev/kvm" ;;
    blind) field self CapEff 0000000000000000 ;;
    unlisted)
        put var/lib/virt-privileges/claims/torn x
        chmod 0777 "$t/var/lib/virt-privileges/claims"
        ;;
    esac
    metrics "$scratch/kinds/$1"
    [ "$1" != old ] || sed -i "s/^\(virt_priv_audit_timestamp_seconds\) .*/\1 $(($(date +%s) - 7300))/" "$scratch/kinds/$1"
}

# VP_FLEET_HOSTS=1000 for a fleet of that size.
@test "a fleet: what fires is what is wrong, host by host, and each panel has something to show" {
    type -P prometheus || skip "no prometheus"
    local kind alert alerts i rows=()
    mkdir "$scratch/kinds" "$scratch/hosts"
    while read -r kind alerts; do
        make_kind "$kind"
        rows+=("$kind $alerts")
    done <<END
good
rooted VirtPrivCriticalFinding VirtPrivNewRootQemu
shared VirtPrivVmNotIsolated
left VirtPrivAbandonedClaim
closed VirtPrivKvmClosed
blind VirtPrivAuditIncomplete
unlisted
old VirtPrivAuditOld
END
    for ((i = 0; i < ${VP_FLEET_HOSTS:-24}; i++)); do
        read -r kind alerts <<<"${rows[i % ${#rows[@]}]}"
        cp "$scratch/kinds/$kind" "$scratch/hosts/$kind$i.prom"
        for alert in $alerts; do
            echo "alert $kind$i $alert"
        done
    done | sort >"$scratch/expected"
    # shellcheck disable=SC2016
    unshare --net bash -c 'ip link set lo up && exec tests/fleet/scrape "$@"' - "$scratch/hosts" "$rules" "$dashboard" >"$scratch/said"
    grep '^#' "$scratch/said" | tee -a /dev/fd/3
    grep '^alert' "$scratch/said" | sort | diff "$scratch/expected" -
    run ! grep '^panel .* 0$' "$scratch/said"
    [ "$(grep -c ^panel "$scratch/said")" -ge 14 ]
}
