// The open conversation: opening another without a reload, a window of messages that moves with the reader, new ones.
//
// What is on the page is a piece of the timeline without holes, of at most MOST entries: whoever scrolls on is given more
// at one end, and the other end leaves. While there is more behind the end (#newer is shown) new messages are counted, not
// shown. What arrives is asked for by how far each conversation had been seen (`reached`), so a lost hint loses nothing.

import { ask, parse, pieces, post } from "./net.js";
import { say } from "./toast.js";
import { show } from "./panes.js";
import { ready } from "./composer.js";
import { foldAll, foldLines, unfold } from "./event_lines.js";
import "./mail.js";
import { arrived, restore } from "./sending.js";
import { refresh as refreshWays, saw } from "./ways.js";
import { remove as removeRow } from "./window.js";

const NEAR_END_PX = 80;
const FAR_PX = 600;
const MOST = 300;
const ROUNDS = 5;
const SLOW_MS = 200;
const FLASH_MS = 2400;
const AWAY = [403, 404];

const talk = () => document.getElementById("talk");
const scroll = () => document.getElementById("scroll");
const messages = () => document.getElementById("messages");
const edge = (name) => document.getElementById(name);
const items = () => [...messages().querySelectorAll("[data-item]")];

let unseen = 0;
let opening;
let heard = [];
let reached = new Map();
let pinned = true;
let staleHead = false;

export const current = () => talk()?.dataset.id ?? "";
// Whether the newest message is on the page.
const attached = () => edge("newer").hidden;

// Opening.

