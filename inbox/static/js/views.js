// How many are behind each view: asked for when the views are seen, and once a minute while they are.

import { ask } from "./net.js";

const EVERY_MS = 60000;
let counts = {};
let at = 0;

const visible = () => Boolean(document.querySelector(".views")?.offsetParent || document.querySelector(".views-menu[open]"));

function write() {
  for (const place of document.querySelectorAll(".views__a [data-count]")) {
    const count = counts[place.dataset.count] ?? "";
    place.textContent = count === "0" ? "" : count;
    place.closest(".views__a").classList.toggle("is-some", Boolean(place.textContent));
  }
}

async function refresh() {
  if (document.hidden || !visible()) return;
  at = Date.now();
  try {
    counts = await (await ask("/views/counts")).json();
    write();
  } catch {
    // Numbers beside names: they come with the next try.
  }
}

document.addEventListener("toggle", (event) => {
  if (event.target.id === "views-menu" && event.target.open && Date.now() - at > 5000) refresh();
}, true);

addEventListener("allo:narrowed", () => {
  write();
  if (Date.now() - at > EVERY_MS || visible()) refresh();
});
matchMedia("(min-width: 1600px)").addEventListener("change", refresh);
setInterval(refresh, EVERY_MS);
refresh();
