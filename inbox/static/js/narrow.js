// Tabs, filters, views, order and search without leaving the page: the list is drawn anew, what is open stays open, and the
// address says what is shown. Without this they are links and forms.

import { ask, parse } from "./net.js";
import { show } from "./panes.js";
import { adopt, failed, progress, scroller } from "./window.js";

const TYPED_MS = 250;
const SLOW_MS = 300;
const main = document.getElementById("main");
let going;
let timer = 0;

export async function go(href, { remember = true } = {}) {
  going?.abort();
  const mine = going = new AbortController();
  const late = setTimeout(() => progress(true), SLOW_MS);
  try {
    const response = await ask(href, { signal: AbortSignal.any([mine.signal, AbortSignal.timeout(20000)]) });
    const fresh = parse(await response.text());
    if (going !== mine) return;
    draw(fresh);
    if (remember) history.pushState({}, "", href);
    failed(null);
  } catch {
    if (going === mine && !mine.signal.aborted) failed(() => go(href, { remember }));
  } finally {
    clearTimeout(late);
    if (going === mine) progress(false);
  }
}

function draw(fresh) {
  const search = document.getElementById("search");
  const typed = search.value;
  const drawn = fresh.getElementById("search-form");
  // The field keeps what is being typed, and its focus.
  const form = document.getElementById("search-form");
  for (const hidden of form.querySelectorAll("input[type=hidden]")) hidden.remove();
  form.prepend(...drawn.querySelectorAll("input[type=hidden]"));
  if (document.activeElement !== search || !typed) search.value = drawn.querySelector("#search").value;
  for (const id of ["filters", "sort", "views-menu", "tabs", "narrowing"]) replace(id, fresh);
  const views = document.getElementById("views");
  if (views) views.replaceChildren(...fresh.getElementById("views").childNodes);
  replace("list", fresh);
  main.dataset.query = scroller().dataset.query;
  const open = document.getElementById("talk")?.dataset.id;
  if (open) document.querySelector(`#c-${CSS.escape(open)} .row__name`)?.setAttribute("aria-current", "true");
  adopt();
  dispatchEvent(new CustomEvent("allo:narrowed"));
}

function replace(id, fresh) {
  const [old, drawn] = [document.getElementById(id), fresh.getElementById(id)];
  const inside = old.contains(document.activeElement) && document.activeElement !== old;
  const name = inside ? document.activeElement.textContent : "";
  old.replaceWith(drawn);
  if (!inside) return;
  const again = [...drawn.querySelectorAll("a, button, summary")].find((each) => each.textContent === name) ?? drawn.querySelector("summary, a");
  again?.focus({ preventScroll: true });
}

const plain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-list]");
  if (!link || !plain(event)) return;
  event.preventDefault();
  link.closest("details[open]")?.removeAttribute("open");
  if (link.closest(".views-menu, .views")) show("list");
  const search = document.getElementById("search");
  search.value = new URL(link.href).searchParams.get("q") ?? "";
  go(link.getAttribute("href"));
});

const wanted = (form) => {
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(fields).toString();
  return query ? `/?${query}` : "/";
};

addEventListener("submit", (event) => {
  if (!event.target.matches("[data-list-form], #search-form")) return;
  event.preventDefault();
  clearTimeout(timer);
  event.target.closest("details[open]")?.removeAttribute("open");
  go(wanted(event.target));
});

addEventListener("click", (event) => {
  const clear = event.target.closest?.(".filters__do a");
  if (!clear || !clear.closest("[data-list-form]") || !plain(event)) return;
  event.preventDefault();
  clear.closest("details").open = false;
  go(clear.getAttribute("href"));
});

// While one types. One letter finds everything and says nothing; Enter looks for it all the same.
addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  clearTimeout(timer);
  const words = event.target.value.trim();
  if (words.length === 1) return;
  timer = setTimeout(() => {
    const href = wanted(event.target.form);
    const searching = new URLSearchParams(location.search).has("q");
    // A word is one step of the history, not one for every letter.
    if (searching && location.pathname === "/") {
      history.replaceState({}, "", href);
      go(href, { remember: false });
    } else go(href);
  }, TYPED_MS);
});

addEventListener("popstate", () => {
  const query = new URLSearchParams(location.search);
  query.delete("before");
  query.delete("at");
  query.delete("cursor");
  const there = query.toString();
  if (there === scroller().dataset.query) return;
  document.getElementById("search").value = query.get("q") ?? "";
  go(there ? `/?${there}` : "/", { remember: false });
});

// Views and labels that were just made, or taken back, are offered at once.
const TAKEN_BACK_MS = 15000;
let made = 0;

addEventListener("submit", (event) => {
  if (/\/(views|labels)(\/|$)/.test(event.target.getAttribute("action") ?? "")) made = Date.now();
}, true);

addEventListener("allo:changed", (event) => {
  if (event.detail === "labels") made = Date.now();
  if (Date.now() - made < TAKEN_BACK_MS) refreshViews();
});

async function refreshViews() {
  const query = scroller().dataset.query;
  try {
    const fresh = parse(await (await ask(query ? `/?${query}` : "/")).text());
    if (query !== scroller().dataset.query) return;
    for (const [old, drawn] of [["#views", "#views"], [".views-menu__b", ".views-menu__b"]]) {
      document.querySelector(old)?.replaceChildren(...fresh.querySelector(drawn).childNodes);
    }
    document.getElementById("bulk-labels")?.replaceChildren(...fresh.getElementById("bulk-labels").childNodes);
    if (!document.getElementById("filters").open) replace("filters", fresh);
    dispatchEvent(new CustomEvent("allo:narrowed"));
  } catch {
    // They are there on the next page.
  }
}