addEventListener("click", (event) => {
  const link = event.target.closest?.("#rows .row__name, a[data-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link.href, { remember: !link.matches("[data-open]") });
});

addEventListener("popstate", () => {
  if (location.pathname.startsWith("/conversations/")) open(location.href, { remember: false });
  else show("list");
});

async function open(url, { remember = true } = {}) {
  opening?.abort();
  const mine = new AbortController();
  opening = mine;
  heard = [];
  const slow = setTimeout(() => talk().classList.add("is-loading"), SLOW_MS);
  try {
    const response = await ask(url, { signal: AbortSignal.any([mine.signal, AbortSignal.timeout(20000)]) });
    const panes = parse(await response.text());
    if (opening !== mine) return;
    dispatchEvent(new CustomEvent("allo:leaving"));
    talk().replaceWith(panes.getElementById("talk"));
    document.getElementById("person").replaceWith(panes.getElementById("person"));
  } catch (refused) {
    if (opening !== mine) return;
    if (AWAY.includes(refused.response?.status)) {
      gone();
      show("talk");
    } else say(refused.message);
    opening = undefined;
    return;
  } finally {
    clearTimeout(slow);
    if (opening === mine) talk().classList.remove("is-loading");
  }
  opening = undefined;
  if (remember) history.pushState({}, "", url);
  document.title = `${talk().dataset.title} — Allo`;
  for (const row of document.querySelectorAll("#rows [aria-current]")) row.removeAttribute("aria-current");
  document.querySelector(`#c-${CSS.escape(current())} .row__name`)?.setAttribute("aria-current", "true");
  show("talk");
  settle();
  const meanwhile = heard;
  heard = [];
  if (meanwhile.length) changed(meanwhile);
}

// Merged away, erased, or not ours: said in its place, with nothing of the one before but what one was writing.
function gone(said = document.getElementById("main").dataset.gone, unsent = "") {
  dispatchEvent(new CustomEvent("allo:leaving"));
  const empty = edge("away").content.cloneNode(true).firstElementChild;
  empty.querySelector("[role=alert]").textContent = said;
  empty.querySelector(".field").hidden = !unsent;
  empty.querySelector("textarea").value = unsent;
  empty.querySelector("a").href = `/?${document.getElementById("main").dataset.query}`;
  talk().replaceWith(empty);
  document.getElementById("person").replaceChildren();
  if (document.documentElement.dataset.step === "person") show("talk");
}

function settle() {
  if (!current()) return;
  unseen = 0;
  staleHead = false;
  reach(talk().dataset.reached);
  scroll().addEventListener("scroll", scrolled, { passive: true });
  edge("jump").addEventListener("click", toNewest);
  grown.disconnect();
  grown.observe(scroll());
  foldAll();
  watch();
  const line = document.getElementById("unread");
  const found = talk().dataset.found;
  if (found && document.getElementById(`m-${found}`)) flash(found);
  else if (line) line.scrollIntoView({ block: "center" });
  else if (attached()) toEnd();
  pinned = attached() && nearEnd();
  if (edge("composer")) {
    ready();
    restore();
  }
  dispatchEvent(new CustomEvent("allo:opened", { detail: { talk: current() } }));
  read();
}

function reach(given, { anew = true } = {}) {
  if (anew) reached = new Map();
  for (const pair of (given ?? "").split(",")) {
    const [conversation, seq] = pair.split(":");
    if (conversation) reached.set(conversation, Math.max(Number(seq), reached.get(conversation) ?? 0));
  }
}

// Reading.

const nearEnd = (within = NEAR_END_PX) => scroll().scrollHeight - scroll().scrollTop - scroll().clientHeight < within;

function toEnd() {
  scroll().scrollTop = scroll().scrollHeight;
  scrolled();
}

async function toNewest() {
  if (attached()) {
    toEnd();
    return;
  }
  const id = current();
  try {
    const page = await pieces(`/conversations/${id}/messages`);
    if (current() !== id) return;
    anew(page);
    restore();
    toEnd();
  } catch (refused) {
    say(refused.message);
  }
}

// Another piece of the timeline instead of this one.
function anew({ html, earlier, later, reached: now }) {
  messages().replaceChildren(html);
  setEdge("older", earlier);
  setEdge("newer", later);
  if (now) reach(now);
  foldLines();
  watch();
}

function scrolled() {
  pinned = attached() && nearEnd();
  if (pinned && unseen) {
    unseen = 0;
    read();
  }
  sayJump();
}

function sayJump() {
  const jump = edge("jump");
  jump.querySelector("span").textContent = unseen ? talk().dataset.new.replace("%N%", unseen) : talk().dataset.newest;
  jump.hidden = pinned || !(unseen || !attached() || !nearEnd(FAR_PX));
}

function read() {
  if (!Number(talk().dataset.unread) || document.hidden || !edge("composer")) return;
  talk().dataset.unread = "0";
  const here = talk();
  post(`/conversations/${current()}/read`).catch(() => { here.dataset.unread = "1"; });
}

document.addEventListener("visibilitychange", () => current() && pinned && read());

// Whoever is at the end stays there when a picture has come or the field grows.
addEventListener("load", (event) => {
  if (pinned && current() && event.target.closest?.("#messages")) toEnd();
}, true);
const grown = new ResizeObserver(() => pinned && current() && toEnd());

// The two ends.

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) more(entry.target);
}, { rootMargin: "300px" });

function watch() {
  seen.disconnect();
  for (const name of ["older", "newer"]) {
    const link = edge(name)?.querySelector("[data-more]");
    if (link && !edge(name).hidden) seen.observe(link);
  }
}

function setEdge(name, url) {
  const link = edge(name).querySelector("a");
  edge(name).hidden = !url;
  delete link.dataset.busy;
  if (url) link.dataset.more = url;
  else delete link.dataset.more;
}

async function more(link) {
  if (link.dataset.busy) return;
  link.dataset.busy = "1";
  const id = current();
  const back = link.closest("#older");
  const url = link.dataset.more;
  try {
    const page = await pieces(url);
    if (current() !== id || link.dataset.more !== url) return;
    inPlace(() => {
      join(page.html, back);
      setEdge(back ? "older" : "newer", back ? page.earlier : page.later);
      trim(back);
      foldLines();
    });
    watch();
    if (!back && attached()) {
      restore();
      catchUp();
    }
    scrolled();
  } catch (refused) {
    say(refused.message);
    setTimeout(() => delete link.dataset.busy, 3000);
  }
}

