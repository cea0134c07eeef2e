// Dragging with the pointer: a mouse after a few pixels, a finger after a long press, so that a swipe still scrolls.

import { append, board, cardsOf, columnOf, columns, listOf, makeSlot, speak, titleOf } from "./board_cards.js";
import { move } from "./board_moves.js";

const STARTS_PX = 6;
const PRESS_MS = 380;
const EDGE_PX = 56;
const SPEED = 14;
const lostbar = document.getElementById("lostbar");
let drag = null;

export const dragging = () => Boolean(drag?.ghost);

function begin(event) {
  if (drag || event.button !== 0 || !event.isPrimary) return;
  const card = event.target.closest(".card[data-id]");
  if (!card || card.classList.contains("card--busy") || event.target.closest("button, input, .card__task")) return;
  drag = { card, id: event.pointerId, x: event.clientX, y: event.clientY, touch: event.pointerType !== "mouse" };
  if (drag.touch) drag.timer = setTimeout(lift, PRESS_MS);
}

function lift() {
  const { card } = drag;
  const box = card.getBoundingClientRect();
  const ghost = card.cloneNode(true);
  ghost.removeAttribute("id");
  ghost.classList.add("card--ghost");
  ghost.style.width = `${box.width}px`;
  ghost.setAttribute("aria-hidden", "true");
  ghost.inert = true;
  document.body.append(ghost);
  Object.assign(drag, { ghost, dx: drag.x - box.left, dy: drag.y - box.top, slot: makeSlot(board.dataset.slotPointer) });
  drag.slot.style.minHeight = `${box.height}px`;
  card.after(drag.slot);
  card.classList.add("card--lift");
  card.hidden = true;
  document.documentElement.classList.add("is-dragging");
  document.getSelection().removeAllRanges();
  if (drag.touch) navigator.vibrate?.(12);
  speak(board.dataset.lifted, { title: titleOf(card) });
  follow();
  requestAnimationFrame(scroll);
}

function moved(event) {
  if (!drag || event.pointerId !== drag.id) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y);
  if (!drag.ghost) {
    if (drag.touch) {
      if (far > STARTS_PX * 2) forget();
      return;
    }
    if (far < STARTS_PX) return;
    lift();
  }
  drag.x = event.clientX;
  drag.y = event.clientY;
  follow();
}

function follow() {
  drag.ghost.style.transform = `translate(${drag.x - drag.dx}px, ${drag.y - drag.dy}px) rotate(1.2deg)`;
  const under = document.elementFromPoint(drag.x, drag.y);
  const column = under?.closest(".col");
  const lost = under?.closest("#lostbar[data-stage]");
  for (const each of columns()) each.classList.toggle("col--drop", each === column);
  lostbar?.classList.toggle("lostbar--drop", Boolean(lost));
  drag.lost = Boolean(lost);
  if (!column) return;
  drag.column = column;
  const next = cardsOf(column).find((card) => {
    if (card === drag.card) return false;
    const box = card.getBoundingClientRect();
    return drag.y < box.top + box.height / 2;
  });
  if (next) {
    if (drag.slot.nextElementSibling !== next) next.before(drag.slot);
  } else append(column, drag.slot);
}

// Near an edge the board, or the column under the pointer, comes along.
function scroll() {
  if (!drag?.ghost) return;
  const edge = board.getBoundingClientRect();
  const push = (at, low, high) => (at < low + EDGE_PX ? -1 : at > high - EDGE_PX ? 1 : 0);
  const x = push(drag.x, edge.left, edge.right);
  if (x) {
    board.style.scrollSnapType = "none";
    board.scrollLeft += x * SPEED;
  }
  if (drag.column) {
    const list = listOf(drag.column);
    const box = list.getBoundingClientRect();
    const y = push(drag.y, box.top, box.bottom);
    if (y) list.scrollTop += y * SPEED;
    if (x || y) follow();
  }
  requestAnimationFrame(scroll);
}

function forget() {
  clearTimeout(drag.timer);
  drag = null;
}

function end(event, drops) {
  if (!drag || (event && event.pointerId !== undefined && event.pointerId !== drag.id)) return;
  if (!drag.ghost) return forget();
  const { card, slot, ghost, lost } = drag;
  const column = columnOf(slot);
  ghost.remove();
  document.documentElement.classList.remove("is-dragging");
  board.style.scrollSnapType = "";
  for (const each of columns()) each.classList.remove("col--drop");
  lostbar?.classList.remove("lostbar--drop");
  forget();
  card.hidden = false;
  // The click that follows would open the card.
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
  if (!drops) {
    slot.remove();
    card.classList.remove("card--lift");
    speak(board.dataset.back, { title: titleOf(card) });
  } else if (lost) {
    slot.remove();
    move(card, { stage: lostbar.dataset.stage, kind: "lost", name: lostbar.dataset.name });
  } else {
    move(card, { stage: column.dataset.stage, kind: column.dataset.kind, name: column.dataset.name, column, slot });
  }
  dispatchEvent(new CustomEvent("board:free"));
  return undefined;
}

function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}

if (board?.dataset.may) {
  board.addEventListener("pointerdown", begin);
  addEventListener("pointermove", moved);
  addEventListener("pointerup", (event) => end(event, true));
  addEventListener("pointercancel", (event) => end(event, false));
  board.addEventListener("touchmove", (event) => dragging() && event.preventDefault(), { passive: false });
  board.addEventListener("contextmenu", (event) => drag?.touch && event.preventDefault());
  board.addEventListener("dragstart", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dragging()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    end(null, false);
  }, true);
  addEventListener("blur", () => end(null, false));
}
