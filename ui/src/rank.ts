/** Which series of many are drawn: the worst, and the others as one grey band, counted. */

import type { Status } from "./wire";
import { newestSlot, type Trace } from "./grid";
import { rank, shownStatus } from "./status";

export const MOST_DRAWN = 20;

export interface Ranked {
  drawn: Trace[];
  rest: Trace[];
}

/** Worst status first, then the worst newest value (largest, or smallest where small is bad), then by name so that ties stay in place. */
export function rankTraces(traces: readonly Trace[], now: number, most = MOST_DRAWN): Ranked {
  const scored = traces.map((trace) => ({ trace, status: rank(traceStatus(trace, now)), value: newestValue(trace) }));
  scored.sort((a, b) => b.status - a.status || worse(a.trace, b.value, a.value) || a.trace.id.localeCompare(b.trace.id));
  const order = (list: typeof scored): Trace[] => list.map((item) => item.trace);
  return { drawn: order(scored.slice(0, most)), rest: order(scored.slice(most)) };
}

function worse(trace: Trace, left: number, right: number): number {
  const sign = trace.thresholds?.above === false ? -1 : 1;
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return sign * (left - right);
}

export function newestValue(trace: Trace): number {
  return trace.values[newestSlot(trace.values)] ?? NaN;
}

export function traceStatus(trace: Trace, now: number): Status {
  return shownStatus(trace.series?.status ?? trace.verdict, trace.series, now);
}

/** Smallest and largest value of the rest per slot; NaN where none has one. */
export function envelope(rest: readonly Trace[], length: number): { low: Float64Array; high: Float64Array } {
  const low = new Float64Array(length).fill(NaN);
  const high = new Float64Array(length).fill(NaN);
  for (const { values } of rest) {
    for (let slot = 0; slot < length; slot++) {
      const value = values[slot] as number;
      if (Number.isNaN(value)) continue;
      if (!(value >= (low[slot] as number))) low[slot] = value;
      if (!(value <= (high[slot] as number))) high[slot] = value;
    }
  }
  return { low, high };
}
