/** What every part of the page knows: dashboards, catalogue, and how loading them went. */

import { computed, signal } from "@preact/signals";
import { getCatalog, getDashboards } from "./api";
import { type View, view, viewNow } from "./address";
import { CONNECT, CONNECT_PAGE } from "./connect";
import { EXPLORE, exploreDashboard } from "./explore";
import { isBlind, tick } from "./live";
import { markKinds } from "./marks";
import { asStatus } from "./status";
import type { Catalog, Dashboard, Key, Status } from "./wire";
import { useUnits, type Writing } from "./units";

export const dashboards = signal<Dashboard[] | null>(null);
export const catalog = signal<Catalog | null>(null);
/** Whether programs have to send a token. */
export const needsToken = signal(false);
export const loadError = signal<string | null>(null);

/** The dashboard in the address, else the first. */
export const current = computed<Dashboard | null>(() => {
  const all = dashboards.value ?? [];
  if (view.value.dashboard === CONNECT) return CONNECT_PAGE;
  if (view.value.dashboard === EXPLORE) return exploreDashboard(view.value.question, catalog.value);
  return all.find((dashboard) => dashboard.id === view.value.dashboard) ?? (view.value.dashboard ? null : all[0] ?? null);
});

const RETRY_MS = 2000;

/** Load dashboards and catalogue; keeps trying until the server answers. */
export async function load(): Promise<void> {
  try {
    const [{ dashboards: pages, marks, token_needed: isGuarded }, tables] = await Promise.all([getDashboards(), getCatalog()]);
    needsToken.value = isGuarded;
    useUnits(tables.units);
    catalog.value = tables;
    markKinds.value = marks.panels;
    if (JSON.stringify(pages) !== JSON.stringify(dashboards.value)) dashboards.value = pages;
    loadError.value = null;
  } catch (error) {
    loadError.value = error instanceof Error ? error.message : String(error);
    setTimeout(() => void load(), RETRY_MS);
  }
}

/** The tags of which a page of one thing shows one value each. */
export function subjectsOf(page: Dashboard): string[] {
  return page.subject ? [...(page.within ?? []), page.subject] : [];
}

/** The page of one thing that a key names, or of one `about` a tag of it, under the page's other variables; null when there is none, or when it is this page. */
export function homeOf(key: Key, about?: string): Partial<View> | null {
  const isNamed = (page: Dashboard): boolean => Boolean(page.subject) && (!about || page.subject === about) && subjectsOf(page).every((tag) => key[tag]);
  const home = (dashboards.value ?? []).find(isNamed);
  if (!home) return null;
  const chosen = Object.fromEntries(subjectsOf(home).map((tag) => [tag, [key[tag] as string]]));
  const vars = { ...view.value.vars, ...chosen };
  const isHere = home.id === view.value.dashboard && subjectsOf(home).every((tag) => view.value.vars[tag]?.join() === key[tag]);
  return isHere ? null : { dashboard: home.id, vars, full: null, question: null };
}

/** Whether a page has a status: those that ask or connect have none. */
export function isJudged(id: string): boolean {
  return id !== EXPLORE && id !== CONNECT;
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
