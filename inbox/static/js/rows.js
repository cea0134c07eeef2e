// The list: rows come, change and move by themselves; nothing moves under the reader's hand.

import { ask, parse } from "./net.js";
import { current } from "./talk.js";

const list = () => document.getElementById("rows");
const main = document.getElementById("main");
let asked = new Set();
let timer = 0;
let held = [];

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
  const answer = await load(ids);
  if (answer) apply(answer);
  if (asked.size && !timer) timer = setTimeout(flush, 20);
}

export async function catchUp() {
  const answer = await load([]);
  if (!answer) return;
  const there = new Set(answer.rows.map((row) => row.id));
  // Further pages stay as they are; what fell out of the first one leaves it.
  const last = answer.rows.at(-1);
  const all = [...list().querySelectorAll(".row")];
  const cut = last ? all.findIndex((row) => row.dataset.id === last.id) : -1;
  apply({ ...answer, gone: all.slice(0, cut < 0 ? all.length : cut).map((row) => row.dataset.id).filter((id) => !there.has(id)) });
}

async function load(ids) {
  const query = new URLSearchParams(main.dataset.query);
  query.set("ids", ids.join(","));
  query.set("current", current());
  try {
    return await (await ask(`/conversations/changed?${query}`)).json();
  } catch {
    return null; // Said by the bar about the lost connection; coming back catches up.
  }
}

function apply({ rows, gone, counts, unread }) {
  for (const [tab, count] of Object.entries(counts)) {
    document.querySelector(`[data-tab="${tab}"]`).textContent = count;
  }
  const badge = document.getElementById("rail-unread");
  badge.hidden = !unread;
  badge.querySelector("[data-n]").textContent = unread;
  for (const id of gone) if (id !== current()) document.getElementById(`c-${id}`)?.remove();
  for (const { html } of rows) place(parse(html).firstElementChild);
  document.getElementById("nothing").hidden = Boolean(list().querySelector(".row"));
}

function place(row) {
  const old = document.getElementById(row.id);
  const busy = old && (list().matches(":hover") || list().contains(document.activeElement));
  const focused = old?.contains(document.activeElement);
  if (old && (busy || !moves(old, row))) {
    old.replaceWith(row);
    if (focused) row.querySelector(".row__name").focus({ preventScroll: true });
    if (moves(row, row) !== false) held.push(row.id);
    return;
  }
  old?.remove();
  insert(row);
  if (focused) row.querySelector(".row__name").focus({ preventScroll: true });
}

const moves = (old, row) => old.dataset.last !== row.dataset.last || old.dataset.waiting !== row.dataset.waiting;

function before(one, other) {
  const sort = list().dataset.sort;
  if (sort === "waiting") {
    if (Boolean(one.dataset.waiting) !== Boolean(other.dataset.waiting)) return Boolean(one.dataset.waiting);
    if (one.dataset.waiting) return Number(one.dataset.waiting) < Number(other.dataset.waiting);
  }
  const newer = Number(one.dataset.last) > Number(other.dataset.last);
  return sort === "oldest" ? !newer : newer;
}

function insert(row) {
  const next = [...list().querySelectorAll(".row")].find((other) => before(row, other));
  if (next) next.before(row);
  else if (!document.getElementById("more")) list().append(row);
  // Otherwise its place is on a page that has not been loaded.
}

// What changed its place while the pointer or the focus was in the list takes it when they have left.
function settle() {
  if (list().matches(":hover") || list().contains(document.activeElement)) return;
  for (const id of held.splice(0)) {
    const row = document.getElementById(id);
    if (row) {
      row.remove();
      insert(row);
    }
  }
}

list().addEventListener("pointerleave", settle);
list().addEventListener("focusout", () => setTimeout(settle, 0));
