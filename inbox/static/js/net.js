// Asking the server: pieces of pages and posted forms, with the session's token and a time limit.

export class Refused extends Error {
  constructor(text, response) {
    super(text);
    this.response = response;
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
    throw new Refused(words().failed ?? "…");
  }
  if (response.status === 401) throw new Refused(words().signedOut ?? "401");
  if (!response.ok) throw new Refused((await response.text()) || words().failed || String(response.status), response);
  return response;
}

export async function pieces(url) {
  const response = await ask(url);
  return { html: parse(await response.text()), earlier: response.headers.get("X-Earlier") };
}

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

export const token = () => document.querySelector("meta[name=csrf]").content;

export function post(url, fields = {}) {
  const body = fields instanceof URLSearchParams ? fields : new URLSearchParams(fields);
  return ask(url, { method: "POST", body, headers: { "X-CSRF-Token": token() } });
}
