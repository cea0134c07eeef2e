// Hints from the server. A hint says what to ask for; after every gap we ask for everything since.

const GONE_LONG_MS = 60000;

export function listen({ changed, refresh }) {
  const bar = document.createElement("p");
  bar.className = "offline";
  bar.setAttribute("role", "status");
  bar.textContent = document.getElementById("main").dataset.offline;
  let lost = false;
  let hiddenAt = 0;
  let late = 0;
  let source;

  function open() {
    source = new EventSource("/live");
    source.addEventListener("open", () => {
      clearTimeout(late);
      bar.remove();
      if (lost) refresh();
      lost = false;
    });
    source.addEventListener("error", () => {
      if (!lost) late = setTimeout(() => document.body.append(bar), 3000);
      lost = true;
      // A browser gives up by itself after an answer that is no stream (signed out, restarting): try again slowly.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000);
    });
    source.addEventListener("message", (event) => {
      const hints = JSON.parse(event.data);
      dispatchEvent(new CustomEvent("allo:hints", { detail: hints }));
      if (hints.some((hint) => hint.kind === "refresh")) refresh();
      else if (hints.length) changed(hints);
    });
  }

  open();
  addEventListener("online", () => refresh());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > GONE_LONG_MS) refresh();
  });
  // Firefox reports a broken stream when one leaves the page.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && (open(), refresh()));
}
