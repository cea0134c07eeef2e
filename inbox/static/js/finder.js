// A person found while one types: a combobox (WAI-ARIA) over <div class="finder" data-finder="/contacts/find">. The chosen
// one is in its hidden field; `allo:found` says so, and `data-go` leads on.

import { pieces } from "./net.js";
import { say } from "./toast.js";

const PAUSE_MS = 200;
let numbers = 0;
let timer = 0;
let asking;

const finderOf = (target) => target.closest?.("[data-finder]");
const typed = (finder) => finder.querySelector("input:not([type=hidden])");
const options = (finder) => [...finder.querySelectorAll("[role=option]")];

function dress(finder) {
  const input = typed(finder);
  if (input.getAttribute("role") === "combobox") return;
  numbers += 1;
  const list = document.createElement("ul");
  list.className = "finder__list menu";
  list.id = `found-${numbers}`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels?.[0]?.textContent ?? "");
  list.hidden = true;
  finder.append(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
}

function close(finder) {
  const list = finder.querySelector("[role=listbox]");
  if (!list) return;
  list.hidden = true;
  typed(finder).setAttribute("aria-expanded", "false");
  typed(finder).removeAttribute("aria-activedescendant");
}

async function look(finder) {
  const input = typed(finder);
  const q = input.value.trim();
  asking?.abort();
  if (!q) {
    close(finder);
    return;
  }
  asking = new AbortController();
  const query = new URLSearchParams({ q, without: finder.dataset.without ?? "" });
  try {
    const { html } = await pieces(`${finder.dataset.finder}?${query}`, { signal: asking.signal });
    const list = finder.querySelector("[role=listbox]");
    list.replaceChildren(html);
    options(finder).forEach((each, place) => { each.id = `${list.id}-${place}`; });
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(finder, options(finder)[0]);
  } catch {
    // Typed on, or the network is away: the next letter asks again.
  }
}

function mark(finder, option) {
  for (const each of options(finder)) each.setAttribute("aria-selected", String(each === option));
  if (!option) {
    typed(finder).removeAttribute("aria-activedescendant");
    return;
  }
  typed(finder).setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

async function choose(finder, option) {
  const { id, name } = option.dataset;
  finder.querySelector("input[type=hidden]").value = id;
  typed(finder).value = name;
  close(finder);
  finder.dispatchEvent(new CustomEvent("allo:found", { bubbles: true, detail: { id, name } }));
  const sheet = finder.closest("dialog");
  if (!finder.dataset.go) return;
  if (!sheet) {
    location.href = finder.dataset.go + id;
    return;
  }
  try {
    const { html } = await pieces(finder.dataset.go + id);
    sheet.replaceChildren(html);
    sheet.querySelector(".btn--main")?.focus();
  } catch (refused) {
    say(refused.message);
  }
}

addEventListener("focusin", (event) => {
  const finder = finderOf(event.target);
  if (finder) dress(finder);
});

addEventListener("input", (event) => {
  const finder = finderOf(event.target);
  if (!finder) return;
  dress(finder);
  finder.querySelector("input[type=hidden]").value = "";
  clearTimeout(timer);
  timer = setTimeout(() => look(finder), PAUSE_MS);
});

addEventListener("keydown", (event) => {
  const finder = finderOf(event.target);
  if (!finder || event.isComposing) return;
  const all = options(finder);
  const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const open = typed(finder).getAttribute("aria-expanded") === "true";
  if (event.key === "Enter") {
    // Never the form around it: a name half typed is nobody.
    event.preventDefault();
    if (open && all[at]) choose(finder, all[at]);
  } else if (event.key === "Escape" && open) {
    event.preventDefault();
    event.stopImmediatePropagation();
    close(finder);
  } else if (open && all.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    mark(finder, all.at((at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length));
  }
}, true);

addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.("[data-finder] [role=option]");
  if (!option) return;
  event.preventDefault();
  choose(finderOf(option), option);
});

addEventListener("focusout", (event) => {
  const finder = finderOf(event.target);
  if (finder) setTimeout(() => finder.contains(document.activeElement) || close(finder));
});
