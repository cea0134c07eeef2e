// Something to tell that has no place of its own on the page.

export function say(text) {
  const toasts = document.getElementById("toasts");
  const made = document.getElementById("toast").content.cloneNode(true).firstElementChild;
  made.firstElementChild.textContent = text;
  toasts.append(made);
  let timer = setTimeout(() => made.remove(), 8000);
  made.addEventListener("pointerenter", () => clearTimeout(timer));
  made.addEventListener("pointerleave", () => { timer = setTimeout(() => made.remove(), 3000); });
  made.querySelector("[data-close]").addEventListener("click", () => made.remove());
}
