// SPDX-License-Identifier: GPL-2.0-or-later
// The programs that the page runs, and what is made of what they print. judge() is a pure function; run() and act()
// need Cockpit.

// The members that a document must have to be one of that program.
export const sources = {
    audit: {
        command: ["/usr/bin/virt-priv-audit", "--json", "--verbose"],
        members: { host: "object", processes: "array", findings: "array", claims: "object" },
    },
    list: {
        command: ["/usr/bin/virt-priv-run", "--list", "--json"],
        members: { vms: "array" },
    },
    status: {
        command: ["/usr/bin/virt-priv-chown", "status", "--json"],
        members: { claims: "array", isolated: "array", damaged: "array" },
    },
    settings: {
        command: ["/usr/bin/virt-priv-conf", "show", "--json"],
        members: { settings: "array" },
    },
};

export const actions = {
    release: name => ["/usr/bin/virt-priv-chown", "release", "--name", name],
    stop: unit => ["/usr/bin/systemctl", "stop", "--", unit],
};

// After this many seconds a program is no longer waited for. What reads the host waits 10 s for a server that does not
// answer; a unit has its TimeoutStopSec.
const seconds = { read: 120, act: 600 };
// The version of the documents that this page reads.
const version = 1;
const denials = ["access-denied", "authentication-failed", "not-authorized"];

function type_of(value) {
    if (Array.isArray(value))
        return "array";
    return value === null ? "null" : typeof value;
}

// The end of what a program said, in at most 2,000 characters.
function said(text) {
    const trimmed = String(text || "").trim();

    return trimmed.length > 2000 ? "…" + trimmed.slice(-2000) : trimmed;
}

function is_document(value, members) {
    return type_of(value) === "object" &&
        Object.keys(members).every(name => type_of(value[name]) === members[name]);
}

// What has become of a program: {document} or {problem, text}. "end" is undefined if it exited with 0, else what
// Cockpit says: {problem, exit_status, exit_signal, message}. An exit status other than 0 does not matter if there is a
// document: that of the auditor says what it has found.
export function judge(source, output, end) {
    const { command, members } = source;
    const name = command[0].replace(/^.*\//, "");
    let value;

    if (end && end.problem === "not-found")
        return { problem: "missing", text: `${command[0]} is not installed. Install the package virt-privileges.` };
    if (end && denials.includes(end.problem))
        return { problem: "denied", text: `${name} must be run as root.` };
    if (end && end.problem === "timeout")
        return { problem: "timeout", text: `${name} did not finish in ${seconds.read} seconds.` };
    if (output.trim() === "" && end && /must be run as root|Permission denied/.test(end.message))
        return { problem: "denied", text: said(end.message) };
    if (output.trim() === "" && end)
        return { problem: "failed", text: said(end.message) || `${name} ended without a word.` };
    try {
        value = JSON.parse(output);
    } catch (error) {
        return { problem: "unreadable", text: `${name} printed something that is not JSON: ${said(error.message)}` };
    }
    if (type_of(value) === "object" && "version" in value && value.version !== version)
        return {
            problem: "version",
            text: `${name} printed version ${said(value.version)} of its JSON, and this page reads version ` +
                `${version}. Update virt-privileges and virt-privileges-cockpit to the same version, and reload.`,
        };
    if (!is_document(value, members) || value.version !== version)
        return { problem: "unreadable", text: `${name} printed JSON, but not a document that this page knows.` };
    return { document: value };
}

// Collects what a process prints, in pieces, since that works whatever its exit status is.
function spawn(cockpit, command, limit) {
    return new Promise(resolve => {
        const process = cockpit.spawn(command, { superuser: "try", err: "message", environ: ["LC_ALL=C.UTF-8"] });
        const timer = window.setTimeout(() => process.close("timeout"), limit * 1000);
        let output = "";
        const finish = end => {
            window.clearTimeout(timer);
            resolve({ output, end });
        };

        process.stream(piece => {
            output += piece;
        });
        process.then(() => finish(), finish);
    });
}

export function run(cockpit, source) {
    return spawn(cockpit, source.command, seconds.read).then(({ output, end }) => judge(source, output, end));
}

// Resolves to null, or to a text that says why it failed.
export function act(cockpit, command) {
    return spawn(cockpit, command, seconds.act).then(({ output, end }) => {
        if (!end)
            return null;
        const name = command[0].replace(/^.*\//, "");
        const why = said(end.message) || said(output) || said(end.problem) || "failed";

        return why.startsWith(`${name}: `) ? why : `${name}: ${why}`;
    });
}
