// Sections that fold, and stay as one left them. Without this all of them are open.

const KEY = "allo.folds";
let kept = {};
try {
  kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
} catch {
  // A browser without storage forgets, that is all.
}

function remember(name, open) {
  kept[name] = open;
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // As above.
  }
}

function set(button, open) {
  button.setAttribute("aria-expanded", String(open));
  const body = document.getElementById(button.getAttribute("aria-controls"));
  if (body) body.hidden = !open;
}

function apply() {
  for (const each of document.querySelectorAll("[data-fold]")) {
    const open = kept[each.dataset.fold];
    if (open === undefined) continue;
    if (each.matches("details")) each.open = open;
    else if (each.getAttribute("aria-expanded") !== String(open)) set(each, open);
  }
}

addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-fold]");
  if (!button) return;
  const open = button.getAttribute("aria-expanded") !== "true";
  set(button, open);
  remember(button.dataset.fold, open);
});

addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-fold]")) remember(event.target.dataset.fold, event.target.open);
}, true);

// A panel that is drawn anew is folded before it is seen.
const main = document.getElementById("main");
if (main) {
  new MutationObserver((changes) => {
    const drawn = changes.some((change) => [...change.addedNodes].some((node) => node.nodeType === 1
      && (node.matches("[data-fold]") || node.querySelector("[data-fold]"))));
    if (drawn) apply();
  }).observe(main, { childList: true, subtree: true });
}
apply();
