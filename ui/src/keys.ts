/** The keyboard: one list of keys, which is also what the help shows. */

import { signal } from "@preact/signals";
import { go, step, toggleLive, view } from "./address";
import { nowUs } from "./clock";
import { CONNECT_PAGE } from "./connect";
import { exploreDashboard } from "./explore";
import { exportPanel } from "./export";
import { current, dashboards } from "./state";
import { isSearchOpen } from "./search-open";
import { toggleTheme } from "./theme";
import type { Dashboard } from "./wire";

export const isHelpOpen = signal(false);

export const KEYS: readonly { keys: string[]; what: string }[] = [
  { keys: ["?"], what: "This list" },
  { keys: ["g", "…"], what: "Go to a dashboard, by its letter" },
  { keys: ["/", "Ctrl K"], what: "Search" },
  { keys: ["t"], what: "Time range" },
  { keys: ["["], what: "One range back" },
  { keys: ["]"], what: "One range forth" },
  { keys: ["l"], what: "Live or paused" },
  { keys: ["f"], what: "Full screen for the panel under the pointer, or with focus" },
  { keys: ["e"], what: "Export the panel under the pointer, or with focus, as CSV" },
  { keys: ["d"], what: "Dark or light" },
  { keys: ["Esc"], what: "Close" },
];

/** A letter for each dashboard: the first of its title that is still free. */
export function lettersOf(all: readonly Pick<Dashboard, "id" | "title">[]): Map<string, string> {
  const letters = new Map<string, string>();
  for (const { id, title } of all) {
    const letter = [...`${title.toLowerCase()}abcdefghijklmnopqrstuvwxyz`].find((one) => /[a-z]/.test(one) && !letters.has(one));
    if (letter) letters.set(letter, id);
  }
  return letters;
}

/** What the rail lists: dashboards that are no page of one thing, Explore and Connect. */
export function pagesOf(all: readonly Dashboard[]): Dashboard[] {
  return all.length ? [...all.filter((one) => !one.subject), exploreDashboard(null, null), CONNECT_PAGE] : [];
}

const G_WAIT_MS = 1500;
let gPressedAt = -Infinity;

export function followKeys(): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      isSearchOpen.value = true;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, select")) return;
    if (press(event.key, event.timeStamp)) event.preventDefault();
  });
}

function press(key: string, at: number): boolean {
  if (at - gPressedAt < G_WAIT_MS) {
    gPressedAt = -Infinity;
    const id = lettersOf(pagesOf(dashboards.value ?? [])).get(key);
    if (id) go({ dashboard: id, full: null });
    return id !== undefined;
  }
  switch (key) {
    case "?":
      isHelpOpen.value = !isHelpOpen.value;
      return true;
    case "g":
      gPressedAt = at;
      return true;
    case "/":
      isSearchOpen.value = true;
      return true;
    case "e":
      return exportPanel(pointedPanel());
    case "t":
      document.querySelector<HTMLElement>('[data-key="t"]')?.click();
      return true;
    case "[":
      step(-1, nowUs());
      return true;
    case "]":
      step(1, nowUs());
      return true;
    case "l":
      toggleLive(nowUs());
      return true;
    case "f":
      return toggleFull();
    case "d":
      toggleTheme();
      return true;
    case "Escape":
      if (document.querySelector(":popover-open, dialog[open]") || !view.value.full) return false;
      go({ full: null });
      return true;
    default:
      return false;
  }
}

/** The panel under the pointer, else the one with focus, else the first fills the page. */
function toggleFull(): boolean {
  if (view.value.full) {
    go({ full: null });
    return true;
  }
  const id = pointedPanel();
  if (id) go({ full: id });
  return id !== undefined;
}

function pointedPanel(): string | undefined {
  const hovered = [...document.querySelectorAll<HTMLElement>("[data-panel]:hover")].at(-1);
  const focused = document.activeElement?.closest<HTMLElement>("[data-panel]");
  return (hovered ?? focused)?.dataset["panel"] ?? current.value?.panels[0]?.id;
}
