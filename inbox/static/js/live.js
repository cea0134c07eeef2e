// Hints from the server. A hint says what to ask for; after every gap we ask for everything since.
//
// A connection that broke is tried again by ourselves, later each time and not all pages at the same moment. One that is
// silent for longer than the server's heartbeat is broken too: a network that went away says nothing.

import { ask, renew } from "./net.js";

const GONE_LONG_MS = 60000;
const SILENT_MS = 50000;
const FIRST_MS = 800;
const LATEST_MS = 30000;
const BAR_AFTER_MS = 3000;

const main = document.getElementById("main");
let source;
let lost = false;
let ended = false;
let tries = 0;
let heard = Date.now();
let again = 0;
let late = 0;
let bar;

export const connected = () => !lost && !ended && navigator.onLine;

export function listen({ changed, refresh }) {
  function open() {
    clearTimeout(again);
    source?.close();
    source = new EventSource("/live");
    heard = Date.now();
    source.addEventListener("open", () => {
      heard = Date.now();
      tries = 0;
      back();
      // Also the first time: something may have come between the page and its stream.
      refresh();
    });
    source.addEventListener("error", gone);
    source.addEventListener("beat", () => { heard = Date.now(); });
    source.addEventListener("message", (event) => {
      heard = Date.now();
      const hints = JSON.parse(event.data);
      dispatchEvent(new CustomEvent("allo:hints", { detail: hints }));
      if (hints.some((hint) => hint.kind === "refresh")) refresh();
      else if (hints.length) changed(hints);
    });
  }

  function gone() {
    source.close();
    lose();
    clearTimeout(again);
    if (ended) return;
    const wait = Math.min(LATEST_MS, FIRST_MS * 2 ** tries) * (0.5 + Math.random());
    tries += 1;
    again = setTimeout(tryAgain, wait);
  }

  // A stream does not say why it was refused: ask first who we are.
  async function tryAgain() {
    try {
      if (await whoAmI()) open();
    } catch (refused) {
      if (refused.response?.status !== 401) gone();
    }
  }

  async function whoAmI() {
    const { csrf, user } = await (await ask("/live/me")).json();
    if (user !== main.dataset.me) {
      show(main.dataset.other);
      return false;
    }
    renew(csrf);
    ended = false;
    return true;
  }

  addEventListener("allo:signed-out", () => {
    if (ended) return;
    ended = true;
    source?.close();
    lose();
    show(main.dataset.stays, { link: "/sign-in", words: main.dataset.signIn });
  });

  addEventListener("allo:try-now", () => {
    tries = 0;
    tryAgain();
  });
  addEventListener("offline", () => { gone(); });
  addEventListener("online", () => { tries = 0; tryAgain(); });
  addEventListener("focus", () => ended && tryAgain());
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hiddenAt = Date.now();
      return;
    }
    if (lost) tryAgain();
    else if (hiddenAt && Date.now() - hiddenAt > GONE_LONG_MS) refresh();
  });
  setInterval(() => {
    if (!lost && Date.now() - heard > SILENT_MS) gone();
  }, 5000);
  // Firefox reports a broken stream when one leaves the page.
  addEventListener("pagehide", () => { clearTimeout(again); source.close(); });
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

function lose() {
  if (lost) return;
  lost = true;
  dispatchEvent(new CustomEvent("allo:disconnected"));
  clearTimeout(late);
  late = setTimeout(() => ended || show(main.dataset.offline, { words: main.dataset.retry }), BAR_AFTER_MS);
}

function back() {
  clearTimeout(late);
  bar?.remove();
  bar = undefined;
  fit();
  if (!lost) return;
  lost = false;
  dispatchEvent(new CustomEvent("allo:connected"));
}

// What is under the bar makes room for it.
function fit() {
  const root = document.documentElement;
  const before = parseFloat(root.style.getPropertyValue("--bar")) || 0;
  const now = bar?.offsetHeight ?? 0;
  root.style.setProperty("--bar", `${now}px`);
  // The page makes room for the bar, and what is being read stays where the eye is.
  const read = document.getElementById("scroll");
  if (read) read.scrollTop += now - before;
}
addEventListener("resize", fit);

function show(text, { link, words } = {}) {
  bar?.remove();
  bar = document.createElement("p");
  bar.className = "offline";
  bar.setAttribute("role", "status");
  bar.append(text, " ");
  if (words) {
    const act = document.createElement(link ? "a" : "button");
    act.className = "link";
    act.textContent = words;
    if (link) {
      act.href = link;
      act.target = "_blank";
    } else {
      act.type = "button";
      act.addEventListener("click", () => dispatchEvent(new CustomEvent("allo:try-now")));
    }
    bar.append(act);
  }
  document.body.append(bar);
  fit();
}
