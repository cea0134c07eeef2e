// The rows of the list, of which only those around what is seen are in the document, however far somebody has scrolled.
//
// `order` is every row that has been loaded, by id and what it is sorted by; the document holds order[from…to) and an empty
// item of the right height before and after it. Rows are all of one height. What comes back into view is asked for anew, as
// it is by then.

import { ask, parse } from "./net.js";

const MOST = 200;
const AROUND = 60;
const MARGIN = 15;
const AT_ONCE = 100;
const SLOW_MS = 300;
export const order = [];
let from = 0;
let to = 0;
let asked = 0;
let planned = 0;

export const list = () => document.getElementById("rows");
export const scroller = () => document.getElementById("list");
export const element = (id) => document.getElementById(`c-${id}`);
const shown = () => [...list().querySelectorAll(":scope > .row")];
const more = () => document.getElementById("more");

const entry = (row) => ({ id: row.dataset.id, last: Number(row.dataset.last), waiting: Number(row.dataset.waiting), rev: row.dataset.rev });

// A list that has been drawn by the server.
export function adopt() {
  order.length = 0;
  order.push(...shown().map(entry));
  from = 0;
  to = order.length;
  list().classList.add("can-pick");
  asked += 1;
}

// A further page has been put at the end.
export function appended() {
  const joins = to === order.length;
  const there = new Set(order.map((each) => each.id));
  const seen = new Set();
  for (const row of shown()) {
    const id = row.dataset.id;
    const fresh = !there.has(id);
    if (fresh && !seen.has(id)) order.push(entry(row));
    // Twice, or not next to what is in the document: it is known, and drawn when it is seen.
    if (seen.has(id) || (fresh && !joins)) row.remove();
    seen.add(id);
  }
  if (joins) to = order.length;
  spaces();
  slide();
}

export const place = (id) => order.findIndex((each) => each.id === id);
export const known = (id) => place(id) >= 0;

export function before(one, other) {
  const sort = list().dataset.sort;
  if (sort === "waiting") {
    if (Boolean(one.waiting) !== Boolean(other.waiting)) return Boolean(one.waiting);
    if (one.waiting) return one.waiting < other.waiting;
  }
  return sort === "oldest" ? one.last < other.last : one.last > other.last;
}

// Puts a row where it belongs; what is read stays where it is.
export function put(row) {
  const id = row.dataset.id;
  remove(id, { moves: true });
  const one = entry(row);
  let at = order.findIndex((other) => before(one, other));
  if (at < 0) {
    if (more()) return; // Its place is on a page that has not been loaded.
    at = order.length;
  }
  const above = (at + 0.5) * height() < scroller().scrollTop;
  order.splice(at, 0, one);
  if (at < from || (at === from && from > 0)) {
    from += 1;
    to += 1;
  } else if (at <= to) {
    const next = shown()[at - from];
    if (next) next.before(row);
    else if (gap("below")) gap("below").before(row);
    else if (more()) more().before(row);
    else list().append(row);
    to += 1;
  }
  spaces();
  if (above) scroller().scrollTop += height();
}

// Changes a row where it stands.
export function change(row) {
  const old = element(row.dataset.id);
  order[place(row.dataset.id)] = entry(row);
  const [hit, line] = [old.querySelector(".row__hit"), row.querySelector(".row__text")];
  // Why it was found is known to the search alone.
  if (hit && line) {
    line.replaceWith(hit);
    row.querySelector(".row__name").href = old.querySelector(".row__name").href;
  }
  const picked = old.querySelector(".row__pick")?.checked;
  if (picked) row.querySelector(".row__pick").checked = true;
  if (old.classList.contains("is-picked")) row.classList.add("is-picked");
  old.replaceWith(row);
}

export function remove(id, { moves = false } = {}) {
  const at = place(id);
  if (at < 0) return;
  const above = (at + 1) * height() <= scroller().scrollTop;
  order.splice(at, 1);
  if (at < from) from -= 1;
  if (at < to) to -= 1;
  const row = element(id);
  // Whoever was on it goes on from its neighbour.
  const next = !moves && row?.contains(document.activeElement)
    ? [row.nextElementSibling, row.previousElementSibling].find((each) => each?.matches(".row"))?.querySelector(".row__name")
      ?? document.querySelector("#tabs [aria-current]") ?? scroller()
    : null;
  row?.remove();
  next?.focus({ preventScroll: true });
  spaces();
  if (above) scroller().scrollTop -= height();
}

let tall = 0;

