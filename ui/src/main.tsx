/** Starts the page. */

import { effect } from "@preact/signals";
import { render } from "preact";
import { followHistory } from "./address";
import { App } from "./app";
import { startBeat } from "./clock";
import { followKeys } from "./keys";
import { link, live } from "./live";
import { load } from "./state";
import { followSystemTheme } from "./theme";

followSystemTheme();
followHistory();
followKeys();
startBeat();
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

render(<App />, document.getElementById("app") as HTMLElement);
