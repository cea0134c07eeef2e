// Which colleague is writing an answer where, in the rows of the list. The end of it is not always told: it is believed for
// a while, and until their answer is there.

import { element, list } from "./window.js";

const BELIEVED_MS = 20000;
const writing = new Map();

// Colleagues are named in the filters.
const named = (id) => document.querySelector(`#filters [name=manager] option[value="${CSS.escape(id)}"]`)?.textContent.trim().split(" ")[0];

addEventListener("allo:presence", ({ detail: { conversation, by, what } }) => {
  if (what === "writes") begin(conversation, by);
  else if (writing.get(conversation)?.by === by) end(conversation);
});

addEventListener("allo:hints", ({ detail: hints }) => {
  for (const { kind, conversation } of hints) if (kind === "message") end(conversation);
});

// Rows that have been drawn anew.
for (const name of ["allo:rows", "allo:narrowed"]) addEventListener(name, () => writing.forEach((_, conversation) => draw(conversation)));

function begin(conversation, by) {
  clearTimeout(writing.get(conversation)?.timer);
  writing.set(conversation, { by, timer: setTimeout(() => end(conversation), BELIEVED_MS) });
  draw(conversation);
}

function end(conversation) {
  if (!writing.has(conversation)) return;
  clearTimeout(writing.get(conversation).timer);
  writing.delete(conversation);
  draw(conversation);
}

function draw(conversation) {
  const sign = element(conversation)?.querySelector("[data-typing]");
  if (!sign) return;
  const name = writing.has(conversation) && named(writing.get(conversation).by);
  sign.hidden = !name;
  sign.textContent = name ? list().dataset.writes.replace("%NAME%", name) : "";
}
