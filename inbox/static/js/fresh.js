// Pages that are no conversation: drawn again when what they show has changed, unless somebody is in the middle of
// something there; then they are told, and draw it when they want to.

import { watch } from "./more.js";

const SETTLE_MS = 300;
const REST_MS = 3000;
const main = document.getElementById("main");
const kinds = new Set((main?.dataset.live ?? "").split(" ").filter(Boolean));
const about = main?.dataset.about ?? "";
const every = Number(main?.dataset.every ?? 0) * 1000;
let source;
let timer = 0;
let drawn = 0;
let bar;

if (kinds.size) {
  listen();
  // A page nobody looks at holds no connection: browsers have few of them.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else {
      listen();
      changed();
    }
  });
  addEventListener("pagehide", () => source?.close());
}
if (every) setInterval(() => document.hidden || changed(), every);

function listen() {
  source = new EventSource("/live");
  source.addEventListener("message", (event) => {
    if (JSON.parse(event.data).some(concerns)) changed();
  });
}

const concerns = (hint) => hint.kind === "refresh"
  || (kinds.has(hint.kind) && (!about || [hint.lead, hint.contact, hint.conversation].includes(about)));

// A busy shop changes all the time: not more often than the eye follows.
function changed() {
  timer ||= setTimeout(() => draw(), Math.max(SETTLE_MS, drawn + REST_MS - Date.now()));
}

const busy = () => Boolean(main.querySelector("details.picker[open]"))
  || (main.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"))
  || Boolean(main.querySelector("[data-written]"))
  || main.dataset.more === "1"
  || !document.getSelection().isCollapsed;

// After one's own change: at once, whatever else is going on here. False: this page is not drawn again by itself.
export function redraw() {
  if (!kinds.size) return false;
  draw({ own: true });
  return true;
}

async function draw({ own = false } = {}) {
  timer = 0;
  drawn = Date.now();
  let fresh;
  try {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(20000) });
    if (!response.ok || response.redirected) return;
    fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  } catch {
    return; // The next hint tries again.
  }
  // Times grow by themselves; they alone are no news.
  if (!fresh || (!own && essence(fresh) === essence(main))) return;
  if (!own && busy()) tell();
  else replace(fresh);
}

const essence = (element) => {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll("[data-grows], time")) each.remove();
  for (const each of copy.querySelectorAll("[open]")) each.removeAttribute("open");
  return copy.textContent.replace(/\s+/g, " ");
};

function tell() {
  if (bar?.isConnected) return;
  bar = document.getElementById("stale").content.cloneNode(true).firstElementChild;
  bar.querySelector("button").addEventListener("click", () => location.reload());
  document.getElementById("toasts").append(bar);
}

function replace(fresh) {
  const scrolled = [main, ...main.querySelectorAll("#board, .col__b, .tablewrap")].map((each) => [each.scrollLeft, each.scrollTop]);
  const focused = main.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const written = [...main.querySelectorAll("[data-written][id]")].map((each) => [each.id, each.value]);
  const field = main.contains(document.activeElement) && document.activeElement.id;
  main.replaceChildren(...fresh.childNodes);
  [main, ...main.querySelectorAll("#board, .col__b, .tablewrap")].forEach((each, place) => {
    [each.scrollLeft, each.scrollTop] = scrolled[place] ?? [0, 0];
  });
  if (focused) main.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  for (const [id, value] of written) {
    const again = document.getElementById(id);
    if (again) Object.assign(again, { value }).dataset.written = "1";
  }
  if (field) document.getElementById(field)?.focus({ preventScroll: true });
  delete main.dataset.more;
  watch();
}

// What somebody has begun to write is not drawn over.
main?.addEventListener("input", (event) => { event.target.dataset.written = "1"; });
// What is sent is no longer being written.
addEventListener("submit", (event) => {
  for (const each of event.target.querySelectorAll("[data-written]")) delete each.dataset.written;
});