function height() {
  const row = list().querySelector(":scope > .row");
  if (row) tall = row.offsetHeight || tall;
  return tall || 80;
}

const gap = (where) => list().querySelector(`:scope > .list__gap[data-gap="${where}"]`);

function spaces() {
  space("above", from);
  space("below", order.length - to);
  if (order.length > MOST) number();
}

function space(where, count) {
  let item = gap(where);
  if (!count) {
    item?.remove();
    return;
  }
  if (!item) {
    item = document.createElement("li");
    item.className = "list__gap";
    item.dataset.gap = where;
    item.setAttribute("role", "presentation");
    if (where === "above") list().prepend(item);
    else if (more()) more().before(item);
    else list().append(item);
  }
  item.style.height = `${count * height()}px`;
}

// How many there are is not known before the end; which one it is, always.
function number() {
  const size = more() ? -1 : order.length;
  shown().forEach((row, n) => {
    row.setAttribute("aria-posinset", from + n + 1);
    row.setAttribute("aria-setsize", size);
  });
}

function slide() {
  planned = 0;
  if (order.length <= MOST) return;
  const [top, tallness] = [scroller().scrollTop, height()];
  const first = Math.floor(top / tallness);
  const last = Math.ceil((top + scroller().clientHeight) / tallness);
  const covered = (from === 0 || first - MARGIN >= from) && (to === order.length || last + MARGIN <= to);
  if (covered && to - from <= MOST) return;
  show(Math.max(0, Math.min(first - AROUND, order.length - 2 * AROUND)), Math.min(order.length, last + AROUND));
}

async function show(begin, end) {
  const turn = asked += 1;
  const wanted = order.slice(begin, end);
  const missing = wanted.map((each) => each.id).filter((id) => !element(id));
  const fresh = new Map();
  const late = setTimeout(() => progress(true), SLOW_MS);
  try {
    for (let n = 0; n < missing.length; n += AT_ONCE) {
      for (const { id, html } of (await rowsOf(missing.slice(n, n + AT_ONCE))).rows) fresh.set(id, parse(html).firstElementChild);
      if (turn !== asked) return;
    }
    failed(null);
  } catch {
    if (turn === asked) failed(() => show(begin, end));
    return;
  } finally {
    clearTimeout(late);
    progress(false);
  }
  const gone = new Set(missing.filter((id) => !fresh.has(id)));
  const keep = wanted.filter((each) => !gone.has(each.id) && known(each.id));
  for (const id of gone) forget(id);
  const focused = document.activeElement?.closest?.("#rows .row")?.id;
  const rows = keep.map((each) => element(each.id) ?? fresh.get(each.id)).filter(Boolean);
  const wantedIds = new Set(rows.map((row) => row.dataset.id));
  for (const row of shown()) if (!wantedIds.has(row.dataset.id)) row.remove();
  // Only what is new is put in: what is there keeps its focus.
  let previous = gap("above");
  for (const row of rows) {
    if (!row.isConnected || row.previousElementSibling !== previous) {
      if (previous) previous.after(row);
      else list().prepend(row);
    }
    previous = row;
  }
  from = rows.length ? Math.max(0, place(rows[0].dataset.id)) : 0;
  to = from + rows.length;
  spaces();
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.querySelector(".row__name").focus({ preventScroll: true });
  dispatchEvent(new CustomEvent("allo:rows"));
  // It may have been scrolled on meanwhile.
  planned ||= requestAnimationFrame(slide);
}

function forget(id) {
  const at = place(id);
  if (at < 0) return;
  order.splice(at, 1);
  if (at < from) from -= 1;
  if (at < to) to -= 1;
}

export async function rowsOf(ids) {
  const query = new URLSearchParams(scroller().dataset.query);
  query.set("ids", ids.join(","));
  query.set("current", document.getElementById("talk")?.dataset.id ?? "");
  return (await ask(`/conversations/changed?${query}`)).json();
}

export function progress(on) {
  document.getElementById("list-progress").hidden = !on;
}

// A sentence with "try again"; null takes it away.
let again;

export function failed(retry) {
  again = retry;
  document.getElementById("list-failed").hidden = !retry;
}

addEventListener("click", (event) => {
  if (!event.target.closest?.("#list-failed button")) return;
  const retry = again;
  failed(null);
  retry?.();
});

// What scrolls does not bubble.
document.addEventListener("scroll", (event) => {
  if (event.target === scroller()) planned ||= requestAnimationFrame(slide);
}, { capture: true, passive: true });

addEventListener("allo:more", () => {
  if (list()?.dataset.sort) appended();
});

adopt();
