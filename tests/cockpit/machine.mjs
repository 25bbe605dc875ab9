// The page in a browser, in the Cockpit of a machine (tests/vm/scenarios/cockpit.sh), behind its login.
//
//   node machine.mjs PASSWORD
//
// MACHINE: address of its Cockpit; FOLDER: where pictures go; and what page.mjs wants. What is printed are lines of a
// scenario's report. What has been changed in the machine is for the scenario to see.
import assert from "node:assert/strict";

process.env.PICTURES = process.env.FOLDER;
const { focused, launch, notices, patience, picture, row, summary, text_of, watch } = await import("./page.mjs");
const password = process.argv[2];
const origin = `https://${process.env.MACHINE}`;
// What the page has done that it must not.
const wrong = [];
// Nothing else is looked up, or asked.
const browser = await launch("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");

// A window at Cockpit's login, which there is once the machine has its network.
async function at_login() {
    const context = await browser.newContext({ viewport: { width: 1280, height: 1800 }, reducedMotion: "reduce", ignoreHTTPSErrors: true });
    const page = await context.newPage();

    context.setDefaultTimeout(patience);
    watch(page, wrong, origin, true);
    for (const end = Date.now() + patience; ;) {
        try {
            await page.goto(`${origin}/virt-privileges`, { timeout: 30000 });
            await page.locator("#login-user-input").waitFor({ timeout: 30000 });
            return page;
        } catch (error) {
            if (Date.now() > end)
                throw error;
        }
    }
}

async function log_in(page, user, word = password) {
    await page.locator("#login-user-input").fill(user);
    await page.locator("#login-password-input").fill(word);
    await page.locator("#login-button").click();
}

// The frame that Cockpit has for the page, once that shows something.
async function view_of(page) {
    const frame = "iframe[name$='/virt-privileges']";

    await page.frameLocator(frame).locator("main:not([aria-busy])").waitFor();
    return (await page.locator(frame).elementHandle()).contentFrame();
}

// What a program in the machine prints, whatever its exit status is, for an administrator.
const said = (view, command) => view.evaluate(words => new Promise((resolve, reject) => {
    window.cockpit.spawn(["sh", "-c", `${words}; true`], { superuser: "require", err: "message" }).then(resolve, reject);
}), command);
const json_of = async (view, command) => JSON.parse(await said(view, command));

// The rows of the table, in its order: name, user, isolation, verdict, disks.
const table = view => view.locator("#vm-table tr.vm").evaluateAll(rows => rows.map(one =>
    [one.querySelector("button.toggle").textContent, ...[...one.querySelectorAll("td")].slice(0, 4).map(cell => cell.textContent.trim())]));

// The same as the programs tell.
async function table_of_tools(view) {
    const { processes } = await json_of(view, "virt-priv-audit --json");
    const { vms } = await json_of(view, "virt-priv-run --list --json");
    const { claims } = await json_of(view, "virt-priv-chown status --json");

    return processes.map(({ vm, user, uid, verdict }) => [vm, user || String(uid), vms.find(one => one.name === vm)?.isolation || "–",
        verdict === "pass" ? "no findings" : verdict,
        String(claims.filter(claim => claim.name === vm).flatMap(claim => claim.entries).filter(entry => entry.kind === "owner").length)]);
}

const open_row = (view, name) => view.getByRole("button", { name, exact: true }).click();

