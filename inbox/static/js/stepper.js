// A lead's stages as a row of steps, wherever it is shown: a stage says first what it needs to know.

import { asked } from "./lead_dialogs.js";
import { post } from "./net.js";
import { say, sayDone } from "./toast.js";

// Before the quiet form is sent (actions.js).
addEventListener("click", async (event) => {
  const button = event.target.closest?.("form[data-stepper] button[name=stage]");
  if (!button) return;
  event.preventDefault();
  const { lead, title, seen, value, status } = button.form.dataset;
  const answer = await asked(button.dataset.kind, title, { value, status });
  if (answer === null) return;
  try {
    const response = await post(`/leads/${lead}/move`, { stage: button.value, seen, ...answer });
    sayDone(await response.json());
  } catch (refused) {
    say(refused.message);
  }
  dispatchEvent(new CustomEvent("allo:changed"));
});

// Arrows go from stage to stage, as in any toolbar.
addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.code];
  if (!step || !event.target.matches?.(".steps .stage")) return;
  event.preventDefault();
  const all = [...event.target.parentElement.querySelectorAll(".stage")];
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(event.target) + step))].focus();
});
