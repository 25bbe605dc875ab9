// SPDX-License-Identifier: GPL-2.0-or-later
// The page: asks the tools, shows what model.js makes of it, and acts after a question. Everything else is read only.
import { actions, act, run, sources } from "./tools.js";
import {
    boot_time, claims_left, count_verdicts, host_card, matches, question, settings_table, summary, vm_rows, without_rows,
} from "./model.js";
import { badge, element, facts, findings_list, notice, paths, place, row_cells, row_details, settings_rows } from "./dom.js";

const cockpit = window.cockpit;
const by_id = id => document.getElementById(id);
// So long after an answer the tools are asked again, if the page is visible.
const pause = 60;
// More rows are not drawn, which would take the browser's time and memory: they are searched for.
const most_rows = 1000;

const permission = cockpit.permission({ admin: true });
let rows = [];
let no_rows = "";
let shown = { vms: new Map(), claims: new Map() };
let running = null;
let again = false;
let timer = null;
let made_vms = 0;

// Whether the user may do what the tools do as root: not if Cockpit says so, or one of them.
let denied = false;
const may_act = () => permission.allowed !== false && !denied;

// A button that acts can be pressed by who may act; who may not reads why.
function allow(button) {
    button.disabled = !may_act();
    button.title = may_act() ? "" : "Needs administrative access";
}

function say(words) {
    by_id("said").textContent = words;
}

// replace PARENT CHILD...: only if something differs, so that nothing moves, and no selection is lost.
function replace(parent, ...children) {
    const made = children.filter(child => child !== null);
    const old = parent.childNodes;

    if (made.length !== old.length || made.some((child, i) => !child.isEqualNode(old[i])))
        parent.replaceChildren(...made);
}

const titles = {
    missing: "A program is missing",
    failed: "A program failed",
    timeout: "A program did not answer",
    unreadable: "A program's output cannot be read",
    version: "The versions differ",
};

function show_notices(results) {
    const made = [];
    const failed = Object.values(results).filter(result => result.problem);

    if (!may_act())
        made.push(notice("Limited access", "Only what every user may see is shown, and the audit is incomplete. " +
            "Turn on administrative access at the top of Cockpit to see everything, and to release claims or stop VMs."));
    for (const result of failed)
        if (result.problem !== "denied")
            made.push(notice(titles[result.problem], result.text, "problem"));
    replace(by_id("notices"), ...made);
}

function show_host(audit, settings) {
    const card = host_card(audit, settings);

    by_id("host").hidden = !card;
    if (!card)
        return;
    replace(by_id("host-verdict"), badge(card.worst));
    replace(by_id("facts"), ...facts(card.facts));
    replace(by_id("checks"), findings_list(card.findings));
    by_id("passed").hidden = card.passed.length === 0;
    replace(by_id("passed-title"), document.createTextNode(card.passed_text));
    replace(by_id("passed-checks"), findings_list(card.passed));
    by_id("settings").hidden = !settings;
    if (settings)
        replace(by_id("settings-table"), settings_rows(settings_table(settings)));
}

function toggle(entry) {
    const open = entry.details.hidden;

    entry.details.hidden = !open;
    entry.button.setAttribute("aria-expanded", String(open));
    show_details(entry);
}

function show_details(entry) {
    if (entry.details.hidden)
        return;
    const stop = entry.row.stop;
    const cell = entry.details.querySelector(".details");

    replace(cell.firstChild, ...row_details(entry.row));
    entry.stop.hidden = !stop;
    allow(entry.stop);
}

