// One lead: fields that are kept when one leaves them, and stages that ask what has to be known first.

import "./page.js";
import { asked } from "./lead_dialogs.js";
import { post } from "./net.js";
import { say, sayDone } from "./toast.js";

const main = document.getElementById("main");

main.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-on-change]");
  if (form?.reportValidity()) form.requestSubmit();
});

// Before the quiet form is sent (actions.js): the stage says what it needs.
main.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-stepper] button[name=stage]");
  if (!button) return;
  event.preventDefault();
  const card = document.getElementById("leadcard");
  const answer = await asked(button.dataset.kind, document.querySelector("h1").textContent, card.dataset);
  if (answer === null) return;
  try {
    const response = await post(`/leads/${card.dataset.id}/move`, {
      stage: button.value, seen: button.form.dataset.seen, ...answer,
    });
    sayDone(await response.json());
    dispatchEvent(new CustomEvent("allo:changed"));
  } catch (refused) {
    say(refused.message);
    dispatchEvent(new CustomEvent("allo:changed"));
  }
});

// Arrows go from stage to stage, as in any toolbar.
main.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.code];
  if (!step || !event.target.matches(".steps .stage")) return;
  event.preventDefault();
  const all = [...event.target.parentElement.querySelectorAll(".stage")];
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(event.target) + step))].focus();
});
