// Asking the server: pieces of pages and posted forms, with the session's token and a time limit.

// `cut`: nothing was heard from the server. `response`: what it answered.
export class Refused extends Error {
  constructor(text, { response, cut = false } = {}) {
    super(text);
    this.response = response;
    this.cut = cut;
  }
}

const words = () => document.getElementById("main")?.dataset ?? {};

export async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.timeout(20000),
      ...options,
      headers: { "X-Fragment": "1", ...options.headers },
    });
  } catch {
    throw new Refused(words().failed ?? "…", { cut: true });
  }
  if (response.status === 401) {
    dispatchEvent(new CustomEvent("allo:signed-out"));
    throw new Refused(words().signedOut ?? "401", { response });
  }
  if (!response.ok) throw new Refused((await response.text()) || words().failed || String(response.status), { response });
  return response;
}

export async function pieces(url, options) {
  const response = await ask(url, options);
  const { headers } = response;
  return {
    html: parse(await response.text()),
    earlier: headers.get("X-Earlier"),
    later: headers.get("X-Later"),
    more: headers.get("X-More") === "1",
    reached: headers.get("X-Reached"),
  };
}

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// The page of this address as it would be drawn now. `response` says whether it is still this one.
export async function pageNow() {
  const response = await fetch(location.href, { signal: AbortSignal.timeout(20000) });
  return { response, page: new DOMParser().parseFromString(await response.text(), "text/html") };
}

const meta = () => document.querySelector("meta[name=csrf]");
export const token = () => meta().content;

// After signing in again, in another tab, the session has another token.
export function renew(csrf) {
  meta().content = csrf;
  for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = csrf;
}

export function post(url, fields = {}, options = {}) {
  const body = fields instanceof URLSearchParams ? fields : new URLSearchParams(fields);
  return ask(url, { method: "POST", body, ...options, headers: { "X-CSRF-Token": token() } });
}
