// Files of a reply: each goes up by itself, says how far it is, can be tried again or taken away.

import { token } from "./net.js";
import { say } from "./toast.js";
import { chosen } from "./ways.js";

const form = () => document.getElementById("composer");
const list = () => document.getElementById("files");
const changed = () => form()?.dispatchEvent(new CustomEvent("files"));

export const uploading = () => Boolean(list().querySelector(".tofile--busy"));
export const chips = () => [...list().querySelectorAll(".tofile--ready")];
export const tickets = () => chips().map((chip) => chip.querySelector("input").value);

export function ready() {
  list().addEventListener("click", (event) => {
    const chip = event.target.closest(".tofile");
    if (event.target.closest("[data-again]")) send(chip);
    if (!event.target.closest("[data-remove]")) return;
    const next = chip.nextElementSibling ?? chip.previousElementSibling;
    chip.request?.abort();
    chip.remove();
    shown();
    (next?.querySelector("[data-remove]") ?? document.getElementById("reply")).focus();
    changed();
  });
  form().addEventListener("way", allowed);
  shown();
}

function shown() {
  list().hidden = !list().children.length;
}

export function put(back) {
  list().append(...back);
  shown();
  changed();
}

export function empty() {
  list().replaceChildren();
  shown();
}

// A chip of a kept draft.
export function add(file) {
  const chip = document.getElementById("file-chip").content.cloneNode(true).firstElementChild;
  chip.querySelector(".cut").textContent = file.name;
  chip.querySelector("progress").remove();
  chip.querySelector("input").value = file.ticket;
  chip.querySelector("input").disabled = false;
  chip.classList.add("tofile--ready");
  list().append(chip);
  shown();
}

// Another channel may take less, or no file at all.
function allowed() {
  const { fileLimit, tooLarge } = chosen().dataset;
  for (const chip of list().children) {
    const large = chip.file && chip.file.size > Number(fileLimit);
    if (large) fail(chip, tooLarge.replace("%NAME%", chip.file.name), { again: false });
  }
  changed();
}

export function attach(files) {
  const { fileLimit, tooLarge } = chosen().dataset;
  const limit = Number(fileLimit);
  if (!limit) return;
  const most = Number(form().dataset.mostFiles);
  for (const file of files) {
    if (list().children.length >= most) {
      say(form().dataset.tooMany);
      break;
    }
    if (file.size > limit) say(tooLarge.replace("%NAME%", file.name));
    else upload(file);
  }
}

function upload(file) {
  const chip = document.getElementById("file-chip").content.cloneNode(true).firstElementChild;
  chip.file = file;
  chip.querySelector(".cut").textContent = file.name || "image.png";
  list().append(chip);
  shown();
  send(chip);
}

function send(chip) {
  const { file } = chip;
  const bar = chip.querySelector("progress");
  chip.classList.remove("tofile--failed");
  chip.classList.add("tofile--busy");
  chip.querySelector(".small").textContent = "";
  chip.querySelector("[data-again]").hidden = true;
  bar.hidden = false;
  bar.value = 0;
  // fetch tells nothing about how far an upload is.
  const request = new XMLHttpRequest();
  chip.request = request;
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
      fail(chip, request.responseText || document.getElementById("main").dataset.failed, { again: request.status !== 413 });
    }
    changed();
  });
  request.send(file);
  changed();
}

function fail(chip, why, { again }) {
  chip.classList.remove("tofile--ready", "tofile--busy");
  chip.classList.add("tofile--failed");
  chip.querySelector("input").disabled = true;
  chip.querySelector(".small").textContent = why;
  chip.querySelector("[data-again]").hidden = !again;
  const bar = chip.querySelector("progress");
  if (bar) bar.hidden = true;
}
