// Keys by their place (event.code), so that they work in a Russian layout too. Never while somebody is typing.

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
const places = { KeyI: "/", KeyL: "/leads", KeyC: "/contacts", KeyT: "/tasks" };
let going = 0;

const open = (id) => {
  const menu = document.getElementById(id);
  if (!menu) return;
  menu.open = true;
  menu.querySelector(".menu__a")?.focus();
};

function step(by) {
  const rows = [...document.querySelectorAll("#rows .row, #rows .taskrow")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const from = at >= 0 ? at : rows.findIndex((row) => row.querySelector("[aria-current]"));
  const next = rows[Math.max(0, Math.min(rows.length - 1, from + by))];
  next.querySelector(".row__name, .taskrow__t").focus();
}

function write(mode) {
  document.querySelector(`#composer button[data-mode="${mode}"]`)?.click();
  document.getElementById("reply")?.focus();
}

function label() {
  // On a small screen the person is behind a button.
  const field = document.getElementById("label");
  if (!field?.offsetParent) document.querySelector("#talk-head [data-step=person]")?.click();
  field?.focus();
}

const keys = {
  KeyL: label,
  KeyJ: () => step(1),
  KeyK: () => step(-1),
  KeyR: () => write("reply"),
  KeyN: () => write("note"),
  KeyA: () => open("assign"),
  KeyZ: () => open("snooze"),
  KeyD: () => document.activeElement.closest?.(".taskrow")?.querySelector("[data-done]")?.click(),
  KeyE: () => document.getElementById("resolve")?.click(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (going && Date.now() - going < 1500 && places[event.code]) {
    location.href = places[event.code];
    return;
  }
  going = event.code === "KeyG" ? Date.now() : 0;
  if (event.code === "Slash") {
    event.preventDefault();
    if (event.shiftKey) document.getElementById("keys").showModal();
    else document.getElementById("search")?.focus();
    return;
  }
  // In a Russian layout the question mark is Shift+7.
  if (event.key === "?") {
    document.getElementById("keys").showModal();
    return;
  }
  if (event.shiftKey || !keys[event.code]) return;
  event.preventDefault();
  keys[event.code]();
});
