/** What each panel showed last, kept on this device: a page that opens without its server shows that, as old as it is. */

import { address } from "./api";
import { tagColumns } from "./frames";
import type { Grid } from "./grid";
import type { Cell, Column, Frame } from "./wire";

const STORE = "tapewatch.state";
/** What is older says nothing any more. */
const KEPT_US = 24 * 3600 * 1e6;

export interface Kept {
  frame: Frame;
  /** Server time at which the link was last heard. */
  heardUs: number;
}

/** Browsers keep nothing for pages that came over plain HTTP from another host. */
function isPossible(): boolean {
  return typeof caches !== "undefined" && isSecureContext;
}

function nameOf(asked: string): string {
  return address(`state/${encodeURIComponent(asked)}`);
}

export async function keep(asked: string, kept: Kept): Promise<void> {
  if (!isPossible()) return;
  try {
    await (await caches.open(STORE)).put(nameOf(asked), new Response(JSON.stringify(kept)));
  } catch {
    // The device is full or private: the page works as long as its server answers.
  }
}

export async function recall(asked: string, nowUs: number): Promise<Kept | null> {
  if (!isPossible()) return null;
  try {
    const answer = await (await caches.open(STORE)).match(nameOf(asked));
    const kept = (await answer?.json()) as Kept | undefined;
    return kept && nowUs - kept.heardUs < KEPT_US ? kept : null;
  } catch {
    return null;
  }
}

/** The values of a chart as the frame that they came in; null for several measures, whose rows cannot be told apart. */
export function frameOfGrid(grid: Grid, frame: Frame): Frame | null {
  const traces = [...grid.traces.values()];
  const measure = frame.columns.find((column) => column.name === traces[0]?.measure);
  if (!measure || traces.some((trace) => trace.measure !== measure.name)) return null;
  const tags = tagColumns(frame);
  const rows: { us: number; value: Cell; key: Record<string, string | null> }[] = [];
  for (const trace of traces) {
    for (let slot = 0; slot < grid.length; slot++) {
      const value = trace.values[slot] as number;
      const us = grid.timeUs(slot);
      if (!Number.isNaN(value) || trace.nulls.has(us)) rows.push({ us, value: Number.isNaN(value) ? null : value, key: trace.key });
    }
  }
  rows.sort((a, b) => a.us - b.us);
  const first = frame.columns[0] as Column;
  const columns: Column[] = [
    { ...first, values: rows.map((row) => row.us) },
    ...tags.map((tag): Column => ({ ...tag, values: rows.map((row) => row.key[tag.name] ?? null) })),
    { ...measure, values: rows.map((row) => row.value), status: null, notes: null },
  ];
  return { ...frame, columns, rows: rows.length };
}