addEventListener("click", (event) => {
  const link = event.target.closest?.(".talk__older [data-more]");
  if (!link) return;
  event.preventDefault();
  more(link);
});

// What is being read stays where it is, whatever comes or goes around it.
function inPlace(change) {
  const top = scroll().getBoundingClientRect().top;
  const mark = items().find((item) => item.getBoundingClientRect().bottom > top);
  const before = mark?.getBoundingClientRect().top;
  change();
  if (mark?.isConnected) scroll().scrollTop += mark.getBoundingClientRect().top - before;
}

function join(html, atStart) {
  for (const item of html.querySelectorAll("[data-item]")) document.getElementById(item.id)?.remove();
  for (const day of html.querySelectorAll(".day[id]")) {
    const there = document.getElementById(day.id);
    if (there && atStart) there.remove();
    else if (there) day.remove();
  }
  const ours = [...messages().querySelectorAll(".thread")];
  const theirs = [...html.querySelectorAll(".thread")];
  const [first, last] = atStart ? [theirs.at(-1), ours[0]] : [ours.at(-1), theirs[0]];
  if (first && last && first.dataset.conversation === last.dataset.conversation) {
    last.querySelector(".thread__head").remove();
    first.append(...last.childNodes);
    last.remove();
  }
  if (atStart) messages().prepend(html);
  else messages().append(html);
}

// The end that nobody looks at leaves; scrolling back there brings it again.
function trim(atEnd) {
  const all = items();
  const extra = all.length - MOST;
  if (extra <= 0) return;
  const kept = atEnd ? all.slice(0, -extra) : all.slice(extra);
  const last = atEnd ? kept.findLast((item) => item.dataset.id) : kept.find((item) => item.dataset.id);
  if (!last) return;
  const from = all.indexOf(last);
  const leaving = atEnd ? all.slice(from + 1) : all.slice(0, from);
  const held = (item) => item.contains(document.activeElement) || [...item.querySelectorAll("audio, video")].some((each) => !each.paused);
  if (leaving.some(held)) return;
  for (const item of leaving) item.remove();
  if (atEnd) for (const bubble of messages().querySelectorAll(".is-sending")) bubble.remove();
  for (const day of messages().querySelectorAll(".day")) if (!day.nextElementSibling) day.remove();
  for (const thread of messages().querySelectorAll(".thread")) if (!thread.querySelector("[data-item], .is-sending")) thread.remove();
  const way = atEnd ? "after" : "before";
  setEdge(atEnd ? "newer" : "older", `/conversations/${current()}/messages?${way}=${last.dataset.id}`);
}

// To one message: where a quote or a search leads.

