// The bell: numbers in the rail and the title, a sound, a note on the desktop. However many tabs are open, one of them rings.

import { ask, parse, pieces, post } from "./net.js";
import { say, sayDone } from "./toast.js";
import { watch } from "./more.js";

const TOLD = "allo.told";
const LOOKING = "allo.looking";
const LOOKING_MS = 5 * 60000;
const KEPT = 200;
const UNHURRIED_MS = 5000;
const bell = document.getElementById("notices");
const list = document.getElementById("notices-list");
let unread = 0;
let asking = 0;
let later = 0;

function begin() {
  refresh();
  addEventListener("allo:hints", ({ detail }) => {
    if (detail.some((hint) => ["notice", "refresh"].includes(hint.kind))) soon();
    // A task may be done or new; much else happens to contacts, and a number may be a little late.
    else if (detail.some((hint) => hint.kind === "contact")) later ||= setTimeout(soon, UNHURRIED_MS);
    if (detail.some((hint) => ["presence", "refresh"].includes(hint.kind))) whoIsHere();
  });
  addEventListener("allo:changed", soon);
  document.addEventListener("visibilitychange", () => document.hidden || soon());
  // Tasks become late by themselves.
  setInterval(() => document.hidden || soon(), 60000);
  for (const moment of ["focus", "blur", "popstate", "click", "keyup"]) addEventListener(moment, () => setTimeout(look, 200));
  look();
  new MutationObserver(title).observe(document.querySelector("title"), { childList: true });
  navigator.locks?.request("allo-rings", () => {
    document.documentElement.dataset.rings = "1";
    return new Promise(() => {});
  });
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}

// Hints come in swarms.
function soon() {
  clearTimeout(later);
  later = 0;
  clearTimeout(asking);
  asking = setTimeout(refresh, 150);
}

async function refresh() {
  let told;
  try {
    told = await (await ask("/notices/news")).json();
  } catch {
    return; // The next hint, or coming back, asks again.
  }
  const number = (n) => (n > told.most ? `${told.most}+` : String(n));
  badge("rail-notices", told.unread, number(told.unread));
  badge("rail-tasks", told.due, number(told.due), told.overdue > 0);
  unread = told.unread ? number(told.unread) : "";
  title();
  presence(told.presence);
  if (bell.open) fill();
  await ring(told);
  bell.dataset.ready = "1";
}

function badge(id, n, text, late) {
  for (const each of document.querySelectorAll(`[data-badge="${id}"]`)) {
    each.hidden = !n;
    each.querySelector("[data-n]").textContent = text;
    if (late !== undefined) each.classList.toggle("rail__n--calm", !late);
  }
}

function title() {
  const plain = document.title.replace(/^\(\d+\+?\) /, "");
  const wanted = unread ? `(${unread}) ${plain}` : plain;
  if (document.title !== wanted) document.title = wanted;
}

// What rings.

const read = (name, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
};
const keep = (name, value) => {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing rings in every tab.
  }
};

function look() {
  if (!document.hidden && document.hasFocus()) keep(LOOKING, { path: location.pathname, at: Date.now() });
  else if (read(LOOKING, {}).path === location.pathname) keep(LOOKING, {});
}

async function ring({ news, sound }) {
  const claim = () => {
    const told = read(TOLD, null);
    keep(TOLD, [...(told ?? []), ...news.map((each) => each.key)].slice(-KEPT));
    // In a browser that has rung for nothing yet, only what is still to come is news.
    return told ? news.filter((each) => !told.includes(each.key)) : [];
  };
  const fresh = navigator.locks ? await navigator.locks.request("allo-told", claim) : claim();
  const looking = read(LOOKING, {});
  const seen = (each) => looking.path === each.url && Date.now() - looking.at < LOOKING_MS && each.url.startsWith("/conversations/");
  const open = `/conversations/${document.getElementById("talk")?.dataset.id}`;
  if (!document.hidden && document.hasFocus() && news.some((each) => each.url === open)) {
    post("/notices/read", { conversation: open.split("/").pop() }).catch(() => {});
  }
  const loud = fresh.filter((each) => each.desktop && !seen(each));
  if (!loud.length) return;
  if (sound) beep();
  for (const each of loud.slice(-3)) note(each);
}

async function note({ title: who, body, tag, url }) {
  if (globalThis.Notification?.permission !== "granted") return;
  const worker = await navigator.serviceWorker?.getRegistration();
  const icon = bell.dataset.icon;
  // By the worker, so that a push about the same replaces it instead of ringing twice.
  if (worker?.active) worker.showNotification(who, { body, tag, icon, data: { url } });
  else {
    const shown = new Notification(who, { body, tag, icon });
    shown.addEventListener("click", () => {
      focus();
      location.href = url;
    });
  }
}

