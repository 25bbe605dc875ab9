// What tests do with the page in a browser, whatever Cockpit it is in. A view is a page of the browser's, or the frame in it
// that Cockpit has for the page.
//
// BROWSER: that program; PLAYWRIGHT: folder of playwright-core; PICTURES: where pictures go.
import { createRequire } from "node:module";

const { BROWSER, PLAYWRIGHT, PICTURES } = process.env;
const { chromium } = createRequire(`${PLAYWRIGHT}/`)("playwright-core");
// A machine that is busy with other things is slow.
export const patience = 300000;

export const launch = (...args) => chromium.launch({
    executablePath: BROWSER, timeout: patience,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", ...args],
});

// Adds to "wrong" what a page must not do: an error, a breach of the policy, a request elsewhere, a window of its own. Where
// it is in Cockpit's frame, Cockpit's own errors, and its images that are in its stylesheets, do not count.
export function watch(page, wrong, origin, framed = false) {
    const counts = place => !framed || place.includes("/virt-privileges/");

    page.on("pageerror", error => {
        if (counts(error.stack))
            wrong.push(error.message);
    });
    page.on("console", message => {
        if (["error", "warning"].includes(message.type()) && counts(message.location().url))
            wrong.push(message.text());
    });
    page.on("dialog", dialog => wrong.push(dialog.message()));
    page.on("request", request => {
        if (!request.url().startsWith(origin) && !(framed && request.url().startsWith("data:")))
            wrong.push(request.url());
    });
    page.context().on("page", () => wrong.push("a second window"));
}

export const loaded = view => view.waitForFunction(() => !document.querySelector("main").hasAttribute("aria-busy"));

// Refreshes, and waits until the answers of that are shown.
export async function refresh(view) {
    await view.evaluate(() => {
        document.getElementById("said").textContent = "";
    });
    await view.getByRole("button", { name: "Refresh" }).click();
    await view.waitForFunction(() => document.getElementById("said").textContent !== "");
}

export const picture = (page, name, more = {}) => page.screenshot({ path: `${PICTURES}/${name}.png`, animations: "disabled", ...more });
export const summary = view => view.locator("#summary").textContent();
export const row = (view, name) => view.locator("tbody").filter({ has: view.getByRole("button", { name, exact: true }) });
// What a row says, in one line.
export const text_of = async (view, name) => (await row(view, name).innerText()).replace(/\s+/g, " ");
export const notices = view => view.locator("#notices .notice").allInnerTexts();
export const focused = view => view.evaluate(() => document.activeElement.textContent);
