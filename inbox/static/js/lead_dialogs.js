// What has to be known before a lead ends: why it is lost, for how much it is won. Null: it was not meant.

// Beside a conversation they are kept in a template, and a copy is asked: the panel may be drawn anew meanwhile.
function dialogOf(id) {
  const there = document.getElementById(id);
  if (there) return there;
  const copy = document.querySelector("template[data-lead-dialogs]").content.getElementById(id).cloneNode(true);
  copy.addEventListener("close", () => copy.remove(), { once: true });
  document.body.append(copy);
  return copy;
}

function answered(dialog, title, check = () => true) {
  const form = dialog.querySelector("form");
  form.reset();
  for (const each of dialog.querySelectorAll("[data-title]")) each.textContent = title;
  dialog.showModal();
  return new Promise((resolve) => {
    let answer = null;
    const submit = (event) => {
      event.preventDefault();
      const fields = Object.fromEntries(new FormData(form));
      if (!check(fields)) return;
      answer = event.submitter?.value ? { ...fields, chosen: event.submitter.value } : fields;
      dialog.close();
    };
    const cancel = (event) => event.target.closest("[data-cancel]") && dialog.close();
    const close = () => {
      form.removeEventListener("submit", submit);
      dialog.removeEventListener("click", cancel);
      resolve(answer);
    };
    form.addEventListener("submit", submit);
    dialog.addEventListener("click", cancel);
    dialog.addEventListener("close", close, { once: true });
  });
}

export function askWhyLost(title) {
  const dialog = dialogOf("lost");
  const missing = dialog.querySelector("[data-missing]");
  missing.hidden = true;
  return answered(dialog, title, (fields) => {
    missing.hidden = Boolean(fields.lost_reason || fields.lost_details.trim());
    return missing.hidden;
  });
}

export const askForHowMuch = (title) => answered(dialogOf("won"), title);

export const askWhere = (title) => answered(document.getElementById("moveto"), title);

// What a stage asks of a lead that is to enter it; null: stay.
export async function asked(kind, title, { value = "", status = "" } = {}) {
  if (kind === "lost" && status !== "lost") return askWhyLost(title);
  if (kind === "won" && value === "") return askForHowMuch(title);
  return {};
}
