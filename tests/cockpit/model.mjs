// What the page makes of documents, without a browser. The modules of the page are beside this file, copied there by
// tests/cockpit/model.bats.
//
//   node model.mjs RESULTS      runs all of "tests"; what has become of each is in RESULTS/NAME: nothing if it is good
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import * as model from "./model.js";
import { judge, sources } from "./tools.js";
import { audit, cases, entry, finding, markup, nothing, running, usual, vm } from "./documents.mjs";

const rows_of = documents => model.vm_rows(documents, 1700000000);
const all_of = documents => {
    const rows = rows_of(documents);
    const left = model.claims_left(documents, rows);

    return {
        rows, left, card: model.host_card(documents.audit, documents.settings), summary: model.summary(documents.audit, rows, left),
        settings: model.settings_table(documents.settings), counts: model.count_verdicts(rows),
        matching: rows.filter(row => model.matches(row, "a", true)),
        questions: left.map(one => model.question("release", one.name, one.entries)),
    };
};
const pick = (object, ...names) => Object.fromEntries(names.map(name => [name, object[name]]));

// each_change DOCUMENT CALL: once for each member of it, however deep, and for each thing that could stand there instead.
function each_change(document, call, root = document) {
    for (const key of Object.keys(document)) {
        const kept = document[key];

        for (const other of [null, -1, 1.5, "", "text", true, [], {}, [null, 7, "x", []], undefined]) {
            document[key] = other;
            call(root, key, other);
        }
        document[key] = kept;
        if (kept !== null && typeof kept === "object")
            each_change(kept, call, root);
    }
}

