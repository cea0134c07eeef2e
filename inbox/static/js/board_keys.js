// Cards by the keyboard: arrows go from card to card, Space lifts, arrows move, Enter drops, Esc puts back; D is lost.

import { append, board, cardsOf, columnOf, columns, makeSlot, speak, titleOf } from "./board_cards.js";
import { focus, move } from "./board_moves.js";

const lostbar = document.getElementById("lostbar");
const ARROWS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);
let lifted = null;

export const carrying = () => Boolean(lifted);

function walk(card, code) {
  const column = columnOf(card);
  const here = cardsOf(column);
  const at = here.indexOf(card);
  if (code === "ArrowUp" || code === "ArrowDown") return here[at + (code === "ArrowDown" ? 1 : -1)];
  const all = columns();
  const step = code === "ArrowRight" ? 1 : -1;
  for (let place = all.indexOf(column) + step; all[place]; place += step) {
    const there = cardsOf(all[place]);
    if (there.length) return there[Math.min(at, there.length - 1)];
  }
  return undefined;
}

function lift(card) {
  const slot = makeSlot(board.dataset.slot);
  lifted = { card, slot, next: card.nextElementSibling };
  card.classList.add("card--lift");
  card.after(slot);
  speak(board.dataset.lifted, { title: titleOf(card) });
}

function carry(code) {
  const { card, slot } = lifted;
  const column = columnOf(slot);
  const others = (of) => cardsOf(of).filter((each) => each !== card);
  const rank = others(column).filter((each) => each.compareDocumentPosition(slot) & Node.DOCUMENT_POSITION_FOLLOWING).length;
  if (code === "ArrowUp" || code === "ArrowDown") {
    const there = others(column);
    const wanted = Math.max(0, Math.min(there.length, rank + (code === "ArrowDown" ? 1 : -1)));
    if (there[wanted]) there[wanted].before(slot);
    else append(column, slot);
  } else {
    const all = columns();
    const next = all[all.indexOf(column) + (code === "ArrowRight" ? 1 : -1)];
    if (!next) return;
    const there = others(next);
    if (there[rank]) there[rank].before(slot);
    else append(next, slot);
  }
  slot.scrollIntoView({ block: "nearest", inline: "nearest" });
  const now = columnOf(slot);
  const place = others(now).filter((each) => each.compareDocumentPosition(slot) & Node.DOCUMENT_POSITION_FOLLOWING).length;
  speak(board.dataset.over, { stage: now.dataset.name, n: place + 1, of: others(now).length + 1 });
}

function drop() {
  const { card, slot } = lifted;
  const column = columnOf(slot);
  lifted = null;
  move(card, { stage: column.dataset.stage, kind: column.dataset.kind, name: column.dataset.name, column, slot });
  dispatchEvent(new CustomEvent("board:free"));
}

function putBack() {
  const { card, slot } = lifted;
  lifted = null;
  slot.remove();
  card.classList.remove("card--lift");
  speak(board.dataset.back, { title: titleOf(card) });
  focus(card);
  dispatchEvent(new CustomEvent("board:free"));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (lifted) {
    if (ARROWS.has(event.code)) carry(event.code);
    else if (event.code === "Enter" || event.code === "Space") drop();
    else if (event.code === "Escape" || event.code === "Tab") putBack();
    else return;
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  const card = event.target.closest?.(".card[data-id]");
  if (!card || !event.target.matches(".card__name") || card.classList.contains("card--busy")) return;
  if (ARROWS.has(event.code)) {
    const next = walk(card, event.code);
    if (next) focus(next);
  } else if (!board.dataset.may) {
    return;
  } else if (event.code === "Space") lift(card);
  else if (event.code === "KeyD" && lostbar?.dataset.stage) {
    move(card, { stage: lostbar.dataset.stage, kind: "lost", name: lostbar.dataset.name });
  } else if (event.code === "KeyX") card.querySelector(".card__pick").click();
  else if (event.code === "KeyM") card.querySelector(".card__move").click();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

board?.addEventListener("keydown", pressed);
// Whoever clicks elsewhere has let go.
addEventListener("pointerdown", () => lifted && putBack(), true);
