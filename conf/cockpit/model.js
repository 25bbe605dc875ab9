// SPDX-License-Identifier: GPL-2.0-or-later
// What is shown, made of the documents of the tools; pure functions. A document may be missing (null), and each of its
// members may be anything at all: what is not of the kind that it should be is left out, and nothing throws.

const severities = ["critical", "high", "medium", "low", "info"];
// The worst first. A check that could not be made stands behind a finding that must be looked at.
const order = ["critical", "high", "medium", "unknown", "low", "info", "none", "pass"];
const vm_name = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
// As in systemd.unit(5).
const unit_name = /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,246}\.service$/;

const list = value => Array.isArray(value) ? value.filter(item => item !== null && typeof item === "object") : [];
const object = value => value !== null && typeof value === "object" ? value : {};
const text = value => typeof value === "string" ? value : "";
const integer = value => Number.isSafeInteger(value) && value >= 0 ? value : null;
// Seconds since the epoch, until the year 9999: a Date has no others.
const moment = value => integer(value) !== null && value < 253402300800 ? value : null;
const rank = verdict => order.includes(verdict) ? order.indexOf(verdict) : order.indexOf("unknown");
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;

function compare(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

// What a label says, and its color: pass, info, low, medium, high, critical or unknown.
export function label(verdict) {
    const words = { pass: "no findings", none: "not audited", unknown: "unknown" };
    const known = order.includes(verdict) ? verdict : "unknown";

    return { color: known === "none" ? "info" : known, text: words[known] || known };
}

// A finding as it is shown; the worst first, then by check.
function finding(entry) {
    const failed = entry.status === "fail";

    return {
        check: text(entry.check),
        verdict: failed && severities.includes(entry.severity) ? entry.severity
            : entry.status === "pass" ? "pass" : entry.status === "not-applicable" ? "none" : "unknown",
        message: text(entry.message),
        remedy: text(entry.remedy),
    };
}

function sorted_findings(entries) {
    return entries.map(finding).sort((a, b) => rank(a.verdict) - rank(b.verdict) || compare(a.check, b.check));
}

// Findings by the process that they are about; those of the host are under null.
function by_process(audit) {
    const found = new Map();

    for (const entry of list(object(audit).findings)) {
        const pid = integer(entry.pid);

        if (!found.has(pid))
            found.set(pid, []);
        found.get(pid).push(entry);
    }
    return found;
}

// An account of the settings: "qemu (107), /etc/libvirt/qemu.conf line 3". Without a line it is the default, but where
// the settings could not be read.
function account(value, config, was_read) {
    const { value: name, id, line } = object(value);
    const number = integer(id);
    const where = integer(line) ? `${config || "qemu.conf"} line ${line}` : was_read ? "default" : "settings not read";

    return `${text(name) || "unknown"} (${number === null ? "id unknown" : number}), ${where}`;
}

function range(value) {
    const { first, count } = object(value);

    return integer(first) !== null && integer(count) ? `${first}–${first + count - 1}` : "unknown";
}

function claim_counts(value) {
    const counts = object(value);
    const words = ["held", "abandoned", "unknown"].filter(name => name !== "unknown" || integer(counts[name]) !== 0);
    if (words.every(name => integer(counts[name]) === null))
        return "cannot be determined";
    const shown = words.map(name => integer(counts[name]) === null ? `${name}: cannot be determined`
        : `${counts[name]} ${name}`);

    return shown.join(", ");
}

function setting(entry, file) {
    const value = entry.value;
    const line = integer(entry.line);

    return {
        key: text(entry.key),
        value: value === null || value === undefined ? "not set"
            : typeof value === "object" ? JSON.stringify(value) : String(value),
        where: entry.source === "file" && line ? `${file} line ${line}` : "default",
    };
}

export function settings_table(settings) {
    const file = text(object(settings).file) || "qemu.conf";

    return list(object(settings).settings).map(entry => setting(entry, file));
}

// The card of the host; null without an audit.
export function host_card(audit, settings) {
    if (!audit)
        return null;
    const host = object(audit.host);
    const config = text(host.config);
    const checks = sorted_findings(by_process(audit).get(null) || []);
    const good = check => check.verdict === "pass" || check.verdict === "none";
    const findings = checks.filter(check => !good(check));
    const passed = checks.filter(good);
    const without = passed.filter(check => check.verdict === "none").length;
    const kvm = ["H01", "H02"].flatMap(id => checks.filter(check => check.check === id));
    const file = settings ? text(settings.file) : config;
    const facts = [
        ["QEMU user", account(host.user, config, settings !== null)],
        ["QEMU group", account(host.group, config, settings !== null)],
        ["/dev/kvm", kvm.map(check => check.message).join("; ") || "not checked"],
        ["Settings", file || "no qemu.conf, the defaults of virt-privileges"],
        ["Ids of isolated VMs", range(host.isolate_ids)],
        ["Claims", claim_counts(audit.claims)],
        ["Kernel", text(host.kernel) || "unknown"],
    ];
    const hidden = integer(host.hidden_processes);

    if (hidden)
        facts.push(["Hidden processes", String(hidden)]);
    return {
        worst: findings.length > 0 ? findings[0].verdict : "pass",
        facts,
        findings,
        passed,
        passed_text: plural(passed.length - without, "check passed", "checks passed") +
            (without > 0 ? `, ${without} not applicable` : ""),
    };
}

// An entry of a claim: the path, and why it stays, if it does.
function claim_entry(entry) {
    const owner = object(entry.owner);
    const words = { gone: "does not exist", copy: "a copy", snapshot: "a snapshot" };

    return {
        path: text(entry.path),
        held: entry.kind === "owner" && !["gone", "ended"].includes(entry.object),
        note: entry.kind === "grant" ? "access by an ACL entry"
            : `owner before: ${integer(owner.uid) ?? "?"}:${integer(owner.gid) ?? "?"}` +
                (words[entry.object] ? `; ${words[entry.object]}` : ""),
        reason: text(entry.reason),
        settle: text(entry.settle),
    };
}

function claim(entry) {
    return {
        name: text(entry.name),
        pid: integer(entry.pid),
        state: text(entry.state),
        entries: list(entry.entries).map(claim_entry),
    };
}

// The name that a VM has, and whether a process could have chosen it itself.
function name_of(process) {
    const named = text(process.vm);

    return {
        name: named || `[${text(process.name) || "unknown"}]`,
        trusted: named !== "" && (process.vm_named_by === "virt-priv-run" || process.vm_named_by === "libvirt"),
    };
}

// The states of a VM of virt-priv-run, as in virt-priv-run(8), and what they mean; what is running needs no words.
const vm_states = {
    starting: "what QEMU needs is being prepared",
    running: "",
    orphaned: "QEMU is running, and its virt-priv-run was killed",
    ending: "QEMU has exited, and what it had is being released",
    unknown: "its processes cannot be examined",
};

// The unit that a VM is, which can be stopped; of one of libvirt's or of a session it would be another program. An
// orphan is no part of its unit any more.
function unit_to_stop(vm) {
    const can_stop = vm && vm.started === "unit" && (vm.state === "running" || vm.state === "starting");

    return can_stop && unit_name.test(text(vm.unit)) && text(vm.name) !== "" ? vm.unit : null;
}

function vm_details(vm) {
    const state = text(object(vm).state);
    const words = Object.hasOwn(vm_states, state) ? vm_states[state] : "";

    return {
        state,
        // What is usual is not said in the table.
        mark: state === "running" ? "" : state === "unknown" ? "state unknown" : state,
        state_text: words ? `${state}: ${words}` : state,
        settle: state === "orphaned" && vm_name.test(text(vm.name))
            ? `virt-priv-run --stop ${vm.name}; then virt-priv-chown recover` : "",
        disks: list(object(vm).disks).map(disk => ({ path: text(disk.path), note: text(disk.action) })),
        sockets: list(object(vm).sockets).map(socket => ({ path: text(socket.path), note: text(socket.kind) })),
    };
}

function user_of(name, uid) {
    return text(name) || (integer(uid) === null ? "–" : String(uid));
}

// A row for a process that was audited; "vm" is what virt-priv-run tells of it, if it has started it.
function audited_row(process, vm, found, claims, booted) {
    const { name, trusted } = name_of(process);
    const pid = integer(process.pid);
    const findings = sorted_findings(found.filter(entry => entry.status === "fail" || entry.status === "unknown"));
    const own = claims.filter(entry => entry.pid !== null && entry.pid === pid || trusted && entry.name === name);
    const start = integer(process.start);
    const since = moment(object(vm).since);

    return {
        key: `p${pid}`,
        name,
        user: user_of(process.user, process.uid),
        ordinary: process.ordinary === true,
        isolation: text(object(vm).isolation) || "–",
        verdict: text(process.verdict) || "unknown",
        // The clock of start is 100 Hz for every program (USER_HZ).
        since: since !== null ? since : start !== null && booted ? moment(booted + Math.floor(start / 100)) : null,
        pid,
        unit: text(process.unit) || text(object(vm).unit),
        executable: text(process.exe),
        is_qemu: process.qemu === true,
        remedy: text(process.remedy),
        stop: unit_to_stop(vm),
        findings,
        passed: found.filter(entry => entry.status === "pass").length,
        claims: own,
        ...vm_details(vm),
    };
}

// A row for a VM of virt-priv-run without a process that was audited: it is being started, or ends.
function listed_row(vm, claims) {
    const name = text(vm.name);

    return {
        key: `n${name}`,
        name,
        user: user_of(vm.user, vm.uid),
        ordinary: false,
        isolation: text(vm.isolation) || "–",
        verdict: "none",
        since: moment(vm.since),
        pid: integer(vm.pid),
        unit: text(vm.unit),
        executable: "",
        is_qemu: true,
        remedy: "",
        stop: unit_to_stop(vm),
        findings: [],
        passed: 0,
        claims: claims.filter(entry => entry.name === name),
        ...vm_details(vm),
    };
}

// The rows of the table, the worst first, then by name. documents: {audit, list, status}, each can be null. booted: when
// the host was booted, in seconds since the epoch; null if that is unknown.
export function vm_rows(documents, booted) {
    const claims = list(object(documents.status).claims).map(claim);
    const found = by_process(documents.audit);
    const vms = list(object(documents.list).vms);
    const of_process = new Map(vms.filter(vm => integer(vm.pid) !== null).map(vm => [vm.pid, vm]));
    // The programs are asked at the same time: one may have seen a VM before it had a process, and another one after that.
    const starting = new Map(vms.filter(vm => integer(vm.pid) === null && vm.state === "starting").map(vm => [vm.name, vm]));
    const vm_of = process => of_process.get(process.pid) ||
        (process.vm_named_by === "virt-priv-run" ? starting.get(process.vm) : undefined);
    const processes = list(object(documents.audit).processes).filter(process => integer(process.pid) !== null);
    const rows = processes.map(process => audited_row(process, vm_of(process), found.get(process.pid) || [], claims, booted));
    const audited = new Set(processes.map(vm_of));

    for (const vm of vms)
        if (vm.state !== "abandoned" && !audited.has(vm))
            rows.push(listed_row(vm, claims));
    for (const row of rows)
        row.disks_held = documents.status
            ? row.claims.reduce((n, entry) => n + entry.entries.filter(file => file.held).length, 0) : null;
    return rows.sort((a, b) => rank(a.verdict) - rank(b.verdict) || compare(a.name, b.name) || compare(a.key, b.key));
}

// How many rows there are of each verdict, the worst first: [["critical", 2], …].
export function count_verdicts(rows) {
    return order.map(verdict => [verdict, rows.filter(row => row.verdict === verdict).length]).filter(([, n]) => n > 0);
}

export function matches(row, search, findings_only) {
    const wanted = search.trim().toLowerCase();

    if (findings_only && (row.verdict === "pass" || row.verdict === "none"))
        return false;
    return [row.name, row.user, row.unit].some(value => value.toLowerCase().includes(wanted));
}

const states = {
    "holder ended": "its process has ended",
    "earlier boot": "from before the last boot",
    held: "held until it is released",
    unknown: "its process cannot be examined",
};

// What is claimed, or left behind, and belongs to no row: {name, state, text, entries, reason, settle, release}.
// "release" is the name of a claim that can be released; the others are shown with the command that helps.
export function claims_left(documents, rows) {
    const status = object(documents.status);
    const shown = new Set(rows.flatMap(row => row.claims.map(entry => entry.name)));
    const left = [];
    const add = (name, state, words, more = {}) => left.push({
        key: `${state}:${name}`, name, state, text: words, entries: [], reason: "", settle: "", release: null, ...more,
    });

    for (const entry of list(status.claims).map(claim)) {
        const abandoned = entry.state === "holder ended" || entry.state === "earlier boot";

        if (abandoned || !shown.has(entry.name))
            add(entry.name, abandoned ? "abandoned" : "held", states[entry.state] || entry.state, {
                entries: entry.entries,
                release: abandoned && vm_name.test(entry.name) ? entry.name : null,
            });
    }
    for (const entry of list(status.damaged))
        add(text(entry.name), "damaged", "its journal cannot be read",
            { reason: text(entry.reason), settle: text(entry.settle) });
    const known = new Set(left.map(entry => entry.name));

    for (const entry of list(status.isolated))
        if (entry.state === "left behind" && !known.has(text(entry.name)))
            add(text(entry.name), "left behind", `user id ${integer(object(entry.ids).uid) ?? "unknown"} is still reserved`,
                { settle: "virt-priv-chown recover" });
    for (const vm of list(object(documents.list).vms))
        if (vm.state === "abandoned" && !left.some(entry => entry.name === text(vm.name)))
            add(text(vm.name), "left behind", "virt-priv-run and its QEMU were killed",
                { settle: "virt-priv-chown recover", entries: [] });
    return left.sort((a, b) => compare(a.name, b.name) || compare(a.key, b.key));
}

// What stands where the table would, if it has no rows: who does not see all processes does not know that there is none.
export function without_rows(documents) {
    const hidden = integer(object(object(documents.audit).host).hidden_processes);

    return documents.audit && documents.list && hidden === 0 ? "No virtual machine is running."
        : "No virtual machine can be seen, but not everything could be looked at.";
}

// One line for the top of the page.
export function summary(audit, rows, left) {
    if (!audit)
        return "Not audited";
    const findings = rows.filter(row => ["critical", "high", "medium"].includes(row.verdict)).length;
    const unknown = rows.filter(row => row.verdict === "unknown").length;
    const abandoned = left.filter(entry => entry.state === "abandoned").length;
    const orphaned = rows.filter(row => row.state === "orphaned").length;
    const hidden = integer(object(audit.host).hidden_processes);
    const words = [plural(rows.length, "VM", "VMs")];

    if (rows.length > 0)
        words.push(findings > 0 ? `${findings} with findings` : "no findings");
    if (unknown > 0)
        words.push(`${unknown} unknown`);
    if (orphaned > 0)
        words.push(`${orphaned} orphaned`);
    if (abandoned > 0)
        words.push(plural(abandoned, "abandoned claim", "abandoned claims"));
    if (hidden)
        words.push(plural(hidden, "process hidden", "processes hidden"));
    return words.join(", ");
}

// What a dialog asks before it acts: {title, text, yes, kind, done, paths}; kind is that of the button.
export function question(action, name, entries = []) {
    const paths = entries.map(entry => entry.path).filter(path => path !== "");
    const more = paths.length > 10 ? [`and ${paths.length - 9} more`] : [];

    return action === "release"
        ? {
            title: `Release the claim of ${name}?`,
            text: "The owners of these files are restored. If a process still uses one of them, nothing is released.",
            yes: "Release",
            kind: "primary",
            done: "was released",
            paths: more.length ? [...paths.slice(0, 9), ...more] : paths,
        }
        : {
            title: `Stop ${name}?`,
            text: "The guest is asked to power down. What has not stopped in the time that the unit gives it is killed, " +
                "and what it has not written to its disks is lost.",
            yes: "Stop VM",
            kind: "danger",
            done: "was stopped",
            paths: [],
        };
}

// A time as the table has it, in the time zone of the browser: 2026-11-30 01:20.
export function time_text(seconds) {
    if (seconds === null)
        return "–";
    const date = new Date(seconds * 1000);
    const two = n => String(n).padStart(2, "0");

    if (Number.isNaN(date.getTime()))
        return "–";
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// When the host was booted: the line btime of /proc/stat.
export function boot_time(stat) {
    const match = /^btime ([0-9]+)$/m.exec(text(stat));

    return match ? integer(Number(match[1])) : null;
}
