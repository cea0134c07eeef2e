// Writing: reply or note, where to, what helps with it, and the button that says what is so.

import { canned, places, toPlace } from "./canned.js";
import * as drafts from "./drafts.js";
import { ready as readyForEmoji } from "./emoji.js";
import { forget as forgetNames, mentions, named } from "./mentions.js";
import { close as closeOver } from "./over.js";
import { back } from "./panes.js";
import { forget, quoted, ready as readyToQuote } from "./quoting.js";
import { randomKey } from "./random_key.js";
import { send } from "./sending.js";
import * as suggesting from "./suggesting.js";
import { attach, add as addFile, chips, empty as noFiles, put, ready as readyForFiles, tickets, uploading } from "./uploads.js";
import { begin, choose, chosen, seenOf, show as showWay, writing } from "./ways.js";

const form = () => document.getElementById("composer");
const field = () => document.getElementById("reply");
const DRAFT_AFTER_MS = 800;
// Also of somebody who does not pause: meanwhile the customer sees us typing, for 5 seconds each time.
const DRAFT_AT_LATEST_MS = 3000;
let draftTimer = 0;
let draftDue = 0;
let asked = "";
let going = 0;

export function ready() {
  if (!form()) return;
  asked = "";
  form().addEventListener("submit", submitted);
  form().addEventListener("click", clicked);
  field().addEventListener("input", () => {
    typed();
    suggesting.typed();
  });
  field().addEventListener("keydown", pressed);
  field().addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      attachHere(event.clipboardData.files);
    }
  });
  const pane = document.getElementById("talk");
  pane.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form().classList.add("composer--drop");
  });
  pane.addEventListener("dragleave", (event) => {
    if (!pane.contains(event.relatedTarget)) form().classList.remove("composer--drop");
  });
  pane.addEventListener("drop", (event) => {
    event.preventDefault();
    form().classList.remove("composer--drop");
    attachHere(event.dataTransfer.files);
  });
  document.getElementById("pick").addEventListener("change", (event) => {
    attachHere(event.target.files);
    event.target.value = "";
  });
  form().addEventListener("way", () => {
    count();
    truth();
    if (something()) keepDraftSoon();
  });
  form().addEventListener("files", () => {
    truth();
    if (!uploading()) keepDraftSoon();
  });
  drafts.begin();
  begin(Boolean(form().dataset.revision));
  suggesting.ready([canned, mentions]);
  readyForFiles();
  readyForEmoji();
  readyToQuote();
  showWay();
  setMode(form().dataset.mode);
  writing(Boolean(field().value));
  showPlaces();
}

function pressed(event) {
  if (suggesting.pressed(event) || event.isComposing) return;
  // In a layout without a slash, or an @: the key, with Ctrl.
  if (event.code === "Slash" && (event.ctrlKey || event.metaKey) && !event.altKey) {
    event.preventDefault();
    suggesting.begin(form().dataset.mode === "note" ? "@" : "/");
    return;
  }
  const alone = form().dataset.send === "enter" && !event.shiftKey && !event.altKey;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || alone)) {
    event.preventDefault();
    form().requestSubmit();
  }
  if (event.key === "Escape") {
    event.preventDefault();
    back();
  }
}

function clicked(event) {
  const mode = event.target.closest("button[data-mode]");
  if (mode) {
    setMode(mode.dataset.mode);
    field().focus();
    keepDraft();
  }
  if (event.target.closest("#attach")) document.getElementById("pick").click();
  if (event.target.closest("#slash")) suggesting.begin("/");
  if (event.target.closest("#name")) suggesting.begin("@");
  if (event.target.closest("#places button")) toPlace();
  if (event.target.closest("[data-theirs]")) take(drafts.theirs());
  if (event.target.closest("[data-mine]")) {
    drafts.insist();
    keepDraft({ over: true });
    field().focus();
  }
}

