// Connecting a channel: the credentials are tried as soon as they are there, and the first message is waited for.

import { ask, parse, post } from "./net.js";
import { say } from "./toast.js";

const LOOK_MS = 3000;
const guide = document.getElementById("guide");

// What is wrong with a field stands at the field; the rest is a list.
function show(findings) {
  for (const field of guide.querySelectorAll("[data-name]")) mark(field, "");
  for (const each of findings.querySelectorAll("li[data-field]")) {
    const field = guide.querySelector(`[data-name="${CSS.escape(each.dataset.field)}"]`);
    if (!field || each.dataset.level !== "error") continue;
    mark(field, each.lastElementChild.textContent);
    each.remove();
  }
  const list = findings.querySelector("ul");
  document.getElementById("tried").replaceChildren(...(list?.children.length ? [list] : []));
}

function mark(field, text) {
  const told = field.querySelector(".field__err");
  if (!told) return;
  told.hidden = !text;
  told.querySelector("span").textContent = text;
  field.querySelector("input")?.setAttribute("aria-invalid", text ? "true" : "false");
}

async function attempt(button) {
  if (button.dataset.busy) return;
  button.dataset.busy = "1";
  button.classList.add("is-busy");
  try {
    const response = await post(guide.dataset.try, new URLSearchParams(new FormData(guide)));
    show(parse(await response.text()));
  } catch (refused) {
    say(refused.message);
  }
  delete button.dataset.busy;
  button.classList.remove("is-busy");
}

if (guide) {
  const button = guide.querySelector("[data-tries]");
  guide.addEventListener("submit", (event) => {
    if (!event.submitter?.matches("[data-tries]")) return;
    event.preventDefault();
    attempt(event.submitter);
  });
  guide.addEventListener("change", (event) => {
    const name = event.target.name?.replace("field.", "");
    if (!button || !button.dataset.tries.split(" ").includes(name)) return;
    const required = [...guide.querySelectorAll("[data-name] input[required]")];
    if (required.every((each) => each.value.trim())) attempt(button);
  });
  // The address that is shown is the one it will have.
  guide.addEventListener("input", () => {
    const slug = guide.elements.slug;
    for (const shown of guide.querySelectorAll("[data-address]")) {
      const ends = shown.dataset.ends ? `/${guide.elements[shown.dataset.ends].value}` : "";
      const at = shown.dataset.address.lastIndexOf(slug.defaultValue);
      const text = shown.dataset.address.slice(0, at) + slug.value
        + shown.dataset.address.slice(at + slug.defaultValue.length) + ends;
      shown.textContent = text;
      shown.parentElement.querySelector("[data-copy]").dataset.copy = text;
    }
  });
}

// A channel just connected: has anything come? A hint says when to look, and now and then we look without one.
const first = document.getElementById("first");
if (first && first.querySelector("[data-arrived='0']")) {
  let looking = false;
  const source = new EventSource("/live");
  const timer = setInterval(look, LOOK_MS);
  source.addEventListener("message", look);
  addEventListener("pagehide", () => source.close());
  async function look() {
    if (looking || document.hidden) return;
    looking = true;
    try {
      const found = parse(await (await ask(first.dataset.first)).text());
      if (found.querySelector("[data-arrived='1']")) {
        first.replaceChildren(found);
        clearInterval(timer);
        source.close();
      }
    } catch {
      // The next look tries again.
    }
    looking = false;
  }
}

// The settings' front page: what is looked for stays, the rest goes.
const find = document.querySelector("[data-find]");
if (find) {
  const map = document.querySelector(find.dataset.find);
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of map.querySelectorAll("li")) {
      const text = `${item.textContent} ${item.dataset.words}`.toLowerCase();
      item.hidden = !words.every((each) => text.includes(each));
    }
    for (const group of map.querySelectorAll("section")) group.hidden = !group.querySelector("li:not([hidden])");
    document.getElementById("map-nothing").hidden = Boolean(map.querySelector("li:not([hidden])"));
  });
}

// On a phone the sections are a line that is wider than the screen: the present one is in sight.
document.querySelector(".subnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
