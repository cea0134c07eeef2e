// Pictures, recordings and what is folded: looked at in full, played faster, unfolded.

// A picture that cannot be drawn, or is too large to be (the server gives none), is a file.
function asFile(shot) {
  shot.hidden = true;
  const file = shot.nextElementSibling;
  if (file?.matches(".file")) file.hidden = false;
}

addEventListener("error", (event) => {
  const shot = event.target.closest?.("[data-shot]");
  if (shot) asFile(shot);
}, true);
// Those that failed before this was there to hear of it.
for (const image of document.querySelectorAll("[data-shot] img")) {
  if (image.complete && !image.naturalWidth) asFile(image.closest("[data-shot]"));
}

// Who has once chosen a speed wants the next recording the same.
const SPEEDS = [1, 1.5, 2];
let speed = 1;

addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-speed]");
  if (!button) return;
  speed = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
  for (const each of document.querySelectorAll("[data-speed]")) each.textContent = `${speed}×`;
  for (const each of document.querySelectorAll("#messages audio")) each.playbackRate = speed;
});

addEventListener("play", (event) => {
  if (!event.target.matches?.("audio, video")) return;
  if (event.target.matches("audio")) event.target.playbackRate = speed;
  // One at a time.
  for (const other of document.querySelectorAll("audio, video")) if (other !== event.target) other.pause();
}, true);

addEventListener("click", (event) => {
  const more = event.target.closest?.("[data-unfold]");
  if (!more) return;
  more.previousElementSibling.classList.remove("words--long");
  more.remove();
});
