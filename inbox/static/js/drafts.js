// The draft, kept on the server while one writes. What another window has written since is never gone over: it is asked.

import { ask, token } from "./net.js";
import { randomKey } from "./random_key.js";

const form = () => document.getElementById("composer");
// This page's own name; each writing of it has a number, so that what comes late is left out.
const writer = randomKey(8);
let nth = 0;
let base = "";
let under;
let other;

export function begin() {
  base = form().dataset.revision;
  other = undefined;
  tell("");
  document.getElementById("draft-other").hidden = true;
}

// What goes along with a reply: its draft is done with, and no other.
export const marks = () => ({ writer, nth: String(nth), base });

export function sent() {
  under?.abort();
  base = "";
  nth += 1;
  tell("");
}

function tell(what) {
  const shown = document.getElementById("kept");
  shown.textContent = what ? shown.dataset[what] : "";
  shown.classList.toggle("late", what === "lost");
}

// Kept while leaving, too; a draft that could not be kept is still on the screen.
export async function keep({ text, mode, to, reply_to = "", files = [] }, { over = false } = {}) {
  if (other && !over) return;
  nth += 1;
  const mine = nth;
  const body = new URLSearchParams({ text, mode, to, reply_to, writer, nth: String(mine) });
  for (const file of files) body.append("file", file);
  if (!over) body.set("base", base);
  const here = form();
  const asking = new AbortController();
  under = asking;
  try {
    // A browser takes 64 KB at most along while a page is left.
    const keepalive = body.toString().length < 60000;
    const response = await ask(here.dataset.draft, { method: "POST", body, keepalive, signal: asking.signal, headers: { "X-CSRF-Token": token() } });
    const revision = response.headers.get("X-Revision") ?? "";
    if (form() !== here || mine !== nth) return;
    base = revision;
    tell(revision ? "kept" : "");
  } catch (refused) {
    if (form() !== here || mine !== nth) return;
    if (refused.response?.status === 409) asks(JSON.parse(refused.message));
    else if (!asking.signal.aborted) tell("lost");
  }
}

function asks(theirs) {
  other = theirs;
  tell("");
  document.getElementById("draft-other").hidden = false;
}

// What another window wrote, when one has come back to this one and left its own alone.
export async function look() {
  if (other) return null;
  const here = form();
  try {
    const theirs = await (await ask(here.dataset.draft)).json();
    if (form() !== here || theirs.revision === base || theirs.revision.startsWith(`${writer}.`)) return null;
    return theirs;
  } catch {
    return null;
  }
}

export function adopt(theirs) {
  base = theirs.revision;
  other = undefined;
  document.getElementById("draft-other").hidden = true;
}

export const theirs = () => other;

export function insist() {
  other = undefined;
  document.getElementById("draft-other").hidden = true;
}
