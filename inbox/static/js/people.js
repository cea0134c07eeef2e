// Contacts: several at once, going through the duplicates by key, and a warning while a new one is typed in.

import { pieces } from "./net.js";
import { openSheet } from "./sheets.js";
import { say } from "./toast.js";

const PAUSE_MS = 300;
let timer = 0;
let asking;

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-merge-ticked]");
  if (!button) return;
  event.preventDefault();
  const ids = [...document.querySelectorAll("#rows input[name^='pick.']:checked")].map((each) => each.name.slice(5));
  if (ids.length === 2) openSheet(`/contacts/${ids[0]}/merge?with=${ids[1]}`, button);
  else say(button.dataset.mergeTicked);
});

addEventListener("keydown", (event) => {
  const list = document.querySelector("[data-steps]");
  if (!list || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, dialog[open]")) return;
  const rows = [...list.querySelectorAll("[data-step-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  if (event.code === "KeyJ" || event.code === "KeyK") {
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.code === "KeyJ" ? 1 : -1)))];
    (next?.querySelector("[data-step-to]") ?? next?.querySelector("a"))?.focus();
  } else if (event.code === "KeyD" && at >= 0) {
    rows[at].querySelector("[data-step-no]")?.click();
  }
});

addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-same]");
  if (!form) return;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    asking?.abort();
    asking = new AbortController();
    const { name, phone, email } = form.elements;
    const query = new URLSearchParams({ name: name.value, phone: phone.value, email: email.value });
    try {
      const { html } = await pieces(`${form.dataset.same}?${query}`, { signal: asking.signal });
      form.querySelector("[data-same-at]").replaceChildren(html);
    } catch {
      // Typed on; or the warning, which is a courtesy, comes with the next letter.
    }
  }, PAUSE_MS);
});
