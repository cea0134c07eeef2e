// Menus are <details>: they work without this; with it they close when one looks elsewhere.

addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.picker[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.picker[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
      event.stopImmediatePropagation();
    }
  }
  const menu = event.target.closest?.("details.picker[open]");
  if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp") && !event.target.matches("input, select, textarea")) {
    const items = [...menu.querySelectorAll(".menu__a")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    items.at((items.indexOf(document.activeElement) + step + items.length) % items.length)?.focus();
    event.preventDefault();
  }
}, true);

// A long menu narrows to what is written in its field.
addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-narrows]")) return;
  const wanted = event.target.value.trim().toLocaleLowerCase();
  for (const each of event.target.form.querySelectorAll("[data-name]")) {
    each.hidden = !each.dataset.name.toLocaleLowerCase().includes(wanted);
  }
});

// What every row's menu offers alike is on the page once.
addEventListener("toggle", (event) => {
  const place = event.target.open && event.target.querySelector("[data-givers]:empty");
  if (!place) return;
  place.append(document.getElementById("givers").content.cloneNode(true));
  place.querySelector(`[value="${place.dataset.givers}"]`)?.remove();
}, true);
