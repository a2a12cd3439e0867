// Keeps the page itself at hand, so that it opens without the server and says since when it knows nothing. It never answers a question:
// what was shown last is kept by the page, marked as what it is.
const STORE = "tapewatch.page";
const DATA = new Set(["api/dashboards", "api/catalog"]);
const FILES = /^(assets\/[^/]+|theme\.js|icon[^/]*|manifest\.webmanifest)$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = request.url.startsWith(self.registration.scope) ? request.url.slice(self.registration.scope.length).split("?")[0] : null;
  if (request.method !== "GET" || path === null) return;
  if (path.startsWith("assets/")) event.respondWith(fromStoreFirst(request));
  else if (request.mode === "navigate" && !path.includes("docs")) event.respondWith(fromServerFirst(request, self.registration.scope));
  else if (DATA.has(path) || FILES.test(path)) event.respondWith(fromServerFirst(request, request.url));
});

/** Files under assets carry a digest in their name and never change. */
async function fromStoreFirst(request) {
  const store = await caches.open(STORE);
  const kept = await store.match(request.url);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await store.put(request.url, answer.clone());
  return answer;
}

/** The server's answer; what it answered last when it does not. An answer that asks to sign in is passed on and not kept. */
async function fromServerFirst(request, name) {
  const store = await caches.open(STORE);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) {
      await store.put(name, answer.clone());
      if (request.mode === "navigate") await forgetOld(store, await answer.clone().text());
    }
    return answer;
  } catch (failure) {
    const kept = await store.match(name);
    if (kept) return kept;
    throw failure;
  }
}

/** Files of an older page are of no use once a newer one has come. */
async function forgetOld(store, page) {
  for (const { url } of await store.keys()) {
    const file = /assets\/[^/?]+$/.exec(url)?.[0];
    if (file && !page.includes(file)) await store.delete(url);
  }
}
