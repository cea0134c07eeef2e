// Something to tell that has no place of its own on the page; and the way back from what was just done.

import { post } from "./net.js";

const STAYS_MS = 8000;
const STAYS_AFTER_LOOKING_MS = 3000;
let takeBack;

export function say(text) {
  return show(text).made;
}

// `undo` is the server's: { action, fields }. Ctrl+Z does the same for as long as the toast is there.
export function sayDone({ said, undo }) {
  const { made, close } = show(said);
  if (!undo) return made;
  const button = made.querySelector("[data-undo]");
  button.hidden = false;
  const back = async () => {
    if (button.disabled) return;
    button.disabled = true;
    try {
      const response = await post(undo.action, undo.fields);
      close();
      // Not all of it may have gone back.
      if (response.headers.get("Content-Type")?.startsWith("application/json")) sayDone(await response.json());
      dispatchEvent(new CustomEvent("allo:changed"));
    } catch (refused) {
      close();
      say(refused.message);
    }
  };
  button.addEventListener("click", back);
  takeBack = { made, back };
  return made;
}

function show(text) {
  const made = document.getElementById("toast").content.cloneNode(true).firstElementChild;
  made.querySelector("[data-text]").textContent = text;
  document.getElementById("toasts").append(made);
  const close = () => made.remove();
  let timer = setTimeout(close, STAYS_MS);
  const hold = () => clearTimeout(timer);
  const letGo = () => {
    clearTimeout(timer);
    timer = setTimeout(close, STAYS_AFTER_LOOKING_MS);
  };
  made.addEventListener("pointerenter", hold);
  made.addEventListener("focusin", hold);
  made.addEventListener("pointerleave", letGo);
  made.addEventListener("focusout", letGo);
  made.querySelector("[data-close]").addEventListener("click", close);
  return { made, close };
}

addEventListener("keydown", (event) => {
  if (event.code !== "KeyZ" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]") || !takeBack?.made.isConnected) return;
  event.preventDefault();
  takeBack.back();
});
