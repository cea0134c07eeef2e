// A mail's HTML in its frame: fetched when it is unfolded, as tall as it is; its pictures only when they are asked for.

addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.mail[open]")) return;
  const frame = event.target.querySelector("iframe");
  if (!frame.src) load(frame, frame.dataset.src);
}, true);

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-images]");
  if (!button) return;
  load(button.closest("details").querySelector("iframe"), button.dataset.images);
  button.parentElement.remove();
});

function load(frame, url) {
  frame.addEventListener("load", () => {
    // A document is at least as tall as its frame: measured in a frame without height.
    frame.style.height = "0";
    const height = frame.contentDocument?.documentElement?.scrollHeight ?? 320;
    frame.style.height = `${Math.min(Math.max(height, 120), 2000)}px`;
  }, { once: true });
  frame.src = url;
}