const tests = {
    rows() {
        const rows = rows_of(usual);

        assert.deepEqual(rows.map(row => [row.name, row.verdict, row.user, row.isolation, row.disks_held, row.stop]), [
            ["db", "critical", "root", "–", 0, null],
            ["[firecracker]", "unknown", "bob", "–", 0, null],
            ["desktop", "info", "alice", "–", 0, null],
            ["new", "none", "–", "–", 0, null],
            ["web", "pass", "90001", "full", 1, "virt-priv-vm@web.service"],
        ]);
        // What virt-priv-run has noted, else the clock of the process.
        assert.deepEqual(rows.map(row => row.since), [1700000600, null, 1700000600, null, 1790000000]);
        assert.deepEqual(rows[0].findings.map(one => one.check), ["P01", "P09"]);
        assert.equal(rows[0].findings[0].remedy, "put virt-priv-run before its command line");
        assert.deepEqual(rows[4].claims.map(claim => claim.name), ["web"]);
        assert.deepEqual(pick(rows[4], "passed", "state", "disks", "sockets"), {
            passed: 1, state: "running", disks: [{ path: "/srv/vm/web.qcow2", note: "claim" }],
            sockets: [{ path: "/run/web.qmp", note: "qmp" }],
        });
        assert.deepEqual(model.count_verdicts(rows),
            [["critical", 1], ["unknown", 1], ["info", 1], ["none", 1], ["pass", 1]]);
        assert.equal(model.summary(usual.audit, rows, model.claims_left(usual, rows)),
            "5 VMs, 1 with findings, 1 unknown, 1 abandoned claim");
    },

    names() {
        // A process chooses the name of its command line: no claim is shown with it for that.
        for (const [by, n] of [["virt-priv-run", 1], ["libvirt", 1], ["command-line", 0], [null, 0]]) {
            const [row] = rows_of({
                ...nothing, audit: audit([running(5, { vm: "web", vm_named_by: by })], []),
                status: { ...nothing.status, claims: [{ name: "web", state: "held", entries: [entry("/a")] }] },
            });

            assert.equal(row.claims.length, n, by);
        }
    },

    states() {
        const of = (state, more = {}) => rows_of({
            ...nothing, audit: audit([running(5, { vm: "v", vm_named_by: "virt-priv-run" })], []),
            list: { version: 1, vms: [vm("v", 5, { started: "unit", unit: "v.service", state, ...more })] },
        })[0];

        for (const [state, mark, words, settle, stop] of [
            ["running", "", "running", "", true],
            ["starting", "starting", "starting: what QEMU needs is being prepared", "", true],
            ["orphaned", "orphaned", "orphaned: QEMU is running, and its virt-priv-run was killed",
                "virt-priv-run --stop v; then virt-priv-chown recover", false],
            ["ending", "ending", "ending: QEMU has exited, and what it had is being released", "", false],
            ["unknown", "state unknown", "unknown: its processes cannot be examined", "", false],
            // One of a later version.
            ["frozen", "frozen", "frozen", "", false], ["toString", "toString", "toString", "", false],
            [undefined, "", "", "", false], [7, "", "", "", false],
        ])
            assert.deepEqual(pick(of(state), "mark", "state_text", "settle", "stop"),
                { mark, state_text: words, settle, stop: stop ? "v.service" : null });
        assert.equal(of("orphaned", { name: "v; rm -r /" }).settle, "");
        // Each state of the schema is one of these, but for what is no row.
        assert.equal(rows_of({ ...nothing, list: { version: 1, vms: [{ name: "a", state: "abandoned", disks: [], sockets: [] }] } }).length, 0);
        const rows = rows_of({ ...usual, list: { version: 1, vms: usual.list.vms.map(one => ({ ...one, state: "orphaned" })) } });

        assert.equal(model.summary(usual.audit, rows, []), "5 VMs, 1 with findings, 1 unknown, 2 orphaned");
    },

    // Listed before it had a process, and audited after that, a VM is one row; by a name that it did not choose itself.
    once() {
        for (const [by, n] of [["virt-priv-run", 1], ["command-line", 2], ["libvirt", 2]])
            assert.equal(rows_of({
                ...nothing, audit: audit([running(5, { vm: "new", vm_named_by: by })], []),
                list: { version: 1, vms: [{ name: "new", state: "starting", disks: [], sockets: [] }] },
            }).length, n, by);
    },

    unseen() {
        const hidden = { ...nothing, audit: audit([], [], { host: { ...audit([], []).host, hidden_processes: 3 } }) };

        assert.equal(model.without_rows(nothing), "No virtual machine is running.");
        assert.equal(model.summary(nothing.audit, [], []), "0 VMs");
        assert.equal(model.summary(hidden.audit, [], []), "0 VMs, 3 processes hidden");
        for (const documents of [hidden, { ...nothing, audit: null }, { ...nothing, list: null }, { ...nothing, audit: {} }])
            assert.match(model.without_rows(documents), /^No virtual machine can be seen, but not everything/);
    },

    units() {
        // Only what systemd has started as the service itself is stopped: not libvirtd, and no session.
        const of = (started, unit) => rows_of({
            ...nothing, audit: audit([running(5, { vm: "v", unit: "libvirtd.service" })], []),
            list: { version: 1, vms: started ? [vm("v", 5, { started, unit })] : [] },
        })[0].stop;

        assert.equal(of("unit", "virt-priv-vm@v.service"), "virt-priv-vm@v.service");
        assert.equal(of("unit", "my-vm\\x2d1.service"), "my-vm\\x2d1.service");
        for (const [started, unit] of [[null], ["foreground", null], ["foreground", "sshd.service"], ["daemonize", "a.service"],
            ["unit", null], ["unit", "--force.service"], ["unit", "a b.service"], ["unit", "session-1.scope"],
            ["unit", "/etc/a.service"], ["unit", "a.service\n"]])
            assert.equal(of(started, unit), null, unit);
    },

    claims() {
        const left = documents => model.claims_left(documents, rows_of(documents));

        assert.deepEqual(left(usual).map(one => [one.name, one.state, one.release, one.settle]), [
            ["old", "abandoned", "old", ""],
            ["torn", "damaged", null, "virt-priv-chown release --name torn --as-is"],
        ]);
        const claim = (name, state, more = {}) => ({ name, state, entries: [entry("/a")], ...more });
        const documents = {
            ...nothing,
            list: { version: 1, vms: [{ name: "gone", state: "abandoned", disks: [], sockets: [] },
                { name: "boot", state: "abandoned", disks: [], sockets: [] }] },
            status: {
                ...nothing.status,
                claims: [claim("boot", "earlier boot"), claim("hand", "held"), claim("far", "unknown", { pid: 7 }),
                    claim("-x", "holder ended", { pid: 8 }), claim("run", "running", { pid: 9 })],
                isolated: [{ name: "iso", state: "left behind", ids: { uid: 90007, gid: 90007 } },
                    { name: "run", state: "running", ids: { uid: 90008, gid: 90008 } }],
            },
        };

        assert.deepEqual(left(documents).map(one => [one.name, one.state, one.release, one.settle]), [
            ["-x", "abandoned", null, ""],
            ["boot", "abandoned", "boot", ""],
            ["far", "held", null, ""],
            ["gone", "left behind", null, "virt-priv-chown recover"],
            ["hand", "held", null, ""],
            ["iso", "left behind", null, "virt-priv-chown recover"],
            ["run", "held", null, ""],
        ]);
        assert.deepEqual(["release", "stop"].map(action => model.question(action, "v").kind), ["primary", "danger"]);
        const many = model.question("release", "v", Array.from({ length: 30 }, (_, i) => ({ path: `/${i}` })));

        assert.equal(many.paths.length, 10);
        assert.equal(many.paths[9], "and 21 more");
    },

    host() {
        const card = model.host_card(usual.audit, usual.settings);

        assert.equal(card.worst, "medium");
        assert.deepEqual(card.facts, [
            ["QEMU user", "qemu (107), /etc/libvirt/qemu.conf line 3"],
            ["QEMU group", "qemu (107), default"],
            ["/dev/kvm", "/dev/kvm is accessible to all users; KVM works for the QEMU user"],
            ["Settings", "/etc/libvirt/qemu.conf"],
            ["Ids of isolated VMs", "90000–98191"],
            ["Claims", "1 held, 1 abandoned, 1 unknown"],
            ["Kernel", "6.17.7-300.fc43.x86_64"],
        ]);
        assert.deepEqual(card.findings.map(one => one.check), ["H08"]);
        assert.equal(card.passed_text, "3 checks passed");
        assert.deepEqual(model.settings_table(usual.settings).slice(0, 3), [
            { key: "user", value: "qemu", where: "/etc/libvirt/qemu.conf line 3" },
            { key: "cgroup_device_acl", value: "[\"/dev/null\",\"/dev/kvm\"]", where: "/etc/libvirt/qemu.conf line 9" },
            { key: "key_a", value: "0", where: "default" },
        ]);
        const other = { ...audit([], []).host, config: null, user: { value: "vmuser", line: null, id: null }, hidden_processes: 4 };
        const without = model.host_card(audit([], [finding("H01", "medium", "not-applicable", "/dev/kvm does not exist")],
            { host: other, claims: { held: null, abandoned: null, unknown: null } }), null);

        assert.equal(without.worst, "pass");
        assert.deepEqual(without.facts.map(fact => fact[1]), ["vmuser (id unknown), settings not read",
            "qemu (107), settings not read",
            "/dev/kvm does not exist", "no qemu.conf, the defaults of virt-privileges", "90000–98191",
            "cannot be determined", "6.17.7-300.fc43.x86_64", "4"]);
        assert.equal(without.passed_text, "0 checks passed, 1 not applicable");
        assert.equal(model.host_card(null, null), null);
    },

    judge() {
        const good = JSON.stringify(usual.audit);
        const of = (output, end, source = sources.audit) => judge(source, output, end);

        assert.deepEqual(of(good).document, usual.audit);
        // Findings, and an audit that is incomplete, are exit statuses.
        assert.deepEqual(of(good, { problem: null, exit_status: 1, message: "" }).document, usual.audit);
        for (const [problem, output, end, text] of [
            ["missing", "", { problem: "not-found", message: "not-found" }, /^\/usr\/bin\/virt-priv-audit is not installed\. Install/],
            ["denied", "", { problem: "access-denied" }, /^virt-priv-audit must be run as root/],
            ["timeout", "{", { problem: "timeout" }, /^virt-priv-audit did not finish in 120 seconds/],
            ["denied", "", { exit_status: 125, message: "virt-priv-run: must be run as root; ordinary users: virt-priv-exec" }, /as root/],
            ["denied", "", { exit_status: 1, message: "cannot open /etc/libvirt/qemu.conf: Permission denied" }, /Permission denied$/],
            ["failed", " \n", { exit_status: 2, message: "virt-priv-audit: no such option" }, /no such option/],
            ["failed", "", { exit_status: 2, message: "" }, /ended without a word/],
            ["failed", "", { exit_status: 2, message: "y".repeat(9000) }, /^…y{2000}$/],
            ["unreadable", "", undefined, /not JSON/],
            ["unreadable", good.slice(0, -1), undefined, /not JSON/],
            ["unreadable", "<html>", { exit_status: 1, message: "" }, /not JSON/],
            ["unreadable", "[]", undefined, /not a document/],
            ["unreadable", "null", undefined, /not a document/],
            ["unreadable", "7", undefined, /not a document/],
            ["unreadable", JSON.stringify({ ...usual.audit, processes: {} }), undefined, /not a document/],
            ["unreadable", JSON.stringify({ ...usual.audit, version: undefined }), undefined, /not a document/],
            ["unreadable", JSON.stringify(usual.list), undefined, /not a document/],
            ["version", JSON.stringify({ ...usual.audit, version: 2 }), undefined, /version 2 of its JSON, and this page reads version 1/],
        ]) {
            const result = of(output, end);

            assert.equal(result.problem, problem, output.slice(0, 80));
            assert.match(result.text, text);
            assert.equal(result.document, undefined);
        }
        for (const name of Object.keys(sources))
            assert.ok(judge(sources[name], JSON.stringify(usual[name])).document, name);
    },

    filter() {
        const rows = rows_of(cases.many);
        const found = (search, only) => rows.filter(row => model.matches(row, search, only)).length;

        assert.equal(rows.length, 500);
        assert.deepEqual(rows.slice(0, 11).map(row => row.verdict), [...Array(10).fill("high"), "low"]);
        assert.deepEqual([found("", false), found("", true), found(" VM-00", false), found("90499", false), found("x", false)],
            [500, 35, 10, 1, 0]);
    },

    anything() {
        let n = 0;

        for (const name of Object.keys(sources))
            each_change(structuredClone(usual[name]), document => {
                all_of({ ...usual, [name]: document });
                n++;
            });
        for (const missing of Object.keys(sources))
            all_of({ ...usual, [missing]: null });
        assert.ok(n > 3000, n);
        // A row is shown under its own name, whatever that is, and nothing is added to any object.
        assert.deepEqual(rows_of(cases.hostile).map(row => row.name).sort(), [...markup].sort());
        all_of(cases.hostile);
        assert.equal({}.hacked, undefined);
    },

    times() {
        assert.equal(model.time_text(0), "1970-01-01 00:00");
        assert.equal(model.time_text(1790000000), "2026-09-21 14:13");
        assert.equal(model.time_text(null), "–");
        assert.equal(model.time_text(Number.MAX_SAFE_INTEGER), "–");
        assert.equal(model.boot_time("cpu 1 2\nctxt 9\nbtime 1700000000\nprocesses 5\n"), 1700000000);
        assert.equal(model.boot_time(""), null);
        assert.equal(model.boot_time(null), null);
    },
};

for (const [name, test] of Object.entries(tests)) {
    let result = "";

    try {
        test();
    } catch (error) {
        result = `${error.stack}\n`;
    }
    writeFileSync(`${process.argv[2]}/${name}`, result);
}
