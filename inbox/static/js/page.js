// Every page.

import "./actions.js";
import "./fresh.js";
import "./guide.js";
import "./keyboard.js";
import "./menus.js";
import "./more.js";
import "./panes.js";

// A form of a page without a conversation changes something the page shows: show it.
addEventListener("allo:changed", () => {
  if (!document.getElementById("rows")?.dataset.sort) location.reload();
});
