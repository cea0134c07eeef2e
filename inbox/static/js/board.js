// The board: moved by hand, by keys or from a menu; kept live without disturbing a hand that holds a card.

import "./page.js";
import { board, byId, cardsOf, columnOf, columns, settle, titleOf } from "./board_cards.js";
import { dragging } from "./board_drag.js";
import { carrying } from "./board_keys.js";
import { move, onMoved } from "./board_moves.js";
import { choosing } from "./lead_choice.js";
import { askWhere } from "./lead_dialogs.js";
import { listen } from "./live.js";
import { ask, pageNow, parse, pieces } from "./net.js";
import { patch } from "./patch.js";
import { say } from "./toast.js";

const main = document.getElementById("main");
const MOST = 100;
const SOON_MS = 60;
// A busy shop changes all the time: what others do is drawn no oftener than the eye follows, one's own at once.
const REST_MS = 1500;
let drawn = 0;
let asked = new Set();
let everything = false;
let timer = 0;

const held = () => dragging() || carrying() || Boolean(document.querySelector("dialog[open]"));

function changed(ids, { own = true } = {}) {
  for (const id of ids) asked.add(id);
  if (own) clearTimeout(timer);
  if (own || !timer) timer = setTimeout(flush, own ? SOON_MS : Math.max(SOON_MS, drawn + REST_MS - Date.now()));
}

async function flush() {
  timer = 0;
  drawn = Date.now();
  if (held() || (!asked.size && !everything)) return; // "board:free" and the dialog's end ask again.
  if (everything) {
    everything = false;
    for (const card of board?.querySelectorAll(".card[data-id]") ?? []) asked.add(card.dataset.id);
    await refill();
  }
  const ids = [...asked].slice(0, MOST);
  asked = new Set([...asked].slice(MOST));
  const query = new URLSearchParams(main.dataset.query);
  query.set("ids", ids.join(","));
  try {
    apply(await (await ask(`/leads/cards?${query}`)).json());
  } catch {
    // The bar about the lost connection says it; coming back catches up.
  }
  if (asked.size) changed([]);
}

// New cards that came while we were away are on the page as it would be drawn now.
async function refill() {
  try {
    const { response, page } = await pageNow();
    // A server that is starting draws no board: asked again with the next hint.
    everything = !response.ok;
    for (const card of page.querySelectorAll(".card[data-id]")) asked.add(card.dataset.id);
  } catch {
    everything = true;
  }
}

function apply({ cards, gone, columns: perColumn, sums }) {
  if (!board) {
    if (cards.length) location.reload();
    return;
  }
  if (held()) {
    changed([...cards.map((card) => card.id), ...gone]);
    return;
  }
  for (const id of gone) remove(byId(id));
  for (const { id, stage, html } of cards) draw(id, stage, parse(html).firstElementChild);
  for (const [stage, { count, value }] of Object.entries(perColumn)) {
    for (const each of document.querySelectorAll(`[data-count="${stage}"]`)) each.textContent = count;
    for (const each of document.querySelectorAll(`[data-sum="${stage}"]`)) each.textContent = value;
  }
  document.getElementById("sums")?.replaceChildren(parse(sums));
  count?.();
}

function draw(id, stage, fresh) {
  const old = byId(id);
  const column = columns().find((each) => each.dataset.stage === stage);
  if (!column) return remove(old);
  if (old?.classList.contains("card--busy")) return undefined;
  if (!old) {
    settle(fresh, column);
    if (fresh.isConnected) arrive(fresh);
    return undefined;
  }
  const moves = columnOf(old) !== column || old.dataset.place !== fresh.dataset.place;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  patch(old, fresh);
  if (!moves) return undefined;
  settle(old, column);
  if (!focused && old.isConnected) arrive(old);
  else if (focused) (old.isConnected ? focused : board).focus({ preventScroll: true });
  return undefined;
}

function arrive(card) {
  card.classList.add("card--new");
  card.addEventListener("animationend", () => card.classList.remove("card--new"), { once: true });
}

function remove(card) {
  if (!card || card.classList.contains("card--busy")) return;
  if (card.contains(document.activeElement)) {
    const here = cardsOf(columnOf(card));
    const next = here[here.indexOf(card) + 1] ?? here[here.indexOf(card) - 1];
    (next?.querySelector(".card__name") ?? board).focus({ preventScroll: true });
  }
  card.remove();
}

onMoved(changed);
addEventListener("board:free", () => changed([]));
addEventListener("allo:changed", () => {
  everything = true;
  changed([]);
});
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => changed([]));

listen({
  changed: (hints) => {
    const ids = hints.filter((hint) => hint.lead).map((hint) => hint.lead);
    // A task is its person's.
    const people = new Set(hints.filter((hint) => hint.kind === "contact").map((hint) => hint.contact));
    for (const card of people.size ? board?.querySelectorAll(".card[data-id]") ?? [] : []) {
      if (people.has(card.dataset.contact)) ids.push(card.dataset.id);
    }
    if (ids.length) changed(ids, { own: false });
  },
  refresh: () => {
    everything = true;
    changed([]);
  },
});

// Further cards of a column.
board?.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-further]");
  if (more) {
    more.disabled = true;
    try {
      const { html } = await pieces(more.dataset.further);
      const first = html.firstElementChild;
      for (const card of html.querySelectorAll(".card[data-id]")) byId(card.dataset.id)?.remove();
      more.closest(".col__end").replaceWith(html);
      first?.querySelector(".card__name")?.focus({ preventScroll: true });
    } catch (refused) {
      more.disabled = false;
      say(refused.message);
    }
    return;
  }
  const button = event.target.closest(".card__move");
  if (!button) return;
  const card = button.closest(".card");
  const answer = await askWhere(titleOf(card));
  if (!answer?.chosen || answer.chosen === card.dataset.stage) return;
  const chosen = document.querySelector(`#moveto [value="${answer.chosen}"]`);
  const column = columns().find((each) => each.dataset.stage === answer.chosen) ?? null;
  move(card, { stage: answer.chosen, kind: chosen.dataset.kind, name: chosen.textContent, column });
});

// Choosing several.
const picked = () => [...(board?.querySelectorAll(".card__pick:checked") ?? [])].map((each) => each.closest(".card"));

function pick(card, on) {
  card.querySelector(".card__pick").checked = on;
  card.classList.toggle("card--picked", on);
  board.classList.toggle("board--picking", picked().length > 0);
}

const count = board?.dataset.may ? choosing({
  chosen: picked,
  clear: () => picked().forEach((card) => pick(card, false)),
  done: changed,
  words: board.dataset.chosenOne,
}) : null;

board?.addEventListener("change", (event) => {
  if (!event.target.matches(".card__pick")) return;
  pick(event.target.closest(".card"), event.target.checked);
  count();
});

// On a phone the tab says which column one looks at.
const tabs = [...document.querySelectorAll(".stagetabs .tabs__a")];
if (board && tabs.length) {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const tab of tabs) tab.toggleAttribute("aria-current", tab.hash === `#${entry.target.id}`);
      const now = tabs.find((tab) => tab.hasAttribute("aria-current"));
      now?.setAttribute("aria-current", "true");
      if (now) now.parentElement.scrollLeft = now.offsetLeft - 24;
    }
  }, { root: board, threshold: 0.6 });
  for (const column of columns()) seen.observe(column);
  for (const tab of tabs) {
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector(tab.hash)?.scrollIntoView({ inline: "start", block: "nearest" });
    });
  }
}

// How long a card has been in its stage grows by itself, and tasks become late.
setInterval(() => {
  if (document.hidden) return;
  everything = true;
  changed([]);
}, 120000);
