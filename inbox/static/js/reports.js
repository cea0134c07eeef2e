// A report: another question is asked without leaving the page. Without this every link and form is a page of its own.

import "./page.js";
import { say } from "./toast.js";

const main = document.getElementById("main");
let last = 0;

async function show(url, { push = true, from } = {}) {
  const mine = ++last;
  main.setAttribute("aria-busy", "true");
  let whole;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30000) });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    whole = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    if (mine === last) {
      main.removeAttribute("aria-busy");
      say(main.dataset.failed);
    }
    return;
  }
  if (mine !== last) return; // Another question was asked meanwhile.
  const fresh = whole.getElementById("main");
  const wrap = main.querySelector(".tablewrap");
  const scrolled = [main.scrollTop, wrap?.scrollLeft ?? 0];
  main.replaceChildren(...fresh.childNodes);
  document.title = whole.title;
  if (push) history.pushState({}, "", url);
  main.removeAttribute("aria-busy");
  main.scrollTop = scrolled[0];
  const again = main.querySelector(".tablewrap");
  if (again) again.scrollLeft = scrolled[1];
  focus(from);
}

// The focus stays where it was: on the same link, or on the menu that was chosen from.
function focus(from) {
  if (!from) return;
  const same = [...main.querySelectorAll("a[data-report][aria-label]")].find((each) => each.getAttribute("aria-label") === from.label);
  const there = same ?? (from.picker && document.querySelector(`#${from.picker} > summary`)) ?? main.querySelector(".reportbar summary");
  there?.focus({ preventScroll: true });
}

const whence = (element) => ({ label: element.getAttribute("aria-label") ?? "-", picker: element.closest("details.picker")?.id });

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-report]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  show(link.href, { from: whence(link) });
});

addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches?.("a[data-report][role=button]")) {
    event.preventDefault();
    event.target.click();
  }
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-report]")) return;
  event.preventDefault();
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  show(`${form.getAttribute("action")}?${new URLSearchParams(fields)}`, { from: whence(form) });
});

addEventListener("popstate", () => show(location.href, { push: false }));

// With a mouse one need not press: how a figure is counted is told while one points at it.
let tipped;
addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  const tip = event.target.closest?.(".tip");
  if (tip === tipped) return;
  if (tipped?.isConnected) tipped.popoverTargetElement?.hidePopover();
  tipped = tip;
  tip?.popoverTargetElement?.showPopover({ source: tip });
});
