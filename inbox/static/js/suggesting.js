// A list that opens beside the field for a word that begins with a sign: canned replies behind /, colleagues behind @.
// The focus stays in the field; arrows go through the list, Enter or Tab takes, Esc closes.

import { parse, pieces } from "./net.js";

const AFTER_MS = 120;
const field = () => document.getElementById("reply");
const box = () => document.getElementById("suggest");
let kinds = [];
let open;
let timer = 0;
let asked = 0;

// A kind: { sign, word (what may follow it), allowed(), url(q), take(option, replace) }
export function ready(all) {
  kinds = all;
  close();
  box().addEventListener("pointerdown", (event) => {
    if (!event.target.closest("a")) event.preventDefault();
  });
  box().addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
  field().addEventListener("blur", () => setTimeout(() => document.activeElement !== field() && close(), 150));
}

// The word with a sign that the caret stands behind.
function begun() {
  const at = field().selectionStart;
  if (at !== field().selectionEnd) return null;
  const before = field().value.slice(0, at);
  for (const kind of kinds) {
    if (!kind.allowed()) continue;
    const found = before.match(new RegExp(`(^|[\\s(«"])([${kind.sign}])(${kind.word})$`, "u"));
    if (found) return { kind, start: at - found[3].length - 1, end: at, q: found[3] };
  }
  return null;
}

export function typed() {
  const word = begun();
  clearTimeout(timer);
  if (!word || (open?.dismissed === word.start && open.kind === word.kind)) {
    if (!word) close();
    return;
  }
  timer = setTimeout(() => load(word), open?.shown ? AFTER_MS : 0);
}

async function load(word) {
  asked += 1;
  const mine = asked;
  try {
    const { html } = await pieces(word.kind.url(word.q));
    const now = begun();
    if (mine !== asked || now?.start !== word.start || now.q !== word.q) return;
    // What was gone to by the arrows stays chosen while one types on.
    const before = open?.gone ? field().getAttribute("aria-activedescendant") : "";
    open = { ...word, shown: true, gone: Boolean(before) };
    box().replaceChildren(html);
    box().hidden = false;
    choose(options().find((each) => each.id === before) ?? options()[0]);
  } catch {
    close();
  }
}

const options = () => [...box().querySelectorAll("[role=option]")];

function choose(option) {
  for (const each of options()) each.setAttribute("aria-selected", String(each === option));
  if (option) {
    field().setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    field().removeAttribute("aria-activedescendant");
  }
}

export function close() {
  clearTimeout(timer);
  asked += 1;
  open = undefined;
  if (!box()) return;
  box().hidden = true;
  box().replaceChildren(parse(""));
  field().removeAttribute("aria-activedescendant");
}

// Whether the key was the list's.
export function pressed(event) {
  if (!open?.shown || event.isComposing) return false;
  const all = options();
  const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") {
    const { kind, start } = open;
    close();
    open = { kind, dismissed: start };
  } else if (!all.length) {
    return false;
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    open.gone = true;
    choose(all.at((at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length));
  } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.shiftKey) || event.key === "Tab") {
    take(all[at]);
  } else {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}

function take(option) {
  const { kind, start } = open;
  // More may have been typed since the list was asked for.
  const now = begun();
  const end = now?.start === start ? now.end : open.end;
  close();
  kind.take(option, (text) => write(text, start, end));
}

// As if it had been typed, so that Ctrl+Z takes it back.
export function write(text, start = field().selectionStart, end = field().selectionEnd) {
  field().focus();
  field().setSelectionRange(start, end);
  if (document.execCommand("insertText", false, text)) return;
  field().setRangeText(text, start, end, "end");
  field().dispatchEvent(new InputEvent("input", { bubbles: true }));
}

// From a button, or from a layout that has no such letter.
export function begin(sign) {
  const before = field().value.slice(0, field().selectionStart);
  write(`${/(^|[\s(«"])$/u.test(before) ? "" : " "}${sign}`);
}
