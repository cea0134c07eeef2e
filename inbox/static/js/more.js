// "Show more" at the end of a list loads by itself when it comes into view.

import { pieces } from "./net.js";
import { say } from "./toast.js";

async function load(link) {
  if (link.dataset.busy) return;
  link.dataset.busy = "1";
  const place = link.closest("#more");
  const late = setTimeout(() => place.classList.add("is-late"), 300);
  try {
    const { html } = await pieces(link.dataset.more);
    place.replaceWith(html);
    document.getElementById("main").dataset.more = "1";
    watch();
    dispatchEvent(new CustomEvent("allo:more"));
  } catch (refused) {
    delete link.dataset.busy;
    // Said where it is missing, to be tried again by hand, not by itself for ever.
    if (link.dataset.failed) link.textContent = link.dataset.failed;
    else say(refused.message);
  } finally {
    clearTimeout(late);
    place.classList.remove("is-late");
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) load(entry.target);
}, { rootMargin: "400px" });

export function watch() {
  for (const link of document.querySelectorAll("#more [data-more]")) seen.observe(link);
}

addEventListener("click", (event) => {
  const link = event.target.closest?.("#more [data-more]");
  if (!link) return;
  event.preventDefault();
  load(link);
});

watch();
