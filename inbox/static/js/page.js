// Every page.

import "./actions.js";
import "./edit.js";
import "./finder.js";
import "./folds.js";
import { redraw } from "./fresh.js";
import "./guide.js";
import "./keyboard.js";
import "./menus.js";
import "./more.js";
import "./over.js";
import "./notices.js";
import "./panes.js";
import "./sheets.js";
import "./stepper.js";
import "./people.js";
import "./writing_forms.js";

// A form of a page without a conversation changes something the page shows: show it, and leave the toast where it is. The
// board looks after itself.
addEventListener("allo:changed", () => {
  if (!document.querySelector("#rows[data-sort], #board")) redraw();
});
