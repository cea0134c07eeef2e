// The inbox: list, conversation, composer, kept live.

import "./page.js";
import "./lightbox.js";
import "./media.js";
import { catchUp as catchUpRows, changed as changedRows, drawAgain } from "./rows.js";
import { catchUp as catchUpCompany, company } from "./presence.js";
import { around as aroundTalk, catchUp as catchUpTalk, changed as changedTalk } from "./talk.js";
import { listen } from "./live.js";
import "./narrow.js";
import "./bulk.js";
import "./views.js";
import "./row_signs.js";

let first = true;

listen({
  changed(hints) {
    const happened = hints.filter((hint) => hint.kind !== "company");
    if (happened.length) {
      changedRows(happened);
      changedTalk(happened);
    }
    if (hints.some((hint) => hint.kind === "labels")) {
      drawAgain();
      aroundTalk();
    }
    company(hints);
  },
  refresh() {
    catchUpTalk({ whole: !first });
    if (!first) {
      catchUpRows();
      if (document.getElementById("writers")) catchUpCompany();
    }
    first = false;
  },
});

addEventListener("allo:changed", () => {
  catchUpTalk();
  aroundTalk();
});

// How long people have been waiting grows by itself.
setInterval(() => document.hidden || catchUpRows(), 60000);
