// Writing: reply or note, where to, files, draft.

import { ask, token } from "./net.js";
import { forget, quoted, ready as readyToQuote } from "./quoting.js";
import { send } from "./sending.js";
import { say } from "./toast.js";
import { begin, chosen, seenOf, show as showWay, writing } from "./ways.js";

const form = () => document.getElementById("composer");
const field = () => document.getElementById("reply");
const DRAFT_AFTER_MS = 800;
// Also of somebody who does not pause: meanwhile the customer sees us typing, for 5 seconds each time.
const DRAFT_AT_LATEST_MS = 3000;
let draftTimer = 0;
let draftDue = 0;

export function ready() {
  if (!form()) return;
  form().addEventListener("submit", submitted);
  form().addEventListener("click", clicked);
  field().addEventListener("input", typed);
  field().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form().requestSubmit();
    }
    if (event.key === "Escape") field().blur();
  });
  field().addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      attach(event.clipboardData.files);
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
    attach(event.dataTransfer.files);
  });
  document.getElementById("pick").addEventListener("change", (event) => {
    attach(event.target.files);
    event.target.value = "";
  });
  form().addEventListener("way", () => {
    count();
    truth();
  });
  begin();
  readyToQuote();
  showWay();
  setMode(form().dataset.mode);
  writing(Boolean(field().value));
}

function clicked(event) {
  const mode = event.target.closest("button[data-mode]");
  if (mode) {
    setMode(mode.dataset.mode);
    field().focus();
    keepDraft();
  }
  if (event.target.closest("#attach")) document.getElementById("pick").click();
}

function setMode(mode) {
  form().dataset.mode = mode;
  form().elements.mode.value = mode;
  for (const button of form().querySelectorAll("button[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  field().placeholder = field().dataset[mode];
  count();
  truth();
}

// The button says what is so.

function truth() {
  const send = form().querySelector(".composer__send");
  const uploading = Boolean(form().querySelector(".tofile--busy"));
  send.querySelector("span").textContent = uploading ? send.dataset.wait : send.dataset.idle;
  for (const button of form().querySelectorAll("button[type=submit]")) {
    button.setAttribute("aria-disabled", String(uploading || !something() || closed()));
  }
}

const closed = () => form().dataset.mode === "reply" && Boolean(chosen().dataset.closed);

const something = () => Boolean(field().value.trim())
  || (form().dataset.mode === "reply" && Boolean(form().querySelector('input[name="file"]:not([disabled])')));

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

function typed() {
  writing(Boolean(field().value));
  count();
  truth();
  if (!draftTimer) draftDue = Date.now() + DRAFT_AT_LATEST_MS;
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keepDraft, Math.max(0, Math.min(DRAFT_AFTER_MS, draftDue - Date.now())));
}

function keepDraft() {
  clearTimeout(draftTimer);
  draftTimer = 0;
  if (form()) saveDraft(field().value, form().dataset.mode, chosen().value);
}

// Kept while leaving, too; a draft that could not be kept is still on the screen.
function saveDraft(text, mode, to = "") {
  const body = new URLSearchParams({ text, mode, to });
  ask(form().dataset.draft, { method: "POST", body, keepalive: true, headers: { "X-CSRF-Token": token() } }).catch(() => {});
}

addEventListener("pagehide", () => draftTimer && keepDraft());
// Also what was typed while the next conversation was on its way.
addEventListener("allo:leaving", () => draftTimer && keepDraft());
addEventListener("click", (event) => {
  if (draftTimer && event.target.closest?.("#rows .row__name")) keepDraft();
}, true);

// Sending.

function submitted(event) {
  event.preventDefault();
  const sending = form();
  if (sending.querySelector(".tofile--busy") || !something() || closed()) return;
  clearTimeout(draftTimer);
  draftTimer = 0;
  const note = sending.dataset.mode === "note";
  const to = note ? document.getElementById("talk").dataset.id : chosen().value;
  sending.elements.seen.value = note ? "" : seenOf(to);
  const list = sending.querySelector("#files");
  const chips = [...list.querySelectorAll(".tofile--ready")];
  send({
    mode: sending.dataset.mode,
    conversation: to,
    url: sending.action,
    fields: new URLSearchParams(new FormData(sending)),
    text: field().value.trim(),
    files: note ? [] : chips.map((chip) => chip.querySelector(".cut").textContent),
    quote: note ? null : quoted(),
    again: (sent) => takeBack(sent, note ? [] : chips),
    keep: keepFailed,
  });
  sending.elements.key.value = newKey();
  field().value = "";
  if (!note) {
    list.replaceChildren();
    list.hidden = true;
    forget();
  }
  writing(false);
  truth();
  count();
  field().focus();
}

function takeBack(sent, chips) {
  if (!form()) return;
  setMode(sent.mode);
  field().value = [sent.text, field().value].filter(Boolean).join("\n\n");
  const list = form().querySelector("#files");
  list.append(...chips);
  list.hidden = !list.children.length;
  typed();
  field().focus();
}

// What could not be sent survives the page as a draft, unless another is being written.
function keepFailed(sent) {
  if (!form() || sent.talk !== document.getElementById("talk").dataset.id || field().value) return;
  saveDraft(sent.text, sent.mode);
}

// crypto.randomUUID is there only over HTTPS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Files.

function attach(files) {
  const { fileLimit, tooLarge } = chosen().dataset;
  const limit = Number(fileLimit);
  if (!limit) return;
  if (form().dataset.mode === "note") setMode("reply");
  for (const file of files) {
    if (file.size > limit) say(tooLarge.replace("%NAME%", file.name));
    else upload(file);
  }
}

function upload(file) {
  const chip = document.getElementById("file-chip").content.cloneNode(true).firstElementChild;
  const list = document.getElementById("files");
  const bar = chip.querySelector("progress");
  chip.querySelector(".cut").textContent = file.name || "image.png";
  chip.classList.add("tofile--busy");
  list.append(chip);
  list.hidden = false;
  // fetch tells nothing about how far an upload is.
  const request = new XMLHttpRequest();
  request.open("POST", "/files");
  request.setRequestHeader("X-CSRF-Token", token());
  request.setRequestHeader("X-Fragment", "1");
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name || "image.png"));
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.upload.addEventListener("progress", (event) => { bar.value = (event.loaded / event.total) * 100; });
  request.addEventListener("loadend", () => {
    chip.classList.remove("tofile--busy");
    if (request.status === 201) {
      const input = chip.querySelector("input");
      input.value = JSON.parse(request.responseText).ticket;
      input.disabled = false;
      chip.classList.add("tofile--ready");
    } else if (chip.isConnected) {
      chip.classList.add("tofile--failed");
      chip.querySelector(".small").textContent = request.responseText || document.getElementById("main").dataset.failed;
    }
    if (form()) truth();
  });
  chip.querySelector("button").addEventListener("click", () => {
    request.abort();
    chip.remove();
    list.hidden = !list.children.length;
    truth();
  });
  request.send(file);
  truth();
}
