// A picture in full: arrows to the next, + and − or a click to look closer, Esc back to where one was.

const box = () => document.getElementById("lightbox");
const image = () => box().querySelector("img");
let at;

const shots = () => [...document.querySelectorAll("#messages [data-shot]:not([hidden])")];

addEventListener("click", (event) => {
  const shot = event.target.closest?.("#messages [data-shot]");
  if (!shot || event.ctrlKey || event.metaKey || event.shiftKey || !box()) return;
  event.preventDefault();
  look(shot);
  if (!box().open) box().showModal();
});

function look(shot) {
  at = shot;
  const all = shots();
  const place = all.indexOf(shot);
  const [name, count, down] = ["[data-name]", "[data-count]", "[data-down]"].map((each) => box().querySelector(each));
  image().src = shot.href;
  image().alt = shot.querySelector("img").alt;
  name.textContent = shot.dataset.name;
  count.textContent = `${place + 1} / ${all.length}`;
  down.href = `${shot.href}?download=1`;
  box().classList.remove("is-close");
  box().querySelector("[data-by='-1']").disabled = place <= 0;
  box().querySelector("[data-by='1']").disabled = place >= all.length - 1;
}

function step(by) {
  const all = shots();
  const next = all[all.indexOf(at) + by];
  if (next) look(next);
}

const closer = (on) => box().classList.toggle("is-close", on);

if (box()) {
  box().addEventListener("click", (event) => {
    const by = event.target.closest("[data-by]");
    if (by) step(Number(by.dataset.by));
    else if (event.target.closest("[data-close-up]") || event.target === image()) closer();
    else if (event.target.closest("[data-shut]") || event.target === box() || event.target.matches(".lightbox__stage")) box().close();
  });
  box().addEventListener("keydown", (event) => {
    const does = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), Equal: () => closer(true), NumpadAdd: () => closer(true), Minus: () => closer(false), NumpadSubtract: () => closer(false) }[event.code];
    if (!does || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    does();
  });
  box().addEventListener("close", () => {
    image().removeAttribute("src");
    const from = at;
    at = undefined;
    if (from?.isConnected) from.focus({ preventScroll: true });
  });
}
