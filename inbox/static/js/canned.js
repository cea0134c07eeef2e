// Canned replies: what was typed behind the slash is replaced by the text, filled in by the server.

import { post } from "./net.js";
import { say } from "./toast.js";

const talk = () => document.getElementById("talk").dataset.id;

export const canned = {
  sign: "/",
  word: "[\\p{L}\\p{N}_-]{0,40}",
  allowed: () => document.getElementById("composer").dataset.mode === "reply",
  url: (q) => `/conversations/${talk()}/canned?q=${encodeURIComponent(q)}`,
  async take(option, replace) {
    try {
      const { text, missing } = await (await post(option.dataset.take, { conversation: talk() })).json();
      replace(text);
      if (missing.length) toPlace();
    } catch (refused) {
      say(refused.message);
    }
  },
};

// A place that nothing was known for, as the server sees it (`inbox/reply_variables.py`).
const PLACE = /\{\{\s*[A-Za-zА-Яа-яЁё_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*\s*(?:\|[^{}\n]{0,200})?\}\}/gu;
const field = () => document.getElementById("reply");

export const places = () => [...new Set(field().value.match(PLACE) ?? [])];

export function toPlace() {
  const [first] = places();
  if (!first) return;
  const at = field().value.indexOf(first);
  field().focus();
  field().setSelectionRange(at, at + first.length);
}