let audio;
function beep() {
  try {
    audio ??= new AudioContext();
    audio.resume();
    const start = audio.currentTime;
    for (const [at, pitch] of [[0, 784], [0.14, 1047]]) {
      const tone = new OscillatorNode(audio, { type: "sine", frequency: pitch });
      const loudness = new GainNode(audio, { gain: 0 });
      loudness.gain.setValueAtTime(0, start + at);
      loudness.gain.linearRampToValueAtTime(0.12, start + at + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + at + 0.35);
      tone.connect(loudness).connect(audio.destination);
      tone.start(start + at);
      tone.stop(start + at + 0.4);
    }
    document.documentElement.dataset.rang = String(Number(document.documentElement.dataset.rang ?? 0) + 1);
  } catch {
    // No sound here.
  }
}

// What lies under the bell.

addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-bell]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !bell) return;
  event.preventDefault();
  list.textContent = bell.dataset.loading;
  bell.showModal();
  fill();
});

bell?.addEventListener("click", async (event) => {
  if (event.target === bell) bell.close();
  if (!event.target.closest("[data-read-all]")) return;
  try {
    const response = await post("/notices/read");
    if (response.status === 200) {
      const done = await response.json();
      bell.close();
      sayDone(done);
    }
    soon();
  } catch (refused) {
    say(refused.message);
  }
});

async function fill() {
  try {
    const { html } = await pieces("/notices");
    list.replaceChildren(html);
    watch();
  } catch {
    list.textContent = bell.dataset.failed;
  }
}

// Who is here.

async function whoIsHere() {
  const shown = document.querySelectorAll(".avatar[data-person]");
  soon();
  if (!shown.length) return;
  try {
    const here = await (await ask("/presence")).json();
    for (const avatar of document.querySelectorAll(".avatar[data-person]")) dot(avatar, here[avatar.dataset.person] === "here");
  } catch {
    // The next hint asks again.
  }
}

function dot(avatar, on) {
  const there = avatar.querySelector(".avatar__on");
  if (on && !there) avatar.append(Object.assign(document.createElement("span"), { className: "avatar__on" }));
  else if (!on) there?.remove();
}

function presence(mine) {
  const menu = document.getElementById("my-presence");
  if (!menu || menu.dataset.presence === mine) return;
  menu.dataset.presence = mine;
  dot(menu.querySelector(".avatar"), mine === "here");
  for (const button of menu.querySelectorAll("button[name=presence]")) {
    const on = button.value === mine;
    button.classList.toggle("is-on", on);
    button.setAttribute("aria-pressed", String(on));
    if (on) menu.querySelector("[data-said]").textContent = button.dataset.word;
  }
}

// Signing out on a shared machine ends its pushes, too.
addEventListener("submit", async (event) => {
  if (!event.target.matches('form[action="/sign-out"]') || event.target.dataset.ready) return;
  event.preventDefault();
  event.target.dataset.ready = "1";
  try {
    const worker = await navigator.serviceWorker?.getRegistration();
    const subscription = await worker?.pushManager?.getSubscription();
    if (subscription) {
      await post("/profile/push/remove", { endpoint: subscription.endpoint });
      await subscription.unsubscribe();
    }
  } catch {
    // Signing out comes first.
  }
  event.target.submit();
});

// The profile: this browser and its permission.

const panel = document.getElementById("this-browser");

async function thisBrowser() {
  const show = async () => {
    const worker = await navigator.serviceWorker?.getRegistration();
    const subscription = await worker?.pushManager?.getSubscription().catch(() => null);
    const can = Boolean(isSecureContext && globalThis.Notification && navigator.serviceWorker);
    const pushes = Boolean(can && globalThis.PushManager && panel.dataset.key);
    const state = can ? Notification.permission : "none";
    panel.querySelector("[data-cannot]").hidden = can;
    panel.querySelector("[data-denied]").hidden = state !== "denied";
    panel.querySelector("[data-allow]").hidden = state !== "default";
    panel.querySelector("[data-allowed]").hidden = state !== "granted";
    panel.querySelector("[data-push-on]").hidden = !pushes || state === "denied" || Boolean(subscription);
    panel.querySelector("[data-push-off]").hidden = !subscription;
  };
  panel.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    try {
      if (button.matches("[data-allow]")) await Notification.requestPermission();
      if (button.matches("[data-push-on]")) await pushOn();
      if (button.matches("[data-push-off]")) await pushOff();
    } catch (refused) {
      say(refused.message || panel.dataset.failed);
    }
    show();
  });
  await show();
}

async function pushOn() {
  if ((await Notification.requestPermission()) !== "granted") return;
  const worker = await navigator.serviceWorker.ready;
  let subscription;
  try {
    subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: panel.dataset.key });
  } catch {
    throw new Error(panel.dataset.failed);
  }
  const { endpoint, keys } = subscription.toJSON();
  const response = await post("/profile/push", { endpoint, ...keys });
  sayDone(await response.json());
  redraw();
}

async function pushOff() {
  const worker = await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.getSubscription();
  if (!subscription) return;
  const response = await post("/profile/push/remove", { endpoint: subscription.endpoint });
  await subscription.unsubscribe();
  sayDone(await response.json());
  redraw();
}

async function redraw() {
  try {
    const fresh = parse(await (await ask("/profile")).text()).getElementById("browsers");
    document.getElementById("browsers").replaceWith(fresh);
  } catch {
    // It is done and has been said: the list tells of it on the next page.
  }
}

if (bell) begin();
if (panel) thisBrowser();
