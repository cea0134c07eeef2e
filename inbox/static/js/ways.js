// Where the answer goes: the chosen way, what it allows, and how far its conversation has been seen.

const form = () => document.getElementById("composer");
let touched = false;
let seen = new Map();
let frozen;

export const chosen = () => form().querySelector('input[name="to"]:checked, input[name="to"][type="hidden"]');
const all = () => form().querySelectorAll('input[name="to"]');

// Of another conversation, nothing is known yet.
export function begin(chosenBefore = false) {
  touched = chosenBefore;
  seen = new Map();
  frozen = undefined;
  learn();
}

function learn() {
  for (const way of all()) saw(way.value, Number(way.dataset.seq));
}

export function saw(conversation, seq) {
  if (seq > (seen.get(conversation) ?? -1)) seen.set(conversation, seq);
}

// Whoever begins to write answers what is there now; what comes while they write may be news to them.
export function writing(something) {
  if (!something) frozen = undefined;
  else frozen ??= new Map(seen);
}

export const seenOf = (conversation) => (frozen ?? seen).get(conversation) ?? "";

export function choose(conversation) {
  const way = [...all()].find((each) => each.value === conversation);
  if (!way || way.disabled) return way?.dataset.closed ?? "";
  if (way.type === "radio") way.checked = true;
  touched = true;
  show();
  return null;
}

export function show() {
  const way = chosen();
  const now = document.getElementById("to-now");
  const named = way.closest("label")?.querySelector(".way");
  if (named) {
    now.replaceChildren(...[...named.childNodes].map((node) => node.cloneNode(true)));
    const label = now.parentElement.dataset.label;
    now.parentElement.setAttribute("aria-label", label.replace("%WHERE%", named.textContent.trim()));
  }
  const warn = document.getElementById("to-warn");
  warn.querySelector("span").textContent = way.dataset.closed || way.dataset.careful;
  warn.classList.toggle("late", Boolean(way.dataset.closed));
  warn.hidden = !warn.textContent.trim();
  const left = document.getElementById("to-window");
  left.querySelector("span").textContent = way.dataset.window;
  left.hidden = !way.dataset.window;
  const subject = document.getElementById("to-subject");
  subject.querySelector("[data-subject]").textContent = way.dataset.subject;
  subject.hidden = !way.dataset.subject;
  document.getElementById("attach").hidden = !Number(way.dataset.fileLimit);
}

// Somebody wrote from elsewhere, or a channel closed: offered as it is now, unless a choice was made already.
export function refresh(html) {
  const old = document.getElementById("ways");
  if (!old || old.querySelector("details[open]")) return;
  const before = chosen().value;
  const keep = touched || frozen;
  old.replaceWith(html);
  learn();
  if (keep) choose(before);
  show();
  if (chosen().value !== before) moved();
}

// It was not the person who chose: they are told, and keep being told until they send or choose.
function moved() {
  const told = document.getElementById("to-changed");
  const where = document.getElementById("to-now").textContent.trim().replace(/\s+/g, " ");
  told.querySelector("span").textContent = form().dataset.changed.replace("%WHERE%", () => where);
  told.hidden = false;
  form().dispatchEvent(new CustomEvent("way"));
}

addEventListener("change", (event) => {
  if (!event.target.matches('#ways input[name="to"]')) return;
  touched = true;
  show();
  document.getElementById("to-changed").hidden = true;
  form().dispatchEvent(new CustomEvent("way"));
});

// A choice made with the pointer is made; with the keyboard one goes through them first.
addEventListener("click", (event) => {
  if (event.detail && event.target.matches?.('#ways input[name="to"]')) document.getElementById("to").open = false;
});
