// The open conversation: opening another without a reload, older messages on the way up, new ones at the end.

import { ask, parse, pieces, post } from "./net.js";
import { say } from "./toast.js";
import { show } from "./panes.js";
import { ready } from "./composer.js";
import { arrived, restore } from "./sending.js";
import { refresh as refreshWays, saw } from "./ways.js";

const NEAR_END_PX = 80;
const talk = () => document.getElementById("talk");
const scroll = () => document.getElementById("scroll");
const messages = () => document.getElementById("messages");
let unseen = 0;
let opening;

export const current = () => talk()?.dataset.id ?? "";

// Opening.

addEventListener("click", (event) => {
  const link = event.target.closest?.("#rows .row__name");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link.href);
});

addEventListener("popstate", () => {
  if (location.pathname.startsWith("/conversations/")) open(location.href, { remember: false });
  else show("list");
});

async function open(url, { remember = true } = {}) {
  opening?.abort();
  opening = new AbortController();
  try {
    const response = await ask(url, { signal: opening.signal });
    const panes = parse(await response.text());
    dispatchEvent(new CustomEvent("allo:leaving"));
    talk().replaceWith(panes.getElementById("talk"));
    document.getElementById("person").replaceWith(panes.getElementById("person"));
  } catch (refused) {
    if (!opening.signal.aborted) say(refused.message);
    return;
  }
  if (remember) history.pushState({}, "", url);
  document.title = `${talk().dataset.title} — Allo`;
  for (const row of document.querySelectorAll("#rows [aria-current]")) row.removeAttribute("aria-current");
  document.querySelector(`#c-${CSS.escape(current())} .row__name`)?.setAttribute("aria-current", "true");
  show("talk");
  settle();
}

function settle() {
  if (!current()) return;
  const line = document.getElementById("unread");
  if (line) line.scrollIntoView({ block: "center" });
  else toEnd();
  unseen = 0;
  watchOlder();
  scroll().addEventListener("scroll", scrolled, { passive: true });
  document.getElementById("jump").addEventListener("click", toEnd);
  // Pictures take their height when they have come: stay at the end meanwhile.
  for (const image of messages().querySelectorAll("img")) {
    const atEnd = nearEnd();
    image.addEventListener("load", () => atEnd && nearEnd(400) && toEnd(), { once: true });
  }
  if (document.getElementById("composer")) {
    ready();
    restore();
  }
  read();
}

// Reading.

const nearEnd = (within = NEAR_END_PX) => scroll().scrollHeight - scroll().scrollTop - scroll().clientHeight < within;

function toEnd() {
  scroll().scrollTop = scroll().scrollHeight;
  scrolled();
}

function scrolled() {
  if (!nearEnd() || !unseen) return;
  unseen = 0;
  document.getElementById("jump").hidden = true;
  read();
}

function read() {
  if (!Number(talk().dataset.unread) || document.hidden) return;
  talk().dataset.unread = "0";
  post(`/conversations/${current()}/read`).catch(() => { talk().dataset.unread = "1"; });
}

document.addEventListener("visibilitychange", () => current() && nearEnd() && read());

// Older messages, without moving what is being read.

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) older(entry.target);
}, { rootMargin: "300px" });

function watchOlder() {
  seen.disconnect();
  const link = document.querySelector("#older [data-more]");
  if (link) seen.observe(link);
}

async function older(link) {
  if (link.dataset.busy) return;
  link.dataset.busy = "1";
  try {
    const { html, earlier } = await pieces(link.dataset.more);
    const height = scroll().scrollHeight;
    const top = scroll().scrollTop;
    prepend(html);
    if (earlier) link.dataset.more = earlier;
    else document.getElementById("older").remove();
    scroll().scrollTop = top + scroll().scrollHeight - height;
    delete link.dataset.busy;
    watchOlder();
  } catch (refused) {
    say(refused.message);
    setTimeout(() => delete link.dataset.busy, 3000);
  }
}

addEventListener("click", (event) => {
  const link = event.target.closest?.("#older [data-more]");
  if (!link) return;
  event.preventDefault();
  older(link);
});

function prepend(html) {
  for (const item of html.querySelectorAll("[data-item]")) document.getElementById(item.id)?.remove();
  for (const day of html.querySelectorAll(".day[id]")) document.getElementById(day.id)?.remove();
  const first = messages().querySelector(".thread");
  const last = [...html.querySelectorAll(".thread")].at(-1);
  if (first && last && first.dataset.conversation === last.dataset.conversation) {
    first.querySelector(".thread__head").remove();
    last.append(...first.childNodes);
    first.remove();
  }
  messages().prepend(html);
}

// New and changed ones.

export function changed(hints) {
  const id = current();
  if (!id) return;
  const contact = talk().dataset.contact;
  const here = hints.filter((hint) => hint.conversation === id || hint.contact === contact || elsewhere(hint));
  const ids = new Set(here.filter((hint) => hint.message).map((hint) => hint.message));
  if (ids.size) fetchInto(`/conversations/${id}/messages?ids=${[...ids].join(",")}`, id);
  if (here.some((hint) => ["conversation", "contact", "lead"].includes(hint.kind))) {
    fetchInto(`/conversations/${id}/messages`, id);
    around(id);
  }
}

