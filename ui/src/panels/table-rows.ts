/** Rows of a table that are drawn again only when something in them has changed: most rows stay as they are from one answer to the next. */

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { seriesStatus } from "../ageing";
import { rowKey } from "../frames";
import type { Column, Frame, Series } from "../wire";

interface Drawn {
  signature: string;
  node: VNode;
}

export interface DrawnRows {
  /** The row of this name as it was drawn, or drawn now because its signature is another one. */
  row(name: string, signature: string, draw: (name: string) => VNode): VNode;
}

const MOST_KEPT = 2_000;

/** What was drawn of one table; nothing of it holds once anything in `changes` has changed. */
export function useDrawnRows(changes: readonly unknown[]): DrawnRows {
  const kept = useRef<{ changes: readonly unknown[]; rows: Map<string, Drawn> }>({ changes: [], rows: new Map() });
  const isSame = changes.length === kept.current.changes.length && changes.every((one, i) => one === kept.current.changes[i]);
  if (!isSame || kept.current.rows.size > MOST_KEPT) kept.current = { changes, rows: new Map() };
  const { rows } = kept.current;
  return {
    row(name, signature, draw) {
      const before = rows.get(name);
      if (before?.signature === signature) return before.node;
      const node = draw(name);
      rows.set(name, { signature, node });
      return node;
    },
  };
}

/** A name for each row that it keeps while others come and go: its tags and its time, numbered where that is not enough. */
export function namesOf(frame: Frame, tags: readonly Column[]): string[] {
  const time = frame.columns.find((column) => column.name === "ts" || column.name === "time")?.values;
  const isStored = frame.series.length === 0 || !tags.length;
  const counts = new Map<string, number>();
  return Array.from({ length: frame.rows }, (_, row) => {
    const name = `${JSON.stringify(rowKey(tags, row))}${isStored ? String(time?.[row] ?? "") : ""}`;
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count ? `${name}#${count}` : name;
  });
}

/** Everything that the picture of a row depends on; `at` is its place, where that is told. */
export function signatureOf(columns: readonly Column[], row: number, at: number | null, isStale: boolean, series: Series | null): string {
  const cells = columns.map((column) => `${String(column.values[row])}|${column.status?.[row] ?? ""}|${column.notes?.[row] ?? ""}`);
  return `${at}|${isStale}|${seriesStatus(series) ?? ""}|${series?.reason ?? ""}|${cells.join("|")}`;
}
