// Emoji: the recent ones first, the rest from the server when the menu opens, or by name.

import { pieces } from "./net.js";
import { write } from "./suggesting.js";

const KEPT = "allo-emoji";
const MOST = 16;
const menu = () => document.getElementById("emoji");
const search = () => document.getElementById("emoji-q");
let asked = 0;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter((each) => typeof each === "string").slice(0, MOST);
  } catch {
    return [];
  }
}

function keep(sign) {
  try {
    localStorage.setItem(KEPT, JSON.stringify([sign, ...recent().filter((each) => each !== sign)].slice(0, MOST)));
  } catch {
    // A browser that keeps nothing shows no recent ones.
  }
}

async function load() {
  asked += 1;
  const mine = asked;
  const q = search().value.trim();
  const box = document.getElementById("emoji-recent");
  box.hidden = Boolean(q) || !recent().length;
  box.replaceChildren(...recent().map((sign) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.emoji = sign;
    button.textContent = sign;
    return button;
  }));
  try {
    const { html } = await pieces(`/emoji?q=${encodeURIComponent(q)}`);
    if (mine === asked) document.getElementById("emoji-found").replaceChildren(html);
  } catch {
    // The recent ones are there.
  }
}

export function ready() {
  menu().addEventListener("toggle", () => {
    if (!menu().open) return;
    search().value = "";
    load();
    search().focus();
  });
  search().addEventListener("input", (event) => {
    event.stopPropagation();
    load();
  });
  menu().addEventListener("click", (event) => {
    const button = event.target.closest("[data-emoji]");
    if (!button) return;
    keep(button.dataset.emoji);
    menu().open = false;
    write(button.dataset.emoji);
  });
  menu().addEventListener("keydown", pressed);
}

function pressed(event) {
  const all = [...menu().querySelectorAll("[data-emoji]")].filter((each) => each.offsetParent);
  if (event.key === "Enter" && event.target === search()) {
    event.preventDefault();
    all[0]?.click();
    return;
  }
  const at = all.indexOf(document.activeElement);
  const row = Math.max(1, all.filter((each) => each.offsetTop === (all[Math.max(at, 0)]?.offsetTop)).length);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row };
  const step = steps[event.key];
  if (!step || (event.target === search() && event.key !== "ArrowDown")) return;
  event.preventDefault();
  if (at < 0) all[0]?.focus();
  else if (at + step < 0) search().focus();
  else all[Math.min(all.length - 1, at + step)].focus();
}