addEventListener("click", (event) => {
  const link = event.target.closest?.("#messages [data-to]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.dataset.to);
});

async function goTo(message) {
  if (!document.getElementById(`m-${message}`)) {
    const id = current();
    try {
      const page = await pieces(`/conversations/${id}/messages?at=${message}`);
      if (current() !== id) return;
      anew(page);
      if (attached()) restore();
    } catch (refused) {
      say(refused.message);
      return;
    }
  }
  flash(message);
  scrolled();
}

function flash(message) {
  const found = document.getElementById(`m-${message}`);
  if (!found) return;
  found.scrollIntoView({ block: "center" });
  found.classList.add("is-found");
  setTimeout(() => found.classList.remove("is-found"), FLASH_MS);
}

// New and changed ones.

export function changed(hints) {
  if (opening) heard.push(...hints);
  const id = current();
  if (!id) return;
  const contact = talk().dataset.contact;
  const here = hints.filter((hint) => hint.conversation === id || hint.contact === contact || reached.has(hint.conversation));
  if (here.some((hint) => hint.kind === "message")) catchUp();
  const ids = new Set(here.filter((hint) => hint.kind === "changed").map((hint) => hint.message));
  const shown = [...ids].filter((each) => document.getElementById(`m-${each}`));
  if (shown.length) fetchInto(`/conversations/${id}/messages?ids=${shown.slice(0, 100).join(",")}`, id);
  if (here.some((hint) => ["conversation", "contact", "lead"].includes(hint.kind))) {
    if (attached() || here.some((hint) => hint.kind === "contact")) fetchInto(`/conversations/${id}/messages`, id);
    around();
  }
}

let catching;
let catchAgain = false;

// Everything that has come since, however much it is; `whole`: what is on the page may have changed, too.
export async function catchUp({ whole = false } = {}) {
  const id = current();
  if (!id) return;
  if (whole) {
    around();
    const ids = items().map((item) => item.dataset.id).filter(Boolean);
    for (let from = 0; from < ids.length; from += 100) {
      fetchInto(`/conversations/${id}/messages?ids=${ids.slice(from, from + 100).join(",")}`, id);
    }
    if (attached()) fetchInto(`/conversations/${id}/messages`, id);
  }
  if (catching === id) {
    catchAgain = true;
    return;
  }
  catching = id;
  try {
    let left = true;
    for (let round = 0; left && round < ROUNDS; round += 1) {
      catchAgain = false;
      const since = [...reached].map(([conversation, seq]) => `${conversation}:${seq}`).join(",");
      const page = await pieces(`/conversations/${id}/messages?since=${since}`);
      if (current() !== id) return;
      merge(page.html, { news: true });
      left = page.more || catchAgain;
    }
    if (left) await afterALongTime(id);
  } catch {
    // The next hint, or coming back, tries again.
  } finally {
    if (catching === id) catching = undefined;
  }
}

// More has come than one reads through: the newest, when one was at the end; else the rest waits behind the end.
async function afterALongTime(id) {
  const last = items().findLast((item) => item.dataset.id);
  if (pinned || !last) {
    const page = await pieces(`/conversations/${id}/messages`);
    if (current() !== id) return;
    anew(page);
    restore();
    toEnd();
  } else {
    setEdge("newer", `/conversations/${id}/messages?after=${last.dataset.id}`);
    watch();
    sayJump();
  }
}

addEventListener("allo:sent", ({ detail }) => {
  if (current() === detail.talk) catchUp();
});
// Whoever writes sees where it goes.
addEventListener("allo:placing", () => attached() || toNewest());

export async function around() {
  const id = current();
  if (!id) return;
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
    staleHead = Boolean(old.querySelector("details[open]"));
    if (!staleHead) keepFocus(old, () => old.replaceWith(head.html));
    const panel = document.getElementById("person");
    if (!panel.querySelector("details.picker[open]") && !busyIn(panel)) {
      const top = panel.querySelector(".pane__scroll")?.scrollTop ?? 0;
      keepFocus(panel, () => panel.replaceWith(person.html));
      const pane = document.querySelector("#person .pane__scroll");
      if (pane) pane.scrollTop = top;
    }
  } catch (refused) {
    if (current() === id && AWAY.includes(refused.response?.status)) {
      gone(document.getElementById("main").dataset.left, edge("reply")?.value.trim());
      removeRow(id);
    }
    // The next hint, or coming back, tries again.
  }
}

// A menu that was open while its head changed is drawn anew when it closes.
addEventListener("toggle", (event) => {
  if (staleHead && !event.target.open && event.target.closest?.("#talk-head")) around();
}, true);

function keepFocus(old, replace) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const id = focused?.id || focused?.closest("details[id]")?.id;
  replace();
  const again = id && document.getElementById(id);
  if (again) (again.matches("details") ? again.querySelector("summary") : again).focus({ preventScroll: true });
}

