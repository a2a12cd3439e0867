/** Frames for tests, in the server's form. */

import type { Cell, Column, Frame, Series } from "../src/wire";

export const S = 1_000_000;
/** A full minute, so that buckets align. */
export const T0 = 1_700_000_040 * S;

export function series(key: Record<string, string>, more: Partial<Series> = {}): Series {
  return { key, sources: ["bot"], status: "up", reason: "", since_us: T0, newest_us: T0, expected_us: 5 * S, stale: false, holes: [], ...more };
}

export function column(name: string, kind: string, values: Cell[], more: Partial<Column> = {}): Column {
  return { name, kind, unit: null, sentence: name, values, ...more };
}

export function frame(columns: Column[], more: Partial<Frame> = {}): Frame {
  return {
    table: "exchange", columns, rows: columns[0]?.values.length ?? 0, series: [], start_us: T0, end_us: T0 + 60 * S, bucket_us: null, newest_us: T0, as_of_us: T0 + 60 * S,
    query_ms: 1, rows_behind: 10, tier: "raw", truncated: false, state: "live", error: null, spark: null, ...more,
  };
}

/** A bucketed frame of one measure: rows are [bucket number, venue, value]; buckets are 10 s wide. */
export function bucketed(rows: [number, string, Cell][], more: Partial<Frame> = {}, measure: Partial<Column> = {}): Frame {
  const venues = [...new Set(rows.map((row) => row[1]))];
  return frame(
    [
      column("bucket", "time", rows.map((row) => T0 + row[0] * 10 * S), { unit: "us" }),
      column("venue", "tag", rows.map((row) => row[1])),
      column("latency_ms", "gauge", rows.map((row) => row[2]), { unit: "ms", ...measure }),
    ],
    { bucket_us: 10 * S, series: venues.map((venue) => series({ venue })), ...more },
  );
}
