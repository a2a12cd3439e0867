/** Status and staleness on the page. The server judges; the page only lets what it was told grow old. */

import type { Series, Status } from "./wire";

/** Worst last. */
export const ORDER: readonly Status[] = ["up", "unknown", "degraded", "down"];

/** Drawn with every status, so that colour is never alone. */
export const SHAPES: Record<Status, string> = { up: "●", degraded: "▲", down: "■", unknown: "?" };

export function rank(status: Status): number {
  return ORDER.indexOf(status);
}

export function worst(statuses: readonly Status[]): Status | null {
  return statuses.reduce<Status | null>((found, status) => (found === null || rank(status) > rank(found) ? status : found), null);
}

/** No series is stale within this time, as on the server. */
const FLOOR_US = 2_000_000;
/** What judging and pushing may take on a busy server. It judges first; the page takes over when nothing newer was told for longer than that. */
const GRACE_US = 4_000_000;
/** A server that is well has judged a series anew within this time; a good verdict that is older says nothing about now. */
const JUDGED_WITHIN_US = 15_000_000;

/** A word from outside as a status; everything that is not one is unknown. */
export function asStatus(word: unknown): Status {
  return ORDER.includes(word as Status) ? (word as Status) : "unknown";
}

/** True when the server said stale, or when twice the expected spacing has passed since the newest row and no newer one was told. */
export function isStale(series: Series, now: number): boolean {
  return series.stale === true || hasAged(series, now, GRACE_US);
}

function hasAged(series: Series, now: number, graceUs: number): boolean {
  if (!series.expected_us || !series.newest_us) return false;
  return now - series.newest_us > Math.max(2 * series.expected_us, FLOOR_US) + graceUs;
}

/** Whether the silence of a series says nothing about it: it would have been late only after nothing could be heard any more. */
export function isUnheard(series: Series, deafSinceUs: number): boolean {
  if (series.stale !== true || !series.expected_us || !series.newest_us) return false;
  return series.newest_us + Math.max(2 * series.expected_us, FLOOR_US) > deafSinceUs;
}

/** The server's verdict, except that a good one which has long been without a newer row is no longer known. */
export function shownStatus(verdict: Status, series: Series | null, now: number): Status {
  if (verdict === "up" && series && series.stale !== true && hasAged(series, now, JUDGED_WITHIN_US)) return "unknown";
  return verdict;
}
