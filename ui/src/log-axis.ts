/** Which charts have a logarithmic axis on this device. */

import { signal } from "@preact/signals";
import type { Panel } from "./wire";

const STORE = "tapewatch.log";

function remembered(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string") : [];
  } catch {
    return [];
  }
}

const chosen = signal<ReadonlySet<string>>(new Set(remembered()));

/** Whether a panel has a logarithmic axis unless a person chose. */
export function isUsuallyLog(panel: Panel): boolean {
  return panel.kind === "histogram" || panel.options?.["axis"] === "log";
}

/** Whether a panel, named as dashboard/panel, has one; where it `usually` has, choosing takes it away. */
export function isLog(place: string, usually = false): boolean {
  return chosen.value.has(place) !== usually;
}

export function toggleLog(place: string): void {
  const next = new Set(chosen.value);
  if (!next.delete(place)) next.add(place);
  chosen.value = next;
  try {
    localStorage.setItem(STORE, JSON.stringify([...next]));
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the page.
  }
}
