// Documents as the tools print them, for tests of the page; tests/cockpit/model.bats compares them with tests/schema.
//
//   node documents.mjs      prints all of them: {case: {tool: document}}

const zero = "0000000000000000";

function thread(pid, uid) {
    return {
        tid: pid, name: "qemu-system-x86", state: "S", uid: [uid, uid, uid, uid], gid: [uid, uid, uid, uid], groups: [],
        capabilities: { inheritable: zero, permitted: zero, effective: zero, bounding: zero, ambient: zero },
        no_new_privs: true, seccomp: 2, seccomp_filters: 1, tracer: 0, securebits: 0, ns_pid: [pid],
    };
}

export function running(pid, more = {}) {
    const uid = more.uid === undefined ? 107 : more.uid;

    return {
        pid, name: "qemu-system-x86", vm: null, vm_named_by: null, unit: null, uid, user: "qemu", ordinary: false,
        verdict: "pass", worst: null, remedy: null, exe: "/usr/bin/qemu-system-x86_64", found_by: "name", qemu: true,
        libvirt: false, label: null, user_namespace: "user:[1]", network_namespace: "net:[1]", ipc_namespace: "ipc:[1]",
        source: "proc", start: 60000, threads: [thread(pid, uid || 0)], ...more,
    };
}

export function finding(check, severity, status, message, more = {}) {
    return { check, severity, status, message, ...more };
}

export function audit(processes, findings, more = {}) {
    const vms = { pass: 0, info: 0, low: 0, medium: 0, high: 0, critical: 0, unknown: 0 };

    for (const one of processes)
        ++vms[one.verdict];
    return {
        version: 1,
        host: {
            root: null, kernel: "6.17.7-300.fc43.x86_64", config: "/etc/libvirt/qemu.conf", user: { value: "qemu", line: 3, id: 107 },
            group: { value: "qemu", line: null, id: 107 }, isolate_ids: { first: 90000, count: 8192 },
            hidden_processes: 0, unseen_directory: null,
        },
        threshold: "medium",
        exit_status: 0,
        vms,
        claims: { held: 1, abandoned: 0, unknown: 0 },
        processes,
        findings,
        ...more,
    };
}

const host_checks = [
    finding("H01", "medium", "pass", "/dev/kvm is accessible to all users"),
    finding("H02", "medium", "pass", "KVM works for the QEMU user"),
    finding("H03", "high", "pass", "the QEMU account is unprivileged"),
    finding("H08", "medium", "fail", "1 claim is abandoned (VM old): the process that held the files has ended, and their " +
        "owners are not restored", { remedy: "virt-priv-chown recover; virt-priv-chown status lists all claims." }),
];

export function vm(name, pid, more = {}) {
    return {
        name, state: "running", pid, runner: pid - 1, user: "qemu", uid: 107, gid: 107, isolation: "full",
        since: 1790000000, started: "foreground", unit: null, disks: [], sockets: [], ...more,
    };
}

export function entry(path, more = {}) {
    return {
        path, kind: "owner", owner: { uid: 0, gid: 0 }, mode: "0600", to: { uid: 107, gid: 107 }, object: "found", ...more,
    };
}

export const nothing = {
    audit: audit([], host_checks.slice(0, 3)),
    list: { version: 1, vms: [] },
    status: { version: 1, claims: [], isolated: [], damaged: [], files: [] },
    settings: {
        version: 1,
        file: "/etc/libvirt/qemu.conf",
        settings: [
            { key: "user", value: "qemu", source: "file", line: 3 },
            { key: "cgroup_device_acl", value: ["/dev/null", "/dev/kvm"], source: "file", line: 9 },
            ...Array.from({ length: 10 }, (_, i) => ({ key: `key_${"abcdefghij"[i]}`, value: i, source: "default", line: null })),
        ],
    },
};

// A VM that is a unit, one of root's, one of a user, an abandoned claim, a damaged journal, and one that is being started.
export const usual = {
    audit: audit([
        running(101, { vm: "web", vm_named_by: "virt-priv-run", unit: "virt-priv-vm@web.service", uid: 90001, user: "90001" }),
        running(102, { vm: "db", vm_named_by: "command-line", uid: 0, user: "root", verdict: "critical", worst: "P01",
            remedy: "put virt-priv-run before its command line" }),
        running(103, { vm: "desktop", vm_named_by: "command-line", uid: 1000, user: "alice", ordinary: true, verdict: "info",
            worst: "P10" }),
        running(104, { name: "firecracker", qemu: false, found_by: "kvm", uid: 1001, user: "bob", verdict: "unknown",
            start: null }),
    ], [
        ...host_checks,
        finding("P00", "high", "pass", "the process can be read", { pid: 101 }),
        finding("P24", "low", "not-applicable", "0 seccomp filters are active", { pid: 101 }),
        finding("P09", "medium", "fail", "no_new_privs is not set", { pid: 102, tid: 102, threads: 3 }),
        finding("P01", "critical", "fail", "runs as root: user id 0", { pid: 102, tid: 102, threads: 3,
            remedy: "put virt-priv-run before its command line" }),
        finding("P10", "info", "fail", "no seccomp filter is active", { pid: 103 }),
        finding("P22", "low", "unknown", "cannot examine the root directory", { pid: 104 }),
    ], { exit_status: 1, claims: { held: 1, abandoned: 1, unknown: 1 } }),
    list: {
        version: 1,
        vms: [
            vm("web", 101, {
                user: "90001", uid: 90001, gid: 90001, started: "unit", unit: "virt-priv-vm@web.service",
                disks: [{ action: "claim", path: "/srv/vm/web.qcow2" }], sockets: [{ kind: "qmp", path: "/run/web.qmp" }],
            }),
            { name: "new", state: "starting", disks: [], sockets: [] },
        ],
    },
    status: {
        version: 1,
        claims: [
            { name: "web", state: "running", pid: 101, entries: [entry("/srv/vm/web.qcow2"),
                entry("/srv/vm/base.qcow2", { kind: "grant" })] },
            { name: "old", state: "holder ended", pid: 99, entries: [entry("/srv/vm/old.qcow2", { reason: "it is immutable",
                settle: "chattr -i /srv/vm/old.qcow2" })] },
        ],
        isolated: [{ name: "web", state: "running", ids: { uid: 90001, gid: 90001 } }],
        damaged: [{ name: "torn", reason: "line 3: 'x' is no key", settle: "virt-priv-chown release --name torn --as-is" }],
        files: [],
    },
    settings: nothing.settings,
};

