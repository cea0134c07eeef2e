// Fields that are edited where they stand: Enter or leaving one saves, Esc gives back what was there. Without this the
// forms post and come back.

import { post } from "./net.js";
import { back } from "./panes.js";
import { sayDone } from "./toast.js";

const field = (form) => form.querySelector(".edit__in");
const was = (input) => (input.matches("select")
  ? [...input.options].find((each) => each.defaultSelected)?.value ?? ""
  : input.defaultValue);
// A name is one line, however many it takes to show it.
const ONE_LINE = ".edit__in--name";
// Saved while its field is still being looked at: the rest of the page is drawn when one looks elsewhere.
let owed = false;

addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-edit]")) return;
  event.preventDefault();
  save(event.target);
});

addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-edit]");
  if (form && event.target === field(form)) save(form);
});

async function save(form) {
  const input = field(form);
  if (input.matches(ONE_LINE)) input.value = input.value.replace(/\s*\n\s*/g, " ").trim();
  const sent = input.value;
  if (form.dataset.busy || sent === was(input)) return;
  form.dataset.busy = "1";
  try {
    const response = await post(form.action, new URLSearchParams(new FormData(form)));
    keep(input, sent);
    fault(form, "");
    if (response.headers.get("Content-Type")?.startsWith("application/json")) sayDone(await response.json());
    if (document.activeElement === input) owed = true;
    else dispatchEvent(new CustomEvent("allo:changed"));
  } catch (refused) {
    fault(form, refused.message);
  } finally {
    delete form.dataset.busy;
  }
}

function keep(input, value) {
  if (input.matches("select")) for (const each of input.options) each.defaultSelected = each.value === value;
  else input.defaultValue = value;
  delete input.dataset.written;
}

function fault(form, text) {
  const place = form.querySelector(".edit__err");
  place.textContent = text;
  place.hidden = !text;
  if (text) field(form).setAttribute("aria-invalid", "true");
  else field(form).removeAttribute("aria-invalid");
}

addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-edit]");
  if (!form || event.isComposing) return;
  const input = field(form);
  if (event.key === "Escape") {
    event.stopImmediatePropagation();
    input.value = was(input);
    delete input.dataset.written;
    fault(form, "");
    input.blur();
    back();
  } else if (event.key === "Enter" && input.matches("textarea") && (event.ctrlKey || event.metaKey || input.matches(ONE_LINE))) {
    event.preventDefault();
    event.stopImmediatePropagation();
    save(form);
  }
}, true);

addEventListener("focusout", (event) => {
  if (!event.target.closest?.("form[data-edit]") || !owed) return;
  // Where the focus goes to is known only afterwards; another field of the kind goes on owing.
  setTimeout(() => {
    if (!owed || document.activeElement?.closest?.("form[data-edit]")) return;
    owed = false;
    dispatchEvent(new CustomEvent("allo:changed"));
  });
});
