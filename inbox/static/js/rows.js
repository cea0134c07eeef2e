// The list: rows come, change and move by themselves; nothing moves under the reader's hand.

import { parse } from "./net.js";
import { current } from "./talk.js";
import { before, change, element, known, list, order, place, put, remove, rowsOf } from "./window.js";

let asked = new Set();
let timer = 0;
let held = [];
// What is open stays in the list, though it belongs there no more, until another is opened.
const leaving = new Set();

export function changed(hints) {
  for (const hint of hints) {
    if (hint.conversation) asked.add(hint.conversation);
    else if (hint.kind === "contact" || hint.kind === "lead") {
      const row = document.querySelector(`#talk[data-contact="${hint.contact}"]`);
      if (row) asked.add(row.dataset.id);
    }
  }
  if (asked.size && !timer) timer = setTimeout(flush, 20);
}

async function flush() {
  const ids = [...asked].slice(0, 100);
  asked = new Set([...asked].slice(100));
  timer = 0;
  // What a search found is looked at again, not searched for again.
  const answer = await load(list().dataset.search ? ids.filter(known) : ids);
  if (answer) apply(answer);
  if (asked.size && !timer) timer = setTimeout(flush, 20);
}

// Every row in the document is drawn again, where it is.
export function drawAgain() {
  changed([...list().querySelectorAll(".row")].map((row) => ({ conversation: row.dataset.id })));
}

export async function catchUp() {
  if (list().dataset.search) {
    drawAgain();
    return;
  }
  const answer = await load([]);
  if (!answer) return;
  const there = new Set(answer.rows.map((row) => row.id));
  // Further pages stay as they are; what fell out of the first one leaves it.
  const last = answer.rows.at(-1);
  const cut = last ? place(last.id) : -1;
  const gone = order.slice(0, cut < 0 ? order.length : cut).map((each) => each.id).filter((id) => !there.has(id));
  apply({ ...answer, gone });
}

async function load(ids) {
  const query = list().parentElement.dataset.query;
  try {
    const answer = await rowsOf(ids);
    // Narrowed otherwise meanwhile: it is about another list.
    return query === list().parentElement.dataset.query ? answer : null;
  } catch {
    return null; // Said by the bar about the lost connection; coming back catches up.
  }
}

function apply({ rows, gone, counts, unread }) {
  for (const [tab, count] of Object.entries(counts)) {
    for (const each of document.querySelectorAll(`[data-tab="${tab}"]`)) each.textContent = count;
  }
  const bar = document.getElementById("failed-bar");
  bar.hidden = counts.failed === "0" || new URLSearchParams(list().parentElement.dataset.query).has("failed");
  const badge = document.getElementById("rail-unread");
  badge.hidden = !unread;
  badge.querySelector("[data-n]").textContent = unread;
  for (const id of gone) {
    if (id === current()) leaving.add(id);
    else remove(id);
  }
  for (const { id, html } of rows) {
    leaving.delete(id);
    show(parse(html).firstElementChild);
  }
  document.getElementById("nothing").hidden = order.length > 0;
  dispatchEvent(new CustomEvent("allo:rows"));
}

addEventListener("allo:opened", () => {
  for (const id of leaving) {
    if (id === current()) continue;
    leaving.delete(id);
    remove(id);
  }
  document.getElementById("nothing").hidden = order.length > 0;
  dispatchEvent(new CustomEvent("allo:rows"));
});

const busyHere = () => list().matches(":hover") || list().contains(document.activeElement);

function show(row) {
  const old = element(row.dataset.id);
  const focused = old?.contains(document.activeElement);
  const still = old && !moves(old, row);
  if (old && (still || busyHere())) {
    if (!still) held.push(row.dataset.id);
    change(row);
  } else {
    const picked = old?.querySelector(".row__pick").checked;
    put(row);
    if (picked && row.isConnected) row.querySelector(".row__pick").checked = true;
  }
  if (focused) row.querySelector(".row__name").focus({ preventScroll: true });
}

const moves = (old, row) => old.dataset.last !== row.dataset.last || old.dataset.waiting !== row.dataset.waiting;

// What changed its place while the pointer or the focus was in the list takes it when they have left.
function settle() {
  if (busyHere()) return;
  for (const id of held.splice(0)) {
    const row = element(id);
    const at = place(id);
    if (!row || at < 0) continue;
    const one = order[at];
    const stays = (at === 0 || !before(one, order[at - 1])) && (at === order.length - 1 || !before(order[at + 1], one));
    if (!stays) put(row);
  }
}

// The list itself is drawn anew when it is narrowed; its pane stays.
const pane = document.getElementById("list-pane");
pane.addEventListener("pointerout", (event) => {
  if (event.target.closest?.("#rows") && !event.relatedTarget?.closest?.("#rows")) settle();
});
pane.addEventListener("focusout", () => setTimeout(settle, 0));

// What was just done, or taken back, here is shown also when the hint of it is late.
addEventListener("allo:changed", () => catchUp());

// Opening another conversation sees the mentions of it: the row and the counts say so.
new MutationObserver((changes) => {
  const opened = changes.flatMap((each) => [...each.addedNodes]).find((node) => node.id === "talk");
  if (opened?.dataset.id) changed([{ conversation: opened.dataset.id }]);
}).observe(document.getElementById("main"), { childList: true });
