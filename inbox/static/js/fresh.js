// Pages that are no conversation: drawn again when what they show has changed, unless somebody is in the middle of
// something there; then they are told, and draw it when they want to.

import { watch } from "./more.js";
import { pageNow } from "./net.js";

const SETTLE_MS = 300;
const REST_MS = 3000;
const AGAIN_MS = 10000;
const main = document.getElementById("main");
const kinds = new Set((main?.dataset.live ?? "").split(" ").filter(Boolean));
const every = Number(main?.dataset.every ?? 0) * 1000;
let source;
let timer = 0;
let drawn = 0;
let again = 0;
let bar;

// The inbox has a connection of its own.
if (main && !main.dataset.me) {
  listen();
  // A page nobody looks at holds no connection: browsers have few of them. But one of them rings (notices.js).
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !document.documentElement.dataset.rings) source?.close();
    else if (!document.hidden) {
      listen();
      if (kinds.size) changed();
    }
  });
  addEventListener("pagehide", () => {
    clearTimeout(again);
    source?.close();
  });
}
if (every) setInterval(() => document.hidden || changed(), every);

function listen() {
  clearTimeout(again);
  source?.close();
  source = new EventSource("/live");
  // A browser tries again by itself, but not after an answer that is no stream: that of a proxy while the server starts.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) again = setTimeout(() => (document.hidden && !document.documentElement.dataset.rings) || listen(), AGAIN_MS * (0.5 + Math.random()));
  });
  source.addEventListener("message", (event) => {
    const hints = JSON.parse(event.data);
    dispatchEvent(new CustomEvent("allo:hints", { detail: hints }));
    if (kinds.size && hints.some(concerns)) changed();
  });
}

const concerns = (hint) => hint.kind === "refresh"
  || (kinds.has(hint.kind) && (!main.dataset.about || [hint.lead, hint.contact, hint.conversation].includes(main.dataset.about)));

// A busy shop changes all the time: not more often than the eye follows.
function changed() {
  timer ||= setTimeout(draw, Math.max(SETTLE_MS, drawn + REST_MS - Date.now()));
}

const busy = () => Boolean(main.querySelector("details.picker[open]"))
  || (main.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"))
  || Boolean(main.querySelector("[data-written]"))
  || main.dataset.more === "1"
  || !document.getSelection().isCollapsed;

async function draw() {
  timer = 0;
  drawn = Date.now();
  let fresh;
  try {
    const { response, page } = await pageNow();
    if (!response.ok || response.redirected) return;
    fresh = page.getElementById("main");
  } catch {
    return; // The next hint tries again.
  }
  // Times grow by themselves; they alone are no news.
  if (!fresh || essence(fresh) === essence(main)) return;
  if (busy()) tell();
  else replace(fresh);
}

// Somebody has changed something here themselves: shown at once, whatever else is going on. A merged contact's page goes on
// at the address of the one who stays.
export async function redraw() {
  let now;
  try {
    now = await pageNow();
  } catch {
    // Below.
  }
  const fresh = (now?.response.ok || now?.response.status === 404) && now.page.querySelector("main");
  if (!fresh || !main || !kinds.size) {
    location.reload();
    return;
  }
  if (!now.response.ok) {
    // Given away, and not ours to see any more: said in its place, while the toast still offers to take it back.
    document.title = now.page.title;
    main.replaceChildren(...fresh.childNodes);
    return;
  }
  if (now.response.redirected) history.replaceState({}, "", now.response.url);
  document.title = now.page.title;
  main.dataset.about = fresh.dataset.about ?? "";
  drawn = Date.now();
  delete main.dataset.more;
  replace(fresh);
}

const essence = (element) => {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll("[data-grows], time")) each.remove();
  for (const each of copy.querySelectorAll("[open]")) each.removeAttribute("open");
  const fields = [...copy.querySelectorAll(".edit__in")].map((each) => (each.matches("select") ? each.querySelector("[selected]")?.value : each.defaultValue));
  return copy.textContent.replace(/\s+/g, " ") + fields.join();
};

function tell() {
  if (bar?.isConnected) return;
  bar = document.getElementById("stale").content.cloneNode(true).firstElementChild;
  bar.querySelector("button").addEventListener("click", () => location.reload());
  document.getElementById("toasts").append(bar);
}

function replace(fresh) {
  const scrolled = [main, ...main.querySelectorAll("#board, .col__b, .tablewrap")].map((each) => [each.scrollLeft, each.scrollTop]);
  const active = main.contains(document.activeElement) ? document.activeElement : null;
  const [focused, named] = [active?.getAttribute("href"), active?.id];
  const at = [...main.querySelectorAll("#rows > li")].findIndex((row) => row.contains(active));
  const written = [...main.querySelectorAll("[data-written][id]:not(.edit__in)")].map((each) => [each.id, each.value]);
  main.replaceChildren(...fresh.childNodes);
  [main, ...main.querySelectorAll("#board, .col__b, .tablewrap")].forEach((each, place) => {
    [each.scrollLeft, each.scrollTop] = scrolled[place] ?? [0, 0];
  });
  const again = focused ? main.querySelector(`[href="${CSS.escape(focused)}"]`) : document.getElementById(named || "-");
  // What had the focus is gone: the one that took its place has it.
  const rows = main.querySelectorAll("#rows > li .taskrow__t");
  const neighbour = at >= 0 ? rows[Math.min(at, rows.length - 1)] ?? main.querySelector(".tabs [aria-current]") : null;
  (again ?? neighbour)?.focus({ preventScroll: true });
  for (const [id, value] of written) {
    const field = document.getElementById(id);
    if (field && field.value !== value) Object.assign(field, { value }).dataset.written = "1";
  }
  delete main.dataset.more;
  watch();
}

// What somebody has begun to write is not drawn over.
main?.addEventListener("input", (event) => { event.target.dataset.written = "1"; });
// What is sent is no longer being written.
addEventListener("submit", (event) => {
  for (const each of event.target.querySelectorAll("[data-written]")) delete each.dataset.written;
});
