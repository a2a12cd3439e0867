/** The small curves that come with a frame, by the key of their row. */

import { useMemo } from "preact/hooks";
import { keyId } from "./frames";
import { Grid, type Trace } from "./grid";
import type { Frame, Key } from "./wire";

export interface Sparks {
  grid: Grid;
  of(key: Key): Trace | undefined;
}

export function useSparks(spark: Frame | null | undefined): Sparks | null {
  return useMemo(() => (spark ? sparksOf(spark) : null), [spark]);
}

/** The first measure of each series. */
export function sparksOf(spark: Frame): Sparks {
  const grid = new Grid();
  grid.apply(spark, null);
  const byKey = new Map<string, Trace>();
  for (const trace of grid.traces.values()) {
    const id = keyId(trace.key);
    if (!byKey.has(id)) byKey.set(id, trace);
  }
  const tags = [...new Set([...grid.traces.values()].flatMap((trace) => Object.keys(trace.key)))];
  return {
    grid,
    of: (key) => byKey.get(keyId(Object.fromEntries(tags.filter((tag) => tag in key).map((tag) => [tag, key[tag] ?? null])))),
  };
}
