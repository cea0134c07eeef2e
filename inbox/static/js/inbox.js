// The inbox: list, conversation, composer, kept live.

import "./page.js";
import { catchUp as catchUpRows, changed as changedRows } from "./rows.js";
import { catchUp as catchUpTalk, changed as changedTalk } from "./talk.js";
import { listen } from "./live.js";
import "./narrow.js";
import "./bulk.js";
import "./views.js";

listen({
  changed(hints) {
    changedRows(hints);
    changedTalk(hints);
  },
  refresh() {
    catchUpRows();
    catchUpTalk();
  },
});

addEventListener("allo:changed", () => catchUpTalk());

// How long people have been waiting grows by itself.
setInterval(() => document.hidden || catchUpRows(), 60000);
