/** The address bar is the view: dashboard, variables, range, zone, pause and full screen live in the query string. */

import { computed, signal } from "@preact/signals";
import { beat } from "./clock";
import { EXPLORE, type Question, parseQuestion, writeQuestion } from "./explore";
import { SECOND_US, SPANS, type Zone } from "./time";
import type { Range } from "./wire";

export interface View {
  dashboard: string | null;
  /** Chosen values by variable; a variable without an entry means all. */
  vars: Record<string, string[]>;
  /** Length of the range in seconds. */
  spanS: number;
  /** End of the range in microseconds; null follows now. */
  endUs: number | null;
  zone: Zone;
  /** Panel that fills the page. */
  full: string | null;
  /** What the page Explore asks; null for what it asks at first. */
  question: Question | null;
}

const OWN = new Set(["dashboard", "range", "at", "zone", "panel"]);
const DEFAULT_SPAN_S = 3600;
const LONGEST_S = 366 * 86_400;

export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  const vars: Record<string, string[]> = {};
  for (const [name, value] of query) {
    if (!OWN.has(name) && !name.startsWith("x.") && value) (vars[name] ??= []).push(value);
  }
  const at = Date.parse(query.get("at") ?? "");
  return {
    dashboard: query.get("dashboard"),
    vars,
    spanS: parseSpan(query.get("range")),
    endUs: Number.isNaN(at) ? null : at * 1000,
    zone: query.get("zone") === "local" ? "local" : "utc",
    full: query.get("panel"),
    question: parseQuestion(query),
  };
}

export function writeView(view: View): string {
  const query = new URLSearchParams();
  if (view.dashboard) query.set("dashboard", view.dashboard);
  for (const name of Object.keys(view.vars).sort()) {
    for (const value of view.vars[name] ?? []) query.append(name, value);
  }
  if (view.spanS !== DEFAULT_SPAN_S) query.set("range", SPANS.find((span) => span.seconds === view.spanS)?.id ?? `${view.spanS}s`);
  if (view.endUs !== null) query.set("at", new Date(view.endUs / 1000).toISOString());
  if (view.zone === "local") query.set("zone", "local");
  if (view.full) query.set("panel", view.full);
  if (view.question && view.dashboard === EXPLORE) writeQuestion(view.question, query);
  const text = query.toString();
  return text ? `?${text}` : "?";
}

function parseSpan(text: string | null): number {
  const known = SPANS.find((span) => span.id === text);
  if (known) return known.seconds;
  const seconds = /^(\d+)s$/.exec(text ?? "")?.[1];
  return seconds ? Math.min(LONGEST_S, Math.max(1, Number(seconds))) : DEFAULT_SPAN_S;
}

export const view = signal<View>(parseView(typeof location === "undefined" ? "" : location.search));

/** The time that counts as now on the page: now while live, the end of the range otherwise. */
export const viewNow = computed(() => view.value.endUs ?? beat.value);
export const isLive = computed(() => view.value.endUs === null);

/** Change the view and the address with it; back undoes it. */
export function go(change: Partial<View>): void {
  const next = { ...view.value, ...change };
  const search = writeView(next);
  if (search !== writeView(view.value)) history.pushState(null, "", search);
  view.value = next;
}

/** The address of a changed view, for links. */
export function linkTo(change: Partial<View>): string {
  return writeView({ ...view.value, ...change });
}

export function followHistory(): void {
  addEventListener("popstate", () => (view.value = parseView(location.search)));
}

/** The range as the server wants it. */
export function rangeOf(v: Pick<View, "spanS" | "endUs">): Range {
  if (v.endUs === null) return { last_s: v.spanS };
  return { start_us: v.endUs - v.spanS * SECOND_US, end_us: v.endUs };
}

/** One range back (−1) or forth (1); never beyond now, where (or so near that nobody meant the difference) it becomes live again. */
export function step(direction: -1 | 1, now: number): void {
  const { endUs, spanS } = view.value;
  const next = (endUs ?? now) + direction * spanS * SECOND_US;
  if (endUs === null && direction === 1) return;
  const isNow = next >= now - Math.max(2, spanS * 0.02) * SECOND_US;
  go({ endUs: isNow ? null : Math.round(next / 1000) * 1000 });
}

export function toggleLive(now: number): void {
  go({ endUs: view.value.endUs === null ? Math.floor(now / SECOND_US) * SECOND_US : null });
}

/** The same length of time, this much later; beyond now is live. */
export function pan(seconds: number, now: number): void {
  const next = (view.value.endUs ?? now) + seconds * SECOND_US;
  go({ endUs: next >= now ? null : Math.round(next / 1000) * 1000 });
}

let beforeZoom: Pick<View, "spanS" | "endUs"> | null = null;

/** Show exactly this range on all panels. */
export function zoom(startUs: number, endUs: number): void {
  beforeZoom ??= { spanS: view.value.spanS, endUs: view.value.endUs };
  const spanS = Math.max(1, Math.ceil((endUs - startUs) / SECOND_US));
  go({ spanS, endUs: Math.round(endUs / 1000) * 1000 });
}

/** Back to the range from before the first zoom. */
export function unzoom(): void {
  if (beforeZoom) go(beforeZoom);
  beforeZoom = null;
}
