/** Starts the page. */

import { effect } from "@preact/signals";
import { render } from "preact";
import { followHistory } from "./address";
import { App } from "./app";
import { startBeat } from "./clock";
import { followKeys } from "./keys";
import { address } from "./api";
import { link, live } from "./live";
import { keepLastState } from "./panel-data";
import { load } from "./state";
import { followSystemTheme } from "./theme";

followSystemTheme();
followHistory();
followKeys();
startBeat();
keepLastState();
void load();
live.start();

/** Dashboards and tables may have changed while the link was away. */
let wasLost = false;
effect(() => {
  const { state } = link.value;
  if (state === "open" && wasLost) void load();
  wasLost = state === "lost";
});
addEventListener("online", () => live.hurry());
document.addEventListener("visibilitychange", () => !document.hidden && live.hurry());

// The worker lets the page open without its server; browsers allow one on secure pages and on this machine only.
if (isSecureContext && "serviceWorker" in navigator) void navigator.serviceWorker.register(address("worker.js")).catch(() => undefined);

// Reading the script was one task; drawing is another, so that neither is long.
setTimeout(() => render(<App />, document.getElementById("app") as HTMLElement));