// A row of the table: a body of its own, with the row and what it opens.
function make_vm(row) {
    const id = `details-${++made_vms}`;
    const button = element("button", { type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": id });
    const mark = element("span");
    const stop = element("button", { type: "button", class: "stop danger", hidden: true }, "Stop VM");
    const main = element("tr", { role: "row", class: "vm" }, element("th", { role: "rowheader", scope: "row" }, button, " ", mark));
    const details = element("tr", { role: "row", id, hidden: true }, element("td", { role: "cell", colspan: "6" },
        element("div", { class: "details" }, element("div"), stop)));
    const body = element("tbody", { role: "rowgroup", "data-key": row.key }, main, details);
    const entry = { row, body, main, button, mark, details, stop, json: "" };

    main.addEventListener("click", event => {
        // Who selects the text of a row does not want it opened.
        if (event.target === button || button.contains(event.target) || window.getSelection().isCollapsed)
            toggle(entry);
    });
    stop.addEventListener("click", () => ask("stop", entry.row.name, actions.stop(entry.row.stop)));
    return entry;
}

function update_vm(entry, row) {
    const json = JSON.stringify(row);

    entry.row = row;
    if (json !== entry.json) {
        entry.json = json;
        entry.button.textContent = row.name;
        entry.mark.replaceChildren(...(row.mark ? [badge(row.state === "orphaned" ? "medium" : "info", row.mark)] : []));
        while (entry.main.children.length > 1)
            entry.main.lastChild.remove();
        entry.main.append(...row_cells(row));
    }
    show_details(entry);
}

// update KEYED MODELS MAKE CHANGE: the entries of the models, in their order; those that were there stay.
function update(keyed, models, make, change) {
    const entries = new Map();

    for (const model of models) {
        const entry = keyed.get(model.key) || make(model);

        change(entry, model);
        entries.set(model.key, entry);
    }
    return entries;
}

// Draws the rows that are searched for. One that was drawn stays what it was, open or not, until its VM is gone.
function filter() {
    const search = by_id("search").value;
    const only = by_id("findings-only").checked;
    const found = rows.filter(row => matches(row, search, only));
    const wanted = new Set(found.slice(0, most_rows).map(row => row.key));

    shown.vms = update(shown.vms, rows.filter(row => wanted.has(row.key) || shown.vms.has(row.key)), make_vm, update_vm);
    for (const entry of shown.vms.values())
        entry.body.hidden = !wanted.has(entry.row.key);
    place(by_id("vm-table"), [...shown.vms.values()].map(entry => entry.body));
    by_id("shown").textContent = wanted.size === rows.length ? "" : wanted.size < found.length
        ? `The first ${wanted.size} of ${found.length} are shown; search for others` : `${wanted.size} of ${rows.length} shown`;
    by_id("no-vms").textContent = rows.length === 0 ? no_rows : wanted.size === 0 ? "None matches." : "";
}

function show_vms(documents) {
    by_id("vms").hidden = !documents.audit && !documents.list;
    by_id("vm-table").hidden = rows.length === 0;
    by_id("filter").hidden = rows.length < 2;
    replace(by_id("verdicts"), ...count_verdicts(rows).map(([verdict, n]) => badge(verdict, `${n} ${verdict === "pass"
        ? "without findings" : verdict === "none" ? "not audited" : verdict}`)));
    filter();
}

function make_claim(left) {
    const button = element("button", { type: "button", "aria-label": `Release the claim of ${left.name}` }, "Release");
    const head = element("div", { class: "bar" }, element("strong", {}, left.name), element("span"), element("span"), button);
    const content = element("div");
    const body = element("li", { "data-key": left.key }, head, content);
    const entry = { left, body, head, content, button };

    button.addEventListener("click", () =>
        ask("release", entry.left.name, actions.release(entry.left.release), entry.left.entries));
    return entry;
}

function update_claim(entry, left) {
    entry.left = left;
    replace(entry.head.children[1], badge(left.state === "held" ? "info" : "medium", left.state));
    entry.head.children[2].textContent = left.text;
    entry.button.hidden = left.release === null;
    allow(entry.button);
    replace(entry.content, paths(left.entries), left.reason ? element("p", {}, left.reason) : null,
        left.settle ? element("p", { class: "dim" }, "What helps: ", element("code", {}, left.settle)) : null);
}

function show_claims(left) {
    by_id("claims").hidden = left.length === 0;
    shown.claims = update(shown.claims, left, make_claim, update_claim);
    place(by_id("claims-list"), [...shown.claims.values()].map(entry => entry.body));
}

async function ask_tools() {
    const names = Object.keys(sources);
    const [stat, ...answers] = await Promise.all([
        Promise.resolve(cockpit.file("/proc/stat").read()).catch(() => ""),
        ...names.map(name => run(cockpit, sources[name])),
    ]);
    const results = Object.fromEntries(names.map((name, i) => [name, answers[i]]));
    const documents = Object.fromEntries(names.map((name, i) => [name, answers[i].document || null]));

    denied = answers.some(answer => answer.problem === "denied");
    rows = vm_rows(documents, boot_time(stat));
    no_rows = without_rows(documents);
    const left = claims_left(documents, rows);

    show_notices(results);
    show_host(documents.audit, documents.settings);
    show_claims(left);
    show_vms(documents);
    by_id("summary").textContent = summary(documents.audit, rows, left);
}

// Asks the tools; while they are being asked, once more after that.
function refresh() {
    if (running) {
        again = true;
        return running;
    }
    window.clearTimeout(timer);
    running = ask_tools().then(() => {
        document.querySelector("main").removeAttribute("aria-busy");
        running = null;
        timer = window.setTimeout(refresh_if_visible, pause * 1000);
        if (!again)
            return null;
        again = false;
        return refresh();
    });
    return running;
}

function refresh_if_visible() {
    if (!cockpit.hidden)
        refresh();
}

// ask ACTION NAME COMMAND ENTRIES: the question; the command is run once it is answered with yes.
let asked = null;

const program = command => command[0].replace(/^.*\//, "");

function ask(action, name, command, entries = []) {
    const words = question(action, name, entries);

    asked = { command, done: `${name} ${words.done}.` };
    by_id("question-title").textContent = words.title;
    by_id("question-text").textContent = words.text;
    by_id("question-command").textContent = [program(command), ...command.slice(1)].join(" ");
    by_id("question-list").replaceChildren(...words.paths.map(path => element("li", {}, path)));
    by_id("question-error").textContent = "";
    by_id("question-state").textContent = "";
    by_id("question-yes").textContent = words.yes;
    by_id("question-yes").className = words.kind;
    answerable(true);
    by_id("question").showModal();
    by_id("question-no").focus();
}

// While the command runs, the question can be closed, and the command goes on.
function answerable(can) {
    by_id("question-yes").disabled = !can;
    by_id("question-no").textContent = can ? "Cancel" : "Close";
}

// The question can be closed, and another one asked, while the command runs: what has become of it is said all the same.
async function answer_yes() {
    const job = asked;
    const is_open = () => asked === job && by_id("question").open;

    replace(by_id("failure"));
    answerable(false);
    // A disabled button would lose the focus to nothing.
    by_id("question-no").focus();
    by_id("question-error").textContent = "";
    by_id("question-state").textContent = `${program(job.command)} is running.`;
    const why = await act(cockpit, job.command);

    await refresh();
    if (is_open()) {
        by_id("question-state").textContent = "";
        by_id("question-error").textContent = why || "";
        answerable(true);
        if (!why)
            by_id("question").close();
    } else if (why) {
        replace(by_id("failure"), notice("That failed", why, "problem"));
    }
    say(why || job.done);
    // What it was asked from is gone: the focus is nowhere, or in what is closed.
    if (!by_id("question").open && !document.querySelector("main").contains(document.activeElement))
        by_id("refresh").focus();
}

by_id("question-no").addEventListener("click", () => by_id("question").close());
by_id("question-yes").addEventListener("click", answer_yes);
by_id("refresh").addEventListener("click", () => refresh().then(() => say(by_id("summary").textContent)));
by_id("search").addEventListener("input", filter);
by_id("findings-only").addEventListener("change", filter);
permission.addEventListener("changed", refresh);
cockpit.addEventListener("visibilitychange", refresh_if_visible);
refresh();
