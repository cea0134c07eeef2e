// A page that is shown as a sheet over the one one is on: <a data-sheet href>, data-sheet="side" at its side. Without this it is a page.

import { pieces } from "./net.js";
import { say } from "./toast.js";

let from;

export async function openSheet(url, back, kind = "mid") {
  from = back ?? document.activeElement;
  let html;
  try {
    ({ html } = await pieces(url));
  } catch (refused) {
    say(refused.message);
    return;
  }
  document.getElementById("sheet")?.remove();
  const dialog = document.createElement("dialog");
  dialog.className = `dialog dialog--${kind}`;
  dialog.id = "sheet";
  dialog.setAttribute("aria-labelledby", "sheet-h");
  dialog.append(html);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (from?.isConnected) from.focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector("[data-finder] input") ?? dialog.querySelector(".dialog__foot .btn:last-child"))?.focus();
}

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-sheet]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) {
    event.preventDefault();
    const menu = link.closest("details.picker");
    menu?.removeAttribute("open");
    openSheet(link.href, menu?.querySelector("summary") ?? link, link.dataset.sheet || "mid");
    return;
  }
  const closing = event.target.closest?.("[data-close-sheet]");
  if (!closing) return;
  const dialog = closing.closest("dialog");
  if (dialog) {
    event.preventDefault();
    dialog.close();
  } else if (closing.matches("button")) {
    history.back();
  }
});

// What it was opened for is done. As a page of its own it has nothing more to show.
addEventListener("allo:changed", (event) => {
  document.getElementById("sheet")?.close();
  const page = document.querySelector("[data-sheet-page]");
  if (!page) return;
  event.stopImmediatePropagation();
  location.href = page.querySelector("a[data-close-sheet]")?.href ?? "/contacts";
});
