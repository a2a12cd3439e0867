/** What every part of the page knows: dashboards, catalogue, and how loading them went. */

import { computed, signal } from "@preact/signals";
import { getCatalog, getDashboards } from "./api";
import { view, viewNow } from "./address";
import { isBlind, tick } from "./live";
import { asStatus } from "./status";
import type { Catalog, Dashboard, Status } from "./wire";
import { useUnits, type Writing } from "./units";

export const dashboards = signal<Dashboard[] | null>(null);
export const catalog = signal<Catalog | null>(null);
export const loadError = signal<string | null>(null);

/** The dashboard in the address, else the first. */
export const current = computed<Dashboard | null>(() => {
  const all = dashboards.value ?? [];
  return all.find((dashboard) => dashboard.id === view.value.dashboard) ?? (view.value.dashboard ? null : all[0] ?? null);
});

const RETRY_MS = 2000;

/** Load dashboards and catalogue; keeps trying until the server answers. */
export async function load(): Promise<void> {
  try {
    const [pages, tables] = await Promise.all([getDashboards(), getCatalog()]);
    useUnits(tables.units);
    catalog.value = tables;
    if (JSON.stringify(pages) !== JSON.stringify(dashboards.value)) dashboards.value = pages;
    loadError.value = null;
  } catch (error) {
    loadError.value = error instanceof Error ? error.message : String(error);
    setTimeout(() => void load(), RETRY_MS);
  }
}

/** Worst status of a dashboard; unknown without a link, because what was told is then the past. */
export function dashboardStatus(id: string): { status: Status; wrong: number | null } {
  const told = tick.value?.dashboards[id];
  if (!told || isBlind.value) return { status: "unknown", wrong: null };
  return { status: asStatus(told.status), wrong: told.wrong };
}

/** How values are written now. */
export function writing(options?: Record<string, unknown>): Writing {
  const how: Writing = { zone: view.value.zone, now: viewNow.peek() };
  if (typeof options?.["true_word"] === "string") how.trueWord = options["true_word"];
  if (typeof options?.["false_word"] === "string") how.falseWord = options["false_word"];
  return how;
}
