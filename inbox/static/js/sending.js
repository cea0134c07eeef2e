// What was sent and is not confirmed: a bubble from the press of the button until the server's own takes its place.
// One after the other, in the order of writing; one that failed waits for the person, and does not hold up the next.

import { post } from "./net.js";

const unsent = new Map();
const messages = () => document.getElementById("messages");
const talk = () => document.getElementById("talk")?.dataset.id;
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
  const sent = { ...item, bubble, talk: talk(), key: item.fields.get("key"), thread: threadFor(item.conversation) };
  unsent.set(sent.key, sent);
  document.getElementById("unread")?.remove();
  place(sent);
  queue(sent);
}

function queue(sent) {
  line = line.then(() => deliver(sent));
}

async function deliver(sent) {
  if (!unsent.has(sent.key)) return;
  try {
    const answer = await (await post(sent.url, sent.fields)).json();
    sent.message = answer.message;
    if (!sent.bubble.isConnected) unsent.delete(sent.key);
    // The push says it as well, and sooner; but it may be down.
    dispatchEvent(new CustomEvent("allo:sent", { detail: { talk: sent.talk, message: answer.message } }));
  } catch (refused) {
    if (unsent.has(sent.key)) fail(sent, refused);
  }
}

function fail(sent, refused) {
  const line = document.getElementById("sending-failed")?.content.cloneNode(true).firstElementChild;
  if (!line) return;
  const seen = refused.response?.headers.get("X-Seen");
  const again = line.querySelector("[data-again]");
  line.querySelector("[data-why]").textContent = refused.message;
  if (seen) again.textContent = again.dataset.asked;
  else sent.bubble.classList.add("msg--failed");
  again.addEventListener("click", () => {
    line.remove();
    sent.bubble.classList.remove("msg--failed");
    // The same key: if it did arrive, it stays one message.
    if (seen) sent.fields.set("seen", seen);
    queue(sent);
  });
  line.querySelector("[data-edit]").addEventListener("click", () => {
    arrived(sent.key);
    sent.again(sent);
  });
  sent.bubble.querySelector(".fail")?.remove();
  sent.bubble.append(line);
  sent.keep(sent);
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

// Back in a conversation: what is still under way, or failed, is there again.
export function restore() {
  for (const sent of unsent.values()) if (sent.talk === talk() && !sent.bubble.isConnected) place(sent);
}

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
