// Keys by their place (event.code), so that they work in a Russian layout too. Never while somebody is typing, and not
// at all when they are turned off in the profile. `bind` adds one.

import { back } from "./panes.js";

const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]");
const places = { KeyI: "/", KeyL: "/leads", KeyT: "/tasks", KeyR: "/reports", KeyC: "/contacts", KeyS: "/settings" };
const off = () => document.documentElement.dataset.keys === "off";
let going = 0;

const shown = (element) => Boolean(element?.offsetParent);

// On a phone the menus of the head are inside "more".
function open(id) {
  let menu = document.getElementById(id);
  if (!menu) return;
  if (!shown(menu)) {
    const more = document.getElementById("more-here");
    if (!more) return;
    more.open = true;
    menu = more.querySelector(`details:has([id^="more-${id}"])`) ?? more;
  }
  menu.open = true;
  menu.querySelector(".menu__a:not(summary)")?.focus();
}

function step(by) {
  const rows = [...document.querySelectorAll("#rows .row, #rows .taskrow")];
  if (!rows.length) {
    const cards = [...document.querySelectorAll("#board .card[data-id] .card__name")];
    cards[Math.max(0, Math.min(cards.length - 1, cards.indexOf(document.activeElement) + by))]?.focus();
    return;
  }
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const from = at >= 0 ? at : rows.findIndex((row) => row.querySelector("[aria-current]"));
  const next = rows[Math.max(0, Math.min(rows.length - 1, from + by))];
  next.querySelector(".row__name, .taskrow__t").focus();
}

function write(mode) {
  document.querySelector(`#composer button[data-mode="${mode}"]`)?.click();
  document.getElementById("reply")?.focus();
}

function label() {
  // On a small screen the person is behind a button.
  const field = document.getElementById("label");
  if (!shown(field)) document.querySelector("#talk-head [data-step=person]")?.click();
  field?.focus();
}

// Of the row in focus, or of the open conversation's.
function pick() {
  const row = document.activeElement.closest?.("#rows .row") ?? document.querySelector("#rows .row:has([aria-current])");
  row?.querySelector(".row__pick, input[type=checkbox]")?.click();
}

function go(path) {
  const link = document.querySelector(path === "/" ? '.rail a[href="/"]' : `.rail a[href^="${path}"]`);
  if (link) location.href = link.href;
}

const keys = {
  KeyL: label,
  KeyJ: () => step(1),
  KeyK: () => step(-1),
  KeyR: () => write("reply"),
  KeyN: () => {
    const task = document.querySelector(".taskadd [name=text]");
    if (task) task.focus();
    else write("note");
  },
  KeyA: () => open("assign"),
  KeyZ: () => open("snooze"),
  KeyD: () => document.activeElement.closest?.(".taskrow")?.querySelector("[data-done]")?.click(),
  KeyE: () => document.getElementById("resolve")?.click(),
  KeyU: () => document.getElementById("unread-again")?.click(),
  KeyX: pick,
};

// Esc leaves a field for what it is about. A search that is not empty is emptied first, by the browser.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !event.target.matches?.("input, select, textarea")) return;
  if (event.target.closest("dialog, details.picker") || (event.target.type === "search" && event.target.value)) return;
  event.target.blur();
  if (document.querySelector("#rows .taskrow")) step(0);
  else back();
});

export function bind(code, handler) {
  keys[code] = handler;
}

addEventListener("keydown", (event) => {
  if (off() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (going && Date.now() - going < 1500 && places[event.code]) {
    going = 0;
    event.preventDefault();
    go(places[event.code]);
    return;
  }
  going = event.code === "KeyG" ? Date.now() : 0;
  if (event.code === "Slash") {
    event.preventDefault();
    if (event.shiftKey || event.key === "?") document.getElementById("keys").showModal();
    else document.getElementById("search")?.focus();
    return;
  }
  // In a Russian layout the question mark is Shift+7.
  if (event.key === "?") {
    document.getElementById("keys").showModal();
    return;
  }
  if (event.shiftKey || event.repeat && event.code === "KeyE" || !keys[event.code]) return;
  event.preventDefault();
  keys[event.code](event);
});
