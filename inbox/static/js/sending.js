// What was sent and is not confirmed: a bubble from the press of the button until the server's own takes its place.
// One after the other, in the order of writing; one that failed waits for the person, and does not hold up the next.
//
// Without a connection a message waits, says so, and goes by itself when it is back: with the key it was written with, so
// that it stays one message even if it did arrive. After LATE_MS nobody can tell whether it still fits: then it asks.

import { connected } from "./live.js";
import { post } from "./net.js";

const LATE_MS = 600000;

const unsent = new Map();
const messages = () => document.getElementById("messages");
const pane = () => document.getElementById("talk");
const talk = () => pane()?.dataset.id;
const scroll = () => document.getElementById("scroll");
let line = Promise.resolve();

// `again` puts text and files back into the form.
export function send(item) {
  const bubble = document.getElementById(`sending-${item.mode}`).content.cloneNode(true).firstElementChild;
  bubble.querySelector(".words").textContent = item.text;
  bubble.querySelector("time").textContent = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: document.getElementById("composer").dataset.zone });
  for (const name of item.files) {
    const file = document.getElementById("sending-file").content.cloneNode(true);
    file.querySelector(".file__n").textContent = name;
    bubble.querySelector("[data-files]").append(file);
  }
  if (item.quote) {
    const shown = bubble.querySelector(".bubble__quote");
    shown.querySelector("b").textContent = item.quote.author;
    shown.querySelector("span").textContent = item.quote.text;
    shown.hidden = false;
  }
  const { cut, late } = pane().dataset;
  const sent = { ...item, bubble, talk: talk(), key: item.fields.get("key"), thread: threadFor(item.conversation), written: Date.now(), words: { cut, late } };
  unsent.set(sent.key, sent);
  document.getElementById("unread")?.remove();
  place(sent);
  dispatchEvent(new CustomEvent("allo:placing"));
  queue(sent);
}

function queue(sent) {
  if (sent.under) return;
  sent.under = true;
  line = line.then(() => deliver(sent)).finally(() => { sent.under = false; });
}

async function deliver(sent) {
  if (!unsent.has(sent.key)) return;
  if (!connected()) {
    wait(sent);
    return;
  }
  sent.cut = false;
  try {
    const answer = await (await post(sent.url, sent.fields)).json();
    sent.message = answer.message;
    if (!sent.bubble.isConnected) unsent.delete(sent.key);
    // The push says it as well, and sooner; but it may be down.
    dispatchEvent(new CustomEvent("allo:sent", { detail: { talk: sent.talk, message: answer.message } }));
  } catch (refused) {
    if (!unsent.has(sent.key)) return;
    sent.cut = refused.cut || refused.response?.status === 401;
    if (sent.cut && !connected()) wait(sent);
    else fail(sent, refused);
  }
}

function wait(sent) {
  sent.cut = true;
  sent.bubble.classList.add("is-waiting");
  tell(sent, sent.words.cut, { again: false });
}

// The connection is found to be gone a moment after a message failed with it.
addEventListener("allo:disconnected", () => {
  for (const sent of unsent.values()) if (sent.cut && !sent.under) wait(sent);
});

addEventListener("allo:connected", () => {
  for (const sent of unsent.values()) {
    if (!sent.cut || sent.under) continue;
    if (Date.now() - sent.written > LATE_MS) tell(sent, sent.words.late);
    else retry(sent);
  }
});

function retry(sent) {
  sent.bubble.querySelector(".fail")?.remove();
  sent.bubble.classList.remove("msg--failed", "is-waiting");
  // The session may have another token by now.
  if (sent.fields.has("csrf")) sent.fields.set("csrf", document.querySelector("meta[name=csrf]").content);
  queue(sent);
}

function fail(sent, refused) {
  const seen = refused.response?.headers.get("X-Seen");
  sent.bubble.classList.remove("is-waiting");
  if (!seen) sent.bubble.classList.add("msg--failed");
  tell(sent, refused.message, { seen });
}

function tell(sent, why, { again = true, seen = null } = {}) {
  const said = document.getElementById("sending-failed")?.content.cloneNode(true).firstElementChild;
  sent.keep(sent);
  if (!said) return;
  const button = said.querySelector("[data-again]");
  said.querySelector("[data-why]").textContent = why;
  button.hidden = !again;
  if (seen) button.textContent = button.dataset.asked;
  button.addEventListener("click", () => {
    // The same key: if it did arrive, it stays one message.
    if (seen) sent.fields.set("seen", seen);
    sent.written = Date.now();
    retry(sent);
  });
  said.querySelector("[data-edit]").addEventListener("click", () => {
    arrived(sent.key);
    sent.again(sent);
  });
  sent.bubble.querySelector(".fail")?.remove();
  sent.bubble.append(said);
  if (sent.bubble.isConnected) scroll().scrollTop = scroll().scrollHeight;
}

// The server's own is here, or it was taken back.
export function arrived(key) {
  const sent = unsent.get(key);
  if (!sent) return false;
  unsent.delete(key);
  const home = sent.bubble.closest(".thread");
  sent.bubble.remove();
  if (home && !home.querySelector(".msg, .ev")) home.remove();
  return true;
}

// Back in a conversation: what is still under way, or failed, is there again; what has arrived meanwhile is there already.
export function restore() {
  for (const sent of [...unsent.values()]) {
    if (sent.talk !== talk()) continue;
    if (messages().querySelector(`[data-key="${CSS.escape(sent.key)}"]`)) arrived(sent.key);
    else if (!sent.bubble.isConnected) place(sent);
  }
}

// Confirmed while another conversation was open: the server has it, and shows it.
addEventListener("allo:leaving", () => {
  for (const sent of [...unsent.values()]) if (sent.message) unsent.delete(sent.key);
});

function place(sent) {
  const last = [...messages().querySelectorAll(".thread")].at(-1);
  if (last?.dataset.conversation === sent.conversation) {
    last.append(sent.bubble);
  } else if (sent.thread) {
    const section = sent.thread.cloneNode(true);
    section.append(sent.bubble);
    messages().append(section);
  } else {
    (last ?? messages()).append(sent.bubble);
  }
  scroll().scrollTop = scroll().scrollHeight;
}

const threadFor = (conversation) => document
  .querySelector(`template[data-thread="${CSS.escape(conversation)}"]`)?.content.firstElementChild;

addEventListener("beforeunload", (event) => {
  if (unsent.size && [...unsent.values()].some((sent) => !sent.message)) event.preventDefault();
});
