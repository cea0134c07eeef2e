// Naming colleagues and teams in a note. What was picked goes along, for two of the same name; the text decides.

const picked = new Map();
const form = () => document.getElementById("composer");

export const mentions = {
  sign: "@",
  word: "[\\p{L}\\p{N}._-]{0,40}(?: [\\p{L}\\p{N}._-]{1,40})?",
  allowed: () => form().dataset.mode === "note",
  url: (q) => `/colleagues/names?conversation=${form().action.match(/conversations\/([0-9a-f-]+)/)?.[1] ?? ""}&q=${encodeURIComponent(q)}`,
  take(option, replace) {
    const { named, id } = option.dataset;
    picked.set(id, named);
    replace(`@${named} `);
  },
};

export function forget() {
  picked.clear();
}

export function named(text) {
  return [...picked].filter(([, name]) => text.includes(`@${name}`)).map(([id]) => id);
}
