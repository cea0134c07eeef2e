// What opens above the reply and stays on the page: macros, message templates. Links and forms in it with data-over
// are asked for and posted from here; without this they are pages of their own.

import { pieces, post } from "./net.js";
import { say, sayDone } from "./toast.js";

const box = () => document.getElementById("over");
let from;

async function open(link) {
  if (!box().contains(link)) from = link;
  link.setAttribute("aria-busy", "true");
  try {
    const { html } = await pieces(link.getAttribute("href"));
    if (!box()) return;
    box().replaceChildren(html);
    box().hidden = false;
    box().querySelector("input[type=search], textarea, .over__do .btn--main, [data-close]")?.focus();
  } catch (refused) {
    say(refused.message);
  }
  link.removeAttribute("aria-busy");
}

export function close() {
  if (!box() || box().hidden) return;
  const inside = box().contains(document.activeElement);
  box().hidden = true;
  box().replaceChildren();
  if (inside) (from?.isConnected ? from : document.getElementById("reply"))?.focus();
}

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-over]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && box()) {
    event.preventDefault();
    // The same button closes what it opened.
    if (link === from && !box().hidden && !box().contains(link)) close();
    else open(link);
  } else if (event.target.closest?.("#over [data-close]")) {
    close();
  }
});

addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches?.("a[data-over][role=button]")) {
    event.preventDefault();
    event.target.click();
  }
  if (!box() || box().hidden) return;
  if (event.key === "Escape" && (box().contains(event.target) || event.target === document.body)) {
    event.stopPropagation();
    close();
  }
  const list = event.target.closest?.("#over .over__body");
  if (!list || !["ArrowDown", "ArrowUp"].includes(event.key) || event.target.matches("textarea, .stack input")) return;
  const items = [...list.querySelectorAll(".menu__a")].filter((each) => each.offsetParent);
  const at = items.indexOf(document.activeElement);
  event.preventDefault();
  if (at <= 0 && event.key === "ArrowUp") list.querySelector("[data-filter]")?.focus();
  else items[Math.min(items.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))]?.focus();
}, true);

addEventListener("input", (event) => {
  if (event.target.matches?.("#over [data-filter]")) {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const item of box().querySelectorAll("[data-find]")) {
      item.hidden = !words.every((word) => item.dataset.find.includes(word));
      if (!item.hidden) left += 1;
    }
    const none = box().querySelector("[data-none]");
    if (none) none.hidden = left > 0;
  }
  if (event.target.matches?.("#over [data-slot]")) preview(event.target.form);
});

function preview(form) {
  const shown = form.querySelector("[data-template]");
  const values = new Map([...form.querySelectorAll("[data-slot]")].map((each) => [each.dataset.slot, each.value.trim()]));
  shown.textContent = shown.dataset.template.replace(/\{\{([\w.]+)\}\}/g, (place, key) => values.get(key) || place);
}

addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("#over form[data-over]")) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  const button = form.querySelector(".over__do .btn--main");
  button.setAttribute("aria-disabled", "true");
  try {
    const response = await post(form.action, new URLSearchParams(new FormData(form)));
    close();
    document.getElementById("reply")?.focus();
    if (response.headers.get("Content-Type")?.startsWith("application/json")) sayDone(await response.json());
    dispatchEvent(new CustomEvent("allo:changed"));
  } catch (refused) {
    const wrong = form.querySelector("[data-wrong]");
    wrong.querySelector("span").textContent = refused.message;
    wrong.hidden = false;
    const seen = refused.response?.headers.get("X-Seen");
    if (seen) {
      form.elements.seen.value = seen;
      button.textContent = button.dataset.asked;
    }
  } finally {
    delete form.dataset.busy;
    button.removeAttribute("aria-disabled");
  }
});
