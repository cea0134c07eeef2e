// Several leads at once, chosen on the board or in the list.

import { askWhyLost } from "./lead_dialogs.js";
import { post } from "./net.js";
import { say, sayDone } from "./toast.js";

const MOST = 200;
const bar = document.getElementById("bulk");

// `chosen()` are the elements with data-id and data-stage; `clear()` lets go of them; `done(ids)` after a change.
export function choosing({ chosen, clear, done, words }) {
  const count = () => {
    const n = chosen().length;
    bar.hidden = n === 0;
    bar.querySelector("[data-chosen]").textContent = words.replace("{n}", n);
  };

  async function change(fields) {
    const leads = chosen().slice(0, MOST);
    const ids = leads.map((each) => each.dataset.id);
    for (const open of bar.querySelectorAll("details[open]")) open.open = false;
    bar.inert = true;
    try {
      const response = await post("/leads/bulk", {
        ...fields, leads: leads.map((each) => `${each.dataset.id}.${each.dataset.stage}`).join(","),
      });
      clear();
      sayDone(await response.json());
      done(ids);
    } catch (refused) {
      say(refused.message);
    }
    bar.inert = false;
    count();
  }

  bar.addEventListener("click", async (event) => {
    if (event.target.closest("[data-unchoose]")) {
      clear();
      count();
      return;
    }
    const button = event.target.closest("[data-bulk]");
    if (!button) return;
    const { bulk, stage, manager, kind } = button.dataset;
    if (bulk === "manager") return change({ do: "manager", manager });
    const answer = kind === "lost" ? await askWhyLost(bar.querySelector("[data-chosen]").textContent) : {};
    if (answer) change({ do: "move", stage, ...answer });
    return undefined;
  });

  bar.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-bulk-form]")) return;
    event.preventDefault();
    change({ do: event.target.dataset.bulkForm, ...Object.fromEntries(new FormData(event.target)) });
  });

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || bar.hidden || document.querySelector("dialog[open], details.picker[open]")) return;
    clear();
    count();
  });

  return count;
}
