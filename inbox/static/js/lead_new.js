// Whose lead it is, found while one types.

import "./page.js";
import { pieces } from "./net.js";

const PAUSE_MS = 250;
const field = document.getElementById("whose");
let timer = 0;
let newest = 0;

async function find() {
  const query = new URLSearchParams({ q: field.value.trim() });
  const mine = ++newest;
  try {
    const { html } = await pieces(`/leads/new?${query}`);
    if (mine === newest) document.getElementById("people").replaceChildren(html);
  } catch {
    // The button finds it, too.
  }
}

field?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, PAUSE_MS);
});
