// Choosing rows, and doing one thing to all of them.
//
// What is chosen is kept by id, with the state in which it was seen: rows come and go with scrolling. The server leaves alone
// what somebody else has changed since, and says so.

import { post } from "./net.js";
import { back } from "./panes.js";
import { randomKey } from "./random_key.js";
import { changed } from "./rows.js";
import { say, sayDone } from "./toast.js";
import { element, list, order, place } from "./window.js";

const MOST = 200;
const LONG_MS = 500;
const STRAYS_PX = 10;
const picked = new Set();
const bar = document.getElementById("bulk");
let anchor = "";
let busy = false;

const rowOf = (target) => target.closest?.("#rows > .row");

function pick(id, on = !picked.has(id)) {
  if (on && picked.size < MOST) picked.add(id);
  else if (!on) picked.delete(id);
  anchor = id;
}

function range(id) {
  const [one, other] = [place(anchor), place(id)].sort((a, b) => a - b);
  if (one < 0) pick(id, true);
  else for (const each of order.slice(one, other + 1)) pick(each.id, true);
}

function draw() {
  if (!bar) return;
  for (const row of list().querySelectorAll(":scope > .row")) {
    const on = picked.has(row.dataset.id);
    row.querySelector(".row__pick").checked = on;
    row.classList.toggle("is-picked", on);
  }
  list().classList.toggle("is-picking", picked.size > 0);
  if (bar.hidden && picked.size) close();
  bar.hidden = picked.size === 0;
  document.getElementById("tabs").inert = !bar.hidden;
  document.getElementById("bulk-n").textContent = picked.size;
  const all = document.getElementById("bulk-all");
  all.checked = picked.size >= Math.min(order.length, MOST);
  all.indeterminate = picked.size > 0 && !all.checked;
}

const close = () => {
  for (const menu of bar.querySelectorAll("details[open]")) menu.open = false;
};

function clear() {
  picked.clear();
  anchor = "";
  draw();
}

// The checkbox in the avatar's place.
addEventListener("click", (event) => {
  const box = event.target.closest?.(".row__pick");
  if (!box) return;
  const id = rowOf(box).dataset.id;
  if (event.shiftKey && anchor) range(id);
  else pick(id, box.checked);
  draw();
});

// Shift on a name chooses up to there while something is chosen, instead of opening a window.
addEventListener("click", (event) => {
  const link = event.target.closest?.("#rows .row__name");
  if (!link || !event.shiftKey || !picked.size) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  range(rowOf(link).dataset.id);
  draw();
}, true);

// On a touch screen: a long press.
let press = 0;
let pressed = false;
let start;
document.addEventListener("pointerdown", (event) => {
  pressed = false;
  const row = rowOf(event.target);
  if (!bar || !row || event.pointerType !== "touch") return;
  start = event;
  press = setTimeout(() => {
    pressed = true;
    navigator.vibrate?.(20);
    pick(row.dataset.id);
    draw();
  }, LONG_MS);
});
const released = () => clearTimeout(press);
document.addEventListener("pointermove", (event) => {
  if (start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > STRAYS_PX) released();
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, released);
document.addEventListener("contextmenu", (event) => {
  if (pressed && rowOf(event.target)) event.preventDefault();
});
document.addEventListener("click", (event) => {
  const row = rowOf(event.target);
  if (!row) return;
  // The finger that chose does not open; and while choosing, a tap chooses on.
  if (pressed || (picked.size && event.pointerType === "touch" && !event.target.closest(".row__pick"))) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!pressed) pick(row.dataset.id);
    pressed = false;
    draw();
  }
}, true);

// By keys, before anybody else's: with something chosen they mean the chosen ones.
const open = (id) => {
  const menu = document.getElementById(id);
  menu.open = true;
  menu.querySelector("button, input").focus();
};
const onChosen = {
  KeyA: () => open("bulk-assign"),
  KeyL: () => open("bulk-label"),
  KeyZ: () => open("bulk-snooze"),
  KeyE: () => document.getElementById("bulk-resolve").click(),
};
addEventListener("keydown", (event) => {
  if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && picked.size && !document.querySelector("details.picker[open], dialog[open]")) {
    clear();
    return;
  }
  if (event.target.closest?.("input:not(.row__pick), textarea, select, [contenteditable], dialog[open]")) return;
  const row = rowOf(document.activeElement) ?? document.querySelector("#rows .row:has([aria-current])");
  if (event.code === "KeyX" && row) {
    if (event.shiftKey && anchor) range(row.dataset.id);
    else pick(row.dataset.id);
    draw();
  } else if (event.code === "KeyU" && !event.shiftKey && rowOf(document.activeElement) && !picked.size) {
    unread(row.dataset.id);
  } else if (!event.shiftKey && picked.size && onChosen[event.code]) {
    onChosen[event.code]();
  } else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

async function unread(id) {
  try {
    sayDone(await (await post(`/conversations/${id}/unread`)).json());
    changed([{ conversation: id }]);
  } catch (refused) {
    say(refused.message);
  }
}

// Doing it.

function fieldsOf(button) {
  const ids = [...picked];
  // What is on the screen now is what is decided upon.
  const revision = (id) => element(id)?.dataset.rev ?? order[place(id)]?.rev ?? "";
  const fields = new URLSearchParams({ key: randomKey(), do: button.dataset.do, ids: ids.join(","), revs: ids.map(revision).join(",") });
  if (["manager", "team", "until"].includes(button.name)) fields.set(button.name, button.value);
  fields.set("label", bar.querySelector("[name=label]").value);
  return fields;
}

// Enter in the field means the label; a form would take its first button, which gives all of them to somebody.
bar?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[name=label]")) return;
  event.preventDefault();
  bar.requestSubmit(document.querySelector("#bulk-label [data-do=label]"));
});

bar?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (busy || !picked.size || !button?.dataset.do) return;
  const label = bar.querySelector("[name=label]");
  if (["label", "unlabel"].includes(button.dataset.do) && !label.value.trim()) {
    open("bulk-label");
    return;
  }
  busy = true;
  bar.setAttribute("aria-busy", "true");
  try {
    const response = await post(bar.action, fieldsOf(button));
    const ids = [...picked];
    sayDone(await response.json());
    const inside = bar.contains(document.activeElement);
    clear();
    if (inside) back();
    label.value = "";
    changed(ids.map((conversation) => ({ conversation })));
    dispatchEvent(new CustomEvent("allo:changed", { detail: button.dataset.do.endsWith("label") ? "labels" : "" }));
  } catch (refused) {
    say(refused.message);
  } finally {
    busy = false;
    bar.removeAttribute("aria-busy");
    close();
  }
});

document.getElementById("bulk-none")?.addEventListener("click", clear);
document.getElementById("bulk-all")?.addEventListener("change", (event) => {
  if (event.target.checked) for (const each of order.slice(0, MOST)) picked.add(each.id);
  else picked.clear();
  draw();
});

addEventListener("allo:rows", () => {
  for (const id of picked) if (place(id) < 0) picked.delete(id);
  draw();
});
addEventListener("allo:more", draw);
// Another list: what was chosen in the one before is out of sight, and must not be out of mind.
addEventListener("allo:narrowed", () => picked.size && [...picked].some((id) => place(id) < 0) && clear());
addEventListener("allo:narrowed", draw);
