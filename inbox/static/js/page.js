// Every page.

import "./actions.js";
import { redraw } from "./fresh.js";
import "./keyboard.js";
import "./menus.js";
import "./more.js";
import "./panes.js";

// A form of a page without a conversation changes something the page shows: show it. The board looks after itself.
addEventListener("allo:changed", () => {
  if (document.querySelector("#rows[data-sort], #board")) return;
  if (!redraw()) location.reload();
});
