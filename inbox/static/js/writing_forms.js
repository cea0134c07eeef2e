// The forms of canned replies and macros: a variable goes where the caret is, the preview follows, steps are moved.

import { parse, post } from "./net.js";
import { say, sayDone } from "./toast.js";

const PREVIEW_AFTER_MS = 300;
let timer = 0;

addEventListener("click", (event) => {
  const variable = event.target.closest?.("[data-variable]");
  const text = document.getElementById("text");
  if (variable && text) {
    text.focus();
    if (!document.execCommand("insertText", false, variable.dataset.variable)) text.setRangeText(variable.dataset.variable);
    text.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  const row = event.target.closest?.(".step-row");
  const steps = document.getElementById("steps");
  if (event.target.closest?.("#step-add") && steps.children.length < Number(steps.dataset.most)) {
    steps.append(document.getElementById("step-blank").content.cloneNode(true));
    steps.lastElementChild.querySelector("select").focus();
  }
  if (!row) return;
  const button = event.target.closest("button");
  if (button?.matches("[data-step-up]")) row.previousElementSibling?.before(row);
  if (button?.matches("[data-step-down]")) row.nextElementSibling?.after(row);
  if (button?.matches("[data-step-drop]")) {
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("select").focus();
    row.remove();
    return;
  }
  button?.focus();
});

addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-preview]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => preview(event.target), PREVIEW_AFTER_MS);
});

async function preview(field) {
  const asked = field.value;
  try {
    const html = await (await post(field.dataset.preview, { text: asked })).text();
    if (field.value === asked) document.getElementById(field.dataset.into).replaceChildren(parse(html));
  } catch {
    // The form still says what is wrong when it is saved.
  }
}

// A row that is deleted leaves the list, and the toast stays to bring it back.
addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("form[data-drop]")) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  try {
    const told = await (await post(form.action, new URLSearchParams(new FormData(form)))).json();
    const row = form.closest("li");
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("form[data-drop] button");
    row.remove();
    sayDone(told);
    next?.focus();
  } catch (refused) {
    say(refused.message);
    delete form.dataset.busy;
  }
});