// Somebody is writing there; an empty field may be drawn anew.
const busyIn = (panel) => panel.contains(document.activeElement)
  && document.activeElement.matches("input, textarea, select")
  && (Boolean(document.activeElement.value) || document.activeElement.value !== document.activeElement.defaultValue);

async function fetchInto(url, id) {
  try {
    const page = await pieces(url);
    if (current() !== id) return;
    const theirs = new Set((page.reached ?? "").split(",").map((pair) => pair.split(":")[0]).filter(Boolean));
    const shown = [...messages().querySelectorAll(".thread")].map((thread) => thread.dataset.conversation);
    // A merge was taken back: what is not this person's any more leaves. What a merge has brought comes as a whole.
    if (theirs.size && [...reached.keys(), ...shown].some((conversation) => !theirs.has(conversation))) redraw(page);
    else {
      merge(page.html);
      if ([...theirs].some((conversation) => !reached.has(conversation))) catchUp();
    }
  } catch {
    // As above.
  }
}

function redraw(page) {
  const stay = pinned;
  const top = scroll().getBoundingClientRect().top;
  const mark = items().find((item) => item.getBoundingClientRect().bottom > top);
  const before = mark?.getBoundingClientRect().top;
  anew(page);
  if (attached()) restore();
  const again = mark && document.getElementById(mark.id);
  if (again && !stay) scroll().scrollTop += again.getBoundingClientRect().top - before;
  else toEnd();
}

// `news`: these are the ones that come next, so that is how far one has seen. Others change what is there, or are drawn
// for the lines between them.
function merge(html, { news = false } = {}) {
  let fresh = 0;
  const stay = pinned;
  inPlace(() => {
    for (const section of html.querySelectorAll(".thread")) {
      const days = [...section.querySelectorAll(".day[id]")];
      for (const item of section.querySelectorAll("[data-item]")) {
        const conversation = section.dataset.conversation;
        const seq = Number(item.dataset.seq);
        // What comes next may come first among the newest page, which is asked for beside it.
        const comesNext = news || seq > (reached.get(conversation) ?? Infinity);
        if (news) reach(`${conversation}:${seq}`, { anew: false });
        saw(conversation, seq);
        const mine = item.dataset.key && arrived(item.dataset.key);
        const old = document.getElementById(item.id);
        if (old) {
          change(old, item);
          continue;
        }
        if (comesNext && item.dataset.direction === "in") fresh += 1;
        if (!within(item)) continue;
        const day = days.find((each) => each.nextElementSibling === item && !document.getElementById(each.id));
        insert(item, section, day);
        if (!mine) item.classList.add("is-arriving");
      }
    }
    if (attached()) {
      // Whoever reads further up keeps what they read: then what has come waits behind the end.
      trim(!stay);
      foldLines();
    }
  });
  if (stay) toEnd();
  else foldLines();
  watch();
  if (fresh) {
    talk().dataset.unread = "1";
    if (stay && attached()) read();
    else unseen += fresh;
    sayJump();
  }
}

// Whether it belongs to the piece of the timeline that is on the page.
function within(item) {
  const all = items();
  if (!all.length) return attached();
  if (!attached() && after(item, all.at(-1))) return false;
  return edge("older").hidden || after(item, all[0]);
}

function change(old, item) {
  const plain = old.cloneNode(true);
  plain.classList.remove("is-arriving", "is-found", "ev--folded");
  if (plain.getAttribute("class") === item.getAttribute("class") && plain.innerHTML === item.innerHTML) return;
  if (old.querySelector("details[open], audio, video") || old.contains(document.activeElement)) update(old, item);
  else old.replaceWith(item);
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
  const all = items();
  const previous = all.findLast((other) => after(item, other));
  let home = (previous ?? all[0])?.closest(".thread");
  if (!home || (previous && previous === all.at(-1) && home.dataset.conversation !== section.dataset.conversation)) {
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

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-unfold-lines]");
  if (!button) return;
  inPlace(() => unfold(button));
});

settle();
