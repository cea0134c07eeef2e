// The service worker: hears pushes, and has one page to show when there is no network. It keeps nothing else.

const KEPT = "allo-offline-1";
const OFFLINE = "/offline";
const STYLES = "/static/offline/";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(KEPT);
    const response = await fetch(OFFLINE, { cache: "reload" });
    const html = await response.clone().text();
    // Its styles come with it: the page is of no use without them.
    const styles = [...html.matchAll(/href="(\/static\/[^"]+\.css)"/g)].map((found) => found[1]);
    await cache.put(OFFLINE, response);
    await cache.addAll(styles);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  } else if (new URL(request.url).pathname.startsWith(STYLES)) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
  }
});

self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data.json();
  } catch {
    // A push service may wake us with nothing.
  }
  event.waitUntil(self.registration.showNotification(told.title ?? "Allo", {
    body: told.body ?? "",
    tag: told.tag ?? "allo",
    data: { url: told.url ?? "/notices" },
    icon: "/static/latest/icons/allo-192.png",
    badge: "/static/latest/icons/allo-badge.png",
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "/", self.location.origin);
  if (url.origin !== self.location.origin) return;
  event.waitUntil((async () => {
    const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = open.find((client) => new URL(client.url).pathname === url.pathname) ?? open[0];
    if (!there) return self.clients.openWindow(url.href);
    await there.focus();
    if (new URL(there.url).pathname !== url.pathname) {
      try {
        await there.navigate(url.href);
      } catch {
        await self.clients.openWindow(url.href);
      }
    }
  })());
});
