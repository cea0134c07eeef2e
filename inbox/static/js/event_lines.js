// Many events in a row: the last are in sight, the others behind a button.

const LINES = 4;
let unfolded = new Set();

const messages = () => document.getElementById("messages");

// Another conversation has been opened.
export function foldAll() {
  unfolded = new Set();
  foldLines();
}

export function unfold(button) {
  unfolded.add(button.dataset.first);
  foldLines();
}

export function foldLines() {
  for (const button of messages().querySelectorAll(".ev__more")) button.remove();
  for (const line of messages().querySelectorAll(".ev--folded")) line.classList.remove("ev--folded");
  let run = [];
  const close = () => {
    if (run.length > LINES && !unfolded.has(run[0].id)) fold(run);
    run = [];
  };
  for (const item of messages().querySelectorAll("[data-item]")) {
    if (run.length && (!item.matches(".ev:not(.ev--card)") || item.parentElement !== run[0].parentElement)) close();
    if (item.matches(".ev:not(.ev--card)")) run.push(item);
  }
  close();
}

function fold(run) {
  const hidden = run.slice(0, -2);
  for (const line of hidden) line.classList.add("ev--folded");
  const button = document.getElementById("more-lines").content.cloneNode(true).firstElementChild;
  button.textContent = button.dataset.words.replace("%N%", hidden.length);
  button.dataset.first = run[0].id;
  hidden[0].before(button);
}
