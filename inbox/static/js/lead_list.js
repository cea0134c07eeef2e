// The list of leads: several of them chosen.

import "./page.js";
import { choosing } from "./lead_choice.js";

const rows = document.getElementById("rows");
const all = document.getElementById("choose-all");

if (rows && all) {
  const boxes = () => [...document.querySelectorAll("#rows [data-choose]")];
  const count = choosing({
    chosen: () => boxes().filter((each) => each.checked).map((each) => each.closest("tr")),
    clear: () => [all, ...boxes()].forEach((each) => { each.checked = false; }),
    done: () => dispatchEvent(new CustomEvent("allo:changed")),
    words: rows.dataset.chosenOne,
  });
  document.getElementById("main").addEventListener("change", (event) => {
    if (event.target.id === "choose-all") for (const each of boxes()) each.checked = event.target.checked;
    else if (!event.target.matches("[data-choose]")) return;
    count();
  });
}