// 500 VMs, each with all checks; a part of them with findings.
function make_many() {
    const processes = [];
    const findings = [...host_checks];
    const vms = [];
    const claims = [];

    for (let i = 0; i < 500; i++) {
        const name = `vm-${String(i).padStart(3, "0")}`;
        const pid = 1000 + i;
        const verdict = i % 50 === 7 ? "high" : i % 20 === 3 ? "low" : "pass";

        processes.push(running(pid, { vm: name, vm_named_by: "virt-priv-run", uid: 90000 + i, user: String(90000 + i), verdict,
            worst: verdict === "pass" ? null : "P05" }));
        for (let check = 0; check <= 24; check++) {
            const failed = check === 5 && verdict !== "pass";

            findings.push(finding(`P${String(check).padStart(2, "0")}`, failed ? verdict : "low", failed ? "fail" : "pass",
                failed ? "has 1 capability in the permitted set" : "the check passed", { pid }));
        }
        vms.push(vm(name, pid, { user: String(90000 + i), uid: 90000 + i, gid: 90000 + i,
            disks: [{ action: "claim", path: `/srv/vm/${name}.qcow2` }] }));
        claims.push({ name, state: "running", pid, entries: [entry(`/srv/vm/${name}.qcow2`)] });
    }
    return {
        audit: audit(processes, findings, { exit_status: 1, claims: { held: 500, abandoned: 0, unknown: 0 } }),
        list: { version: 1, vms },
        status: { version: 1, claims, isolated: [], damaged: [], files: [] },
        settings: nothing.settings,
    };
}

export const markup = [
    "<img src=x onerror=\"window.hacked=1\">", "<script>window.hacked=2</script>", "\"><svg onload=window.hacked=3>",
    "</td></tr></table><h1>gone</h1>", "javascript:window.hacked=4", "{{7*7}}${window.hacked=5}", "&lt;b&gt; &amp; \u202e evil",
    "a\u0000b\\x0a", "x".repeat(4000), "$&$1", "__proto__", "constructor",
];

// Everything that a guest, a user or a command line chooses is markup.
function make_hostile() {
    const processes = markup.map((text, i) => running(200 + i, {
        name: text, vm: text, vm_named_by: i % 2 ? "command-line" : "libvirt", unit: text, user: text, verdict: "high",
        worst: "P01", remedy: text, exe: `/${text}`,
    }));
    const findings = markup.flatMap((text, i) => [
        finding("H04", "medium", "fail", text, { remedy: text }), finding("P01", "high", "fail", text, { pid: 200 + i, remedy: text }),
    ]);
    const host = {
        ...audit([], []).host, kernel: markup[0], config: `/${markup[0]}`, user: { value: markup[0], line: 1, id: null },
    };

    return {
        audit: audit(processes, findings, { host }),
        list: {
            version: 1,
            vms: markup.map((text, i) => vm(`v${i}`, 200 + i, {
                user: text, started: "unit", unit: `${text}.service`, disks: [{ action: "claim", path: `/${text}` }],
                sockets: [{ kind: "qmp", path: `/${text}` }],
            })),
        },
        status: {
            version: 1,
            claims: markup.map((text, i) => ({ name: `c${i}`, state: "earlier boot",
                entries: [entry(`/${text}`, { reason: text, settle: text })] })),
            isolated: [],
            damaged: [{ name: "torn", reason: markup[0], settle: markup[1] }],
            files: [],
        },
        settings: {
            version: 1,
            file: `/${markup[0]}`,
            settings: nothing.settings.settings.map(setting => ({ ...setting, value: markup[0], source: "file", line: 1 })),
        },
    };
}

export const cases = { nothing, usual, many: make_many(), hostile: make_hostile() };

if (process.argv[1] && process.argv[1].endsWith("documents.mjs"))
    console.log(JSON.stringify(cases));
