// On a phone one pane at a time; on a small screen the person slides in.

export function show(step) {
  document.documentElement.dataset.step = step;
}

// Out of a field, to what it belongs to: the row of what is open, or the conversation itself where there is no list.
export function back() {
  const row = document.querySelector("#rows .row__name[aria-current]") ?? document.querySelector("#rows .row__name");
  (row?.offsetParent ? row : document.getElementById("talk"))?.focus({ preventScroll: true });
}

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-step]");
  if (!button || button === document.documentElement) return;
  if (button.dataset.step === "list") {
    // The list is there already on any screen that shows it; a phone comes back to where it was.
    event.preventDefault();
    history.pushState({}, "", button.getAttribute("href"));
  }
  show(button.dataset.step);
});

// What lies over the person is closed first.
const OVER = "dialog[open], details.picker[open], #toasts .toast:focus-within";
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.documentElement.dataset.step === "person" && !document.querySelector(OVER)) show("talk");
});
