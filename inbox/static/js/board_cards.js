// Where cards stand: columns, places, what is said of them aloud.

export const board = document.getElementById("board");
const spoken = document.getElementById("spoken");

export const cardsOf = (column) => [...column.querySelectorAll(".card[data-id]")];
export const columns = () => [...board.querySelectorAll(".col")];
export const columnOf = (card) => card.closest(".col");
export const listOf = (column) => column.querySelector(".col__b");
export const titleOf = (card) => card.querySelector(".card__name").textContent.trim();
export const byId = (id) => document.getElementById(`lead-${id}`);

export function speak(text, values = {}) {
  spoken.textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// Between which cards something stands in its list.
export function between(element) {
  const near = (step) => {
    let other = element[step];
    while (other && !(other.matches(".card[data-id]") && !other.classList.contains("card--lift"))) other = other[step];
    return other?.dataset.id ?? "";
  };
  return { above: near("previousElementSibling"), below: near("nextElementSibling") };
}

// Before the cards that stand lower; behind all of them when there is nothing more to load, or nowhere.
export function settle(card, column) {
  const place = Number(card.dataset.place);
  const lower = cardsOf(column).find((other) => other !== card && (Number(other.dataset.place) < place
    || (Number(other.dataset.place) === place && other.dataset.id < card.dataset.id)));
  const end = column.querySelector(".col__end");
  // Whatever is put where it stands already loses the focus for nothing.
  if (lower && lower === card.nextElementSibling) return;
  if (lower) lower.before(card);
  else if (end) card.remove();
  else append(column, card);
}

export function append(column, element) {
  const rest = listOf(column).querySelector(".col__end, .col__none");
  if (rest) rest.before(element);
  else listOf(column).append(element);
}

export function makeSlot(text) {
  const slot = document.createElement("li");
  slot.className = "card card--slot";
  slot.textContent = text;
  return slot;
}
