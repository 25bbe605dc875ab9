// The page in a browser, and a Cockpit for each test, on tools that say what the test wants, or are the real ones.
//
//   node browser.mjs [TEST]...      runs all of "tests", or those
//
// What has become of each is in RESULTS/NAME: nothing if it is good. COCKPIT_WS: that program; TOOLS: the folder from which
// tests/cockpit/tool answers; DISK: the file of an abandoned claim; and what page.mjs wants.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { audit, cases, finding, markup, nothing, running, usual } from "./documents.mjs";
import { focused, launch, loaded, notices, patience, picture, refresh, row, summary, text_of, watch } from "./page.mjs";

const { COCKPIT_WS, DISK, RESULTS, TOOLS } = process.env;
const files = { audit: "virt-priv-audit", list: "virt-priv-run", status: "virt-priv-chown", settings: "virt-priv-conf" };

// What a tool prints from now on, and its exit status.
function tool_says(name, output, status = 0, error = "") {
    writeFileSync(`${TOOLS}/${files[name]}.err`, error);
    writeFileSync(`${TOOLS}/${files[name]}.status`, String(status));
    writeFileSync(`${TOOLS}/${files[name]}.out.new`, typeof output === "string" ? output : JSON.stringify(output));
    renameSync(`${TOOLS}/${files[name]}.out.new`, `${TOOLS}/${files[name]}.out`);
}

function tools_say(documents) {
    for (const name of Object.keys(files))
        tool_says(name, documents[name]);
}

function tools_are_real() {
    for (const file of Object.values(files))
        rmSync(`${TOOLS}/${file}.out`, { force: true });
}

// The calls of tools that change something.
function calls() {
    return existsSync(`${TOOLS}/calls`) ? readFileSync(`${TOOLS}/calls`, "utf8").split("\n").filter(line => line !== "") : [];
}

const browser = await launch();
// What a page has done that it must not.
const wrong = [];
const origin = "http://127.0.0.1:9090";
let opened = [];
let cockpit = null;

// A Cockpit that the user has logged in to; without a page for some seconds, it would log out.
async function log_in(user) {
    const as = user === "root" ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const words = [...as, "env", `HOME=/run/${user}`, `XDG_RUNTIME_DIR=/run/${user}`, COCKPIT_WS,
        "--local-session=/usr/bin/cockpit-bridge", "--no-tls", "-a", "127.0.0.1", "-p", "9090"];

    cockpit = spawn(words[0], words.slice(1), { stdio: "ignore" });
    for (const end = Date.now() + patience; Date.now() < end;) {
        if (await fetch(origin).then(() => true, () => false))
            return;
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error("cockpit-ws does not answer");
}

async function log_out() {
    if (cockpit && cockpit.exitCode === null && cockpit.signalCode === null) {
        const gone = once(cockpit, "exit");

        cockpit.kill();
        await gone;
    }
}

// open {user, width, style...}: the page in a window of its own.
async function open({ user = "root", width = 1200, height = 800, style = null, ...more } = {}) {
    if (!cockpit)
        await log_in(user);
    const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce", ...more });

    opened.push(context);
    context.setDefaultTimeout(patience);
    if (style)
        await context.addInitScript(value => window.localStorage.setItem("shell:style", value), style);
    const page = await context.newPage();

    watch(page, wrong, origin);
    await page.goto(`${origin}/cockpit/@localhost/virt-privileges/index.html`);
    await loaded(page);
    return page;
}

const visible_rows = page => page.locator("#vm-table > tbody:visible").count();

// The lowest contrast of a text with what is behind it (WCAG 2, 1.4.3), and that text.
const contrast = page => page.evaluate(() => {
    const rgb = color => color.match(/[0-9.]+/g).map(Number);
    const luminance = color => rgb(color).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor;

            if (rgb(color).length === 3 || rgb(color)[3] === 1)
                return color;
        }
        return "rgb(255, 255, 255)";
    };
    let lowest = [99, ""];

    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");

        // What stands in an empty field is a text as well.
        const part = element.placeholder ? "::placeholder" : null;

        if (!own && !part || element.disabled || !element.checkVisibility())
            continue;
        const [a, b] = [luminance(getComputedStyle(element, part).color), luminance(behind(element))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);

        if (ratio < lowest[0])
            lowest = [ratio, element.textContent];
    }
    return lowest;
});