// The same person in another channel: one thread.
const elsewhere = (hint) => messages().querySelector(`.thread[data-conversation="${hint.conversation}"]`);

export function catchUp() {
  const id = current();
  if (!id) return;
  fetchInto(`/conversations/${id}/messages`, id);
  around(id);
}

addEventListener("allo:sent", ({ detail }) => {
  if (current() === detail.talk) fetchInto(`/conversations/${detail.talk}/messages?ids=${detail.message}`, detail.talk);
});

async function around(id) {
  const query = document.getElementById("main").dataset.query;
  try {
    const [head, person, ways] = await Promise.all([
      pieces(`/conversations/${id}/head?${query}`),
      pieces(`/conversations/${id}/person`),
      pieces(`/conversations/${id}/ways`),
    ]);
    if (current() !== id) return;
    refreshWays(ways.html);
    const old = document.getElementById("talk-head");
    if (!old.querySelector("details[open]")) old.replaceWith(head.html);
    const panel = document.getElementById("person");
    if (!panel.querySelector("details.picker[open]") && !busyIn(panel)) {
      const top = panel.querySelector(".pane__scroll")?.scrollTop ?? 0;
      const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
      panel.replaceWith(person.html);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      const pane = document.querySelector("#person .pane__scroll");
      if (pane) pane.scrollTop = top;
    }
  } catch {
    // The next hint, or coming back, tries again.
  }
}

// Somebody is writing there; an empty field may be drawn anew.
const busyIn = (panel) => panel.contains(document.activeElement)
  && document.activeElement.matches("input, textarea, select")
  && (Boolean(document.activeElement.value) || document.activeElement.value !== document.activeElement.defaultValue);

async function fetchInto(url, id) {
  try {
    const { html } = await pieces(url);
    if (current() === id) merge(html);
  } catch {
    // As above.
  }
}

function merge(html) {
  const atEnd = nearEnd();
  let fresh = 0;
  for (const section of html.querySelectorAll(".thread")) {
    const days = [...section.querySelectorAll(".day[id]")];
    for (const item of section.querySelectorAll("[data-item]")) {
      saw(section.dataset.conversation, Number(item.dataset.seq));
      const mine = item.dataset.key && arrived(item.dataset.key);
      const old = document.getElementById(item.id);
      if (old) {
        if (old.outerHTML !== item.outerHTML && !old.querySelector("details[open], audio, video")) old.replaceWith(item);
        else if (old.outerHTML !== item.outerHTML) update(old, item);
        continue;
      }
      const day = days.find((each) => each.nextElementSibling === item && !document.getElementById(each.id));
      insert(item, section, day);
      if (!mine) item.classList.add("is-arriving");
      if (item.dataset.direction === "in") fresh += 1;
    }
  }
  if (atEnd) {
    toEnd();
    if (fresh) {
      talk().dataset.unread = "1";
      read();
    }
  } else if (fresh) {
    unseen += fresh;
    talk().dataset.unread = "1";
    const jump = document.getElementById("jump");
    jump.querySelector("span").textContent = talk().dataset.new.replace("%N%", unseen);
    jump.hidden = false;
  }
}

// What is being played or read stays; the marks beside it change.
function update(old, item) {
  old.className = item.className;
  const [meta, other] = [old.querySelector(".bubble__meta"), item.querySelector(".bubble__meta")];
  if (meta && other) meta.replaceWith(other);
}

const after = (one, other) => {
  const [a, b] = [Number(one.dataset.at), Number(other.dataset.at)];
  return a === b ? Number(one.dataset.seq) > Number(other.dataset.seq) : a > b;
};

function insert(item, section, day) {
  const items = [...messages().querySelectorAll("[data-item]")];
  const previous = items.findLast((other) => after(item, other));
  let home = (previous ?? items[0])?.closest(".thread");
  if (!home || (previous && previous === items.at(-1) && home.dataset.conversation !== section.dataset.conversation)) {
    home = section.cloneNode(false);
    home.append(section.querySelector(".thread__head").cloneNode(true));
    messages().append(home);
    home.append(item);
  } else if (previous) {
    previous.after(item);
  } else {
    home.querySelector(".thread__head").after(item);
  }
  if (day) item.before(day);
}

// Mail in its frame.

addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.mail[open]")) return;
  const frame = event.target.querySelector("iframe");
  if (!frame.src) load(frame, frame.dataset.src);
}, true);

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-images]");
  if (!button) return;
  load(button.closest("details").querySelector("iframe"), button.dataset.images);
  button.parentElement.remove();
});

function load(frame, url) {
  frame.addEventListener("load", () => {
    // A document is at least as tall as its frame: measured in a frame without height.
    frame.style.height = "0";
    const height = frame.contentDocument?.documentElement?.scrollHeight ?? 320;
    frame.style.height = `${Math.min(Math.max(height, 120), 2000)}px`;
  });
  frame.src = url;
}

settle();
