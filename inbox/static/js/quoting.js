// Answering one message: it stands above the text until it is sent or taken away.

import { say } from "./toast.js";
import { choose, chosen } from "./ways.js";

const box = () => document.getElementById("quote");
const form = () => document.getElementById("composer");

export const quoted = () => (box().hidden ? null : {
  author: box().querySelector("b").textContent,
  text: box().querySelector(".cut").textContent,
});

export function forget() {
  box().hidden = true;
  form().elements.reply_to.value = "";
}

export function quote({ id, conversation, author, text }) {
  const refused = choose(conversation);
  if (refused !== null) {
    if (refused) say(refused);
    return;
  }
  form().querySelector('button[data-mode="reply"]').click();
  form().elements.reply_to.value = id;
  box().dataset.conversation = conversation;
  box().querySelector("b").textContent = author;
  box().querySelector(".cut").textContent = text;
  box().hidden = false;
  document.getElementById("reply").focus();
}

export function ready() {
  box().querySelector("button").addEventListener("click", () => {
    forget();
    document.getElementById("reply").focus();
  });
  // A platform quotes only what was said in the same chat.
  form().addEventListener("way", () => {
    if (!box().hidden && chosen().value !== box().dataset.conversation) forget();
  });
}

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-answer]");
  if (!button) return;
  const message = button.closest("[data-item]");
  const said = message.querySelector(".words, .file__n, img, audio, video");
  quote({
    id: button.dataset.answer,
    conversation: message.closest(".thread").dataset.conversation,
    author: message.dataset.author ?? "",
    text: (said?.textContent.trim() || said?.alt || said?.getAttribute?.("aria-label") || "").slice(0, 300),
  });
});
