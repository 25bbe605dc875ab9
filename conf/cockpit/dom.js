// SPDX-License-Identifier: GPL-2.0-or-later
// Elements of the page. Text that comes from a tool is only ever the content of a text node, or of an attribute that the
// browser does not interpret.
import { label, time_text } from "./model.js";

// element(TAG, {attribute: value}, child or text...)
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes))
        if (value !== null && value !== false)
            made.setAttribute(name, value === true ? "" : value);
    made.append(...children.filter(child => child !== null && child !== ""));
    return made;
}

export function badge(verdict, words = "") {
    const { color, text } = label(verdict);

    return element("span", { class: `label ${color}` }, words || text);
}

export function facts(rows) {
    return rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

// What helps against several findings is said once.
export function findings_list(findings) {
    return element("ul", { class: "plain findings" }, ...findings.map((finding, i) => element("li", {},
        element("span", {}, finding.verdict === "none" ? badge("none", "not applicable") : badge(finding.verdict,
            finding.verdict === "pass" ? "passed" : "")),
        element("span", {}, element("span", { class: "check" }, `${finding.check} `), finding.message),
        finding.remedy && (i === 0 || finding.remedy !== findings[i - 1].remedy) ? element("span", { class: "remedy" }, `What helps: ${finding.remedy}`) : null)));
}

export function paths(entries) {
    return element("ul", { class: "paths" }, ...entries.map(entry => element("li", {}, entry.path,
        entry.note ? element("span", { class: "dim" }, ` (${entry.note})`) : null,
        entry.reason ? element("div", { class: "dim" }, `${entry.reason}; ${entry.settle}`) : null)));
}

function section(title, ...children) {
    return [element("h3", {}, title), ...children];
}

// What a row opens.
export function row_details(row) {
    const known = [["Process", row.pid === null ? "none" : String(row.pid)], ["State", row.state_text], ["Unit", row.unit],
        ["Program", row.executable]].filter(([, value]) => value !== "");
    const rest = row.passed > 0 ? element("p", { class: "dim" }, `Checks that passed: ${row.passed}`) : null;
    const parts = [element("dl", { class: "facts" }, ...facts(known))];

    if (row.settle)
        parts.push(element("p", {}, "What helps: ", element("code", {}, row.settle)));
    if (row.ordinary)
        parts.push(element("p", {}, "A VM of an ordinary user, who can do no more with it than without."));
    if (!row.is_qemu)
        parts.push(element("p", {}, "Not QEMU: another program that uses KVM."));
    parts.push(...section("Findings", row.findings.length > 0 ? findings_list(row.findings)
        : element("p", {}, row.verdict === "none" ? "Not audited." : "None."), ...(rest ? [rest] : [])));
    for (const claim of row.claims)
        parts.push(...section(`Claim ${claim.name}: ${claim.state}`, paths(claim.entries)));
    if (row.disks.length > 0)
        parts.push(...section("Disks", paths(row.disks)));
    if (row.sockets.length > 0)
        parts.push(...section("Sockets", paths(row.sockets)));
    return parts;
}

function cell(name, more, ...children) {
    return element("td", { role: "cell", "data-label": name, ...more }, ...children);
}

// The cells of a row behind the name.
export function row_cells(row) {
    const since = row.since === null ? "–"
        : element("time", { datetime: new Date(row.since * 1000).toISOString() }, time_text(row.since));

    return [
        cell("User", {}, row.user),
        cell("Isolation", {}, row.isolation),
        cell("Verdict", {}, badge(row.verdict)),
        cell("Disks held", { class: "number" }, row.disks_held === null ? "–" : String(row.disks_held)),
        cell("Since", {}, since),
    ];
}

export function settings_rows(rows) {
    const head = element("tr", {}, ...["Key", "Value", "From"].map(name => element("th", { scope: "col" }, name)));

    return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows.map(row =>
        element("tr", {}, element("th", { scope: "row" }, row.key), element("td", {}, row.value),
            element("td", {}, row.where)))));
}

export function notice(title, words, kind = "") {
    return element("div", { class: `notice ${kind}` }, element("h2", {}, title), element("p", {}, words));
}

// Makes "children" those of the parent, each of which has a key: what is there already stays where it is, and keeps what
// is open in it, and the focus.
export function place(parent, children) {
    const wanted = new Set(children);
    const focused = document.activeElement;

    for (const child of [...parent.children])
        if (child.dataset.key !== undefined && !wanted.has(child))
            child.remove();
    let next = [...parent.children].find(child => child.dataset.key !== undefined) || null;

    for (const child of children) {
        if (child === next)
            next = child.nextElementSibling;
        else
            parent.insertBefore(child, next);
    }
    if (focused && focused !== document.activeElement && parent.contains(focused))
        focused.focus({ preventScroll: true });
}
