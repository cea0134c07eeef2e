// What is drawn anew takes the place of what is there part by part: an element that stays the same kind of element stays
// the same element, so that the focus in it, a menu that is open and a box that is ticked are not touched.

// What the page itself has put on an element, and the server knows nothing of.
const OURS = new Set(["card--picked", "card--new", "is-picked"]);

export function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  attributes(old, fresh);
  const wanted = [...fresh.childNodes];
  let at = old.firstChild;
  for (const each of wanted) {
    if (at && alike(at, each)) {
      if (at.nodeType === Node.ELEMENT_NODE) patch(at, each);
      else if (at.data !== each.data) at.data = each.data;
      at = at.nextSibling;
    } else {
      old.insertBefore(each, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const alike = (one, other) => one.nodeName === other.nodeName
  && (one.nodeType !== Node.ELEMENT_NODE || (one.id === other.id && one.classList[0] === other.classList[0]));

function attributes(old, fresh) {
  const ours = [...old.classList].filter((each) => OURS.has(each));
  for (const { name } of [...old.attributes]) {
    // Whether a menu is open is the reader's own.
    if (!fresh.hasAttribute(name) && !(name === "open" && old.matches("details"))) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  old.classList.add(...ours);
}
