// A card is moved at once, and asked for at the same time; when the server says no, it goes back and says why.

import { append, between, board, byId, cardsOf, columnOf, listOf, speak, titleOf } from "./board_cards.js";
import { asked } from "./lead_dialogs.js";
import { post } from "./net.js";
import { say, sayDone } from "./toast.js";

let changed = () => {};
export const onMoved = (callback) => { changed = callback; };

// `column` may be one that is not shown (lost): then `stage` and `kind` say which.
export async function move(card, { stage, kind, name, column = null, slot = null }) {
  const title = titleOf(card);
  const from = { list: card.parentElement, next: card.nextElementSibling, column: columnOf(card) };
  const seen = card.dataset.stage;
  const place = slot ? between(slot) : { above: "", below: "" };
  const back = () => {
    slot?.remove();
    if (from.list.isConnected) from.list.insertBefore(card, from.next?.parentElement === from.list ? from.next : null);
    card.classList.remove("card--lift", "card--gone");
    card.hidden = false;
  };
  if (stage === seen && slot && between(card).above === place.above && between(card).below === place.below) return back();
  const inPlace = stage === seen;
  const answer = inPlace ? {} : await asked(kind, title, card.dataset);
  if (answer === null) {
    back();
    speak(board.dataset.back, { title });
    focus(card);
    return undefined;
  }
  if (column && slot?.isConnected) slot.replaceWith(card);
  else if (column) listOf(column).prepend(card);
  else {
    leave(card);
    card.hidden = true;
  }
  slot?.remove();
  card.classList.remove("card--lift");
  card.classList.add("card--busy");
  card.dataset.stage = stage;
  focus(card);
  try {
    const response = await post(`/leads/${card.dataset.id}/move`, { stage, seen, ...place, ...answer });
    speak(board.dataset.dropped, { title, stage: name });
    if (!inPlace) sayDone(await response.json());
  } catch (refused) {
    card.dataset.stage = seen;
    back();
    say(refused.message);
    speak(refused.message);
    focus(card);
  }
  card.classList.remove("card--busy");
  changed([card.dataset.id]);
  return undefined;
}

// What leaves the board leaves the focus to its neighbour.
function leave(card) {
  const here = cardsOf(columnOf(card));
  const at = here.indexOf(card);
  const next = here[at + 1] ?? here[at - 1] ?? board.querySelector(".card[data-id]:not([hidden])");
  if (next && next !== card) focus(next);
  else board.focus({ preventScroll: true });
}

export function focus(card) {
  if (card.isConnected && !card.hidden) card.querySelector(".card__name").focus({ preventScroll: false });
}

export { append, byId };