const tests = {
    // Real VMs in several states, as the real tools see them.
    async real() {
        tools_are_real();
        const page = await open({ height: 900 });
        const of = name => text_of(page, name);

        assert.match(await of("web"), /^web 9\d{4} full \w+ 1 20\d\d-/);
        assert.match(await of("db"), /^db qemu default \w+ 1 20/);
        assert.match(await of("lost"), /^lost orphaned qemu default \w+ 1 20/);
        assert.match(await of("legacy"), /^legacy root – critical 0 20/);
        assert.match(await page.locator("#claims").innerText(), /left\s+abandoned/);
        await page.getByRole("button", { name: "legacy", exact: true }).click();
        assert.match(await of("legacy"), /P01 runs as root: user id 0/);
        await picture(page, "real", { fullPage: true });
        await page.getByRole("button", { name: "legacy", exact: true }).click();
        await page.getByRole("button", { name: "web", exact: true }).click();
        assert.match(await of("web"), /web\.raw \(owner before: 0:0\)/);
        await picture(page, "real-web", { fullPage: true });
        await page.getByRole("button", { name: "lost", exact: true }).click();
        assert.match(await of("lost"), /orphaned: QEMU is running, and its virt-priv-run was killed.* What helps: virt-priv-run --stop lost; then/);
    },

    // A real claim, whose process has ended: it is asked first, and root's file is root's again.
    async release() {
        tools_are_real();
        const owner = () => `${statSync(DISK).uid}:${statSync(DISK).gid}`;
        const claimed = owner();
        const page = await open();
        const button = page.getByRole("button", { name: "Release the claim of left" });
        const dialog = page.getByRole("dialog", { name: "Release the claim of left?" });

        assert.notEqual(claimed, "0:0");
        await button.click();
        await dialog.waitFor();
        assert.match(await dialog.innerText(), /virt-priv-chown release --name left\n/);
        assert.ok((await dialog.innerText()).includes(DISK));
        await picture(page, "release");
        // It begins with the button that does nothing; the page behind cannot be reached.
        assert.equal(await focused(page), "Cancel");
        await page.keyboard.press("Enter");
        await dialog.waitFor({ state: "hidden" });
        assert.equal(await focused(page), "Release");
        await page.keyboard.press("Enter");
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "hidden" });
        assert.equal(owner(), claimed);
        assert.deepEqual(calls(), []);
        await button.click();
        await dialog.getByRole("button", { name: "Release" }).click();
        await dialog.waitFor({ state: "hidden" });
        await button.waitFor({ state: "detached" });
        assert.equal(owner(), "0:0");
        assert.deepEqual(calls(), ["virt-priv-chown release --name left"]);
        assert.equal(await page.locator("#said").textContent(), "left was released.");
        assert.equal(await focused(page), "Refresh");
    },

    async usual() {
        tools_say(usual);
        const page = await open();

        assert.equal(await summary(page), "5 VMs, 1 with findings, 1 unknown, 1 abandoned claim");
        assert.deepEqual(await page.locator("#vm-table button.toggle").allTextContents(),
            ["db", "[firecracker]", "desktop", "new", "web"]);
        assert.match(await row(page, "web").innerText(), /web\s+90001\s+full\s+no findings\s+1\s+2026-09-21 14:13/);
        assert.deepEqual(await notices(page), []);
        // A row opens where it is clicked, and by its button.
        await row(page, "db").getByRole("cell", { name: "critical" }).click();
        const details = row(page, "db").getByRole("row").nth(1);

        assert.match(await details.innerText(), /critical\s+P01 runs as root: user id 0\s+What helps: put virt-priv-run/);
        assert.equal(await row(page, "db").getByRole("button", { name: "Stop VM" }).count(), 0);
        assert.equal(await row(page, "new").getByText("starting", { exact: true }).isVisible(), true);
        await picture(page, "page", { fullPage: true });
        await page.getByText("3 checks passed").click();
        await page.getByText("Settings in force").click();
        assert.match(await page.locator("#settings-table").innerText(), /user\s+qemu\s+\/etc\/libvirt\/qemu.conf line 3/);
        await picture(page, "usual", { fullPage: true });
        await page.getByRole("button", { name: "web", exact: true }).click();
        const open_row = await row(page, "web").innerText();

        for (const text of ["virt-priv-vm@web.service", "/srv/vm/web.qcow2 (owner before: 0:0)", "/run/web.qmp (qmp)",
            "/srv/vm/base.qcow2 (access by an ACL entry)", "Checks that passed: 1"])
            assert.ok(open_row.includes(text), `${text} is not in ${open_row}`);
        await row(page, "web").getByRole("cell", { name: "full" }).click();
        assert.equal(await row(page, "web").getByRole("row").nth(1).isVisible(), false);
        assert.match(await page.locator("#claims").innerText(), /old\s+abandoned.*\n.*old.qcow2.*\n.*it is immutable; chattr -i/s);
        assert.match(await page.locator("#claims").innerText(), /torn\s+damaged.*What helps: virt-priv-chown release --name torn --as-is/s);
    },

    async empty() {
        tools_say(nothing);
        const page = await open();

        assert.equal(await summary(page), "0 VMs");
        assert.equal(await page.locator("#no-vms").textContent(), "No virtual machine is running.");
        assert.equal(await page.locator("#vm-table").isVisible(), false);
        assert.equal(await page.locator("#claims").isVisible(), false);
        await picture(page, "empty");
    },

    async unreadable() {
        tools_say(usual);
        tool_says("audit", "{\"version\": 1, \"host\": <b>", 0);
        tool_says("status", { version: 2, claims: [] });
        tool_says("list", "", 125, "virt-priv-run: /run/virt-privileges: Input/output error\n");
        const page = await open();

        assert.deepEqual((await notices(page)).map(text => text.split("\n")[0]),
            ["A program's output cannot be read", "A program failed", "The versions differ"]);
        assert.match((await notices(page)).join(" "), /virt-priv-audit printed something that is not JSON.*Input\/output error.*version 2/s);
        assert.equal(await summary(page), "Not audited");
        assert.equal(await page.locator("#host").isVisible(), false);
        await picture(page, "unreadable");
        // Once they say something else, that is shown.
        tools_say(usual);
        await refresh(page);
        assert.deepEqual(await notices(page), []);
        assert.equal(await page.locator("#host").isVisible(), true);
    },

    async missing() {
        tools_say(usual);
        renameSync("/usr/bin/virt-priv-audit", "/usr/bin/virt-priv-audit.away");
        try {
            const page = await open();

            assert.deepEqual(await notices(page),
                ["A program is missing\n\n/usr/bin/virt-priv-audit is not installed. Install the package virt-privileges."]);
            // What the others know is shown.
            assert.deepEqual(await page.locator("#vm-table button.toggle").allTextContents(), ["new", "web"]);
            await picture(page, "missing");
        } finally {
            renameSync("/usr/bin/virt-priv-audit.away", "/usr/bin/virt-priv-audit");
        }
    },

    // An ordinary user's session, on the real tools.
    async unprivileged() {
        tools_are_real();
        const page = await open({ user: "alice" });

        await page.waitForFunction(() => document.querySelector(".notice"));
        assert.match((await notices(page)).join("\n"), /^Limited access\n.*Turn on administrative access/s);
        assert.equal((await notices(page)).length, 1);
        assert.match(await page.locator("#host").innerText(), /QEMU user\s+qemu \(id unknown\), settings not read/);
        assert.match(await summary(page), /^0 VMs, \d+ processes hidden$/);
        assert.match(await page.locator("#no-vms").textContent(), /^No virtual machine can be seen, but/);
        await picture(page, "unprivileged", { fullPage: true });
        // Documents that root has left are no reason to let alice do something.
        tools_say(usual);
        await refresh(page);
        assert.equal(await page.getByRole("button", { name: "Release the claim of old" }).isDisabled(), true);
        await page.getByRole("button", { name: "web", exact: true }).click();
        const stop = row(page, "web").getByRole("button", { name: "Stop VM" });

        assert.equal(await stop.isDisabled(), true);
        assert.equal(await stop.getAttribute("title"), "Needs administrative access");
    },

    async many() {
        tools_say(cases.many);
        const page = await open();

        assert.equal(await summary(page), "500 VMs, 10 with findings");
        assert.equal(await visible_rows(page), 500);
        await picture(page, "many");
        await page.getByLabel("Search").fill("vm-00");
        assert.equal(await visible_rows(page), 10);
        assert.equal(await page.locator("#shown").textContent(), "10 of 500 shown");
        await page.getByLabel("With findings only").check();
        assert.equal(await visible_rows(page), 2);
        await page.getByLabel("Search").fill("no such");
        assert.equal(await page.locator("#no-vms").textContent(), "None matches.");
        await page.getByLabel("Search").fill("");
        await page.getByLabel("With findings only").uncheck();
        // Nothing jumps: the same nodes at the same place, what is open stays so, and so does the focus.
        await page.getByRole("button", { name: "vm-250", exact: true }).click();
        const place = () => page.evaluate(() => {
            const at = document.activeElement;

            return [at.textContent, at.getAttribute("aria-expanded"), Math.round(at.getBoundingClientRect().top),
                document.querySelectorAll("#vm-table > tbody[data-mark]").length];
        });

        await page.evaluate(() => document.querySelectorAll("#vm-table > tbody").forEach(body => body.setAttribute("data-mark", "")));
        const before = await place();

        assert.deepEqual([before[0], before[1], before[3]], ["vm-250", "true", 500]);
        // By the timer, not by a click, which would take the focus.
        const changed = structuredClone(cases.many);

        changed.audit.processes[250].verdict = "medium";
        changed.audit.findings.push(finding("P09", "medium", "fail", "no_new_privs is not set", { pid: 1250 }));
        await page.evaluate(() => {
            window.answers = 0;
            new MutationObserver(() => window.answers++).observe(document.getElementById("summary"), { childList: true });
        });
        const again = () => page.evaluate(() => new Promise(resolve => {
            window.cockpit.dispatchEvent("visibilitychange");
            const observer = new MutationObserver(() => {
                observer.disconnect();
                resolve();
            });

            observer.observe(document.getElementById("summary"), { childList: true });
        }));

        await again();
        assert.deepEqual(await place(), before);
        // A VM that gets a finding moves up; what was open and has the focus stays both.
        tool_says("audit", changed.audit);
        await again();
        assert.deepEqual((await place()).filter((_, i) => i !== 2), ["vm-250", "true", 500]);
        assert.match(await row(page, "vm-250").innerText(), /P09 no_new_privs is not set/);
        assert.equal(await page.locator("#vm-table button.toggle").nth(10).textContent(), "vm-250");
    },

    async limit() {
        const processes = Array.from({ length: 1005 }, (_, i) => running(1000 + i, { vm: `vm-${1000 + i}`, vm_named_by: "libvirt" }));

        tools_say({ ...nothing, audit: audit(processes, []) });
        const page = await open();

        assert.equal(await page.locator("#vm-table > tbody").count(), 1000);
        assert.equal(await page.locator("#shown").textContent(), "The first 1000 of 1005 are shown; search for others");
        await page.getByLabel("Search").fill("vm-2004");
        assert.equal(await visible_rows(page), 1);
        assert.equal(await page.locator("#shown").textContent(), "1 of 1005 shown");
        await page.getByLabel("Search").fill("");
        assert.equal(await visible_rows(page), 1000);
    },

    async hostile() {
        tools_say(cases.hostile);
        const page = await open();

        // All that there is to open and to press, but for what would act.
        for (const button of await page.locator("#vm-table button.toggle").all())
            await button.evaluate(element => element.click());
        for (const details of await page.locator("details > summary:visible").all())
            await details.click();
        const texts = await page.locator("#vm-table button.toggle").allTextContents();

        // A browser has no NUL in a text.
        assert.deepEqual(texts.sort(), [...markup].sort());
        for (const button of await page.locator("#claims-list button:visible").all()) {
            await button.click();
            await page.getByRole("button", { name: "Cancel" }).click();
        }
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.equal(await page.locator("img, script:not([src]), svg, iframe, a, h1:nth-of-type(2), [onerror], [onload], [style]").count(), 0);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
        // A unit has no such name, but for "__proto__" and "constructor".
        assert.equal(await page.locator("button.stop:visible").count(), 2);
        await picture(page, "hostile");
        assert.deepEqual(calls(), []);
    },

    // What is refused is said in the question, which stays open.
    async refused() {
        tools_say(usual);
        const page = await open();

        writeFileSync(`${TOOLS}/act`, "echo \"virt-priv-chown: VM 'old' is running: <b>process</b> 99\" >&2; exit 1\n");
        await page.getByRole("button", { name: "Release the claim of old" }).click();
        const dialog = page.getByRole("dialog");

        await dialog.getByRole("button", { name: "Release" }).click();
        await dialog.getByText("VM 'old' is running").waitFor();
        assert.equal(await dialog.getByRole("alert").textContent(), "virt-priv-chown: VM 'old' is running: <b>process</b> 99");
        assert.equal(await dialog.getByRole("button", { name: "Release" }).isEnabled(), true);
        // Nobody who uses the keyboard is thrown out of the question.
        assert.equal(await focused(page), "Cancel");
        await picture(page, "refused");
        await dialog.getByRole("button", { name: "Cancel" }).click();
        // Where the question is closed while the command runs, the page says what has become of it.
        writeFileSync(`${TOOLS}/act`, "until [ -e \"${0%/*}/go\" ]; do sleep 0.1; done; echo too late >&2; exit 1\n");
        await page.getByRole("button", { name: "Release the claim of old" }).click();
        await dialog.getByRole("button", { name: "Release" }).click();
        await dialog.getByText("virt-priv-chown is running.").waitFor();
        assert.equal(await focused(page), "Close");
        await page.keyboard.press("Escape");
        writeFileSync(`${TOOLS}/go`, "");
        assert.match(await page.locator("#failure .notice").innerText(), /That failed\s+virt-priv-chown: too late/);
    },

    async stop() {
        tools_say(usual);
        const page = await open();

        await page.getByRole("button", { name: "web", exact: true }).click();
        await page.getByRole("button", { name: "Stop VM" }).click();
        const dialog = page.getByRole("dialog", { name: "Stop web?" });

        assert.match(await dialog.innerText(), /systemctl stop -- virt-priv-vm@web\.service/);
        assert.deepEqual(calls(), []);
        await picture(page, "stop");
        // From then on it is gone.
        const stopped = structuredClone(usual);

        stopped.audit.processes.shift();
        stopped.list.vms.shift();
        stopped.status.claims.shift();
        tools_say(stopped);
        await dialog.getByRole("button", { name: "Stop VM" }).click();
        await dialog.waitFor({ state: "hidden" });
        assert.deepEqual(calls(), ["systemctl stop -- virt-priv-vm@web.service"]);
        assert.equal(await page.locator("#said").textContent(), "web was stopped.");
        assert.equal(await row(page, "web").count(), 0);
    },

    // By the keyboard alone, with the names and roles that a screen reader has.
    async keyboard() {
        tools_say(usual);
        const page = await open();
        const reached = [];

        for (let i = 0; i < 12; i++) {
            await page.keyboard.press("Tab");
            reached.push(await page.evaluate(() => {
                const at = document.activeElement;

                return at.getAttribute("aria-label") || at.labels && at.labels.length > 0 && at.labels[0].textContent.trim() ||
                    at.textContent;
            }));
        }
        assert.deepEqual(reached, ["Refresh", "3 checks passed", "Settings in force", "Release the claim of old", "Search",
            "With findings only", "db", "[firecracker]", "desktop", "new", "web", reached[11]]);
        const button = page.getByRole("button", { name: "db", exact: true });

        await button.focus();
        assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "solid");
        await page.keyboard.press("Enter");
        assert.equal(await button.getAttribute("aria-expanded"), "true");
        assert.equal(await page.evaluate(() =>
            document.getElementById(document.activeElement.getAttribute("aria-controls")).checkVisibility()), true);
        await page.keyboard.press("Space");
        assert.equal(await button.getAttribute("aria-expanded"), "false");
        for (const [role, name, n] of [["main", undefined, 1], ["region", "Host", 1], ["region", "Claims without a running VM", 1],
            ["region", "Virtual machines", 1], ["table", "Virtual machines", 1], ["search", undefined, 1], ["heading", "VM privileges", 1]])
            assert.equal(await page.getByRole(role, name ? { name, exact: true } : {}).count(), n, `${role} ${name}`);
        assert.equal(await page.locator("#vm-table").getByRole("columnheader").count(), 6);
        assert.equal(await page.locator("html").getAttribute("lang"), "en");
    },

    async narrow() {
        tools_say(usual);
        const page = await open({ width: 320, height: 640 });

        for (const name of ["web", "db"])
            await page.getByRole("button", { name, exact: true }).click();
        await page.getByText("Settings in force").click();
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
        // It is a table still, and each cell says what it is.
        assert.equal(await row(page, "web").getByRole("row").first().getByRole("cell").count(), 5);
        assert.equal(await row(page, "web").getByRole("cell").first().evaluate(cell => getComputedStyle(cell, "::before").content), "\"User\"");
        await picture(page, "narrow", { fullPage: true });
        await page.getByRole("button", { name: "Release the claim of old" }).click();
        assert.equal(await page.getByRole("dialog").evaluate(dialog => dialog.scrollWidth <= 320), true);
        await picture(page, "narrow-question");
    },

    // The pages stay open until the end: without one, Cockpit would log out.
    async dark() {
        tools_say(usual);
        for (const [style, scheme, dark] of [["dark", "light", true], ["light", "dark", false], ["auto", "dark", true], [null, "dark", true],
            [null, "light", false]]) {
            const page = await open({ style, colorScheme: scheme });

            assert.equal(await page.evaluate(() => document.documentElement.classList.contains("dark")), dark, `${style} ${scheme}`);
            if (style === "auto" || scheme === "light" && !style) {
                await page.getByRole("button", { name: "db", exact: true }).click();
                await page.getByText("Settings in force").click();
                await picture(page, dark ? "dark" : "light", { fullPage: true });
                const [ratio, text] = await contrast(page);

                assert.ok(ratio >= 4.5, `${ratio}: ${text}`);
                // The shell tells in either way.
                await page.evaluate(() => window.dispatchEvent(new CustomEvent("cockpit-style", { detail: { style: "light" } })));
                assert.equal(await page.evaluate(() => document.documentElement.classList.contains("dark")), false);
                await page.evaluate(() => {
                    window.localStorage.setItem("shell:style", "dark");
                    window.dispatchEvent(new StorageEvent("storage", { key: "shell:style" }));
                });
                assert.equal(await page.evaluate(() => document.documentElement.classList.contains("dark")), true);
                const [darker, other] = await contrast(page);

                assert.ok(darker >= 4.5, `${darker}: ${other}`);
            }
        }
    },
};

// The real ones first: what they find is there from the beginning.
for (const [name, test] of Object.entries(tests)) {
    if (process.argv.length > 2 && !process.argv.includes(name))
        continue;
    const begin = Date.now();
    let result = "";

    for (const file of ["calls", "act", "go"])
        rmSync(`${TOOLS}/${file}`, { force: true });
    wrong.length = 0;
    try {
        await test();
        assert.deepEqual(wrong, []);
    } catch (error) {
        result = `${error.stack}\n${wrong.join("\n")}\n`;
        for (const page of opened.flatMap(context => context.pages()))
            await picture(page, `failed-${name}`).catch(() => {});
    }
    for (const context of opened)
        await context.close().catch(() => {});
    opened = [];
    await log_out();
    cockpit = null;
    writeFileSync(`${RESULTS}/${name}`, result);
    console.log(`${name}: ${Date.now() - begin} ms`);
}
await browser.close();
