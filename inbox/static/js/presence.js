// Who else is here: we say that we look and that we write; colleagues' pages say it of themselves.
// Nothing is kept: whoever is not heard of any more is gone after a while (inbox/attendance.py).

import { pieces, post } from "./net.js";

const BEAT_MS = 20000;
const WRITES_EVERY_MS = 3000;

const me = document.getElementById("main").dataset.me;
const talk = () => document.getElementById("talk")?.dataset.id;
let wrote = 0;
let expiry = 0;
let asking = false;
let askAgain = false;

function tell(what, id = talk()) {
  if (id) post(`/conversations/${id}/looking`, { what }, { keepalive: true }).catch(() => {});
}

addEventListener("allo:opened", () => {
  wrote = 0;
  if (!document.hidden) tell("looks");
  until();
});
addEventListener("allo:leaving", () => {
  tell("left");
  clearTimeout(expiry);
});
addEventListener("pagehide", () => tell("left"));
addEventListener("allo:connected", () => document.hidden || tell("looks"));
document.addEventListener("visibilitychange", () => tell(document.hidden ? "left" : "looks"));
setInterval(() => document.hidden || Date.now() - wrote < BEAT_MS / 2 || tell("looks"), BEAT_MS);

addEventListener("input", (event) => {
  if (event.target.id !== "reply" || event.target.form?.dataset.mode !== "reply") return;
  if (!event.target.value.trim()) {
    if (wrote) tell("looks");
    wrote = 0;
  } else if (Date.now() - wrote > WRITES_EVERY_MS) {
    wrote = Date.now();
    tell("writes");
  }
});
addEventListener("submit", (event) => {
  if (event.target.id === "composer") wrote = 0;
});

export function company(hints) {
  let here = false;
  for (const { kind, conversation, by, what } of hints) {
    if (kind !== "company" || by === me) continue;
    dispatchEvent(new CustomEvent("allo:presence", { detail: { conversation, by, what } }));
    here ||= conversation === talk();
  }
  // Somebody who wrote has sent it: their mark goes with their message.
  const writers = document.querySelector("#writers .writers__one");
  if (here || (writers && hints.some((hint) => hint.kind === "message" && hint.conversation === talk()))) look();
}

async function look() {
  if (!talk()) return;
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  const id = talk();
  try {
    const { html } = await pieces(`/conversations/${id}/company`);
    if (id === talk()) {
      for (const fresh of [...html.children]) document.getElementById(fresh.id)?.replaceWith(fresh);
      until();
    }
  } catch {
    // Said by the bar about the lost connection; the next word of anybody asks again.
  }
  asking = false;
  if (askAgain) {
    askAgain = false;
    look();
  }
}

// What was said of somebody holds for so long.
function until() {
  clearTimeout(expiry);
  const seconds = Number(document.getElementById("writers")?.dataset.for);
  if (seconds) expiry = setTimeout(look, seconds * 1000 + 200);
}

export { look as catchUp };