let page = null;
let view = null;
const steps = {
    async "an ordinary user logs in, is told what is missing, and can press nothing that acts"() {
        page = await at_login();
        await picture(page, "login");
        await log_in(page, "alice");
        view = await view_of(page);
        await view.locator(".notice").first().waitFor();
        assert.match((await notices(view)).join("\n"), /^Limited access\n.*Turn on administrative access/s);
        assert.match(await summary(view), /^0 VMs/);
        assert.equal(await view.locator("#vm-table button.toggle").count(), 0);
        assert.equal(await view.locator("button.danger:visible:enabled, #claims-list button:visible:enabled").count(), 0);
        await picture(page, "user");
        await page.context().close();
    },

    async "a wrong password is refused"() {
        page = await at_login();
        await log_in(page, "boss", "wrong");
        await page.locator("#login-error-message").filter({ hasText: "Wrong user name or password" }).waitFor();
        await picture(page, "refused");
    },

    async "an administrator has limited access at first"() {
        await log_in(page, "boss");
        view = await view_of(page);
        await view.locator(".notice").first().waitFor();
        assert.match((await notices(view)).join("\n"), /^Limited access\n/);
        assert.match(await summary(view), /^0 VMs/);
        await picture(page, "limited");
    },

    async "with administrative access all VMs are there"() {
        await page.getByRole("button", { name: "Limited access" }).click();
        await page.getByRole("dialog").locator("input[type=password]").fill(password);
        await page.getByRole("button", { name: "Authenticate" }).click();
        view = await view_of(page);
        await view.locator("#vm-table tr.vm").nth(3).waitFor();
        assert.match(await summary(view), /^4 VMs, \d with findings, 1 orphaned, 1 abandoned claim$/);
        assert.deepEqual(await notices(view), []);
        await picture(page, "vms");
    },

    async "the table says what the programs say"() {
        const rows = await table(view);

        assert.deepEqual([...rows].sort(), (await table_of_tools(view)).sort());
        assert.equal(rows[0].join(), "legacy,root,–,critical,0");
        assert.match(await text_of(view, "web"), /^web 9\d{4} full \w+ 1 20\d\d-/);
        assert.match(await text_of(view, "db"), /^db qemu (none|default) \w+/);
        assert.match(await text_of(view, "lost"), /^lost orphaned /);
        const [id, line] = (await said(view, "id -u qemu; sed -n '/^user/=' /etc/libvirt/qemu.conf")).split("\n");

        assert.match(await view.locator("#facts").innerText(), new RegExp(`QEMU user\\s+qemu \\(${id}\\), /etc/libvirt/qemu.conf line ${line}\n`));
    },

    async "a row opens: findings, claims, what helps"() {
        await open_row(view, "legacy");
        assert.match(await text_of(view, "legacy"), /critical P01 runs as root: user id 0 What helps: .*virt-priv-run --check --pid \d+ /);
        assert.equal(await row(view, "legacy").getByRole("button", { name: "Stop VM" }).count(), 0);
        await picture(page, "root");
        await open_row(view, "legacy");
        await open_row(view, "lost");
        assert.match(await text_of(view, "lost"), /orphaned: QEMU is running.* What helps: virt-priv-run --stop lost; then/);
        await picture(page, "orphan");
        await open_row(view, "lost");
        await open_row(view, "web");
        assert.match(await text_of(view, "web"), /virt-priv-vm@web\.service.*\/srv\/web\.raw \(owner before: 0:0\)/);
        await picture(page, "isolated");
    },

    async "an abandoned claim is released after a question, and not before"() {
        const button = view.getByRole("button", { name: "Release the claim of left" });
        const dialog = view.getByRole("dialog", { name: "Release the claim of left?" });
        const owner = () => said(view, "stat -c %u /srv/left.raw");

        assert.match(await view.locator("#claims").innerText(), /left\s+abandoned/);
        await button.click();
        assert.match(await dialog.innerText(), /\/srv\/left\.raw.*virt-priv-chown release --name left\n/s);
        await picture(page, "release");
        assert.equal(await focused(view), "Cancel");
        await dialog.getByRole("button", { name: "Cancel" }).click();
        assert.notEqual((await owner()).trim(), "0");
        await button.click();
        await dialog.getByRole("button", { name: "Release" }).click();
        await button.waitFor({ state: "detached" });
        assert.equal(await view.locator("#said").textContent(), "left was released.");
    },

    async "a unit is stopped after a question, and not before"() {
        const dialog = view.getByRole("dialog", { name: "Stop web?" });

        await row(view, "web").getByRole("button", { name: "Stop VM" }).click();
        assert.match(await dialog.innerText(), /systemctl stop -- virt-priv-vm@web\.service/);
        await picture(page, "stop");
        assert.equal((await said(view, "systemctl is-active virt-priv-vm@web.service")).trim(), "active");
        await dialog.getByRole("button", { name: "Stop VM" }).click();
        await row(view, "web").waitFor({ state: "detached" });
        assert.equal(await view.locator("#said").textContent(), "web was stopped.");
        assert.match(await summary(view), /^3 VMs, \d with findings, 1 orphaned$/);
        await picture(page, "afterwards");
    },

    async "the page has made no error, and has asked nobody else"() {
        assert.deepEqual(wrong, []);
    },
};

let failed = null;
for (const [name, step] of Object.entries(steps)) {
    const begin = Date.now();

    // What comes after a failure needs what did not work.
    try {
        if (!failed)
            await step();
        console.log(failed ? `# in a browser, not tried: ${name}` : `ok - in a browser: ${name}`);
    } catch (error) {
        failed = name;
        console.log(`not ok - in a browser: ${name}\n${error.stack}`.replaceAll("\n", "\n#   "));
        await picture(page, "failed").catch(() => {});
    }
    console.error(`${name}: ${Date.now() - begin} ms`);
}
await browser.close();
