// Stages put in order by dragging; the buttons beside them do the same.

import "./page.js";
import { post } from "./net.js";
import { say } from "./toast.js";

const list = document.querySelector("[data-order]");
let held = null;

list?.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".stagelist__grip");
  if (!grip) return;
  event.preventDefault();
  held = { item: grip.closest("li"), before: [...list.children].map((each) => each.dataset.id).join(",") };
  held.item.classList.add("is-held");
  list.setPointerCapture(event.pointerId);
});

list?.addEventListener("pointermove", (event) => {
  if (!held) return;
  const next = [...list.children].find((each) => {
    const box = each.getBoundingClientRect();
    return each !== held.item && event.clientY < box.top + box.height / 2;
  });
  if (next) next.before(held.item);
  else list.append(held.item);
});

async function letGo() {
  if (!held) return;
  const { item, before } = held;
  held = null;
  item.classList.remove("is-held");
  const order = [...list.children].map((each) => each.dataset.id).join(",");
  if (order === before) return;
  try {
    await post(list.dataset.order, { order });
  } catch (refused) {
    say(refused.message);
  }
  location.reload();
}

list?.addEventListener("pointerup", letGo);
list?.addEventListener("pointercancel", letGo);
