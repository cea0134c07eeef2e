// Buttons and forms that change something without leaving the page. Without this the forms post and come back.

import { parse, post } from "./net.js";
import { say, sayDone } from "./toast.js";

// What was asked for once happens elsewhere (a telephone rings): not again at once.
const AGAIN_MS = 15000;

// A server that has something to say about it answers { said, undo }.
async function done(response) {
  if (response.headers.get("Content-Type")?.startsWith("application/json")) sayDone(await response.json());
  dispatchEvent(new CustomEvent("allo:changed"));
}

addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-quiet]")) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const menu = form.closest("details.picker") ?? form.closest("details");
  // A menu that closes gives the focus back to what opened it.
  if (menu?.contains(document.activeElement)) menu.querySelector("summary")?.focus({ preventScroll: true });
  menu?.removeAttribute("open");
  try {
    const response = await post(event.submitter?.getAttribute("formaction") ?? form.action, fields);
    if (form.contains(document.activeElement)) form.reset();
    await done(response);
  } catch (refused) {
    say(refused.message);
  } finally {
    delete form.dataset.busy;
  }
});

addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-post]");
  if (!button || button.disabled) return;
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  button.disabled = true;
  try {
    const response = await post(button.dataset.post);
    if (button.dataset.said) {
      say(button.dataset.said);
      setTimeout(() => { button.disabled = false; }, AGAIN_MS);
    }
    await done(response);
  } catch (refused) {
    say(refused.message);
    button.disabled = false;
  }
});

addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-address]");
  if (!button) return;
  const text = button.dataset.copy ?? location.href.split("?")[0];
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only over HTTPS is there a clipboard: show it, so that it can be copied by hand.
    prompt("", text);
    return;
  }
  button.classList.add("ok");
  setTimeout(() => button.classList.remove("ok"), 1500);
});

// A form whose answer belongs into a place of the page; `data-now` sends it by itself once.
async function into(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await post(form.action, new URLSearchParams(new FormData(form)));
    document.getElementById(form.dataset.into).replaceChildren(parse(await response.text()));
  } catch (refused) {
    say(refused.message);
  }
  button.disabled = false;
}

addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-into]")) return;
  event.preventDefault();
  into(event.target);
});

for (const form of document.querySelectorAll("form[data-into][data-now]")) into(form);

addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