function setMode(mode) {
  form().dataset.mode = mode;
  form().elements.mode.value = mode;
  for (const button of form().querySelectorAll("button[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  field().placeholder = field().dataset[mode];
  suggesting.close();
  count();
  truth();
  showPlaces();
}

// The button says what is so.

function truth() {
  if (!form()) return;
  const send = document.getElementById("send");
  const offline = !navigator.onLine;
  const busy = uploading();
  const state = offline ? "offline" : busy ? "wait" : asked ? "ask" : going && !something() ? "going" : "idle";
  send.querySelector("span").textContent = send.dataset[state];
  send.title = send.dataset.to.replace("%WHERE%", document.getElementById("to-now").textContent.trim());
  const macros = document.getElementById("macros");
  macros.href = `${macros.getAttribute("href").split("?")[0]}?to=${chosen().value}`;
  const note = form().querySelector(".btn.composer__tonote");
  note.querySelector("span").textContent = note.dataset[offline ? "offline" : "idle"];
  for (const button of form().querySelectorAll("button[type=submit], #send-and > summary")) {
    button.setAttribute("aria-disabled", String(offline || busy || !something() || closed()));
  }
}

// What was typed meanwhile is kept as soon as somebody is there to keep it.
addEventListener("allo:connected", () => form() && something() && keepDraftSoon());
addEventListener("online", truth);
addEventListener("offline", truth);

const closed = () => form().dataset.mode === "reply" && Boolean(chosen().dataset.closed);

const something = () => Boolean(field().value.trim()) || (form().dataset.mode === "reply" && chips().length > 0);

function count() {
  const limit = Number(chosen().dataset.limit);
  const shown = document.getElementById("count");
  const text = field().value;
  const length = chosen().dataset.unit === "utf16" ? text.length : [...text].length;
  if (!limit || form().dataset.mode === "note" || length < limit * 0.5) {
    shown.textContent = "";
    return;
  }
  const parts = Math.ceil(length / limit);
  shown.textContent = parts > 1 ? form().dataset.parts.replace("%N%", parts) : `${length} / ${limit}`;
  shown.classList.toggle("late", parts > 1);
}

// What nothing was known for has to be settled before it is sent.
function showPlaces() {
  const left = form().dataset.mode === "reply" ? places() : [];
  const shown = document.getElementById("places");
  shown.hidden = !left.length;
  const words = left.length ? form().dataset.places.replace("%PLACES%", () => left.slice(0, 5).join(", ")) : "";
  if (shown.querySelector("span").textContent !== words) shown.querySelector("span").textContent = words;
  if (asked && asked !== field().value) asked = "";
}

function typed() {
  writing(Boolean(field().value));
  count();
  showPlaces();
  truth();
  keepDraftSoon();
}

function keepDraftSoon() {
  if (!draftTimer) draftDue = Date.now() + DRAFT_AT_LATEST_MS;
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keepDraft, Math.max(0, Math.min(DRAFT_AFTER_MS, draftDue - Date.now())));
}

function keepDraft({ over = false } = {}) {
  clearTimeout(draftTimer);
  draftTimer = 0;
  if (!form()) return;
  const draft = { text: field().value, mode: form().dataset.mode, to: chosen().value, reply_to: form().elements.reply_to.value, files: tickets() };
  drafts.keep(draft, { over });
}

function take(theirs) {
  if (!theirs) return;
  drafts.adopt(theirs);
  clearTimeout(draftTimer);
  draftTimer = 0;
  field().value = theirs.text;
  noFiles();
  for (const file of theirs.files) addFile(file);
  if (theirs.to) choose(theirs.to);
  setMode(theirs.mode);
  writing(Boolean(field().value));
  field().focus();
}

// Back in this window: what was written in another one meanwhile, unless something is being written here.
document.addEventListener("visibilitychange", async () => {
  if (document.hidden || !form() || draftTimer) return;
  const before = field().value;
  const theirs = await drafts.look();
  if (theirs && form() && field().value === before && !draftTimer) take(theirs);
});

addEventListener("pagehide", () => draftTimer && keepDraft());
// Also what was typed while the next conversation was on its way.
addEventListener("allo:leaving", () => {
  closeOver();
  if (draftTimer) keepDraft();
});
addEventListener("click", (event) => {
  if (draftTimer && event.target.closest?.("#rows .row__name")) keepDraft();
}, true);

// Sending.

function submitted(event) {
  event.preventDefault();
  const sending = form();
  suggesting.close();
  if (uploading() || !something() || closed() || !navigator.onLine) return;
  const note = sending.dataset.mode === "note";
  const text = field().value;
  if (!note && places().length && asked !== text) {
    asked = text;
    truth();
    toPlace();
    return;
  }
  clearTimeout(draftTimer);
  draftTimer = 0;
  const to = note ? document.getElementById("talk").dataset.id : chosen().value;
  sending.elements.seen.value = note ? "" : seenOf(to);
  const files = note ? [] : chips();
  const fields = new URLSearchParams(new FormData(sending, note ? null : event.submitter));
  if (asked) fields.set("unfilled", "sent");
  for (const [name, value] of Object.entries(drafts.marks())) fields.set(name, value);
  if (note) for (const id of named(text)) fields.append("mention", id);
  going += 1;
  send({
    mode: sending.dataset.mode,
    conversation: to,
    url: sending.action,
    fields,
    text: text.trim(),
    files: files.map((chip) => chip.querySelector(".cut").textContent),
    quote: note ? null : quoted(),
    again: (sent) => takeBack(sent, files),
    keep: keepFailed,
  });
  sending.elements.key.value = randomKey();
  document.getElementById("send-and").open = false;
  field().value = "";
  asked = "";
  drafts.sent();
  forgetNames();
  if (!note) {
    noFiles();
    forget();
  }
  document.getElementById("to-changed").hidden = true;
  writing(false);
  showPlaces();
  truth();
  count();
  field().focus();
}

addEventListener("allo:sent", () => {
  going = Math.max(0, going - 1);
  truth();
});

function takeBack(sent, files) {
  if (!form()) return;
  setMode(sent.mode);
  field().value = [sent.text, field().value].filter(Boolean).join("\n\n");
  put(files);
  typed();
  field().focus();
}

// What could not be sent survives the page as a draft, unless another is being written.
function keepFailed(sent) {
  going = Math.max(0, going - 1);
  truth();
  if (!form() || sent.talk !== document.getElementById("talk").dataset.id || field().value) return;
  drafts.keep({ text: sent.text, mode: sent.mode, to: sent.conversation });
}

function attachHere(files) {
  if (form().dataset.mode === "note" && files.length) setMode("reply");
  attach(files);
}
