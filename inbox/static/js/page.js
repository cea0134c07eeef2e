// Every page.

import "./actions.js";
import "./fresh.js";
import "./keyboard.js";
import "./menus.js";
import "./more.js";
import "./panes.js";

// A form of a page without a conversation changes something the page shows: show it.
addEventListener("allo:changed", async () => {
  if (document.getElementById("rows")?.dataset.sort) return;
  const main = document.getElementById("main");
  if (main?.dataset.redraw === undefined) {
    location.reload();
    return;
  }
  // Without leaving, where a toast says how to take it back.
  const response = await fetch(location.href, { signal: AbortSignal.timeout(20000) });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  if (fresh) main.replaceChildren(...fresh.childNodes);
});
