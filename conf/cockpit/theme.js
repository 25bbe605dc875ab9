// SPDX-License-Identifier: GPL-2.0-or-later
// Dark or light as Cockpit's shell is: it keeps the user's choice ("auto", "dark" or "light") in the storage of the
// browser, and "auto" is what the browser prefers. Loaded before the page is drawn, so that it does not flash.
"use strict";

(function () {
    const preferred = window.matchMedia("(prefers-color-scheme: dark)");

    function apply(style) {
        const chosen = style || window.localStorage.getItem("shell:style") || "auto";
        const dark = chosen === "dark" || (chosen === "auto" && preferred.matches);

        document.documentElement.classList.toggle("dark", dark);
    }

    window.addEventListener("storage", event => {
        if (event.key === "shell:style")
            apply();
    });
    window.addEventListener("cockpit-style", event => apply(event.detail && event.detail.style));
    preferred.addEventListener("change", () => apply());
    apply();
})();
